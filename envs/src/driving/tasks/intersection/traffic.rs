//! Vehicles of the intersection: those of a new scene, and those that appear and leave while it is driven.

use crate::driving::road::scalar::{Point, norm, sub};
use crate::driving::task::Stage;
use crate::driving::vehicle::Vehicle;

/// Others do not appear closer to a vehicle than this, in m.
const CLEARANCE: f64 = 15.0;
/// Others closer to an ego than this when it appears are taken away, in m.
const EGO_CLEARANCE: f64 = 20.0;
/// Mean speed at which others appear, in m/s.
const SPEED: f64 = 8.0;
/// Where egos start on their arm, in m, but for the deviation.
const EGO_START: f64 = 60.0;
/// For how long the others drive before the egos appear, in s.
const WARM_UP_S: usize = 3;
/// So much before the end of an exit others leave the scene, in m: four vehicle lengths.
const LEAVING: f64 = 20.0;

/// How another vehicle appears.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spawn {
    /// Along its lane, in m.
    pub(super) s: f64,
    /// How much that deviates, in m.
    pub(super) s_deviation: f64,
    /// How much its speed deviates, in m/s.
    pub(super) speed_deviation: f64,
    /// How likely it appears.
    pub(super) probability: f64,
    /// It goes straight on.
    pub(super) straight: bool,
}

impl Spawn {
    /// A vehicle on its way to anywhere.
    pub(super) fn at(s: f64, probability: f64) -> Self {
        Self {
            s,
            s_deviation: 1.0,
            speed_deviation: 1.0,
            probability,
            straight: false,
        }
    }
}

/// Gives a vehicle the parameters of this family: it keeps short distances and brakes gently. The package writes them into
/// the class of the others, and so into every env that the process makes later.
fn impatient(vehicle: &mut Vehicle) {
    vehicle.params.distance_wanted = 7.0;
    vehicle.params.comfort_acc_max = 6.0;
    vehicle.params.comfort_acc_min = -3.0;
}

/// Another vehicle appears on one of the arms, unless chance or a vehicle nearby is against it.
pub(super) fn spawn<M>(stage: &mut Stage<'_, M>, how: Spawn) {
    if stage.rng.random() > how.probability {
        return;
    }
    let route = stage.rng.choice_without_replacement(4, 2);
    let from = route[0];
    let to = if how.straight { (from + 2) % 4 } else { route[1] };
    let lane = stage.lane(&format!("o{from}"), &format!("ir{from}"), 0);
    let s = how.s + 5.0 + stage.rng.standard_normal() * how.s_deviation;
    let speed = SPEED + stage.rng.standard_normal() * how.speed_deviation;
    let mut other = stage.other_on(lane, s, speed);
    let place = other.body.position;
    if stage
        .fleet
        .bodies
        .iter()
        .any(|body| norm(sub(body.position, place)) < CLEARANCE)
    {
        return;
    }
    impatient(&mut other);
    let other = stage.routed(other, &format!("o{to}")).randomized(stage.rng);
    stage.fleet.push(other);
}

/// Makes a new scene: `vehicles` - 1 others that may appear along the arms and drive for 3 s, one that goes straight on, and
/// the egos. Egos go to the arm `destination`, or to a random one.
pub(super) fn populate<M>(stage: &mut Stage<'_, M>, vehicles: usize, destination: Option<usize>) {
    const SPAWN_PROBABILITY: f64 = 0.6;
    const LAST: f64 = 80.0;
    let step = LAST / vehicles.saturating_sub(1).max(1) as f64;
    for nth in 0..vehicles.saturating_sub(1) {
        spawn(stage, Spawn::at(nth as f64 * step, SPAWN_PROBABILITY));
    }
    stage.drive(WARM_UP_S * stage.settings.simulation_frequency);
    let challenger = Spawn {
        s: 60.0,
        s_deviation: 0.1,
        speed_deviation: 0.0,
        probability: 1.0,
        straight: true,
    };
    spawn(stage, challenger);
    for agent in 0..stage.settings.agents {
        add_ego(stage, agent, destination);
    }
}

fn add_ego<M>(stage: &mut Stage<'_, M>, agent: usize, destination: Option<usize>) {
    let arm = agent % 4;
    let lane = stage.lane(&format!("o{arm}"), &format!("ir{arm}"), 0);
    let destination = destination.unwrap_or_else(|| stage.rng.integers(1, 4) as usize);
    let s = EGO_START + 5.0 * stage.rng.normal(1.0, 1.0);
    let speed = stage.network.lane(lane).speed_limit().unwrap_or(SPEED);
    let ego = stage.ego_on(lane, s, speed);
    let place = ego.body.position;
    stage.add_ego(stage.routed(ego, &format!("o{destination}")));
    make_room(stage, place);
}

/// Takes others away that are too close to a place.
fn make_room<M>(stage: &mut Stage<'_, M>, place: Point) {
    keep(stage, |stage, i| {
        norm(sub(stage.fleet.bodies[i].position, place)) >= EGO_CLEARANCE
    });
}

/// Takes others away that are about to leave the scene.
pub(super) fn clear<M>(stage: &mut Stage<'_, M>) {
    keep(stage, |stage, i| {
        let body = &stage.fleet.bodies[i];
        let (from, to, _) = stage.network.triple(body.lane);
        let lane = stage.network.lane(body.lane);
        let is_exit = from.starts_with("il") && to.starts_with('o');
        !(is_exit && lane.local_coordinates(body.position).0 >= lane.length() - LEAVING)
    });
}

/// Keeps the others for which `stays` is true, and the egos.
fn keep<M>(stage: &mut Stage<'_, M>, stays: impl Fn(&Stage<'_, M>, usize) -> bool) {
    let n = stage.fleet.len();
    let controlled = |i: usize| stage.episode.controlled.contains(&(i as u16));
    let kept: Vec<_> = (0..n).map(|i| controlled(i) || stays(stage, i)).collect();
    stage.fleet.retain(|_, i| kept[i]);
    for ego in &mut stage.episode.controlled {
        *ego = kept[..usize::from(*ego)].iter().filter(|kept| **kept).count() as u16;
    }
}
