//! RND, ICM and `NovelD`: what they pay for, and that training takes it away. Values against PyTorch are in
//! `src/curiosity/golden.rs`.

use prospect_shaping::{Metrics, RewardStack};
use prospect_sim::Rollout;

use crate::toy::{assert_close, random_tapes, raw, rollout, run, stack, tensors};

fn learn(stack: &mut RewardStack, rollout: &Rollout, times: usize) -> (Metrics, Metrics) {
    let first = stack.learn(rollout, &tensors(rollout)).unwrap();
    let mut last = first.clone();
    for _ in 0..times {
        last = stack.learn(rollout, &tensors(rollout)).unwrap();
    }
    (first, last)
}

fn raw_of(stack: &mut RewardStack, tapes: &[&str]) -> Vec<f32> {
    run(stack, &rollout(tapes)).channels.remove(0).raw
}

/// Trains on walks between a and g, which are all that is seen, and gives the channel of `tape` before and after.
fn before_and_after(text: &str, tape: &str) -> (Vec<f32>, Vec<f32>) {
    let mut stack = stack(text, 1);
    let tapes = random_tapes(1, 64, 3);
    let seen = rollout(&[&tapes[0]]);
    let before = raw_of(&mut stack, &[tape]);
    run(&mut stack, &seen);
    learn(&mut stack, &seen, 200);
    (before, raw_of(&mut stack, &[tape]))
}

#[test]
fn rnd_forgets_to_pay_for_what_it_has_seen() {
    for encoder in ["onehot", "flat"] {
        let text = format!(
            "[[reward]]\nkind = \"rnd\"\nencoder = \"{encoder}\"\nhidden = 32\nlr = 0.003\nminibatch = 32"
        );
        // b to f are seen in training, k is not.
        let (before, after) = before_and_after(&text, "abcdefk");
        for (before, after) in before.iter().zip(&after[..5]) {
            assert!(after < &(0.05 * before), "{encoder}: {before} became {after}");
        }
        let most = after[..5].iter().fold(0f32, |a, b| a.max(*b));
        assert!(after[5] > 5.0 * most, "{encoder}: {after:?}");
    }
}

#[test]
fn rnd_looks_at_the_next_observation_alone() {
    let text = "[[reward]]\nkind = \"rnd\"\nhidden = 8";
    let channel = raw(text, &["abcb.eb!cb"]);
    // Every step to b is paid the same, also where b is the final observation of an episode.
    assert_eq!(channel[0], channel[2]);
    assert_eq!(channel[0], channel[3]);
    assert_eq!(channel[0], channel[4]);
    assert!(channel[0] != channel[1] && channel[0] > 0.0);
}

#[test]
fn priming_begins_the_whitening_and_touches_no_network() {
    let text = "[[reward]]\nkind = \"rnd\"\nhidden = 8\nprime_steps = 7";
    let mut primed = stack(text, 1);
    assert_eq!(primed.needs().prime_steps, 7);
    let rollout = rollout(&["abcdefgh"]);
    let without = raw_of(&mut stack(text, 1), &["abc"]);
    primed.prime(&rollout, &tensors(&rollout)).unwrap();
    assert!(raw_of(&mut primed, &["abc"]) != without);
    // One-hot input has nothing to whiten and asks for no priming.
    assert_eq!(
        stack(&format!("{text}\nencoder = \"onehot\""), 1)
            .needs()
            .prime_steps,
        0
    );
    let plain = format!("{text}\nwhiten = false");
    let mut unwhitened = stack(&plain, 1);
    assert_eq!(unwhitened.needs().prime_steps, 0);
    unwhitened.prime(&rollout, &tensors(&rollout)).unwrap();
    assert_eq!(
        raw_of(&mut unwhitened, &["abc"]),
        raw_of(&mut stack(&plain, 1), &["abc"])
    );
}

#[test]
fn streams_are_drawn_by_name() {
    let named = |name: &str| {
        raw(
            &format!("[[reward]]\nkind = \"rnd\"\nhidden = 8\nname = \"{name}\""),
            &["abc"],
        )
    };
    assert_eq!(named("one"), named("one"));
    assert!(named("one") != named("two"));
}

