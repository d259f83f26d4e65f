//! `u-turn-v0`, `-v1`: a half circle with slow traffic that has to be passed.

use std::f64::consts::FRAC_PI_2;
use std::sync::Arc;

use super::casting::{Fulfilled, WEIGHTS, Way, steps_of, weighted};
use crate::driving::action::{ActionType, Decision};
use crate::driving::catalogue::{Entry, pair};
use crate::driving::observation::TimeToCollision;
use crate::driving::road::scalar::{clip, lmap};
use crate::driving::road::{DEFAULT_WIDTH, Lane, LineType, NetworkError, RoadNetwork};
use crate::driving::scene::View;
use crate::driving::settings::{Defaults, Settings};
use crate::driving::task::{Stage, Task, Verdict};
use crate::options::OptionReader;
use crate::registry::{RegistryError, TaskEntry};

use LineType::{Continuous, ContinuousLine, None as NoLine, Striped};

/// Length of the straight roads, in m.
const LENGTH: f64 = 128.0;
/// Radius of the inner lane of the bend, in m.
const RADIUS: f64 = 20.0;

/// A road to the right, a half circle against the clock, a road back; two lanes each.
fn network() -> Result<RoadNetwork, NetworkError> {
    let straight =
        |from: f64, to: f64, y: f64, left, right| Lane::straight([from, y], [to, y]).with_lines(left, right);
    let bend = |radius: f64, left, right| {
        let center = [LENGTH, DEFAULT_WIDTH + RADIUS];
        Lane::circular(center, radius, [FRAC_PI_2, -FRAC_PI_2], false).with_lines(left, right)
    };
    let near = DEFAULT_WIDTH + 2.0 * RADIUS;
    let far = near + DEFAULT_WIDTH;
    let mut builder = RoadNetwork::builder();
    builder
        .add_lane(
            "c",
            "d",
            straight(LENGTH, 0.0, DEFAULT_WIDTH, ContinuousLine, Striped),
        )
        .add_lane("c", "d", straight(LENGTH, 0.0, 0.0, NoLine, ContinuousLine))
        .add_lane("b", "c", bend(RADIUS, Continuous, Striped))
        .add_lane("b", "c", bend(RADIUS + DEFAULT_WIDTH, NoLine, Continuous))
        .add_lane("a", "b", straight(0.0, LENGTH, near, ContinuousLine, Striped))
        .add_lane("a", "b", straight(0.0, LENGTH, far, NoLine, ContinuousLine));
    builder.build()
}

/// Where the others start: road, lane, place along it in m, speed in m/s.
const OTHERS: [(&str, &str, u16, f64, f64); 6] = [
    ("a", "b", 0, 25.0, 13.5),
    ("a", "b", 1, 56.0, 14.5),
    ("b", "c", 1, 0.5, 4.5),
    ("b", "c", 0, 17.5, 5.5),
    ("c", "d", 0, 1.0, 3.5),
    ("c", "d", 1, 30.0, 5.5),
];

/// Driving fast and uncrashed is rewarded. The task is fulfilled when the bend is behind the ego.
#[derive(Debug)]
pub struct UTurn {
    network: Arc<RoadNetwork>,
    way: Way,
    weights: [f64; 3],
    reward_speed_range: [f64; 2],
    duration_s: f64,
    normalize_reward: bool,
}

impl UTurn {
    /// The task that options ask for.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let network = network().map_err(|error| options.fail(&error))?;
        // The package configures it, and does not use it.
        options.ignore("offroad_terminal");
        Ok(Self {
            way: Way::new(&network, &["a", "b", "c", "d"], [0.0, 0.0]),
            network: Arc::new(network),
            weights: [
                options.number("collision_reward", -1.0, WEIGHTS)?,
                options.number("left_lane_reward", 0.1, WEIGHTS)?,
                options.number("high_speed_reward", 0.4, WEIGHTS)?,
            ],
            reward_speed_range: options.pair("reward_speed_range", [8.0, 24.0])?,
            duration_s: options.number("duration", 10.0, 0.0..=1e6)?,
            normalize_reward: options.flag("normalize_reward", true)?,
        })
    }
}

