//! Pictures equal those of the Python package `MiniGrid` 3.2.0, pixel for pixel.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use prospect_envs::gridworld::render::{Painter, draw_scene, write_gif, write_png};
use prospect_envs::gridworld::view::Viewer;
use prospect_envs::gridworld::{Agent, Cell, CellColumn, Colour, DoorState, Geometry};
use prospect_sim::{Frame, VecEnvConfig};
use serde::Deserialize;
use support::{Batch, crc32, golden_dir, make, random_actions};

#[derive(Deserialize)]
struct FrameHash {
    id: String,
    view_size: usize,
    seed: u64,
    action_seed: u64,
    steps: usize,
    tile_size: usize,
    highlight: bool,
    agent_pov: bool,
    height: usize,
    width: usize,
    crc: u32,
}

#[derive(Deserialize)]
struct TileHash {
    cell: [u8; 3],
    agent_dir: Option<u8>,
    highlight: bool,
    tile_size: usize,
    crc: u32,
}

#[derive(Deserialize)]
struct Record {
    frames: Vec<FrameHash>,
    #[serde(default)]
    tiles: Vec<TileHash>,
}

fn record(file: &str) -> Record {
    serde_json::from_str(&std::fs::read_to_string(golden_dir().join(file)).unwrap()).unwrap()
}

/// A frame in one of the three ways that `MiniGrid` draws one.
fn picture(batch: &mut Batch, expected: &FrameHash) -> Frame {
    if expected.highlight && !expected.agent_pov {
        return batch.vec.render(0, expected.tile_size).unwrap();
    }
    let scene = batch.vec.scene(0).unwrap();
    if !expected.agent_pov {
        return draw_scene(&scene, expected.tile_size);
    }
    let geometry = Geometry::new(scene.width, scene.height);
    let mut column = CellColumn::new(geometry, 1);
    for (k, cell) in scene.cells.chunks_exact(3).enumerate() {
        let cell = Cell::from_encoding([cell[0], cell[1], cell[2]]).unwrap();
        column.board_mut(0).set(k / scene.height, k % scene.height, cell);
    }
    let image = batch
        .rollout
        .observation_row(0, usize::from(expected.steps > 0))
        .as_u8()
        .unwrap();
    let side = expected.view_size;
    let hands = &image[(side / 2 * side + side - 1) * 3..][..3];
    let agent = Agent {
        at: geometry.place(scene.pose[0] as usize, scene.pose[1] as usize),
        step: 0,
        dir: scene.pose[2] as u8,
        carrying: Cell::from_encoding([hands[0], hands[1], hands[2]])
            .unwrap()
            .code(),
    };
    let viewer = Viewer::new(geometry, expected.id.contains("Empty")).with_side(side);
    Painter::new(expected.tile_size).view(&column, 0, &viewer, &agent)
}

#[test]
fn tiles_equal_minigrids() {
    let record = record("render.json");
    assert!(record.tiles.len() > 250);
    for tile in record.tiles {
        let mut painter = Painter::new(tile.tile_size);
        let pixels = painter.tile(
            Cell::from_encoding(tile.cell).unwrap(),
            tile.agent_dir,
            tile.highlight,
        );
        let what = (tile.cell, tile.agent_dir, tile.highlight, tile.tile_size);
        assert_eq!(crc32(0, pixels), tile.crc, "{what:?}");
    }
}

#[test]
fn frames_equal_minigrids() {
    let frames: Vec<_> = ["render.json", "views.json"]
        .into_iter()
        .flat_map(|file| record(file).frames)
        .collect();
    for side in [3, 5, 7] {
        assert!(
            frames
                .iter()
                .any(|frame| frame.agent_pov && frame.view_size == side)
        );
    }
    for expected in &frames {
        let options = format!(r#"{{"view_size": {}}}"#, expected.view_size);
        let mut batch = Batch::new(
            &make(&expected.id, &options),
            &[expected.seed],
            VecEnvConfig::default(),
        );
        for action in random_actions(expected.action_seed, 7, 40)
            .into_iter()
            .take(expected.steps)
        {
            batch.step(&[action]);
        }
        let frame = picture(&mut batch, expected);
        let what = (
            &expected.id,
            expected.view_size,
            expected.steps,
            expected.tile_size,
            expected.highlight,
            expected.agent_pov,
        );
        assert_eq!(
            (frame.width, frame.height),
            (expected.width, expected.height),
            "{what:?}"
        );
        assert_eq!(crc32(0, &frame.rgb), expected.crc, "{what:?}");
    }
}

#[test]
fn files_hold_the_frames() {
    let folder = std::env::temp_dir().join(format!("prospect-render-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut batch = Batch::new(
        &make("MiniGrid-DoorKey-5x5-v0", "{}"),
        &[0],
        VecEnvConfig::default(),
    );
    let mut frames = vec![batch.vec.render(0, 8).unwrap()];
    batch.step(&[0]);
    frames.push(batch.vec.render(0, 8).unwrap());
    assert_ne!(frames[0], frames[1]);
    let png = folder.join("frame.png");
    write_png(&png, &frames[0]).unwrap();
    assert_eq!(image::open(&png).unwrap().to_rgb8().into_raw(), frames[0].rgb);
    let path = folder.join("episode.gif");
    write_gif(&path, &frames, 100).unwrap();
    let mut decoder = gif::DecodeOptions::new()
        .read_info(std::fs::File::open(&path).unwrap())
        .unwrap();
    let mut delays = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        delays.push((frame.delay, frame.width, frame.height));
    }
    assert_eq!(delays, [(10, 40, 40), (10, 40, 40)]);
    assert!(write_gif(&path, &[], 100).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn every_cell_has_a_tile_of_its_own() {
    let mut painter = Painter::new(16);
    let mut seen = std::collections::BTreeSet::new();
    for state in [DoorState::Open, DoorState::Closed, DoorState::Locked] {
        for colour in Colour::ALL {
            assert!(seen.insert(painter.tile(Cell::door(colour, state), None, false).to_vec()));
        }
    }
    assert_eq!(seen.len(), 18);
}
