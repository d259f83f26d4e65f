//! Old steps labelled again: from context, from stored labels, and by today's parameters.

use prospect_shaping::{Mixed, RewardStack};
use prospect_sim::Rollout;

use crate::toy::{assert_close, go_on, rollout, rollout_of_agents, rollouts, run, stack, tensors};

const ALL: &str = r#"
[[reward]]
kind = "count"
[[reward]]
kind = "drifting"
weight = 0.5
[[reward]]
kind = "potential"
[[reward]]
kind = "noveld"
prime_steps = 0
[[reward]]
kind = "episodic_count"
normalise = "running_std"
"#;

fn contexts(stack: &RewardStack) -> Vec<Vec<f32>> {
    (0..stack.context_columns().len())
        .map(|i| stack.context_column(i).to_vec())
        .collect()
}

fn relabel(stack: &RewardStack, rollout: &Rollout, contexts: &[Vec<f32>]) -> Mixed {
    stack.relabel(rollout, contexts, &tensors(rollout), 0).unwrap()
}

#[test]
fn columns_are_those_of_the_modules_and_the_labels_that_are_kept() {
    let mut stack = stack(ALL, 1);
    let names = stack.context_columns();
    let by = |prefix: &str| names.iter().position(|name| name.starts_with(prefix));
    assert_eq!((by("count/"), names[1].as_str()), (Some(0), "label/drifting"));
    assert_eq!((by("potential/"), by("noveld/")), (None, Some(2)));
    assert_eq!(by("episodic_count/"), Some(names.len() - 1));
    assert!((0..names.len()).all(|i| stack.context_column(i).is_empty()));
    run(&mut stack, &rollout(&["abab"]));
    assert!((0..names.len()).all(|i| stack.context_column(i).len() == 3));
    assert_close(stack.context_column(names.len() - 1), &[1.0, 2.0, 2.0]);
    assert!(stack.context_column(names.len()).is_empty());
}

#[test]
fn relabelling_at_once_is_labelling() {
    let mut stack = stack(ALL, 2);
    let rollout = rollout(&["abc.bbacb", "ccb!acdea"]);
    let labelled = run(&mut stack, &rollout);
    let before = stack.save().unwrap();
    let mut again = relabel(&stack, &rollout, &contexts(&stack));
    assert!(again.metrics.is_empty());
    again.metrics.clone_from(&labelled.metrics);
    assert_eq!(again, labelled);
    assert_eq!(stack.save().unwrap(), before);
}

#[test]
fn what_is_frozen_stays_and_the_rest_is_of_today() {
    let mut stack = stack(ALL, 1);
    let parts = rollouts(&["ababab.cabc"], 4);
    run(&mut stack, &parts[0]);
    stack.learn(&parts[0], &tensors(&parts[0])).unwrap();
    let labelled = go_on(&mut stack, &parts[1]);
    let stored = contexts(&stack);
    stack.learn(&parts[1], &tensors(&parts[1])).unwrap();
    go_on(&mut stack, &parts[0]);
    let again = relabel(&stack, &parts[1], &stored);
    let raw = |mixed: &Mixed, i: usize| mixed.channels[i].raw.clone();
    for (i, name) in [
        (0, "count"),
        (1, "drifting"),
        (2, "potential"),
        (4, "episodic_count"),
    ] {
        assert_eq!(raw(&again, i), raw(&labelled, i), "{name}");
    }
    assert_eq!(raw(&again, 1), [1.0; 4]);
    assert_ne!(
        raw(&again, 3),
        raw(&labelled, 3),
        "novelty must have been learned away"
    );
    // The present statistics, not those at collection, scale the episodic count.
    assert_ne!(again.channels[4].mixed, labelled.channels[4].mixed);
}

#[test]
fn steps_of_actors_that_took_no_part_pay_nothing() {
    let mut stack = stack(
        "[[reward]]\nkind = \"echo\"\n[[reward]]\nkind = \"drifting\"\n",
        2,
    );
    let whole = rollout_of_agents(&["abc", "dyd"], &[(0, 1), (1, 1)]);
    stack.learn(&whole, &tensors(&whole)).unwrap();
    // A dead actor's channel may even be no number.
    let again = relabel(&stack, &whole, &[vec![7.0, f32::NAN, 7.0, f32::NAN]]);
    assert_eq!(again.channels[0].raw, [1.0, 0.0, 2.0, 0.0]);
    assert_eq!(again.task, [8.0, 0.0, 9.0, 0.0]);
}

#[test]
fn other_columns_than_the_stacks_are_refused() {
    let mut stack = stack(ALL, 1);
    let rollout = rollout(&["abc"]);
    run(&mut stack, &rollout);
    let mut given = contexts(&stack);
    given[1].pop();
    let refused = |given: &[Vec<f32>]| {
        let error = stack.relabel(&rollout, given, &tensors(&rollout), 0).unwrap_err();
        error.to_string().contains("columns of context")
    };
    assert!(refused(&given));
    given.pop();
    assert!(refused(&given) && refused(&[]));
}

#[test]
fn a_learner_of_action_values_takes_only_what_is_added() {
    assert!(stack(ALL, 1).only_adds().is_ok());
    let message = |table: &str| {
        stack(&format!("{ALL}{table}"), 1)
            .only_adds()
            .unwrap_err()
            .to_string()
    };
    let found = message("[[reward]]\nkind = \"rnd\"\n");
    assert_eq!(
        found,
        "reward[5].mix: reward `rnd` is mixed as \"own_value_head\", which a learner of action values cannot do; \
         set mix = \"add\""
    );
    assert!(message("[[reward]]\nkind = \"echo\"\nmix = \"advantage\"\n").contains("\"advantage\""));
}
