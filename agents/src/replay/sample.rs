//! A sample: windows of n steps as one rollout, reused from batch to batch.

use prospect_sim::{Buffer, ColumnsMut, Rollout, RowLayout};

use super::{
    Pick, Replay,
    ring::{ALIVE, Column, ENDED, TERMINATED, TRUNCATED, gather_actions},
};
use crate::error::AgentError;

/// `B` windows of `n` steps, as a rollout of `T = n` steps and `K = B` actors.
///
/// Window `b` begins with `picks[b]`. Where its episode ends with step `m - 1`, before the `n`-th, the steps after that have
/// `alive = false`, reward 0 and no flags, and the observations (and state facts) of rows `m` to `n` are the final ones. Row
/// `n` of the observation is therefore what a learner bootstraps from in any case, and [`Rollout::next_observation`] is what
/// each step led to.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The windows.
    pub rollout: Rollout,
    /// Per column of stored context, `[n, B]`.
    pub contexts: Vec<Vec<f32>>,
    /// Where the windows begin, `[B]`.
    pub picks: Vec<Pick>,
    /// Importance weights, `[B]`; all 1 where sampling is uniform.
    pub weights: Vec<f32>,
    /// Record numbers, `[n + 1, B]`.
    index: Vec<usize>,
    cut: Vec<Cut>,
}

/// A window whose episode ended in it.
#[derive(Debug, Clone, Copy)]
struct Cut {
    window: usize,
    /// The number of its steps.
    steps: usize,
    /// Where its final observation is.
    place: usize,
}

impl Sample {
    /// Room for `batch` windows of `n_step` steps of `replay`.
    ///
    /// # Errors
    /// [`AgentError::Config`] if the replay cannot hold such a window.
    pub fn new(replay: &Replay, n_step: usize, batch: usize) -> Result<Self, AgentError> {
        replay.check_window(n_step)?;
        let layout = RowLayout {
            n_envs: batch,
            agents_per_env: 1,
            ..replay.layout.clone()
        };
        Ok(Self {
            rollout: Rollout::new(&layout, n_step),
            contexts: vec![vec![0.0; n_step * batch]; replay.context_columns()],
            picks: vec![Pick::default(); batch],
            weights: vec![1.0; batch],
            index: vec![0; (n_step + 1) * batch],
            cut: Vec::with_capacity(batch),
        })
    }

    /// `B`.
    pub fn batch(&self) -> usize {
        self.weights.len()
    }
}

impl Replay {
    /// Fills `sample` with the windows that begin at `picks`, as many as it has room for. Weights are left as they are.
    ///
    /// # Errors
    /// [`AgentError::Replay`] for a window that is not there as a whole, and for another number of picks.
    pub fn gather(&self, picks: &[Pick], sample: &mut Sample) -> Result<(), AgentError> {
        if picks.len() != sample.batch() {
            let reason = format!("{} picks for a sample of {}", picks.len(), sample.batch());
            return Err(self.error(reason));
        }
        sample.picks.clear();
        sample.picks.extend_from_slice(picks);
        self.follow(picks, sample)?;
        let (ring, n, batch) = (&self.ring, sample.rollout.n_steps(), picks.len());
        let (states, steps) = (&sample.index, &sample.index[..n * batch]);
        let columns = sample.rollout.columns_mut();
        gather_columns(&ring.observation, columns.observation, states);
        gather_columns(&ring.state_facts, columns.state_facts, states);
        gather_columns(&ring.event_facts, columns.event_facts, steps);
        gather_actions(&ring.actions, columns.actions, 0, steps);
        for (column, to) in ring.contexts.iter().zip(&mut sample.contexts) {
            if let Buffer::F32(from) = &column.data {
                to.iter_mut().zip(steps).for_each(|(to, &at)| *to = from[at]);
            }
        }
        for (at, &record) in steps.iter().enumerate() {
            let flags = ring.flags[record];
            columns.reward[at] = ring.reward[record];
            columns.terminated[at] = flags & TERMINATED != 0;
            columns.truncated[at] = flags & TRUNCATED != 0;
            columns.alive[at] = flags & ALIVE != 0;
        }
        for cut in &sample.cut {
            self.end_window(sample.rollout.columns_mut(), *cut, batch);
        }
        Ok(())
    }

