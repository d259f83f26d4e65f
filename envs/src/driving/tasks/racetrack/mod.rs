//! Circuits: keep the lane at a given speed, without hitting those in front.

mod course;
mod lap;
mod oval;
mod winding;

use std::sync::Arc;

use prospect_sim::random::Generator;
use prospect_sim::{Dtype, FactSpec, Field};

use self::lap::Circuit;
pub use self::lap::LapCounter;
use self::oval::Oval;
use crate::driving::action::{ActionType, Decision};
use crate::driving::catalogue::{Entry, paid_pair};
use crate::driving::observation::{Feature, Layer, OccupancyGrid};
use crate::driving::road::scalar::{Point, lmap, norm, sub};
use crate::driving::road::{LaneIx, RoadNetwork, Shape};
use crate::driving::scene::View;
use crate::driving::settings::{Defaults, Settings};
use crate::driving::task::{Stage, Task, Verdict};
use crate::driving::vehicle::{Kind, RoadObject, Vehicle};
use crate::options::OptionReader;
use crate::registry::{RegistryError, TaskEntry};

/// Where on its lane the first vehicle starts, in m.
const START: [f64; 2] = [20.0, 50.0];
/// Speed of the others, in m/s.
const OTHER_SPEED: [f64; 2] = [6.0, 9.0];
/// Vehicles that would start nearer than this to another one are left out, in m.
const CLEARANCE: f64 = 20.0;

/// Which circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Track {
    /// Two lanes, winding.
    Small,
    /// Three lanes, winding, longer.
    Large,
    /// An oval of as many lanes as wanted.
    Oval,
}

/// A circuit with its traffic.
#[derive(Debug, Clone)]
pub struct Racetrack {
    network: Arc<RoadNetwork>,
    circuit: Circuit,
    /// Lanes of the first road on which the first vehicle may start.
    start_lanes: usize,
    obstacles: Vec<Point>,
    other_vehicles: usize,
    duration: f64,
    terminate_off_road: bool,
    collision_reward: f64,
    lane_centering_cost: f64,
    lane_centering_reward: f64,
    action_reward: f64,
}

