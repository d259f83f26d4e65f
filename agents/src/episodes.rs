//! Returns, lengths and successes of episodes as they go on and end.

use prospect_sim::{Rollout, RowLayout};
use serde::{Deserialize, Serialize};

use crate::recorder::Metrics;

/// One episode that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Which actor lived it.
    pub actor: usize,
    /// The sum of the task's raw rewards.
    pub episodic_return: f64,
    /// Steps.
    pub length: u32,
    /// The event fact `success` happened in it; for envs without that fact, its return is above 0.
    pub success: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Running {
    episodic_return: f64,
    length: u32,
    success: bool,
}

/// Follows the episodes of all actors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Episodes {
    running: Vec<Running>,
}

/// The fact that says that an episode has reached its goal.
pub const SUCCESS: &str = "success";

impl Episodes {
    /// All actors at the start of an episode.
    pub fn new(actors: usize) -> Self {
        Self {
            running: vec![Running::default(); actors],
        }
    }

    /// Takes step `t` in and hands each episode that ended with it to `ended`.
    pub fn observe(&mut self, rollout: &Rollout, t: usize, mut ended: impl FnMut(Episode)) {
        let success = rollout.layout().event_fact(SUCCESS);
        let k = rollout.actors();
        for (actor, running) in self.running.iter_mut().enumerate() {
            let at = t * k + actor;
            if !rollout.alive()[at] {
                continue;
            }
            running.episodic_return += rollout.reward()[at];
            running.length += 1;
            running.success |= success.is_some_and(|fact| rollout.event_fact(fact).get_f64(at) != 0.0);
            if rollout.ended(t, actor) {
                ended(Episode {
                    actor,
                    episodic_return: running.episodic_return,
                    length: running.length,
                    success: if success.is_some() {
                        running.success
                    } else {
                        running.episodic_return > 0.0
                    },
                });
                *running = Running::default();
            }
        }
    }
}

/// Means over a set of episodes; all NaN but the count if there are none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpisodeStats {
    /// Episodes.
    pub episodes: usize,
    /// Mean return.
    pub return_mean: f64,
    /// Standard deviation of the returns (population).
    pub return_std: f64,
    /// Share of successes.
    pub success_rate: f64,
    /// Mean length in steps.
    pub length_mean: f64,
}

impl EpisodeStats {
    /// Over `episodes`.
    pub fn of(episodes: &[Episode]) -> Self {
        let n = episodes.len() as f64;
        let mean = |pick: &dyn Fn(&Episode) -> f64| episodes.iter().map(pick).sum::<f64>() / n;
        let return_mean = mean(&|e| e.episodic_return);
        Self {
            episodes: episodes.len(),
            return_mean,
            return_std: mean(&|e| (e.episodic_return - return_mean).powi(2)).sqrt(),
            success_rate: mean(&|e| f64::from(u8::from(e.success))),
            length_mean: mean(&|e| f64::from(e.length)),
        }
    }

    /// `charts/episodic_return`, `charts/episodic_length`, `charts/success_rate`, `charts/episodes`.
    pub fn charts(&self, into: &mut Metrics) {
        into.insert("charts/episodic_return".to_owned(), self.return_mean);
        into.insert("charts/episodic_length".to_owned(), self.length_mean);
        into.insert("charts/success_rate".to_owned(), self.success_rate);
        into.insert("charts/episodes".to_owned(), self.episodes as f64);
    }

    /// The columns of `eval.csv`.
    pub fn columns(&self) -> Metrics {
        Metrics::from([
            ("episodes".to_owned(), self.episodes as f64),
            ("return_mean".to_owned(), self.return_mean),
            ("return_std".to_owned(), self.return_std),
            ("success_rate".to_owned(), self.success_rate),
            ("length_mean".to_owned(), self.length_mean),
        ])
    }
}

/// Facts that this crate reads where an env has them.
pub(crate) fn wanted_facts(layout: &[prospect_sim::FactSpec]) -> Vec<String> {
    let known = [SUCCESS, "agent_x", "agent_y"];
    let has = |name: &str| layout.iter().any(|fact| fact.field.name == name);
    known
        .iter()
        .filter(|name| has(name))
        .map(|&name| name.to_owned())
        .collect()
}

/// True if positions can be read.
pub(crate) fn has_positions(layout: &RowLayout) -> bool {
    layout.state_fact("agent_x").is_some() && layout.state_fact("agent_y").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_by_hand() {
        let episode = |episodic_return: f64, length: u32| Episode {
            actor: 0,
            episodic_return,
            length,
            success: episodic_return > 0.0,
        };
        let stats = EpisodeStats::of(&[episode(0.0, 10), episode(1.0, 4)]);
        assert_eq!(
            (
                stats.return_mean,
                stats.return_std,
                stats.success_rate,
                stats.length_mean
            ),
            (0.5, 0.5, 0.5, 7.0)
        );
        assert!(EpisodeStats::of(&[]).return_mean.is_nan());
    }
}
