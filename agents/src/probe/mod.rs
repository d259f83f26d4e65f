//! Looks at fixed levels from which heatmaps are drawn: where the policy goes, what each reward pays there, what it expects.
//!
//! The levels are the same for all variants of a run seed. Looking changes nothing: reward modules are forked, actions come
//! from a stream of their own. The file is numpy's npz; `L` levels of `W` x `H` cells (smaller levels padded with 0):
//!
//! | entry | type | shape | |
//! |---|---|---|---|
//! | `layout` | uint8 | `[L, W, H, 3]` | object, colour, state |
//! | `agent_start` | int32 | `[L, 3]` | x, y, heading |
//! | `visits` | float32 | `[L, W, H]` | how often a cell was the agent's, starts included |
//! | `extrinsic`, `mixed` | float32 | `[L, W, H]` | mean reward of steps that ended in a cell, NaN where none did |
//! | `bonus/<module>` | float32 | `[L, W, H]` | the same of a module's raw reward |
//! | `value`, `potential` | float32 | `[L, 4, W, H]` | by pose, NaN where nobody can stand |
//! | `greedy_action` | int8 | `[L, 4, W, H]` | by pose, -1 where nobody can stand; absent if actions are reals |
//!
//! A task without cells is looked at over the plane of its two facts ([`prospect_sim::Plane`]); `H` counts upwards there, and
//! there are no headings: `value`, `potential` and `greedy_action` are `[L, W, H]`, of the state with a cell's middle values
//! and all else at rest. All seeds share one level, but for goal-conditioned tasks. Instead of layout and start:
//!
//! | entry | type | shape | |
//! |---|---|---|---|
//! | `axes`, `axis_units` | unicode | `[2]` | names and units of the facts along x and y |
//! | `axis_range` | float64 | `[2, 2]` | low and high of each |
//! | `placeable` | uint8 | `[L, W, H]` | 1 where there is such a state |
//! | `action_names` | unicode | `[actions]` | if actions have names |
//! | `start`, `goal` | float32 | `[L, 2]` | of each level, if levels are goals |

mod file;
mod ground;

use prospect_nets::TensorBatch;
use prospect_shaping::{Batch, Context, Mixed, RewardModule};
use prospect_sim::{
    Rollout, Seeds,
    random::{Generator, Purpose, run_seed},
};

use self::ground::Ground;
use crate::{config::ProbeConfig, error::AgentError, learner::Play, trainer::Trainer};

/// Steps that are labelled at once.
const CHUNK: usize = 64;
/// Steps after which a look gives up on episodes of an env that has no limit of its own.
const MAX_STEPS: usize = 10_000;

/// One look at all levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    ground: Ground,
    visits: Vec<f32>,
    /// Name and values of each mean per cell: `extrinsic`, `mixed`, `bonus/<module>`.
    means: Vec<(String, Vec<f32>)>,
    value: Vec<f32>,
    potential: Option<Vec<f32>>,
    greedy_action: Vec<i8>,
    /// 1 where a state could be judged, by cell.
    placeable: Vec<u8>,
}

/// Looks at the trainer's probe levels; none if its env has neither cells nor a plane.
///
/// # Errors
/// What envs and modules return.
pub fn look(trainer: &Trainer, config: &ProbeConfig) -> Result<Option<Probe>, AgentError> {
    let base = run_seed(trainer.run_seed(), Purpose::Probe)?;
    let seeds: Vec<u64> = (0..config.levels as u64).map(|i| base + i).collect();
    let Some(ground) = Ground::of(trainer, &seeds)? else {
        return Ok(None);
    };
    let mut probe = Probe::over(ground);
    probe.play(trainer, &seeds, config.episodes.max(1))?;
    for (level, &seed) in seeds.iter().enumerate().take(probe.ground.levels()) {
        probe.stand(trainer, level, seed)?;
    }
    Ok(Some(probe))
}

/// Sums per cell.
struct Sums {
    arrivals: Vec<f64>,
    /// `extrinsic`, `mixed`, then each module.
    rewards: Vec<Vec<f64>>,
}

impl Probe {
    fn over(ground: Ground) -> Self {
        let [width, height] = ground.size();
        let cells = ground.levels() * width * height;
        let poses = cells * ground.headings();
        Self {
            ground,
            visits: vec![0.0; cells],
            means: Vec::new(),
            value: vec![f32::NAN; poses],
            potential: None,
            greedy_action: vec![-1; poses],
            placeable: vec![0; cells],
        }
    }

    /// The entry of a cell.
    fn entry(&self, level: usize, [x, y]: [usize; 2]) -> usize {
        let [width, height] = self.ground.size();
        (level * width + x) * height + y
    }

    /// Where an actor is at state row `t`, or was when its episode ended with step `t`.
    fn whereabouts(&self, rollout: &Rollout, seed: usize, at: usize, last: bool) -> Option<usize> {
        let cell = self.ground.cell(rollout, at, last)?;
        Some(self.entry(self.ground.level_of(seed), cell))
    }

