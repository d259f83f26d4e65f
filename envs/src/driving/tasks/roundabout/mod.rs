//! `roundabout-v0`, `-v1` and `roundabout-generic-v0`, `-v1`: a roundabout with flowing traffic, which is to be left at the
//! second exit.

mod network;
mod scene;

use std::sync::Arc;

use super::casting::{Fulfilled, WEIGHTS, Way, lane_change, steps_of, weighted};
use crate::driving::action::{ActionType, Decision};
use crate::driving::catalogue::{Entry, paid_pair};
use crate::driving::observation::{Kinematics, square_ranges};
use crate::driving::road::RoadNetwork;
use crate::driving::road::scalar::lmap;
use crate::driving::scene::View;
use crate::driving::settings::{Defaults, Settings};
use crate::driving::task::{Stage, Task, Verdict};
use crate::driving::vehicle::{Kind, speed_index};
use crate::options::OptionReader;
use crate::registry::{RegistryError, TaskEntry};

/// Speeds by which the speed of an ego is rated that has no target speeds, in m/s.
const DEFAULT_SPEEDS: [f64; 3] = [20.0, 25.0, 30.0];
/// The nodes that the ego passes.
const WAY: [&str; 8] = ["ser", "ses", "se", "ex", "ee", "nx", "nxs", "nxr"];

/// Which of the package's two roundabouts it is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    /// Two lanes, four others at nearly the same places in every episode.
    Fixed,
    /// Radius, lanes and the number of others as configured, at random places.
    Generic { vehicles: usize },
}

/// Driving fast, straight on and uncrashed is rewarded. The task is fulfilled when the ego is on the northern exit.
#[derive(Debug)]
pub struct Roundabout {
    network: Arc<RoadNetwork>,
    way: Way,
    layout: Layout,
    /// Where the others leave, as an index into the package's list; drawn if none.
    destination: Option<usize>,
    weights: [f64; 3],
    duration_s: f64,
    normalize_reward: bool,
}

impl Roundabout {
    /// `roundabout-v0` as options ask for it.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let network = network::fixed().map_err(|error| options.fail(&error))?;
        let destination = Self::read_destination(options, 2)?;
        Self::with_layout(
            options,
            Layout::Fixed,
            network,
            scene::FIXED_START,
            destination,
            11.0,
        )
    }

    /// `roundabout-generic-v0` as options ask for it.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read_generic(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let radius = options.number("roundabout_radius", 20.0, 5.0..=1e4)?;
        let lanes = options.integer("roundabout_lanes", 2, 1..=50)?;
        let network = network::generic(radius, lanes).map_err(|error| options.fail(&error))?;
        let vehicles = options.integer("vehicles_count", 5, 0..=1000)?;
        let entry = network.find("ser", "ses", 0).unwrap_or_default();
        let start = network.lane(entry).length() - scene::BEFORE_END;
        let destination = Self::read_destination(options, usize::MAX)?;
        Self::with_layout(
            options,
            Layout::Generic { vehicles },
            network,
            start,
            destination,
            17.0,
        )
    }

    fn read_destination(options: &mut OptionReader<'_>, last: usize) -> Result<Option<usize>, RegistryError> {
        const KEY: &str = "incoming_vehicle_destination";
        match options.raw(KEY) {
            None => Ok(None),
            Some(_) => options.integer(KEY, 0, 0..=last).map(Some),
        }
    }

    fn with_layout(
        options: &mut OptionReader<'_>,
        layout: Layout,
        network: RoadNetwork,
        start: f64,
        destination: Option<usize>,
        duration_s: f64,
    ) -> Result<Self, RegistryError> {
        // The package configures it, and does not use it.
        options.ignore("right_lane_reward");
        Ok(Self {
            way: Way::new(&network, &WAY, [start, 0.0]),
            network: Arc::new(network),
            layout,
            destination,
            weights: [
                options.number("collision_reward", -1.0, WEIGHTS)?,
                options.number("high_speed_reward", 0.2, WEIGHTS)?,
                options.number("lane_change_reward", -0.05, WEIGHTS)?,
            ],
            duration_s: options.number("duration", duration_s, 0.0..=1e6)?,
            normalize_reward: options.flag("normalize_reward", true)?,
        })
    }
}

