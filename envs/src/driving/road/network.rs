//! The lanes of a scene as a graph: nodes with names, roads between them, lanes on the roads.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::lane::{DEFAULT_WIDTH, Lane, LineType};

/// A lane, as its index in the order in which the graph is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct LaneIx(pub u16);

/// A road: all lanes from one node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct RoadIx(pub u16);

/// A node of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct NodeIx(pub u16);

/// What is wrong with a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// There is nothing to drive on.
    #[error("the road network has no lanes; add at least one")]
    Empty,
    /// Indices have 16 bits.
    #[error("the road network has {lanes} lanes; at most {most} are supported")]
    TooLarge {
        /// Lanes there are.
        lanes: usize,
        /// Lanes there may be.
        most: usize,
    },
    /// A lane from a point to itself, or with numbers that are none.
    #[error("lane {id} from {from} to {to} has length {length} m; expected a positive number")]
    Length {
        /// Where it starts.
        from: String,
        /// Where it ends.
        to: String,
        /// Which lane of the road.
        id: usize,
        /// Its length, as text.
        length: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
struct Road {
    from: NodeIx,
    to: NodeIx,
    lanes: Range<u16>,
}

#[derive(Debug, Clone, PartialEq)]
struct Node {
    name: String,
    /// Roads that start here, in order of their first lanes; contiguous.
    out: Range<u16>,
    /// The same in order of the names of the nodes they lead to.
    out_by_name: Vec<RoadIx>,
    /// Roads that end here, in the graph's order.
    into: Vec<RoadIx>,
}

/// Another lane whose vehicles a driver looks out for, and what to add to its coordinates to get those of the own lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Connection {
    /// The other lane.
    pub lane: LaneIx,
    /// In m.
    pub offset: f64,
}

/// A road network that is complete. Lanes are numbered as highway-env walks its graph: by node of origin, then by
/// destination, each in order of first mention, then by id.
#[derive(Debug, Clone, PartialEq)]
pub struct RoadNetwork {
    nodes: Vec<Node>,
    roads: Vec<Road>,
    lanes: Vec<Lane>,
    /// The road of each lane.
    road_of: Vec<RoadIx>,
    /// Per lane, those that go on from it and those that lead to it.
    connections: Vec<Vec<Connection>>,
}

/// Values by name, in order of first mention.
type Named<T> = Vec<(String, T)>;

/// A road network that is being made.
#[derive(Debug, Clone, Default)]
pub struct NetworkBuilder {
    /// By node of origin, by destination: lanes, in order of first mention.
    graph: Named<Named<Vec<Lane>>>,
}

/// The value of `key` in a list of pairs, appended if it is not there.
fn entry<'a, T: Default>(pairs: &'a mut Named<T>, key: &str) -> &'a mut T {
    let at = pairs.iter().position(|(known, _)| known == key);
    let at = at.unwrap_or_else(|| {
        pairs.push((key.to_owned(), T::default()));
        pairs.len() - 1
    });
    &mut pairs[at].1
}

impl NetworkBuilder {
    /// Adds a lane beside the other lanes from one node to another; ids count from the left.
    pub fn add_lane(&mut self, from: &str, to: &str, lane: Lane) -> &mut Self {
        entry(entry(&mut self.graph, from), to).push(lane);
        self
    }

    /// Adds `lanes` parallel straight lanes between the nodes `0` and `1`: `length` m from x = 0, with this limit in m/s.
    pub fn add_straight_road(&mut self, lanes: usize, length: f64, speed_limit: f64) -> &mut Self {
        self.add_straight_lanes(["0", "1"], lanes, [0.0, length], |_| speed_limit)
    }

    /// Adds `lanes` parallel straight lanes between two nodes, along x from `span[0]` to `span[1]` in m; the first one at
    /// y = 0, with a limit per lane in m/s.
    pub fn add_straight_lanes(
        &mut self,
        [from, to]: [&str; 2],
        lanes: usize,
        [start, end]: [f64; 2],
        speed_limit: impl Fn(usize) -> f64,
    ) -> &mut Self {
        for id in 0..lanes {
            let y = id as f64 * DEFAULT_WIDTH;
            let left = if id == 0 {
                LineType::ContinuousLine
            } else {
                LineType::Striped
            };
            let right = if id == lanes - 1 {
                LineType::ContinuousLine
            } else {
                LineType::None
            };
            let lane = Lane::straight([start, y], [end, y])
                .with_lines(left, right)
                .with_speed_limit(Some(speed_limit(id)));
            self.add_lane(from, to, lane);
        }
        self
    }

