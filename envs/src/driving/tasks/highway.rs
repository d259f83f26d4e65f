//! highway-v0, highway-fast-v0 and highway-heterogeneous-v0: keep to the right, drive fast, hit nobody.

use std::sync::Arc;

use prospect_sim::random::Generator;

use crate::driving::action::Decision;
use crate::driving::rewarded::Way;
use crate::driving::road::scalar::{clip, lmap};
use crate::driving::road::{LaneIx, NetworkError, RoadNetwork};
use crate::driving::scene::View;
use crate::driving::settings::Settings;
use crate::driving::task::{Stage, Task, Verdict};
use crate::driving::traffic::Fleet;
use crate::driving::vehicle::{Kind, Population, Vehicle};
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// Length of the road, in m.
const ROAD_M: f64 = 10_000.0;
/// Speed limit of the road, in m/s.
const LIMIT_MPS: f64 = 30.0;
/// Speed at which controlled vehicles start, in m/s.
const START_MPS: f64 = 25.0;
/// Mean speed over the whole episode that the sparse variant pays for, in m/s: faster than any of the traffic starts.
const SPARSE_MEAN_MPS: f64 = 24.0;

/// A straight road with traffic in one direction.
///
/// Success is to last until the time is up without a crash. Braking all the way does that too, so the sparse variant pays 1
/// only to those who also have kept a mean speed of 24 m/s, which in traffic that starts with 21 to 24 m/s means to overtake.
#[derive(Debug)]
pub struct Highway {
    network: Arc<RoadNetwork>,
    /// Vehicles that are not controlled.
    pub vehicles_count: usize,
    /// The lane on which controlled vehicles start; a random one if none.
    pub initial_lane_id: Option<u16>,
    /// In s.
    pub duration: f64,
    /// Room in front of controlled vehicles at the start, as a multiple of the usual one.
    pub ego_spacing: f64,
    /// Inverse of the room in front of other vehicles, likewise.
    pub vehicles_density: f64,
    /// Weights of the reward's terms, in order.
    pub weights: [f64; 3],
    /// Speeds that are worth 0 and 1, in m/s.
    pub reward_speed_range: [f64; 2],
    /// The reward is mapped to `[0, 1]`.
    pub normalize_reward: bool,
    /// Leaving the road ends the episode.
    pub offroad_terminal: bool,
    /// Other vehicles collide with each other too.
    pub others_collide: bool,
    /// How the others drive, where styles are mixed.
    pub population: Option<Population>,
}

/// What differs between the ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preset {
    lanes: usize,
    vehicles: usize,
    duration: f64,
    ego_spacing: f64,
    others_collide: bool,
    population: Option<Population>,
}

impl Preset {
    /// highway-v0.
    pub(crate) const USUAL: Self = Self {
        lanes: 4,
        vehicles: 50,
        duration: 40.0,
        ego_spacing: 2.0,
        others_collide: true,
        population: None,
    };
    /// highway-fast-v0.
    pub(crate) const FAST: Self = Self {
        lanes: 3,
        vehicles: 20,
        duration: 30.0,
        ego_spacing: 1.5,
        others_collide: false,
        population: None,
    };
    /// highway-heterogeneous-v0: the road of iPLAN.
    pub(crate) const HETEROGENEOUS: Self = Self {
        lanes: 8,
        duration: 90.0,
        population: Some(Population::MILD),
        ..Self::USUAL
    };
}

