//! `Kinematics`: one row of features per vehicle, the own one first, then the nearest.

use prospect_sim::random::Generator;
use prospect_sim::{Dtype, Field, FieldsMut};

use super::{Observer, ObserverScratch};
use crate::driving::road::DEFAULT_WIDTH;
use crate::driving::road::scalar::{Point, clip, direction, lmap, norm, scale, sub};
use crate::driving::scene::View;
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// Further away, in m, nothing is seen.
pub(super) const PERCEPTION_DISTANCE: f64 = 200.0;
/// What is further behind than this, in m along the lane, is seen only by those who look back.
const BEHIND: f64 = -10.0;
/// Fastest a vehicle gets, in m/s, for the scaling of features.
const MAX_SPEED: f64 = 40.0;

/// A column of the observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// 1 where there is a vehicle.
    Presence,
    /// Place, in m.
    X,
    /// Place, in m.
    Y,
    /// Velocity, in m/s.
    Vx,
    /// Velocity, in m/s.
    Vy,
    /// In rad.
    Heading,
    /// Cosine of the heading.
    CosH,
    /// Sine of the heading.
    SinH,
    /// Direction to the end of the route.
    CosD,
    /// Direction to the end of the route.
    SinD,
    /// Along the own lane, in m.
    LongOff,
    /// Across the own lane, in m.
    LatOff,
    /// From the own lane's heading, in rad.
    AngOff,
}

const NAMES: [(&str, Feature); 13] = [
    ("presence", Feature::Presence),
    ("x", Feature::X),
    ("y", Feature::Y),
    ("vx", Feature::Vx),
    ("vy", Feature::Vy),
    ("heading", Feature::Heading),
    ("cos_h", Feature::CosH),
    ("sin_h", Feature::SinH),
    ("cos_d", Feature::CosD),
    ("sin_d", Feature::SinD),
    ("long_off", Feature::LongOff),
    ("lat_off", Feature::LatOff),
    ("ang_off", Feature::AngOff),
];

impl Feature {
    /// The feature of a name of highway-env.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|row| row.0 == name).map(|row| row.1)
    }

    /// Its value for a vehicle or an object that is seen, before scaling. Places and velocities are relative to `from` if it
    /// is given; destinations are 0 unless `intentions` are seen. Objects have no more than places and headings.
    pub(super) fn of(self, view: &View<'_>, seen: &Seen, from: Option<&Seen>, intentions: bool) -> f64 {
        let vehicle = seen.thing < view.bodies.len();
        let less = |value: f64, part: fn(&Seen) -> f64| from.map_or(value, |from| value - part(from));
        let destination = |axis: usize| {
            if vehicle && intentions {
                view.destination_direction(seen.thing)[axis]
            } else {
                0.0
            }
        };
        match self {
            Self::Presence => 1.0,
            Self::X => less(seen.position[0], |from| from.position[0]),
            Self::Y => less(seen.position[1], |from| from.position[1]),
            Self::Vx => less(seen.velocity[0], |from| from.velocity[0]),
            Self::Vy => less(seen.velocity[1], |from| from.velocity[1]),
            Self::CosH => seen.along[0],
            Self::SinH => seen.along[1],
            Self::CosD => destination(0),
            Self::SinD => destination(1),
            Self::Heading if vehicle => seen.heading,
            Self::LongOff if vehicle => view.coordinates(seen.thing).0,
            Self::LatOff if vehicle => view.coordinates(seen.thing).1,
            Self::AngOff if vehicle => {
                let lane = view.network.lane(view.bodies[seen.thing].lane);
                lane.local_angle(seen.heading, view.coordinates(seen.thing).0)
            }
            _ => 0.0,
        }
    }
}

/// In which order vehicles are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By their distance along the own lane.
    Sorted,
    /// As the scene lists them.
    Listed,
    /// By chance. The order is drawn from a stream that depends on the state alone, so that to look changes nothing; it is
    /// not the package's order.
    Shuffled,
}

/// Rows of features.
#[derive(Debug, Clone, PartialEq)]
pub struct Kinematics {
    /// The columns.
    pub features: Vec<Feature>,
    /// The rows.
    pub vehicles_count: usize,
    /// Values that become -1 and 1, per feature; if none are given, ±200 m, ± the width of the road at the start of the
    /// episode, and ±80 m/s.
    pub features_range: Vec<(Feature, [f64; 2])>,
    /// Places and velocities of others are not relative to the own ones.
    pub absolute: bool,
    /// The order of the others.
    pub order: Order,
    /// Values are scaled.
    pub normalize: bool,
    /// Scaled values are clipped to ±1.
    pub clip: bool,
    /// Vehicles more than 10 m behind are seen.
    pub see_behind: bool,
    /// The destinations of others are seen.
    pub observe_intentions: bool,
    /// Obstacles and landmarks are listed like vehicles; features that they do not have are 0.
    pub include_obstacles: bool,
}

