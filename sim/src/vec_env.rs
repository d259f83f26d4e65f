//! The vectorised env: shards stepped together, the same bytes for any number of shards and threads.

use std::sync::Arc;

use bevy_ecs::world::World;
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use crate::{
    env::{BodyState, Env, EnvRows, EnvSpec, Frame, Pose, RowSelection, Scene},
    error::SimError,
    facts::FactSelection,
    hash::Fnv1a,
    row::{Actions, ResetRowMut, RowLayout, RowMut},
    shard::Shard,
};

/// What happens when an episode ends, as Gymnasium's `AutoresetMode` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Autoreset {
    /// The ending step returns the first observation of the next episode; the final one is kept apart.
    #[default]
    SameStep,
    /// The step after the end ignores the action and returns the first observation, reward 0 and no flag.
    NextStep,
    /// The caller resets; a step of an ended env is an error.
    Disabled,
}

/// How the random streams start.
#[derive(Debug, Clone, Copy)]
pub enum Seeds<'a> {
    /// Env `i` is seeded with `base + i`, as `gymnasium.vector` does.
    Base(u64),
    /// One seed per env.
    List(&'a [u64]),
    /// The streams go on from where they are.
    Continue,
}

/// How a [`VecEnv`] is laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct VecEnvConfig {
    /// Env instances.
    pub n_envs: usize,
    /// Threads that step shards; 1 steps on the caller's thread.
    pub threads: usize,
    /// Shards; none chooses by `n_envs` and `threads`.
    pub shards: Option<usize>,
    /// What happens when an episode ends.
    pub autoreset: Autoreset,
    /// Names of the facts to publish.
    pub facts: Vec<String>,
}

impl Default for VecEnvConfig {
    fn default() -> Self {
        Self {
            n_envs: 1,
            threads: 1,
            shards: None,
            autoreset: Autoreset::SameStep,
            facts: Vec::new(),
        }
    }
}

/// Beyond this many rows a shard's state leaves the nearer caches.
const MAX_SHARD: usize = 1024;
/// Below this many rows the schedule's fixed cost shows.
const MIN_SHARD: usize = 64;

impl VecEnvConfig {
    /// A configuration of `n_envs` instances on one thread without facts.
    pub fn of(n_envs: usize) -> Self {
        Self {
            n_envs,
            ..Self::default()
        }
    }

    fn n_shards(&self) -> usize {
        let by_size = self.n_envs.div_ceil(MAX_SHARD);
        let by_threads = if self.threads > 1 {
            (4 * self.threads).min(self.n_envs / MIN_SHARD)
        } else {
            1
        };
        self.shards
            .unwrap_or(by_size.max(by_threads))
            .clamp(1, self.n_envs)
    }

    fn check(&self) -> Result<(), SimError> {
        let zero = |key, remedy: &str| SimError::Config {
            key,
            value: "0".to_owned(),
            remedy: remedy.to_owned(),
        };
        if self.n_envs == 0 {
            return Err(zero("n_envs", "use at least 1"));
        }
        if self.threads == 0 {
            return Err(zero("threads", "use at least 1"));
        }
        if self.shards == Some(0) {
            return Err(zero("shards", "use at least 1"));
        }
        Ok(())
    }
}

/// Many instances of one env, stepped together.
pub struct VecEnv {
    env: Arc<dyn Env>,
    layout: RowLayout,
    selection: FactSelection,
    shards: Vec<Shard>,
    /// The first env of each shard.
    starts: Vec<usize>,
    pool: Option<ThreadPool>,
    autoreset: Autoreset,
}

impl VecEnv {
    /// Builds the shards; [`Self::reset`] must come next.
    ///
    /// # Errors
    /// [`SimError::Config`], [`SimError::UnknownFact`], and what [`Env::build`] returns.
    pub fn new(env: Arc<dyn Env>, config: &VecEnvConfig) -> Result<Self, SimError> {
        config.check()?;
        let spec = env.spec();
        let names = config.facts.iter().map(String::as_str);
        let selection = FactSelection::new(&spec.id, &spec.facts, names)?;
        let layout = RowLayout::new(spec, &selection, config.n_envs)?;
        let n_shards = config.n_shards();
        let starts: Vec<_> = (0..=n_shards).map(|i| i * config.n_envs / n_shards).collect();
        let shards = starts
            .windows(2)
            .map(|w| Shard::new(env.as_ref(), w[1] - w[0], &selection))
            .collect::<Result<Vec<_>, _>>()?;
        let pool = (config.threads > 1 && n_shards > 1)
            .then(|| thread_pool(config.threads))
            .transpose()?;
        Ok(Self {
            env,
            layout,
            selection,
            shards,
            starts,
            pool,
            autoreset: config.autoreset,
        })
    }

