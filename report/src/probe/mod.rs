//! A probe file: what one checkpoint does on a set of pinned levels, cell by cell.
//!
//! `probe/step_<frames>.npz` holds `layout` uint8 `[levels, width, height, 3]` (MiniGrid's type, colour, state),
//! `agent_start` int32 `[levels, 3]` (x, y, heading) and fields: float `[levels, width, height]` per cell or
//! `[levels, 4, width, height]` per pose (headings right, down, left, up). NaN, and -1 for `greedy_action`, mean
//! "no value here".
//!
//! A task without cells is shown over a plane of two facts instead: `axes`, `axis_units` (unicode `[2]`), `axis_range` (float
//! `[2, 2]`, low and high of each) and `placeable` (uint8 `[levels, width, height]`, 0 where there is no such state) stand in
//! for the layout; `start` and `goal` (float `[levels, 2]`) and `action_names` may be there.

mod plane;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use npyz::npz::NpzArchive;
use npyz::{NpyFile, Order};

use crate::error::ReportError;
use crate::run_folder::step_of;

/// Name of the field whose values are actions, not numbers.
pub const GREEDY_ACTION: &str = "greedy_action";

/// Arrays that are no fields.
const NO_FIELDS: [&str; 9] = [
    "layout",
    "agent_start",
    "axes",
    "axis_units",
    "axis_range",
    "placeable",
    "action_names",
    "start",
    "goal",
];

/// A probe file, read.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Where it came from.
    pub path: PathBuf,
    /// Env frames trained before it, by the file's name; `None` for another name.
    pub step: Option<u64>,
    /// The pinned levels.
    pub levels: Vec<Level>,
    /// Names of the actions; empty if the file has none.
    pub action_names: Vec<String>,
    fields: BTreeMap<String, Vec<Field>>,
}

/// A pinned level.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Cells along x.
    pub width: usize,
    /// Cells along y.
    pub height: usize,
    /// `(type, colour, state)` of each cell, x-major as in MiniGrid's encoding: entry `x * height + y`.
    pub cells: Vec<[u8; 3]>,
    /// Start of the agent: x, y, heading (0 right, 1 down, 2 left, 3 up); outside of the level if there is none.
    pub agent_start: [i32; 3],
    /// What the cells mean where they are no places of a grid; y counts upwards then.
    pub plane: Option<Plane>,
}

/// A plane of two facts.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// Names of the facts along x and y.
    pub names: [String; 2],
    /// Their units; empty for none.
    pub units: [String; 2],
    /// The lower ends of the axes.
    pub low: [f64; 2],
    /// The upper ends of the axes.
    pub high: [f64; 2],
    /// Where the level starts.
    pub start: Option<[f64; 2]>,
    /// Where its goal is.
    pub goal: Option<[f64; 2]>,
}

impl Plane {
    /// Name and unit of an axis for readers: `pole_angle_rad` in rad is "pole angle (rad)".
    pub fn label(&self, axis: usize) -> String {
        let (name, unit) = (&self.names[axis], &self.units[axis]);
        let suffix = format!("_{}", unit.replace("/s", "ps"));
        let name = name.strip_suffix(&suffix).unwrap_or(name).replace('_', " ");
        if unit.is_empty() {
            name
        } else {
            format!("{name} ({unit})")
        }
    }
}

impl Level {
    /// `(type, colour, state)` of a cell.
    pub fn cell(&self, x: usize, y: usize) -> [u8; 3] {
        self.cells[x * self.height + y]
    }
}

/// Values of one field on one level.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// One value per cell, x-major; NaN where there is none.
    PerCell(Vec<f32>),
    /// One value per heading and cell, `[4][width * height]`; NaN where the pose cannot be taken.
    PerPose([Vec<f32>; 4]),
}

impl Field {
    /// Values of one map: per cell as they are, per pose the largest over headings.
    pub fn per_cell(&self) -> Vec<f32> {
        match self {
            Self::PerCell(values) => values.clone(),
            Self::PerPose(headings) => (0..headings[0].len())
                .map(|k| headings.iter().map(|values| values[k]).fold(f32::NAN, f32::max))
                .collect(),
        }
    }

