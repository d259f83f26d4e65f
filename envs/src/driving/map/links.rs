//! Follows the links of roads, junctions and lanes, so that each lane knows where it leads.

use std::collections::BTreeMap;

use super::build::{Stretch, stretches};
use super::document::{Connection, Document, End, LinkTarget, Road};
use super::error::{At, MapError};
use super::road_map::MapLane;

/// Lanes by road, stretch and id.
struct Index<'a> {
    document: &'a Document,
    stretches: BTreeMap<&'a str, Vec<Stretch>>,
    lanes: BTreeMap<(&'a str, usize, i32), usize>,
}

fn broken(at: &At, to: String) -> MapError {
    MapError::BrokenLink { at: at.clone(), to }
}

fn named(end: End) -> &'static str {
    match end {
        End::Start => "start",
        End::Finish => "end",
    }
}

impl<'a> Index<'a> {
    fn new(document: &'a Document, lanes: &[MapLane]) -> Self {
        let roads: BTreeMap<&str, &Road> = document
            .roads
            .iter()
            .map(|road| (road.id.as_str(), road))
            .collect();
        Self {
            document,
            stretches: roads.iter().map(|(&id, road)| (id, stretches(road))).collect(),
            lanes: lanes
                .iter()
                .enumerate()
                .map(|(index, lane)| {
                    (
                        (roads[lane.road.as_str()].id.as_str(), lane.stretch, lane.id),
                        index,
                    )
                })
                .collect(),
        }
    }

    /// The road that a link names.
    fn road(&self, at: &At, id: &str) -> Result<&'a Road, MapError> {
        let road = self.document.road(id);
        road.ok_or_else(|| broken(at, format!("road `{id}`, which the map does not have")))
    }

    /// The lane that is entered at this end of a road; none where the lane is not for driving.
    fn entered(&self, at: &At, road: &'a Road, end: End, lane: i32) -> Result<Option<usize>, MapError> {
        let section = &road.sections[road.section_at(end)];
        let Some(found) = section.lanes.get(&lane) else {
            let place = format!("lane {lane} at the {} of road `{}`", named(end), road.id);
            return Err(broken(at, format!("{place}, which is not there")));
        };
        if found.driving && road.runs_forward(lane) != (end == End::Start) {
            let place = format!("lane {lane} at the {} of road `{}`", named(end), road.id);
            return Err(broken(at, format!("{place}, whose traffic comes the other way")));
        }
        let stretch = match end {
            End::Start => 0,
            End::Finish => self.stretches[road.id.as_str()].len() - 1,
        };
        Ok(self.lanes.get(&(road.id.as_str(), stretch, lane)).copied())
    }

    /// Lanes that follow within the same road, on its next stretch in the direction of travel.
    fn within_road(&self, road: &'a Road, from: &MapLane, next: usize) -> Result<Vec<usize>, MapError> {
        let stretches = &self.stretches[road.id.as_str()];
        let [own, section] = [from.stretch, next].map(|stretch| stretches[stretch].section);
        let id = road.id.as_str();
        if own == section {
            return Ok(self
                .lanes
                .get(&(id, next, from.id))
                .copied()
                .into_iter()
                .collect());
        }
        let lane = &road.sections[own].lanes[&from.id];
        let mut found = Vec::new();
        for &target in &lane.links[usize::from(from.forward)] {
            let Some(there) = road.sections[section].lanes.get(&target) else {
                let to = format!(
                    "lane {target} of the section at s = {} m, which is not there",
                    road.sections[section].s
                );
                return Err(broken(&lane.at, to));
            };
            if there.driving && road.runs_forward(target) != from.forward {
                return Err(broken(
                    &lane.at,
                    format!("lane {target}, whose traffic comes the other way"),
                ));
            }
            found.extend(self.lanes.get(&(id, next, target)));
        }
        Ok(found)
    }

    /// Lanes that follow beyond the end of a road.
    fn beyond(&self, road: &'a Road, from: &MapLane, end: End) -> Result<Vec<usize>, MapError> {
        let section = road.section_at(end);
        let lane = &road.sections[section].lanes[&from.id];
        match road.link(end).map(|link| (&link.at, &link.target)) {
            None => Ok(Vec::new()),
            Some((at, LinkTarget::Road { id, contact })) => {
                let next = self.road(at, id)?;
                let entered = lane.links[usize::from(from.forward)]
                    .iter()
                    .map(|&target| self.entered(&lane.at, next, *contact, target));
                Ok(entered
                    .collect::<Result<Vec<_>, _>>()?
                    .into_iter()
                    .flatten()
                    .collect())
            }
            Some((at, LinkTarget::Junction { id })) => {
                let junction = self.document.junction(id);
                let junction = junction
                    .ok_or_else(|| broken(at, format!("junction `{id}`, which the map does not have")))?;
                let mut found = Vec::new();
                for connection in junction.connections.iter().filter(|way| way.incoming == road.id) {
                    let next = self.road(&connection.at, &connection.connecting)?;
                    if !junction.direct && !leaves_from(connection, next, road, end)? {
                        continue;
                    }
                    for (link, origin, target) in &connection.lane_links {
                        if *origin == from.id {
                            found.extend(self.entered(link, next, connection.contact, *target)?);
                        }
                    }
                }
                Ok(found)
            }
        }
    }
}