impl Default for Kinematics {
    fn default() -> Self {
        Self {
            features: vec![
                Feature::Presence,
                Feature::X,
                Feature::Y,
                Feature::Vx,
                Feature::Vy,
            ],
            vehicles_count: 5,
            features_range: Vec::new(),
            absolute: false,
            order: Order::Sorted,
            normalize: true,
            clip: true,
            see_behind: false,
            observe_intentions: false,
            include_obstacles: true,
        }
    }
}

/// The most rows.
const MAX_VEHICLES: usize = 1000;

impl Kinematics {
    /// The observer that options describe.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let default = Self::default();
        let order = match options.choice("order", "sorted", &["sorted", "shuffled", "listed"])? {
            "sorted" => Order::Sorted,
            "shuffled" => Order::Shuffled,
            _ => Order::Listed,
        };
        options.ignore("flatten");
        Ok(Self {
            features: read_features(options, "features")?.unwrap_or(default.features),
            vehicles_count: options.integer("vehicles_count", default.vehicles_count, 1..=MAX_VEHICLES)?,
            features_range: read_ranges(options, "features_range")?,
            absolute: options.flag("absolute", false)?,
            order,
            normalize: options.flag("normalize", true)?,
            clip: options.flag("clip", true)?,
            see_behind: options.flag("see_behind", false)?,
            observe_intentions: options.flag("observe_intentions", false)?,
            include_obstacles: options.flag("include_obstacles", true)?,
        })
    }

    /// The values that become -1 and 1, for an agent whose road had `lanes` lanes when the episode began.
    #[inline]
    fn range(&self, feature: Feature, lanes: u16) -> Option<[f64; 2]> {
        if !self.features_range.is_empty() {
            let found = self.features_range.iter().find(|(known, _)| *known == feature);
            return found.map(|(_, range)| *range);
        }
        let half = match feature {
            Feature::X => PERCEPTION_DISTANCE,
            Feature::Y => DEFAULT_WIDTH * f64::from(lanes),
            Feature::Vx | Feature::Vy => 2.0 * MAX_SPEED,
            _ => return None,
        };
        Some([-half, half])
    }

    /// A feature's value as it is observed.
    #[inline]
    pub(super) fn scaled(&self, feature: Feature, value: f64, lanes: u16) -> f64 {
        match self.range(feature, lanes) {
            Some(range) if self.normalize => {
                let value = lmap(value, range, [-1.0, 1.0]);
                if self.clip { clip(value, -1.0, 1.0) } else { value }
            }
            _ => value,
        }
    }

    /// Lists what the ego sees in `keyed`, vehicles by their index and objects counted on after them, in order.
    fn list(&self, view: &View<'_>, ego: usize, keyed: &mut Vec<(f64, u32)>) {
        let n = view.bodies.len();
        let own = &view.bodies[ego];
        let lane = view.network.lane(own.lane);
        let (s, _) = lane.local_coordinates(own.position);
        let near = |position: Point| norm(sub(position, own.position)) < PERCEPTION_DISTANCE;
        let distance = |position: Point| lane.local_coordinates(position).0 - s;
        keyed.clear();
        for (i, body) in view.bodies.iter().enumerate() {
            if i == ego || !near(body.position) {
                continue;
            }
            let distance = distance(body.position);
            if self.see_behind || BEHIND < distance {
                keyed.push((distance.abs(), i as u32));
            }
        }
        let objects = if self.include_obstacles { view.objects } else { &[] };
        for (o, object) in objects.iter().enumerate() {
            let distance = distance(object.position);
            if near(object.position) && BEHIND < distance {
                keyed.push((distance.abs(), (n + o) as u32));
            }
        }
        let rows = self.vehicles_count - 1;
        if self.order == Order::Sorted {
            // Indices ascend with the list, so that among equally near things the first of the list comes first.
            let by_distance = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
            if rows > 0 && rows < keyed.len() {
                keyed.select_nth_unstable_by(rows - 1, by_distance);
                keyed.truncate(rows);
            }
            keyed.sort_unstable_by(by_distance);
        }
        keyed.truncate(rows);
        if self.order == Order::Shuffled {
            let seed = own.position[0].to_bits() ^ own.position[1].to_bits().rotate_left(32);
            Generator::named(seed, "observation order").shuffle(keyed);
        }
    }
}

