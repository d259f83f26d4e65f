//! The families of driving tasks, one file each.

mod highway;
mod map_route;
mod trip;

pub use highway::Highway;
pub use map_route::MapRoute;
pub use trip::Trip;
