//! Lane sections of an OpenDRIVE road: which lanes there are, how wide, and how they are linked.

use std::collections::BTreeMap;

use super::document::{Document, Lane, Mark, Section};
use super::error::MapError;
use super::read::{check_children, read_limit, read_profile};
use super::xml::Element;

/// Lane types on which cars drive.
const DRIVING: &[&str] = &[
    "driving",
    "entry",
    "exit",
    "onRamp",
    "offRamp",
    "connectingRamp",
    "slipLane",
    "mwyEntry",
    "mwyExit",
];

/// Lane types that take room and nothing else.
const OTHER: &[&str] = &[
    "none",
    "shoulder",
    "border",
    "stop",
    "biking",
    "sidewalk",
    "walking",
    "parking",
    "restricted",
    "median",
    "curb",
    "kerb",
    "special1",
    "special2",
    "special3",
    "roadWorks",
    "tram",
    "rail",
    "bus",
    "taxi",
    "HOV",
    "shared",
];

/// All sections of a road, each checked.
pub(super) fn read_sections(
    lanes: Element<'_>,
    road_length: f64,
    document: &mut Document,
) -> Result<Vec<Section>, MapError> {
    check_children(lanes, &["laneOffset", "laneSection"], document)?;
    let mut sections: Vec<Section> = Vec::new();
    for element in lanes.children_named("laneSection") {
        let section = read_section(element, document)?;
        let due = sections.last().map(|last| last.s);
        let in_order = due.map_or(section.s == 0.0, |last| section.s > last);
        if !in_order || section.s >= road_length {
            return Err(element.wrong_value(
                "s",
                "0 for the first section, and for each next one a larger value below the road's length",
            ));
        }
        sections.push(section);
    }
    if sections.is_empty() {
        return Err(MapError::Missing {
            at: lanes.at(),
            name: "laneSection",
        });
    }
    Ok(sections)
}

fn read_section(element: Element<'_>, document: &mut Document) -> Result<Section, MapError> {
    if element.text("singleSide") == Some("true") {
        return Err(element.unsupported(
            "a section of one side only",
            "repeat the other side's lanes in this section and drop `singleSide`",
        ));
    }
    check_children(element, &["left", "center", "right"], document)?;
    let mut lanes = BTreeMap::new();
    for (side, sign) in [("left", 1), ("right", -1)] {
        let Some(side) = element.child(side) else {
            continue;
        };
        for lane in side.children_named("lane") {
            let id = lane.lane_id("id")?;
            if id.signum() != sign {
                let expected = if sign > 0 {
                    "a positive id"
                } else {
                    "a negative id"
                };
                return Err(lane.wrong_value("id", expected));
            }
            if lanes.insert(id, read_lane(lane, document)?).is_some() {
                return Err(lane.wrong_value("id", "an id that no other lane of the section has"));
            }
        }
        for (index, id) in lanes.keys().filter(|id| id.signum() == sign).enumerate() {
            // Keys ascend, so those to the right end at -1.
            let count = lanes.keys().filter(|id| id.signum() == sign).count();
            let due = if sign > 0 {
                index as i32 + 1
            } else {
                index as i32 - count as i32
            };
            if *id != due {
                return Err(MapError::Shape {
                    at: element.at(),
                    problem: format!("lane {id} is there but lane {due} is not"),
                    remedy: "number the lanes of a side without gaps from the centre",
                });
            }
        }
    }
    let centre = element.child("center").and_then(|centre| centre.child("lane"));
    Ok(Section {
        s: element.distance("s")?,
        lanes,
        centre_mark: centre.map_or(Mark::None, read_mark),
    })
}

fn read_lane(element: Element<'_>, document: &mut Document) -> Result<Lane, MapError> {
    let kind = element.demand_text("type")?;
    let driving = DRIVING.contains(&kind);
    if !driving && !OTHER.contains(&kind) {
        return Err(element.unsupported(
            format!("lanes of type `{kind}`"),
            "use `driving` for a lane of one direction, or `none` to leave it out",
        ));
    }
    if element
        .text("direction")
        .is_some_and(|direction| direction != "standard")
    {
        return Err(element.unsupported(
            "a lane against the direction of its side",
            "move the lane to the other side and drop `direction`",
        ));
    }
    if element.child("width").is_none()
        && let Some(border) = element.child("border")
    {
        return Err(border.unsupported(
            "a lane that states its border instead of its width",
            "state `width` records",
        ));
    }
    check_children(element, &["link", "width", "roadMark", "speed"], document)?;
    if driving {
        element.demand_child("width")?;
    }
    let limit = |speed: Element<'_>| Ok((speed.distance("sOffset")?, read_limit(speed)?));
    let mut limits = element
        .children_named("speed")
        .map(limit)
        .collect::<Result<Vec<_>, _>>()?;
    limits.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(Lane {
        at: element.at(),
        driving,
        width: read_profile(element, "width", "sOffset")?,
        links: [
            read_links(element, "predecessor")?,
            read_links(element, "successor")?,
        ],
        limits,
        mark: read_mark(element),
    })
}

fn read_links(lane: Element<'_>, name: &'static str) -> Result<Vec<i32>, MapError> {
    let links = lane
        .children_named("link")
        .flat_map(|link| link.children_named(name));
    links.map(|link| link.lane_id("id")).collect()
}

/// The first mark of a lane; where it changes along the lane, the lane is drawn with the first.
fn read_mark(lane: Element<'_>) -> Mark {
    let kind = lane.child("roadMark").and_then(|mark| mark.text("type"));
    match kind {
        None | Some("none") => Mark::None,
        Some(kind) if kind.contains("broken") || kind == "botts dots" => Mark::Broken,
        Some(_) => Mark::Solid,
    }
}
