//! How transitions are drawn: uniformly, from ended episodes only, or by priority.

use prospect_sim::random::Generator;

use super::{Pick, Replay, Sample};
use crate::error::AgentError;

/// Draws of a transition whose actor takes part, before the search is given up.
const MAX_DRAWS: usize = 10_000;

/// Which transitions may be drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Eligible {
    /// All whose window of n steps is there.
    #[default]
    All,
    /// Those of episodes that have ended, whose later states are all known: what hindsight needs.
    EndedEpisodes,
}

/// How a batch is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Draw {
    /// Every transition with the same probability, all weights 1.
    Uniform(Eligible),
    /// By priority, with importance weights to the power of `beta`.
    Prioritised {
        /// 0 corrects nothing, 1 all of it.
        beta: f64,
    },
}

impl Replay {
    /// Whether there is a transition that may be drawn.
    pub fn has_eligible(&self, eligible: Eligible, n_step: usize) -> bool {
        let rows = |actor| self.eligible_rows(eligible, n_step, actor);
        self.alive > 0 && (0..self.ring.actors).any(|actor| rows(actor) > 0)
    }

    /// Draws transitions, all with the same probability and independently, into all of `picks`.
    ///
    /// # Errors
    /// [`AgentError::Replay`] if there is none yet.
    pub fn pick_uniform(
        &self,
        eligible: Eligible,
        n_step: usize,
        rng: &mut Generator,
        picks: &mut [Pick],
    ) -> Result<(), AgentError> {
        let total: u64 = (0..self.ring.actors)
            .map(|actor| self.eligible_rows(eligible, n_step, actor))
            .sum();
        if total == 0 || self.alive == 0 {
            return Err(self.error("there is nothing to draw yet; begin to learn later"));
        }
        for pick in picks {
            *pick = self.draw_alive(eligible, n_step, total, rng)?;
        }
        Ok(())
    }

    fn draw_alive(
        &self,
        eligible: Eligible,
        n_step: usize,
        total: u64,
        rng: &mut Generator,
    ) -> Result<Pick, AgentError> {
        for _ in 0..MAX_DRAWS {
            let pick = self.nth(eligible, n_step, rng.choice(total as usize) as u64);
            // Where nobody misses a step, which is the rule, the flags need not be looked at.
            if self.alive == self.len() || self.is_alive(pick) {
                return Ok(pick);
            }
        }
        Err(self.error("hardly any of its actors took part in a step"))
    }

    /// How many rows of `actor`, the oldest first, may be drawn.
    fn eligible_rows(&self, eligible: Eligible, n_step: usize, actor: usize) -> u64 {
        let end = match eligible {
            Eligible::All => (self.head + 1).saturating_sub(n_step.max(1) as u64),
            Eligible::EndedEpisodes => self.ends.last(actor).map_or(0, |row| row + 1),
        };
        end.saturating_sub(self.first_row())
    }

    /// The `n`-th transition among those that may be drawn.
    fn nth(&self, eligible: Eligible, n_step: usize, mut n: u64) -> Pick {
        let first = self.first_row();
        if eligible == Eligible::All {
            let actors = self.ring.actors as u64;
            return Pick {
                row: first + n / actors,
                actor: (n % actors) as u32,
            };
        }
        let mut actor = 0;
        loop {
            let rows = self.eligible_rows(eligible, n_step, actor);
            if n < rows || actor + 1 == self.ring.actors {
                return Pick {
                    row: first + n,
                    actor: actor as u32,
                };
            }
            n -= rows;
            actor += 1;
        }
    }

    /// Draws transitions in proportion to their priorities, one from each of `picks.len()` equal parts of the sum, and
    /// writes importance weights, the largest of which is 1 (Schaul et al. 2016, section 3.4).
    ///
    /// # Errors
    /// [`AgentError::Replay`] without priorities, or if there is nothing to draw yet.
    pub fn pick_prioritised(
        &self,
        beta: f64,
        rng: &mut Generator,
        picks: &mut [Pick],
        weights: &mut [f32],
    ) -> Result<(), AgentError> {
        let Some(priorities) = &self.priorities else {
            return Err(self.error("it was made without priorities"));
        };
        if priorities.total() <= 0.0 {
            return Err(self.error("there is nothing to draw yet; begin to learn later"));
        }
        let actors = self.ring.actors;
        priorities.draw(rng, picks.len(), |i, at| {
            picks[i] = Pick {
                row: self.row_in(at / actors),
                actor: (at % actors) as u32,
            };
        });
        let records = picks.iter().map(|pick| self.record(pick.row, pick.actor));
        priorities.weigh(records, beta, weights);
        Ok(())
    }

    /// The newest row that may be in `slot`.
    fn row_in(&self, slot: usize) -> u64 {
        let slots = self.ring.slots as u64;
        let behind = (self.head % slots + slots - slot as u64) % slots;
        self.head - behind
    }

    /// Sets the priorities of `picks` by the sizes of their errors. Transitions that have gone are left out, and so are
    /// errors that are no number, on which the learner stops anyway. Of several errors of one transition the last counts.
    pub fn update_priorities(&mut self, picks: &[Pick], errors: &[f32]) {
        let first = self.first_row();
        let slots = self.ring.slots as u64;
        let Some(priorities) = &mut self.priorities else {
            return;
        };
        for (pick, &error) in picks.iter().zip(errors) {
            if pick.row >= first && pick.row < self.head {
                let at = (pick.row % slots) as usize * self.ring.actors + pick.actor as usize;
                priorities.update(at, f64::from(error));
            }
        }
    }

    /// Draws a batch as large as `sample` and fills it.
    ///
    /// # Errors
    /// As [`Self::pick_uniform`] and [`Self::pick_prioritised`].
    pub fn draw(&self, how: Draw, rng: &mut Generator, sample: &mut Sample) -> Result<(), AgentError> {
        let mut picks = std::mem::take(&mut sample.picks);
        let n_step = sample.rollout.n_steps();
        let drawn = match how {
            Draw::Uniform(eligible) => {
                sample.weights.fill(1.0);
                self.pick_uniform(eligible, n_step, rng, &mut picks)
            }
            Draw::Prioritised { beta } => self.pick_prioritised(beta, rng, &mut picks, &mut sample.weights),
        };
        let filled = drawn.and_then(|()| self.gather(&picks, sample));
        sample.picks = picks;
        filled
    }
}