    /// The complete network.
    ///
    /// # Errors
    /// [`NetworkError`] if there is no lane, if there are too many, or if one has no length.
    pub fn build(self) -> Result<RoadNetwork, NetworkError> {
        self.check()?;
        let mut network = RoadNetwork {
            nodes: Vec::new(),
            roads: Vec::new(),
            lanes: Vec::new(),
            road_of: Vec::new(),
            connections: Vec::new(),
        };
        for (from, _) in &self.graph {
            network.intern(from);
        }
        for (from, destinations) in self.graph {
            let first = network.roads.len() as u16;
            let from = network.intern(&from);
            for (to, lanes) in destinations {
                let to = network.intern(&to);
                network.add_road(from, to, lanes);
            }
            network.nodes[usize::from(from.0)].out = first..network.roads.len() as u16;
        }
        network.link();
        Ok(network)
    }

    fn check(&self) -> Result<(), NetworkError> {
        const MOST: usize = u16::MAX as usize;
        let roads = self
            .graph
            .iter()
            .flat_map(|(from, out)| out.iter().map(move |road| (from, road)));
        let mut total = 0;
        for (from, (to, lanes)) in roads {
            total += lanes.len();
            for (id, lane) in lanes.iter().enumerate() {
                let length = lane.length();
                if !(length > 0.0 && length.is_finite()) {
                    return Err(NetworkError::Length {
                        from: from.clone(),
                        to: to.clone(),
                        id,
                        length: length.to_string(),
                    });
                }
            }
        }
        match total {
            0 => Err(NetworkError::Empty),
            1..=MOST => Ok(()),
            _ => Err(NetworkError::TooLarge {
                lanes: total,
                most: MOST,
            }),
        }
    }
}

impl RoadNetwork {
    /// A network to add lanes to.
    pub fn builder() -> NetworkBuilder {
        NetworkBuilder::default()
    }

    fn intern(&mut self, name: &str) -> NodeIx {
        if let Some(node) = self.node(name) {
            return node;
        }
        self.nodes.push(Node {
            name: name.to_owned(),
            out: 0..0,
            out_by_name: Vec::new(),
            into: Vec::new(),
        });
        NodeIx(self.nodes.len() as u16 - 1)
    }

    fn add_road(&mut self, from: NodeIx, to: NodeIx, lanes: Vec<Lane>) {
        let road = RoadIx(self.roads.len() as u16);
        let first = self.lanes.len() as u16;
        self.road_of.extend(lanes.iter().map(|_| road));
        self.lanes.extend(lanes);
        let lanes = first..self.lanes.len() as u16;
        self.roads.push(Road { from, to, lanes });
    }

    /// Fills what is looked up often.
    fn link(&mut self) {
        for road in self.roads() {
            let to = self.to(road);
            self.nodes[usize::from(to.0)].into.push(road);
        }
        for node in 0..self.nodes.len() {
            let mut roads: Vec<_> = self.out(NodeIx(node as u16)).collect();
            roads.sort_by(|&a, &b| self.name(self.to(a)).cmp(self.name(self.to(b))));
            self.nodes[node].out_by_name = roads;
        }
        self.connections = self.lanes().map(|lane| self.connect(lane)).collect();
    }

    fn connect(&self, lane: LaneIx) -> Vec<Connection> {
        let road = self.road(lane);
        let id = self.id(lane);
        let length = self.lane(lane).length();
        let beside = |road: RoadIx| self.lane_of(road, id).or_else(|| self.lane_of(road, 0));
        let ahead = self
            .out(self.to(road))
            .filter_map(beside)
            .map(|lane| Connection { lane, offset: length });
        let behind = self.into(self.from(road)).iter().copied().filter_map(beside);
        let behind = behind.map(|lane| Connection {
            lane,
            offset: -self.lane(lane).length(),
        });
        ahead.chain(behind).collect()
    }

