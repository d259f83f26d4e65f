//! From the published JSON to a scene: everything is checked once, when the env is made.

use prospect_sim::random::{Generator, Pcg64};

use super::error::StateError;
use super::form::{KindForm, LaneName, ObjectForm, ObjectKindForm, RandomForm, SceneForm, VehicleForm};
use crate::driving::action::ActionType;
use crate::driving::episode::Episode;
use crate::driving::road::polygon::{Corners, meet, rectangle};
use crate::driving::road::scalar::direction;
use crate::driving::road::{DEFAULT_WIDTH, LaneIx, MAX_ROUTE, RoadNetwork, Route, RouteStep};
use crate::driving::settings::Settings;
use crate::driving::task::{Stage, Task};
use crate::driving::traffic::{Fleet, Scratch};
use crate::driving::vehicle::{Driver, Kind, Params, RoadObject, Vehicle};

/// A scene that episodes start from.
#[derive(Debug)]
pub(in crate::driving) struct StartScene {
    vehicles: Vec<Vehicle>,
    controlled: Vec<u16>,
    objects: Option<Vec<RoadObject>>,
    time_s: f64,
    steps: u32,
    regulation: u32,
    first_lanes: Option<Vec<u16>>,
    random: Option<Generator>,
    /// What the task reads of it.
    form: SceneForm,
}

/// What the vehicles of a task have that its class alone does not say, as the task's own reset gives it to them.
#[derive(Debug, Clone, Copy)]
struct Habits {
    params: Params,
    enable_lane_change: bool,
    check_collisions: bool,
}

impl Habits {
    fn of(fleet: &Fleet, controlled: &[u16]) -> Self {
        let other = (0..fleet.len())
            .find(|&i| !controlled.contains(&(i as u16)) && fleet.drivers[i].kind.is_traffic());
        let class = Self {
            params: Params::of(Kind::Idm),
            enable_lane_change: true,
            check_collisions: true,
        };
        other.map_or(class, |i| Self {
            params: fleet.params[i],
            enable_lane_change: fleet.drivers[i].enable_lane_change,
            check_collisions: fleet.bodies[i].check_collisions,
        })
    }
}

/// What values are checked against.
struct Reader<'a> {
    network: &'a RoadNetwork,
    settings: &'a Settings,
    habits: Habits,
}

impl StartScene {
    /// Checks `form` against a task.
    ///
    /// # Errors
    /// [`StateError`] for the first value that cannot be used.
    pub(in crate::driving) fn new<T: Task>(
        form: SceneForm,
        task: &T,
        settings: &Settings,
    ) -> Result<Self, StateError> {
        if !T::PUBLISHED {
            let remedy = "start it from a seed";
            return Err(StateError::new(
                "vehicles",
                "the course of this id has no published form",
                remedy,
            ));
        }
        if form.network.is_some() {
            let remedy = "leave it out: the road follows from the id and its options";
            return Err(StateError::new("network", "this id builds its own road", remedy));
        }
        let habits = on_sample(task, settings, |stage| {
            Habits::of(stage.fleet, &stage.episode.controlled)
        });
        let reader = Reader {
            network: task.network(),
            settings,
            habits,
        };
        let vehicles = form.vehicles.iter().enumerate();
        let vehicles = vehicles
            .map(|(i, vehicle)| reader.vehicle(vehicle, &format!("vehicles[{i}]")))
            .collect::<Result<Vec<_>, _>>()?;
        let objects = form.objects.as_ref().map(|objects| {
            let objects = objects.iter().enumerate();
            objects
                .map(|(i, object)| reader.object(object, &format!("objects[{i}]")))
                .collect::<Result<Vec<_>, _>>()
        });
        let controlled = controlled(&form, settings.agents)?;
        let scene = Self {
            random: form.random.as_ref().map(generator).transpose()?,
            time_s: form.time.unwrap_or(0.0),
            steps: steps(&form, settings),
            regulation: form.road_steps.unwrap_or(0) as u32,
            first_lanes: first_lanes(&form, controlled.len())?,
            objects: objects.transpose()?,
            controlled,
            vehicles,
            form,
        };
        scene.check_overlaps()?;
        scene.try_on(task, settings)?;
        Ok(scene)
    }