    /// All values that are there.
    pub fn finite(&self) -> impl Iterator<Item = f64> + '_ {
        let headings: &[Vec<f32>] = match self {
            Self::PerCell(values) => std::slice::from_ref(values),
            Self::PerPose(headings) => headings,
        };
        headings
            .iter()
            .flatten()
            .filter(|value| value.is_finite())
            .map(|value| f64::from(*value))
    }

    /// `self - other`, entry by entry; a per-cell and a per-pose field are compared per cell.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let subtract = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f32>>();
        match (self, other) {
            (Self::PerPose(a), Self::PerPose(b)) => {
                Self::PerPose(std::array::from_fn(|heading| subtract(&a[heading], &b[heading])))
            }
            _ => Self::PerCell(subtract(&self.per_cell(), &other.per_cell())),
        }
    }
}

impl Probe {
    /// Reads a probe file.
    ///
    /// # Errors
    /// [`ReportError::Read`] where the file is no npz, [`ReportError::Array`] where an array is missing or has the
    /// wrong type or shape.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let unreadable = |source| ReportError::Read {
            path: path.to_owned(),
            source,
        };
        let mut archive = NpzArchive::open(path).map_err(unreadable)?;
        let mut names: Vec<String> = archive.array_names().map(str::to_owned).collect();
        let has = |name: &str| names.iter().any(|found| found == name);
        let levels = if has("axes") {
            plane::read_levels(&mut archive, path, &names)?
        } else {
            read_levels(&mut archive, path)?
        };
        let action_names = if has("action_names") {
            plane::read_texts(&mut archive, path, "action_names")?
        } else {
            Vec::new()
        };
        names.retain(|name| !NO_FIELDS.contains(&name.as_str()));
        let mut fields = BTreeMap::new();
        for name in names {
            let field = read_field(&mut archive, path, &name, &levels)?;
            fields.insert(name, field);
        }
        let step = path.file_name().and_then(|name| step_of(name.to_str()?));
        Ok(Self {
            path: path.to_owned(),
            step,
            levels,
            action_names,
            fields,
        })
    }

    /// Names of the fields, in a fixed order: visits, rewards, bonuses, potential, value, action, then others.
    pub fn field_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.fields.keys().cloned().collect();
        names.sort_by_key(|name| (rank(name), name.clone()));
        names
    }

    /// A level.
    ///
    /// # Errors
    /// [`ReportError::UnknownLevel`].
    pub fn level(&self, level: usize) -> Result<&Level, ReportError> {
        self.levels.get(level).ok_or_else(|| ReportError::UnknownLevel {
            path: self.path.clone(),
            level,
            last: self.levels.len() - 1,
        })
    }

    /// A field on a level.
    ///
    /// # Errors
    /// [`ReportError::UnknownField`] or [`ReportError::UnknownLevel`].
    pub fn field(&self, name: &str, level: usize) -> Result<&Field, ReportError> {
        self.level(level)?;
        let field = self.fields.get(name).ok_or_else(|| ReportError::UnknownField {
            path: self.path.clone(),
            field: name.to_owned(),
            available: self.field_names().join(", "),
        })?;
        Ok(&field[level])
    }
}

/// Names of the fields that a probe file holds.
///
/// # Errors
/// As [`Probe::read`].
pub fn available_fields(probe: &Path) -> Result<Vec<String>, ReportError> {
    Ok(Probe::read(probe)?.field_names())
}

fn rank(name: &str) -> u8 {
    match name {
        "visits" => 0,
        "extrinsic" => 1,
        "mixed" => 2,
        _ if name.starts_with("bonus/") => 3,
        "potential" => 4,
        "value" => 5,
        GREEDY_ACTION => 6,
        _ => 7,
    }
}

type Archive = NpzArchive<BufReader<File>>;

/// An array as numbers, C order, with its shape.
fn read_array(archive: &mut Archive, path: &Path, name: &str) -> Result<(Vec<usize>, Vec<f32>), ReportError> {
    let wrong = |message: String| ReportError::Array {
        path: path.to_owned(),
        array: name.to_owned(),
        message,
    };
    let file = archive
        .by_name(name)
        .map_err(|error| wrong(format!("cannot be read ({error}); the file may be cut off")))?
        .ok_or_else(|| wrong("is missing; was the file written by `prospect train`?".to_owned()))?;
    let shape: Vec<usize> = file.shape().iter().map(|n| *n as usize).collect();
    if file.order() == Order::Fortran && shape.len() > 1 {
        return Err(wrong("is in Fortran order; save it in C order".to_owned()));
    }
    let dtype = file.dtype().descr();
    let values = read_numbers(file)
        .map_err(|error| wrong(format!("cannot be read ({error}); the file may be cut off")))?
        .ok_or_else(|| wrong(format!("has type {dtype}; a float or integer type is needed")))?;
    Ok((shape, values))
}