impl Highway {
    /// The road of a preset, with what the options say.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub(crate) fn read(options: &mut OptionReader<'_>, preset: Preset) -> Result<Self, RegistryError> {
        let lanes = options.integer("lanes_count", preset.lanes, 1..=64)?;
        let initial_lane_id = match options.raw("initial_lane_id") {
            None => None,
            Some(_) => Some(options.integer("initial_lane_id", 0, 0..=lanes - 1)? as u16),
        };
        let mut weight = |key, default| options.number(key, default, -1e6..=1e6);
        let weights = [
            weight("collision_reward", -1.0)?,
            weight("right_lane_reward", 0.1)?,
            weight("high_speed_reward", 0.4)?,
        ];
        // The package reads this weight nowhere.
        weight("lane_change_reward", 0.0)?;
        let network = straight(lanes).map_err(|_| options.refuse("lanes_count", "fewer lanes"))?;
        Ok(Self {
            network: Arc::new(network),
            vehicles_count: options.integer("vehicles_count", preset.vehicles, 0..=10_000)?,
            initial_lane_id,
            duration: options.number("duration", preset.duration, 1e-3..=1e6)?,
            ego_spacing: options.number("ego_spacing", preset.ego_spacing, 0.0..=1e3)?,
            vehicles_density: options.number("vehicles_density", 1.0, 1e-3..=1e3)?,
            weights,
            reward_speed_range: options.pair("reward_speed_range", [20.0, 30.0])?,
            normalize_reward: options.flag("normalize_reward", true)?,
            offroad_terminal: options.flag("offroad_terminal", false)?,
            others_collide: preset.others_collide,
            population: read_population(options, preset.population)?,
        })
    }

    /// Where the next vehicle is to be placed, `(lane, s)`, and how fast it is, in m/s: ahead of all others, in a random lane
    /// unless one is given, at a random speed unless one is given.
    fn draw_place(
        &self,
        fleet: &Fleet,
        rng: &mut Generator,
        lane: Option<u16>,
        speed: Option<f64>,
        spacing: f64,
    ) -> (LaneIx, f64, f64) {
        // The package chooses one of one origin and one of one destination; both draws consume nothing.
        let lanes = self.network.n_lanes();
        let lane = LaneIx(lane.unwrap_or_else(|| rng.choice(lanes) as u16));
        let speed = speed.unwrap_or_else(|| rng.uniform(0.7 * LIMIT_MPS, 0.8 * LIMIT_MPS));
        let room = spacing * (12.0 + speed) * (-5.0 / 40.0 * lanes as f64).exp();
        let geometry = self.network.lane(lane);
        // All lanes count from the same line, and each vehicle is placed before those that are there.
        let front = fleet
            .bodies
            .last()
            .map(|body| geometry.local_coordinates(body.position).0);
        let front = front.unwrap_or(3.0 * room);
        (lane, front + room * rng.uniform(0.9, 1.1), speed)
    }

    /// The next vehicle that is not controlled; `kind` drives it unless styles are mixed.
    fn draw_other(&self, kind: Kind, fleet: &Fleet, rng: &mut Generator) -> Vehicle {
        let style = self.population.map(|population| population.draw(rng));
        let (lane, s, speed) = self.draw_place(fleet, rng, None, None, 1.0 / self.vehicles_density);
        let mut vehicle = match style {
            None => Vehicle::on_lane(&self.network, kind, lane, s, speed).randomized(rng),
            Some(style) => {
                let vehicle = Vehicle::on_lane(&self.network, Kind::Idm, lane, s, speed);
                Vehicle {
                    params: style.drawn(rng),
                    ..vehicle
                }
            }
        };
        vehicle.body.check_collisions = self.others_collide;
        vehicle
    }
}

/// Who drives the other vehicles: `mild`, `chaotic`, or an object with weights of the styles.
fn read_population(
    options: &mut OptionReader<'_>,
    default: Option<Population>,
) -> Result<Option<Population>, RegistryError> {
    const KEY: &str = "population";
    let one_kind = options.raw("other_vehicles_type").is_some();
    let Some(value) = options.raw(KEY) else {
        return Ok(default.filter(|_| !one_kind));
    };
    if one_kind {
        return Err(options.refuse(
            KEY,
            "no population beside `other_vehicles_type`: leave one of them out",
        ));
    }
    match value.as_str() {
        Some("mild") => return Ok(Some(Population::MILD)),
        Some("chaotic") => return Ok(Some(Population::CHAOTIC)),
        _ => {}
    }
    let expected =
        "mild, chaotic, or an object with weights of normal, aggressive and conservative, not all 0";
    let Some(mut weights) = options.nested(KEY).ok().flatten() else {
        return Err(options.refuse(KEY, expected));
    };
    let mut weight = |style| weights.number(style, 0.0, 0.0..=1e6);
    let (normal, aggressive, conservative) =
        (weight("normal")?, weight("aggressive")?, weight("conservative")?);
    weights.finish()?;
    let sum = normal + aggressive + conservative;
    if sum <= 0.0 {
        return Err(options.refuse(KEY, expected));
    }
    Ok(Some(Population {
        aggressive: aggressive / sum,
        conservative: conservative / sum,
    }))
}

fn straight(lanes: usize) -> Result<RoadNetwork, NetworkError> {
    let mut builder = RoadNetwork::builder();
    builder.add_straight_road(lanes, ROAD_M, LIMIT_MPS);
    builder.build()
}

/// `n` in `bins` parts that differ by no more than 1, the larger ones first.
fn near_split(n: usize, bins: usize) -> impl Iterator<Item = usize> {
    (0..bins).map(move |bin| n / bins + usize::from(bin < n % bins))
}

