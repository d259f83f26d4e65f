//! Parking: from the middle of a car park into a given spot, with throttle and steering.
//!
//! The reward is the negative root of the weighted distance between what was reached and the goal, less a penalty per wreck:
//! a function of goals, so that transitions can be judged by goals other than the one pursued. The penalty is left out there,
//! as `compute_reward` of the package leaves it out.

use std::f64::consts::{FRAC_PI_2, TAU};
use std::sync::Arc;

use prospect_sim::{Dtype, FactSpec, Field, GoalReward};

use crate::driving::action::{ActionType, Controls, Decision};
use crate::driving::catalogue::{Entry, pair};
use crate::driving::observation::KinematicsGoal;
use crate::driving::road::scalar::{Point, norm, sub};
use crate::driving::road::{Lane, LaneIx, LineType, NetworkError, RoadNetwork};
use crate::driving::scene::View;
use crate::driving::settings::{Defaults, Settings};
use crate::driving::state::StateError;
use crate::driving::state::form::SceneForm;
use crate::driving::task::{Stage, Task, Verdict};
use crate::driving::vehicle::{Kind, RoadObject, Vehicle};
use crate::options::OptionReader;
use crate::registry::{RegistryError, TaskEntry};

/// Spots in each of the two rows.
const SPOTS: usize = 14;
/// Width of a spot, in m.
const SPOT_WIDTH: f64 = 4.0;
/// Length of a spot, in m.
const SPOT_LENGTH: f64 = 8.0;
/// From the middle of the car park to where spots begin, in m.
const AISLE: f64 = 10.0;
/// Size of the car park between its walls, in m.
const WALLS: [f64; 2] = [70.0, 42.0];
/// How far into a spot parked vehicles stand, in m.
const PARKED_AT: f64 = 4.0;
/// Between vehicles that are controlled, in m.
const EGO_SPACING: f64 = 10.0;
/// With more, two would start at the same spot.
const MAX_EGOS: usize = 7;

/// The car park.
#[derive(Debug, Clone)]
pub struct Parking {
    network: Arc<RoadNetwork>,
    /// What goals consist of.
    goal: KinematicsGoal,
    /// Weights of the numbers of a goal.
    reward_weights: Vec<f64>,
    /// A distance below this is success.
    success_goal_reward: f64,
    collision_reward: f64,
    vehicles_count: usize,
    add_walls: bool,
    duration: f64,
}

/// Two rows of spots, the first below the middle (y points down), each from left to right.
fn spots() -> Result<RoadNetwork, NetworkError> {
    let mut builder = RoadNetwork::builder();
    for k in 0..SPOTS {
        let x = (k as f64 + 1.0 - (SPOTS / 2) as f64) * SPOT_WIDTH - SPOT_WIDTH / 2.0;
        let spot = |y: f64, end: f64| {
            Lane::straight([x, y], [x, end]).with_lines(LineType::Continuous, LineType::Continuous)
        };
        builder.add_lane("a", "b", spot(AISLE, AISLE + SPOT_LENGTH));
        builder.add_lane("b", "c", spot(-AISLE, -AISLE - SPOT_LENGTH));
    }
    builder.build()
}

impl Parking {
    fn defaults(policy_frequency: usize) -> Defaults {
        Defaults {
            action: ActionType::Continuous(Controls::default()),
            observation: Box::new(KinematicsGoal::default()),
            policy_frequency,
            max_agents: MAX_EGOS,
            ..Defaults::default()
        }
    }

