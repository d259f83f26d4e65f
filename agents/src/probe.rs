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
//! | `greedy_action` | int8 | `[L, 4, W, H]` | by pose, -1 where nobody can stand |

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use npyz::{
    WriterBuilder,
    npz::NpzWriter,
    zip::{DateTime, write::FileOptions},
};
use prospect_nets::TensorBatch;
use prospect_shaping::{Batch, Context, Mixed, RewardModule};
use prospect_sim::{
    Pose, Rollout, Scene, Seeds,
    random::{Generator, Purpose, run_seed},
};

use crate::{
    config::ProbeConfig, episodes::has_positions, error::AgentError, learner::Play, trainer::Trainer,
};

/// Steps that are labelled at once.
const CHUNK: usize = 64;
/// Steps after which a look gives up on episodes of an env that has no limit of its own.
const MAX_STEPS: usize = 10_000;

/// One look at all levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    levels: usize,
    width: usize,
    height: usize,
    layout: Vec<u8>,
    agent_start: Vec<i32>,
    visits: Vec<f32>,
    /// Name and values of each mean per cell: `extrinsic`, `mixed`, `bonus/<module>`.
    means: Vec<(String, Vec<f32>)>,
    value: Vec<f32>,
    potential: Option<Vec<f32>>,
    greedy_action: Vec<i8>,
}

