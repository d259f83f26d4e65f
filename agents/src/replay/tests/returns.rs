//! n-step returns, by hand.

use super::*;

/// Return and bootstrap discount of the windows of `n` steps that begin at the rows of a tape with rewards 1, 2, 3, …
fn returns(text: &str, n: usize, rows: &[u64], gamma: f64) -> Vec<(f32, f32)> {
    let replay = Tape::of(text).replay(text.len(), 4);
    let mut sample = Sample::new(&replay, n, rows.len()).unwrap();
    let picks: Vec<Pick> = rows.iter().map(|&row| Pick { row, actor: 0 }).collect();
    replay.gather(&picks, &mut sample).unwrap();
    let rewards: Vec<f32> = sample.rollout.reward().iter().map(|r| *r as f32).collect();
    let (mut totals, mut discounts) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
    n_step_returns(&sample.rollout, &rewards, gamma, &mut totals, &mut discounts);
    totals.into_iter().zip(discounts).collect()
}

#[test]
fn one_step_is_the_reward_and_gamma() {
    assert_eq!(
        returns("..T.|.", 1, &[0, 1, 2, 4, 5], 0.5),
        [(1.0, 0.5), (2.0, 0.5), (3.0, 0.0), (5.0, 0.5), (6.0, 0.5)]
    );
}

#[test]
fn three_steps_are_cut_by_either_end() {
    let found = returns("...T..|....", 3, &[0, 1, 2, 3, 4, 5, 6, 7], 0.5);
    let want = [
        (1.0 + 2.0 / 2.0 + 3.0 / 4.0, 0.125),
        // Ends in termination: nothing comes after it.
        (2.0 + 3.0 / 2.0 + 4.0 / 4.0, 0.0),
        (3.0 + 4.0 / 2.0, 0.0),
        (4.0, 0.0),
        // Ends in truncation after 3, 2, 1 steps: the final observation counts gamma to the power of as many.
        (5.0 + 6.0 / 2.0 + 7.0 / 4.0, 0.125),
        (6.0 + 7.0 / 2.0, 0.25),
        (7.0, 0.5),
        (8.0 + 9.0 / 2.0 + 10.0 / 4.0, 0.125),
    ];
    assert_eq!(found, want);
}

#[test]
fn an_end_that_is_both_terminates() {
    let mut tape = Tape::of("..|.");
    tape.steps[2][0].terminated = true;
    let replay = tape.replay(4, 4);
    let mut sample = Sample::new(&replay, 2, 1).unwrap();
    replay.gather(&[Pick { row: 1, actor: 0 }], &mut sample).unwrap();
    let (mut total, mut discount) = ([0.0], [0.0]);
    n_step_returns(&sample.rollout, &[2.0, 3.0], 0.9, &mut total, &mut discount);
    assert_eq!((total, discount), ([2.0 + 0.9 * 3.0], [0.0]));
}

#[test]
fn the_bootstrap_observation_is_the_last_row() {
    let replay = Tape::of("..|.....").replay(8, 8);
    let mut sample = Sample::new(&replay, 3, 2).unwrap();
    let picks = [Pick { row: 1, actor: 0 }, Pick { row: 3, actor: 0 }];
    replay.gather(&picks, &mut sample).unwrap();
    let last = sample.rollout.observation_row(0, 3);
    assert_eq!(last.slice(0..2), Slice::F32(&final_vector(2, 0)));
    assert_eq!(last.slice(2..4), Slice::F32(&vector(6, 0)));
}
