//! Pictures of a grid, equal pixel for pixel to `MiniGridEnv.get_frame` of `MiniGrid` 3.2.0; PNG and GIF files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use prospect_sim::{Frame, Scene};

use super::cell::{Cell, Colour, DoorState, Kind};
use super::grid::CellColumn;
use super::rules::Agent;
use super::view::{AGENT_SLOT, VIEW, Viewer, square_cell};

/// Pixels are drawn at this multiple and averaged.
const OVERSAMPLING: usize = 3;
const BLACK: [f64; 3] = [0.0; 3];

/// How a frame is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Whether cells that the agent sees are lightened.
    pub highlight: bool,
    /// Pixels per cell.
    pub tile: usize,
}

/// What a tile shows: cell, heading of an agent on it, highlight.
type TileKey = (Cell, Option<u8>, bool);

/// Draws tiles of one size, each only once.
#[derive(Debug, Clone)]
pub struct Painter {
    tile: usize,
    tiles: BTreeMap<TileKey, Vec<u8>>,
}

impl Painter {
    /// A painter of tiles of `tile` x `tile` pixels (at least 1).
    pub fn new(tile: usize) -> Self {
        Self {
            tile: tile.max(1),
            tiles: BTreeMap::new(),
        }
    }

    /// One tile, `[tile, tile, 3]` bytes.
    pub fn tile(&mut self, cell: Cell, agent_dir: Option<u8>, highlight: bool) -> &[u8] {
        let size = self.tile;
        self.tiles
            .entry((cell, agent_dir, highlight))
            .or_insert_with(|| paint(size, cell, agent_dir, highlight))
    }

    fn frame(&mut self, width: usize, height: usize, show: impl Fn(usize, usize) -> TileKey) -> Frame {
        let size = self.tile;
        let mut rgb = vec![0; width * height * size * size * 3];
        let pitch = width * size * 3;
        for y in 0..height {
            for x in 0..width {
                let (cell, agent, highlight) = show(x, y);
                let tile = self.tile(cell, agent, highlight);
                for (line, pixels) in tile.chunks_exact(size * 3).enumerate() {
                    let first = (y * size + line) * pitch + x * size * 3;
                    rgb[first..first + size * 3].copy_from_slice(pixels);
                }
            }
        }
        Frame {
            width: width * size,
            height: height * size,
            rgb,
        }
    }

    /// The whole grid of instance `row`.
    pub fn grid(
        &mut self,
        column: &CellColumn,
        row: usize,
        viewer: &Viewer,
        agent: &Agent,
        highlight: bool,
    ) -> Frame {
        let board = column.board(row);
        let geometry = board.geometry();
        let (agent_x, agent_y) = geometry.coordinates(agent.at);
        let visible = viewer.visible(column.bytes(), column.origin(row) + agent.at as usize, agent.dir);
        // The corner of the square of cells that the agent sees.
        let reach = VIEW as i64 - 1;
        let half = VIEW as i64 / 2;
        let (x, y) = (agent_x as i64, agent_y as i64);
        let (left, top) = match agent.dir & 3 {
            0 => (x, y - half),
            1 => (x - half, y),
            2 => (x - reach, y - half),
            _ => (x - half, y - reach),
        };
        let mut lit = vec![false; geometry.width() * geometry.height()];
        for ahead in 0..VIEW {
            for across in 0..VIEW {
                let (line, place) = square_cell((agent.dir & 3) as usize, ahead, across);
                let (x, y) = (left + place as i64, top + line as i64);
                let inside =
                    (0..geometry.width() as i64).contains(&x) && (0..geometry.height() as i64).contains(&y);
                if inside && visible >> (ahead * 8 + across) & 1 == 1 {
                    lit[y as usize * geometry.width() + x as usize] = highlight;
                }
            }
        }
        self.frame(geometry.width(), geometry.height(), |x, y| {
            let here = (x, y) == (agent_x, agent_y);
            (
                board.get(x, y),
                here.then_some(agent.dir & 3),
                lit[y * geometry.width() + x],
            )
        })
    }

