//! `two-way-v0`: overtaking slower vehicles on a road with oncoming traffic.

use std::sync::Arc;

use super::casting::{Fulfilled, WEIGHTS, weighted};
use crate::driving::action::Decision;
use crate::driving::catalogue::{Entry, pair};
use crate::driving::observation::TimeToCollision;
use crate::driving::road::{DEFAULT_WIDTH, Lane, LineType, NetworkError, RoadNetwork};
use crate::driving::scene::View;
use crate::driving::settings::{Defaults, Settings};
use crate::driving::task::{Stage, Task, Verdict};
use crate::options::OptionReader;
use crate::registry::{RegistryError, TaskEntry};

use LineType::{ContinuousLine, None as NoLine, Striped};

/// Length of the road, in m.
const LENGTH: f64 = 800.0;
/// Steps after which Gymnasium's registration of the id cuts an episode off.
const MAX_STEPS: u32 = 15;
/// How far behind the ego a vehicle is that was overtaken, in m.
const OVERTAKEN: f64 = 10.0;

/// Two lanes to the right; the left one carries the oncoming traffic too.
fn network() -> Result<RoadNetwork, NetworkError> {
    let lane =
        |from: f64, to: f64, y: f64, left, right| Lane::straight([from, y], [to, y]).with_lines(left, right);
    let mut builder = RoadNetwork::builder();
    builder
        .add_lane("a", "b", lane(0.0, LENGTH, 0.0, ContinuousLine, Striped))
        .add_lane("a", "b", lane(0.0, LENGTH, DEFAULT_WIDTH, NoLine, ContinuousLine))
        .add_lane("b", "a", lane(LENGTH, 0.0, 0.0, NoLine, NoLine));
    builder.build()
}

/// Driving fast is rewarded, and so is driving on the left, where the oncoming traffic is. The task is fulfilled when a
/// slower vehicle has been overtaken: it is 10 m behind and the ego is back on the right lane.
#[derive(Debug)]
pub struct TwoWay {
    network: Arc<RoadNetwork>,
    weights: [f64; 2],
}

impl TwoWay {
    /// The task that options ask for.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        // The package configures them, and uses neither.
        options.ignore("collision_reward");
        options.ignore("left_lane_constraint");
        Ok(Self {
            network: Arc::new(network().map_err(|error| options.fail(&error))?),
            weights: [
                options.number("high_speed_reward", 0.8, WEIGHTS)?,
                options.number("left_lane_reward", 0.2, WEIGHTS)?,
            ],
        })
    }
}

impl TwoWay {
    /// The ids.
    pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
        let entry = Entry {
            id: "two-way-v0",
            family: "TwoWay",
            doc: "Overtake slower vehicles on a road with oncoming traffic.",
            sparse: "to overtake a slower vehicle and get back to the right lane without a crash",
        };
        let defaults = || Defaults {
            observation: Box::new(TimeToCollision::new(5.0)),
            max_agents: 1,
            ..Defaults::default()
        };
        pair(entry, defaults, Self::read).into_iter()
    }
}

impl Task for TwoWay {
    type Memory = Fulfilled;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, _: &Settings) -> usize {
        6
    }

    fn max_steps(&self, _: &Settings) -> Option<u32> {
        Some(MAX_STEPS)
    }

    /// Vehicles 1 to 3 drive ahead of the ego, 4 and 5 toward it.
    fn reset(&self, stage: &mut Stage<'_, Fulfilled>) {
        let (right, oncoming) = (stage.lane("a", "b", 1), stage.lane("b", "a", 0));
        stage.add_ego(stage.ego_on(right, 30.0, 30.0));
        for i in 0..3 {
            let s = 70.0 + 40.0 * f64::from(i) + 10.0 * stage.rng.standard_normal();
            let speed = 24.0 + 2.0 * stage.rng.standard_normal();
            let mut other = stage.other_on(right, s, speed);
            other.driver.enable_lane_change = false;
            stage.fleet.push(other);
        }
        for i in 0..2 {
            let s = 200.0 + 100.0 * f64::from(i) + 10.0 * stage.rng.standard_normal();
            let speed = 20.0 + 5.0 * stage.rng.standard_normal();
            let mut other = stage.other_on(oncoming, s, speed);
            other.driver.enable_lane_change = false;
            other.driver.target_lane = oncoming;
            stage.fleet.push(other);
        }
    }

    fn terms(&self) -> &'static [&'static str] {
        &["high_speed_reward", "left_lane_reward"]
    }

    fn reward_range(&self) -> (f64, f64) {
        (0.0, self.weights.iter().map(|weight| weight.max(0.0)).sum())
    }

    fn judge(
        &self,
        view: &View<'_>,
        memory: &mut Fulfilled,
        agent: usize,
        _: Decision<'_>,
        terms: &mut [f64],
    ) -> Verdict {
        let ego = view.ego(agent);
        let body = &view.bodies[ego];
        let last_speed = view
            .settings
            .action
            .target_speeds()
            .len()
            .saturating_sub(1)
            .max(1);
        let last_lane = view.network.width(view.network.road(body.lane)) - 1;
        let target = usize::from(view.network.id(view.target_lane(ego)));
        terms[0] = f64::from(view.drivers[ego].speed_index) / last_speed as f64;
        terms[1] = (last_lane as f64 - target as f64) / last_lane.max(1) as f64;
        let success = !body.crashed && overtook(view, ego);
        Verdict {
            reward: weighted(&self.weights, terms),
            sparse: memory.pay(agent, success),
            terminated: body.crashed,
            truncated: view.episode.steps >= MAX_STEPS,
            success,
        }
    }

    fn progress(&self, view: &View<'_>, _: &Fulfilled, agent: usize) -> f64 {
        (view.ego_body(agent).position[0] / LENGTH).clamp(0.0, 1.0)
    }

    fn success(&self) -> &'static str {
        "a slower vehicle is 10 m behind and the ego is on the right lane, uncrashed"
    }
}

/// Whether the ego is on the right lane with a vehicle of its own direction well behind.
fn overtook(view: &View<'_>, ego: usize) -> bool {
    let network = view.network;
    let (own, x) = (view.bodies[ego].lane, view.bodies[ego].position[0]);
    let road = network.road(own);
    let behind = |i: usize| {
        let body = &view.bodies[i];
        network.road(body.lane) == road && body.position[0] <= x - OVERTAKEN
    };
    network.id(own) == 1 && (0..view.bodies.len()).any(|i| i != ego && behind(i))
}
