//! A driving scene as it is to be seen.

use super::scene::{BodyView, DrivingView, Marking, MarkingStyle, Place, Role, Strip, Window};
use crate::driving::road::{Lane, LineType, RoadNetwork};
use crate::driving::scene::View;
use crate::driving::vehicle::{Kind, RoadObject};

/// Distance of the points by which curves are drawn, in m.
const SAMPLE_M: f64 = 2.0;
/// The largest picture, in m.
const WINDOW_M: [f64; 2] = [120.0, 90.0];
/// What is shown beside the road, in m.
const MARGIN_M: f64 = 6.0;
/// Where all lanes are shorter than this, in m, they are places on a paved ground: a car park.
const PLACE_M: f64 = 20.0;
/// Braking harder than this shows, in m/s².
const BRAKING_MPS2: f64 = 0.5;

/// What is to be seen of a scene. The route is that of the first controlled vehicle.
pub fn view_of(view: &View<'_>) -> DrivingView {
    let mut seen = DrivingView::default();
    let lanes = || view.network.lanes().map(|lane| view.network.lane(lane));
    if lanes().all(|lane| lane.length() < PLACE_M) {
        seen.strips.push(pavement(view));
    }
    for lane in lanes() {
        seen.strips.push(Strip {
            line: along(lane, 0.0),
            width_m: lane.width_at(lane.length() / 2.0),
        });
        seen.markings.extend(markings(lane));
    }
    seen.route = route(view);
    let goals = view.objects.iter().filter(|object| !object.solid);
    seen.bodies.extend(goals.map(object));
    let obstacles = view.objects.iter().filter(|object| object.solid);
    seen.bodies.extend(obstacles.map(object));
    seen.bodies
        .extend((0..view.bodies.len()).map(|i| vehicle(view, i)));
    seen
}

/// What a picture of the scene shows: all of a small road, or a part of a large one about the first controlled vehicle.
pub fn window_of(view: &View<'_>) -> Window {
    let (low, high) = extent(view.network, view.objects);
    let centre = match view.episode.controlled.first() {
        Some(_) => view.ego_body(0).position,
        None => [0, 1].map(|i| f64::midpoint(low[i], high[i])),
    };
    let mut window = Window {
        centre,
        size_m: [0, 1].map(|i| (high[i] - low[i]).min(WINDOW_M[i])),
    };
    for i in 0..2 {
        let half = window.size_m[i] / 2.0;
        // The first vehicles of a highway may stand before its beginning.
        let (low, high) = (
            low[i].min(centre[i] - MARGIN_M),
            high[i].max(centre[i] + MARGIN_M),
        );
        window.centre[i] = centre[i].clamp(low + half, (high - half).max(low + half));
    }
    window
}

/// The rectangle around roads and objects with a margin, in m.
fn extent(network: &RoadNetwork, objects: &[RoadObject]) -> (Place, Place) {
    let mut low = [f64::INFINITY; 2];
    let mut high = [f64::NEG_INFINITY; 2];
    let mut hold = |place: Place, reach: f64| {
        for i in 0..2 {
            low[i] = low[i].min(place[i] - reach);
            high[i] = high[i].max(place[i] + reach);
        }
    };
    for lane in network.lanes().map(|lane| network.lane(lane)) {
        for place in along(lane, 0.0) {
            hold(place, MARGIN_M);
        }
    }
    for object in objects {
        hold(object.position, MARGIN_M / 2.0);
    }
    if low[0] > high[0] {
        return ([-1.0; 2], [1.0; 2]);
    }
    (low, high)
}

/// The ground of a car park, as a strip along x.
fn pavement(view: &View<'_>) -> Strip {
    let (low, high) = extent(view.network, view.objects);
    let [x, y] = [0, 1].map(|i| f64::midpoint(low[i], high[i]));
    let half = [0, 1].map(|i| (high[i] - low[i]) / 2.0);
    let width_m = 2.0 * half[1];
    // Strips have round ends, of which nothing is to be seen.
    Strip {
        line: vec![[x - half[0] - width_m, y], [x + half[0] + width_m, y]],
        width_m,
    }
}

/// A line along a lane, at the share `side` of its width to the right of its middle.
fn along(lane: &Lane, side: f64) -> Vec<Place> {
    let pieces = (lane.length() / SAMPLE_M).ceil().max(1.0);
    let is_straight = lane.heading_at(0.0) == lane.heading_at(lane.length() / 2.0)
        && lane.heading_at(0.0) == lane.heading_at(lane.length() / 3.0);
    let pieces = if is_straight { 1 } else { pieces as usize };
    (0..=pieces)
        .map(|piece| {
            let s = lane.length() * piece as f64 / pieces as f64;
            lane.position(s, side * lane.width_at(s))
        })
        .collect()
}

fn markings(lane: &Lane) -> impl Iterator<Item = Marking> + '_ {
    let sides = lane.lines().into_iter().zip([-0.5, 0.5]);
    sides.filter_map(|(line, side)| {
        let style = match line {
            LineType::None => return None,
            LineType::Striped => MarkingStyle::Dashed,
            LineType::Continuous | LineType::ContinuousLine => MarkingStyle::Solid,
        };
        Some(Marking {
            line: along(lane, side),
            style,
        })
    })
}

/// The way that the first controlled vehicle plans to go, from its lane on.
fn route(view: &View<'_>) -> Vec<Place> {
    let Some(&ego) = view.episode.controlled.first() else {
        return Vec::new();
    };
    let ego = usize::from(ego);
    let steps = view.routes[ego].steps();
    if steps.is_empty() {
        return Vec::new();
    }
    let (s, _) = view.coordinates(ego);
    let own = view.bodies[ego].lane;
    let lane = view.network.lane(own);
    let mut places = vec![view.bodies[ego].position];
    if view.network.road(own) == steps[0].road {
        let rest = along(lane, 0.0);
        places.extend(
            rest.into_iter()
                .filter(|&place| lane.local_coordinates(place).0 > s + SAMPLE_M),
        );
    }
    let mut current = own;
    for &step in steps.iter().filter(|step| step.road != view.network.road(own)) {
        current = view.network.lane_of_step(step, current);
        places.extend(along(view.network.lane(current), 0.0));
    }
    places
}

fn object(object: &RoadObject) -> BodyView {
    BodyView {
        role: if object.solid { Role::Obstacle } else { Role::Goal },
        centre: object.position,
        heading: object.heading,
        length_m: object.length,
        width_m: object.width,
        hit: object.hit || object.crashed,
        braking: false,
    }
}

fn vehicle(view: &View<'_>, i: usize) -> BodyView {
    let (body, params) = (&view.bodies[i], &view.params[i]);
    let controlled = view.episode.controlled.iter().any(|&ego| usize::from(ego) == i);
    let role = match view.drivers[i].kind {
        _ if controlled => Role::Ego,
        Kind::Idm | Kind::Linear => Role::Traffic,
        Kind::Aggressive => Role::Aggressive,
        Kind::Defensive => Role::Defensive,
        Kind::Manual | Kind::Dynamic | Kind::Controlled | Kind::Meta => Role::Passive,
    };
    BodyView {
        role,
        centre: body.position,
        heading: body.heading,
        length_m: params.length,
        width_m: params.width,
        hit: body.crashed,
        braking: body.acceleration < -BRAKING_MPS2,
    }
}
