//! The [`Env`] over any [`Task`]: its description, its schedule, how a shard of it is built.

use bevy_ecs::component::Component;
use bevy_ecs::resource::Resource;
use bevy_ecs::system::{Query, Res, ResMut};
use prospect_sim::{
    ActionColumn, Dtype, Env, EnvRows, EnvSpec, FactSpec, Field, GoalReward, Outcome, Plane, Rng, RowState,
    ShardBuilder, SimError, StepSet,
};
use serde::{Deserialize, Serialize};

use super::rows::ClassicRows;
use super::task::{Command, State, Task};
use crate::row_order::rows_in_order;

/// Under which names a task is registered.
#[derive(Debug, Clone, Copy)]
pub struct Title<'a> {
    /// The id.
    pub id: &'a str,
    /// The family.
    pub family: &'a str,
    /// One line on the task.
    pub doc: &'a str,
}

/// The env of a task of continuous state.
#[derive(Debug, Clone)]
pub struct Classic<T> {
    spec: EnvSpec,
    task: T,
}

impl<T: Task> Classic<T> {
    /// The env of `task`, with a step limit of its own if `max_steps` is given.
    pub fn new(title: Title<'_>, task: T, max_steps: Option<u32>) -> Self {
        let about = task.describe();
        let max_steps = max_steps.unwrap_or(about.max_steps);
        let step = Field::new("step", Dtype::I32, &[], 0.0, f64::from(max_steps));
        let mut facts = about.facts;
        facts.push(FactSpec::state(step, "steps", "steps made in this episode"));
        if let Some(doc) = about.success {
            let success = Field::new("success", Dtype::Bool, &[], 0.0, 1.0);
            facts.push(FactSpec::event(success, "", doc));
        }
        let spec = EnvSpec {
            id: title.id.to_owned(),
            family: title.family.to_owned(),
            doc: title.doc.to_owned(),
            observation: about.observation,
            actions: about.actions,
            action_names: about.action_names.iter().map(|&name| name.to_owned()).collect(),
            max_steps: Some(max_steps),
            reward_range: about.reward_range,
            agents_per_env: 1,
            facts,
        };
        Self { spec, task }
    }

    /// The task.
    pub fn task(&self) -> &T {
        &self.task
    }
}

/// State and clock of one row.
#[derive(Component, Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(bound = "S: State")]
pub(super) struct Body<S: State> {
    pub(super) state: S,
    pub(super) step: u32,
}

impl<S: State> RowState for Body<S> {
    const NAME: &'static str = S::NAME;
}

/// The constants of a shard's system.
#[derive(Resource, Debug)]
struct Rules<T: Task> {
    task: T,
    max_steps: u32,
}

/// Which rows have just fulfilled their task. Not state: written before it is read in every step.
#[derive(Resource, Debug)]
pub(super) struct Successes(pub(super) Vec<bool>);

/// The whole step in one pass: a state of a few numbers is in registers only once, and the reward of some tasks needs the
/// state before the step.
fn step<T: Task>(
    mut bodies: Query<'_, '_, (&mut Body<T::State>, &mut Rng)>,
    actions: Res<'_, ActionColumn>,
    rules: Res<'_, Rules<T>>,
    mut outcome: ResMut<'_, Outcome>,
    mut successes: ResMut<'_, Successes>,
) {
    let Ok(mut tables) = bodies.contiguous_iter_mut() else {
        return;
    };
    let Some((mut bodies, mut rngs)) = tables.next() else {
        return;
    };
    let outcome = &mut *outcome;
    let rows = bodies.bypass_change_detection().iter_mut();
    let rows = rows
        .zip(rngs.bypass_change_detection())
        .zip(T::Action::column(&actions));
    let flags = outcome.terminated.iter_mut().zip(&mut outcome.truncated);
    let results = outcome.reward.iter_mut().zip(flags).zip(&mut successes.0);
    for (((body, rng), &action), ((reward, (terminated, truncated)), success)) in rows.zip(results) {
        let verdict = rules.task.step(&mut body.state, action, &mut rng.0);
        body.step += 1;
        *reward = verdict.reward;
        *terminated = verdict.terminated;
        *truncated = body.step >= rules.max_steps;
        *success = if T::SURVIVAL {
            *truncated && !verdict.terminated
        } else {
            verdict.success
        };
    }
}

impl<T: Task> Env for Classic<T> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn build(&self, shard: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
        let n = shard.n_envs();
        let mut rng = prospect_sim::random::Generator::default_rng(0);
        let state = self.task.start(&mut rng);
        shard.state(|_| Body { state, step: 0 });
        shard.resource(Successes(vec![false; n]));
        shard.resource(Rules {
            task: self.task.clone(),
            max_steps: self.spec.max_steps.unwrap_or(u32::MAX),
        });
        shard.systems(StepSet::Advance, step::<T>);
        let state_facts = shard.facts().state.clone();
        let event_facts = shard.facts().event.len();
        let world = shard.world();
        let entities = rows_in_order(world, &self.spec.id)?;
        let queries = (world.query(), world.query());
        Ok(Box::new(ClassicRows::new(
            self.task.clone(),
            entities,
            queries,
            state_facts,
            event_facts,
        )))
    }

    fn goals(&self) -> Option<&dyn GoalReward> {
        self.task.goals()
    }

    fn plane(&self) -> Option<Plane> {
        Some(self.task.plane())
    }
}
