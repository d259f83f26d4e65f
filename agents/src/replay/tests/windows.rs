//! Windows: what is gathered, where they are cut, which may be drawn, and where episodes begin and end.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Window `b` of `sample` is the one that the tape says.
fn check_window(tape: &Tape, sample: &Sample, b: usize) {
    let (n, batch) = (sample.rollout.n_steps(), sample.batch());
    let Pick { row, actor } = sample.picks[b];
    let (row, actor) = (row as usize, actor as usize);
    let steps = (row..row + n).map(|r| tape.steps.get(r).map(|s| s[actor]));
    let length = steps
        .clone()
        .position(|s| s.unwrap().ended())
        .map_or(n, |i| i + 1);
    let ended = tape.steps[row + length - 1][actor].ended();
    let rollout = &sample.rollout;
    let vector_at = |i: usize| {
        rollout
            .observation(0)
            .slice(2 * (i * batch + b)..2 * (i * batch + b + 1))
    };
    let image_at = |i: usize| {
        rollout
            .observation(1)
            .slice(3 * (i * batch + b)..3 * (i * batch + b + 1))
    };
    let fact_at = |i: usize| rollout.state_fact(0).get_f64(i * batch + b);
    for i in 0..=n {
        let (want, fact) = if i < length || !ended {
            (vector(row + i, actor), (row + i) as f64)
        } else {
            (
                final_vector(row + length - 1, actor),
                -((row + length - 1) as f64),
            )
        };
        assert_eq!(
            vector_at(i),
            Slice::F32(&want),
            "row {i} of {:?}",
            sample.picks[b]
        );
        assert_eq!(image_at(i), Slice::U8(&image(want)));
        assert_eq!(fact_at(i), fact);
    }
    for i in 0..n {
        let at = i * batch + b;
        assert_eq!(
            rollout.alive()[at],
            i < length && tape.steps[row + i][actor].alive
        );
        if i >= length {
            assert!(!rollout.ended(i, b) && rollout.reward()[at] == 0.0);
            continue;
        }
        let step = tape.steps[row + i][actor];
        assert_eq!(rollout.reward()[at], step.reward);
        assert_eq!(
            (rollout.terminated()[at], rollout.truncated()[at]),
            (step.terminated, step.truncated)
        );
        assert_eq!(rollout.actions().get_f64(at), f64::from(step.action));
        assert_eq!(rollout.event_fact(0).get_f64(at), f64::from(step.action == 3));
        assert_eq!(
            sample.contexts[0][at],
            ((row + i) * tape.actors + actor) as f32 + 0.25
        );
        let next = if step.ended() {
            final_vector(row + i, actor)
        } else {
            vector(row + i + 1, actor)
        };
        assert_eq!(rollout.next_observation(0, i, b), Slice::F32(&next));
        if step.ended() {
            assert_eq!(rollout.final_fact(0).get_f64(at), -((row + i) as f64));
        }
    }
}

#[test]
fn every_window_is_the_one_of_the_tape() {
    for (n, rows, block, seed) in [(1, 40, 1, 1), (3, 17, 5, 2), (5, 5, 64, 3), (2, 200, 7, 4)] {
        let tape = Tape::random(3, 100, false, seed);
        let replay = tape.replay(rows, block);
        assert_eq!(
            (replay.end_row(), replay.first_row()),
            (100, 100_u64.saturating_sub(rows as u64))
        );
        assert_eq!(replay.len(), rows.min(100) * 3);
        let picks: Vec<Pick> = (replay.first_row()..=replay.end_row() - n as u64)
            .flat_map(|row| (0..3).map(move |actor| Pick { row, actor }))
            .collect();
        // One sample for all batches: what an earlier one left must not show.
        let mut sample = Sample::new(&replay, n, 2).unwrap();
        for pair in picks.windows(2).rev() {
            replay.gather(pair, &mut sample).unwrap();
            assert_eq!(sample.picks, pair);
            (0..2).for_each(|b| check_window(&tape, &sample, b));
        }
    }
}

#[test]
fn windows_that_are_not_there_are_refused() {
    let replay = Tape::of("......T...").replay(8, 3);
    let mut sample = Sample::new(&replay, 3, 1).unwrap();
    let mut ask = |row, actor| replay.gather(&[Pick { row, actor }], &mut sample);
    assert!(ask(2, 0).is_ok() && ask(7, 0).is_ok());
    // Overwritten, beyond the newest, cut by the newest, no such actor.
    for (row, actor) in [(1, 0), (10, 0), (8, 0), (3, 1)] {
        let message = ask(row, actor).unwrap_err().to_string();
        assert!(
            message.contains(&format!("row {row}, actor {actor}")),
            "{message}"
        );
        assert!(message.contains("rows 2 to 10"), "{message}");
    }
    // An episode that ended inside makes a window whole that the newest row would have cut.
    let replay = Tape::of(".......T").replay(8, 3);
    let mut sample = Sample::new(&replay, 3, 1).unwrap();
    assert!(replay.gather(&[Pick { row: 7, actor: 0 }], &mut sample).is_ok());
    assert!(replay.gather(&[Pick::default(); 2], &mut sample).is_err());
}

