//! The centre line and the width of one lane: the reference line, shifted by the lanes between.

use crate::driving::road::ArcSpline;

use super::build::Stretch;
use super::document::{Lane, Road};
use super::error::MapError;
use super::fit::{Tangent, fit};

/// Widths are stated at places no further apart than this, in m.
const WIDTH_SPACING_M: f64 = 1.0;

/// A lane that is narrower than this in the middle of a stretch cannot be driven on, in m.
const NARROWEST_M: f64 = -1e-6;

/// A lane as its road states it.
struct Line<'a> {
    road: &'a Road,
    /// Where the section starts.
    section_start: f64,
    /// The lanes from the centre to this one, itself last.
    inward: Vec<&'a Lane>,
    /// 1 on the left of the centre lane, -1 on the right.
    side: f64,
}

impl Line<'_> {
    /// The width of the lane, and offset to the left of its middle and the slope of that, at `s` along the road.
    fn offset(&self, s: f64, before: bool) -> (f64, f64, f64) {
        let (mut offset, mut slope) = self.road.offset.at(s, before);
        let mut width = 0.0;
        for (index, lane) in self.inward.iter().enumerate() {
            let (lane_width, lane_slope) = lane.width.at(s - self.section_start, before);
            let share = if index + 1 == self.inward.len() { 0.5 } else { 1.0 };
            offset += self.side * share * lane_width;
            slope += self.side * share * lane_slope;
            width = lane_width;
        }
        (width, offset, slope)
    }

    /// The middle of the lane and its direction along the road; nothing where the road bends more tightly than the
    /// lane's offset allows.
    fn tangent(&self, s: f64, before: bool) -> Option<Tangent> {
        let pose = self.road.plan.pose(s, before)?;
        let (_, offset, slope) = self.offset(s, before);
        let along = pose.stretch * (1.0 - pose.curvature * offset);
        let (sin, cos) = pose.heading.sin_cos();
        let [x, y] = pose.position;
        let middle = [x - offset * sin, y + offset * cos];
        (along > 0.0).then(|| (middle, pose.heading + slope.atan2(along)))
    }

    /// Places along the stretch where a formula changes, its ends included.
    fn borders(&self, [start, end]: [f64; 2]) -> Vec<f64> {
        let pieces = self.road.plan.pieces.iter().map(|piece| piece.s);
        let offsets = self.road.offset.records.iter().map(|&(s, _)| s);
        let widths = self.inward.iter().flat_map(|lane| &lane.width.records);
        let widths = widths.map(|&(s, _)| self.section_start + s);
        let inside = pieces.chain(offsets).chain(widths);
        let mut borders: Vec<f64> = inside.filter(|&s| start < s && s < end).collect();
        borders.extend([start, end]);
        borders.sort_by(f64::total_cmp);
        borders.dedup();
        borders
    }

    fn error(&self, problem: String) -> MapError {
        let at = self.inward.last().map_or(&self.road.at, |lane| &lane.at);
        MapError::Shape {
            at: at.clone(),
            problem,
            remedy: "correct the widths, or the shape of the road",
        }
    }
}

/// The centre line of a lane over a stretch of its road in the direction of travel, and its widths along that.
pub(super) fn lane_line(
    road: &Road,
    stretch: Stretch,
    id: i32,
    forward: bool,
) -> Result<(ArcSpline, Vec<[f64; 2]>), MapError> {
    let section = &road.sections[stretch.section];
    let inward = (1..=id.abs()).filter_map(|rank| section.lanes.get(&(rank * id.signum())));
    let line = Line {
        road,
        section_start: section.s,
        inward: inward.collect(),
        side: f64::from(id.signum()),
    };
    let borders = line.borders(stretch.reach);
    let mut centre = ArcSpline::default();
    let mut widths = Vec::new();
    let intervals: Vec<[f64; 2]> = borders.windows(2).map(|pair| [pair[0], pair[1]]).collect();
    let ordered: Vec<[f64; 2]> = if forward {
        intervals
    } else {
        intervals.into_iter().rev().map(|[a, b]| [b, a]).collect()
    };
    for [from, to] in ordered {
        add_interval(&line, from, to, &mut centre, &mut widths)?;
    }
    Ok((centre, widths))
}

/// Adds the lane between two borders, from `from` to `to`, which is smaller where traffic runs against the road.
fn add_interval(
    line: &Line<'_>,
    from: f64,
    to: f64,
    centre: &mut ArcSpline,
    widths: &mut Vec<[f64; 2]>,
) -> Result<(), MapError> {
    let forward = to > from;
    let low = from.min(to);
    let before = |s: f64| s > low;
    let count = ((to - from).abs() / WIDTH_SPACING_M).ceil().max(1.0) as usize;
    let places: Vec<f64> = (0..=count)
        .map(|i| from + (to - from) * i as f64 / count as f64)
        .collect();
    for &s in &places {
        let (width, _, _) = line.offset(s, before(s));
        if width < NARROWEST_M {
            return Err(line.error(format!("the lane is {width:.3} m wide at s = {s:.3} m")));
        }
        if line.tangent(s, before(s)).is_none() {
            return Err(line.error(format!(
                "the lane folds at s = {s:.3} m: the road bends more tightly than the lane is far from its middle"
            )));
        }
    }
    let curve = |s: f64| {
        let (middle, heading) = line.tangent(s, before(s)).unwrap_or_default();
        (
            middle,
            if forward {
                heading
            } else {
                heading + std::f64::consts::PI
            },
        )
    };
    let start = centre.length_m();
    fit(centre, &curve, from, to);
    let length = centre.length_m() - start;
    for (index, &s) in places.iter().enumerate() {
        let (width, _, _) = line.offset(s, before(s));
        let along = start + length * index as f64 / count as f64;
        push_width(widths, [along, width.max(0.0)]);
    }
    Ok(())
}

/// Adds a width; of equal ones in a row only the first and the last are kept.
fn push_width(widths: &mut Vec<[f64; 2]>, next: [f64; 2]) {
    if widths.last() == Some(&next) {
        return;
    }
    if let [.., [_, before], [_, last]] = widths[..]
        && before == last
        && last == next[1]
    {
        widths.pop();
    }
    widths.push(next);
}
