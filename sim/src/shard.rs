//! A shard: one bevy `World` with one row per env instance, and the single-threaded `Schedule` that steps them.

use bevy_ecs::{
    component::Component,
    entity::Entity,
    resource::Resource,
    schedule::{IntoScheduleConfigs, Schedule, ScheduleLabel, SingleThreadedExecutor, SystemSet},
    system::ScheduleSystem,
    world::World,
};
use serde::{Deserialize, Serialize};

use crate::{
    env::{Env, EnvRows, RowSelection},
    error::SimError,
    facts::FactSelection,
    random::Generator,
    row::{Actions, ResetRowMut, RowMut},
    slots::{Slot, SlotTable},
    snapshot::{self, Codec, ColumnState, RowState},
    vec_env::Autoreset,
};

/// The parts of a step, in their order.
#[derive(SystemSet, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepSet {
    /// Actors act on the world.
    Act,
    /// The world moves on by itself.
    Advance,
    /// Rewards and terminations are decided.
    Judge,
    /// Clocks run out.
    End,
}

#[derive(ScheduleLabel, Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Step;

/// Which instance of the shard a row is; its identity, since rows are never despawned.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvIx(pub u32);

/// The row's random stream, the only one its env may draw from.
#[derive(Component, Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rng(pub Generator);

impl RowState for Rng {
    const NAME: &'static str = "rng";
}

/// The actions of the step being made, `[actors of the shard, width]`; one of the two is empty.
#[derive(Resource, Debug, Default)]
pub struct ActionColumn {
    /// Indices.
    pub discrete: Vec<i32>,
    /// Reals.
    pub continuous: Vec<f32>,
}

/// What the env decided in this step, one entry per actor of the shard. The env writes every entry in every step.
#[derive(Resource, Debug, Default)]
pub struct Outcome {
    /// The task's reward.
    pub reward: Vec<f64>,
    /// The task has ended.
    pub terminated: Vec<bool>,
    /// The episode was cut off.
    pub truncated: Vec<bool>,
    /// The actor takes part; kept by the shard, read by multi-agent envs.
    pub alive: Vec<bool>,
    agents_per_env: usize,
}

impl Outcome {
    fn new(n_envs: usize, agents_per_env: usize) -> Self {
        let actors = n_envs * agents_per_env;
        Self {
            reward: vec![0.0; actors],
            terminated: vec![false; actors],
            truncated: vec![false; actors],
            alive: vec![true; actors],
            agents_per_env,
        }
    }
}

impl ColumnState for Outcome {
    const NAME: &'static str = "alive";

    fn encode_row(&self, row: usize, out: &mut Vec<u8>) {
        let agents = self.agents_per_env;
        out.extend(
            self.alive[row * agents..(row + 1) * agents]
                .iter()
                .map(|&alive| u8::from(alive)),
        );
    }

    fn decode_row(&mut self, row: usize, bytes: &[u8]) -> Result<(), String> {
        let agents = self.agents_per_env;
        if bytes.len() != agents {
            return Err(format!("{} flags for {agents} actors", bytes.len()));
        }
        let alive = &mut self.alive[row * agents..(row + 1) * agents];
        alive
            .iter_mut()
            .zip(bytes)
            .for_each(|(alive, &byte)| *alive = byte != 0);
        Ok(())
    }
}

/// Handed to [`Env::build`]: adds state and systems to a shard that is being made.
pub struct ShardBuilder<'a> {
    pub(crate) world: &'a mut World,
    schedule: &'a mut Schedule,
    rows: &'a [Entity],
    codecs: &'a mut Vec<Codec>,
    pub(crate) slot_codecs: &'a mut Vec<Codec>,
    selection: &'a FactSelection,
}

