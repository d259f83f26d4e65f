//! The families of driving tasks, one file each.

mod casting;
mod exit;
mod highway;
mod intersection;
mod lane_keeping;
mod map_route;
mod merge;
mod parking;
pub mod racetrack;
mod roundabout;
mod trip;
mod two_way;
mod u_turn;

pub use exit::Exit;
pub use highway::Highway;
pub(crate) use highway::Preset;
pub use intersection::Intersection;
pub use lane_keeping::LaneKeeping;
pub use map_route::MapRoute;
pub use merge::Merge;
pub use parking::Parking;
pub use racetrack::Racetrack;
pub use roundabout::Roundabout;
pub use trip::Trip;
pub use two_way::TwoWay;
pub use u_turn::UTurn;
