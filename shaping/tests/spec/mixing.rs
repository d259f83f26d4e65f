//! Normalisers, clipping, schedules and the three mixes, by hand. `echo` pays the number of the letter that it comes to.

use prospect_shaping::{ExtrinsicConfig, Mixed, RewardStack, Schedule};

use crate::toy::{assert_close, go_on, rollout, rollouts, run, stack, tensors, try_stack};

fn echo(keys: &str) -> String {
    format!("[[reward]]\nkind = \"echo\"\n{keys}\n")
}

/// The mixed channel of `echo` with these keys, weight 1.
fn mixed(keys: &str, tapes: &[&str]) -> Vec<f32> {
    run(&mut stack(&echo(keys), tapes.len()), &rollout(tapes))
        .channels
        .remove(0)
        .mixed
}

#[test]
fn running_std_takes_the_present_rollout_in_before_use() {
    let mut stack = stack(&echo("normalise = \"running_std\""), 1);
    let parts = rollouts(&["abdfb"], 2);
    // 1, 3: standard deviation 1. Then 1, 3, 5, 1: mean 2.5, variance 2.75.
    assert_close(&run(&mut stack, &parts[0]).task, &[1.0, 3.0]);
    let std = 2.75f64.sqrt();
    assert_close(&go_on(&mut stack, &parts[1]).task, &[5.0 / std, 1.0 / std]);
}

#[test]
fn return_std_filters_along_time_and_not_over_envs() {
    let keys = "normalise = \"return_std\"\ngamma = 0.5\nepisodic = false";
    // Actor 0 is paid 1, 1, 1: returns 1, 1.5, 1.75. Actor 1: 2, 0, 2: returns 2, 1, 2.5. Over all six: mean 1.625.
    let std = (1.71875f64 / 6.0).sqrt();
    let want: Vec<f64> = [1.0, 2.0, 1.0, 0.0, 1.0, 2.0].iter().map(|r| r / std).collect();
    assert_close(&mixed(keys, &["abbb", "acac"]), &want);
}

#[test]
fn return_std_goes_on_over_rollouts() {
    let mut stack = stack(
        &echo("normalise = \"return_std\"\ngamma = 0.5\nepisodic = false"),
        1,
    );
    let parts = rollouts(&["abbbb"], 2);
    // Returns 1, 1.5: standard deviation 0.25.
    assert_close(&run(&mut stack, &parts[0]).task, &[4.0, 4.0]);
    // Then 1.75 and 1.875, not 1 and 1.5 once more.
    let returns = [1.0f64, 1.5, 1.75, 1.875];
    let mean = returns.iter().sum::<f64>() / 4.0;
    let std = (returns.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 4.0).sqrt();
    assert_close(&go_on(&mut stack, &parts[1]).task, &[1.0 / std, 1.0 / std]);
}

#[test]
fn return_std_of_episodes_starts_again_where_they_end() {
    let keys = |episodic| format!("normalise = \"return_std\"\ngamma = 0.5\nepisodic = {episodic}");
    // Paid 1 and 1 in two episodes. Going on: returns 1, 1.5, standard deviation 0.25.
    assert_close(&mixed(&keys(false), &["ab.ab"]), &[4.0, 4.0]);
    assert_close(&mixed(&keys(false), &["ab!ab"]), &[4.0, 4.0]);
    // Starting again: returns 1, 1, no spread, so the rewards stay.
    assert_close(&mixed(&keys(true), &["ab.ab"]), &[1.0, 1.0]);
    assert_close(&mixed(&keys(true), &["ab!ab"]), &[1.0, 1.0]);
}

#[test]
fn min_max_spans_the_rollout_and_survives_a_constant() {
    assert_close(&mixed("normalise = \"min_max\"", &["bcde"]), &[0.0, 0.5, 1.0]);
    assert_close(&mixed("normalise = \"min_max\"", &["abbb"]), &[0.0, 0.0, 0.0]);
}

#[test]
fn standardise_moves_mean_and_spread_as_deir() {
    // Paid 1, 3: mean 0.9 * 0 + 0.1 * 2 = 0.2; mean of (x - 0.2)^2 is 4.24; variance 0.9 * 1 + 0.1 * 4.24 = 1.324.
    let std = 1.324f64.sqrt() + 1e-5;
    let keys = "normalise = \"standardise\"";
    assert_close(&mixed(keys, &["abd"]), &[0.8 / std, 2.8 / std]);
    // With momentum 0 only the present rollout counts: mean 2, variance 1.
    let keys = "normalise = \"standardise\"\nnormalise_momentum = 0";
    assert_close(&mixed(keys, &["abd"]), &[-1.0 / 1.00001, 1.0 / 1.00001]);
}

#[test]
fn clipping_comes_after_normalising() {
    assert_close(&mixed("clip = 2", &["abcd"]), &[1.0, 2.0, 2.0]);
    assert_close(&mixed("clip = [1.5, 2.5]", &["abcd"]), &[1.5, 2.0, 2.5]);
    assert_close(
        &mixed("clip = 0.75\nnormalise = \"min_max\"", &["bcde"]),
        &[0.0, 0.5, 0.75],
    );
    assert_close(&mixed("clip = 2\nweight = 10", &["abcd"]), &[10.0, 20.0, 20.0]);
}

#[test]
fn weights_follow_their_schedules() {
    let mut stack = stack(&echo("weight = { start = 1.0, end = 0.5, frames = 100 }"), 1);
    let rollout = rollout(&["ac"]);
    stack.begin(&rollout).unwrap();
    stack.observe(&rollout, 0);
    for (frames, expected) in [(0, 2.0), (50, 1.5), (100, 1.0), (9999, 1.0)] {
        let mixed = stack.label(&rollout, &tensors(&rollout), frames).unwrap();
        assert_close(&mixed.task, &[expected]);
        assert_eq!(mixed.metrics["reward/echo/weight"], expected / 2.0);
    }
}

