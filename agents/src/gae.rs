//! Advantages: generalised advantage estimation (Schulman et al. 2016), one reward stream at a time, and a baseline of other
//! episodes instead of a critic.

use prospect_sim::Rollout;
use serde::{Deserialize, Serialize};

use crate::loss::normalise;

/// What GAE reads of a stream, all `[steps, actors]` flat and time-major.
#[derive(Debug, Clone, Copy)]
pub struct Stream<'a> {
    /// The reward of each transition.
    pub reward: &'a [f32],
    /// The value of the state in which each action was taken, and of the last state: `[steps + 1, actors]`.
    pub value: &'a [f32],
    /// The value of the final observation; read only where an episode was truncated and not terminated.
    pub final_value: &'a [f32],
    /// The task ended here.
    pub terminated: &'a [bool],
    /// The episode was cut off here.
    pub truncated: &'a [bool],
    /// Actors, the width of a row.
    pub actors: usize,
    /// The discount.
    pub gamma: f64,
    /// The decay of the trace.
    pub gae_lambda: f64,
    /// False lets value flow through the ends of episodes into the next first observation, as RND's intrinsic stream does
    /// (Burda et al. 2018, section 2.3).
    pub episodic: bool,
}

impl Stream<'_> {
    /// What the future after transition `i` is worth, and whether the trace goes on over it.
    #[inline]
    fn bootstrap(&self, i: usize) -> (f64, bool) {
        if !self.episodic || !(self.terminated[i] || self.truncated[i]) {
            return (f64::from(self.value[i + self.actors]), true);
        }
        if self.terminated[i] {
            return (0.0, false);
        }
        (f64::from(self.final_value[i]), false)
    }

    /// Fills `advantage` and `returns` (advantage + value), both `[steps, actors]`.
    ///
    /// `delta_t = r_t + gamma * bootstrap_t - V(s_t)`; `A_t = delta_t + gamma * lambda * A_{t+1}`, where the trace is cut at
    /// the end of an episode. A terminated transition bootstraps 0; a truncated one bootstraps the value of its final
    /// observation; where both flags are set, terminated wins.
    pub fn estimate(&self, advantage: &mut [f32], returns: &mut [f32]) {
        let steps = self.reward.len() / self.actors.max(1);
        let decay = self.gamma * self.gae_lambda;
        let mut trace = vec![0.0_f64; self.actors];
        for t in (0..steps).rev() {
            for (k, trace) in trace.iter_mut().enumerate() {
                let i = t * self.actors + k;
                let (future, goes_on) = self.bootstrap(i);
                let value = f64::from(self.value[i]);
                let delta = f64::from(self.reward[i]) + self.gamma * future - value;
                *trace = delta + if goes_on { decay * *trace } else { 0.0 };
                advantage[i] = *trace as f32;
                returns[i] = (*trace + value) as f32;
            }
        }
    }
}

/// Advantages without a critic: an episode against the others that end in the same rollout (the outcome form of group
/// relative policy optimisation, Shao et al. 2024, section 4.1.2).
///
/// The group is all of these episodes, so the task should have one level, or levels that are alike. All steps of an episode
/// get the same advantage: its return from its first step on, discounted, minus the group's mean, over the group's
/// (unbiased) standard deviation. Nothing is bootstrapped: a truncated episode counts with what it was paid. Steps of
/// episodes that go on, or of a group of one, have no advantage and are not learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupBaseline {
    gamma: f64,
    /// Each actor's discounted return of the present episode, and the discount of its next reward.
    running: Vec<(f64, f64)>,
}

impl GroupBaseline {
    /// All episodes begin.
    pub fn new(gamma: f64, actors: usize) -> Self {
        Self {
            gamma,
            running: vec![(0.0, 1.0); actors],
        }
    }

