//! A toy task of continuous actions: a point on a line that is pushed to and fro, with goals that hindsight can replace.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "helpers of tests, of which each test binary uses its own part"
)]

use std::sync::Arc;

use prospect_agents::{AgentConfig, TrainSetup, Trainer};
use prospect_shaping::ModuleRegistry;
use prospect_sim::{
    ACHIEVED_GOAL, ActionColumn, ActionSpace, DESIRED_GOAL, Dtype, Env, EnvIx, EnvRows, EnvSpec, FactSpec,
    Field, FieldsMut, GoalReward, Outcome, Rng, RowSelection, RowState, ShardBuilder, SimError, StepSet,
    bevy_ecs::{
        component::Component,
        query::QueryState,
        resource::Resource,
        system::{Query, Res, ResMut},
        world::World,
    },
};
use serde::{Deserialize, Serialize};

use crate::common::{self, chosen};

#[derive(Component, Serialize, Deserialize, Clone, Copy, Default)]
struct Point {
    position: f32,
    goal: f32,
    clock: u32,
    succeeded: bool,
}

impl RowState for Point {
    const NAME: &'static str = "point";
}

/// What is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pay {
    /// Minus the distance to the goal.
    Distance,
    /// 1 at the goal, else 0.
    Goal,
    /// 1 for every step.
    Always,
    /// Nothing, until a step pays what is no number.
    Broken,
}

/// What makes one line differ from another.
#[derive(Resource, Debug, Clone, Copy)]
pub(crate) struct PointRules {
    pub(crate) pay: Pay,
    /// Steps until truncation.
    pub(crate) max_steps: u32,
    /// Reaching the goal ends the episode.
    pub(crate) terminates: bool,
    /// The ends of the line, between which goals are drawn.
    pub(crate) far: f32,
    /// Goals lie in its outer quarters only, where no random walk gets to in time.
    pub(crate) remote: bool,
    /// Whether the observation has goals.
    pub(crate) goals: bool,
}

impl Default for PointRules {
    fn default() -> Self {
        Self {
            pay: Pay::Distance,
            max_steps: 12,
            terminates: false,
            far: 1.0,
            remote: false,
            goals: true,
        }
    }
}

/// How near to the goal counts.
const NEAR: f32 = 0.1;

/// How far an action of 2, the largest, pushes.
const REACH: f32 = 0.25;

struct Line {
    spec: EnvSpec,
    rules: PointRules,
}

impl GoalReward for Line {
    fn width(&self) -> usize {
        1
    }

    fn judge(&self, achieved: &[f32], desired: &[f32], reward: &mut [f64], success: &mut [bool]) {
        for (i, (achieved, desired)) in achieved.iter().zip(desired).enumerate() {
            let distance = (achieved - desired).abs();
            success[i] = distance < NEAR;
            reward[i] = match self.rules.pay {
                Pay::Distance => f64::from(-distance),
                _ => f64::from(u8::from(success[i])),
            };
        }
    }

    fn success_terminates(&self) -> bool {
        self.rules.terminates
    }
}

struct LineRows {
    query: QueryState<(&'static EnvIx, &'static mut Point, &'static mut Rng)>,
    rules: PointRules,
}

fn push(
    mut rows: Query<(&EnvIx, &mut Point)>,
    rules: Res<PointRules>,
    actions: Res<ActionColumn>,
    mut outcome: ResMut<Outcome>,
) {
    for (ix, mut point) in &mut rows {
        let i = ix.0 as usize;
        let moved = point.position + 0.5 * REACH * actions.continuous[i].clamp(-2.0, 2.0);
        point.position = moved.clamp(-rules.far, rules.far);
        point.clock += 1;
        let distance = (point.position - point.goal).abs();
        point.succeeded = distance < NEAR;
        outcome.reward[i] = match rules.pay {
            Pay::Distance => f64::from(-distance),
            Pay::Goal => f64::from(u8::from(point.succeeded)),
            Pay::Always => 1.0,
            Pay::Broken => f64::NAN,
        };
        outcome.terminated[i] = rules.terminates && point.succeeded;
        outcome.truncated[i] = point.clock >= rules.max_steps;
    }
}

impl Env for Line {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn build(&self, shard: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
        shard.state(|_| Point::default());
        shard.resource(self.rules);
        shard.systems(StepSet::Act, push);
        Ok(Box::new(LineRows {
            query: shard.world().query(),
            rules: self.rules,
        }))
    }

