//! Writes the report of a suite or run folder: `cargo run -p prospect-report --example write_report -- DIR`.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .ok_or("usage: write_report DIR")?;
    let paths = prospect_report::write_report(&dir)?;
    let line = format!(
        "{}: {} figures, {} tables\n",
        paths.html.display(),
        paths.figures.len(),
        paths.tables.len()
    );
    std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes())?;
    Ok(())
}