impl Racetrack {
    /// racetrack-v0, -large-v0 and -oval-v0, their versions 1, and the sparse variants of all.
    pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
        let racetrack = |id| Entry {
            id,
            family: "Racetrack",
            doc: "Steer a car along a circuit without hitting those in front.",
            sparse: "to complete a lap",
        };
        let own_lane = || Self::defaults(false);
        let connected = || Self::defaults(true);
        let small = |options: &mut OptionReader<'_>| Self::read(options, Track::Small);
        let large = |options: &mut OptionReader<'_>| Self::read(options, Track::Large);
        let oval = |options: &mut OptionReader<'_>| Self::read(options, Track::Oval);
        [
            paid_pair(racetrack("racetrack-v0"), own_lane, small),
            paid_pair(racetrack("racetrack-v1"), connected, small),
            paid_pair(racetrack("racetrack-large-v0"), own_lane, large),
            paid_pair(racetrack("racetrack-large-v1"), connected, large),
            paid_pair(racetrack("racetrack-oval-v0"), own_lane, oval),
            paid_pair(racetrack("racetrack-oval-v1"), connected, oval),
        ]
        .into_iter()
        .flatten()
    }

    /// What all circuits share: 5 steps per s, steering alone, a grid about the vehicle.
    fn defaults(connected_lanes: bool) -> Defaults {
        Defaults {
            policy_frequency: 5,
            connected_lanes,
            action: ActionType::steering(),
            observation: Box::new(OccupancyGrid {
                layers: vec![Layer::Vehicle(Feature::Presence), Layer::OnRoad],
                grid_size: [[-18.0, 18.0]; 2],
                grid_step: [3.0; 2],
                align_to_vehicle_axes: true,
                ..OccupancyGrid::default()
            }),
            ..Defaults::default()
        }
    }

    /// The circuit that options describe.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    fn read(options: &mut OptionReader<'_>, track: Track) -> Result<Self, RegistryError> {
        let speed_limit = options.number("speed_limit", 10.0, 0.1..=100.0)?;
        let mut obstacles = Vec::new();
        let (network, start_lanes) = match track {
            Track::Small => (winding::small(), 2),
            Track::Large => (winding::large(speed_limit), 2),
            Track::Oval => {
                let oval = read_oval(options)?;
                if options.flag("block_lane", false)? {
                    obstacles.extend(oval.block());
                }
                if options.flag("force_decision", false)? {
                    obstacles.extend(oval.gate());
                }
                (oval.network(), oval.lanes)
            }
        };
        let network = network.map_err(|error| options.refuse("length", &error.to_string()))?;
        Ok(Self {
            circuit: Circuit::new(&network),
            network: Arc::new(network),
            start_lanes,
            obstacles,
            other_vehicles: options.integer("other_vehicles", 1, 0..=1000)?,
            duration: options.number("duration", 300.0, 0.0..=1e6)?,
            terminate_off_road: options.flag("terminate_off_road", true)?,
            collision_reward: options.number("collision_reward", -1.0, -1e6..=0.999)?,
            lane_centering_cost: options.number("lane_centering_cost", 4.0, 0.0..=1e6)?,
            lane_centering_reward: options.number("lane_centering_reward", 1.0, -1e6..=1e6)?,
            action_reward: options.number("action_reward", -0.3, -1e6..=1e6)?,
        })
    }

    fn add_egos(&self, stage: &mut Stage<'_, Vec<LapCounter>>) -> LaneIx {
        let network = stage.network;
        let mut lane = LaneIx(0);
        for agent in 0..stage.settings.agents {
            lane = if agent == 0 {
                LaneIx(stage.rng.integers(0, self.start_lanes as i64) as u16)
            } else {
                random_lane(network, stage.rng)
            };
            let s = stage.rng.uniform(START[0], START[1]);
            let speed = network.lane(lane).speed_limit().unwrap_or(0.0);
            let vehicle = stage.ego_on(lane, s, speed);
            let counter = self
                .circuit
                .start(network, vehicle.body.lane, vehicle.body.position);
            stage.memory.push(counter);
            stage.add_ego(vehicle);
        }
        lane
    }

    /// One vehicle in the first bend, and up to `other_vehicles - 1` anywhere.
    fn add_others(&self, stage: &mut Stage<'_, Vec<LapCounter>>, behind: LaneIx) {
        let network = stage.network;
        let bend = network.roads().nth(1).map(|road| network.lanes_of(road));
        let Some(bend) = bend.filter(|_| self.other_vehicles > 0) else {
            return;
        };
        let lane = LaneIx((bend.start + network.id(behind)).min(bend.end - 1));
        let s = stage.rng.uniform(0.0, network.lane(LaneIx(bend.start)).length());
        let vehicle = other(network, stage, lane, s);
        stage.fleet.push(vehicle);
        for _ in 0..stage.rng.integers(0, self.other_vehicles as i64) {
            let lane = random_lane(network, stage.rng);
            let s = stage.rng.uniform(0.0, network.lane(lane).length());
            let vehicle = other(network, stage, lane, s);
            let place = vehicle.body.position;
            let mut others = stage.fleet.bodies.iter();
            if others.all(|body| norm(sub(place, body.position)) >= CLEARANCE) {
                stage.fleet.push(vehicle);
            }
        }
    }

    /// The weighted sum of the terms, mapped from what is paid for a collision and 1 to 0 and 1.
    ///
    /// The package's sum has the precision of its parts: of actions in f32 the weighted length is rounded to f32, and so is
    /// the whole sum where the lateral offset is a plain Python number, which is on straight lanes.
    fn reward(&self, [centering, action, collision, on_road]: [f64; 4], rounds: Rounds) -> f64 {
        let low = self.collision_reward;
        let centered = self.lane_centering_reward * centering;
        let crashed = low * collision;
        let steered = self.action_reward as f32 * action as f32;
        let sum = match rounds {
            Rounds::Nothing => centered + self.action_reward * action + crashed,
            Rounds::Action => centered + f64::from(steered) + crashed,
            Rounds::Sum => f64::from(centered as f32 + steered + crashed as f32),
        };
        lmap(sum, [low, 1.0], [0.0, 1.0]) * on_road
    }
}

/// What of a reward is rounded to f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rounds {
    Nothing,
    Action,
    Sum,
}

impl Rounds {
    fn of(decision: Decision<'_>, lane: &Shape) -> Self {
        match (decision, lane) {
            (Decision::Index(_), _) => Self::Nothing,
            (_, Shape::Straight(_)) => Self::Sum,
            _ => Self::Action,
        }
    }
}

/// A vehicle of traffic on a lane, at a speed that is drawn.
fn other(network: &RoadNetwork, stage: &mut Stage<'_, Vec<LapCounter>>, lane: LaneIx, s: f64) -> Vehicle {
    let speed = OTHER_SPEED[0] + stage.rng.uniform(0.0, OTHER_SPEED[1] - OTHER_SPEED[0]);
    Vehicle::on_lane(network, Kind::Idm, lane, s, speed)
}

