//! The file of a look: numpy's npz, the same bytes for the same look.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use npyz::{
    DType, WriterBuilder,
    npz::NpzWriter,
    zip::{DateTime, write::FileOptions},
};
use prospect_sim::Scene;

use super::Probe;
use super::ground::{Ground, PlaneGround};
use crate::error::AgentError;

impl Probe {
    /// Writes the npz file, whole or not at all.
    ///
    /// # Errors
    /// [`AgentError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), AgentError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(AgentError::io(folder))?;
        }
        let aside = path.with_extension("npz.tmp");
        let file = File::create(&aside).map_err(AgentError::io(&aside))?;
        self.write_to(BufWriter::new(file))
            .map_err(AgentError::io(&aside))?;
        fs::rename(&aside, path).map_err(AgentError::io(path))
    }

    fn write_to<W: Write + io::Seek>(&self, to: W) -> io::Result<()> {
        let [w, h] = self.ground.size().map(|cells| cells as u64);
        let (l, headings) = (self.ground.levels() as u64, self.ground.headings() as u64);
        let by_pose: &[u64] = match &self.ground {
            Ground::Cells { .. } => &[l, headings, w, h],
            Ground::Plane(_) => &[l, w, h],
        };
        let mut npz = NpzWriter::new(to);
        match &self.ground {
            Ground::Cells { scenes, .. } => write_scenes(&mut npz, scenes, [l, w, h])?,
            Ground::Plane(ground) => {
                write_plane(&mut npz, ground)?;
                array(&mut npz, "placeable", &[l, w, h], &self.placeable)?;
            }
        }
        array(&mut npz, "visits", &[l, w, h], &self.visits)?;
        for (name, values) in &self.means {
            array(&mut npz, name, &[l, w, h], values)?;
        }
        array(&mut npz, "value", by_pose, &self.value)?;
        if self.greedy_action.iter().any(|&action| action >= 0) {
            array(&mut npz, "greedy_action", by_pose, &self.greedy_action)?;
        }
        if let Some(potential) = &self.potential {
            array(&mut npz, "potential", by_pose, potential)?;
        }
        npz.zip_writer().finish()?.flush()
    }
}

/// `layout`, smaller levels padded with 0, and `agent_start`.
fn write_scenes<W: Write + io::Seek>(
    npz: &mut NpzWriter<W>,
    scenes: &[Scene],
    [l, w, h]: [u64; 3],
) -> io::Result<()> {
    let (width, height) = (w as usize, h as usize);
    let mut layout = vec![0_u8; scenes.len() * width * height * 3];
    for (level, scene) in scenes.iter().enumerate() {
        let column = scene.height * 3;
        for x in 0..scene.width {
            let to = (level * width + x) * height * 3;
            layout[to..to + column].copy_from_slice(&scene.cells[x * column..(x + 1) * column]);
        }
    }
    let starts: Vec<i32> = scenes.iter().flat_map(|scene| scene.pose).collect();
    array(npz, "layout", &[l, w, h, 3], &layout)?;
    array(npz, "agent_start", &[l, 3], &starts)
}

/// `axes`, `axis_units`, `axis_range`, and what is known of actions, starts and goals.
fn write_plane<W: Write + io::Seek>(npz: &mut NpzWriter<W>, ground: &PlaneGround) -> io::Result<()> {
    let plane = &ground.plane;
    texts(npz, "axes", &plane.facts)?;
    texts(npz, "axis_units", &ground.units)?;
    let range = [plane.low[0], plane.high[0], plane.low[1], plane.high[1]];
    array(npz, "axis_range", &[2, 2], &range)?;
    if !ground.action_names.is_empty() {
        texts(npz, "action_names", &ground.action_names)?;
    }
    for (name, places) in [("start", &ground.start), ("goal", &ground.goal)] {
        if let Some(places) = places {
            array(npz, name, &[ground.levels as u64, 2], places)?;
        }
    }
    Ok(())
}

/// Without a time of writing, so that equal probes are equal files.
fn options() -> FileOptions {
    FileOptions::default().last_modified_time(DateTime::default())
}

fn array<T: npyz::Serialize + npyz::AutoSerialize + Copy, W: Write + io::Seek>(
    npz: &mut NpzWriter<W>,
    name: &str,
    shape: &[u64],
    values: &[T],
) -> io::Result<()> {
    let mut writer = npz
        .array(name, options())?
        .default_dtype()
        .shape(shape)
        .begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()
}

/// A list of texts, as numpy unicode wide enough for the longest.
fn texts<W: Write + io::Seek>(
    npz: &mut NpzWriter<W>,
    name: &str,
    texts: &[impl AsRef<str>],
) -> io::Result<()> {
    let widths = texts.iter().map(|text| text.as_ref().chars().count());
    let widest = widths.max().unwrap_or(0).max(1);
    let dtype = format!("<U{widest}").parse().map_err(io::Error::other)?;
    let mut writer = npz
        .array(name, options())?
        .dtype(DType::Plain(dtype))
        .shape(&[texts.len() as u64])
        .begin_nd()?;
    for text in texts {
        writer.push(text.as_ref())?;
    }
    writer.finish()
}