    /// The number of vehicles.
    pub(in crate::driving) fn len(&self) -> usize {
        self.vehicles.len()
    }

    /// Replaces a scene that the task has just made.
    pub(in crate::driving) fn apply<T: Task>(&self, task: &T, stage: &mut Stage<'_, T::Memory>) {
        let replaced = self.replace(task, stage);
        debug_assert!(replaced.is_ok(), "`new` has tried it on: {replaced:?}");
    }

    fn replace<T: Task>(&self, task: &T, stage: &mut Stage<'_, T::Memory>) -> Result<(), StateError> {
        let objects = std::mem::take(&mut stage.fleet.objects);
        stage.fleet.clear();
        for vehicle in &self.vehicles {
            stage.fleet.push(vehicle.clone());
        }
        stage.fleet.objects = objects;
        if let Some(objects) = &self.objects {
            stage.fleet.objects.clone_from(objects);
        }
        stage.episode.controlled.clone_from(&self.controlled);
        (stage.episode.time_s, stage.episode.steps) = (self.time_s, self.steps);
        stage.episode.regulation = self.regulation;
        if let Some(random) = &self.random {
            *stage.rng = random.clone();
        }
        task.restore(&self.form, stage)
    }

    /// Per agent, how many lanes its road had when the episode began, if the scene says so.
    pub(in crate::driving) fn first_lanes(&self) -> Option<&[u16]> {
        self.first_lanes.as_deref()
    }

    fn try_on<T: Task>(&self, task: &T, settings: &Settings) -> Result<(), StateError> {
        on_sample(task, settings, |stage| self.replace(task, stage))
    }

    /// No ego may start inside of a vehicle, unless that has happened in the episode already. Objects are left out: circuits
    /// with obstacles begin so by themselves.
    fn check_overlaps(&self) -> Result<(), StateError> {
        let corners = |vehicle: &Vehicle| {
            let (body, params) = (&vehicle.body, &vehicle.params);
            rectangle(
                body.position,
                params.length,
                params.width,
                direction(body.heading),
            )
        };
        let overlap = |a: &Corners, b: &Corners| meet(a, b, [0.0; 2], [0.0; 2]).intersecting;
        for &ego in &self.controlled {
            let ego = usize::from(ego);
            let own = corners(&self.vehicles[ego]);
            let others = self.vehicles.iter().enumerate();
            let others = others.filter(|(i, vehicle)| {
                *i != ego && !(vehicle.body.crashed || self.vehicles[ego].body.crashed)
            });
            let mut hit = others.map(|(i, vehicle)| (format!("vehicles[{i}]"), corners(vehicle)));
            if let Some((path, _)) = hit.find(|(_, other)| overlap(&own, other)) {
                return Err(StateError::new(
                    format!("{path}.position"),
                    format!("inside of vehicles[{ego}], an ego, and neither has crashed"),
                    "move one of them, or state that they have crashed",
                ));
            }
        }
        Ok(())
    }
}

