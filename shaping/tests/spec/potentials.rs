//! Hand-computed vectors and the telescoping sum of potential-based shaping.

use proptest::prelude::*;

use crate::toy::{TASK, assert_close, raw};

/// `Phi = -letter`, discount 0.9 of the task's stream.
const POTENTIAL: &str = "[[reward]]\nkind = \"potential\"\nscale = 1.0";

#[test]
fn coming_closer_pays() {
    // d = 3, c = 2, b = 1: 0.9 * -2 + 3 = 1.2; 0.9 * -1 + 2 = 1.1; back to c: 0.9 * -2 + 1 = -0.8.
    assert_close(&raw(POTENTIAL, &["dcbc"]), &[1.2, 1.1, -0.8]);
    let higher = format!("{POTENTIAL}\nbetter = \"higher\"");
    assert_close(&raw(&higher, &["dcbc"]), &[-1.2, -1.1, 0.8]);
}

#[test]
fn a_terminal_state_has_no_potential_and_a_truncated_one_keeps_it() {
    // Both end in c and go on in e; the reset state's potential plays no part in the ending step.
    assert_close(&raw(POTENTIAL, &["dc.ed"]), &[3.0, 0.9 * -3.0 + 4.0]);
    assert_close(&raw(POTENTIAL, &["dc!ed"]), &[1.2, 0.9 * -3.0 + 4.0]);
}

#[test]
fn an_unknown_fact_is_the_worst() {
    // z says -1: taken for 30, the fact's bound.
    assert_close(&raw(POTENTIAL, &["bzb"]), &[0.9 * -30.0 + 1.0, -0.9 + 30.0]);
    let known = format!("{POTENTIAL}\nunknown = nan");
    assert_close(&raw(&known, &["bzb"]), &[0.9 + 1.0, -0.9 - 1.0]);
}

#[test]
fn the_discount_is_that_of_the_stream() {
    let own = format!("{POTENTIAL}\nmix = \"own_value_head\"\ngamma = 0.5");
    assert_close(&raw(&own, &["dc"]), &[0.5 * -2.0 + 3.0]);
    let message = crate::toy::configs(&format!("{POTENTIAL}\ngamma = 0.5"))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("reward[0].gamma") && message.contains("agent's gamma (0.9)"),
        "{message}"
    );
}

proptest! {
    /// Over an episode the discounted rewards sum to `gamma^T * Phi(end) - Phi(start)`, with `Phi(end) = 0` if it terminated.
    #[test]
    fn rewards_telescope(letters in proptest::collection::vec(0u8..26, 2..40), terminated: bool) {
        let states: String = letters.iter().map(|n| (b'a' + n % 25) as char).collect();
        let tape = format!("{states}{}a", if terminated { '.' } else { '!' });
        let rewards = raw(POTENTIAL, &[&tape]);
        let gamma = TASK.gamma;
        let sum: f64 = rewards.iter().rev().fold(0.0, |sum, r| f64::from(*r) + gamma * sum);
        let phi = |n: u8| -f64::from(n % 25);
        let end = if terminated { 0.0 } else { phi(letters[letters.len() - 1]) };
        let expected = gamma.powi(rewards.len() as i32) * end - phi(letters[0]);
        prop_assert!((sum - expected).abs() < 1e-4, "{sum} against {expected}");
    }
}