    /// The env's description.
    pub fn spec(&self) -> &EnvSpec {
        self.env.spec()
    }

    /// The env itself.
    pub fn env(&self) -> &Arc<dyn Env> {
        &self.env
    }

    /// What a row holds.
    pub fn layout(&self) -> &RowLayout {
        &self.layout
    }

    /// The subscribed facts, as indices into the schema.
    pub fn facts(&self) -> &FactSelection {
        &self.selection
    }

    /// Env instances.
    pub fn n_envs(&self) -> usize {
        self.layout.n_envs
    }

    /// Columns of a row.
    pub fn actors(&self) -> usize {
        self.layout.actors()
    }

    /// Seeds the streams, starts an episode everywhere and writes the first observations.
    ///
    /// # Errors
    /// [`SimError::Length`] if a list of seeds does not have `n_envs` entries, and what the env's reset returns.
    pub fn reset(&mut self, seeds: Seeds<'_>, out: ResetRowMut<'_>) -> Result<(), SimError> {
        if let Seeds::List(list) = seeds
            && list.len() != self.n_envs()
        {
            let layout = "one per env".to_owned();
            return Err(SimError::Length {
                what: "seeds",
                got: list.len(),
                want: self.n_envs(),
                layout,
            });
        }
        let mut rest = out;
        for (shard, &start) in self.shards.iter_mut().zip(&self.starts) {
            for row in 0..shard.n_envs() {
                match seeds {
                    Seeds::Base(base) => shard.seed(row, base.wrapping_add((start + row) as u64)),
                    Seeds::List(list) => shard.seed(row, list[start + row]),
                    Seeds::Continue => {}
                }
            }
            let (mut head, tail) = rest.split_at(shard.actors());
            shard.reset(RowSelection::All, &mut head)?;
            rest = tail;
        }
        Ok(())
    }

    /// Starts a new episode in the envs where `mask` is true (Gymnasium's `reset_mask`) and writes the present
    /// observations of all.
    ///
    /// # Errors
    /// [`SimError::Length`] if `mask` does not have `n_envs` entries, and what the env's reset returns.
    pub fn reset_where(&mut self, mask: &[bool], out: ResetRowMut<'_>) -> Result<(), SimError> {
        if mask.len() != self.n_envs() {
            let layout = "one per env".to_owned();
            return Err(SimError::Length {
                what: "reset_mask",
                got: mask.len(),
                want: self.n_envs(),
                layout,
            });
        }
        let mut rest = out;
        for (shard, &start) in self.shards.iter_mut().zip(&self.starts) {
            let rows = (0..shard.n_envs())
                .filter(|row| mask[start + row])
                .map(|row| row as u32)
                .collect::<Vec<_>>();
            let (mut head, tail) = rest.split_at(shard.actors());
            shard.reset(RowSelection::List(&rows), &mut head)?;
            rest = tail;
        }
        Ok(())
    }

    /// Writes the present observations and facts, after a restore or a placement.
    pub fn observe(&mut self, out: ResetRowMut<'_>) {
        let mut rest = out;
        for shard in &mut self.shards {
            let (mut head, tail) = rest.split_at(shard.actors());
            shard.observe(&mut head);
            rest = tail;
        }
    }

    /// Makes one step of every env.
    ///
    /// # Errors
    /// [`SimError::Action`] and [`SimError::Length`] before anything moves; [`SimError::Ended`] under `DISABLED`; what the
    /// env's reset returns.
    pub fn step(&mut self, actions: Actions<'_>, out: RowMut<'_>) -> Result<(), SimError> {
        actions.check(&self.layout.actions, self.layout.actors())?;
        let width = self.layout.actions.width();
        let (shards, starts, autoreset) = (&mut self.shards[..], &self.starts[..], self.autoreset);
        match &self.pool {
            None => step_in_turn(shards, starts, actions, out, width, autoreset),
            Some(pool) => pool.install(|| step_together(shards, starts, actions, out, width, autoreset)),
        }
    }

    fn locate(&self, env: usize) -> (usize, usize) {
        let shard = self.starts.partition_point(|&start| start <= env) - 1;
        (shard, env - self.starts[shard])
    }

    /// Everything of env `env`, as bytes.
    ///
    /// # Errors
    /// [`SimError::Snapshot`] if a component cannot be written.
    pub fn save(&self, env: usize) -> Result<Vec<u8>, SimError> {
        let (shard, row) = self.locate(env);
        self.shards[shard].save(row)
    }