impl Roundabout {
    /// The ids.
    pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
        let entry = |id| Entry {
            id,
            family: "Roundabout",
            doc: "Go through a roundabout with flowing traffic to its second exit, fast, and hit nobody.",
            sparse: "to get to the second exit without a crash",
        };
        let connected = || Defaults {
            connected_lanes: true,
            ..Self::defaults()
        };
        let ids = [
            paid_pair(entry("roundabout-v0"), Self::defaults, Self::read),
            paid_pair(entry("roundabout-v1"), connected, Self::read),
            paid_pair(entry("roundabout-generic-v0"), Self::defaults, Self::read_generic),
            paid_pair(entry("roundabout-generic-v1"), connected, Self::read_generic),
        ];
        ids.into_iter().flatten()
    }

    fn defaults() -> Defaults {
        Defaults {
            observation: Box::new(Kinematics {
                absolute: true,
                features_range: square_ranges(100.0, 15.0),
                ..Kinematics::default()
            }),
            action: ActionType::meta_with(&[0.0, 8.0, 16.0]),
            max_agents: 1,
            ..Defaults::default()
        }
    }
}

impl Task for Roundabout {
    type Memory = Fulfilled;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, _: &Settings) -> usize {
        match self.layout {
            Layout::Fixed => 5,
            Layout::Generic { vehicles } => vehicles + 1,
        }
    }

    fn max_steps(&self, settings: &Settings) -> Option<u32> {
        Some(steps_of(self.duration_s, settings.policy_frequency))
    }

    fn reset(&self, stage: &mut Stage<'_, Fulfilled>) {
        match self.layout {
            Layout::Fixed => scene::fixed(stage, self.destination),
            Layout::Generic { vehicles } => scene::generic(stage, vehicles, self.destination),
        }
    }

    fn terms(&self) -> &'static [&'static str] {
        &[
            "collision_reward",
            "high_speed_reward",
            "lane_change_reward",
            "on_road_reward",
        ]
    }

    fn reward_range(&self) -> (f64, f64) {
        let [collision, fast, change] = self.weights;
        if self.normalize_reward {
            (change.min(0.0) / (fast - collision), 1.0)
        } else {
            (collision + change, fast)
        }
    }

    fn judge(
        &self,
        view: &View<'_>,
        memory: &mut Fulfilled,
        agent: usize,
        decision: Decision<'_>,
        terms: &mut [f64],
    ) -> Verdict {
        let ego = view.ego(agent);
        let (body, driver) = (&view.bodies[ego], &view.drivers[ego]);
        let index = if driver.kind == Kind::Meta {
            driver.speed_index
        } else {
            speed_index(&DEFAULT_SPEEDS, body.speed)
        };
        let on_road = f64::from(u8::from(view.on_road(ego)));
        terms[0] = f64::from(u8::from(body.crashed));
        terms[1] = f64::from(index) / (DEFAULT_SPEEDS.len() - 1) as f64;
        terms[2] = lane_change(decision);
        terms[3] = on_road;
        let mut reward = weighted(&self.weights, terms);
        if self.normalize_reward {
            let [collision, fast, _] = self.weights;
            reward = lmap(reward, [collision, fast], [0.0, 1.0]);
        }
        let end = view.network.name(view.network.to(view.network.road(body.lane)));
        let success = matches!(end, "nxs" | "nxr") && on_road > 0.0 && !body.crashed;
        Verdict {
            reward: reward * on_road,
            sparse: memory.pay(agent, success),
            terminated: body.crashed,
            truncated: view.episode.time_s >= self.duration_s,
            success,
        }
    }

    fn progress(&self, view: &View<'_>, _: &Fulfilled, agent: usize) -> f64 {
        let ego = view.ego(agent);
        let end = view.network.to(view.network.road(view.bodies[ego].lane));
        if matches!(view.network.name(end), "nxs" | "nxr") {
            return 1.0;
        }
        self.way.progress(view, ego)
    }

    fn success(&self) -> &'static str {
        "the ego is on the northern exit, on the road and uncrashed"
    }
}
