//! Who is ahead and who is behind: the vehicles and obstacles on each lane, sorted along it.
//!
//! highway-env compares a vehicle with all others each time it looks for its neighbours. Nobody moves while the vehicles of a
//! substep decide, so one sorted list per lane answers all of its questions.

use super::road::scalar::{Point, direction};
use super::road::{LaneIx, RoadNetwork};

/// How far beside a lane a vehicle still counts as on it, in m.
const MARGIN: f64 = 1.0;

/// A vehicle or, counted on after the vehicles, an object.
pub type ThingIx = u32;

/// The nearest ahead and the nearest behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Neighbours {
    /// Not behind.
    pub front: Option<ThingIx>,
    /// Behind.
    pub rear: Option<ThingIx>,
}

/// A thing on a lane.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    s: f64,
    thing: ThingIx,
}

/// Lists up to this long are sorted by insertion: most vehicles keep their order from substep to substep.
const SHORT: usize = 32;

/// Sorts a list whose entries come in the order of their things.
#[inline]
fn insert_sorted(entries: &mut [Entry]) {
    for i in 1..entries.len() {
        let entry = entries[i];
        let mut at = i;
        while at > 0 && entries[at - 1].s > entry.s {
            entries[at] = entries[at - 1];
            at -= 1;
        }
        entries[at] = entry;
    }
}

/// The things of one scene by lane, and what is computed once per substep for each of them. It is no state: it is filled
/// before it is read.
#[derive(Debug, Clone, Default)]
pub struct LaneIndex {
    lanes: Vec<Vec<Entry>>,
    /// Somebody asks who is on the lanes.
    is_asked: bool,
    positions: Vec<Point>,
    /// Unit vectors of the headings.
    along: Vec<Point>,
    /// Coordinates on the thing's own lane.
    own: Vec<(f64, f64)>,
}

impl LaneIndex {
    /// Forgets everything, for a scene on `network`. Lanes are only listed if `is_asked`: where there is no traffic nobody
    /// looks for neighbours.
    pub fn clear(&mut self, network: &RoadNetwork, is_asked: bool) {
        self.is_asked = is_asked;
        self.lanes.resize_with(network.n_lanes(), Vec::new);
        self.lanes.iter_mut().for_each(Vec::clear);
        self.positions.clear();
        self.along.clear();
        self.own.clear();
    }

    /// Hands the unit vectors of all things over, in exchange for a buffer.
    pub(super) fn take_along(&mut self, along: &mut Vec<Point>) {
        std::mem::swap(&mut self.along, along);
    }

    /// Adds the next thing, which is on `lane`; `seen` things appear on the lanes, others only have coordinates.
    pub fn add(&mut self, network: &RoadNetwork, position: Point, heading: f64, lane: LaneIx, seen: bool) {
        let own = network.lane(lane).local_coordinates(position);
        if seen && self.is_asked {
            for at in network.lanes() {
                let geometry = network.lane(at);
                if at == lane {
                    self.enter(network, at, own);
                } else if !network.is_large() || geometry.least_distance(position) <= geometry.reach(MARGIN) {
                    self.enter(network, at, geometry.local_coordinates(position));
                }
            }
        }
        self.push(position, direction(heading), own);
    }

    /// Adds the next thing, a vehicle that was on `lane` before it moved, and returns the lane it is on now: the nearest one
    /// with its heading (in rad, and as a unit vector) weighed in, the first of equally near ones.
    pub fn settle(
        &mut self,
        network: &RoadNetwork,
        position: Point,
        (heading, along): (f64, Point),
        lane: LaneIx,
    ) -> LaneIx {
        let mut bound = f64::INFINITY;
        let is_large = network.is_large();
        if is_large {
            let before = network.lane(lane);
            bound = before.distance_with_heading(before.local_coordinates(position), heading);
        }
        let mut best = (f64::INFINITY, lane, (0.0, 0.0));
        for at in network.lanes() {
            let geometry = network.lane(at);
            if is_large {
                let least = geometry.least_distance(position);
                if least > bound && !(self.is_asked && least <= geometry.reach(MARGIN)) {
                    continue;
                }
            }
            let coordinates = geometry.local_coordinates(position);
            if self.is_asked {
                self.enter(network, at, coordinates);
            }
            let distance = geometry.distance_with_heading(coordinates, heading);
            if distance < best.0 {
                best = (distance, at, coordinates);
            }
        }
        let (_, lane, own) = best;
        self.push(position, along, own);
        lane
    }