    /// parking-v0, -ActionRepeat-v0 and -parked-v0, and their sparse variants.
    pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
        let parking = |id, doc| Entry {
            id,
            family: "Parking",
            doc,
            sparse: "to stand in the spot",
        };
        let often = || Self::defaults(5);
        [
            pair(
                parking("parking-v0", "Park a car in a given spot, in a given direction."),
                often,
                |options| Self::read(options, 100.0, 0),
            ),
            pair(
                parking(
                    "parking-ActionRepeat-v0",
                    "Park a car in a given spot with one action per second.",
                ),
                || Self::defaults(1),
                |options| Self::read(options, 20.0, 0),
            ),
            pair(
                parking(
                    "parking-parked-v0",
                    "Park a car in a given spot between parked cars.",
                ),
                often,
                |options| Self::read(options, 100.0, 10),
            ),
        ]
        .into_iter()
        .flatten()
    }

    /// The car park that options describe, where they do not say otherwise with `vehicles_count` parked vehicles for
    /// `duration` s.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    fn read(
        options: &mut OptionReader<'_>,
        duration: f64,
        vehicles_count: usize,
    ) -> Result<Self, RegistryError> {
        // A key of the package's configuration that nothing reads there: the range is that of the action.
        options.ignore("steering_range");
        let goal = KinematicsGoal::default();
        let width = goal.width();
        let network = spots().map_err(|error| options.refuse("spots", &error.to_string()))?;
        Ok(Self {
            network: Arc::new(network),
            reward_weights: options.numbers(
                "reward_weights",
                &[1.0, 0.3, 0.0, 0.0, 0.02, 0.02],
                width..=width,
            )?,
            goal,
            success_goal_reward: options.number("success_goal_reward", 0.12, 0.0..=1e6)?,
            collision_reward: options.number("collision_reward", -5.0, -1e6..=1e6)?,
            vehicles_count: options.integer("vehicles_count", vehicles_count, 0..=2 * SPOTS)?,
            add_walls: options.flag("add_walls", true)?,
            duration: options.number("duration", duration, 0.0..=1e6)?,
        })
    }

    /// The reward for having reached `achieved` where `desired` was wanted, without penalties.
    fn goal_reward(&self, achieved: impl Iterator<Item = f64>, desired: impl Iterator<Item = f64>) -> f64 {
        let distances = achieved.zip(desired).zip(&self.reward_weights);
        let distance: f64 = distances.map(|((a, b), weight)| (a - b).abs() * weight).sum();
        -distance.powf(0.5)
    }

    fn is_success(&self, goal_reward: f64) -> bool {
        goal_reward > -self.success_goal_reward
    }

    /// The goal reward of the state of an agent.
    fn reward_of(&self, view: &View<'_>, agent: usize) -> f64 {
        let [mut reached, mut wanted] = [[0.0; 6]; 2];
        self.goal.goals(view, agent, &mut reached, &mut wanted);
        self.goal_reward(reached.into_iter(), wanted.into_iter())
    }

    fn add_egos(stage: &mut Stage<'_, Vec<f64>>, empty: &mut Vec<LaneIx>) {
        let agents = stage.settings.agents;
        for i in 0..agents {
            let x = (i as f64 - (agents / 2) as f64) * EGO_SPACING;
            let heading = TAU * stage.rng.random();
            let kind = stage.settings.action.kind();
            let vehicle = Vehicle::new(stage.network, kind, [x, 0.0], heading, 0.0);
            let vehicle = stage.settings.action.fit(vehicle);
            empty.retain(|&spot| spot != vehicle.body.lane);
            stage.add_ego(vehicle);
        }
    }

    fn add_goals(stage: &mut Stage<'_, Vec<f64>>, empty: &mut Vec<LaneIx>) {
        for agent in 0..stage.settings.agents {
            let spot = empty.remove(stage.rng.choice(empty.len()));
            let lane = stage.network.lane(spot);
            let goal = lane.position(lane.length() / 2.0, 0.0);
            let landmark = RoadObject::landmark(stage.network, goal, lane.heading_at(0.0));
            stage.fleet.objects.push(landmark);
            let start = stage.fleet.bodies[agent].position;
            stage.memory.push(norm(sub(goal, start)));
        }
    }

    fn add_parked(&self, stage: &mut Stage<'_, Vec<f64>>, empty: &mut Vec<LaneIx>) {
        for _ in 0..self.vehicles_count {
            if empty.is_empty() {
                return;
            }
            let spot = empty.remove(stage.rng.choice(empty.len()));
            let vehicle = Vehicle::on_lane(stage.network, Kind::Manual, spot, PARKED_AT, 0.0);
            stage.fleet.push(vehicle);
        }
    }

    fn add_walls(stage: &mut Stage<'_, Vec<f64>>) {
        let [length, width] = WALLS;
        let mut wall = |position: Point, heading: f64, length: f64| {
            let wall = RoadObject::obstacle(stage.network, position, heading).with_size(length, 1.0);
            stage.fleet.objects.push(wall);
        };
        for side in [-1.0, 1.0] {
            wall([0.0, side * width / 2.0], 0.0, length);
        }
        for side in [-1.0, 1.0] {
            wall([side * length / 2.0, 0.0], FRAC_PI_2, width);
        }
    }
}