    /// Plays `episodes` on each level with the sampled policy and forked modules.
    fn play(&mut self, trainer: &Trainer, seeds: &[u64], episodes: usize) -> Result<(), AgentError> {
        let of_level = |&seed: &u64| std::iter::repeat_n(seed, episodes);
        let repeated: Vec<u64> = seeds.iter().flat_map(of_level).collect();
        let mut envs = trainer.envs_with(repeated.len(), &self.ground.facts())?;
        let mut stack = trainer.stack().fork(envs.actors())?;
        let mut rollout = Rollout::new(envs.layout(), CHUNK);
        let rng = Generator::named(trainer.run_seed(), &format!("agent/probe/{}", trainer.step()));
        let mut player = trainer.learner().player(envs.actors(), Play::Sampled, rng);
        envs.reset(Seeds::List(&repeated), rollout.first_row_mut())?;
        stack.begin(&rollout)?;
        let mut names = vec!["extrinsic".to_owned(), "mixed".to_owned()];
        names.extend(stack.configs().map(|config| format!("bonus/{}", config.name)));
        let mut sums = Sums {
            arrivals: vec![0.0; self.visits.len()],
            rewards: vec![vec![0.0; self.visits.len()]; names.len()],
        };
        for k in 0..envs.actors() {
            if let Some(cell) = self.whereabouts(&rollout, k / episodes, k, false) {
                self.visits[cell] += 1.0;
            }
        }
        let mut going = vec![true; envs.actors()];
        for _ in 0..MAX_STEPS / CHUNK {
            for t in 0..CHUNK {
                player.act(&mut rollout, t);
                let (actions, row) = rollout.step_mut(t);
                envs.step(actions, row)?;
                player.observe(&rollout, t);
                stack.observe(&rollout, t);
            }
            let batch = TensorBatch::new(&rollout, trainer.device());
            let mixed = stack.peek(&rollout, &batch, trainer.step())?;
            self.take_in(&rollout, &mixed, episodes, &mut going, &mut sums);
            if !going.contains(&true) {
                break;
            }
            rollout.carry();
        }
        for (name, sums_of) in names.into_iter().zip(&sums.rewards) {
            let mean = |(sum, n): (&f64, &f64)| (sum / n) as f32;
            self.means
                .push((name, sums_of.iter().zip(&sums.arrivals).map(mean).collect()));
        }
        Ok(())
    }

    /// Adds the steps of actors whose first episode goes on.
    fn take_in(
        &mut self,
        rollout: &Rollout,
        mixed: &Mixed,
        episodes: usize,
        going: &mut [bool],
        sums: &mut Sums,
    ) {
        let k = rollout.actors();
        for t in 0..rollout.n_steps() {
            for (actor, going) in going.iter_mut().enumerate() {
                if !*going {
                    continue;
                }
                let (at, ended) = (t * k + actor, rollout.ended(t, actor));
                let state = if ended { at } else { at + k };
                if let Some(cell) = self.whereabouts(rollout, actor / episodes, state, ended) {
                    self.visits[cell] += 1.0;
                    sums.arrivals[cell] += 1.0;
                    sums.rewards[0][cell] += rollout.reward()[at];
                    sums.rewards[1][cell] += all_mixed(mixed, at);
                    for (channel, sum) in mixed.channels.iter().zip(&mut sums.rewards[2..]) {
                        sum[cell] += f64::from(channel.raw[at]);
                    }
                }
                *going &= !ended;
            }
        }
    }

    /// Puts an agent into every pose of a level and asks the networks.
    fn stand(&mut self, trainer: &Trainer, level: usize, seed: u64) -> Result<(), AgentError> {
        let spots = self.ground.spots(level);
        if spots.is_empty() {
            return Ok(());
        }
        let mut envs = trainer.envs_of(spots.len())?;
        let mut rollout = Rollout::new(envs.layout(), 1);
        envs.reset(Seeds::List(&vec![seed; spots.len()]), rollout.first_row_mut())?;
        let placed: Vec<bool> = spots
            .iter()
            .enumerate()
            .map(|(i, spot)| spot.take(&mut envs, i))
            .collect();
        envs.observe(rollout.first_row_mut());
        let judgement = trainer.learner().judge(&rollout, 0);
        let potential = potentials(trainer, &mut rollout)?;
        let headings = self.ground.headings();
        for (i, spot) in spots.iter().enumerate().filter(|(i, _)| placed[*i]) {
            let cell = self.entry(level, spot.cell);
            let at = self.entry(level * headings + spot.heading, spot.cell);
            self.placeable[cell] = 1;
            self.value[at] = judgement.value[i];
            self.greedy_action[at] = judgement.greedy_action.get(i).map_or(-1, |&action| action as i8);
            if let Some(potential) = &potential {
                let unknown = || vec![f32::NAN; self.value.len()];
                self.potential.get_or_insert_with(unknown)[at] = potential[i];
            }
        }
        Ok(())
    }
}

/// All that the policy is paid for one transition: the task's stream, other streams and advantage terms, weighted.
fn all_mixed(mixed: &Mixed, at: usize) -> f64 {
    let streams = mixed
        .streams
        .iter()
        .map(|stream| stream.weight * f64::from(stream.reward[at]));
    let terms = mixed
        .advantage
        .iter()
        .map(|term| term.weight * f64::from(term.value[at]));
    f64::from(mixed.task[at]) + streams.sum::<f64>() + terms.sum::<f64>()
}

/// The potential of each actor's present state, by the first module of kind `potential`: a step that terminates pays
/// `gamma * 0 - Phi(s)`.
fn potentials(trainer: &Trainer, rollout: &mut Rollout) -> Result<Option<Vec<f32>>, AgentError> {
    let config = trainer
        .stack()
        .configs()
        .find(|config| config.kind == "potential");
    let module: Option<&dyn RewardModule> = config.and_then(|config| trainer.stack().module(&config.name));
    let Some(module) = module else {
        return Ok(None);
    };
    rollout.step_mut(0).1.terminated.fill(true);
    let mut out = vec![0.0; rollout.actors()];
    let tensors = TensorBatch::new(rollout, trainer.device());
    let context = Context::default();
    let batch = Batch {
        rollout,
        context: &context,
        tensors: &tensors,
    };
    module.label(&batch, &mut out)?;
    Ok(Some(out.into_iter().map(|x| -x).collect()))
}
