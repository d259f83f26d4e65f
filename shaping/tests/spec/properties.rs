//! What holds for every module: rollout borders, permutations of envs, purity, saving, forking.

use prospect_shaping::RewardStack;
use prospect_sim::Rollout;

use crate::toy::{go_on, random_tapes, rollout, rollouts, run, stack, tensors};

/// Every built-in kind, small.
pub(crate) const ALL: &[&str] = &[
    "kind = \"count\"",
    "kind = \"count\"\nkey = [\"image\", \"direction\", \"agent_x\"]",
    "kind = \"episodic_count\"",
    "kind = \"first_visit\"",
    "kind = \"potential\"",
    "kind = \"rnd\"\nhidden = 8\nfeatures = 4\nprime_steps = 20\nupdate_proportion = 0.5\nminibatch = 5",
    "kind = \"rnd\"\nencoder = \"onehot\"\nhidden = 8\nfeatures = 4\nminibatch = 5\nmix = \"add\"",
    "kind = \"rnd\"\ncomponents = [\"position\", \"direction\"]\nhidden = 8\nfeatures = 4\nwhiten = false",
    "kind = \"icm\"\nhidden = 8\nfeatures = 4\nminibatch = 5\nepochs = 2",
    "kind = \"icm\"\nencoder = \"flat\"\nhidden = 8\nfeatures = 4\nprime_steps = 20",
    "kind = \"noveld\"\nhidden = 8\nfeatures = 4\nminibatch = 5",
    "kind = \"noveld\"\nencoder = \"flat\"\nhidden = 8\nfeatures = 4\nprime_steps = 20",
];

fn one(text: &str) -> String {
    format!("[[reward]]\n{text}")
}

fn borrow(tapes: &[String]) -> Vec<&str> {
    tapes.iter().map(String::as_str).collect()
}

fn prime(stack: &mut RewardStack, actors: usize) {
    if stack.needs().prime_steps > 0 {
        let tapes = random_tapes(actors, 20, 99);
        let rollout = rollout(&borrow(&tapes));
        stack.prime(&rollout, &tensors(&rollout)).unwrap();
    }
}

fn primed(text: &str, actors: usize) -> RewardStack {
    let mut stack = stack(&one(text), actors);
    prime(&mut stack, actors);
    stack
}

fn raw_of(stack: &mut RewardStack, rollout: &Rollout) -> Vec<f32> {
    go_on(stack, rollout).channels.remove(0).raw
}

#[track_caller]
fn assert_same(a: &[f32], b: &[f32], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (x, y) in a.iter().zip(b) {
        assert!(
            (x - y).abs() <= 1e-5 * x.abs().max(1e-2),
            "{what}: {x} against {y}"
        );
    }
}

#[test]
fn a_rollout_border_changes_nothing() {
    let tapes = random_tapes(3, 24, 7);
    let whole = rollout(&borrow(&tapes));
    for text in ALL {
        let mut once = primed(text, 3);
        let expected = run(&mut once, &whole).channels.remove(0).raw;
        for n_steps in [1, 3, 8] {
            let mut stack = primed(text, 3);
            let mut channel = Vec::new();
            for (i, part) in rollouts(&borrow(&tapes), n_steps).iter().enumerate() {
                if i == 0 {
                    stack.begin(part).unwrap();
                }
                channel.extend(raw_of(&mut stack, part));
            }
            assert_same(&channel, &expected, text);
        }
    }
}

#[test]
fn a_permutation_of_envs_permutes_the_channel() {
    let tapes = random_tapes(4, 20, 3);
    let order = [2, 0, 3, 1];
    let shuffled: Vec<&str> = order.iter().map(|&i| tapes[i].as_str()).collect();
    for text in ALL {
        let straight = run(&mut primed(text, 4), &rollout(&borrow(&tapes)))
            .channels
            .remove(0)
            .raw;
        let permuted = run(&mut primed(text, 4), &rollout(&shuffled))
            .channels
            .remove(0)
            .raw;
        let expected: Vec<f32> = straight
            .chunks(4)
            .flat_map(|row| order.iter().map(|&i| row[i]).collect::<Vec<_>>())
            .collect();
        assert_same(&permuted, &expected, text);
    }
}

#[test]
fn labelling_changes_nothing() {
    let tapes = random_tapes(3, 16, 11);
    let rollout = rollout(&borrow(&tapes));
    for text in ALL {
        let mut stack = primed(text, 3);
        let first = run(&mut stack, &rollout);
        let before = stack.save().unwrap();
        let again = stack.peek(&rollout, &tensors(&rollout), 0).unwrap();
        let once_more = stack.peek(&rollout, &tensors(&rollout), 0).unwrap();
        assert_eq!(first.channels[0].raw, again.channels[0].raw, "{text}");
        assert_eq!(again, once_more, "{text}");
        assert_eq!(stack.save().unwrap(), before, "{text}");
    }
}

