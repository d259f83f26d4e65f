//! The families of driving tasks, one file each.

mod casting;
mod exit;
mod highway;
mod intersection;
mod merge;
mod roundabout;
mod two_way;
mod u_turn;

pub use exit::Exit;
pub use highway::Highway;
pub use intersection::Intersection;
pub use merge::Merge;
pub use roundabout::Roundabout;
pub use two_way::TwoWay;
pub use u_turn::UTurn;