    /// What the agent sees, it looking up from the middle of the lower edge (`agent_pov=True`).
    pub fn view(&mut self, column: &CellColumn, row: usize, viewer: &Viewer, agent: &Agent) -> Frame {
        let at = column.origin(row) + agent.at as usize;
        let visible = viewer.visible(column.bytes(), at, agent.dir);
        let window = viewer.window(column.bytes(), at, agent.dir);
        let side = viewer.side();
        self.frame(side, side, |across, ahead| {
            let slot = (ahead + VIEW - side) * 8 + across + (VIEW - side) / 2;
            let seen = visible >> slot & 1 == 1;
            if slot == AGENT_SLOT {
                return (Cell::from_column(agent.carrying), Some(3), seen);
            }
            let cell = if seen {
                Cell::from_column(window[slot])
            } else {
                Cell::EMPTY
            };
            (cell, None, seen)
        })
    }
}

/// The frame of instance `row`.
pub fn draw(column: &CellColumn, row: usize, viewer: &Viewer, agent: &Agent, picture: Picture) -> Frame {
    Painter::new(picture.tile).grid(column, row, viewer, agent, picture.highlight)
}

/// A level as `EnvRows::scene` gives it, with its agent and without highlight: what heatmaps are drawn over.
pub fn draw_scene(scene: &Scene, tile: usize) -> Frame {
    let [agent_x, agent_y, dir] = scene.pose;
    Painter::new(tile).frame(scene.width, scene.height, |x, y| {
        let first = (x * scene.height + y) * 3;
        let cell = scene
            .cells
            .get(first..first + 3)
            .and_then(|cell| <[u8; 3]>::try_from(cell).ok());
        let cell = cell.and_then(Cell::from_encoding).unwrap_or(Cell::EMPTY);
        let here = (x as i32, y as i32) == (agent_x, agent_y);
        (cell, here.then_some(dir as u8 & 3), false)
    })
}

/// A tile being drawn, at [`OVERSAMPLING`] times its size.
struct Canvas {
    side: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    /// Colours the pixels whose middle (in units of the tile) lies inside. Fractions of a colour are cut off.
    fn fill(&mut self, colour: [f64; 3], inside: impl Fn(f64, f64) -> bool) {
        let side = self.side as f64;
        let colour = colour.map(|value| value as u8);
        for (pixel, rgb) in self.rgb.chunks_exact_mut(3).enumerate() {
            let x = ((pixel % self.side) as f64 + 0.5) / side;
            let y = ((pixel / self.side) as f64 + 0.5) / side;
            if inside(x, y) {
                rgb.copy_from_slice(&colour);
            }
        }
    }

    fn rect(&mut self, colour: [f64; 3], [x0, x1, y0, y1]: [f64; 4]) {
        self.fill(colour, |x, y| x >= x0 && x <= x1 && y >= y0 && y <= y1);
    }

    fn circle(&mut self, colour: [f64; 3], [cx, cy, r]: [f64; 3]) {
        self.fill(colour, |x, y| (x - cx) * (x - cx) + (y - cy) * (y - cy) <= r * r);
    }

    /// A stroke of radius `r`; end points and direction have single precision, as upstream.
    fn line(&mut self, [x0, y0, x1, y1]: [f64; 4], r: f64) {
        let (px, py) = (x0 as f32, y0 as f32);
        let (dx, dy) = (x1 as f32 - px, y1 as f32 - py);
        let length = (dx * dx + dy * dy).sqrt();
        let (dx, dy) = (f64::from(dx / length), f64::from(dy / length));
        let (px, py, length) = (f64::from(px), f64::from(py), f64::from(length));
        let (left, right) = (x0.min(x1) - r, x0.max(x1) + r);
        let (top, bottom) = (y0.min(y1) - r, y0.max(y1) + r);
        self.fill(BLACK, |x, y| {
            if x < left || x > right || y < top || y > bottom {
                return false;
            }
            let along = ((x - px) * dx + (y - py) * dy).clamp(0.0, length);
            let (ex, ey) = (x - (px + along * dx), y - (py + along * dy));
            (ex * ex + ey * ey).sqrt() <= r
        });
    }

