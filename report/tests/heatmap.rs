//! Heatmaps from probe files: scales, differences, pixels, numbers, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(dead_code, reason = "only the npz writer of the synthetic suite is used here")]

mod synthetic;

use std::fs;
use std::path::{Path, PathBuf};

use npyz::WriterBuilder;
use prospect_report::{
    Field, HeatmapRequest, ReportError, ScaleKind, available_fields, heatmap_from_probe, write_heatmap_csv,
};
use synthetic::{Npz, new_npz, put};

const NAN: f32 = f32::NAN;

/// A room of 3 x 2 cells: wall, visits and a value per pose; `goal` moves with the layout.
fn write_probe(path: &Path, visits: [f32; 6], goal: u8) {
    let mut npz = new_npz(path);
    let mut layout = [[1_u8, 0, 0]; 6];
    layout[0] = [2, 5, 0];
    layout[usize::from(goal)] = [8, 1, 0];
    put(&mut npz, "layout", &[1, 3, 2, 3], layout.as_flattened());
    put(&mut npz, "agent_start", &[1, 3], &[1_i32, 0, 0]);
    put(&mut npz, "visits", &[1, 3, 2], &visits);
    let value: Vec<f32> = (0..24_u8)
        .map(|k| if k % 6 == 0 { NAN } else { f32::from(k) })
        .collect();
    put(&mut npz, "value", &[1, 4, 3, 2], &value);
    let action: Vec<i8> = (0..24).map(|k| if k % 6 == 0 { -1 } else { 2 }).collect();
    put(&mut npz, "greedy_action", &[1, 4, 3, 2], &action);
    put(&mut npz, "bonus/rnd", &[1, 3, 2], &visits.map(|v| 1.0 / v));
    npz.zip_writer().finish().unwrap();
}

fn two_probes(dir: &Path) -> [PathBuf; 2] {
    let paths = [
        dir.join("step_000000001000.npz"),
        dir.join("step_000000250000.npz"),
    ];
    write_probe(&paths[0], [0.0, 1.0, 10.0, 100.0, 2.0, 5.0], 5);
    write_probe(&paths[1], [0.0, 4.0, 10.0, 40.0, 2.0, 1000.0], 5);
    paths
}

fn request(files: &[PathBuf], field: &str) -> HeatmapRequest {
    HeatmapRequest {
        files: files.iter().map(|path| (String::new(), path.clone())).collect(),
        field: field.to_owned(),
        levels: vec![0],
        log: None,
        difference: false,
    }
}

#[test]
fn fields_are_listed_in_a_fixed_order() {
    let dir = tempfile::tempdir().unwrap();
    let paths = two_probes(dir.path());
    assert_eq!(
        available_fields(&paths[0]).unwrap(),
        ["visits", "bonus/rnd", "value", "greedy_action"]
    );
}

#[test]
fn panels_share_one_scale_and_are_named_by_their_frames() {
    let dir = tempfile::tempdir().unwrap();
    let paths = two_probes(dir.path());
    let map = heatmap_from_probe(&request(&paths, "visits")).unwrap();
    let titles: Vec<&str> = map.panels.iter().map(|panel| panel.title.as_str()).collect();
    assert_eq!(titles, ["1k frames", "0.25M frames"]);
    assert_eq!(
        (map.scale.kind, map.scale.low, map.scale.high),
        (ScaleKind::Log, 1.0, 1000.0)
    );
    let linear = heatmap_from_probe(&HeatmapRequest {
        log: Some(false),
        ..request(&paths, "visits")
    })
    .unwrap();
    assert_eq!((linear.scale.kind, linear.scale.low), (ScaleKind::Linear, 0.0));
    let value = heatmap_from_probe(&request(&paths, "value")).unwrap();
    assert_eq!(
        (value.scale.kind, value.scale.low, value.scale.high),
        (ScaleKind::Linear, 1.0, 23.0)
    );
}

#[test]
fn a_difference_is_the_first_minus_the_second_around_zero() {
    let dir = tempfile::tempdir().unwrap();
    let paths = two_probes(dir.path());
    let map = heatmap_from_probe(&HeatmapRequest {
        difference: true,
        ..request(&paths, "visits")
    })
    .unwrap();
    assert_eq!(map.panels.len(), 3);
    assert_eq!(
        map.panels[2].field,
        Field::PerCell(vec![0.0, -3.0, 0.0, 60.0, 0.0, -995.0])
    );
    let scale = map.panels[2].own_scale.unwrap();
    assert_eq!(
        (scale.kind, scale.low, scale.high),
        (ScaleKind::Diverging, -995.0, 995.0)
    );
    let image = map.image().unwrap();
    assert!(image.width() > 800 && image.height() > 300);
}

