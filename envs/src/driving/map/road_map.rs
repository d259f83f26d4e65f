//! The driving lanes of a map: centre lines, widths, limits and links, in the map's own frame (x east, y north).

use std::collections::BTreeMap;
use std::path::Path;

use crate::driving::road::ArcSpline;

use super::build::build;
use super::document::Mark;
use super::error::MapError;
use super::read::read_document;

/// A map: its driving lanes and how they connect.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoadMap {
    /// In the order of the file: road by road, along the road, from left to right as a driver sees them.
    pub lanes: Vec<MapLane>,
    /// Elements of the file that were passed over, and how often each occurs: elevation, objects, signals and the like.
    pub ignored: BTreeMap<String, usize>,
}

/// A piece of a driving lane over which neither the number of lanes nor the speed limit changes.
#[derive(Debug, Clone, PartialEq)]
pub struct MapLane {
    /// The road it belongs to.
    pub road: String,
    /// The junction that the road crosses, if it does.
    pub junction: Option<String>,
    /// Which stretch of the road it is part of, from 0 along the road.
    pub stretch: usize,
    /// The lane's id in the file: positive to the left of the road's centre lane, negative to the right.
    pub id: i32,
    /// Where the stretch starts and ends along the road's reference line, in m.
    pub reach: [f64; 2],
    /// Whether it runs along the road's reference line, not against it.
    pub forward: bool,
    /// Lanes with the same number lie side by side with nothing between them and run the same way.
    pub group: usize,
    /// The centre line, in the direction of travel; `lateral` is positive to the left.
    pub centre: ArcSpline,
    /// Width in m at places along the centre line, ascending from 0 to its length; linear between them.
    pub widths: Vec<[f64; 2]>,
    /// In m/s, where the map states one; infinite where it says that there is none.
    pub speed_limit_mps: Option<f64>,
    /// What is painted to the left and to the right.
    pub marks: [Mark; 2],
    /// Lanes that go on from its end, by their place in [`RoadMap::lanes`].
    pub successors: Vec<usize>,
}

impl MapLane {
    /// Width in m at `s` metres along the lane; beyond the ends that of the ends.
    pub fn width_at(&self, s: f64) -> f64 {
        let next = self.widths.partition_point(|&[at, _]| at <= s);
        match (
            next.checked_sub(1).map(|last| self.widths[last]),
            self.widths.get(next),
        ) {
            (Some([s0, w0]), Some(&[s1, w1])) => w0 + (w1 - w0) * (s - s0) / (s1 - s0),
            (Some([_, width]), None) | (None, Some(&[_, width])) => width,
            (None, None) => 0.0,
        }
    }
}

impl RoadMap {
    /// Reads the text of an OpenDRIVE file.
    ///
    /// # Errors
    /// [`MapError`], with line and column where there is a place to name.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        build(&read_document(text)?)
    }

    /// Reads an OpenDRIVE file.
    ///
    /// # Errors
    /// [`MapError::Unreadable`], and those of [`RoadMap::parse`].
    pub fn load(path: &Path) -> Result<Self, MapError> {
        let text = std::fs::read_to_string(path).map_err(|error| MapError::Unreadable {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        Self::parse(&text)
    }
}
