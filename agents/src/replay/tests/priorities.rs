//! Prioritised sampling against a plain list, and the frequencies that it must have.

use super::{super::priorities::SumTree, *};

#[test]
fn the_tree_does_what_a_list_does() {
    let mut rng = Generator::default_rng(3);
    for leaves in [1, 2, 3, 7, 64, 100] {
        let mut tree = SumTree::new(leaves);
        let mut list = vec![0.0; leaves];
        for _ in 0..500 {
            let (leaf, value) = (rng.choice(leaves), [0.0, 1.0, 0.25, 3.5][rng.choice(4)]);
            tree.set(leaf, value);
            list[leaf] = value;
            // Sums of such values are exact in whatever order.
            assert_eq!(tree.total(), list.iter().sum::<f64>());
            assert_eq!(tree.leaves(), list);
            if tree.total() > 0.0 {
                let mass = rng.random() * tree.total();
                let mut left = mass;
                let want = list.iter().position(|p| {
                    left -= p;
                    left < 0.0
                });
                assert_eq!(Some(tree.find([mass])[0]), want, "{mass} in {list:?}");
                assert!(list[tree.find([tree.total()])[0]] > 0.0);
            }
        }
        let mut again = SumTree::new(leaves);
        again.set_all(&list);
        assert_eq!(again, tree);
    }
}

#[test]
fn rounding_never_finds_a_leaf_without_a_share() {
    let mut rng = Generator::default_rng(4);
    for _ in 0..200 {
        let mut tree = SumTree::new(13);
        for leaf in 0..13 {
            tree.set(
                leaf,
                if rng.choice(2) == 0 {
                    0.0
                } else {
                    rng.random() * 1e-3
                },
            );
        }
        if tree.total() > 0.0 {
            for mass in [
                0.0,
                tree.total(),
                tree.total() * 1.000_001,
                tree.total().next_down(),
            ] {
                assert!(tree.get(tree.find([mass])[0]) > 0.0);
            }
        }
    }
}

fn prioritised(tape: &Tape, rows: usize, n_step: usize, config: &PriorityConfig) -> Replay {
    let empty = Replay::new(&tape.layout(), 1, rows * tape.actors).unwrap();
    let mut replay = empty.with_priorities(config, n_step).unwrap();
    tape.push(&mut replay, 0, tape.steps.len(), 3);
    replay
}

#[test]
fn frequencies_follow_priorities_and_weights_undo_them() {
    let tape = Tape::random(2, 40, true, 6);
    let config = PriorityConfig {
        alpha: 0.5,
        beta: 1.0,
        eps: 0.01,
    };
    let mut replay = prioritised(&tape, 10, 2, &config);
    let eligible: Vec<Pick> = (30..=38)
        .flat_map(|row| (0..2).map(move |actor| Pick { row, actor }))
        .filter(|&pick| replay.is_alive(pick))
        .collect();
    assert!(eligible.len() < 18, "some actors must have missed a step");
    let error = |i: usize| {
        if i.is_multiple_of(3) {
            -4.0
        } else {
            0.25 * i as f32
        }
    };
    let errors: Vec<f32> = (0..eligible.len()).map(error).collect();
    replay.update_priorities(&eligible, &errors);
    let shares: Vec<f64> = errors
        .iter()
        .map(|&e| (f64::from(e.abs()) + 0.01).sqrt())
        .collect();
    let total: f64 = shares.iter().sum();

    let mut rng = Generator::default_rng(11);
    let (mut picks, mut weights) = ([Pick::default(); 37], [0.0; 37]);
    let mut counts = vec![0_u32; eligible.len()];
    for _ in 0..1000 {
        replay
            .pick_prioritised(0.7, &mut rng, &mut picks, &mut weights)
            .unwrap();
        let found: Vec<usize> = picks
            .iter()
            .map(|pick| eligible.iter().position(|e| e == pick).unwrap())
            .collect();
        for &i in &found {
            counts[i] += 1;
        }
        // One from each part of the sum: positions are in order of records, and the expectation is exact.
        let raw = |i: usize| (shares[i] / total * eligible.len() as f64).powf(-0.7);
        let most = found.iter().map(|&i| raw(i)).fold(0.0, f64::max);
        for (&i, &weight) in found.iter().zip(&weights) {
            assert!((f64::from(weight) - raw(i) / most).abs() < 1e-6);
        }
        assert!(weights.contains(&1.0) && weights.iter().all(|w| (0.0..=1.0).contains(w)));
    }
    let want = shares.iter().map(|share| 37_000.0 * share / total);
    let chi_square: f64 = counts
        .iter()
        .zip(want)
        .map(|(&n, mean)| (f64::from(n) - mean).powi(2) / mean)
        .sum();
    // The 99.9th percentile of 17 degrees of freedom; stratified draws vary less than independent ones.
    assert!(chi_square < 40.8, "{chi_square}");
}

