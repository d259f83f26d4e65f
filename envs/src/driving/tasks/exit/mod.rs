//! `exit-v0`, `-v1`: leave a busy highway at an exit that comes after 400 m.

mod network;
mod scene;

use std::sync::Arc;

use scene::Spread;

use super::casting::{Fulfilled, WEIGHTS, steps_of, weighted};
use crate::driving::action::{ActionType, Decision};
use crate::driving::catalogue::{Entry, paid_pair};
use crate::driving::observation::ExitObservation;
use crate::driving::road::RoadNetwork;
use crate::driving::road::scalar::{clip, lmap};
use crate::driving::scene::View;
use crate::driving::settings::{Defaults, Settings};
use crate::driving::task::{Stage, Task, Verdict};
use crate::options::OptionReader;
use crate::registry::{RegistryError, TaskEntry};

/// To be on the exit is rewarded, and a little to drive fast. The task is fulfilled on the exit, or, with meta-actions, when
/// the ego is on its way there.
#[derive(Debug)]
pub struct Exit {
    network: Arc<RoadNetwork>,
    lanes: usize,
    /// Vehicles that are not controlled.
    vehicles_count: usize,
    ego_spacing: f64,
    vehicles_density: f64,
    weights: [f64; 4],
    reward_speed_range: [f64; 2],
    duration_s: f64,
    normalize_reward: bool,
}

impl Exit {
    /// The task that options ask for.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        // Speed limits fall from lane to lane and must stay above 0.
        let lanes = options.integer("lanes_count", 6, 2..=7)?;
        // Of the highway's configuration; nothing reads them here.
        for key in ["initial_lane_id", "lane_change_reward", "offroad_terminal"] {
            options.ignore(key);
        }
        let network = network::network(lanes).map_err(|error| options.fail(&error))?;
        Ok(Self {
            network: Arc::new(network),
            lanes,
            vehicles_count: options.integer("vehicles_count", 20, 0..=10_000)?,
            ego_spacing: options.number("ego_spacing", 2.0, 0.0..=1e3)?,
            vehicles_density: options.number("vehicles_density", 1.5, 1e-3..=1e3)?,
            weights: [
                options.number("collision_reward", 0.0, WEIGHTS)?,
                options.number("goal_reward", 1.0, WEIGHTS)?,
                options.number("high_speed_reward", 0.1, WEIGHTS)?,
                options.number("right_lane_reward", 0.0, WEIGHTS)?,
            ],
            reward_speed_range: options.pair("reward_speed_range", [20.0, 30.0])?,
            duration_s: options.number("duration", 18.0, 1e-3..=1e6)?,
            normalize_reward: options.flag("normalize_reward", true)?,
        })
    }

    /// Whether vehicle `i` follows the lane that leads to the exit, or the exit.
    fn is_leaving(&self, view: &View<'_>, i: usize) -> bool {
        let (from, to, id) = view.network.triple(view.target_lane(i));
        to == "exit" || (from == "1" && usize::from(id) == self.lanes)
    }
}

impl Exit {
    /// The ids.
    pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
        let entry = |id| Entry {
            id,
            family: "Exit",
            doc: "Cross a busy highway and leave it at the exit.",
            sparse: "to reach the lane to the exit without a crash",
        };
        let ids = [
            paid_pair(entry("exit-v0"), Self::defaults, Self::read),
            paid_pair(
                entry("exit-v1"),
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
            simulation_frequency: 5,
            observation: Box::new(ExitObservation::default()),
            action: ActionType::meta_with(&[18.0, 24.0, 30.0]),
            ..Defaults::default()
        }
    }
}

impl Task for Exit {
    type Memory = Fulfilled;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, settings: &Settings) -> usize {
        self.vehicles_count + settings.agents
    }

    fn max_steps(&self, settings: &Settings) -> Option<u32> {
        Some(steps_of(self.duration_s, settings.policy_frequency))
    }

    fn reset(&self, stage: &mut Stage<'_, Fulfilled>) {
        let spread = Spread {
            lanes: self.lanes,
            egos: stage.settings.agents,
            others: self.vehicles_count,
            ego_spacing: self.ego_spacing,
            density: self.vehicles_density,
        };
        scene::populate(stage, &spread);
    }

    fn terms(&self) -> &'static [&'static str] {
        &[
            "collision_reward",
            "goal_reward",
            "high_speed_reward",
            "right_lane_reward",
        ]
    }

    fn reward_range(&self) -> (f64, f64) {
        if self.normalize_reward {
            return (0.0, 1.0);
        }
        let [collision, goal, fast, right] = self.weights;
        let right = right * self.lanes as f64;
        let side = |select: fn(f64, f64) -> f64| {
            [collision, goal, fast, right]
                .iter()
                .map(|&w| select(w, 0.0))
                .sum()
        };
        (side(f64::min), side(f64::max))
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
        let success = self.is_leaving(view, ego);
        terms[0] = f64::from(u8::from(body.crashed));
        terms[1] = f64::from(u8::from(success));
        terms[2] = clip(lmap(body.speed, self.reward_speed_range, [0.0, 1.0]), 0.0, 1.0);
        terms[3] = f64::from(view.network.id(view.target_lane(ego)));
        let mut reward = weighted(&self.weights, terms);
        if self.normalize_reward {
            let [collision, goal, ..] = self.weights;
            reward = clip(lmap(reward, [collision, goal], [0.0, 1.0]), 0.0, 1.0);
        }
        Verdict {
            reward,
            sparse: memory.pay(agent, success && !body.crashed),
            terminated: body.crashed,
            truncated: view.episode.time_s >= self.duration_s,
            success,
        }
    }

    fn progress(&self, view: &View<'_>, _: &Fulfilled, agent: usize) -> f64 {
        let ego = view.ego(agent);
        if self.is_leaving(view, ego) {
            return 1.0;
        }
        (view.bodies[ego].position[0] / network::EXIT_LANE[1]).clamp(0.0, 1.0)
    }

    fn success(&self) -> &'static str {
        "the ego follows the lane to the exit, or the exit"
    }
}