impl ShardBuilder<'_> {
    /// Env instances in this shard.
    pub fn n_envs(&self) -> usize {
        self.rows.len()
    }

    /// The facts somebody subscribed to.
    pub fn facts(&self) -> &FactSelection {
        self.selection
    }

    /// Gives every row a component, which snapshots will hold.
    pub fn state<C: RowState>(&mut self, mut make: impl FnMut(usize) -> C) -> &mut Self {
        for (row, &entity) in self.rows.iter().enumerate() {
            self.world.entity_mut(entity).insert(make(row));
        }
        self.codecs.push(Codec::component::<C>(self.world));
        self
    }

    /// Adds a flat column, which snapshots will hold row by row.
    pub fn column<R: ColumnState>(&mut self, column: R) -> &mut Self {
        self.world.insert_resource(column);
        self.codecs.push(Codec::column::<R>());
        self
    }

    /// Adds something that is no state of any row: a table, a scratch buffer.
    pub fn resource<R: Resource>(&mut self, resource: R) -> &mut Self {
        self.world.insert_resource(resource);
        self
    }

    /// Adds systems to one of the sets; within a set they run in the order of `.chain()`.
    pub fn systems<M>(
        &mut self,
        set: StepSet,
        systems: impl IntoScheduleConfigs<ScheduleSystem, M>,
    ) -> &mut Self {
        self.schedule.add_systems(systems.in_set(set));
        self
    }

    /// The world, for cached queries.
    pub fn world(&mut self) -> &mut World {
        self.world
    }
}

/// Rows carry `EnvIx` and what `ShardBuilder::state` added, slots `EnvIx`, `Slot` and what `ShardBuilder::slot_state` added;
/// anything more would be missing from snapshots.
fn check_codecs(
    world: &World,
    env_id: &str,
    entity: Option<&Entity>,
    codecs: &[Codec],
) -> Result<(), SimError> {
    let Some(&entity) = entity else {
        return Ok(());
    };
    let identity = [world.component_id::<EnvIx>(), world.component_id::<Slot>()];
    let known = |id| identity.contains(&Some(id)) || codecs.iter().any(|codec| codec.id() == Some(id));
    let entity = world.entity(entity);
    let components = entity.archetype().components();
    let missing = components.iter().filter(|&&id| !known(id)).count();
    if missing == 0 {
        return Ok(());
    }
    Err(SimError::MissingCodec {
        env: env_id.to_owned(),
        missing,
    })
}

/// A batch of env instances that is stepped by one thread at a time.
pub struct Shard {
    env_id: String,
    world: World,
    schedule: Schedule,
    env_rows: Box<dyn EnvRows>,
    rows: Vec<Entity>,
    codecs: Vec<Codec>,
    agents_per_env: usize,
    /// Rows whose episode ended and that were not reset yet (never set under `SAME_STEP`).
    waiting: Vec<bool>,
    ended: Vec<u32>,
}

impl Shard {
    /// A shard of `n_envs` instances of `env`; they must be reset before the first step.
    ///
    /// # Errors
    /// What [`Env::build`] returns, and [`SimError::MissingCodec`].
    pub fn new(env: &dyn Env, n_envs: usize, selection: &FactSelection) -> Result<Self, SimError> {
        let spec = env.spec();
        let mut world = World::new();
        let mut schedule = Schedule::new(Step);
        // By name: another crate's `multi_threaded` feature would change the default and cost 24 us a step.
        schedule.set_executor(SingleThreadedExecutor::new());
        schedule.configure_sets((StepSet::Act, StepSet::Advance, StepSet::Judge, StepSet::End).chain());
        world.insert_resource(ActionColumn::default());
        let rows: Vec<_> = (0..n_envs)
            .map(|row| world.spawn(EnvIx(row as u32)).id())
            .collect();
        let (mut codecs, mut slot_codecs) = (Vec::new(), Vec::new());
        let mut builder = ShardBuilder {
            world: &mut world,
            schedule: &mut schedule,
            rows: &rows,
            codecs: &mut codecs,
            slot_codecs: &mut slot_codecs,
            selection,
        };
        builder.column(Outcome::new(n_envs, spec.agents_per_env));
        builder.state(|_| Rng(Generator::default_rng(0)));
        let env_rows = env.build(&mut builder)?;
        check_codecs(&world, &spec.id, rows.first(), &codecs)?;
        let slots = world.get_resource::<SlotTable>();
        let slot = slots.and_then(|slots| slots.entities.first());
        check_codecs(&world, &spec.id, slot, &slot_codecs)?;
        // How many slots are in use is read back before what is in them.
        codecs.extend(slot_codecs);
        Ok(Self {
            env_id: spec.id.clone(),
            world,
            schedule,
            env_rows,
            rows,
            codecs,
            agents_per_env: spec.agents_per_env,
            waiting: vec![false; n_envs],
            ended: Vec::with_capacity(n_envs),
        })
    }

