//! An OpenDRIVE file read into a [`Document`]: roads with their reference lines and links, and junctions.

use std::collections::BTreeSet;

use super::cubic::{Cubic, Profile};
use super::document::{Connection, Document, End, Junction, LinkTarget, Road, RoadLink, SpeedLimit};
use super::error::MapError;
use super::plan_view::{Piece, PlanView, Shape};
use super::read_lanes::read_sections;
use super::xml::Element;

/// How far two pieces of a reference line may be apart, in m: exporters round.
const GAP_TOLERANCE_M: f64 = 0.1;

/// Metres per second of one mile per hour.
const MPH: f64 = 0.44704;

/// Children of each element that do not change what the lanes are and how they connect.
const HARMLESS: &[(&str, &[&str])] = &[
    (
        "OpenDRIVE",
        &["header", "controller", "junctionGroup", "userData", "dataQuality"],
    ),
    (
        "road",
        &[
            "elevationProfile",
            "lateralProfile",
            "objects",
            "signals",
            "surface",
            "userData",
            "dataQuality",
        ],
    ),
    (
        "junction",
        &[
            "priority",
            "controller",
            "surface",
            "boundary",
            "elevationGrid",
            "planView",
            "userData",
        ],
    ),
    ("laneSection", &["userData", "dataQuality"]),
    (
        "lane",
        &[
            "material",
            "visibility",
            "access",
            "height",
            "rule",
            "border",
            "userData",
            "dataQuality",
        ],
    ),
];

/// Fails on children that nobody reads and that are not known to be harmless; counts the harmless ones.
pub(super) fn check_children(
    element: Element<'_>,
    read: &[&str],
    document: &mut Document,
) -> Result<(), MapError> {
    let harmless = HARMLESS.iter().find(|(name, _)| *name == element.name());
    for child in element.children() {
        let name = child.name();
        if read.contains(&name) {
            continue;
        }
        if !harmless.is_some_and(|(_, names)| names.contains(&name)) {
            return Err(child.unsupported(
                format!("what <{name}> says in <{}> is not read", element.name()),
                "remove the element, or move what it means to lanes, widths and links",
            ));
        }
        if name != "header" {
            *document.ignored.entry(name.to_owned()).or_default() += 1;
        }
    }
    Ok(())
}

/// Reads the text of a file.
pub(super) fn read_document(text: &str) -> Result<Document, MapError> {
    let xml = roxmltree::Document::parse(text).map_err(|error| MapError::Xml {
        reason: error.to_string(),
    })?;
    let root = Element::root(&xml);
    if root.name() != "OpenDRIVE" {
        return Err(root.unsupported("the file is not an OpenDRIVE map", "give an .xodr file"));
    }
    let header = root.demand_child("header")?;
    if header.text("revMajor").is_some_and(|major| major.trim() != "1") {
        return Err(header.wrong_value("revMajor", "1"));
    }
    let mut document = Document::default();
    check_children(root, &["road", "junction"], &mut document)?;
    let mut ids = BTreeSet::new();
    for element in root.children_named("road") {
        let road = read_road(element, &mut document)?;
        if !ids.insert(road.id.clone()) {
            return Err(element.wrong_value("id", "an id that no other road has"));
        }
        document.roads.push(road);
    }
    for element in root.children_named("junction") {
        let junction = read_junction(element, &mut document)?;
        if document.junction(&junction.id).is_some() {
            return Err(element.wrong_value("id", "an id that no other junction has"));
        }
        document.junctions.push(junction);
    }
    Ok(document)
}

fn read_road(element: Element<'_>, document: &mut Document) -> Result<Road, MapError> {
    let id = element.demand_text("id")?;
    let element = element.of_road(id);
    if let Some(railroad) = element
        .child("railroad")
        .filter(|child| child.children().next().is_some())
    {
        return Err(railroad.unsupported("rails are not driven on", "remove the road or its <railroad>"));
    }
    check_children(
        element,
        &["link", "type", "planView", "lanes", "railroad"],
        document,
    )?;
    let left_hand = match element.text("rule") {
        None | Some("RHT") => false,
        Some("LHT") => true,
        Some(_) => return Err(element.wrong_value("rule", "RHT or LHT")),
    };
    let length = element.length("length")?;
    let lanes = element.demand_child("lanes")?;
    let plan = read_plan_view(element.demand_child("planView")?, length)?;
    let link = |name| match element.child("link").and_then(|links| links.child(name)) {
        Some(link) => read_road_link(link).map(Some),
        None => Ok(None),
    };
    Ok(Road {
        at: element.at(),
        id: id.to_owned(),
        length,
        junction: element
            .text("junction")
            .filter(|id| *id != "-1")
            .map(str::to_owned),
        left_hand,
        links: [link("predecessor")?, link("successor")?],
        limits: read_road_limits(element)?,
        plan,
        offset: read_profile(lanes, "laneOffset", "s")?,
        sections: read_sections(lanes, length, document)?,
    })
}

