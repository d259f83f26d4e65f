//! Lane keeping: a car with slipping tyres is to be steered onto a winding lane and along it, seen through noise.
//!
//! As in the package, what is observed after an action is the state in which it was taken, with the new steering angle in its
//! derivative; the reward is that of the state it led to.

use std::f64::consts::{FRAC_PI_3, PI};
use std::sync::Arc;

use prospect_sim::random::Generator;
use prospect_sim::{Dtype, FactSpec, Field};
use serde::{Deserialize, Serialize};

use crate::driving::action::{ActionType, Axes, Controls, Decision};
use crate::driving::catalogue::{Entry, pair};
use crate::driving::observation::{Attribute, Attributes};
use crate::driving::road::{Lane, LaneIx, LineType, NetworkError, RoadNetwork, Width};
use crate::driving::scene::View;
use crate::driving::settings::{Defaults, Settings};
use crate::driving::state::form::SceneForm;
use crate::driving::state::{StateError, lane_name};
use crate::driving::task::{Stage, Task, Verdict};
use crate::driving::vehicle::{Body, Vehicle};
use crate::options::OptionReader;
use crate::registry::{RegistryError, TaskEntry};

/// Width of the lanes, in m.
const WIDTH: f64 = 10.0;
/// Where the car starts: along and across the first lane, in m, and how fast, in m/s.
const START: (f64, f64, f64) = (50.0, -4.0, 8.3);
/// How often the package looks at a state before it shows it: twice to find out the shape.
const LOOKS_AT_RESET: usize = 3;

/// The task.
#[derive(Debug, Clone)]
pub struct LaneKeeping {
    network: Arc<RoadNetwork>,
    /// The lane that leads to the other, and that other lane, which is to be kept.
    lanes: [LaneIx; 2],
    /// Noise of the state is uniform up to this.
    state_noise: f64,
    /// Noise of the derivative is uniform up to this.
    derivative_noise: f64,
    max_steps: u32,
}

/// Which lane is to be kept, and whether it was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Lanes still to come; the last one is next.
    pub coming: Vec<LaneIx>,
    /// The lane to be kept.
    pub lane: LaneIx,
    /// The car has been beside the road.
    pub has_left: bool,
}

/// A straight lane that joins a winding one.
fn roads() -> Result<RoadNetwork, NetworkError> {
    let dashed = [LineType::Striped; 2];
    let wide = |lane: Lane, [left, right]: [LineType; 2]| {
        lane.with_width(Width::Fixed(WIDTH)).with_lines(left, right)
    };
    let mut builder = RoadNetwork::builder();
    let winding = Lane::sine([0.0, 0.0], [500.0, 0.0], 5.0, 2.0 * PI / 100.0, 0.0);
    let end = [115.0 + 20.0, 15.0 + 20.0 * (15.0 - 50.0) / (115.0 - 50.0)];
    builder
        .add_lane("a", "b", wide(winding, dashed))
        .add_lane(
            "c",
            "d",
            wide(Lane::straight([50.0, 50.0], [115.0, 15.0]), dashed),
        )
        .add_lane(
            "d",
            "a",
            wide(
                Lane::straight([115.0, 15.0], end),
                [LineType::None, LineType::Striped],
            ),
        );
    builder.build()
}

impl LaneKeeping {
    /// lane-keeping-v0 and its sparse variant.
    pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
        let entry = Entry {
            id: "lane-keeping-v0",
            family: "LaneKeeping",
            doc: "Steer a car with slipping tyres onto a winding lane and along it, through noise.",
            sparse: "to be on a lane after every step until the time is up",
        };
        pair(entry, Self::defaults, Self::read).into_iter()
    }

    /// What distinguishes lane keeping from other tasks.
    fn defaults() -> Defaults {
        Defaults {
            simulation_frequency: 10,
            max_agents: 1,
            policy_frequency: 10,
            action: ActionType::Continuous(Controls {
                axes: Axes {
                    longitudinal: false,
                    lateral: true,
                },
                steering_range: [-FRAC_PI_3, FRAC_PI_3],
                dynamical: true,
                ..Controls::default()
            }),
            observation: Box::new(Attributes::default()),
            ..Defaults::default()
        }
    }

    /// The task that options describe; `max_steps` ends its episodes.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let network = roads().map_err(|error| options.refuse("network", &error.to_string()))?;
        let lane = |from, to| network.find(from, to, 0).unwrap_or_default();
        Ok(Self {
            lanes: [lane("c", "d"), lane("a", "b")],
            network: Arc::new(network),
            state_noise: options.number("state_noise", 0.05, 0.0..=1e6)?,
            derivative_noise: options.number("derivative_noise", 0.05, 0.0..=1e6)?,
            max_steps: options.integer("max_steps", 200, 1..=1_000_000_000)? as u32,
        })
    }

    /// Numbers of an attribute, with noise drawn.
    fn attribute(&self, attribute: Attribute, body: &Body, kept: &Kept, rng: &mut Generator) -> [f64; 4] {
        let state = [body.position[1], body.heading, body.lateral_speed, body.yaw_rate];
        match attribute {
            Attribute::State => state.map(|x| x + rng.uniform(-self.state_noise, self.state_noise)),
            Attribute::Derivative => {
                let [_, y, heading, _, lateral, yaw] = body.slope();
                [y, heading, lateral, yaw]
                    .map(|x| x + rng.uniform(-self.derivative_noise, self.derivative_noise))
            }
            Attribute::ReferenceState => {
                let lane = self.network.lane(kept.lane);
                let (s, across) = lane.local_coordinates(body.position);
                [state[0] - across, lane.heading_at(s), 0.0, 0.0]
            }
        }
    }

    /// Fills `measured` with the attributes that are observed.
    fn look(
        &self,
        attributes: &[Attribute],
        body: &Body,
        kept: &Kept,
        rng: &mut Generator,
        measured: &mut Vec<f64>,
    ) {
        measured.clear();
        for &attribute in attributes {
            measured.extend(self.attribute(attribute, body, kept, rng));
        }
    }
}

