//! Reading what a probe file says of a plane of two facts.

use std::path::Path;

use super::{Archive, Level, Plane, read_array};
use crate::error::ReportError;

/// A cell where there can be a state, and one where there cannot, as MiniGrid numbers empty cells and walls.
const FREE: [u8; 3] = [1, 0, 0];
const BLOCKED: [u8; 3] = [2, 5, 0];

fn wrong(path: &Path, array: &str, message: String) -> ReportError {
    ReportError::Array {
        path: path.to_owned(),
        array: array.to_owned(),
        message,
    }
}

/// A list of texts.
pub(super) fn read_texts(archive: &mut Archive, path: &Path, name: &str) -> Result<Vec<String>, ReportError> {
    let unreadable = |error: std::io::Error| wrong(path, name, format!("cannot be read ({error})"));
    let file = archive
        .by_name(name)
        .map_err(unreadable)?
        .ok_or_else(|| wrong(path, name, "is missing".to_owned()))?;
    file.into_vec::<String>().map_err(unreadable)
}

/// Two texts, one per axis.
fn read_pair(archive: &mut Archive, path: &Path, name: &str) -> Result<[String; 2], ReportError> {
    let texts = read_texts(archive, path, name)?;
    texts
        .try_into()
        .map_err(|texts: Vec<String>| wrong(path, name, format!("has {} entries; 2 are needed", texts.len())))
}

/// A place per level; none if the file has no such array.
fn read_places(
    archive: &mut Archive,
    path: &Path,
    (name, known): (&str, bool),
    n_levels: usize,
) -> Result<Vec<Option<[f64; 2]>>, ReportError> {
    if !known {
        return Ok(vec![None; n_levels]);
    }
    let (shape, values) = read_array(archive, path, name)?;
    if shape != [n_levels, 2] {
        return Err(wrong(
            path,
            name,
            format!("has shape {shape:?}; [{n_levels}, 2] is needed"),
        ));
    }
    let place = |pair: &[f32]| Some([f64::from(pair[0]), f64::from(pair[1])]);
    Ok(values.chunks_exact(2).map(place).collect())
}

/// The levels of a file that has `axes`; `names` are those of its arrays.
pub(super) fn read_levels(
    archive: &mut Archive,
    path: &Path,
    names: &[String],
) -> Result<Vec<Level>, ReportError> {
    let axes = read_pair(archive, path, "axes")?;
    let units = read_pair(archive, path, "axis_units")?;
    let (_, range) = read_array(archive, path, "axis_range")?;
    let [low_x, high_x, low_y, high_y] = range[..] else {
        return Err(wrong(
            path,
            "axis_range",
            format!("has {} values; 4 are needed", range.len()),
        ));
    };
    let (shape, placeable) = read_array(archive, path, "placeable")?;
    let [n_levels, width, height] = shape[..] else {
        return Err(wrong(
            path,
            "placeable",
            format!("has shape {shape:?}; [levels, width, height] is needed"),
        ));
    };
    if n_levels * width * height == 0 || low_x >= high_x || low_y >= high_y {
        let message =
            format!("has shape {shape:?}; at least one level, one cell and axes that rise are needed");
        return Err(wrong(path, "placeable", message));
    }
    let has = |name: &str| names.iter().any(|found| found == name);
    let starts = read_places(archive, path, ("start", has("start")), n_levels)?;
    let goals = read_places(archive, path, ("goal", has("goal")), n_levels)?;
    let levels = placeable
        .chunks_exact(width * height)
        .zip(starts.into_iter().zip(goals));
    Ok(levels
        .map(|(placeable, (start, goal))| Level {
            width,
            height,
            cells: placeable
                .iter()
                .map(|&free| if free > 0.0 { FREE } else { BLOCKED })
                .collect(),
            agent_start: [-1, -1, 0],
            plane: Some(Plane {
                names: axes.clone(),
                units: units.clone(),
                low: [f64::from(low_x), f64::from(low_y)],
                high: [f64::from(high_x), f64::from(high_y)],
                start,
                goal,
            }),
        })
        .collect())
}