#[test]
fn saved_state_goes_on_bit_for_bit() {
    let tapes = random_tapes(3, 32, 5);
    let parts = rollouts(&borrow(&tapes), 8);
    for text in ALL {
        let mut stack = primed(text, 3);
        stack.begin(&parts[0]).unwrap();
        for part in &parts[..2] {
            go_on(&mut stack, part);
            stack.learn(part, &tensors(part)).unwrap();
        }
        let bytes = stack.save().unwrap();
        let mut resumed = crate::toy::stack(&one(text), 3);
        resumed.load(&bytes).unwrap();
        assert_eq!(resumed.save().unwrap(), bytes, "{text}");
        for part in &parts[2..] {
            assert_eq!(go_on(&mut stack, part), go_on(&mut resumed, part), "{text}");
            let metrics = stack.learn(part, &tensors(part)).unwrap();
            assert_eq!(metrics, resumed.learn(part, &tensors(part)).unwrap(), "{text}");
        }
        assert_eq!(stack.save().unwrap(), resumed.save().unwrap(), "{text}");
    }
}

#[test]
fn damaged_and_foreign_states_are_refused() {
    let tapes = random_tapes(2, 8, 5);
    let rollout = rollout(&borrow(&tapes));
    for text in ALL {
        let mut stack = primed(text, 2);
        run(&mut stack, &rollout);
        let bytes = stack.save().unwrap();
        for cut in (0..bytes.len()).step_by(1 + bytes.len() / 200) {
            assert!(
                crate::toy::stack(&one(text), 2).load(&bytes[..cut]).is_err(),
                "{text} cut to {cut}"
            );
        }
        let other = if text.contains("first_visit") {
            "kind = \"count\""
        } else {
            "kind = \"first_visit\""
        };
        let message = crate::toy::stack(&one(other), 2)
            .load(&bytes)
            .unwrap_err()
            .to_string();
        assert!(message.contains("this stack has"), "{message}");
    }
}

#[test]
fn a_fork_knows_what_was_learnt_and_touches_nothing() {
    let tapes = random_tapes(3, 16, 13);
    let training = rollout(&borrow(&tapes));
    let probe = rollout(&["abcdabcd", "gfedgfed"]);
    for text in ALL {
        let mut stack = primed(text, 3);
        run(&mut stack, &training);
        stack.learn(&training, &tensors(&training)).unwrap();
        let before = stack.save().unwrap();
        let (mut fork, mut twin) = (stack.fork(2).unwrap(), stack.fork(2).unwrap());
        let first = run(&mut fork, &probe);
        assert_eq!(first, run(&mut twin, &probe), "{text}");
        fork.learn(&probe, &tensors(&probe)).unwrap();
        assert_eq!(stack.save().unwrap(), before, "{text}");
        assert_eq!(first.channels[0].raw.len(), 2 * 7);
    }
    // Lifelong counts go into the fork, episodic memory does not.
    let mut counted = stack(&one("kind = \"count\""), 1);
    run(&mut counted, &rollout(&["aaaa"]));
    let raw = run(&mut counted.fork(1).unwrap(), &rollout(&["ba"]))
        .channels
        .remove(0)
        .raw;
    assert_eq!(raw, [1.0 / 5f32.sqrt()]);
    let mut seen = stack(&one("kind = \"first_visit\""), 1);
    run(&mut seen, &rollout(&["aaaa"]));
    assert_eq!(
        run(&mut seen.fork(1).unwrap(), &rollout(&["ba"]))
            .channels
            .remove(0)
            .raw,
        [1.0]
    );
}

#[test]
fn another_module_in_the_stack_changes_nothing() {
    let tapes = random_tapes(2, 16, 21);
    let parts = rollouts(&borrow(&tapes), 8);
    for text in ALL {
        let mut alone = primed(text, 2);
        let beside = "[[reward]]\nkind = \"count\"\nname = \"beside\"\nweight = 3.0\n";
        let mut both = stack(&format!("{beside}{}", one(text)), 2);
        prime(&mut both, 2);
        alone.begin(&parts[0]).unwrap();
        both.begin(&parts[0]).unwrap();
        for part in &parts {
            let raw = go_on(&mut alone, part).channels.remove(0).raw;
            assert_eq!(raw, go_on(&mut both, part).channels.remove(1).raw, "{text}");
            alone.learn(part, &tensors(part)).unwrap();
            both.learn(part, &tensors(part)).unwrap();
        }
    }
}