/// A vehicle or an object that is seen.
pub(super) struct Seen {
    /// Its index; objects count on after the vehicles.
    pub(super) thing: usize,
    pub(super) position: Point,
    heading: f64,
    /// The unit vector of the heading.
    pub(super) along: Point,
    /// Zero for objects.
    velocity: Point,
}

impl Seen {
    pub(super) fn new(view: &View<'_>, thing: usize) -> Self {
        let n = view.bodies.len();
        let (position, heading, speed) = match view.bodies.get(thing) {
            Some(body) => (body.position, body.heading, body.speed),
            None => (
                view.objects[thing - n].position,
                view.objects[thing - n].heading,
                0.0,
            ),
        };
        let along = direction(heading);
        Self {
            thing,
            position,
            heading,
            along,
            velocity: scale(along, speed),
        }
    }
}

impl Observer for Kinematics {
    fn fields(&self) -> Vec<Field> {
        let shape = [self.vehicles_count, self.features.len()];
        vec![Field::new(
            "observation",
            Dtype::F32,
            &shape,
            f64::NEG_INFINITY,
            f64::INFINITY,
        )]
    }

    fn observe(
        &self,
        view: &View<'_>,
        agent: usize,
        scratch: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        let width = self.vehicles_count * self.features.len();
        let Some(values) = out.first_mut().and_then(|field| field.data.as_f32()) else {
            return;
        };
        let values = &mut values[actor * width..(actor + 1) * width];
        let ego = view.ego(agent);
        let lanes = view.episode.first_lanes[agent];
        self.list(view, ego, &mut scratch.keyed);
        let things = std::iter::once(ego as u32).chain(scratch.keyed.iter().map(|entry| entry.1));
        let own = Seen::new(view, ego);
        let mut rows = values.chunks_exact_mut(self.features.len());
        for (thing, row) in things.zip(&mut rows) {
            let seen = Seen::new(view, thing as usize);
            let is_own = seen.thing == ego;
            let from = (!is_own && !self.absolute).then_some(&own);
            let intentions = is_own || self.observe_intentions;
            for (value, &feature) in row.iter_mut().zip(&self.features) {
                let number = feature.of(view, &seen, from, intentions);
                *value = self.scaled(feature, number, lanes) as f32;
            }
        }
        rows.for_each(|row| row.fill(0.0));
    }
}

/// Ranges of places and velocities that are alike in both directions: ± `place` m and ± `speed` m/s.
pub fn square_ranges(place: f64, speed: f64) -> Vec<(Feature, [f64; 2])> {
    vec![
        (Feature::X, [-place, place]),
        (Feature::Y, [-place, place]),
        (Feature::Vx, [-speed, speed]),
        (Feature::Vy, [-speed, speed]),
    ]
}

/// A list of features under `key`.
pub(super) fn read_features(
    options: &mut OptionReader<'_>,
    key: &'static str,
) -> Result<Option<Vec<Feature>>, RegistryError> {
    let Some(value) = options.raw(key) else {
        return Ok(None);
    };
    let names = value.as_array().filter(|names| !names.is_empty());
    let features = names.and_then(|names| {
        names
            .iter()
            .map(|name| name.as_str().and_then(Feature::named))
            .collect()
    });
    let known = NAMES.map(|row| row.0).join(", ");
    features
        .map(Some)
        .ok_or_else(|| options.refuse(key, &format!("a list of some of {known}")))
}

/// Ranges of features under `key`: an object of pairs of numbers.
pub(super) fn read_ranges(
    options: &mut OptionReader<'_>,
    key: &'static str,
) -> Result<Vec<(Feature, [f64; 2])>, RegistryError> {
    let Some(value) = options.raw(key) else {
        return Ok(Vec::new());
    };
    let pair = |value: &serde_json::Value| match value.as_array()?.as_slice() {
        [low, high] => Some([low.as_f64()?, high.as_f64()?]).filter(|[low, high]| low < high),
        _ => None,
    };
    let ranges = value.as_object().and_then(|ranges| {
        ranges
            .iter()
            .map(|(name, range)| Some((Feature::named(name)?, pair(range)?)))
            .collect()
    });
    ranges.ok_or_else(|| options.refuse(key, "an object with [low, high] per feature, low < high"))
}