#[test]
fn a_uniform_draw_reaches_exactly_the_whole_windows_and_all_alike() {
    let tape = Tape::random(2, 30, true, 5);
    let replay = tape.replay(12, 4);
    let mut rng = Generator::default_rng(9);
    let mut counts = BTreeMap::new();
    let mut picks = [Pick::default(); 50];
    for _ in 0..400 {
        replay
            .pick_uniform(Eligible::All, 3, &mut rng, &mut picks)
            .unwrap();
        for pick in picks {
            *counts.entry(pick).or_insert(0) += 1;
        }
    }
    let want: BTreeSet<Pick> = (18..=27)
        .flat_map(|row| (0..2).map(move |actor| Pick { row, actor }))
        .filter(|pick| tape.steps[pick.row as usize][pick.actor as usize].alive)
        .collect();
    assert!(want.len() < 20, "some actors must have missed a step");
    assert_eq!(counts.keys().copied().collect::<BTreeSet<_>>(), want);
    let mean = 20_000.0 / want.len() as f64;
    let chi_square: f64 = counts
        .values()
        .map(|&n| (f64::from(n) - mean).powi(2) / mean)
        .sum();
    // The 99.9th percentile of 19 degrees of freedom.
    assert!(chi_square < 43.8, "{chi_square}");
}

#[test]
fn hindsight_draws_from_episodes_that_have_ended() {
    let tape = Tape {
        actors: 2,
        steps: Tape::of("...|....T..")
            .steps
            .into_iter()
            .zip(Tape::of("..T........").steps)
            .map(|(a, b)| vec![a[0], b[0]])
            .collect(),
    };
    let replay = tape.replay(10, 1);
    let mut rng = Generator::default_rng(1);
    let mut picks = vec![Pick::default(); 2000];
    replay
        .pick_uniform(Eligible::EndedEpisodes, 1, &mut rng, &mut picks)
        .unwrap();
    let found: BTreeSet<(u32, u64)> = picks.iter().map(|pick| (pick.actor, pick.row)).collect();
    let want = (1..=8).map(|row| (0, row)).chain([(1, 1), (1, 2)]);
    assert_eq!(found, want.collect());
    let share = picks.iter().filter(|pick| pick.actor == 1).count();
    assert!((340..460).contains(&share), "{share} of 2000, expected 400");
}

#[test]
fn nothing_is_drawn_from_too_little() {
    let tape = Tape::of("..");
    let mut rng = Generator::default_rng(1);
    let mut picks = [Pick::default()];
    let mut replay = Replay::new(&tape.layout(), 0, 5).unwrap();
    assert!(
        replay.is_empty()
            && replay
                .pick_uniform(Eligible::All, 1, &mut rng, &mut picks)
                .is_err()
    );
    replay.push(&tape.rollout(0, 2), |_| &[]).unwrap();
    assert!(
        replay
            .pick_uniform(Eligible::All, 3, &mut rng, &mut picks)
            .is_err()
    );
    assert!(
        replay
            .pick_uniform(Eligible::EndedEpisodes, 1, &mut rng, &mut picks)
            .is_err()
    );
    assert!(
        replay
            .pick_uniform(Eligible::All, 2, &mut rng, &mut picks)
            .is_ok()
    );
    assert_eq!(picks, [Pick { row: 0, actor: 0 }]);
}

#[test]
fn episodes_have_their_extents_and_what_they_achieved() {
    let tape = Tape::of("..T...|..");
    let mut replay = Replay::new(&tape.layout(), 1, 7).unwrap();
    tape.push(&mut replay, 0, 9, 2);
    let extent = |row| {
        let pick = Pick { row, actor: 0 };
        (replay.episode_start(pick), replay.episode_end(pick))
    };
    assert_eq!(extent(2), (2, Some(2)));
    assert_eq!((extent(3), extent(6)), ((3, Some(6)), (3, Some(6))));
    assert_eq!((extent(7), extent(8)), ((7, None), (7, None)));
    let achieved = |row| replay.achieved(0, Pick { row, actor: 0 });
    assert_eq!(achieved(2), Slice::F32(&final_vector(2, 0)));
    assert_eq!(achieved(3), Slice::F32(&vector(4, 0)));
    assert_eq!(achieved(6), Slice::F32(&final_vector(6, 0)));
    assert_eq!(achieved(8), Slice::F32(&vector(9, 0)));
    assert_eq!(
        replay.achieved_fact(0, Pick { row: 6, actor: 0 }).get_f64(0),
        -6.0
    );
}