#[test]
fn colours_of_cells_follow_the_values() {
    let dir = tempfile::tempdir().unwrap();
    let paths = two_probes(dir.path());
    let map = heatmap_from_probe(&request(&paths[..1], "visits")).unwrap();
    let image = map.image().unwrap();
    let luminance = |x: u32, y: u32| {
        let [r, g, b] = image.get_pixel(x, y).0.map(f64::from);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    // One unit is two pixels, a cell 40 units; the level starts at (14, 52 + 24). The agent stands at (1, 0).
    let centre = |x: u32, y: u32| (2 * (14 + 40 * x + 6), 2 * (76 + 40 * y + 6));
    let at = |x, y| luminance(centre(x, y).0, centre(x, y).1);
    let wall = image.get_pixel(centre(0, 0).0, centre(0, 0).1).0;
    assert!(
        wall[0].abs_diff(wall[1]) < 20 && wall[1].abs_diff(wall[2]) < 20,
        "a wall is grey: {wall:?}"
    );
    // Visits 1 at (0, 1), 2 at (2, 0), 10 at (1, 0), 100 at (1, 1).
    assert!(at(0, 1) < at(2, 0) && at(2, 0) < at(1, 0) && at(1, 0) < at(1, 1));
}

#[test]
fn numbers_are_written_beside_the_picture() {
    let dir = tempfile::tempdir().unwrap();
    let paths = two_probes(dir.path());
    let map = heatmap_from_probe(&request(&paths[..1], "value")).unwrap();
    let (png, csv) = (dir.path().join("a.png"), dir.path().join("a.csv"));
    map.write(&png, &csv).unwrap();
    assert_eq!(image::open(&png).unwrap().width(), map.image().unwrap().width());
    let text = fs::read_to_string(&csv).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "panel,level,x,y,heading,object,value");
    assert_eq!(lines.len(), 1 + 24);
    assert_eq!(lines[1], "\"1k frames\",0,0,0,0,wall,");
    assert_eq!(lines[2], "\"1k frames\",0,0,1,0,empty,1");
    assert!(lines.contains(&"\"1k frames\",0,2,1,3,goal,23"));
    let other = dir.path().join("b.csv");
    write_heatmap_csv(&other, &map.panels).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), text);
}

#[test]
fn what_cannot_be_drawn_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let paths = two_probes(dir.path());
    let message = |request: &HeatmapRequest| heatmap_from_probe(request).unwrap_err().to_string();
    let unknown = message(&request(&paths, "bonus/icm"));
    assert!(
        unknown.contains("no field `bonus/icm`; it has: visits, bonus/rnd, value, greedy_action"),
        "{unknown}"
    );
    let level = message(&HeatmapRequest {
        levels: vec![3],
        ..request(&paths, "visits")
    });
    assert!(level.contains("no level 3; it has levels 0 to 0"), "{level}");
    let one = message(&HeatmapRequest {
        difference: true,
        ..request(&paths[..1], "visits")
    });
    assert!(one.contains("exactly two probe files"), "{one}");
    let moved = dir.path().join("step_000000500000.npz");
    write_probe(&moved, [0.0; 6], 4);
    let files = [paths[0].clone(), moved];
    let error = heatmap_from_probe(&HeatmapRequest {
        difference: true,
        ..request(&files, "visits")
    })
    .unwrap_err();
    assert!(
        matches!(error, ReportError::LayoutsDiffer { level: 0, .. }),
        "{error}"
    );
}

/// Adds an array of texts to an npz file.
fn put_texts(npz: &mut Npz, name: &str, texts: &[&str]) {
    let options = npyz::zip::write::FileOptions::default();
    let dtype = npyz::DType::Plain("<U40".parse().unwrap());
    let shape = [texts.len() as u64];
    let mut writer = npz
        .array(name, options)
        .unwrap()
        .dtype(dtype)
        .shape(&shape)
        .begin_nd()
        .unwrap();
    for text in texts {
        writer.push(*text).unwrap();
    }
    writer.finish().unwrap();
}