    /// Puts the bytes of [`Self::save`] into env `env`, whose observation is then stale until [`Self::observe`].
    ///
    /// # Errors
    /// [`SimError::Snapshot`] if the bytes are of another env or version, or cut short.
    pub fn restore(&mut self, env: usize, bytes: &[u8]) -> Result<(), SimError> {
        let (shard, row) = self.locate(env);
        self.shards[shard].restore(row, bytes)
    }

    /// A hash of everything that env `env` keeps.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn state_hash(&self, env: usize) -> Result<u64, SimError> {
        Ok(Fnv1a::of(&self.save(env)?))
    }

    fn with_row<T>(&mut self, env: usize, f: impl FnOnce(&mut dyn EnvRows, &mut World, usize) -> T) -> T {
        let (shard, row) = self.locate(env);
        self.shards[shard].with_rows(|rows, world| f(rows, world, row))
    }

    /// The level of env `env` as it is now.
    pub fn scene(&mut self, env: usize) -> Option<Scene> {
        self.with_row(env, |rows, world, row| rows.scene(world, row))
    }

    /// Every pose at which [`Self::place`] would succeed.
    pub fn poses(&mut self, env: usize) -> Vec<Pose> {
        self.with_row(env, |rows, world, row| rows.poses(world, row))
    }

    /// Puts the actor of env `env` at `pose` and tells whether it can stand there.
    pub fn place(&mut self, env: usize, pose: Pose) -> bool {
        self.with_row(env, |rows, world, row| rows.place(world, row, pose))
    }

    /// Puts env `env` into the state with these values of the facts of [`Env::plane`] and tells whether there is such a state.
    pub fn place_on_plane(&mut self, env: usize, at: [f64; 2]) -> bool {
        self.with_row(env, |rows, world, row| rows.place_on_plane(world, row, at))
    }

    /// A shortest sequence of actions to success from the present state of env `env`.
    pub fn plan(&mut self, env: usize) -> Option<Vec<i32>> {
        self.with_row(env, |rows, world, row| rows.plan(world, row))
    }

    /// Appends the bodies of env `env`: as they are now, or with `ended` as they were at the end of its last episode.
    pub fn bodies(&mut self, env: usize, ended: bool, out: &mut Vec<BodyState>) {
        self.with_row(env, |rows, world, row| rows.bodies(world, row, ended, out));
    }

    /// The present state of env `env` in its published JSON, if it has such a form.
    pub fn state_json(&mut self, env: usize) -> Option<String> {
        self.with_row(env, |rows, world, row| rows.state_json(world, row))
    }

    /// A picture of env `env`, `tile` pixels per cell.
    pub fn render(&mut self, env: usize, tile: usize) -> Option<Frame> {
        self.with_row(env, |rows, world, row| rows.render(world, row, tile))
    }
}

fn thread_pool(threads: usize) -> Result<ThreadPool, SimError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("shard-{i}"))
        .build()
        .map_err(|why| SimError::Config {
            key: "threads",
            value: threads.to_string(),
            remedy: format!("use fewer: {why}"),
        })
}

fn step_in_turn(
    shards: &mut [Shard],
    starts: &[usize],
    actions: Actions<'_>,
    out: RowMut<'_>,
    width: usize,
    autoreset: Autoreset,
) -> Result<(), SimError> {
    let (mut actions, mut out) = (actions, out);
    for (shard, &start) in shards.iter_mut().zip(starts) {
        let (these, rest) = actions.split_at(shard.actors() * width);
        let (row, others) = out.split_at(shard.actors());
        shard.step(these, row, autoreset, start)?;
        (actions, out) = (rest, others);
    }
    Ok(())
}

/// Halves until one shard is left: no list of borrowed rows has to be allocated.
fn step_together(
    shards: &mut [Shard],
    starts: &[usize],
    actions: Actions<'_>,
    out: RowMut<'_>,
    width: usize,
    autoreset: Autoreset,
) -> Result<(), SimError> {
    if let [shard] = shards {
        return shard.step(actions, out, autoreset, starts[0]);
    }
    let mid = shards.len() / 2;
    let (left, right) = shards.split_at_mut(mid);
    let actors = left.iter().map(Shard::actors).sum::<usize>();
    let (left_actions, right_actions) = actions.split_at(actors * width);
    let (left_out, right_out) = out.split_at(actors);
    let (a, b) = rayon::join(
        || step_together(left, starts, left_actions, left_out, width, autoreset),
        || step_together(right, &starts[mid..], right_actions, right_out, width, autoreset),
    );
    a.and(b)
}