    /// The agent: a triangle turned about the tile's middle. Corners and their products have single precision.
    fn agent(&mut self, dir: u8) {
        let (ax, ay) = (0.12_f32, 0.19_f32);
        let (bx, by) = (0.87_f32, 0.50_f32);
        let (cx, cy) = (0.12_f32, 0.81_f32);
        let (v0x, v0y) = (cx - ax, cy - ay);
        let (v1x, v1y) = (bx - ax, by - ay);
        let dot00 = v0x * v0x + v0y * v0y;
        let dot01 = v0x * v1x + v0y * v1y;
        let dot11 = v1x * v1x + v1y * v1y;
        let scale = f64::from(1.0 / (dot00 * dot11 - dot01 * dot01));
        let [dot00, dot01, dot11, v0x, v0y, v1x, v1y, ax, ay] =
            [dot00, dot01, dot11, v0x, v0y, v1x, v1y, ax, ay].map(f64::from);
        let theta = 0.5 * std::f64::consts::PI * f64::from(dir);
        let (cos, sin) = ((-theta).cos(), (-theta).sin());
        self.fill([255.0, 0.0, 0.0], |x, y| {
            let (x, y) = (x - 0.5, y - 0.5);
            let (x, y) = (0.5 + x * cos - y * sin, 0.5 + y * cos + x * sin);
            let (px, py) = (x - ax, y - ay);
            let dot02 = v0x * px + v0y * py;
            let dot12 = v1x * px + v1y * py;
            let u = (dot11 * dot02 - dot01 * dot12) * scale;
            let v = (dot00 * dot12 - dot01 * dot02) * scale;
            u >= 0.0 && v >= 0.0 && u + v < 1.0
        });
    }

    fn highlight(&mut self) {
        for value in &mut self.rgb {
            let dark = f64::from(*value);
            *value = (dark + 0.30 * f64::from(255 - *value)) as u8;
        }
    }

    /// Averages across, then down; fractions are cut off.
    fn downsample(&self) -> Vec<u8> {
        let size = self.side / OVERSAMPLING;
        let mut out = Vec::with_capacity(size * size * 3);
        for y in 0..size {
            for x in 0..size {
                for channel in 0..3 {
                    let mut sum = 0.0;
                    for line in 0..OVERSAMPLING {
                        let across: u32 = (0..OVERSAMPLING)
                            .map(|k| {
                                let pixel = (y * OVERSAMPLING + line) * self.side + x * OVERSAMPLING + k;
                                u32::from(self.rgb[pixel * 3 + channel])
                            })
                            .sum();
                        sum += f64::from(across) / OVERSAMPLING as f64;
                    }
                    out.push((sum / OVERSAMPLING as f64) as u8);
                }
            }
        }
        out
    }
}

fn paint(size: usize, cell: Cell, agent_dir: Option<u8>, highlight: bool) -> Vec<u8> {
    let side = size * OVERSAMPLING;
    let mut canvas = Canvas {
        side,
        rgb: vec![0; side * side * 3],
    };
    let line = [100.0; 3];
    canvas.rect(line, [0.0, 0.031, 0.0, 1.0]);
    canvas.rect(line, [0.0, 1.0, 0.0, 0.031]);
    paint_object(&mut canvas, cell);
    if let Some(dir) = agent_dir {
        canvas.agent(dir);
    }
    if highlight {
        canvas.highlight();
    }
    canvas.downsample()
}

const WHOLE: [f64; 4] = [0.0, 1.0, 0.0, 1.0];

fn paint_object(canvas: &mut Canvas, cell: Cell) {
    let colour = cell
        .colour()
        .map_or(BLACK, |colour: Colour| colour.rgb().map(f64::from));
    match cell.kind() {
        Kind::Unseen | Kind::Empty => {}
        Kind::Wall | Kind::Goal => canvas.rect(colour, WHOLE),
        Kind::Floor => canvas.rect(colour.map(|value| value / 2.0), [0.031, 1.0, 0.031, 1.0]),
        Kind::Lava => paint_lava(canvas),
        Kind::Door => paint_door(canvas, colour, cell.door_state()),
        Kind::Key => paint_key(canvas, colour),
        Kind::Ball => canvas.circle(colour, [0.5, 0.5, 0.31]),
        Kind::Box => {
            canvas.rect(colour, [0.12, 0.88, 0.12, 0.88]);
            canvas.rect(BLACK, [0.18, 0.82, 0.18, 0.82]);
            canvas.rect(colour, [0.16, 0.84, 0.47, 0.53]);
        }
    }
}

