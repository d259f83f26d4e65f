//! Roads: the geometry of lanes, the network they form, routes through it, and rectangles that meet on it.
//!
//! Nothing here moves or draws numbers; a network is made once per task and shared by all its scenes.

mod arc_spline;
mod lane;
mod nearest;
mod network;
pub mod polygon;
mod route;
pub mod scalar;
mod shape;
mod spline;

pub use arc_spline::{ArcPiece, ArcSpline};
pub use lane::{DEFAULT_WIDTH, Lane, LineType, Width};
pub use network::{Connection, LaneIx, NetworkBuilder, NetworkError, NodeIx, RoadIx, RoadNetwork};
pub use route::{MAX_ROUTE, Route, RouteStep};
pub use shape::{Bounds, Circular, Shape, Sine, Straight};
pub use spline::Spline;