    #[inline]
    fn enter(&mut self, network: &RoadNetwork, lane: LaneIx, coordinates: (f64, f64)) {
        if network.lane(lane).holds(coordinates, MARGIN) {
            self.lanes[usize::from(lane.0)].push(Entry {
                s: coordinates.0,
                thing: self.along.len() as ThingIx,
            });
        }
    }

    #[inline]
    fn push(&mut self, position: Point, along: Point, own: (f64, f64)) {
        self.positions.push(position);
        self.along.push(along);
        self.own.push(own);
    }

    /// Sorts the lanes; to be called when all things are in.
    pub fn sort(&mut self) {
        for lane in &mut self.lanes {
            if lane.len() <= SHORT {
                insert_sorted(lane);
            } else {
                lane.sort_unstable_by(|a, b| a.s.total_cmp(&b.s).then(a.thing.cmp(&b.thing)));
            }
        }
    }

    /// The unit vector of a thing's heading.
    #[inline]
    pub fn along(&self, thing: usize) -> Point {
        self.along[thing]
    }

    /// A thing's coordinates on its own lane, in m.
    #[inline]
    pub fn own(&self, thing: usize) -> (f64, f64) {
        self.own[thing]
    }

    /// The neighbours of a vehicle on `lane`, where its coordinate is `s`. Equal coordinates count as ahead, and among equal
    /// ones the last of the list is nearest ahead and the first nearest behind, as a search through the list finds them.
    #[inline]
    pub fn on_lane(&self, me: usize, s: f64, lane: LaneIx) -> Neighbours {
        let search = Search { me, s, offset: 0.0 };
        let (front, rear) = search.nearest(&self.lanes[usize::from(lane.0)], |_| true);
        Neighbours {
            front: front.map(|(_, thing)| thing),
            rear: rear.map(|(_, thing)| thing),
        }
    }

    /// The same, with the lanes that go on from `lane` and those that lead to it.
    pub fn on_connected_lanes(&self, network: &RoadNetwork, me: usize, s: f64, lane: LaneIx) -> Neighbours {
        let own = std::iter::once((lane, 0.0));
        let connected = network.connections(lane).iter();
        let lanes = own.chain(connected.map(|connection| (connection.lane, connection.offset)));
        let mut front: Option<(f64, ThingIx)> = None;
        let mut rear: Option<(f64, ThingIx)> = None;
        for (nth, (at, offset)) in lanes.clone().enumerate() {
            // A thing counts on the first lane that it is on.
            let is_new = |thing: ThingIx| {
                let position = self.positions[thing as usize];
                lanes
                    .clone()
                    .take(nth)
                    .all(|(earlier, _)| !network.lane(earlier).on_lane(position, MARGIN))
            };
            let search = Search { me, s, offset };
            let (ahead, behind) = search.nearest(&self.lanes[usize::from(at.0)], is_new);
            if let Some(found) = ahead
                && front.is_none_or(|best| found.0 < best.0 || (found.0 == best.0 && found.1 > best.1))
            {
                front = ahead;
            }
            if let Some(found) = behind
                && rear.is_none_or(|best| found.0 > best.0 || (found.0 == best.0 && found.1 < best.1))
            {
                rear = behind;
            }
        }
        Neighbours {
            front: front.map(|(_, thing)| thing),
            rear: rear.map(|(_, thing)| thing),
        }
    }
}

/// A vehicle that looks along a list of entries, whose coordinates are those of its own lane less `offset`.
struct Search {
    me: usize,
    s: f64,
    offset: f64,
}

/// A coordinate on the own lane and who is there.
type Found = Option<(f64, ThingIx)>;

impl Search {
    #[inline]
    fn nearest(&self, entries: &[Entry], is_new: impl Fn(ThingIx) -> bool) -> (Found, Found) {
        let middle = entries.partition_point(|entry| entry.s + self.offset < self.s);
        let (behind, ahead) = entries.split_at(middle);
        let counts = |entry: &&Entry| entry.thing as usize != self.me && is_new(entry.thing);
        let front = Self::last_of_first(ahead.iter().filter(counts), self.offset);
        let rear = Self::last_of_first(behind.iter().rev().filter(counts), self.offset);
        (front, rear)
    }