/// A lane of a road that leads from a random node to a random one.
fn random_lane(network: &RoadNetwork, rng: &mut Generator) -> LaneIx {
    let origins: Vec<_> = network.origins().collect();
    let from = origins[rng.choice(origins.len())];
    let roads: Vec<_> = network.out(from).collect();
    let lanes = network.lanes_of(roads[rng.choice(roads.len())]);
    LaneIx(lanes.start + rng.integers(0, lanes.len() as i64) as u16)
}

fn read_oval(options: &mut OptionReader<'_>) -> Result<Oval, RegistryError> {
    let from = |least: f64| {
        move |refused| match refused {
            RegistryError::Option { id, key, value, .. } => RegistryError::Option {
                id,
                key,
                value,
                expected: format!(
                    "a number of at least {least}; the package draws one for 0, from a generator that no seed reaches"
                ),
            },
            other => other,
        }
    };
    Ok(Oval {
        length: options.number("length", 100.0, 1.0..=1e5).map_err(from(1.0))?,
        lanes: options.integer("no_lanes", 3, 2..=64).map_err(from(2.0))?,
    })
}

/// The Euclidean length of an action, in the precision in which the package has it.
fn action_norm(decision: Decision<'_>) -> f64 {
    match decision {
        Decision::Index(index) => f64::from(index).abs(),
        Decision::Reals(values) => {
            let squares: f32 = values.iter().map(|x| x * x).sum();
            f64::from(squares.sqrt())
        }
    }
}

impl Task for Racetrack {
    /// Per agent, its laps.
    type Memory = Vec<LapCounter>;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, settings: &Settings) -> usize {
        settings.agents + self.other_vehicles
    }

    fn max_steps(&self, settings: &Settings) -> Option<u32> {
        Some(settings.steps_within(self.duration))
    }

    fn reset(&self, stage: &mut Stage<'_, Vec<LapCounter>>) {
        for &place in &self.obstacles {
            let obstacle = RoadObject::obstacle(stage.network, place, 0.0);
            stage.fleet.objects.push(obstacle);
        }
        let last = self.add_egos(stage);
        self.add_others(stage, last);
    }

    fn terms(&self) -> &'static [&'static str] {
        &[
            "lane_centering_reward",
            "action_reward",
            "collision_reward",
            "on_road_reward",
        ]
    }

    fn reward_range(&self) -> (f64, f64) {
        (0.0, 1.0)
    }

    fn judge(
        &self,
        view: &View<'_>,
        memory: &mut Vec<LapCounter>,
        agent: usize,
        decision: Decision<'_>,
        terms: &mut [f64],
    ) -> Verdict {
        let ego = view.ego(agent);
        let body = &view.bodies[ego];
        let lane = self.network.lane(body.lane);
        let (s, lateral) = lane.local_coordinates(body.position);
        let on_road = lane.holds((s, lateral), 0.0);
        let own: [f64; 4] = [
            1.0 / (1.0 + self.lane_centering_cost * (lateral * lateral)),
            action_norm(decision),
            f64::from(u8::from(body.crashed)),
            f64::from(u8::from(on_road)),
        ];
        terms[..4].copy_from_slice(&own);
        let lap = memory.get_mut(agent).is_some_and(|counter| {
            self.circuit
                .count(counter, &self.network, body.lane, body.position)
        });
        let success = lap && !body.crashed && on_road;
        Verdict {
            reward: self.reward(own, Rounds::of(decision, lane.shape())),
            sparse: f64::from(u8::from(success)),
            terminated: body.crashed || (self.terminate_off_road && !on_road),
            truncated: view.episode.time_s >= self.duration,
            success,
        }
    }

    fn progress(&self, _: &View<'_>, memory: &Vec<LapCounter>, agent: usize) -> f64 {
        let laps = memory.get(agent).map(|counter| self.circuit.progress(counter));
        laps.unwrap_or(0.0)
    }

    fn success(&self) -> &'static str {
        "a lap was completed in this step"
    }

    fn facts(&self) -> Vec<FactSpec> {
        let fact = |name: &str, [low, high]: [f64; 2], unit: &str, doc: &str| {
            FactSpec::state(Field::new(name, Dtype::F32, &[], low, high), unit, doc)
        };
        vec![
            fact("laps", [0.0, 1e4], "", "laps completed in this episode"),
            fact(
                "lap_length_m",
                [0.0, self.circuit.length()],
                "m",
                "of a lap along the innermost lanes",
            ),
        ]
    }

    fn fact(&self, _: &View<'_>, memory: &Vec<LapCounter>, agent: usize, index: usize) -> f64 {
        match index {
            0 => memory.get(agent).map_or(0.0, |counter| f64::from(counter.laps)),
            _ => self.circuit.length(),
        }
    }
}
