//! The families of driving tasks, one file each.

mod highway;

pub use highway::Highway;