    /// Among the entries that are as near as the first one, the last.
    #[inline]
    fn last_of_first<'a>(mut entries: impl Iterator<Item = &'a Entry>, offset: f64) -> Found {
        let first = entries.next()?;
        let s = first.s + offset;
        let same = entries.take_while(|entry| entry.s + offset == s).last();
        Some((s, same.unwrap_or(first).thing))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::driving::road::Lane;

    /// A fork and a junction: lanes that overlap, that follow each other, and that have different numbers beside them.
    fn network() -> RoadNetwork {
        let mut builder = RoadNetwork::builder();
        let straight = |x: f64, y: f64, length: f64| Lane::straight([x, y], [x + length, y]);
        builder
            .add_lane("a", "b", straight(0.0, 0.0, 50.0))
            .add_lane("a", "b", straight(0.0, 4.0, 50.0))
            .add_lane("b", "c", straight(50.0, 0.0, 40.0))
            .add_lane("b", "c", straight(50.0, 4.0, 40.0))
            .add_lane("b", "c", straight(50.0, 8.0, 40.0))
            .add_lane("d", "b", Lane::sine([0.0, 10.0], [50.0, 10.0], 3.0, 0.06, 1.0))
            .add_lane("c", "e", Lane::circular([90.0, 20.0], 20.0, [-1.57, 0.0], true))
            .add_lane("c", "a", Lane::straight([90.0, 0.0], [0.0, -1.0]));
        builder.build().unwrap()
    }

    /// highway-env's search: every thing, on the first of the lanes it is on.
    fn plain(
        network: &RoadNetwork,
        places: &[Point],
        me: usize,
        lane: LaneIx,
        connected: bool,
    ) -> Neighbours {
        let s = network.lane(lane).local_coordinates(places[me]).0;
        let mut lanes = vec![(lane, 0.0)];
        if connected {
            let others = network.connections(lane).iter();
            lanes.extend(others.map(|connection| (connection.lane, connection.offset)));
        }
        let (mut front, mut rear) = (None, None);
        for (thing, &place) in places.iter().enumerate().filter(|(thing, _)| *thing != me) {
            let on = lanes
                .iter()
                .find(|(at, _)| network.lane(*at).on_lane(place, MARGIN));
            let Some(&(at, offset)) = on else {
                continue;
            };
            let other = network.lane(at).local_coordinates(place).0 + offset;
            if s <= other && front.is_none_or(|(best, _)| other <= best) {
                front = Some((other, thing as ThingIx));
            }
            if other < s && rear.is_none_or(|(best, _)| other > best) {
                rear = Some((other, thing as ThingIx));
            }
        }
        Neighbours {
            front: front.map(|(_, thing)| thing),
            rear: rear.map(|(_, thing)| thing),
        }
    }

    /// Places on a coarse grid, so that coordinates are often equal and vehicles often on two lanes.
    fn places() -> impl Strategy<Value = Vec<(i32, i32, i32)>> {
        proptest::collection::vec((-4..60_i32, -6..14_i32, -3..4_i32), 1..24)
    }

    proptest! {
        #[test]
        fn the_sorted_lanes_answer_as_a_comparison_with_all(places in places(), moved in any::<bool>()) {
            let network = network();
            let states: Vec<(Point, f64)> = places
                .iter()
                .map(|&(x, y, h)| ([f64::from(x) * 2.0, f64::from(y)], f64::from(h)))
                .collect();
            let mut index = LaneIndex::default();
            index.clear(&network, true);
            for &(position, heading) in &states {
                let lane = network.closest_lane(position, Some(heading));
                if moved {
                    let from = LaneIx((position[0].abs() as u16) % network.n_lanes() as u16);
                    prop_assert_eq!(index.settle(&network, position, (heading, direction(heading)), from), lane);
                } else {
                    index.add(&network, position, heading, lane, true);
                }
            }
            index.sort();
            let places: Vec<_> = states.iter().map(|state| state.0).collect();
            for me in 0..places.len() {
                for lane in network.lanes() {
                    let s = network.lane(lane).local_coordinates(places[me]).0;
                    prop_assert_eq!(index.on_lane(me, s, lane), plain(&network, &places, me, lane, false));
                    let connected = index.on_connected_lanes(&network, me, s, lane);
                    prop_assert_eq!(connected, plain(&network, &places, me, lane, true));
                }
            }
        }
    }
}
