//! Checks of the project's own rules: `cargo xtask layers`.

fn main() {}