    /// The node of a name.
    pub fn node(&self, name: &str) -> Option<NodeIx> {
        let at = self.nodes.iter().position(|node| node.name == name)?;
        Some(NodeIx(at as u16))
    }

    /// The name of a node.
    pub fn name(&self, node: NodeIx) -> &str {
        &self.nodes[usize::from(node.0)].name
    }

    /// All lanes, in order.
    pub fn lanes(&self) -> impl ExactSizeIterator<Item = LaneIx> + use<> {
        (0..self.lanes.len() as u16).map(LaneIx)
    }

    /// All roads, in order.
    pub fn roads(&self) -> impl ExactSizeIterator<Item = RoadIx> + use<> {
        (0..self.roads.len() as u16).map(RoadIx)
    }

    /// The nodes at which roads start, in the order of the graph's keys.
    pub fn origins(&self) -> impl Iterator<Item = NodeIx> + '_ {
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter(|(_, node)| !node.out.is_empty())
            .map(|(at, _)| NodeIx(at as u16))
    }

    /// The number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The number of lanes.
    pub fn n_lanes(&self) -> usize {
        self.lanes.len()
    }

    /// A lane's geometry.
    #[inline]
    pub fn lane(&self, lane: LaneIx) -> &Lane {
        &self.lanes[usize::from(lane.0)]
    }

    /// The road of a lane.
    #[inline]
    pub fn road(&self, lane: LaneIx) -> RoadIx {
        self.road_of[usize::from(lane.0)]
    }

    /// Which lane of its road it is, from the left.
    #[inline]
    pub fn id(&self, lane: LaneIx) -> u16 {
        lane.0 - self.lanes_of(self.road(lane)).start
    }

    /// Where a road starts.
    #[inline]
    pub fn from(&self, road: RoadIx) -> NodeIx {
        self.roads[usize::from(road.0)].from
    }

    /// Where a road ends.
    #[inline]
    pub fn to(&self, road: RoadIx) -> NodeIx {
        self.roads[usize::from(road.0)].to
    }

    /// Indices of the lanes of a road.
    #[inline]
    pub fn lanes_of(&self, road: RoadIx) -> Range<u16> {
        self.roads[usize::from(road.0)].lanes.clone()
    }

    /// The number of lanes of a road.
    #[inline]
    pub fn width(&self, road: RoadIx) -> usize {
        self.lanes_of(road).len()
    }

    /// Lane `id` of a road.
    pub fn lane_of(&self, road: RoadIx, id: u16) -> Option<LaneIx> {
        let lanes = self.lanes_of(road);
        (id < lanes.end - lanes.start).then(|| LaneIx(lanes.start + id))
    }

    /// The road between two nodes.
    pub fn road_between(&self, from: NodeIx, to: NodeIx) -> Option<RoadIx> {
        self.out(from).find(|&road| self.to(road) == to)
    }

    /// The lane of a triple (from, to, id), as highway-env writes it.
    pub fn find(&self, from: &str, to: &str, id: u16) -> Option<LaneIx> {
        self.lane_of(self.road_between(self.node(from)?, self.node(to)?)?, id)
    }

    /// The triple (from, to, id) of a lane.
    pub fn triple(&self, lane: LaneIx) -> (&str, &str, u16) {
        let road = self.road(lane);
        (
            self.name(self.from(road)),
            self.name(self.to(road)),
            self.id(lane),
        )
    }

    /// Roads that start at a node, in order.
    #[inline]
    pub fn out(&self, node: NodeIx) -> impl DoubleEndedIterator<Item = RoadIx> + use<> {
        self.nodes[usize::from(node.0)].out.clone().map(RoadIx)
    }

    /// Roads that start at a node, by the names of the nodes they lead to.
    pub fn out_by_name(&self, node: NodeIx) -> &[RoadIx] {
        &self.nodes[usize::from(node.0)].out_by_name
    }

    /// Roads that end at a node, in order.
    pub fn into(&self, node: NodeIx) -> &[RoadIx] {
        &self.nodes[usize::from(node.0)].into
    }

    /// The lanes to the left and to the right.
    #[inline]
    pub fn side_lanes(&self, lane: LaneIx) -> impl Iterator<Item = LaneIx> + use<> {
        let lanes = self.lanes_of(self.road(lane));
        let left = (lane.0 > lanes.start).then(|| LaneIx(lane.0 - 1));
        let right = (lane.0 + 1 < lanes.end).then(|| LaneIx(lane.0 + 1));
        left.into_iter().chain(right)
    }

    /// The lane `by` places to the right (to the left if negative), or the outermost one there.
    #[inline]
    pub fn beside(&self, lane: LaneIx, by: i32) -> LaneIx {
        let lanes = self.lanes_of(self.road(lane));
        let at = i32::from(lane.0) + by;
        LaneIx(at.clamp(i32::from(lanes.start), i32::from(lanes.end) - 1) as u16)
    }

    /// The lanes that go on from a lane, in order, and then those that lead to it.
    #[inline]
    pub fn connections(&self, lane: LaneIx) -> &[Connection] {
        &self.connections[usize::from(lane.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(x: f64, y: f64) -> Lane {
        Lane::straight([x, y], [x + 100.0, y])
    }

    fn network() -> RoadNetwork {
        let mut builder = RoadNetwork::builder();
        builder
            .add_lane("a", "b", lane(0.0, 0.0))
            .add_lane("b", "d", lane(100.0, 0.0))
            .add_lane("a", "c", lane(0.0, 20.0))
            .add_lane("a", "b", lane(0.0, 4.0))
            .add_lane("b", "c", lane(100.0, 9.0));
        builder.build().unwrap()
    }

    #[test]
    fn lanes_are_numbered_in_the_order_of_the_graph() {
        let network = network();
        let triples: Vec<_> = network.lanes().map(|lane| network.triple(lane)).collect();
        let expected = [
            ("a", "b", 0),
            ("a", "b", 1),
            ("a", "c", 0),
            ("b", "d", 0),
            ("b", "c", 0),
        ];
        assert_eq!(triples, expected);
        let found = expected.map(|(from, to, id)| network.find(from, to, id));
        assert_eq!(found, std::array::from_fn(|i| Some(LaneIx(i as u16))));
        assert_eq!(network.find("a", "b", 2), None);
        assert_eq!(network.find("c", "a", 0), None);
        let origins: Vec<_> = network.origins().map(|node| network.name(node)).collect();
        assert_eq!(origins, ["a", "b"]);
    }

    #[test]
    fn sides_and_connections() {
        let network = network();
        assert_eq!(network.side_lanes(LaneIx(0)).collect::<Vec<_>>(), [LaneIx(1)]);
        assert_eq!(network.side_lanes(LaneIx(1)).collect::<Vec<_>>(), [LaneIx(0)]);
        assert_eq!(network.beside(LaneIx(1), 1), LaneIx(1));
        assert_eq!(network.beside(LaneIx(1), -1), LaneIx(0));
        let of = |lane| network.connections(LaneIx(lane)).to_vec();
        let ahead = |lane| Connection {
            lane: LaneIx(lane),
            offset: 100.0,
        };
        let behind = |lane| Connection {
            lane: LaneIx(lane),
            offset: -100.0,
        };
        // The second lane goes on as the only lane of the next roads.
        assert_eq!(of(1), [ahead(3), ahead(4)]);
        assert_eq!(of(3), [behind(0)]);
        assert_eq!(of(2), []);
    }

    #[test]
    fn the_closest_lane_minds_the_heading() {
        let mut builder = RoadNetwork::builder();
        builder.add_lane("a", "b", lane(0.0, 0.0)).add_lane(
            "b",
            "a",
            Lane::straight([100.0, 1.0], [0.0, 1.0]),
        );
        let network = builder.build().unwrap();
        assert_eq!(network.closest_lane([50.0, 0.9], None), LaneIx(1));
        assert_eq!(network.closest_lane([50.0, 0.9], Some(0.0)), LaneIx(0));
        assert_eq!(network.closest_lane([50.0, 0.9], Some(3.0)), LaneIx(1));
        assert_eq!(network.closest_lane([50.0, 0.5], None), LaneIx(0));
    }

    #[test]
    fn impossible_networks_are_refused() {
        assert_eq!(RoadNetwork::builder().build(), Err(NetworkError::Empty));
        let mut builder = RoadNetwork::builder();
        builder.add_lane("a", "b", Lane::straight([1.0, 1.0], [1.0, 1.0]));
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains("lane 0 from a to b has length 0"), "{error}");
    }
}
