//! Hand-computed vectors of the counting modules.

use crate::toy::{assert_close, raw, rollout, rollout_of_agents, run, stack};

const COUNT: &str = "[[reward]]\nkind = \"count\"";
const EPISODIC: &str = "[[reward]]\nkind = \"episodic_count\"";
const FIRST: &str = "[[reward]]\nkind = \"first_visit\"";

fn root(n: f64) -> f64 {
    1.0 / n.sqrt()
}

#[test]
fn a_count_is_read_after_the_whole_row() {
    // a is there twice at the beginning. Row 0 leads to a and b: N(a) = 3, N(b) = 1. Row 1 leads to b and b: N(b) = 3.
    assert_close(
        &raw(COUNT, &["aab", "abb"]),
        &[root(3.0), 1.0, root(3.0), root(3.0)],
    );
}

#[test]
fn a_count_is_lifelong_and_takes_reset_observations_in() {
    // Begin: a 1. Step 0 ends in b (b 1) and resets to a (a 2). Step 1: a 3. Step 2: b 2.
    assert_close(&raw(COUNT, &["ab.aab"]), &[1.0, root(3.0), root(2.0)]);
    // The reset observation is counted with the row: begin a 1; final a 2, reset a 3, read 3; then a 4.
    assert_close(&raw(COUNT, &["aa!aa"]), &[root(3.0), root(4.0)]);
}

#[test]
fn repeat_visits_pay_less_and_less() {
    let channel = raw(COUNT, &["abbbbbbbb"]);
    assert!(channel.windows(2).all(|pair| pair[1] < pair[0]), "{channel:?}");
    assert_close(&raw(FIRST, &["abbbb"]), &[1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn episodic_counts_start_again_where_the_episode_ends() {
    // First episode: a, then a (2), b (1, final). Second: a, then b (1), b (2).
    assert_close(&raw(EPISODIC, &["aab.abb"]), &[root(2.0), 1.0, 1.0, root(2.0)]);
    assert_close(&raw(EPISODIC, &["aab!abb"]), &[root(2.0), 1.0, 1.0, root(2.0)]);
}

#[test]
fn the_final_observation_belongs_to_the_episode_that_it_ends() {
    // b is seen twice in the first episode, the second time as its final observation, then is new again.
    assert_close(&raw(FIRST, &["abb.ab"]), &[1.0, 0.0, 1.0]);
    // The reset observation counts as a visit: coming back to it is no first visit.
    assert_close(&raw(FIRST, &["ac.bab"]), &[1.0, 1.0, 0.0]);
}

#[test]
fn actors_have_memories_of_their_own() {
    assert_close(&raw(FIRST, &["abc", "abb"]), &[1.0, 1.0, 1.0, 0.0]);
    assert_close(
        &raw(EPISODIC, &["aaaa", "abcd"]),
        &[root(2.0), 1.0, root(3.0), 1.0, root(4.0), 1.0],
    );
}

#[test]
fn the_key_says_what_is_the_same() {
    // A is a with another direction.
    assert_close(&raw(FIRST, &["aAbB"]), &[0.0, 1.0, 0.0]);
    let both = format!("{FIRST}\nkey = [\"image\", \"direction\"]");
    assert_close(&raw(&both, &["aAbB"]), &[1.0, 1.0, 1.0]);
    let fact = format!("{FIRST}\nkey = [\"agent_x\"]");
    assert_close(&raw(&fact, &["aAbBb.ba"]), &[0.0, 1.0, 0.0, 0.0, 1.0]);
    // Positions (0, 0), (1, 0.1), (2, 0.2), (3, 0.3) in bins of 2: a and b are one, c and d another.
    let bins = format!("{FIRST}\nkey = [\"position\"]\nresolution = 2.0");
    assert_close(&raw(&bins, &["abcd"]), &[0.0, 1.0, 0.0]);
    let exact = format!("{FIRST}\nkey = [\"position\"]");
    assert_close(&raw(&exact, &["abcdb"]), &[1.0, 1.0, 1.0, 0.0]);
}

#[test]
fn count_reports_how_many_keys_there_are() {
    let mut stack = stack(COUNT, 1);
    let rollout = rollout(&["abcab"]);
    run(&mut stack, &rollout);
    let metrics = stack.learn(&rollout, &crate::toy::tensors(&rollout)).unwrap();
    assert_eq!(metrics["reward/count/distinct"], 3.0);
}

#[test]
fn an_agent_that_is_out_neither_counts_nor_is_paid() {
    // Agent 0 ends in b at step 0 and waits (x is shown to it); agent 1 ends in c at step 1, so that both begin again in d.
    let rollout = rollout_of_agents(&["ab.xdd", "aac.dd"], &[(1, 0)]);
    let channel = |text: &str| run(&mut stack(text, 2), &rollout).channels.remove(0).raw;
    assert_close(&channel(FIRST), &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    // Two first visits of d, then two more: x was never counted, d not by the agent that was out.
    assert_close(&channel(COUNT), &[1.0, root(3.0), 0.0, 1.0, root(4.0), root(4.0)]);
}
