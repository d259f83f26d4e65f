//! `OccupancyGrid`: which cells about the vehicle hold vehicles, with what features, and through which a lane runs.

use prospect_sim::{Dtype, Field, FieldsMut, SliceMut};

use super::kinematics::{Feature, Seen, read_ranges};
use super::{Observer, ObserverScratch};
use crate::driving::road::Lane;
use crate::driving::road::scalar::{Point, clip, direction, lmap, norm, sub};
use crate::driving::scene::View;
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// How far along each lane cells are marked, in m from the vehicle.
const LANE_PERCEPTION: f64 = 100.0;
/// Twice the speed limit of vehicles, in m/s: the scale of velocities.
const VELOCITY_RANGE: f64 = 80.0;
/// The most cells along an axis.
const MAX_CELLS: f64 = 1000.0;

/// What a layer of a grid shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Layer {
    /// A feature of the vehicle in a cell.
    Vehicle(Feature),
    /// 1 where a lane runs.
    OnRoad,
}

/// Layers of cells that are fixed to the vehicle.
#[derive(Debug, Clone, PartialEq)]
pub struct OccupancyGrid {
    /// What is shown.
    pub layers: Vec<Layer>,
    /// From and to along x and along y, in m from the vehicle.
    pub grid_size: [[f64; 2]; 2],
    /// A cell along x and along y, in m.
    pub grid_step: [f64; 2],
    /// Values of features that become -1 and 1.
    pub features_range: Vec<(Feature, [f64; 2])>,
    /// Cells lie along the axes of the vehicle rather than those of the world.
    pub align_to_vehicle_axes: bool,
    /// Values are clipped to ±1.
    pub clip: bool,
    /// Values are bytes: -1 is 0, 1 is 255; so are cells without a value.
    pub as_image: bool,
}

impl Default for OccupancyGrid {
    fn default() -> Self {
        Self {
            layers: vec![
                Layer::Vehicle(Feature::Presence),
                Layer::Vehicle(Feature::Vx),
                Layer::Vehicle(Feature::Vy),
                Layer::OnRoad,
            ],
            grid_size: [[-27.5, 27.5]; 2],
            grid_step: [5.0; 2],
            features_range: vec![
                (Feature::Vx, [-VELOCITY_RANGE, VELOCITY_RANGE]),
                (Feature::Vy, [-VELOCITY_RANGE, VELOCITY_RANGE]),
            ],
            align_to_vehicle_axes: false,
            clip: true,
            as_image: false,
        }
    }
}

impl OccupancyGrid {
    /// The observer that options describe.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let default = Self::default();
        let ranges = read_ranges(options, "features_range")?;
        if options.flag("absolute", false)? {
            return Err(options.refuse("absolute", "false (the package has no absolute grids either)"));
        }
        let [step_x, step_y] = options.pair("grid_step", default.grid_step)?;
        if step_x <= 0.0 || step_y <= 0.0 {
            return Err(options.refuse("grid_step", "two positive numbers, in m"));
        }
        let grid = Self {
            layers: read_layers(options)?.unwrap_or(default.layers),
            grid_size: read_size(options)?.unwrap_or(default.grid_size),
            grid_step: [step_x, step_y],
            features_range: if ranges.is_empty() {
                default.features_range
            } else {
                ranges
            },
            align_to_vehicle_axes: options.flag("align_to_vehicle_axes", false)?,
            clip: options.flag("clip", true)?,
            as_image: options.flag("as_image", false)?,
        };
        let fits = (0..2).all(|axis| (1.0..=MAX_CELLS).contains(&grid.cells_along(axis)));
        if fits {
            return Ok(grid);
        }
        Err(options.refuse("grid_size", "1 to 1000 steps of `grid_step` along each axis"))
    }

    fn cells_along(&self, axis: usize) -> f64 {
        let [low, high] = self.grid_size[axis];
        ((high - low) / self.grid_step[axis]).floor()
    }

    /// Layers, and cells along x and along y.
    fn shape(&self) -> [usize; 3] {
        [
            self.layers.len(),
            self.cells_along(0) as usize,
            self.cells_along(1) as usize,
        ]
    }

    /// From the vehicle to the farthest corner, in m.
    fn reach(&self) -> f64 {
        let farthest = self.grid_size.map(|[low, high]| low.abs().max(high.abs()));
        norm(farthest)
    }

    /// The cell of a place relative to the vehicle, if it is on the grid.
    #[inline]
    fn cell(&self, [x, y]: Point, [cos, sin]: Point) -> Option<usize> {
        let [x, y] = if self.align_to_vehicle_axes {
            [cos * x + sin * y, -sin * x + cos * y]
        } else {
            [x, y]
        };
        let [_, nx, ny] = self.shape();
        let i = ((x - self.grid_size[0][0]) / self.grid_step[0]).floor();
        let j = ((y - self.grid_size[1][0]) / self.grid_step[1]).floor();
        let inside = i >= 0.0 && j >= 0.0 && i < nx as f64 && j < ny as f64;
        inside.then(|| i as usize * ny + j as usize)
    }

    fn scaled(&self, feature: Feature, value: f64) -> f64 {
        let range = self.features_range.iter().find(|(known, _)| *known == feature);
        range.map_or(value, |(_, range)| lmap(value, *range, [-1.0, 1.0]))
    }

    /// Of several vehicles in a cell the first of the list is shown.
    fn mark_vehicles(&self, view: &View<'_>, ego: usize, feature: Feature, cells: &mut [f64]) {
        let own = Seen::new(view, ego);
        for i in (0..view.bodies.len()).rev() {
            let cell = self.cell(sub(view.bodies[i].position, own.position), own.along);
            if let Some(cell) = cell {
                let value = feature.of(view, &Seen::new(view, i), Some(&own), true);
                cells[cell] = self.scaled(feature, value);
            }
        }
    }

    fn mark_roads(&self, view: &View<'_>, ego: usize, cells: &mut [f64]) {
        let origin = view.bodies[ego].position;
        let along = direction(view.bodies[ego].heading);
        let spacing = self.grid_step[0].min(self.grid_step[1]);
        let reach = self.reach();
        for lane in view.network.lanes() {
            let lane = view.network.lane(lane);
            if lane.least_distance(origin) > reach {
                continue;
            }
            for s in waypoints(lane, origin, spacing) {
                if let Some(cell) = self.cell(sub(lane.position(s, 0.0), origin), along) {
                    cells[cell] = 1.0;
                }
            }
        }
    }
}