/// What `look` finds in a scene as the task makes it from some seed.
fn on_sample<T: Task, R>(
    task: &T,
    settings: &Settings,
    look: impl FnOnce(&mut Stage<'_, T::Memory>) -> R,
) -> R {
    let mut stage = Stage {
        network: task.network(),
        settings,
        fleet: &mut Fleet::default(),
        episode: &mut Episode::default(),
        memory: &mut T::Memory::default(),
        rng: &mut Generator::default_rng(0),
        scratch: &mut Scratch::default(),
    };
    task.reset(&mut stage);
    look(&mut stage)
}

fn controlled(form: &SceneForm, agents: usize) -> Result<Vec<u16>, StateError> {
    let egos = || (0..form.vehicles.len()).filter(|&i| form.vehicles[i].kind == KindForm::Ego);
    let listed = form.controlled.clone().unwrap_or_else(|| egos().collect());
    let problem = |text: String| {
        Err(StateError::new(
            "controlled",
            text,
            "list the indices of all vehicles of kind `ego`",
        ))
    };
    if let Some(i) = listed.iter().find(|&&i| i >= form.vehicles.len()) {
        return problem(format!("there is no vehicles[{i}]"));
    }
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(egos()) {
        return problem(format!(
            "{listed:?}, but the egos are {:?}",
            egos().collect::<Vec<_>>()
        ));
    }
    if listed.len() != agents {
        return Err(StateError::new(
            "vehicles",
            format!("{} of kind `ego`, but this id has {agents} agents", listed.len()),
            "give as many egos, or set the option `controlled_vehicles`",
        ));
    }
    Ok(listed.into_iter().map(|i| i as u16).collect())
}

/// Policy steps since the episode began.
fn steps(form: &SceneForm, settings: &Settings) -> u32 {
    let from_substeps = form.steps.map(|steps| (steps / settings.frames() as u64) as u32);
    let from_time = form.time.map(|time| (time / settings.step_s()).round() as u32);
    form.elapsed_steps.or(from_substeps).or(from_time).unwrap_or(0)
}

/// Observations are scaled by the lanes of the road on which the first one was made.
fn first_lanes(form: &SceneForm, agents: usize) -> Result<Option<Vec<u16>>, StateError> {
    let Some(ranges) = &form.features_range else {
        return Ok(None);
    };
    if ranges.len() != agents {
        return Err(StateError::new(
            "features_range",
            format!("{} entries for {agents} agents", ranges.len()),
            "give one per agent, or leave it out",
        ));
    }
    let lanes = ranges
        .iter()
        .map(|range| range.get("y").map(|y| (y[1] / DEFAULT_WIDTH).round() as u16));
    Ok(lanes.collect())
}

fn generator(form: &RandomForm) -> Result<Generator, StateError> {
    let number = |key: &str, text: &str| {
        text.parse::<u128>().map_err(|_| {
            let remedy = "write numpy's 128-bit number as a decimal string";
            StateError::new(
                format!("random.{key}"),
                format!("`{text}` is no such number"),
                remedy,
            )
        })
    };
    if form.bit_generator.as_deref().is_some_and(|name| name != "PCG64") {
        let remedy = "only numpy's PCG64 can be continued";
        return Err(StateError::new(
            "random.bit_generator",
            "another generator",
            remedy,
        ));
    }
    let buffered = (form.has_uint32 != 0).then_some(form.uinteger);
    let bits = Pcg64::from_parts(number("state", &form.state)?, number("inc", &form.inc)?, buffered);
    bits.map(Generator::from_bits)
        .map_err(|why| StateError::new("random.inc", why.to_string(), "export the state again"))
}

impl Reader<'_> {
    fn lane(&self, name: &LaneName, path: &str) -> Result<LaneIx, StateError> {
        let (from, to, id) = name;
        self.network.find(from, to, *id).ok_or_else(|| {
            let road = self.road(from, to);
            let (problem, remedy) = match road {
                Some(lanes) => (
                    format!("the road from `{from}` to `{to}` has no lane {id}"),
                    format!("its lanes are 0 to {}", lanes.saturating_sub(1)),
                ),
                None => (format!("there is no road from `{from}` to `{to}`"), self.roads()),
            };
            StateError::new(path, problem, remedy)
        })
    }

    /// How many lanes lead from a node to another, if any.
    fn road(&self, from: &str, to: &str) -> Option<usize> {
        let (from, to) = (self.network.node(from)?, self.network.node(to)?);
        self.network
            .road_between(from, to)
            .map(|road| self.network.width(road))
    }

    fn roads(&self) -> String {
        let name = |node| self.network.name(node);
        let roads = self.network.roads();
        let names: Vec<_> = roads
            .map(|road| {
                format!(
                    "{}-{}",
                    name(self.network.from(road)),
                    name(self.network.to(road))
                )
            })
            .collect();
        format!("the roads are {}", names.join(", "))
    }

    fn kind(&self, form: &VehicleForm, path: &str) -> Result<Kind, StateError> {
        let dynamical = form.dynamical;
        Ok(match form.kind {
            KindForm::Ego => match (self.settings.action.kind(), dynamical) {
                (Kind::Manual, Some(true)) => Kind::Dynamic,
                (Kind::Dynamic, Some(false)) => Kind::Manual,
                (Kind::Meta, Some(true)) => {
                    let remedy =
                        "set the option `action` to {\"type\": \"ContinuousAction\", \"dynamical\": true}";
                    let problem = "meta-actions drive no vehicle whose tyres slip";
                    return Err(StateError::new(format!("{path}.dynamical"), problem, remedy));
                }
                (kind, _) => kind,
            },
            KindForm::Vehicle if dynamical == Some(true) => Kind::Dynamic,
            KindForm::Vehicle => Kind::Manual,
            KindForm::Controlled => Kind::Controlled,
            KindForm::Idm => Kind::Idm,
            KindForm::Linear => Kind::Linear,
            KindForm::Aggressive => Kind::Aggressive,
            KindForm::Defensive => Kind::Defensive,
        })
    }

    fn vehicle(&self, form: &VehicleForm, path: &str) -> Result<Vehicle, StateError> {
        let kind = self.kind(form, path)?;
        if form.collidable == Some(false) {
            let remedy = "leave it out, or take the vehicle out of the scene";
            return Err(StateError::new(
                format!("{path}.collidable"),
                "every vehicle can collide",
                remedy,
            ));
        }
        let speed = form.speed.unwrap_or(0.0);
        let mut vehicle = Vehicle::new(
            self.network,
            kind,
            form.position,
            form.heading.unwrap_or(0.0),
            speed,
        );
        self.motion(form, path, &mut vehicle)?;
        vehicle.params = self.params(form, path, kind)?;
        self.driver(form, path, &mut vehicle)?;
        vehicle.route = self.route(form, path)?;
        Ok(vehicle)
    }

    fn motion(&self, form: &VehicleForm, path: &str, vehicle: &mut Vehicle) -> Result<(), StateError> {
        let body = &mut vehicle.body;
        if let Some(lane) = &form.lane {
            body.lane = self.lane(lane, &format!("{path}.lane"))?;
        }
        let action = form.action.unwrap_or_default();
        body.steering = action.steering.unwrap_or(0.0);
        body.acceleration = action.acceleration.unwrap_or(0.0);
        body.lateral_speed = form.lateral_speed.unwrap_or(0.0);
        body.yaw_rate = form.yaw_rate.unwrap_or(0.0);
        body.impact = form.impact;
        body.crashed = form.crashed.unwrap_or(false);
        let default = form.kind == KindForm::Ego || self.habits.check_collisions;
        body.check_collisions = form.check_collisions.unwrap_or(default);
        Ok(())
    }

    fn params(&self, form: &VehicleForm, path: &str, kind: Kind) -> Result<Params, StateError> {
        let mut params = Params::of(kind);
        let habits = self.habits.params;
        let set = |to: &mut f64, value: Option<f64>| *to = value.unwrap_or(*to);
        (params.comfort_acc_max, params.comfort_acc_min) = (habits.comfort_acc_max, habits.comfort_acc_min);
        params.distance_wanted = habits.distance_wanted;
        set(&mut params.length, form.length);
        set(&mut params.width, form.width);
        set(&mut params.min_speed, form.min_speed);
        set(&mut params.max_speed, form.max_speed);
        set(&mut params.delta, form.delta);
        let idm = form.idm.unwrap_or_default();
        set(&mut params.acc_max, idm.acc_max);
        set(&mut params.comfort_acc_max, idm.comfort_acc_max);
        set(&mut params.comfort_acc_min, idm.comfort_acc_min);
        set(&mut params.distance_wanted, idm.distance_wanted);
        set(&mut params.time_wanted, idm.time_wanted);
        let mobil = form.mobil.unwrap_or_default();
        set(&mut params.politeness, mobil.politeness);
        set(
            &mut params.lane_change_min_acc_gain,
            mobil.lane_change_min_acc_gain,
        );
        let braking = &mut params.lane_change_max_braking_imposed;
        set(braking, mobil.lane_change_max_braking_imposed);
        set(&mut params.lane_change_delay, mobil.lane_change_delay);
        let linear = form.linear.unwrap_or_default();
        params.acceleration_parameters = linear
            .acceleration_parameters
            .unwrap_or(params.acceleration_parameters);
        params.steering_parameters = linear.steering_parameters.unwrap_or(params.steering_parameters);
        for (key, size) in [("length", params.length), ("width", params.width)] {
            if size <= 0.0 {
                let problem = format!("{size} is no size");
                return Err(StateError::new(
                    format!("{path}.{key}"),
                    problem,
                    "give metres above 0",
                ));
            }
        }
        Ok(params)
    }

    fn driver(&self, form: &VehicleForm, path: &str, vehicle: &mut Vehicle) -> Result<(), StateError> {
        let Vehicle { body, driver, .. } = vehicle;
        driver.target_lane = body.lane;
        if let Some(lane) = &form.target_lane {
            driver.target_lane = self.lane(lane, &format!("{path}.target_lane"))?;
        }
        driver.target_speed = form.target_speed.unwrap_or(driver.target_speed);
        driver.timer = form.timer.unwrap_or(driver.timer);
        driver.enable_lane_change = form.enable_lane_change.unwrap_or(self.habits.enable_lane_change);
        driver.is_yielding = form.is_yielding.unwrap_or(false);
        driver.yield_timer = form.yield_timer.unwrap_or(0);
        if let (Kind::Meta, ActionType::Meta { target_speeds, .. }) = (driver.kind, &self.settings.action) {
            return target(form, path, driver, target_speeds);
        }
        Ok(())
    }

    fn route(&self, form: &VehicleForm, path: &str) -> Result<Route, StateError> {
        let legs = form.route.as_deref().unwrap_or_default();
        if legs.len() > MAX_ROUTE {
            let problem = format!("{} legs", legs.len());
            return Err(StateError::new(
                format!("{path}.route"),
                problem,
                format!("give at most {MAX_ROUTE}"),
            ));
        }
        let steps = legs.iter().enumerate().map(|(i, (from, to, id))| {
            let lane = (from.clone(), to.clone(), id.unwrap_or(0));
            let lane = self.lane(&lane, &format!("{path}.route[{i}]"))?;
            Ok(RouteStep {
                road: self.network.road(lane),
                id: *id,
            })
        });
        Ok(Route::new(steps.collect::<Result<Vec<_>, _>>()?))
    }

    fn object(&self, form: &ObjectForm, path: &str) -> Result<RoadObject, StateError> {
        let heading = form.heading.unwrap_or(0.0);
        if form.collidable == Some(false) {
            let remedy = "leave it out, or make it a landmark";
            return Err(StateError::new(
                format!("{path}.collidable"),
                "every object can be met",
                remedy,
            ));
        }
        let object = match form.kind {
            ObjectKindForm::Obstacle => RoadObject::obstacle(self.network, form.position, heading),
            ObjectKindForm::Landmark => RoadObject::landmark(self.network, form.position, heading),
        };
        let (length, width) = (
            form.length.unwrap_or(object.length),
            form.width.unwrap_or(object.width),
        );
        if length <= 0.0 || width <= 0.0 {
            let problem = format!("{length} by {width} is no size");
            return Err(StateError::new(
                path,
                problem,
                "give `length` and `width` in metres above 0",
            ));
        }
        Ok(RoadObject {
            speed: form.speed.unwrap_or(0.0),
            crashed: form.crashed.unwrap_or(false),
            hit: form.hit.unwrap_or(false),
            check_collisions: form.check_collisions.unwrap_or(true),
            ..object.with_size(length, width)
        })
    }
}

/// Which of the target speeds an ego with meta-actions is after.
fn target(form: &VehicleForm, path: &str, driver: &mut Driver, speeds: &[f64]) -> Result<(), StateError> {
    if form.target_speeds.as_ref().is_some_and(|given| given != speeds) {
        let remedy =
            "set the option `action` to {\"type\": \"DiscreteMetaAction\", \"target_speeds\": [...]}";
        let problem = format!("the agents of this id choose among {speeds:?}");
        return Err(StateError::new(format!("{path}.target_speeds"), problem, remedy));
    }
    driver.snap(speeds);
    if let Some(index) = form.speed_index {
        let Some(&speed) = speeds.get(index) else {
            let problem = format!("there are {} target speeds", speeds.len());
            let remedy = format!("give 0 to {}", speeds.len() - 1);
            return Err(StateError::new(format!("{path}.speed_index"), problem, remedy));
        };
        (driver.speed_index, driver.target_speed) = (index as u16, speed);
    }
    driver.target_speed = form.target_speed.unwrap_or(driver.target_speed);
    Ok(())
}
