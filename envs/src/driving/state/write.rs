//! From a scene to the published JSON.

use std::collections::BTreeMap;

use prospect_sim::random::Generator;

use super::form::{
    ActionForm, IdmForm, KindForm, LaneName, LinearForm, MobilForm, ObjectForm, ObjectKindForm, RandomForm,
    SceneForm, VERSION, VehicleForm,
};
use crate::driving::road::scalar::Point;
use crate::driving::road::{DEFAULT_WIDTH, LaneIx, RoadNetwork};
use crate::driving::scene::View;
use crate::driving::vehicle::{Kind, Params, RoadObject};

/// The scene of `view`, with everything that its course depends on but what the task remembers.
pub(in crate::driving) fn scene(env_id: &str, view: &View<'_>, rng: &Generator) -> SceneForm {
    let episode = view.episode;
    let ranges = episode.first_lanes.iter().map(|&lanes| {
        let across = DEFAULT_WIDTH * f64::from(lanes);
        BTreeMap::from([("y".to_owned(), [-across, across])])
    });
    SceneForm {
        version: Some(VERSION),
        env_id: Some(env_id.to_owned()),
        time: Some(episode.time_s),
        steps: Some(u64::from(episode.steps) * view.settings.frames() as u64),
        elapsed_steps: Some(episode.steps),
        vehicles: (0..view.bodies.len()).map(|i| vehicle(view, i)).collect(),
        controlled: Some(episode.controlled.iter().map(|&i| usize::from(i)).collect()),
        objects: Some(view.objects.iter().map(object).collect()),
        features_range: Some(ranges.collect()),
        random: Some(random(rng)),
        road_steps: Some(u64::from(episode.regulation)),
        ..SceneForm::default()
    }
}

/// The name of a lane.
pub(in crate::driving) fn lane_name(network: &RoadNetwork, lane: LaneIx) -> LaneName {
    let (from, to, id) = network.triple(lane);
    (from.to_owned(), to.to_owned(), id)
}

fn kind(view: &View<'_>, i: usize) -> KindForm {
    if view.episode.controlled.contains(&(i as u16)) {
        return KindForm::Ego;
    }
    match view.drivers[i].kind {
        Kind::Manual | Kind::Dynamic => KindForm::Vehicle,
        Kind::Controlled | Kind::Meta => KindForm::Controlled,
        Kind::Idm => KindForm::Idm,
        Kind::Linear => KindForm::Linear,
        Kind::Aggressive => KindForm::Aggressive,
        Kind::Defensive => KindForm::Defensive,
    }
}

fn vehicle(view: &View<'_>, i: usize) -> VehicleForm {
    let (body, driver, params) = (&view.bodies[i], &view.drivers[i], &view.params[i]);
    let (meta, dynamic) = (driver.kind == Kind::Meta, driver.kind == Kind::Dynamic);
    let (has_target, traffic) = (driver.kind.has_target(), driver.kind.is_traffic());
    VehicleForm {
        kind: kind(view, i),
        position: body.position,
        heading: Some(body.heading),
        speed: Some(body.speed),
        lane: Some(lane_name(view.network, body.lane)),
        target_lane: has_target.then(|| lane_name(view.network, driver.target_lane)),
        target_speed: has_target.then_some(driver.target_speed),
        route: has_target.then(|| route(view, i)),
        timer: traffic.then_some(driver.timer),
        delta: traffic.then_some(params.delta),
        enable_lane_change: traffic.then_some(driver.enable_lane_change),
        idm: traffic.then(|| idm(params)),
        mobil: traffic.then(|| mobil(params)),
        linear: driver.kind.is_linear().then_some(LinearForm {
            acceleration_parameters: Some(params.acceleration_parameters),
            steering_parameters: Some(params.steering_parameters),
        }),
        action: Some(ActionForm {
            steering: Some(body.steering),
            acceleration: Some(body.acceleration),
        }),
        crashed: Some(body.crashed),
        impact: body.impact,
        length: Some(params.length),
        width: Some(params.width),
        min_speed: Some(params.min_speed),
        max_speed: Some(params.max_speed),
        check_collisions: Some(body.check_collisions),
        collidable: None,
        speed_index: meta.then_some(usize::from(driver.speed_index)),
        target_speeds: meta.then(|| view.settings.action.target_speeds().to_vec()),
        dynamical: dynamic.then_some(true),
        lateral_speed: dynamic.then_some(body.lateral_speed),
        yaw_rate: dynamic.then_some(body.yaw_rate),
        is_yielding: has_target.then_some(driver.is_yielding),
        yield_timer: has_target.then_some(driver.yield_timer),
        goal: None,
    }
}

fn route(view: &View<'_>, i: usize) -> Vec<(String, String, Option<u16>)> {
    let steps = view.routes[i].steps().iter();
    let name = |node| view.network.name(node).to_owned();
    steps
        .map(|step| {
            let (from, to) = (view.network.from(step.road), view.network.to(step.road));
            (name(from), name(to), step.id)
        })
        .collect()
}

fn idm(params: &Params) -> IdmForm {
    IdmForm {
        acc_max: Some(params.acc_max),
        comfort_acc_max: Some(params.comfort_acc_max),
        comfort_acc_min: Some(params.comfort_acc_min),
        distance_wanted: Some(params.distance_wanted),
        time_wanted: Some(params.time_wanted),
    }
}

fn mobil(params: &Params) -> MobilForm {
    MobilForm {
        politeness: Some(params.politeness),
        lane_change_min_acc_gain: Some(params.lane_change_min_acc_gain),
        lane_change_max_braking_imposed: Some(params.lane_change_max_braking_imposed),
        lane_change_delay: Some(params.lane_change_delay),
    }
}

fn object(object: &RoadObject) -> ObjectForm {
    let position: Point = object.position;
    ObjectForm {
        kind: if object.solid {
            ObjectKindForm::Obstacle
        } else {
            ObjectKindForm::Landmark
        },
        position,
        heading: Some(object.heading),
        speed: Some(object.speed),
        length: Some(object.length),
        width: Some(object.width),
        crashed: Some(object.crashed),
        hit: Some(object.hit),
        check_collisions: Some(object.check_collisions),
        collidable: None,
    }
}

fn random(rng: &Generator) -> RandomForm {
    let bits = rng.bits();
    RandomForm {
        bit_generator: Some("PCG64".to_owned()),
        state: bits.state().to_string(),
        inc: bits.inc().to_string(),
        has_uint32: u32::from(bits.buffered().is_some()),
        uinteger: bits.buffered().unwrap_or(0),
    }
}
