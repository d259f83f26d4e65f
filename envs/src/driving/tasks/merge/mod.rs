//! `merge-v0`, `-v1` and `merge-generic-v0`, `-v1`: a highway that vehicles from a ramp want to join.

mod network;
mod scene;

use std::sync::Arc;

use network::Sections;

use super::casting::{Fulfilled, WEIGHTS, lane_change, weighted};
use crate::driving::action::Decision;
use crate::driving::catalogue::{Entry, paid_pair};
use crate::driving::road::RoadNetwork;
use crate::driving::road::scalar::{Point, lmap};
use crate::driving::scene::View;
use crate::driving::settings::{Defaults, Settings};
use crate::driving::task::{Stage, Task, Verdict};
use crate::driving::vehicle::RoadObject;
use crate::options::OptionReader;
use crate::registry::{RegistryError, TaskEntry};

/// Which of the package's two merges it is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    /// Two lanes, three others, at nearly the same places in every episode.
    Fixed,
    /// Lanes, lengths and the number of others as configured.
    Generic {
        sections: Sections,
        lanes: usize,
        vehicles: usize,
    },
}

/// Driving fast, on the right and uncrashed is rewarded; being slow of those who merge is punished. The task is fulfilled
/// when the merge is behind the ego.
#[derive(Debug)]
pub struct Merge {
    network: Arc<RoadNetwork>,
    layout: Layout,
    /// Where the obstacle at the end of the ramp stands.
    obstacle: Point,
    /// Where the merge is behind the ego, along x in m.
    finish: f64,
    weights: [f64; 5],
    reward_speed_range: [f64; 2],
}

impl Merge {
    /// `merge-v0` as options ask for it.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let (network, obstacle) = network::fixed().map_err(|error| options.fail(&error))?;
        Self::with_layout(options, Layout::Fixed, Sections::DEFAULT, network, obstacle)
    }

    /// `merge-generic-v0` as options ask for it.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read_generic(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        const LENGTHS: std::ops::RangeInclusive<f64> = 1.0..=1e5;
        let default = Sections::DEFAULT;
        let sections = Sections {
            before: options.number("before_merge_length", default.before, LENGTHS)?,
            converge: options.number("converge_merge_length", default.converge, LENGTHS)?,
            parallel: options.number("parallel_merge_length", default.parallel, LENGTHS)?,
            after: options.number("after_merge_length", default.after, 90.0..=1e5)?,
        };
        let lanes = options.integer("lanes_count", 2, 1..=100)?;
        let layout = Layout::Generic {
            sections,
            lanes,
            vehicles: options.integer("vehicles_count", 3, 0..=1000)?,
        };
        let (network, obstacle) = network::generic(lanes, &sections).map_err(|error| options.fail(&error))?;
        Self::with_layout(options, layout, sections, network, obstacle)
    }

    fn with_layout(
        options: &mut OptionReader<'_>,
        layout: Layout,
        sections: Sections,
        network: RoadNetwork,
        obstacle: Point,
    ) -> Result<Self, RegistryError> {
        Ok(Self {
            network: Arc::new(network),
            layout,
            obstacle,
            finish: sections.finish(),
            weights: [
                options.number("collision_reward", -1.0, WEIGHTS)?,
                options.number("right_lane_reward", 0.1, WEIGHTS)?,
                options.number("high_speed_reward", 0.2, WEIGHTS)?,
                options.number("lane_change_reward", -0.05, WEIGHTS)?,
                options.number("merging_speed_reward", -0.5, WEIGHTS)?,
            ],
            reward_speed_range: options.pair("reward_speed_range", [20.0, 30.0])?,
        })
    }

    /// How much slower than they want to be the vehicles are that follow lane 2 beside the ramp's end, as shares of what they
    /// want, summed. With two lanes on the highway that lane is the ramp.
    fn slowness(view: &View<'_>) -> f64 {
        let merging = view.network.find("b", "c", 2);
        let vehicles = view.bodies.iter().zip(view.drivers);
        vehicles
            .filter(|(body, driver)| Some(body.lane) == merging && driver.kind.has_target())
            .fold(0.0, |sum, (body, driver)| {
                sum + (driver.target_speed - body.speed) / driver.target_speed
            })
    }
}

impl Merge {
    /// The ids.
    pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
        let entry = |id| Entry {
            id,
            family: "Merge",
            doc: "Pass a ramp from which a vehicle joins the highway, fast, and hit nobody.",
            sparse: "to get past the merge without a crash",
        };
        let single = || Defaults {
            max_agents: 1,
            ..Defaults::default()
        };
        let connected = || Defaults {
            connected_lanes: true,
            max_agents: 1,
            ..Defaults::default()
        };
        let ids = [
            paid_pair(entry("merge-v0"), single, Self::read),
            paid_pair(entry("merge-v1"), connected, Self::read),
            paid_pair(entry("merge-generic-v0"), single, Self::read_generic),
            paid_pair(entry("merge-generic-v1"), connected, Self::read_generic),
        ];
        ids.into_iter().flatten()
    }
}

impl Task for Merge {
    type Memory = Fulfilled;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, _: &Settings) -> usize {
        match self.layout {
            Layout::Fixed => 5,
            Layout::Generic { vehicles, .. } => vehicles + 2,
        }
    }

    fn max_steps(&self, _: &Settings) -> Option<u32> {
        None
    }

    fn reset(&self, stage: &mut Stage<'_, Fulfilled>) {
        let obstacle = RoadObject::obstacle(stage.network, self.obstacle, 0.0);
        stage.fleet.objects.push(obstacle);
        match &self.layout {
            Layout::Fixed => scene::fixed(stage),
            Layout::Generic {
                sections,
                lanes,
                vehicles,
            } => scene::generic(stage, sections, *lanes, *vehicles),
        }
    }

    fn terms(&self) -> &'static [&'static str] {
        &[
            "collision_reward",
            "right_lane_reward",
            "high_speed_reward",
            "lane_change_reward",
            "merging_speed_reward",
        ]
    }

    fn reward_range(&self) -> (f64, f64) {
        (-1.0, 1.5)
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
        let body = &view.bodies[ego];
        terms[0] = f64::from(u8::from(body.crashed));
        terms[1] = f64::from(view.network.id(body.lane));
        terms[2] = lmap(body.speed, self.reward_speed_range, [0.0, 1.0]);
        terms[3] = lane_change(decision);
        terms[4] = Self::slowness(view);
        let [collision, right, fast, _, merging] = self.weights;
        let bounds = [collision + merging, fast + right];
        let passed = body.position[0] > self.finish;
        let success = passed && view.on_road(ego) && !body.crashed;
        Verdict {
            reward: lmap(weighted(&self.weights, terms), bounds, [0.0, 1.0]),
            sparse: memory.pay(agent, success),
            terminated: body.crashed || passed,
            truncated: false,
            success,
        }
    }

    fn progress(&self, view: &View<'_>, _: &Fulfilled, agent: usize) -> f64 {
        let start = scene::EGO_START;
        ((view.ego_body(agent).position[0] - start) / (self.finish - start)).clamp(0.0, 1.0)
    }

    fn success(&self) -> &'static str {
        "the merge is behind the ego, which is on the road and uncrashed"
    }
}