#[test]
fn add_sums_the_weighted_channels_and_the_task() {
    let text = format!(
        "{}{}",
        echo("weight = 0.5"),
        "[[reward]]\nkind = \"first_visit\"\nweight = 10.0\n"
    );
    let extrinsic = ExtrinsicConfig {
        weight: Schedule::Constant(2.0),
    };
    let mut stack = try_stack(&text, 1, extrinsic).unwrap();
    // Steps to b, b, and c where the episode terminates with reward 1.
    let mixed = run(&mut stack, &rollout(&["abbc.a"]));
    assert_close(&mixed.task, &[0.5 + 10.0, 0.5, 1.0 + 10.0 + 2.0]);
    assert!(mixed.streams.is_empty() && mixed.advantage.is_empty());
    assert_close(&mixed.channels[0].mixed, &[0.5, 0.5, 1.0]);
    assert_close(&mixed.channels[1].mixed, &[10.0, 0.0, 10.0]);
}

#[test]
fn an_own_value_head_gets_a_stream_and_the_task_none_of_it() {
    let text =
        echo("mix = \"own_value_head\"\nweight = 0.5\ngamma = 0.8\ngae_lambda = 0.7\nepisodic = false");
    let mut stack = stack(&text, 1);
    let spec = stack.streams().remove(0);
    assert_eq!((spec.gamma, spec.gae_lambda, spec.episodic), (0.8, 0.7, false));
    let mixed = run(&mut stack, &rollout(&["acc.a"]));
    assert_close(&mixed.task, &[0.0, 1.0]);
    let stream = &mixed.streams[0];
    assert_eq!(
        (
            stream.name.as_str(),
            stream.weight,
            stream.gamma,
            stream.gae_lambda
        ),
        ("echo", 0.5, 0.8, 0.7)
    );
    assert!(!stream.episodic);
    assert_close(&stream.reward, &[2.0, 2.0]);
    assert_close(&mixed.channels[0].mixed, &[1.0, 1.0]);
}

#[test]
fn an_advantage_term_stays_out_of_rewards() {
    let mixed = run(
        &mut stack(&echo("mix = \"advantage\"\nweight = 0.5"), 1),
        &rollout(&["acc.a"]),
    );
    assert_close(&mixed.task, &[0.0, 1.0]);
    assert!(mixed.streams.is_empty());
    assert_eq!(
        (mixed.advantage[0].name.as_str(), mixed.advantage[0].weight),
        ("echo", 0.5)
    );
    assert_close(&mixed.advantage[0].value, &[2.0, 2.0]);
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn weight_zero_runs_and_adds_nothing() {
    let rollout = rollout(&["abcb.a", "bcba.c"]);
    let without: Mixed = run(&mut stack("", 2), &rollout);
    let mut with: RewardStack = stack(&echo("weight = 0"), 2);
    let mixed = run(&mut with, &rollout);
    assert_eq!(bits(&mixed.task), bits(&without.task));
    assert!(mixed.channels[0].mixed.iter().all(|x| *x == 0.0));
    assert_close(&mixed.channels[0].raw, &[1.0, 2.0, 2.0, 1.0, 1.0, 0.0]);
    assert_eq!(mixed.metrics["reward/echo/raw_max"], 2.0);
    let task: Vec<f32> = rollout.reward().iter().map(|r| *r as f32).collect();
    assert_eq!(without.task, task);
}

#[test]
fn sizes_of_channels_are_logged() {
    let mixed = run(&mut stack(&echo("weight = 0.5"), 1), &rollout(&["abdd.a"]));
    let metric = |name: &str| mixed.metrics[&format!("reward/{name}")];
    // Raw 1, 3, 3.
    assert!((metric("echo/raw_mean") - 7.0 / 3.0).abs() < 1e-12);
    assert!((metric("echo/raw_std") - (8.0f64 / 9.0).sqrt()).abs() < 1e-12);
    assert_eq!((metric("echo/raw_min"), metric("echo/raw_max")), (1.0, 3.0));
    assert!((metric("echo/mixed_mean") - 3.5 / 3.0).abs() < 1e-6);
    assert!((metric("extrinsic/raw_mean") - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(metric("extrinsic/weight"), 1.0);
}

#[test]
fn a_reward_that_is_no_number_is_refused_with_its_place() {
    let mut stack = stack(&echo(""), 2);
    let rollout = rollout(&["abc", "aby"]);
    stack.begin(&rollout).unwrap();
    stack.observe(&rollout, 0);
    stack.observe(&rollout, 1);
    let message = stack
        .label(&rollout, &tensors(&rollout), 0)
        .unwrap_err()
        .to_string();
    assert_eq!(message, "reward `echo`: its reward became NaN at step 1, actor 1");
}

#[test]
fn foreign_rollouts_are_refused() {
    let mut stack = stack(&echo(""), 2);
    let message = stack.begin(&rollout(&["ab"])).unwrap_err().to_string();
    assert!(
        message.contains("has 1 actors, the stack was made for 2"),
        "{message}"
    );
    let layout = crate::toy::layout(2, &[]);
    let bare = prospect_sim::Rollout::new(&layout, 1);
    let message = stack.begin(&bare).unwrap_err().to_string();
    assert!(message.contains("holds no fact `agent_x`"), "{message}");
    let mut unwatched = crate::toy::stack("[[reward]]\nkind = \"count\"", 2);
    let rollout = rollout(&["ab", "ab"]);
    let message = unwatched
        .label(&rollout, &tensors(&rollout), 0)
        .unwrap_err()
        .to_string();
    assert!(message.contains("was not observed"), "{message}");
}