impl Task for Highway {
    /// Where each controlled vehicle started, as x in m.
    type Memory = Vec<f64>;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, settings: &Settings) -> usize {
        self.vehicles_count + settings.agents
    }

    fn max_steps(&self, settings: &Settings) -> Option<u32> {
        Some((self.duration * settings.policy_frequency as f64).ceil() as u32)
    }

    fn reset(&self, stage: &mut Stage<'_, Vec<f64>>) {
        let settings = stage.settings;
        for others in near_split(self.vehicles_count, settings.agents) {
            let (lane, s, speed) = self.draw_place(
                stage.fleet,
                stage.rng,
                self.initial_lane_id,
                Some(START_MPS),
                self.ego_spacing,
            );
            let kind = settings.action.kind();
            let ego = Vehicle::on_lane(&self.network, kind, lane, s, speed);
            stage.memory.push(ego.body.position[0]);
            let ego = stage.fleet.push(settings.action.fit(ego));
            stage.control(ego);
            for _ in 0..others {
                let vehicle = self.draw_other(settings.other_vehicles, stage.fleet, stage.rng);
                stage.fleet.push(vehicle);
            }
        }
    }

    fn terms(&self) -> &'static [&'static str] {
        &[
            "collision_reward",
            "right_lane_reward",
            "high_speed_reward",
            "on_road_reward",
        ]
    }

    fn reward_range(&self) -> (f64, f64) {
        if self.normalize_reward {
            return (0.0, 1.0);
        }
        let side =
            |select: fn(f64, f64) -> f64| self.weights.iter().fold(0.0, |sum, &w| sum + select(w, 0.0));
        (side(f64::min), side(f64::max))
    }

    fn judge(
        &self,
        view: &View<'_>,
        memory: &mut Vec<f64>,
        agent: usize,
        _: Decision<'_>,
        terms: &mut [f64],
    ) -> Verdict {
        let ego = view.ego(agent);
        let body = &view.bodies[ego];
        let lanes = view.network.width(view.network.road(body.lane));
        let lane = f64::from(view.network.id(view.target_lane(ego)));
        let forward = body.speed * body.heading.cos();
        let on_road = view.on_road(ego);
        let values = [
            f64::from(u8::from(body.crashed)),
            lane / (lanes - 1).max(1) as f64,
            clip(lmap(forward, self.reward_speed_range, [0.0, 1.0]), 0.0, 1.0),
            f64::from(u8::from(on_road)),
        ];
        terms.copy_from_slice(&values);
        let [collision, right, fast] = self.weights;
        let mut reward = collision * values[0] + right * values[1] + fast * values[2];
        if self.normalize_reward {
            reward = lmap(reward, [collision, fast + right], [0.0, 1.0]);
        }
        let terminated = body.crashed || (self.offroad_terminal && !on_road);
        let truncated = view.episode.time_s >= self.duration;
        let success = truncated && !terminated;
        let mean = (body.position[0] - memory[agent]) / view.episode.time_s;
        Verdict {
            reward: reward * values[3],
            sparse: f64::from(u8::from(success && mean >= SPARSE_MEAN_MPS)),
            terminated,
            truncated,
            success,
        }
    }

    /// Of the time.
    fn progress(&self, view: &View<'_>, _: &Vec<f64>, _: usize) -> f64 {
        view.episode.time_s / self.duration
    }

    fn success(&self) -> &'static str {
        "the time is up without a crash"
    }
}

impl Way for Highway {
    /// Of what a driver at the limit makes in the time.
    fn completed(&self, _: &View<'_>, _: &Self::Memory, _: usize, driven_m: f64) -> f64 {
        (driven_m / (LIMIT_MPS * self.duration)).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn read(json: &str, preset: Preset) -> Result<Option<Population>, RegistryError> {
        let options: Options = serde_json::from_str(json).unwrap();
        let mut reader = OptionReader::new("highway-v0", &options);
        Highway::read(&mut reader, preset).map(|task| task.population)
    }

    #[test]
    fn populations_by_name_and_by_weight() {
        assert_eq!(read("{}", Preset::USUAL).unwrap(), None);
        assert_eq!(read("{}", Preset::HETEROGENEOUS).unwrap(), Some(Population::MILD));
        let chaotic = read(r#"{"population": "chaotic"}"#, Preset::FAST);
        assert_eq!(chaotic.unwrap(), Some(Population::CHAOTIC));
        let weighed = read(
            r#"{"population": {"normal": 2, "aggressive": 1, "conservative": 1}}"#,
            Preset::FAST,
        );
        let Population {
            aggressive,
            conservative,
        } = weighed.unwrap().unwrap();
        assert_eq!((aggressive, conservative), (0.25, 0.25));
        let one_kind = read(r#"{"other_vehicles_type": "linear"}"#, Preset::HETEROGENEOUS);
        assert_eq!(one_kind.unwrap(), None);
    }

    #[test]
    fn populations_that_cannot_be_used() {
        let error = |json: &str| read(json, Preset::USUAL).unwrap_err().to_string();
        assert!(error(r#"{"population": "wild"}"#).contains("mild, chaotic, or an object"));
        assert!(error(r#"{"population": {"normal": 0}}"#).contains("not all 0"));
        assert!(error(r#"{"population": {"bold": 1}}"#).contains("no option `bold`"));
        let both = r#"{"population": "mild", "other_vehicles_type": "linear"}"#;
        assert!(error(both).contains("leave one of them out"));
    }
}
