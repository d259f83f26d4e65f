//! map-route-v0: drive to a place on a map of real roads, in traffic.

use std::path::Path;
use std::sync::Arc;

use crate::driving::action::Decision;
use crate::driving::map::{MapError, MapNetwork, MapSettings, RoadMap};
use crate::driving::observation::ObserverScratch;
use crate::driving::rewarded::Way;
use crate::driving::road::scalar::{Point, norm, sub};
use crate::driving::road::{LaneIx, MAX_ROUTE, RoadNetwork, Route};
use crate::driving::scene::View;
use crate::driving::settings::Settings;
use crate::driving::task::{Stage, Task, Verdict};
use crate::driving::vehicle::Vehicle;
use crate::options::OptionReader;
use crate::registry::RegistryError;
use prospect_sim::{Dtype, FactSpec, Field, FieldsMut};

use super::trip::{ROUTE_WIDTH, Trip};

/// The map that comes with the task.
const TOWN: &str = include_str!("../../../../assets/maps/town.xodr");
/// Distance to the destination at which it is reached, in m along the way.
const ARRIVAL_M: f64 = 4.0;
/// Beside its route by more than this, in m, a vehicle is lost.
const DEVIATION_M: f64 = 15.0;
/// Standing for longer than this ends an episode, in s.
const BLOCKED_S: f64 = 60.0;
/// Slower than this is standing, in m/s.
const STANDING_MPS: f64 = 0.1;
/// Room around a vehicle at the start, in m between centres.
const ROOM_M: f64 = 15.0;
/// Lanes on which trips and traffic start are at least this long, in m.
const SPAWN_LANE_M: f64 = 20.0;
/// Places that are tried for a vehicle before it is left out.
const ATTEMPTS: usize = 20;
/// What traffic would drive without limits, in m/s.
const WISH_MPS: f64 = 40.0;
/// A route with fewer roads than this gets more.
const SHORT_ROUTE: usize = 8;

/// A drive through a town, or through whatever map is given, along a route of which the driver sees the next 50 m.
///
/// Traffic follows routes of its own and yields by the rules of highway-env's intersections. Success is to arrive. A crash, a
/// vehicle beside all lanes, 15 m beside the route or standing for a minute ends the episode; so does the time.
#[derive(Debug)]
pub struct MapRoute {
    roads: MapNetwork,
    network: Arc<RoadNetwork>,
    /// Lanes on which trips may start: some lane lies within reach.
    starts: Vec<LaneIx>,
    /// Lanes on which trips may end and traffic may start.
    spawns: Vec<LaneIx>,
    /// Vehicles that are not controlled, where there is room.
    pub vehicles_count: usize,
    /// In s.
    pub duration: f64,
    /// Shortest and longest way to the destination, in m, as far as the map has such ways.
    pub route_length_range: [f64; 2],
}