impl Task for Parking {
    /// Per agent, the distance to its goal at the start, in m.
    type Memory = Vec<f64>;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, settings: &Settings) -> usize {
        settings.agents + self.vehicles_count
    }

    fn max_steps(&self, settings: &Settings) -> Option<u32> {
        Some(settings.steps_within(self.duration))
    }

    fn reset(&self, stage: &mut Stage<'_, Vec<f64>>) {
        let mut empty: Vec<LaneIx> = stage.network.lanes().collect();
        Self::add_egos(stage, &mut empty);
        Self::add_goals(stage, &mut empty);
        self.add_parked(stage, &mut empty);
        if self.add_walls {
            Self::add_walls(stage);
        }
    }

    fn restore(&self, scene: &SceneForm, stage: &mut Stage<'_, Vec<f64>>) -> Result<(), StateError> {
        stage.memory.clear();
        for (agent, &ego) in stage.episode.controlled.iter().enumerate() {
            let ego = usize::from(ego);
            let landmark = stage.fleet.objects.get(agent).filter(|object| !object.solid);
            let Some(goal) = landmark else {
                let problem = format!("no landmark, but the goal of vehicles[{ego}]");
                let remedy = "list a landmark per agent first, in the order of `controlled`";
                return Err(StateError::new(format!("objects[{agent}]"), problem, remedy));
            };
            if scene.vehicles[ego].goal.is_some_and(|goal| goal != agent) {
                let remedy = format!("put its goal at objects[{agent}], as a reset does");
                let path = format!("vehicles[{ego}].goal");
                return Err(StateError::new(
                    path,
                    "goals come first, in the order of the agents",
                    remedy,
                ));
            }
            stage
                .memory
                .push(norm(sub(goal.position, stage.fleet.bodies[ego].position)));
        }
        Ok(())
    }

    fn publish(&self, view: &View<'_>, _: &Vec<f64>, scene: &mut SceneForm) {
        for (agent, &ego) in view.episode.controlled.iter().enumerate() {
            scene.vehicles[usize::from(ego)].goal = Some(agent);
        }
    }

    fn terms(&self) -> &'static [&'static str] {
        &["goal_reward", "collision_reward"]
    }

    fn reward_range(&self) -> (f64, f64) {
        // The farthest corners of the car park are 82 m apart, headings differ by at most 2 in each coordinate.
        (-1.2 + self.collision_reward.min(0.0), 0.0)
    }

    fn judge(
        &self,
        view: &View<'_>,
        _: &mut Vec<f64>,
        agent: usize,
        _: Decision<'_>,
        terms: &mut [f64],
    ) -> Verdict {
        // With several agents the package pays all of them for the way of the first.
        let first = self.reward_of(view, 0);
        let own = if agent == 0 {
            first
        } else {
            self.reward_of(view, agent)
        };
        let controlled = view.episode.controlled.iter();
        let wrecks = controlled.filter(|&&ego| view.bodies[usize::from(ego)].crashed);
        let wrecks = wrecks.count() as f64;
        terms[..2].copy_from_slice(&[first, wrecks]);
        let success = self.is_success(own);
        Verdict {
            reward: first + self.collision_reward * wrecks,
            sparse: f64::from(u8::from(success)),
            terminated: wrecks > 0.0 || self.is_success(first),
            truncated: view.episode.time_s >= self.duration,
            success,
        }
    }

    fn progress(&self, view: &View<'_>, memory: &Vec<f64>, agent: usize) -> f64 {
        let left = norm(sub(view.objects[agent].position, view.ego_body(agent).position));
        memory.get(agent).map_or(0.0, |start| 1.0 - left / start)
    }

    fn success(&self) -> &'static str {
        "the vehicle is parked in its spot"
    }

    fn facts(&self) -> Vec<FactSpec> {
        let fact = |name: &str, [low, high]: [f64; 2], unit: &str, doc: &str| {
            FactSpec::state(Field::new(name, Dtype::F32, &[], low, high), unit, doc)
        };
        let [length, width] = WALLS.map(|size| size / 2.0);
        vec![
            fact("goal_x_m", [-length, length], "m", "middle of the wanted spot"),
            fact("goal_y_m", [-width, width], "m", "middle of the wanted spot"),
            fact(
                "goal_distance_m",
                [0.0, 100.0],
                "m",
                "to the middle of the wanted spot",
            ),
            fact(
                "goal_reward",
                [-1.2, 0.0],
                "",
                "negative root of the weighted distance to the goal",
            ),
        ]
    }

    fn fact(&self, view: &View<'_>, _: &Vec<f64>, agent: usize, index: usize) -> f64 {
        let goal = view.objects[agent].position;
        match index {
            0 => goal[0],
            1 => goal[1],
            2 => norm(sub(goal, view.ego_body(agent).position)),
            _ => self.reward_of(view, agent),
        }
    }

    fn goals(&self) -> Option<&dyn GoalReward> {
        Some(self)
    }
}

impl GoalReward for Parking {
    fn width(&self) -> usize {
        self.reward_weights.len()
    }

    fn judge(&self, achieved: &[f32], desired: &[f32], reward: &mut [f64], success: &mut [bool]) {
        let n = self.reward_weights.len();
        let goals = achieved.chunks_exact(n).zip(desired.chunks_exact(n));
        for ((achieved, desired), (reward, success)) in goals.zip(reward.iter_mut().zip(success)) {
            let [achieved, desired] = [achieved, desired].map(|goal| goal.iter().map(|&x| f64::from(x)));
            *reward = self.goal_reward(achieved, desired);
            *success = self.is_success(*reward);
        }
    }

    fn success_terminates(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    #[test]
    fn the_goal_reward_has_the_published_number() {
        let options = Options::new();
        let mut options = OptionReader::new("parking-v0", &options);
        let task = Parking::read(&mut options, 100.0, 0).unwrap();
        let (mut reward, mut success) = ([0.0], [true]);
        let achieved = [0.05, 0.02, 0.0, 0.0, 1.0, 0.0];
        let desired = [0.1, 0.14, 0.0, 0.0, 0.0, 1.0];
        GoalReward::judge(&task, &achieved, &desired, &mut reward, &mut success);
        assert!((reward[0] + 0.354_964_786_986).abs() < 1e-7, "{reward:?}");
        let exact = task.goal_reward(
            [0.05, 0.02, 0.0, 0.0, 1.0, 0.0].into_iter(),
            [0.1, 0.14, 0.0, 0.0, 0.0, 1.0].into_iter(),
        );
        assert!((exact + 0.354_964_786_986).abs() < 1e-12);
        assert!(!success[0]);
    }
}