/// Looks at the trainer's probe levels; none if its env has no cells or no positions.
///
/// # Errors
/// What envs and modules return.
pub fn look(trainer: &Trainer, config: &ProbeConfig) -> Result<Option<Probe>, AgentError> {
    let base = run_seed(trainer.run_seed(), Purpose::Probe)?;
    let seeds: Vec<u64> = (0..config.levels as u64).map(|i| base + i).collect();
    let mut envs = trainer.envs_of(seeds.len())?;
    if !has_positions(envs.layout()) {
        return Ok(None);
    }
    envs.reset(
        Seeds::List(&seeds),
        Rollout::new(envs.layout(), 1).first_row_mut(),
    )?;
    let scenes: Option<Vec<Scene>> = (0..seeds.len()).map(|i| envs.scene(i)).collect();
    let Some(scenes) = scenes else {
        return Ok(None);
    };
    let poses: Vec<Vec<Pose>> = (0..seeds.len()).map(|i| envs.poses(i)).collect();
    let mut probe = Probe::over(&scenes);
    probe.play(trainer, &seeds, config.episodes.max(1))?;
    for (level, poses) in poses.iter().enumerate() {
        probe.stand(trainer, level, seeds[level], poses)?;
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
    fn over(scenes: &[Scene]) -> Self {
        let width = scenes.iter().map(|scene| scene.width).max().unwrap_or(0);
        let height = scenes.iter().map(|scene| scene.height).max().unwrap_or(0);
        let cells = scenes.len() * width * height;
        let mut layout = vec![0; cells * 3];
        for (level, scene) in scenes.iter().enumerate() {
            let column = scene.height * 3;
            for x in 0..scene.width {
                let to = (level * width + x) * height * 3;
                layout[to..to + column].copy_from_slice(&scene.cells[x * column..(x + 1) * column]);
            }
        }
        Self {
            levels: scenes.len(),
            width,
            height,
            layout,
            agent_start: scenes.iter().flat_map(|scene| scene.pose).collect(),
            visits: vec![0.0; cells],
            means: Vec::new(),
            value: vec![f32::NAN; cells * 4],
            potential: None,
            greedy_action: vec![-1; cells * 4],
        }
    }

    fn cell(&self, level: usize, x: i32, y: i32) -> Option<usize> {
        let inside = (0..self.width as i32).contains(&x) && (0..self.height as i32).contains(&y);
        inside.then(|| (level * self.width + x as usize) * self.height + y as usize)
    }

    /// Where an actor is at state row `t`, or was when its episode ended with step `t`.
    fn whereabouts(&self, rollout: &Rollout, level: usize, at: usize, last: bool) -> Option<usize> {
        let layout = rollout.layout();
        let read = |name: &str| {
            let fact = layout.state_fact(name)?;
            let all = if last {
                rollout.final_fact(fact)
            } else {
                rollout.state_fact(fact)
            };
            Some(all.get_f64(at) as i32)
        };
        self.cell(level, read("agent_x")?, read("agent_y")?)
    }

    /// Plays `episodes` on each level with the sampled policy and forked modules.
    fn play(&mut self, trainer: &Trainer, seeds: &[u64], episodes: usize) -> Result<(), AgentError> {
        let repeated: Vec<u64> = seeds
            .iter()
            .flat_map(|&seed| std::iter::repeat_n(seed, episodes))
            .collect();
        let mut envs = trainer.envs_of(repeated.len())?;
        let mut stack = trainer.stack().fork(envs.actors())?;
        let mut rollout = Rollout::new(envs.layout(), CHUNK);
        let rng = Generator::named(trainer.run_seed(), &format!("agent/probe/{}", trainer.step()));
        let mut player = trainer.learner().player(envs.actors(), Play::Sampled, rng);
        envs.reset(Seeds::List(&repeated), rollout.first_row_mut())?;
        stack.begin(&rollout)?;
        let names: Vec<String> = stack
            .configs()
            .map(|config| format!("bonus/{}", config.name))
            .collect();
        let names: Vec<String> = ["extrinsic".to_owned(), "mixed".to_owned()]
            .into_iter()
            .chain(names)
            .collect();
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
    fn stand(
        &mut self,
        trainer: &Trainer,
        level: usize,
        seed: u64,
        poses: &[Pose],
    ) -> Result<(), AgentError> {
        if poses.is_empty() {
            return Ok(());
        }
        let mut envs = trainer.envs_of(poses.len())?;
        let mut rollout = Rollout::new(envs.layout(), 1);
        envs.reset(Seeds::List(&vec![seed; poses.len()]), rollout.first_row_mut())?;
        let placed: Vec<bool> = poses
            .iter()
            .enumerate()
            .map(|(i, &pose)| envs.place(i, pose))
            .collect();
        envs.observe(rollout.first_row_mut());
        let judgement = trainer.learner().judge(&rollout, 0);
        let potential = potentials(trainer, &mut rollout)?;
        for (i, &[x, y, heading]) in poses.iter().enumerate().filter(|(i, _)| placed[*i]) {
            let (true, Some(_)) = ((0..4).contains(&heading), self.cell(level, x, y)) else {
                continue;
            };
            let plane = (level * 4 + heading as usize) * self.width + x as usize;
            let at = plane * self.height + y as usize;
            self.value[at] = judgement.value[i];
            self.greedy_action[at] = judgement.greedy_action.get(i).map_or(-1, |&action| action as i8);
            if let Some(potential) = &potential {
                let unknown = || vec![f32::NAN; self.value.len()];
                self.potential.get_or_insert_with(unknown)[at] = potential[i];
            }
        }
        Ok(())
    }

    /// Writes the npz file, whole or not at all.
    ///
    /// # Errors
    /// [`AgentError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), AgentError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(AgentError::io(folder))?;
        }
        let aside = path.with_extension("npz.tmp");
        let file = File::create(&aside).map_err(AgentError::io(&aside))?;
        self.write_to(BufWriter::new(file))
            .map_err(AgentError::io(&aside))?;
        fs::rename(&aside, path).map_err(AgentError::io(path))
    }

    fn write_to<W: Write + io::Seek>(&self, to: W) -> io::Result<()> {
        let (l, w, h) = (self.levels as u64, self.width as u64, self.height as u64);
        let mut npz = NpzWriter::new(to);
        array(&mut npz, "layout", &[l, w, h, 3], &self.layout)?;
        array(&mut npz, "agent_start", &[l, 3], &self.agent_start)?;
        array(&mut npz, "visits", &[l, w, h], &self.visits)?;
        for (name, values) in &self.means {
            array(&mut npz, name, &[l, w, h], values)?;
        }
        array(&mut npz, "value", &[l, 4, w, h], &self.value)?;
        array(&mut npz, "greedy_action", &[l, 4, w, h], &self.greedy_action)?;
        if let Some(potential) = &self.potential {
            array(&mut npz, "potential", &[l, 4, w, h], potential)?;
        }
        npz.zip_writer().finish()?.flush()
    }
}

fn array<T: npyz::Serialize + npyz::AutoSerialize + Copy, W: Write + io::Seek>(
    npz: &mut NpzWriter<W>,
    name: &str,
    shape: &[u64],
    values: &[T],
) -> io::Result<()> {
    // Without a time of writing, so that equal probes are equal files.
    let options = FileOptions::default().last_modified_time(DateTime::default());
    let mut writer = npz
        .array(name, options)?
        .default_dtype()
        .shape(shape)
        .begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()
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