fn read_contact(element: Element<'_>) -> Result<End, MapError> {
    match element.demand_text("contactPoint")? {
        "start" => Ok(End::Start),
        "end" => Ok(End::Finish),
        _ => Err(element.wrong_value("contactPoint", "start or end")),
    }
}

fn read_road_link(element: Element<'_>) -> Result<RoadLink, MapError> {
    let id = element.demand_text("elementId")?.to_owned();
    if element.text("elementS").is_some() {
        return Err(element.unsupported(
            "a link into the middle of a road (a virtual junction)",
            "split the road there and link its end",
        ));
    }
    let target = match element.text("elementType") {
        Some("junction") => LinkTarget::Junction { id },
        None | Some("road") => LinkTarget::Road {
            id,
            contact: read_contact(element)?,
        },
        Some(_) => return Err(element.wrong_value("elementType", "road or junction")),
    };
    Ok(RoadLink {
        at: element.at(),
        target,
    })
}

/// A speed limit from the attributes `max` and `unit`.
pub(super) fn read_limit(element: Element<'_>) -> Result<SpeedLimit, MapError> {
    let scale = match element.text("unit") {
        None | Some("m/s") => 1.0,
        Some("km/h") => 1.0 / 3.6,
        Some("mph") => MPH,
        Some(_) => return Err(element.wrong_value("unit", "m/s, km/h or mph")),
    };
    match element.demand_text("max")? {
        "no limit" => Ok(SpeedLimit::Limit(f64::INFINITY)),
        "undefined" => Ok(SpeedLimit::Unstated),
        _ => Ok(SpeedLimit::Limit(element.length("max")? * scale)),
    }
}

fn read_road_limits(road: Element<'_>) -> Result<Vec<(f64, SpeedLimit)>, MapError> {
    let limit = |kind: Element<'_>| {
        let limit = kind.child("speed").map_or(Ok(SpeedLimit::Unstated), read_limit)?;
        Ok((kind.distance("s")?, limit))
    };
    let mut limits = road
        .children_named("type")
        .map(limit)
        .collect::<Result<Vec<_>, _>>()?;
    limits.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(limits)
}

/// A cubic from the attributes named `a` to `d`, or `aU` to `dU`.
fn read_cubic(element: Element<'_>, names: [&'static str; 4]) -> Result<Cubic, MapError> {
    let mut coefficients = [0.0; 4];
    for (coefficient, name) in coefficients.iter_mut().zip(names) {
        *coefficient = element.number(name)?;
    }
    Ok(Cubic { coefficients })
}

/// The cubics of all children of this name, by the attribute that says where each starts.
pub(super) fn read_profile(
    parent: Element<'_>,
    name: &'static str,
    start: &'static str,
) -> Result<Profile, MapError> {
    let record = |child: Element<'_>| Ok((child.distance(start)?, read_cubic(child, ["a", "b", "c", "d"])?));
    let mut records = parent
        .children_named(name)
        .map(record)
        .collect::<Result<Vec<_>, _>>()?;
    records.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(Profile { records })
}

