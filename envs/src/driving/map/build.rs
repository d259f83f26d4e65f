//! From what a file states to lanes: roads are cut into stretches, lanes get their centre lines and are grouped.

use super::document::{Document, Lane, Mark, Road, Section, SpeedLimit};
use super::error::MapError;
use super::lane_line::lane_line;
use super::links::link_lanes;
use super::road_map::{MapLane, RoadMap};

/// Stretches shorter than this, in m, are not cut off.
const SHORTEST_STRETCH_M: f64 = 0.5;

/// A part of a section over which no speed limit changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) section: usize,
    /// Start and end in m along the road.
    pub(super) reach: [f64; 2],
}

/// The stretches of a road, in order along it.
pub(super) fn stretches(road: &Road) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    for (index, section) in road.sections.iter().enumerate() {
        let end = road.section_end(index);
        let mut cuts: Vec<f64> = road.limits.iter().map(|&(s, _)| s).collect();
        let driving = section.lanes.values().filter(|lane| lane.driving);
        cuts.extend(driving.flat_map(|lane| lane.limits.iter().map(|&(s, _)| section.s + s)));
        cuts.sort_by(f64::total_cmp);
        let mut start = section.s;
        for cut in cuts {
            if cut - start > SHORTEST_STRETCH_M && end - cut > SHORTEST_STRETCH_M {
                stretches.push(Stretch {
                    section: index,
                    reach: [start, cut],
                });
                start = cut;
            }
        }
        stretches.push(Stretch {
            section: index,
            reach: [start, end],
        });
    }
    stretches
}

/// The limit that holds at the middle of a stretch: the lane's, or else the road's.
fn speed_limit(road: &Road, lane: &Lane, stretch: Stretch) -> Option<f64> {
    let middle = 0.5 * (stretch.reach[0] + stretch.reach[1]);
    let last = |limits: &[(f64, SpeedLimit)], s: f64| {
        let count = limits.partition_point(|&(start, _)| start <= s);
        match count.checked_sub(1).map(|index| limits[index].1) {
            Some(SpeedLimit::Limit(limit)) => Some(limit),
            Some(SpeedLimit::Unstated) | None => None,
        }
    };
    let section = &road.sections[stretch.section];
    last(&lane.limits, middle - section.s).or_else(|| last(&road.limits, middle))
}

/// Ids of one direction's driving lanes of a section in runs that lie side by side, each from left to right as the driver
/// sees them.
fn side_by_side(road: &Road, section: &Section, forward: bool) -> Vec<Vec<i32>> {
    let mut ids: Vec<i32> = section.lanes.keys().copied().collect();
    if forward {
        ids.reverse();
    }
    let mut runs: Vec<Vec<i32>> = vec![Vec::new()];
    for id in ids {
        let joins = section.lanes[&id].driving && road.runs_forward(id) == forward;
        match runs.last_mut() {
            Some(run) if joins => run.push(id),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// What is painted to the left and the right of a lane, as its driver sees it.
fn marks(section: &Section, id: i32, forward: bool) -> [Mark; 2] {
    let inner_id = id - id.signum();
    let inner = section
        .lanes
        .get(&inner_id)
        .map_or(section.centre_mark, |lane| lane.mark);
    let outer = section.lanes[&id].mark;
    // The outer border of a right lane that runs forward is at the driver's right.
    if (id < 0) == forward {
        [inner, outer]
    } else {
        [outer, inner]
    }
}

/// The lanes of all roads, linked.
pub(super) fn build(document: &Document) -> Result<RoadMap, MapError> {
    let mut lanes = Vec::new();
    let mut group = 0;
    for road in &document.roads {
        for (index, stretch) in stretches(road).into_iter().enumerate() {
            let section = &road.sections[stretch.section];
            for forward in [true, false] {
                for run in side_by_side(road, section, forward) {
                    for id in run {
                        let (centre, widths) = lane_line(road, stretch, id, forward)?;
                        lanes.push(MapLane {
                            road: road.id.clone(),
                            junction: road.junction.clone(),
                            stretch: index,
                            id,
                            reach: stretch.reach,
                            forward,
                            group,
                            centre,
                            widths,
                            speed_limit_mps: speed_limit(road, &section.lanes[&id], stretch),
                            marks: marks(section, id, forward),
                            successors: Vec::new(),
                        });
                    }
                    group += 1;
                }
            }
        }
    }
    if lanes.is_empty() {
        return Err(MapError::NoDrivingLane);
    }
    link_lanes(document, &mut lanes)?;
    Ok(RoadMap {
        lanes,
        ignored: document.ignored.clone(),
    })
}
