//! The [`Env`] of the signalled intersection: its description, its system, how a shard of it is built.

use bevy_ecs::resource::Resource;
use bevy_ecs::system::{Query, Res, ResMut};
use prospect_sim::{
    ActionColumn, ActionSpace, Env, EnvRows, EnvSpec, Outcome, Rng, ShardBuilder, SimError, StepSet,
};

use super::facts::{self, EventFact, StateFact};
use super::flow::{DT_S, Junction};
use super::layout::{PHASE_NAMES, PHASES};
use super::observation;
use super::road::Roads;
use super::rows::SignalRows;
use super::settings::Settings;
use crate::row_order::rows_in_order;

/// So many vehicles that wait throughout a step cost a reward of one.
pub(super) const WAITING_SCALE: f64 = 20.0;
/// The smallest reward of a step; reached only if hundreds wait.
const LOWEST_REWARD: f64 = -50.0;

/// The traffic light as a task.
///
/// - **Action**: the phase wanted; the present one holds. A phase gate grants it or not (fact `action_mask`).
/// - **Reward**: minus the number of waiting vehicles, averaged over the step, divided by 20. The return is minus the time
///   waited by all, in units of 20 vehicles times a step, whatever the length of a step.
/// - **End**: truncated when the time is up; nothing terminates it.
/// - **Success**: vehicles waited no longer on average than `target_waiting_s`, by default half of what the best fixed plan
///   makes them wait. The sparse variant pays 1 for that and nothing else.
#[derive(Debug, Clone)]
pub struct TrafficLight {
    spec: EnvSpec,
    settings: Settings,
}

impl TrafficLight {
    /// The task under a registered id.
    pub fn new(id: &str, family: &str, doc: &str, settings: Settings) -> Self {
        let spec = EnvSpec {
            id: id.to_owned(),
            family: family.to_owned(),
            doc: doc.to_owned(),
            observation: vec![observation::field(&settings)],
            actions: ActionSpace::Discrete { n: PHASES },
            action_names: PHASE_NAMES.map(str::to_owned).to_vec(),
            max_steps: Some(settings.steps()),
            reward_range: if settings.sparse {
                (0.0, 1.0)
            } else {
                (LOWEST_REWARD, 0.0)
            },
            agents_per_env: 1,
            facts: facts::schema(&settings),
        };
        Self { spec, settings }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// The constants of a shard's system.
#[derive(Resource, Debug)]
struct Rules(Settings);

/// Which rows have just succeeded. Not state: written before it is read in every step.
#[derive(Resource, Debug)]
pub(super) struct Successes(pub(super) Vec<bool>);

/// The whole step of each row in one pass, so that its vehicles are in the cache once.
fn step(
    mut junctions: Query<'_, '_, (&mut Junction, &mut Rng)>,
    mut roads: ResMut<'_, Roads>,
    actions: Res<'_, ActionColumn>,
    rules: Res<'_, Rules>,
    mut outcome: ResMut<'_, Outcome>,
    mut successes: ResMut<'_, Successes>,
) {
    let settings = &rules.0;
    let outcome = &mut *outcome;
    let rows = junctions.iter_mut().zip(roads.rows_mut()).zip(&actions.discrete);
    let flags = outcome.terminated.iter_mut().zip(&mut outcome.truncated);
    let results = outcome.reward.iter_mut().zip(flags).zip(&mut successes.0);
    for ((((mut junction, mut rng), mut road), &action), ((reward, (terminated, truncated)), success)) in
        rows.zip(results)
    {
        junction.step(settings, &mut road, action as usize, &mut rng.0);
        *terminated = false;
        *truncated = junction.tick >= settings.steps() * settings.decision_ticks();
        *success = *truncated && junction.mean_waiting_s() <= settings.target_waiting_s;
        *reward = if settings.sparse {
            f64::from(u8::from(*success))
        } else {
            let waited_s = f64::from(junction.last.waited) * DT_S;
            (-waited_s / f64::from(settings.decision_s) / WAITING_SCALE).max(LOWEST_REWARD)
        };
    }
}

impl Env for TrafficLight {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn build(&self, shard: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
        let n = shard.n_envs();
        shard.state(|_| Junction::idle());
        shard.column(Roads::new(self.settings.layout, n));
        shard.resource(Successes(vec![false; n]));
        shard.resource(Rules(self.settings.clone()));
        shard.systems(StepSet::Advance, step);
        let selection = shard.facts();
        let state_facts = selection.state.iter().filter_map(|&i| StateFact::from_schema(i));
        let event_facts = selection.event.iter().filter_map(|&i| EventFact::from_schema(i));
        let (state_facts, event_facts) = (state_facts.collect(), event_facts.collect());
        let world = shard.world();
        Ok(Box::new(SignalRows {
            settings: self.settings.clone(),
            entities: rows_in_order(world, &self.spec.id)?,
            starts: world.query(),
            seen: world.query(),
            state_facts,
            event_facts,
        }))
    }
}
