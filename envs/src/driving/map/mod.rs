//! Maps of real roads: a loader for OpenDRIVE 1.x (`.xodr`).
//!
//! Read are reference lines (line, arc, spiral, poly3, paramPoly3), lane offsets, lane sections with widths, left and right
//! driving lanes in right-hand and left-hand traffic, links of roads and lanes, junctions (with roads that cross them, and
//! direct ones), speed limits of roads and lanes, and road marks as far as they are drawn.
//!
//! The world is flat: elevation, superelevation and the shape across the road are passed over, and so are objects,
//! signals, surfaces and the rights of way of junctions; [`RoadMap::ignored`] counts them. Whatever else would change which
//! lanes there are, where they lie or how they connect is an error that names the element, its road, its place in the file
//! and what to do: virtual junctions, sections of one side, lanes that state borders instead of widths, lanes of both
//! directions, rails, included files, other geometries.

mod build;
mod cubic;
mod document;
mod error;
mod fit;
mod lane_line;
mod links;
mod network;
mod plan_view;
mod quadrature;
mod read;
mod read_lanes;
#[cfg(test)]
mod refusals;
mod road_map;
mod routes;
mod xml;

pub use document::Mark;
pub use error::{At, MapError};
pub use network::{MapNetwork, MapSettings};
pub use road_map::{MapLane, RoadMap};
pub use routes::Ways;