/// Whether a way through a junction starts at this end of the incoming road: both of its ends may meet one junction.
fn leaves_from(connection: &Connection, through: &Road, incoming: &Road, end: End) -> Result<bool, MapError> {
    let Some(back) = through.link(connection.contact) else {
        return Ok(true);
    };
    match &back.target {
        LinkTarget::Road { id, contact } if *id == incoming.id => Ok(*contact == end),
        _ => Err(broken(
            &connection.at,
            format!(
                "road `{}`, whose {} does not link back to road `{}`",
                through.id,
                named(connection.contact),
                incoming.id
            ),
        )),
    }
}

/// Everything that a junction names is there, whether or not a lane uses it.
fn check_junctions(index: &Index<'_>) -> Result<(), MapError> {
    for junction in &index.document.junctions {
        for connection in &junction.connections {
            let incoming = index.road(&connection.at, &connection.incoming)?;
            let next = index.road(&connection.at, &connection.connecting)?;
            let ends = [End::Start, End::Finish];
            let touches = ends.into_iter().find(|&end| {
                let link = incoming.link(end).map(|link| &link.target);
                matches!(link, Some(LinkTarget::Junction { id }) if *id == junction.id)
            });
            let Some(end) = touches else {
                let to = format!(
                    "junction `{}` from road `{}`, which does not link to it (connection `{}`)",
                    junction.id, incoming.id, connection.id
                );
                return Err(broken(&connection.at, to));
            };
            for (at, from, to) in &connection.lane_links {
                let known = ends.iter().any(|&end| {
                    incoming.sections[incoming.section_at(end)]
                        .lanes
                        .contains_key(from)
                });
                if !known {
                    let place = format!("lane {from} at the {} of road `{}`", named(end), incoming.id);
                    return Err(broken(at, format!("{place}, which is not there")));
                }
                index.entered(at, next, connection.contact, *to)?;
            }
        }
    }
    Ok(())
}

/// Every road link names something that is there.
fn check_roads(index: &Index<'_>) -> Result<(), MapError> {
    for road in &index.document.roads {
        for link in road.links.iter().flatten() {
            match &link.target {
                LinkTarget::Road { id, .. } => {
                    index.road(&link.at, id)?;
                }
                LinkTarget::Junction { id } if index.document.junction(id).is_none() => {
                    return Err(broken(
                        &link.at,
                        format!("junction `{id}`, which the map does not have"),
                    ));
                }
                LinkTarget::Junction { .. } => {}
            }
        }
    }
    Ok(())
}

/// Fills in where each lane leads.
pub(super) fn link_lanes(document: &Document, lanes: &mut [MapLane]) -> Result<(), MapError> {
    let index = Index::new(document, lanes);
    check_roads(&index)?;
    check_junctions(&index)?;
    let mut successors = Vec::with_capacity(lanes.len());
    for lane in lanes.iter() {
        let Some(road) = document.road(&lane.road) else {
            successors.push(Vec::new());
            continue;
        };
        let last = index.stretches[road.id.as_str()].len() - 1;
        let next = if lane.forward {
            (lane.stretch < last).then_some(lane.stretch + 1)
        } else {
            lane.stretch.checked_sub(1)
        };
        let mut found = match next {
            Some(next) => index.within_road(road, lane, next)?,
            None => index.beyond(road, lane, if lane.forward { End::Finish } else { End::Start })?,
        };
        found.sort_unstable();
        found.dedup();
        successors.push(found);
    }
    for (lane, successors) in lanes.iter_mut().zip(successors) {
        lane.successors = successors;
    }
    Ok(())
}