/// A plane of 4 x 2 cells: position from 0 to 4 m, velocity from -1 to 1 m/s; the lower left cell is no state.
fn write_plane(path: &Path) {
    let mut npz = new_npz(path);
    put_texts(&mut npz, "axes", &["position_m", "pole_velocity_mps"]);
    put_texts(&mut npz, "axis_units", &["m", "m/s"]);
    put_texts(&mut npz, "action_names", &["left", "right"]);
    put(&mut npz, "axis_range", &[2, 2], &[0.0_f64, 4.0, -1.0, 1.0]);
    put(&mut npz, "placeable", &[1, 4, 2], &[0_u8, 1, 1, 1, 1, 1, 1, 1]);
    put(&mut npz, "goal", &[1, 2], &[3.5_f32, 0.5]);
    put(
        &mut npz,
        "visits",
        &[1, 4, 2],
        &[0.0_f32, 1.0, 10.0, 0.0, 100.0, 1.0, 1.0, 1.0],
    );
    put(
        &mut npz,
        "greedy_action",
        &[1, 4, 2],
        &[-1_i8, 0, 1, 0, 1, 0, 1, 0],
    );
    npz.zip_writer().finish().unwrap();
}

#[test]
fn planes_are_drawn_with_axes_upwards() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("step_000000000001.npz");
    write_plane(&path);
    assert_eq!(available_fields(&path).unwrap(), ["visits", "greedy_action"]);
    let map = heatmap_from_probe(&request(std::slice::from_ref(&path), "visits")).unwrap();
    let plane = map.panels[0].level.plane.as_ref().unwrap();
    assert_eq!(
        [0, 1].map(|axis| plane.label(axis)),
        ["position (m)", "pole velocity (m/s)"]
    );
    assert_eq!((plane.goal, plane.start), (Some([3.5, 0.5]), None));
    assert!(map.options.subtitle.contains("green ring: goal") && !map.options.subtitle.contains("start"));
    let (png, csv) = (dir.path().join("map.png"), dir.path().join("map.csv"));
    map.write(&png, &csv).unwrap();
    let rows = fs::read_to_string(csv).unwrap();
    assert!(rows.contains("\"1 frames\",0,0.5,-0.5,,wall,0\n"), "{rows}");
    assert!(rows.contains("\"1 frames\",0,2.5,-0.5,,empty,100\n"), "{rows}");
    // Cells of 40 units begin at (76, 76). The third cell of the lower line was visited most, the one above it once.
    let image = map.image().unwrap();
    let light = |x: f64, y: f64| -> i32 {
        let at = [x, y].map(|v| (v * map.options.pixel_scale) as u32);
        image
            .get_pixel(at[0], at[1])
            .0
            .iter()
            .map(|&v| i32::from(v))
            .sum()
    };
    let (below, above) = (light(176.0, 136.0), light(176.0, 96.0));
    assert!(below > above + 200, "{below} below, {above} above");
}

#[test]
fn actions_with_names_have_them_in_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("step_000000000001.npz");
    write_plane(&path);
    let map = heatmap_from_probe(&request(std::slice::from_ref(&path), "greedy_action")).unwrap();
    assert_eq!(map.scale.kind, ScaleKind::NamedActions);
    assert_eq!(map.panels[0].action_names, ["left", "right"]);
    map.image().unwrap();
}

#[test]
fn a_damaged_plane_names_the_array() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("step_000000000001.npz");
    let mut npz = new_npz(&path);
    put_texts(&mut npz, "axes", &["x", "y", "z"]);
    npz.zip_writer().finish().unwrap();
    let error = available_fields(&path).unwrap_err().to_string();
    assert!(
        error.contains("array `axes`: has 3 entries; 2 are needed"),
        "{error}"
    );
}

#[test]
fn damaged_probes_name_file_and_array() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("step_000000000001.npz");
    let mut npz = new_npz(&path);
    put(&mut npz, "layout", &[1, 3, 2, 3], &[1_u8; 18]);
    put(&mut npz, "agent_start", &[1, 3], &[0_i32; 3]);
    put(&mut npz, "visits", &[1, 2, 3], &[0_f32; 6]);
    npz.zip_writer().finish().unwrap();
    let error = available_fields(&path).unwrap_err().to_string();
    assert!(
        error.contains("array `visits`: has shape [1, 2, 3]; the layout wants [1, 3, 2]"),
        "{error}"
    );
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(
        available_fields(&path)
            .unwrap_err()
            .to_string()
            .contains("step_000000000001.npz")
    );
    assert!(matches!(
        available_fields(&dir.path().join("none.npz")),
        Err(ReportError::Read { .. })
    ));
}