impl MapRoute {
    /// The task that options ask for: `map` is the path of an OpenDRIVE file, the project's town unless given.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used, and for maps that cannot be driven on.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let map = match options.raw("map") {
            None => RoadMap::parse(TOWN),
            Some(path) => match path.as_str() {
                Some(path) => RoadMap::load(Path::new(path)),
                None => return Err(options.refuse("map", "the path of an OpenDRIVE map")),
            },
        };
        let limit = MapSettings::default().speed_limit_mps;
        let settings = MapSettings {
            speed_limit_mps: options.number("default_speed_limit", limit, 1.0..=WISH_MPS)?,
        };
        let roads = map.and_then(|map| MapNetwork::new(&map, settings));
        let refuse = |options: &OptionReader<'_>, error: MapError| {
            options.refuse("map", &format!("an OpenDRIVE map that can be driven on: {error}"))
        };
        let roads = roads.map_err(|error| refuse(options, error))?;
        let range = options.pair("route_length_range", [150.0, 800.0])?;
        if !(range[0] > 0.0 && range[0] <= range[1]) {
            return Err(options.refuse("route_length_range", "two lengths in m, the shorter one first"));
        }
        let task = Self {
            network: Arc::new(roads.network.clone()),
            starts: Vec::new(),
            spawns: spawn_lanes(&roads),
            roads,
            vehicles_count: options.integer("vehicles_count", 30, 0..=2000)?,
            duration: options.number("duration", 120.0, 1.0..=1e5)?,
            route_length_range: range,
        };
        let starts: Vec<LaneIx> = task
            .spawns
            .iter()
            .copied()
            .filter(|&lane| !task.destinations(lane).is_empty())
            .collect();
        if starts.is_empty() {
            let expected = "lengths in m for which the map has a way between two lanes of 20 m or more";
            return Err(options.refuse("route_length_range", expected));
        }
        Ok(Self { starts, ..task })
    }

    /// Lanes that can be reached from the middle of a lane by ways of the right length.
    fn destinations(&self, start: LaneIx) -> Vec<LaneIx> {
        let ways = self.roads.ways_from(start);
        let road = self.network.road(start);
        let fits = |lane: &LaneIx| {
            let half = |lane: LaneIx| 0.5 * self.network.lane(lane).length();
            let way = ways.cost(*lane).map(|cost| cost - half(start) + half(*lane));
            let [shortest, longest] = self.route_length_range;
            self.network.road(*lane) != road && way.is_some_and(|way| (shortest..=longest).contains(&way))
        };
        self.spawns.iter().copied().filter(fits).collect()
    }

    /// A place with room around it: lane, metres from its start, and its speed limit in m/s.
    fn draw_place(&self, stage: &mut Stage<'_, Vec<Trip>>, lanes: &[LaneIx]) -> Option<(LaneIx, f64, f64)> {
        for _ in 0..ATTEMPTS {
            let lane = lanes[stage.rng.choice(lanes.len())];
            let geometry = self.network.lane(lane);
            let s = stage.rng.uniform(0.2, 0.8) * geometry.length();
            let place = geometry.position(s, 0.0);
            let free = |position: Point| norm(sub(position, place)) >= ROOM_M;
            if stage.fleet.bodies.iter().all(|body| free(body.position)) {
                return Some((lane, s, geometry.speed_limit().unwrap_or(WISH_MPS)));
            }
        }
        None
    }

    /// A controlled vehicle with a trip before it.
    fn add_ego(&self, stage: &mut Stage<'_, Vec<Trip>>) {
        // With many agents there may be no room; then the last place is taken nevertheless.
        let place = self.draw_place(stage, &self.starts);
        let (lane, s, limit) = place.unwrap_or_else(|| {
            let lane = self.starts[stage.rng.choice(self.starts.len())];
            let geometry = self.network.lane(lane);
            (
                lane,
                0.5 * geometry.length(),
                geometry.speed_limit().unwrap_or(WISH_MPS),
            )
        });
        let goals = self.destinations(lane);
        let goal = goals[stage.rng.choice(goals.len())];
        let path = self.roads.ways_from(lane).path(goal);
        let trip = Trip::new(&self.network, self.roads.last_lanes(&path), s);
        let action = &stage.settings.action;
        let mut ego = Vehicle::on_lane(&self.network, action.kind(), lane, s, 0.5 * limit);
        // The lane on which the first road is left may be another one.
        (ego.body.lane, ego.driver.target_lane) = (lane, trip.lanes.first().copied().unwrap_or(lane));
        ego.route = self.route(&trip);
        let ego = stage.fleet.push(action.fit(ego));
        stage.memory.push(trip);
        stage.control(ego);
    }

    /// The part of a trip's way that a vehicle's route can hold.
    fn route(&self, trip: &Trip) -> Route {
        Route::new(trip.lanes[trip.at..].iter().map(|&lane| self.roads.step(lane)))
    }

    fn add_traffic(&self, stage: &mut Stage<'_, Vec<Trip>>) {
        let Some((lane, s, limit)) = self.draw_place(stage, &self.spawns) else {
            return;
        };
        let speed = stage.rng.uniform(0.5, 0.9) * limit;
        let kind = stage.settings.other_vehicles;
        let mut vehicle = Vehicle::on_lane(&self.network, kind, lane, s, speed).randomized(stage.rng);
        (vehicle.body.lane, vehicle.driver.target_lane) = (lane, lane);
        vehicle.driver.target_speed = WISH_MPS;
        vehicle.route = Route::new(self.roads.wander(lane, MAX_ROUTE, stage.rng));
        stage.fleet.push(vehicle);
    }
}

/// Lanes outside of junctions that are long enough to start on, and that lead on.
fn spawn_lanes(roads: &MapNetwork) -> Vec<LaneIx> {
    let fits = |lane: &LaneIx| {
        let index = usize::from(lane.0);
        let geometry = roads.network.lane(*lane);
        let wide = geometry.width_at(0.0).min(geometry.width_at(geometry.length())) >= 2.0;
        !roads.in_junction[index]
            && geometry.length() >= SPAWN_LANE_M
            && wide
            && !roads.successors[index].is_empty()
    };
    roads.network.lanes().filter(fits).collect()
}

impl Task for MapRoute {
    /// Per agent.
    type Memory = Vec<Trip>;

    const PUBLISHED: bool = false;