    /// Finds the records of all windows. A window that is cut repeats its last step.
    fn follow(&self, picks: &[Pick], sample: &mut Sample) -> Result<(), AgentError> {
        let (n, batch) = (sample.rollout.n_steps(), picks.len());
        sample.cut.clear();
        for (window, pick) in picks.iter().enumerate() {
            let (actors, actor) = (self.ring.actors, pick.actor as usize);
            if pick.row < self.first_row() || pick.row >= self.head || actor >= actors {
                return Err(self.no_window(*pick, n));
            }
            let mut slot = self.slot(pick.row);
            let mut cut = None;
            for step in 0..n {
                let at = slot * actors + actor;
                sample.index[step * batch + window] = at;
                if cut.is_some() {
                    continue;
                }
                if pick.row + step as u64 >= self.head {
                    return Err(self.no_window(*pick, n));
                }
                if self.ring.flags[at] & ENDED == 0 {
                    slot = if slot + 1 == self.ring.slots { 0 } else { slot + 1 };
                } else {
                    cut = Some(step + 1);
                }
            }
            sample.index[n * batch + window] = slot * actors + actor;
            if let Some(steps) = cut {
                let row = pick.row + steps as u64 - 1;
                let place = self
                    .ends
                    .find(row, actor)
                    .ok_or_else(|| self.no_window(*pick, n))?;
                sample.cut.push(Cut { window, steps, place });
            }
        }
        Ok(())
    }

    fn no_window(&self, pick: Pick, n_step: usize) -> AgentError {
        let Pick { row, actor } = pick;
        self.error(format!(
            "no window of {n_step} steps begins at row {row}, actor {actor}"
        ))
    }

    /// Puts the final observation at the end of a window that was cut, and takes the steps after it out.
    fn end_window(&self, columns: ColumnsMut<'_>, cut: Cut, batch: usize) {
        let n = columns.alive.len() / batch;
        let last = (cut.steps - 1) * batch + cut.window;
        for i in 0..columns.observation.len() {
            let value = self.ends.observation(i, cut.place);
            columns.final_observation[i].write(last * value.len(), value);
            for row in cut.steps..=n {
                columns.observation[i].write((row * batch + cut.window) * value.len(), value);
            }
        }
        for i in 0..columns.state_facts.len() {
            let value = self.ends.state_fact(i, cut.place);
            columns.final_facts[i].write(last * value.len(), value);
            for row in cut.steps..=n {
                columns.state_facts[i].write((row * batch + cut.window) * value.len(), value);
            }
        }
        for step in cut.steps..n {
            let at = step * batch + cut.window;
            columns.reward[at] = 0.0;
            columns.terminated[at] = false;
            columns.truncated[at] = false;
            columns.alive[at] = false;
        }
    }
}

fn gather_columns(from: &[Column], to: &mut [Buffer], index: &[usize]) {
    for (from, to) in from.iter().zip(to) {
        to.gather(0, from.data.as_slice(), from.width, index);
    }
}

/// The n-step returns of the windows of a sample, and what the value of the state after them counts for.
///
/// With the `m` steps of window `b` (fewer than `n` where its episode ended), `returns[b]` is the sum of
/// `gamma^i * rewards[i, b]` over them. `discounts[b]` is 0 if the last one terminated the episode and `gamma^m` otherwise,
/// where it was truncated, too: the target is `returns + discounts * V(s_m)`, and `s_m` is row `n` of the sample's
/// observation. `rewards` is `[n, B]`, such as the `task` stream of a relabelled sample.
pub fn n_step_returns(
    rollout: &Rollout,
    rewards: &[f32],
    gamma: f64,
    returns: &mut [f32],
    discounts: &mut [f32],
) {
    let batch = rollout.actors();
    let (alive, terminated) = (rollout.alive(), rollout.terminated());
    for (b, (total, bootstrap)) in returns.iter_mut().zip(discounts).enumerate() {
        let (mut sum, mut discount) = (0.0, 1.0);
        for at in (b..rewards.len()).step_by(batch) {
            if !alive[at] {
                break;
            }
            sum += discount * f64::from(rewards[at]);
            discount = if terminated[at] { 0.0 } else { discount * gamma };
        }
        (*total, *bootstrap) = (sum as f32, discount as f32);
    }
}