#[test]
fn many_ends_are_kept_and_forgotten_in_their_order() {
    // Every step ends an episode, so that the store of final observations grows, wraps and shrinks.
    let mut tape = Tape::random(3, 120, false, 8);
    for (r, row) in tape.steps.iter_mut().enumerate() {
        for step in row {
            (step.terminated, step.truncated) = (false, !(60..90).contains(&r));
        }
    }
    let mut replay = Replay::new(&tape.layout(), 1, 3 * 25).unwrap();
    let mut bytes = 0;
    for to in 1..=120 {
        tape.push(&mut replay, to - 1, to, 1);
        if to == 60 {
            bytes = replay.bytes();
        }
        assert!(
            to <= 60 || replay.bytes() == bytes,
            "the store grows although ends were forgotten"
        );
        for row in replay.first_row()..replay.end_row() {
            for actor in 0..3 {
                let want = if tape.steps[row as usize][actor as usize].ended() {
                    final_vector(row as usize, actor as usize)
                } else {
                    vector(row as usize + 1, actor as usize)
                };
                assert_eq!(replay.achieved(0, Pick { row, actor }), Slice::F32(&want));
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let tape = Tape::random(2, 4, false, 1);
    let layout = tape.layout();
    let message = Replay::new(&layout, 0, 0).unwrap_err().to_string();
    assert!(message.contains("agent.buffer_size = 0"), "{message}");
    for too_large in [usize::MAX, 1 << 50] {
        let message = Replay::new(&layout, 0, too_large).unwrap_err().to_string();
        assert!(
            message.contains("agent.buffer_size") && message.contains("use fewer transitions"),
            "{message}"
        );
    }
    let mut replay = Replay::new(&layout, 1, 3).unwrap();
    assert_eq!(replay.capacity(), 4);
    let message = Sample::new(&replay, 3, 8).unwrap_err().to_string();
    assert!(
        message.contains("agent.buffer_size = 4") && message.contains("3 x 2"),
        "{message}"
    );
    let rollout = tape.rollout(0, 4);
    assert!(replay.push(&rollout, |_| &[0.0; 7]).is_err());
    assert!(
        replay
            .push(&Tape::random(3, 4, false, 1).rollout(0, 4), |_| &[0.0; 12])
            .is_err()
    );
    assert!(replay.push(&rollout, |_| &[0.0; 8]).is_ok());
}

#[test]
fn actions_are_stored_as_they_need_to_be() {
    for (space, values) in [
        (ActionSpace::Discrete { n: 256 }, vec![255.0, 0.0]),
        (ActionSpace::Discrete { n: 70_000 }, vec![69_999.0, 3.0]),
        (
            ActionSpace::MultiDiscrete { nvec: vec![3, 200] },
            vec![2.0, 199.0, 1.0, 7.0],
        ),
        (
            ActionSpace::Continuous {
                low: vec![-1.0; 3],
                high: vec![1.0; 3],
            },
            vec![0.5, -0.25, 1.0, 0.0, -1.0, 0.125],
        ),
    ] {
        let tape = Tape::of("..");
        let layout = RowLayout {
            actions: space.clone(),
            ..tape.layout()
        };
        let mut rollout = Rollout::new(&layout, 2);
        for (i, value) in values.iter().enumerate() {
            rollout
                .columns_mut()
                .actions
                .slice_mut(i..i + 1)
                .set_f64(0, *value);
        }
        let mut replay = Replay::new(&layout, 0, 2).unwrap();
        replay.push(&rollout, |_| &[]).unwrap();
        let mut sample = Sample::new(&replay, 1, 2).unwrap();
        replay
            .gather(
                &[Pick { row: 0, actor: 0 }, Pick { row: 1, actor: 0 }],
                &mut sample,
            )
            .unwrap();
        assert_eq!(sample.rollout.actions(), rollout.actions(), "{space}");
    }
}

#[test]
fn a_million_transitions_of_a_gridworld_fit_into_a_gigabyte() {
    let layout = RowLayout {
        n_envs: 16,
        observation: vec![
            Field::new("image", Dtype::U8, &[7, 7, 3], 0.0, 255.0),
            Field::new("direction", Dtype::Index, &[], 0.0, 3.0),
            Field::new("mission", Dtype::Text, &[], 0.0, 1.0),
        ],
        state_facts: vec![Field::new("agent_x", Dtype::I32, &[], 0.0, 30.0); 4],
        ..Tape::of(".").layout()
    };
    // Zeros that are not written to cost address space only.
    let replay = Replay::new(&layout, 4, 1_000_000).unwrap();
    let replay = replay.with_priorities(&PriorityConfig::default(), 3).unwrap();
    // 155 of the observation, 16 of facts, 16 of context, action, event, flags, reward; a tree of 2^21 nodes.
    let per_transition = 155 + 16 + 16 + 1 + 1 + 1 + 8;
    assert_eq!(replay.bytes(), per_transition * (1_000_000 + 16) + (8 << 21));
    assert!(replay.bytes() < 1_000_000_000);
}