    /// Env instances.
    pub fn n_envs(&self) -> usize {
        self.rows.len()
    }

    /// Actors.
    pub fn actors(&self) -> usize {
        self.rows.len() * self.agents_per_env
    }

    /// Starts the random stream of `row` anew.
    pub fn seed(&mut self, row: usize, seed: u64) {
        if let Some(mut rng) = self.world.get_mut::<Rng>(self.rows[row]) {
            rng.0 = Generator::default_rng(seed);
        }
        self.env_rows.seeded(&mut self.world, row);
    }

    /// Starts a new episode in `rows` and writes the first observation of all rows.
    ///
    /// # Errors
    /// What the env's reset returns.
    pub fn reset(&mut self, rows: RowSelection<'_>, out: &mut ResetRowMut<'_>) -> Result<(), SimError> {
        self.begin(rows)?;
        self.observe(out);
        Ok(())
    }

    /// Writes the present observation and facts of all rows.
    pub fn observe(&mut self, out: &mut ResetRowMut<'_>) {
        self.env_rows.observe(
            &mut self.world,
            RowSelection::All,
            &mut out.observation,
            &mut out.state_facts,
        );
    }

    fn begin(&mut self, rows: RowSelection<'_>) -> Result<(), SimError> {
        self.env_rows.reset(&mut self.world, rows)?;
        let agents = self.agents_per_env;
        let mut outcome = self.world.resource_mut::<Outcome>();
        match rows {
            RowSelection::All => {
                outcome.alive.fill(true);
                self.waiting.fill(false);
            }
            RowSelection::List(list) => {
                for &row in list {
                    let row = row as usize;
                    outcome.alive[row * agents..(row + 1) * agents].fill(true);
                    self.waiting[row] = false;
                }
            }
        }
        Ok(())
    }

    /// Makes one step of all rows and writes its results; `first_env` is the index of row 0, for messages.
    ///
    /// # Errors
    /// [`SimError::Ended`] under `DISABLED`, and what the env's reset returns.
    pub fn step(
        &mut self,
        actions: Actions<'_>,
        mut out: RowMut<'_>,
        autoreset: Autoreset,
        first_env: usize,
    ) -> Result<(), SimError> {
        let waiting = match autoreset {
            Autoreset::SameStep => Vec::new(),
            Autoreset::NextStep => self.hold_waiting()?,
            Autoreset::Disabled => match self.waiting.iter().position(|&waiting| waiting) {
                Some(row) => return Err(SimError::Ended { env: first_env + row }),
                None => Vec::new(),
            },
        };
        self.take_actions(actions);
        self.schedule.run(&mut self.world);
        self.env_rows.events(&mut self.world, &mut out.event_facts);
        self.release_waiting(&waiting)?;
        self.judge(&mut out);
        if !self.ended.is_empty() {
            let rows = RowSelection::List(&self.ended);
            let last = &mut out.last;
            self.env_rows.observe(
                &mut self.world,
                rows,
                &mut last.observation,
                &mut last.state_facts,
            );
            if autoreset == Autoreset::SameStep {
                let ended = std::mem::take(&mut self.ended);
                let result = self.begin(RowSelection::List(&ended));
                self.ended = ended;
                result?;
            } else {
                self.ended
                    .iter()
                    .for_each(|&row| self.waiting[row as usize] = true);
            }
        }
        self.observe(&mut out.next);
        Ok(())
    }