#[test]
fn icm_learns_actions_and_effects() {
    let text = "[[reward]]\nkind = \"icm\"\nhidden = 32\nfeatures = 16\nlr = 0.003\nminibatch = 32";
    let tapes = random_tapes(2, 64, 5);
    let seen = rollout(&[&tapes[0], &tapes[1]]);
    let mut stack = stack(text, 2);
    run(&mut stack, &seen);
    let (first, last) = learn(&mut stack, &seen, 150);
    // The toy's actions say where a step leads, so that they can be told from it: even odds of three cost ln 3 = 1.1.
    assert!(first["reward/icm/inverse_loss"] > 0.5, "{first:?}");
    assert!(last["reward/icm/inverse_loss"] < 0.05, "{last:?}");
    assert!(
        last["reward/icm/forward_loss"] < first["reward/icm/forward_loss"],
        "{first:?} {last:?}"
    );
}

#[test]
fn icm_pays_more_for_effects_that_it_has_not_seen() {
    // Always the same ring; then a step of it against a step to a place never seen.
    let text = "[[reward]]\nkind = \"icm\"\nhidden = 32\nfeatures = 16\nlr = 0.003\nminibatch = 16";
    let mut stack = stack(text, 1);
    let ring = rollout(&["abcdabcdabcdabcda"]);
    run(&mut stack, &ring);
    learn(&mut stack, &ring, 200);
    let channel = raw_of(&mut stack, &["abck"]);
    assert!(channel[2] > 10.0 * channel[0].max(channel[1]), "{channel:?}");
}

#[test]
fn icm_reward_scales_with_eta() {
    let text = |eta: f64| format!("[[reward]]\nkind = \"icm\"\nhidden = 8\neta = {eta}");
    let (one, three) = (raw(&text(1.0), &["abcd"]), raw(&text(3.0), &["abcd"]));
    assert_close(
        &three,
        &one.iter().map(|r| 3.0 * f64::from(*r)).collect::<Vec<_>>(),
    );
}

#[test]
fn noveld_is_the_rise_of_rnds_error_at_first_visits() {
    // Under one name both modules draw the same networks. RND pays half the square of the length that NovelD compares.
    let tapes = ["abbcad.eba!cd", "gfedcb.fefe!a"];
    let common = "name = \"same\"\nencoder = \"onehot\"\nhidden = 8\nfeatures = 4\n";
    let rnd = raw(&format!("[[reward]]\nkind = \"rnd\"\n{common}"), &tapes);
    let first = raw("[[reward]]\nkind = \"first_visit\"", &tapes);
    let noveld = raw(
        &format!("[[reward]]\nkind = \"noveld\"\nalpha = 0.7\n{common}"),
        &tapes,
    );
    // What each step began from, as steps that lead there.
    let begins = rollout(&tapes);
    let length = |squares: f32| (2.0 * f64::from(squares)).sqrt();
    let mut lengths = std::collections::BTreeMap::new();
    let image = |rollout: &Rollout, t: usize, k: usize| {
        let mut bytes = Vec::new();
        rollout
            .observation_row(0, t)
            .slice(k * 6..(k + 1) * 6)
            .extend_bytes(&mut bytes);
        bytes
    };
    for (at, squares) in rnd.iter().enumerate() {
        let mut bytes = Vec::new();
        begins
            .next_observation(0, at / 2, at % 2)
            .extend_bytes(&mut bytes);
        lengths.insert(bytes, length(*squares));
    }
    // Every letter but the two that only begin (g, and a of actor 1's last row) is led to somewhere.
    for (at, reward) in noveld.iter().enumerate() {
        let Some(present) = lengths.get(&image(&begins, at / 2, at % 2)) else {
            continue;
        };
        let rise = (length(rnd[at]) - 0.7 * present).max(0.0);
        let want = if first[at] == 1.0 { rise } else { 0.0 };
        assert!(
            (f64::from(*reward) - want).abs() < 1e-5,
            "step {at}: {reward} against {want}"
        );
    }
    assert!(noveld.iter().any(|r| *r > 0.0));
    assert!(
        noveld
            .iter()
            .zip(&first)
            .any(|(r, first)| *first == 1.0 && *r == 0.0)
    );
}

#[test]
fn noveld_pays_no_repeat_visit() {
    let text = "[[reward]]\nkind = \"noveld\"\nalpha = 0.0\nhidden = 8";
    let channel = raw(text, &["ababcb.ab"]);
    let paid: Vec<bool> = channel.iter().map(|r| *r > 0.0).collect();
    assert_eq!(paid, [true, false, false, true, false, true]);
}