/// Reads any of the number types that probe files use; `None` for another type.
fn read_numbers<R: Read>(file: NpyFile<R>) -> std::io::Result<Option<Vec<f32>>> {
    macro_rules! attempt {
        ($file:expr, $($kind:ty),+) => {{
            let file = $file;
            $(let file = match file.try_data::<$kind>() {
                Ok(data) => return data.map(|value| value.map(|v| v as f32)).collect::<Result<_, _>>().map(Some),
                Err(file) => file,
            };)+
            drop(file);
        }};
    }
    attempt!(file, f32, f64, u8, i8, i32, i64, u32);
    Ok(None)
}

fn read_levels(archive: &mut Archive, path: &Path) -> Result<Vec<Level>, ReportError> {
    let wrong = |array: &str, message: String| ReportError::Array {
        path: path.to_owned(),
        array: array.to_owned(),
        message,
    };
    let (shape, layout) = read_array(archive, path, "layout")?;
    let [n_levels, width, height, 3] = shape[..] else {
        return Err(wrong(
            "layout",
            format!("has shape {shape:?}; [levels, width, height, 3] is needed"),
        ));
    };
    if n_levels * width * height == 0 {
        return Err(wrong(
            "layout",
            format!("has shape {shape:?}; at least one level and one cell are needed"),
        ));
    }
    let (start_shape, starts) = read_array(archive, path, "agent_start")?;
    if start_shape != [n_levels, 3] {
        return Err(wrong(
            "agent_start",
            format!("has shape {start_shape:?}; [{n_levels}, 3] is needed"),
        ));
    }
    let bytes = |cell: &[f32]| [cell[0] as u8, cell[1] as u8, cell[2] as u8];
    Ok(layout
        .chunks_exact(width * height * 3)
        .zip(starts.chunks_exact(3))
        .map(|(cells, start)| Level {
            width,
            height,
            cells: cells.chunks_exact(3).map(bytes).collect(),
            agent_start: [start[0] as i32, start[1] as i32, start[2] as i32],
            plane: None,
        })
        .collect())
}

fn read_field(
    archive: &mut Archive,
    path: &Path,
    name: &str,
    levels: &[Level],
) -> Result<Vec<Field>, ReportError> {
    let (shape, mut values) = read_array(archive, path, name)?;
    if name == GREEDY_ACTION {
        for value in values.iter_mut().filter(|value| **value < 0.0) {
            *value = f32::NAN;
        }
    }
    let (n, width, height) = (levels.len(), levels[0].width, levels[0].height);
    let cells = width * height;
    if shape == [n, width, height] {
        return Ok(values
            .chunks_exact(cells)
            .map(|level| Field::PerCell(level.to_vec()))
            .collect());
    }
    if shape == [n, 4, width, height] {
        let pose = |level: &[f32]| std::array::from_fn(|h| level[h * cells..(h + 1) * cells].to_vec());
        return Ok(values
            .chunks_exact(4 * cells)
            .map(|level| Field::PerPose(pose(level)))
            .collect());
    }
    Err(ReportError::Array {
        path: path.to_owned(),
        array: name.to_owned(),
        message: format!(
            "has shape {shape:?}; the layout wants [{n}, {width}, {height}] or [{n}, 4, {width}, {height}]"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_heading_stands_for_a_cell() {
        let nan = f32::NAN;
        let field = Field::PerPose([vec![1.0, nan], vec![3.0, nan], vec![nan, nan], vec![2.0, nan]]);
        let cells = field.per_cell();
        assert_eq!(cells[0], 3.0);
        assert!(cells[1].is_nan());
        assert_eq!(field.finite().count(), 3);
    }

    #[test]
    fn differences_keep_missing_values_missing() {
        let a = Field::PerCell(vec![1.0, f32::NAN]);
        let b = Field::PerCell(vec![0.25, 1.0]);
        let Field::PerCell(found) = a.minus(&b) else {
            panic!("shape changed")
        };
        assert_eq!(found[0], 0.75);
        assert!(found[1].is_nan());
    }
}