impl UTurn {
    /// The ids.
    pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
        let entry = |id| Entry {
            id,
            family: "UTurn",
            doc: "Turn around through slow traffic that has to be passed.",
            sparse: "to get through the bend without a crash",
        };
        let ids = [
            pair(entry("u-turn-v0"), Self::defaults, Self::read),
            pair(
                entry("u-turn-v1"),
                || Defaults {
                    connected_lanes: true,
                    ..Self::defaults()
                },
                Self::read,
            ),
        ];
        ids.into_iter().flatten()
    }

    fn defaults() -> Defaults {
        Defaults {
            observation: Box::new(TimeToCollision::new(16.0)),
            action: ActionType::meta_with(&[8.0, 16.0, 24.0]),
            max_agents: 1,
            ..Defaults::default()
        }
    }
}

impl Task for UTurn {
    type Memory = Fulfilled;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, _: &Settings) -> usize {
        1 + OTHERS.len()
    }

    fn max_steps(&self, settings: &Settings) -> Option<u32> {
        Some(steps_of(self.duration_s, settings.policy_frequency))
    }

    /// The ego and six slower vehicles that take turns blocking a lane; only the first of them drives a little unlike the
    /// rest.
    fn reset(&self, stage: &mut Stage<'_, Fulfilled>) {
        const DEVIATION: f64 = 2.0;
        let ego = stage.ego_on(stage.lane("a", "b", 0), 0.0, 16.0);
        stage.add_ego(stage.routed(ego, "d"));
        for (nth, (from, to, id, s, speed)) in OTHERS.into_iter().enumerate() {
            let s = s + stage.rng.standard_normal() * DEVIATION;
            let speed = speed + stage.rng.standard_normal() * DEVIATION;
            let other = stage.other_on(stage.lane(from, to, id), s, speed);
            let mut other = stage.routed(other, "d");
            if nth == 0 {
                other = other.randomized(stage.rng);
            }
            stage.fleet.push(other);
        }
    }

    fn terms(&self) -> &'static [&'static str] {
        &[
            "collision_reward",
            "left_lane_reward",
            "high_speed_reward",
            "on_road_reward",
        ]
    }

    fn reward_range(&self) -> (f64, f64) {
        if self.normalize_reward {
            (0.0, 1.0)
        } else {
            (self.weights[0], self.weights[1] + self.weights[2])
        }
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
        let road = view.network.road(body.lane);
        let last_lane = (view.network.width(road) - 1).max(1);
        let on_road = f64::from(u8::from(view.on_road(ego)));
        terms[0] = f64::from(u8::from(body.crashed));
        terms[1] = f64::from(view.network.id(body.lane)) / last_lane as f64;
        terms[2] = clip(lmap(body.speed, self.reward_speed_range, [0.0, 1.0]), 0.0, 1.0);
        terms[3] = on_road;
        let mut reward = weighted(&self.weights, terms);
        if self.normalize_reward {
            let [collision, left, fast] = self.weights;
            reward = lmap(reward, [collision, fast + left], [0.0, 1.0]);
        }
        let turned = view.network.name(view.network.to(road)) == "d";
        let success = turned && on_road > 0.0 && !body.crashed;
        Verdict {
            reward: reward * on_road,
            sparse: memory.pay(agent, success),
            terminated: body.crashed,
            truncated: view.episode.time_s >= self.duration_s,
            success,
        }
    }

    fn progress(&self, view: &View<'_>, _: &Fulfilled, agent: usize) -> f64 {
        self.way.progress(view, view.ego(agent))
    }

    fn success(&self) -> &'static str {
        "the ego is on the road behind the bend and uncrashed"
    }
}
