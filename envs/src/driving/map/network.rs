//! A map as the road network that vehicles drive on, and routes through it lane by lane.

use std::collections::BTreeMap;

use crate::driving::road::{Lane, LaneIx, LineType, NetworkError, RoadNetwork, Shape, Width};

use super::document::Mark;
use super::error::MapError;
use super::road_map::{MapLane, RoadMap};

/// Speed where the map says that there is no limit, in m/s: 130 km/h.
const UNLIMITED_MPS: f64 = 130.0 / 3.6;

/// What a map leaves open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapSettings {
    /// Limit in m/s where the map states none.
    pub speed_limit_mps: f64,
}

impl Default for MapSettings {
    /// 50 km/h where nothing is stated.
    fn default() -> Self {
        Self {
            speed_limit_mps: 50.0 / 3.6,
        }
    }
}

/// A road network made from a map, and where each of its lanes comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct MapNetwork {
    /// The network: x east, y south, so that lanes count from the left and `lateral` is positive to the right.
    pub network: RoadNetwork,
    /// For each lane of the network, where in [`RoadMap::lanes`] it comes from.
    pub origins: Vec<usize>,
    /// For each lane of the network, the lanes that go on from its end.
    pub successors: Vec<Vec<LaneIx>>,
    /// Whether a lane crosses a junction.
    pub in_junction: Vec<bool>,
}

/// Nodes of the network: the starts and the ends of groups of lanes, joined where one leads to the other.
struct Nodes {
    /// Start and end of group `g` at `2 g` and `2 g + 1`; each points to another of its node, or to itself.
    parents: Vec<usize>,
}

impl Nodes {
    fn root(&self, mut at: usize) -> usize {
        while self.parents[at] != at {
            at = self.parents[at];
        }
        at
    }

    fn of(map: &RoadMap) -> Self {
        let groups = map.lanes.iter().map(|lane| lane.group + 1).max().unwrap_or(0);
        let mut nodes = Self {
            parents: (0..2 * groups).collect(),
        };
        for lane in &map.lanes {
            for &next in &lane.successors {
                let [a, b] = [
                    nodes.root(2 * lane.group + 1),
                    nodes.root(2 * map.lanes[next].group),
                ];
                nodes.parents[a.max(b)] = a.min(b);
            }
        }
        nodes
    }

    /// A name that says whose end this is.
    fn name(&self, map: &RoadMap, end: usize) -> String {
        let root = self.root(end);
        let lane = map.lanes.iter().find(|lane| lane.group == root / 2);
        let (road, stretch) = lane.map_or(("", 0), |lane| (lane.road.as_str(), lane.stretch));
        let side = lane.map_or(0, |lane| lane.id.signum());
        let end = if root.is_multiple_of(2) { "start" } else { "end" };
        let side = if side < 0 { "right" } else { "left" };
        format!("{road}.{stretch} {side} {end} {root}")
    }
}

/// A lane of the network before it gets its index.
struct Draft {
    origin: usize,
    from: String,
    to: String,
    reach: [f64; 2],
}

fn line_type(mark: Mark) -> LineType {
    match mark {
        Mark::None => LineType::None,
        Mark::Broken => LineType::Striped,
        Mark::Solid => LineType::ContinuousLine,
    }
}

/// The part of a lane between two distances from its start, turned over so that y points south.
fn network_lane(lane: &MapLane, [start, end]: [f64; 2], settings: MapSettings) -> Lane {
    let curve = lane.centre.part(start, end).mirrored();
    let limit = lane
        .speed_limit_mps
        .unwrap_or(settings.speed_limit_mps)
        .min(UNLIMITED_MPS);
    let [left, right] = lane.marks.map(line_type);
    let metres = curve.length_m().ceil() as usize;
    // Each value holds for a metre: that of its middle.
    let widths: Vec<f64> = (0..metres.max(1))
        .map(|metre| lane.width_at(start + metre as f64 + 0.5))
        .collect();
    let constant = widths.windows(2).all(|pair| pair[0] == pair[1]);
    let width = if constant {
        Width::Fixed(widths[0])
    } else {
        Width::Sampled(widths)
    };
    Lane::new(Shape::Arcs(Box::new(curve)))
        .with_width(width)
        .with_lines(left, right)
        .with_speed_limit(Some(limit))
}

/// Whether two lanes between the same nodes lie side by side, so that a driver may change from one to the other.
fn side_by_side(a: &MapLane, b: &MapLane) -> bool {
    [0.1, 0.5, 0.9].into_iter().all(|share| {
        let s = share * a.centre.length_m();
        let (other_s, lateral) = b.centre.local_coordinates(a.centre.position(s, 0.0));
        let inside = other_s > 0.0 && other_s < b.centre.length_m();
        let width = 0.5 * (a.width_at(s) + b.width_at(other_s));
        inside && (0.6 * width..1.6 * width).contains(&lateral.abs())
    })
}