fn paint_lava(canvas: &mut Canvas) {
    canvas.rect([255.0, 128.0, 0.0], WHOLE);
    for wave in 0..3 {
        let crest = 0.3 + 0.2 * f64::from(wave);
        let trough = 0.4 + 0.2 * f64::from(wave);
        canvas.line([0.1, crest, 0.3, trough], 0.03);
        canvas.line([0.3, trough, 0.5, crest], 0.03);
        canvas.line([0.5, crest, 0.7, trough], 0.03);
        canvas.line([0.7, trough, 0.9, crest], 0.03);
    }
}

fn paint_door(canvas: &mut Canvas, colour: [f64; 3], state: Option<DoorState>) {
    match state {
        Some(DoorState::Open) => {
            canvas.rect(colour, [0.88, 1.0, 0.0, 1.0]);
            canvas.rect(BLACK, [0.92, 0.96, 0.04, 0.96]);
        }
        Some(DoorState::Locked) => {
            canvas.rect(colour, WHOLE);
            canvas.rect(colour.map(|value| 0.45 * value), [0.06, 0.94, 0.06, 0.94]);
            canvas.rect(colour, [0.52, 0.75, 0.50, 0.56]);
        }
        _ => {
            canvas.rect(colour, WHOLE);
            canvas.rect(BLACK, [0.04, 0.96, 0.04, 0.96]);
            canvas.rect(colour, [0.08, 0.92, 0.08, 0.92]);
            canvas.rect(BLACK, [0.12, 0.88, 0.12, 0.88]);
            canvas.circle(colour, [0.75, 0.50, 0.08]);
        }
    }
}

fn paint_key(canvas: &mut Canvas, colour: [f64; 3]) {
    canvas.rect(colour, [0.50, 0.63, 0.31, 0.88]);
    canvas.rect(colour, [0.38, 0.50, 0.59, 0.66]);
    canvas.rect(colour, [0.38, 0.50, 0.81, 0.88]);
    canvas.circle(colour, [0.56, 0.28, 0.190]);
    canvas.circle(BLACK, [0.56, 0.28, 0.064]);
}

/// Writes a frame as a PNG file.
///
/// # Errors
/// The file cannot be written.
pub fn write_png(path: &Path, frame: &Frame) -> io::Result<()> {
    image::save_buffer_with_format(
        path,
        &frame.rgb,
        frame.width as u32,
        frame.height as u32,
        image::ExtendedColorType::Rgb8,
        image::ImageFormat::Png,
    )
    .map_err(io::Error::other)
}

/// Writes frames of equal size as a GIF that repeats for ever, each shown for `delay_ms`.
///
/// # Errors
/// There is no frame, frames differ in size or are larger than a GIF can be, or the file cannot be written.
pub fn write_gif(path: &Path, frames: &[Frame], delay_ms: u32) -> io::Result<()> {
    let invalid = |reason: &str| io::Error::new(io::ErrorKind::InvalidInput, reason.to_owned());
    let first = frames
        .first()
        .ok_or_else(|| invalid("a GIF needs at least one frame"))?;
    let side =
        |pixels| u16::try_from(pixels).map_err(|_| invalid("a GIF is at most 65535 pixels wide and high"));
    let (width, height) = (side(first.width)?, side(first.height)?);
    if frames
        .iter()
        .any(|frame| (frame.width, frame.height) != (first.width, first.height))
    {
        return Err(invalid("all frames of a GIF must have the same size"));
    }
    let file = io::BufWriter::new(std::fs::File::create(path)?);
    let mut encoder = gif::Encoder::new(file, width, height, &[]).map_err(io::Error::other)?;
    encoder
        .set_repeat(gif::Repeat::Infinite)
        .map_err(io::Error::other)?;
    for frame in frames {
        let mut picture = gif::Frame::from_rgb_speed(width, height, &frame.rgb, 10);
        picture.delay = u16::try_from(delay_ms / 10).unwrap_or(u16::MAX);
        encoder.write_frame(&picture).map_err(io::Error::other)?;
    }
    Ok(())
}