#[test]
fn new_transitions_get_the_largest_priority_there_ever_was() {
    let tape = Tape::of("............");
    let config = PriorityConfig {
        alpha: 1.0,
        beta: 0.4,
        eps: 1.0,
    };
    let mut replay = Replay::new(&tape.layout(), 1, 6)
        .unwrap()
        .with_priorities(&config, 1)
        .unwrap();
    tape.push(&mut replay, 0, 4, 4);
    let pick = |row| Pick { row, actor: 0 };
    let shares = |replay: &Replay| {
        let priorities = replay.priorities.as_ref().unwrap();
        (replay.first_row()..replay.end_row())
            .map(|row| priorities.leaves()[replay.record(row, 0)])
            .collect::<Vec<_>>()
    };
    assert_eq!(shares(&replay), [1.0; 4]);
    replay.update_priorities(&[pick(1), pick(2), pick(1)], &[9.0, 2.0, -4.0]);
    assert_eq!(shares(&replay), [1.0, 5.0, 3.0, 1.0]);
    replay.update_priorities(&[pick(3)], &[f32::NAN]);
    tape.push(&mut replay, 4, 9, 2);
    // Rows 0 to 2 have gone, among them the one that had 10 for a moment.
    assert_eq!(shares(&replay), [1.0, 10.0, 10.0, 10.0, 10.0, 10.0]);
    replay.update_priorities(&[pick(2), pick(9)], &[3.0, 3.0]);
    assert_eq!(replay.priorities.as_ref().unwrap().total(), 51.0);
}

#[test]
fn the_schedule_of_beta_ends_at_one() {
    let config = PriorityConfig {
        beta: 0.4,
        ..PriorityConfig::default()
    };
    assert_eq!(
        [config.beta_at(0.0), config.beta_at(0.5), config.beta_at(2.0)],
        [0.4, 0.7, 1.0]
    );
    let refused = PriorityConfig {
        alpha: 1.5,
        ..PriorityConfig::default()
    };
    assert!(refused.check().unwrap_err().to_string().contains("alpha = 1.5"));
}

#[test]
fn only_whole_windows_of_actors_that_took_part_have_a_priority() {
    let tape = Tape::random(3, 50, true, 7);
    for n_step in [1, 3] {
        let mut replay = Replay::new(&tape.layout(), 1, 27)
            .unwrap()
            .with_priorities(&PriorityConfig::default(), n_step)
            .unwrap();
        for to in 1..=50 {
            tape.push(&mut replay, to - 1, to, 1);
            let priorities = replay.priorities.as_ref().unwrap();
            let whole = replay.first_row()..(replay.end_row() + 1).saturating_sub(n_step as u64);
            let want: usize = whole
                .flat_map(|row| &tape.steps[row as usize])
                .filter(|step| step.alive)
                .count();
            assert_eq!(priorities.total(), want as f64);
        }
    }
}

#[test]
fn a_batch_is_drawn_with_its_windows() {
    let tape = Tape::random(2, 30, false, 12);
    let replay = prioritised(&tape, 20, 3, &PriorityConfig::default());
    let mut sample = Sample::new(&replay, 3, 16).unwrap();
    let mut rng = Generator::default_rng(2);
    for how in [Draw::Uniform(Eligible::All), Draw::Prioritised { beta: 0.5 }] {
        replay.draw(how, &mut rng, &mut sample).unwrap();
        // All priorities are alike still.
        assert_eq!(sample.weights, [1.0; 16]);
        let mut again = Sample::new(&replay, 3, 16).unwrap();
        replay.gather(&sample.picks, &mut again).unwrap();
        assert_eq!(again.rollout.observation(0), sample.rollout.observation(0));
        assert!(sample.picks.iter().any(|pick| *pick != sample.picks[0]));
    }
}