    const CHANGES_BETWEEN_STEPS: bool = true;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, settings: &Settings) -> usize {
        self.vehicles_count + settings.agents
    }

    fn max_steps(&self, settings: &Settings) -> Option<u32> {
        Some((self.duration * settings.policy_frequency as f64).ceil() as u32)
    }

    fn reset(&self, stage: &mut Stage<'_, Vec<Trip>>) {
        for _ in 0..stage.settings.agents {
            self.add_ego(stage);
        }
        for _ in 0..self.vehicles_count {
            self.add_traffic(stage);
        }
    }

    /// Traffic whose route runs out wanders on, and who has yielded wishes to drive fast again.
    fn between(&self, stage: &mut Stage<'_, Vec<Trip>>) {
        for i in 0..stage.fleet.len() {
            let agent = stage
                .episode
                .controlled
                .iter()
                .position(|&ego| usize::from(ego) == i);
            if let Some(agent) = agent {
                stage.fleet.routes[i] = self.route(&stage.memory[agent]);
                continue;
            }
            let driver = &mut stage.fleet.drivers[i];
            if !driver.is_yielding {
                driver.target_speed = WISH_MPS;
            }
            let route = &mut stage.fleet.routes[i];
            if route.steps().len() < SHORT_ROUTE {
                let last = route.steps().last().copied();
                let lane = last.and_then(|step| self.network.lane_of(step.road, step.id.unwrap_or(0)));
                let lane = lane.unwrap_or(driver.target_lane);
                let more = self.roads.wander(lane, MAX_ROUTE - SHORT_ROUTE, stage.rng);
                let known = route.steps().iter().copied().filter(|step| Some(*step) != last);
                *route = Route::new(known.chain(more).collect::<Vec<_>>());
            }
        }
    }

    fn fields(&self, settings: &Settings) -> Vec<Field> {
        let mut fields = settings.observation.fields();
        fields.push(Field::new("route", Dtype::F32, &[ROUTE_WIDTH], -1.0, 1.0));
        fields
    }

    fn observe(
        &self,
        view: &View<'_>,
        memory: &Vec<Trip>,
        agent: usize,
        scratch: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        view.settings
            .observation
            .observe(view, agent, scratch, out, actor);
        let route = out.last_mut().and_then(|field| field.data.as_f32());
        if let (Some(trip), Some(route)) = (memory.get(agent), route) {
            let values = &mut route[actor * ROUTE_WIDTH..(actor + 1) * ROUTE_WIDTH];
            trip.observe(&self.network, view.ego_body(agent), values);
        }
    }

    fn terms(&self) -> &'static [&'static str] {
        &["completed"]
    }

    fn reward_range(&self) -> (f64, f64) {
        (0.0, 1.0)
    }

    fn judge(
        &self,
        view: &View<'_>,
        memory: &mut Vec<Trip>,
        agent: usize,
        _: Decision<'_>,
        terms: &mut [f64],
    ) -> Verdict {
        let body = view.ego_body(agent);
        let truncated = view.episode.time_s >= self.duration;
        let Some(trip) = memory.get_mut(agent) else {
            return Verdict {
                truncated,
                ..Verdict::default()
            };
        };
        trip.follow(&self.network, body);
        if body.speed.abs() < STANDING_MPS {
            trip.standing_s += view.settings.step_s();
        } else {
            trip.standing_s = 0.0;
        }
        terms[0] = trip.completed();
        let arrived = !body.crashed && !trip.outside && trip.remaining_m() <= ARRIVAL_M;
        let lost = trip.deviation_m(&self.network, body.position) > DEVIATION_M;
        Verdict {
            reward: f64::from(u8::from(arrived)),
            sparse: f64::from(u8::from(arrived)),
            terminated: arrived || body.crashed || lost || trip.standing_s > BLOCKED_S,
            truncated,
            success: arrived,
        }
    }

    fn progress(&self, _: &View<'_>, memory: &Vec<Trip>, agent: usize) -> f64 {
        memory.get(agent).map_or(0.0, Trip::completed)
    }

    fn success(&self) -> &'static str {
        "the destination is reached"
    }

    fn facts(&self) -> Vec<FactSpec> {
        let length = |name, doc| {
            let field = Field::new(name, Dtype::F32, &[], 0.0, f64::INFINITY);
            FactSpec::state(field, "m", doc)
        };
        vec![
            length("route_remaining_m", "way that is left to the destination"),
            length("route_deviation_m", "distance from the lane of the route"),
        ]
    }

    fn fact(&self, view: &View<'_>, memory: &Vec<Trip>, agent: usize, index: usize) -> f64 {
        let Some(trip) = memory.get(agent) else {
            return 0.0;
        };
        match index {
            0 => trip.remaining_m(),
            _ => trip.deviation_m(&self.network, view.ego_body(agent).position),
        }
    }
}

impl Way for MapRoute {
    fn outside(&self, _: &View<'_>, memory: &Vec<Trip>, agent: usize) -> bool {
        memory.get(agent).is_none_or(|trip| trip.outside)
    }

    fn lane(&self, view: &View<'_>, memory: &Vec<Trip>, agent: usize) -> (Option<f64>, Option<f64>) {
        let Some(trip) = memory.get(agent) else {
            return (None, None);
        };
        let lane = self.network.lane(trip.lane);
        let lateral = lane.local_coordinates(view.ego_body(agent).position).1;
        let judged = !self.roads.in_junction[usize::from(trip.lane.0)];
        (judged.then_some(lateral), lane.speed_limit())
    }
}