impl Task for LaneKeeping {
    type Memory = Kept;

    const MEASURES: bool = true;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, settings: &Settings) -> usize {
        settings.agents
    }

    fn max_steps(&self, _: &Settings) -> Option<u32> {
        Some(self.max_steps)
    }

    fn reset(&self, stage: &mut Stage<'_, Kept>) {
        let [first, second] = self.lanes;
        *stage.memory = Kept {
            coming: vec![second],
            lane: first,
            has_left: false,
        };
        let (s, across, speed) = START;
        let lane = stage.network.lane(first);
        let kind = stage.settings.action.kind();
        let vehicle = Vehicle::new(
            stage.network,
            kind,
            lane.position(s, across),
            lane.heading_at(0.0),
            speed,
        );
        stage.add_ego(stage.settings.action.fit(vehicle));
        let attributes = stage.settings.observation.attributes();
        for _ in 0..LOOKS_AT_RESET {
            self.look(
                attributes,
                &stage.fleet.bodies[0],
                stage.memory,
                stage.rng,
                &mut stage.episode.measured,
            );
        }
    }

    fn measure(&self, view: &View<'_>, kept: &mut Kept, rng: &mut Generator, measured: &mut Vec<f64>) {
        let body = view.ego_body(0);
        let has_ended = !self.network.lane(kept.lane).on_lane(body.position, 0.0);
        if has_ended && let Some(next) = kept.coming.pop() {
            kept.lane = next;
        }
        let attributes = view.settings.observation.attributes();
        self.look(attributes, body, kept, rng, measured);
    }

    fn restore(&self, scene: &SceneForm, stage: &mut Stage<'_, Kept>) -> Result<(), StateError> {
        if let Some(names) = &scene.reference_lanes {
            let lanes = names.iter().enumerate().map(|(i, (from, to, id))| {
                stage.network.find(from, to, *id).ok_or_else(|| {
                    let problem = format!("there is no lane {id} from `{from}` to `{to}`");
                    StateError::new(
                        format!("reference_lanes[{i}]"),
                        problem,
                        "the lanes are c-d 0, d-a 0 and a-b 0",
                    )
                })
            });
            let mut coming = lanes.collect::<Result<Vec<_>, _>>()?;
            coming.reverse();
            stage.memory.lane = coming.pop().unwrap_or(self.lanes[1]);
            stage.memory.coming = coming;
        }
        // What is seen first has been seen where the scene comes from: it must not be drawn again.
        let (ego, mut rng) = (usize::from(stage.episode.controlled[0]), stage.rng.clone());
        let attributes = stage.settings.observation.attributes();
        let measured = &mut stage.episode.measured;
        self.look(
            attributes,
            &stage.fleet.bodies[ego],
            stage.memory,
            &mut rng,
            measured,
        );
        Ok(())
    }

    fn publish(&self, view: &View<'_>, kept: &Kept, scene: &mut SceneForm) {
        let lanes = std::iter::once(kept.lane).chain(kept.coming.iter().rev().copied());
        scene.reference_lanes = Some(lanes.map(|lane| lane_name(view.network, lane)).collect());
    }

    fn terms(&self) -> &'static [&'static str] {
        &["lane_centering_reward"]
    }

    fn reward_range(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, 1.0)
    }

    fn judge(
        &self,
        view: &View<'_>,
        memory: &mut Kept,
        agent: usize,
        _: Decision<'_>,
        terms: &mut [f64],
    ) -> Verdict {
        let ego = view.ego(agent);
        let lane = self.network.lane(memory.lane);
        let (_, across) = lane.local_coordinates(view.bodies[ego].position);
        memory.has_left |= !view.on_road(ego);
        terms[0] = 1.0 - (across / WIDTH).powi(2);
        let truncated = view.episode.steps >= self.max_steps;
        let success = truncated && !memory.has_left;
        Verdict {
            reward: terms[0],
            sparse: f64::from(u8::from(success)),
            terminated: false,
            truncated,
            success,
        }
    }

    fn progress(&self, view: &View<'_>, _: &Kept, _: usize) -> f64 {
        f64::from(view.episode.steps) / f64::from(self.max_steps)
    }

    fn success(&self) -> &'static str {
        "the car was on a lane after every step until the time was up"
    }

    fn facts(&self) -> Vec<FactSpec> {
        let offset = Field::new("lane_offset_m", Dtype::F32, &[], -1e3, 1e3);
        vec![FactSpec::state(
            offset,
            "m",
            "from the middle of the lane that is to be kept",
        )]
    }

    fn fact(&self, view: &View<'_>, memory: &Kept, agent: usize, _: usize) -> f64 {
        let lane = self.network.lane(memory.lane);
        lane.local_coordinates(view.ego_body(agent).position).1
    }
}