/// Lanes with the nodes between which they run. Ways between the same two nodes that do not lie side by side are cut in the
/// middle, where they get a node of their own.
fn drafts(map: &RoadMap) -> Vec<Draft> {
    let nodes = Nodes::of(map);
    let mut roads: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    let mut drafts = Vec::new();
    for (origin, lane) in map.lanes.iter().enumerate() {
        let ends = [2 * lane.group, 2 * lane.group + 1];
        let [from, to] = ends.map(|end| nodes.name(map, end));
        let beside = roads
            .entry((nodes.root(ends[0]), nodes.root(ends[1])))
            .or_default();
        let length = lane.centre.length_m();
        let joins = beside
            .last()
            .is_none_or(|&last| map.lanes[last].group == lane.group || side_by_side(&map.lanes[last], lane));
        if joins && from != to {
            beside.push(origin);
            drafts.push(Draft {
                origin,
                from,
                to,
                reach: [0.0, length],
            });
            continue;
        }
        let middle = format!("{}.{} {} middle", lane.road, lane.stretch, lane.id);
        let half = 0.5 * length;
        drafts.push(Draft {
            origin,
            from,
            to: middle.clone(),
            reach: [0.0, half],
        });
        drafts.push(Draft {
            origin,
            from: middle,
            to,
            reach: [half, length],
        });
    }
    order_by_side(map, &mut drafts);
    drafts
}

/// Puts lanes of different map roads between the same nodes in order from left to right; the others are already.
fn order_by_side(map: &RoadMap, drafts: &mut Vec<Draft>) {
    let mut ordered: Vec<Draft> = Vec::with_capacity(drafts.len());
    for draft in drafts.drain(..) {
        let lane = &map.lanes[draft.origin];
        let middle = lane.centre.position(0.5 * lane.centre.length_m(), 0.0);
        let right_of = |other: &Draft| {
            let other = &map.lanes[other.origin].centre;
            other.local_coordinates(middle).1 < 0.0
        };
        let mut at = ordered.len();
        let same_road = |other: &Draft| other.from == draft.from && other.to == draft.to;
        while let Some(index) = ordered[..at].iter().rposition(same_road) {
            if right_of(&ordered[index]) {
                break;
            }
            at = index;
        }
        ordered.insert(at, draft);
    }
    *drafts = ordered;
}

impl MapNetwork {
    /// The network of a map.
    ///
    /// # Errors
    /// [`MapError::Network`] if the map has more lanes than the network can number.
    pub fn new(map: &RoadMap, settings: MapSettings) -> Result<Self, MapError> {
        let drafts = drafts(map);
        let mut builder = RoadNetwork::builder();
        for draft in &drafts {
            let lane = network_lane(&map.lanes[draft.origin], draft.reach, settings);
            builder.add_lane(&draft.from, &draft.to, lane);
        }
        let network = builder.build().map_err(|error: NetworkError| MapError::Network {
            reason: error.to_string(),
        })?;
        // The builder numbers lanes by nodes; the count of a lane among those of its road is the order of the drafts.
        let mut counts: BTreeMap<(&str, &str), u16> = BTreeMap::new();
        let mut indices = Vec::with_capacity(drafts.len());
        for draft in &drafts {
            let id = counts.entry((&draft.from, &draft.to)).or_default();
            indices.extend(network.find(&draft.from, &draft.to, *id));
            *id += 1;
        }
        let mut origins = vec![0; network.n_lanes()];
        let mut in_junction = vec![false; network.n_lanes()];
        let mut entries: BTreeMap<usize, LaneIx> = BTreeMap::new();
        for (draft, lane) in drafts.iter().zip(&indices) {
            let index = usize::from(lane.0);
            origins[index] = draft.origin;
            in_junction[index] = map.lanes[draft.origin].junction.is_some();
            if draft.reach[0] == 0.0 {
                entries.insert(draft.origin, *lane);
            }
        }
        let mut successors = vec![Vec::new(); network.n_lanes()];
        for (at, (draft, lane)) in drafts.iter().zip(&indices).enumerate() {
            let lane_ends = draft.reach[1] == map.lanes[draft.origin].centre.length_m();
            successors[usize::from(lane.0)] = if lane_ends {
                let next = &map.lanes[draft.origin].successors;
                next.iter()
                    .filter_map(|next| entries.get(next).copied())
                    .collect()
            } else {
                // The second half of a lane that was cut.
                let halves = drafts.iter().zip(&indices).enumerate();
                let mut second =
                    halves.filter(|(other, (half, _))| *other != at && half.origin == draft.origin);
                second.next().map(|(_, (_, lane))| *lane).into_iter().collect()
            };
        }
        Ok(Self {
            network,
            origins,
            successors,
            in_junction,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lane by lane: places and coordinates of the network are those of the map, turned over.
    #[test]
    fn coordinates_survive_the_conversion() {
        let text = include_str!("../../../../assets/maps/town.xodr");
        let map = RoadMap::parse(text).unwrap();
        let roads = MapNetwork::new(&map, MapSettings::default()).unwrap();
        assert_eq!(roads.network.n_lanes(), map.lanes.len());
        for index in roads.network.lanes() {
            let lane = roads.network.lane(index);
            let origin = &map.lanes[roads.origins[usize::from(index.0)]];
            assert!((lane.length() - origin.centre.length_m()).abs() < 1e-9);
            for share in [0.0, 0.13, 0.5, 0.99] {
                let s = share * lane.length();
                let [x, y] = origin.centre.position(s, -1.0);
                let (found, lateral) = lane.local_coordinates([x, -y]);
                assert!(
                    (found - s).abs() < 1e-6 && (lateral - 1.0).abs() < 1e-6,
                    "{} {s}",
                    origin.road
                );
                assert!((lane.width_at(s) - origin.width_at(s)).abs() < 0.1);
            }
        }
    }
}