    /// Fills `advantage` and `known`, `[T, K]`, from the rewards of a rollout, and keeps the returns of episodes that go on.
    pub fn estimate(&mut self, reward: &[f32], rollout: &Rollout, advantage: &mut [f32], known: &mut [bool]) {
        let k = rollout.actors();
        let mut first = vec![0; k];
        let (mut ended, mut returns) = (Vec::new(), Vec::new());
        for t in 0..rollout.n_steps() {
            for (actor, (sum, discount)) in self.running.iter_mut().enumerate() {
                *sum += *discount * f64::from(reward[t * k + actor]);
                *discount *= self.gamma;
                if rollout.ended(t, actor) {
                    ended.push((actor, first[actor]..t + 1));
                    returns.push(*sum as f32);
                    first[actor] = t + 1;
                    (*sum, *discount) = (0.0, 1.0);
                }
            }
        }
        advantage.fill(0.0);
        known.fill(false);
        if returns.len() < 2 {
            return;
        }
        normalise(&mut returns);
        for ((actor, steps), value) in ended.into_iter().zip(returns) {
            for t in steps {
                advantage[t * k + actor] = value;
                known[t * k + actor] = rollout.alive()[t * k + actor];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prospect_sim::{ActionSpace, RowLayout};

    use super::*;

    #[test]
    fn episodes_are_measured_against_those_that_end_with_them() {
        let layout = RowLayout {
            n_envs: 3,
            agents_per_env: 1,
            observation: vec![],
            state_facts: vec![],
            event_facts: vec![],
            actions: ActionSpace::Discrete { n: 2 },
        };
        let mut rollout = Rollout::new(&layout, 2);
        rollout.step_mut(0).1.terminated[0] = true;
        rollout.step_mut(1).1.truncated[1] = true;
        let mut group = GroupBaseline::new(0.5, 3);
        let (mut advantage, mut known) = ([9.0; 6], [true; 6]);
        // Returns: actor 0 in one step 1; actor 1 in two steps 2 + 0.5 * 2 = 3; actor 2 goes on.
        let reward = [1.0, 2.0, 5.0, 7.0, 2.0, 5.0];
        group.estimate(&reward, &rollout, &mut advantage, &mut known);
        assert_eq!(known, [true, true, false, false, true, false]);
        // Mean 2, unbiased deviation sqrt 2.
        let half = 0.5_f32.sqrt();
        for (a, b) in advantage.iter().zip([-half, half, 0.0, 0.0, half, 0.0]) {
            assert!((a - b).abs() < 1e-6, "{advantage:?}");
        }
        // Actor 0 brings 7 into the next rollout and gets 0.5 * 2 there, actor 2 brings 7.5 and gets 0.25 * 2: both 8.
        let mut rollout = Rollout::new(&layout, 2);
        for actor in [0, 2] {
            rollout.step_mut(0).1.terminated[actor] = true;
        }
        group.estimate(
            &[2.0, 0.0, 2.0, 0.0, 0.0, 0.0],
            &rollout,
            &mut advantage,
            &mut known,
        );
        assert_eq!(known, [true, false, true, false, false, false]);
        assert_eq!(advantage, [0.0; 6], "equal returns say nothing");
        // A group of one says nothing either.
        group.estimate(&reward, &Rollout::new(&layout, 2), &mut advantage, &mut known);
        assert!(!known.contains(&true));
    }

    fn stream<'a>(
        reward: &'a [f32],
        value: &'a [f32],
        final_value: &'a [f32],
        terminated: &'a [bool],
        truncated: &'a [bool],
    ) -> Stream<'a> {
        Stream {
            reward,
            value,
            final_value,
            terminated,
            truncated,
            actors: 1,
            gamma: 0.5,
            gae_lambda: 0.5,
            episodic: true,
        }
    }

    fn estimate(stream: &Stream<'_>) -> (Vec<f32>, Vec<f32>) {
        let n = stream.reward.len();
        let (mut advantage, mut returns) = (vec![f32::NAN; n], vec![f32::NAN; n]);
        stream.estimate(&mut advantage, &mut returns);
        (advantage, returns)
    }

    const NO: [bool; 3] = [false; 3];

    #[test]
    fn without_an_end() {
        // deltas: 1 + .5*2 - 1 = 1; 0 + .5*4 - 2 = 0; 2 + .5*8 - 4 = 2. A2 = 2; A1 = 0 + .25*2; A0 = 1 + .25*.5.
        let s = stream(&[1.0, 0.0, 2.0], &[1.0, 2.0, 4.0, 8.0], &[9.0; 3], &NO, &NO);
        assert_eq!(estimate(&s), (vec![1.125, 0.5, 2.0], vec![2.125, 2.5, 6.0]));
    }

    #[test]
    fn termination_bootstraps_nothing_and_cuts_the_trace() {
        // delta1 = 0 + 0 - 2 = -2, and A2 does not reach it.
        let s = stream(
            &[1.0, 0.0, 2.0],
            &[1.0, 2.0, 4.0, 8.0],
            &[9.0; 3],
            &[false, true, false],
            &NO,
        );
        assert_eq!(estimate(&s).0, vec![0.5, -2.0, 2.0]);
    }

    #[test]
    fn truncation_bootstraps_the_final_observation() {
        // delta1 = 0 + .5*9 - 2 = 2.5.
        let s = stream(
            &[1.0, 0.0, 2.0],
            &[1.0, 2.0, 4.0, 8.0],
            &[9.0; 3],
            &NO,
            &[false, true, false],
        );
        assert_eq!(estimate(&s).0, vec![1.625, 2.5, 2.0]);
    }

    #[test]
    fn terminated_wins_over_truncated() {
        let both = [false, true, false];
        let s = stream(&[1.0, 0.0, 2.0], &[1.0, 2.0, 4.0, 8.0], &[9.0; 3], &both, &both);
        assert_eq!(estimate(&s).0, vec![0.5, -2.0, 2.0]);
    }

    #[test]
    fn a_non_episodic_stream_ignores_ends() {
        let ends = [true, true, true];
        let mut s = stream(&[1.0, 0.0, 2.0], &[1.0, 2.0, 4.0, 8.0], &[9.0; 3], &ends, &ends);
        s.episodic = false;
        assert_eq!(estimate(&s).0, vec![1.125, 0.5, 2.0]);
    }

    #[test]
    fn actors_do_not_mix() {
        let s = Stream {
            reward: &[1.0, 10.0, 0.0, 0.0],
            value: &[1.0, 0.0, 2.0, 0.0, 4.0, 0.0],
            final_value: &[0.0; 4],
            terminated: &[false; 4],
            truncated: &[false, false, false, true],
            actors: 2,
            gamma: 0.5,
            gae_lambda: 1.0,
            episodic: true,
        };
        // Actor 0: deltas 1, 0 -> A = [1, 0]; actor 1: deltas 10, 0.
        assert_eq!(estimate(&s).0, vec![1.0, 10.0, 0.0, 0.0]);
    }

    #[test]
    fn the_last_state_may_end_too() {
        let s = stream(
            &[0.0, 0.0, 1.0],
            &[0.0, 0.0, 0.5, 7.0],
            &[3.0; 3],
            &[false, false, true],
            &NO,
        );
        // delta2 = 1 - .5; delta1 = .25; A1 = .25 + .25*.5; A0 = .25*A1.
        assert_eq!(estimate(&s).0, vec![0.09375, 0.375, 0.5]);
    }
}