fn read_shape(geometry: Element<'_>, length: f64) -> Result<Shape, MapError> {
    let mut shapes = geometry
        .children()
        .filter(|child| !matches!(child.name(), "userData" | "dataQuality"));
    let shape = shapes.next().ok_or(MapError::Missing {
        at: geometry.at(),
        name: "line, arc, spiral, poly3 or paramPoly3",
    })?;
    if let Some(second) = shapes.next() {
        return Err(second.unsupported("a second shape in one <geometry>", "give each shape its own"));
    }
    Ok(match shape.name() {
        "line" => Shape::Line,
        "arc" => match shape.number("curvature")? {
            0.0 => Shape::Line,
            curvature => Shape::Arc { curvature },
        },
        "spiral" => {
            let [start, end] = [shape.number("curvStart")?, shape.number("curvEnd")?];
            Shape::Spiral {
                start,
                rate: (end - start) / length,
            }
        }
        "poly3" => Shape::Poly3(read_cubic(shape, ["a", "b", "c", "d"])?),
        "paramPoly3" => {
            let range = match shape.text("pRange") {
                Some("arcLength") => length,
                None | Some("normalized") => 1.0,
                Some(_) => return Err(shape.wrong_value("pRange", "arcLength or normalized")),
            };
            let u = read_cubic(shape, ["aU", "bU", "cU", "dU"])?;
            let v = read_cubic(shape, ["aV", "bV", "cV", "dV"])?;
            let shape_of = Shape::param_poly3(u, v, range);
            if !matches!(shape_of, Shape::ParamPoly3 { own_length, .. } if own_length > 0.0) {
                return Err(shape.wrong_value("bU", "a curve that leads somewhere"));
            }
            shape_of
        }
        name => {
            return Err(shape.unsupported(
                format!("the geometry `{name}`"),
                "use line, arc, spiral, poly3 or paramPoly3",
            ));
        }
    })
}

fn read_plan_view(element: Element<'_>, length: f64) -> Result<PlanView, MapError> {
    let mut plan = PlanView::default();
    let mut end: f64 = 0.0;
    for geometry in element.children_named("geometry") {
        let piece = Piece {
            s: geometry.distance("s")?,
            origin: [geometry.number("x")?, geometry.number("y")?],
            heading: geometry.number("hdg")?,
            length: geometry.length("length")?,
            shape: read_shape(geometry, geometry.length("length")?)?,
        };
        let shape_error = |problem| MapError::Shape {
            at: geometry.at(),
            problem,
            remedy: "the pieces of a reference line follow one another without gaps",
        };
        if (piece.s - end).abs() > GAP_TOLERANCE_M {
            return Err(shape_error(format!(
                "it starts at s = {} m, but {end} m is due",
                piece.s
            )));
        }
        if let Some(last) = plan.pieces.last() {
            let reached = last.pose(last.length).position;
            let start = piece.pose(0.0).position;
            let gap = (reached[0] - start[0]).hypot(reached[1] - start[1]);
            if gap > GAP_TOLERANCE_M {
                return Err(shape_error(format!(
                    "it starts {gap:.3} m from where the last one ends"
                )));
            }
        }
        end = piece.s + piece.length;
        plan.pieces.push(piece);
    }
    if (end - length).abs() > GAP_TOLERANCE_M {
        return Err(MapError::Shape {
            at: element.at(),
            problem: format!("the pieces end at s = {end} m, but the road is {length} m long"),
            remedy: "make the lengths agree",
        });
    }
    Ok(plan)
}

fn read_junction(element: Element<'_>, document: &mut Document) -> Result<Junction, MapError> {
    let direct = match element.text("type") {
        None | Some("default") => false,
        Some("direct") => true,
        Some(kind) => {
            return Err(element.unsupported(
                format!("junctions of type `{kind}`"),
                "use a junction of type default or direct",
            ));
        }
    };
    check_children(element, &["connection"], document)?;
    let connections = element.children_named("connection");
    Ok(Junction {
        id: element.demand_text("id")?.to_owned(),
        direct,
        connections: connections
            .map(|connection| read_connection(connection, direct))
            .collect::<Result<_, _>>()?,
    })
}

fn read_connection(element: Element<'_>, direct: bool) -> Result<Connection, MapError> {
    let lane_link = |link: Element<'_>| Ok((link.at(), link.lane_id("from")?, link.lane_id("to")?));
    Ok(Connection {
        at: element.at(),
        id: element.demand_text("id")?.to_owned(),
        incoming: element.demand_text("incomingRoad")?.to_owned(),
        connecting: element
            .demand_text(if direct { "linkedRoad" } else { "connectingRoad" })?
            .to_owned(),
        contact: read_contact(element)?,
        lane_links: element
            .children_named("laneLink")
            .map(lane_link)
            .collect::<Result<_, _>>()?,
    })
}