    fn take_actions(&mut self, actions: Actions<'_>) {
        let mut column = self.world.resource_mut::<ActionColumn>();
        match actions {
            Actions::Discrete(v) => {
                column.discrete.clear();
                column.discrete.extend_from_slice(v);
            }
            Actions::Continuous(v) => {
                column.continuous.clear();
                column.continuous.extend_from_slice(v);
            }
        }
    }

    /// `NEXT_STEP`: the schedule steps every row, so rows that wait for their reset are saved first. Their action must have
    /// no effect, not even on the random stream.
    fn hold_waiting(&mut self) -> Result<Vec<(u32, Vec<u8>)>, SimError> {
        let rows = (0..self.rows.len()).filter(|&row| self.waiting[row]);
        rows.map(|row| Ok((row as u32, self.save(row)?))).collect()
    }

    fn release_waiting(&mut self, held: &[(u32, Vec<u8>)]) -> Result<(), SimError> {
        let agents = self.agents_per_env;
        for (row, bytes) in held {
            let row_ix = *row as usize;
            self.restore(row_ix, bytes)?;
            self.begin(RowSelection::List(&[*row]))?;
            let actors = row_ix * agents..(row_ix + 1) * agents;
            let mut outcome = self.world.resource_mut::<Outcome>();
            outcome.reward[actors.clone()].fill(0.0);
            outcome.terminated[actors.clone()].fill(false);
            outcome.truncated[actors].fill(false);
        }
        Ok(())
    }

    /// Copies the outcome to the caller's row and lists the rows whose episode is over.
    fn judge(&mut self, out: &mut RowMut<'_>) {
        let mut outcome = self.world.resource_mut::<Outcome>();
        let outcome = &mut *outcome;
        self.ended.clear();
        out.alive.copy_from_slice(&outcome.alive);
        out.reward.copy_from_slice(&outcome.reward);
        out.terminated.copy_from_slice(&outcome.terminated);
        out.truncated.copy_from_slice(&outcome.truncated);
        if self.agents_per_env == 1 {
            let flags = outcome.terminated.iter().zip(&outcome.truncated);
            let ended = flags
                .enumerate()
                .filter(|(_, (terminated, truncated))| **terminated || **truncated);
            self.ended.extend(ended.map(|(row, _)| row as u32));
            return;
        }
        let agents = self.agents_per_env;
        for row in 0..self.rows.len() {
            let actors = row * agents..(row + 1) * agents;
            for actor in actors.clone() {
                outcome.alive[actor] &= !(outcome.terminated[actor] || outcome.truncated[actor]);
            }
            if !self.waiting[row] && !outcome.alive[actors].contains(&true) {
                self.ended.push(row as u32);
            }
        }
    }

    /// Everything of `row`, as bytes.
    ///
    /// # Errors
    /// [`SimError::Snapshot`] if a component cannot be written.
    pub fn save(&self, row: usize) -> Result<Vec<u8>, SimError> {
        let mut bytes = snapshot::encode(&self.codecs, &self.env_id, &self.world, self.rows[row], row)?;
        bytes.push(u8::from(self.waiting[row]));
        Ok(bytes)
    }

    /// Puts the bytes of [`Self::save`] into `row`.
    ///
    /// # Errors
    /// [`SimError::Snapshot`] if they are of another env, version or cut short.
    pub fn restore(&mut self, row: usize, bytes: &[u8]) -> Result<(), SimError> {
        let Some((&waiting, bytes)) = bytes.split_last() else {
            return Err(SimError::Snapshot {
                reason: "it is empty".to_owned(),
            });
        };
        snapshot::decode(
            &self.codecs,
            &self.env_id,
            &mut self.world,
            self.rows[row],
            row,
            bytes,
        )?;
        self.waiting[row] = waiting != 0;
        Ok(())
    }

    /// Calls `f` with the env's functions and the world: scenes, poses, plans, pictures.
    pub fn with_rows<T>(&mut self, f: impl FnOnce(&mut dyn EnvRows, &mut World) -> T) -> T {
        f(self.env_rows.as_mut(), &mut self.world)
    }
}