/// Places along a lane about a point, evenly spaced; those before its start and beyond its end fall on the ends.
fn waypoints(lane: &Lane, about: Point, spacing: f64) -> impl Iterator<Item = f64> {
    let (s, _) = lane.local_coordinates(about);
    let (first, last) = (s - LANE_PERCEPTION, s + LANE_PERCEPTION);
    let count = ((last - first) / spacing).ceil() as usize;
    // numpy spaces a range by the difference of its first two values.
    let spacing = (first + spacing) - first;
    let length = lane.length();
    let mut before = f64::NAN;
    (0..count).filter_map(move |i| {
        let at = clip(first + i as f64 * spacing, 0.0, length);
        let repeated = at == before;
        before = at;
        (!repeated).then_some(at)
    })
}

impl Observer for OccupancyGrid {
    fn fields(&self) -> Vec<Field> {
        let field = |dtype, low, high| Field::new("observation", dtype, &self.shape(), low, high);
        vec![if self.as_image {
            field(Dtype::U8, 0.0, 255.0)
        } else {
            field(Dtype::F32, f64::NEG_INFINITY, f64::INFINITY)
        }]
    }

    fn observe(
        &self,
        view: &View<'_>,
        agent: usize,
        scratch: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        let ego = view.ego(agent);
        let [layers, nx, ny] = self.shape();
        let cells = &mut scratch.numbers;
        cells.clear();
        cells.resize(layers * nx * ny, f64::NAN);
        for (&layer, cells) in self.layers.iter().zip(cells.chunks_exact_mut(nx * ny)) {
            match layer {
                Layer::Vehicle(feature) => self.mark_vehicles(view, ego, feature, cells),
                Layer::OnRoad => self.mark_roads(view, ego, cells),
            }
        }
        let at = actor * cells.len()..(actor + 1) * cells.len();
        match out.first_mut().map(|field| &mut field.data) {
            Some(SliceMut::F32(values)) => {
                for (value, &cell) in values[at].iter_mut().zip(&*cells) {
                    let cell = if self.clip { clip(cell, -1.0, 1.0) } else { cell };
                    *value = if cell.is_nan() { 0.0 } else { cell as f32 };
                }
            }
            Some(SliceMut::U8(values)) => {
                for (value, &cell) in values[at].iter_mut().zip(&*cells) {
                    // A cell without a value is NaN and becomes 0.
                    *value = (127.5 * (clip(cell, -1.0, 1.0) + 1.0)) as u8;
                }
            }
            _ => {}
        }
    }
}

fn read_layers(options: &mut OptionReader<'_>) -> Result<Option<Vec<Layer>>, RegistryError> {
    const KEY: &str = "features";
    let Some(value) = options.raw(KEY) else {
        return Ok(None);
    };
    let layer = |name: &serde_json::Value| match name.as_str()? {
        "on_road" => Some(Layer::OnRoad),
        name => Feature::named(name).map(Layer::Vehicle),
    };
    let names = value.as_array().filter(|names| !names.is_empty());
    let layers = names.and_then(|names| names.iter().map(layer).collect());
    layers.map(Some).ok_or_else(|| {
        options.refuse(
            KEY,
            "a list of features of Kinematics, such as presence, vx and vy, and of on_road",
        )
    })
}

fn read_size(options: &mut OptionReader<'_>) -> Result<Option<[[f64; 2]; 2]>, RegistryError> {
    const KEY: &str = "grid_size";
    let Some(value) = options.raw(KEY) else {
        return Ok(None);
    };
    let size = serde_json::from_value::<[[f64; 2]; 2]>(value.clone()).ok();
    let size = size.filter(|size| size.iter().all(|[low, high]| low < high));
    size.map(Some)
        .ok_or_else(|| options.refuse(KEY, "[[from, to], [from, to]] along x and y, in m, from < to"))
}