    fn goals(&self) -> Option<&dyn GoalReward> {
        self.rules.goals.then_some(self)
    }
}

impl EnvRows for LineRows {
    fn reset(&mut self, world: &mut World, rows: RowSelection<'_>) -> Result<(), SimError> {
        let far = f64::from(self.rules.far);
        for (ix, mut point, mut rng) in self.query.iter_mut(world) {
            if chosen(rows, ix.0) {
                let drawn = rng.0.uniform(-far, far);
                let outer = drawn.signum() * (0.75 * far + 0.25 * drawn.abs());
                *point = Point {
                    position: 0.0,
                    goal: if self.rules.remote { outer } else { drawn } as f32,
                    ..Point::default()
                };
            }
        }
        Ok(())
    }

    fn observe(
        &mut self,
        world: &mut World,
        rows: RowSelection<'_>,
        observation: &mut FieldsMut<'_>,
        facts: &mut FieldsMut<'_>,
    ) {
        for (ix, point, _) in self.query.iter_mut(world) {
            if chosen(rows, ix.0) {
                let i = ix.0 as usize;
                let values = [point.position, point.position, point.goal];
                for (field, value) in observation.iter_mut().zip(values) {
                    field.data.set_f64(i, f64::from(value));
                }
                // Cells of a quarter, for modules that count.
                for fact in facts.iter_mut() {
                    fact.data.set_f64(i, f64::from((4.0 * point.position).round()));
                }
            }
        }
    }

    fn events(&mut self, world: &mut World, facts: &mut FieldsMut<'_>) {
        for (ix, point, _) in self.query.iter_mut(world) {
            for fact in facts.iter_mut() {
                let succeeded = f64::from(u8::from(point.succeeded));
                fact.data.set_f64(ix.0 as usize, succeeded);
            }
        }
    }
}

/// A line by its rules.
pub(crate) fn line(rules: PointRules) -> Arc<dyn Env> {
    let far = f64::from(rules.far);
    let real = |name: &str| Field::new(name, Dtype::F32, &[1], -far, far);
    Arc::new(Line {
        rules,
        spec: EnvSpec {
            id: "Line-v0".to_owned(),
            family: "Line".to_owned(),
            doc: "push the point to the goal".to_owned(),
            observation: vec![real("observation"), real(ACHIEVED_GOAL), real(DESIRED_GOAL)],
            actions: ActionSpace::Continuous {
                low: vec![-2.0],
                high: vec![2.0],
            },
            action_names: vec![],
            max_steps: Some(rules.max_steps),
            reward_range: (-2.0 * far, 1.0),
            agents_per_env: 1,
            facts: vec![
                FactSpec::state(
                    Field::new("agent_x", Dtype::I32, &[], -99.0, 99.0),
                    "cells",
                    "where the point is",
                ),
                FactSpec::event(
                    Field::new("success", Dtype::Bool, &[], 0.0, 1.0),
                    "",
                    "reached the goal",
                ),
            ],
        },
    })
}

/// A run with 4 envs.
pub(crate) fn setup<'a>(
    env: Arc<dyn Env>,
    agent: impl Into<AgentConfig>,
    reward: &str,
    registry: &'a ModuleRegistry,
) -> TrainSetup<'a> {
    prospect_nets::set_threads(1);
    TrainSetup {
        n_envs: 4,
        ..common::setup(env, agent, reward, 3, registry)
    }
}

/// A trainer with 4 envs.
pub(crate) fn trainer(rules: PointRules, agent: impl Into<AgentConfig>, reward: &str) -> Trainer {
    let registry = ModuleRegistry::with_builtin();
    Trainer::new(setup(line(rules), agent, reward, &registry)).unwrap()
}
