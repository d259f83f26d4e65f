//! One level as cells: values as colours, then walls, doors, keys, goals and the agent's start over them.

use super::Panel;
use super::scale::{FORWARD, Scale, ScaleKind};
use crate::canvas::{Area, Colour, PAPER, Point, Scene, Shape, Stroke};
use crate::probe::{Field, Level};

pub(super) const WALL: Colour = Colour::rgb(0x8b, 0x90, 0x97);
const HATCH: Colour = Colour::rgb(0xd3, 0xd6, 0xda);
const EDGE: Colour = Colour::rgb(0xc4, 0xc8, 0xcd);
const DARK: Colour = Colour::rgb(0x16, 0x19, 0x1d);
pub(super) const GOAL: Colour = Colour::rgb(0x12, 0xa1, 0x45);
const LAVA: Colour = Colour::rgb(0xff, 0x6a, 0x00);
pub(super) const AGENT: Colour = Colour::rgb(0xe0, 0x1b, 0x24);

/// MiniGrid's colours: red, green, blue, purple, yellow, grey.
const OBJECT_COLOURS: [Colour; 6] = [
    Colour::rgb(0xe0, 0x2b, 0x2b),
    Colour::rgb(0x1c, 0xa8, 0x3c),
    Colour::rgb(0x2f, 0x5f, 0xe0),
    Colour::rgb(0x8a, 0x2c, 0xc9),
    Colour::rgb(0xf2, 0xc8, 0x0f),
    Colour::rgb(0x6b, 0x70, 0x78),
];

/// MiniGrid's object numbers.
mod object {
    /// Not part of the level: smaller levels of a probe set are padded with it.
    pub(super) const UNSEEN: u8 = 0;
    pub(super) const WALL: u8 = 2;
    pub(super) const DOOR: u8 = 4;
    pub(super) const KEY: u8 = 5;
    pub(super) const BALL: u8 = 6;
    pub(super) const BOX: u8 = 7;
    pub(super) const GOAL: u8 = 8;
    pub(super) const LAVA: u8 = 9;
}

/// Name of an object number, for tables.
pub(super) fn object_name(kind: u8) -> &'static str {
    const NAMES: [&str; 11] = [
        "unseen", "empty", "wall", "floor", "door", "key", "ball", "box", "goal", "lava", "agent",
    ];
    NAMES.get(usize::from(kind)).copied().unwrap_or("unknown")
}

/// The part of a level that is worth drawing: everything but walls behind walls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    from: [usize; 2],
    /// One past the last cell.
    to: [usize; 2],
}

impl Extent {
    pub(super) fn of(level: &Level) -> Self {
        let whole = Self {
            from: [0, 0],
            to: [level.width, level.height],
        };
        if level.plane.is_some() {
            return whole;
        }
        let (mut from, mut to) = ([level.width, level.height], [0, 0]);
        for x in 0..level.width {
            for y in 0..level.height {
                if !is_solid(level, x, y) {
                    from = [from[0].min(x), from[1].min(y)];
                    to = [to[0].max(x + 1), to[1].max(y + 1)];
                }
            }
        }
        if to == [0, 0] { whole } else { Self { from, to } }
    }

    pub(super) fn width(&self) -> usize {
        self.to[0] - self.from[0]
    }

    pub(super) fn height(&self) -> usize {
        self.to[1] - self.from[1]
    }
}

/// Padding, or a wall with nothing but walls and padding around it.
fn is_solid(level: &Level, x: usize, y: usize) -> bool {
    let blank = |x: usize, y: usize| matches!(level.cell(x, y)[0], object::WALL | object::UNSEEN);
    let around = |at: usize, size: usize| at.saturating_sub(1)..(at + 2).min(size);
    level.cell(x, y)[0] == object::UNSEEN
        || around(x, level.width).all(|nx| around(y, level.height).all(|ny| blank(nx, ny)))
}

/// Draws a level with a panel's values; `at` is the upper left corner of its [`Extent`].
pub(super) fn draw_level(scene: &mut Scene, panel: &Panel, scale: &Scale, at: Point, cell: f64) {
    let level = &panel.level;
    if let Some(plane) = &level.plane {
        super::plane::draw(scene, panel, plane, scale, at, cell);
        return;
    }
    let Extent { from, to } = Extent::of(level);
    let origin = [at[0] - from[0] as f64 * cell, at[1] - from[1] as f64 * cell];
    let shown = || (from[0]..to[0]).flat_map(|x| (from[1]..to[1]).map(move |y| (x, y)));
    let place = |x: usize, y: usize| {
        Area::new(
            origin[0] + x as f64 * cell,
            origin[1] + y as f64 * cell,
            cell,
            cell,
        )
    };
    for (x, y) in shown().filter(|(x, y)| !is_solid(level, *x, *y)) {
        if level.cell(x, y)[0] == object::WALL {
            scene.rect(place(x, y), Some(WALL), None);
        } else {
            draw_value(scene, panel, scale, x * level.height + y, place(x, y));
        }
    }
    for (x, y) in shown() {
        draw_object(scene, level.cell(x, y), place(x, y));
    }
    draw_agent(scene, level, origin, cell);
}

pub(super) fn draw_value(scene: &mut Scene, panel: &Panel, scale: &Scale, index: usize, area: Area) {
    let edge = Some(Stroke::new(EDGE, 0.5));
    match &panel.field {
        Field::PerCell(values) => match scale.colour(f64::from(values[index])) {
            Some(colour) => scene.rect(area, Some(colour), edge),
            None => draw_hatch(scene, area),
        },
        Field::PerPose(headings) => {
            let colours = headings
                .each_ref()
                .map(|values| scale.colour(f64::from(values[index])));
            if colours.iter().all(Option::is_none) {
                draw_hatch(scene, area);
                return;
            }
            scene.rect(area, Some(PAPER), None);
            for (heading, colour) in colours.into_iter().enumerate() {
                let Some(colour) = colour else { continue };
                scene.polygon(towards(area, heading), colour);
                if scale.kind == ScaleKind::Actions && headings[heading][index] as usize == FORWARD {
                    let [dx, dy] = DIRECTIONS[heading];
                    let middle = centre(area);
                    let tip = [
                        middle[0] + dx * area.width * 0.28,
                        middle[1] + dy * area.width * 0.28,
                    ];
                    arrow(scene, tip, heading, area.width * 0.17);
                }
            }
            scene.rect(area, None, edge);
        }
    }
}

/// Unit vectors of the headings right, down, left, up.
const DIRECTIONS: [Point; 4] = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]];

/// The quarter of a cell that lies towards a heading.
fn towards(area: Area, heading: usize) -> Vec<Point> {
    let corners = area.corners();
    let (a, b) = [(1, 2), (2, 3), (3, 0), (0, 1)][heading];
    vec![corners[a], corners[b], centre(area)]
}

fn centre(area: Area) -> Point {
    [area.x + area.width / 2.0, area.y + area.height / 2.0]
}

/// A dark arrow head that points along a heading.
pub(super) fn arrow(scene: &mut Scene, at: Point, heading: usize, radius: f64) {
    scene.polygon(pointer(at, heading, radius, 0.75), DARK);
}

fn pointer(at: Point, heading: usize, radius: f64, half_width: f64) -> Vec<Point> {
    let [dx, dy] = DIRECTIONS[heading % 4];
    let place = |along: f64, across: f64| {
        [
            at[0] + radius * (along * dx - across * dy),
            at[1] + radius * (along * dy + across * dx),
        ]
    };
    vec![
        place(1.0, 0.0),
        place(-0.75, half_width),
        place(-0.75, -half_width),
    ]
}

/// Plain paper with diagonal lines: there is no value here.
fn draw_hatch(scene: &mut Scene, area: Area) {
    scene.rect(area, Some(PAPER), Some(Stroke::new(EDGE, 0.5)));
    let pen = Stroke::new(HATCH, 0.8);
    let (x, y, side) = (area.x, area.y, area.width);
    for share in [0.5, 1.0] {
        scene.line(vec![[x, y + side * share], [x + side * share, y]], pen);
    }
    scene.line(vec![[x + side * 0.5, y + side], [x + side, y + side * 0.5]], pen);
}

fn draw_object(scene: &mut Scene, [kind, colour, state]: [u8; 3], area: Area) {
    let colour = OBJECT_COLOURS[usize::from(colour).min(5)];
    match kind {
        object::DOOR => draw_door(scene, area, colour, state),
        object::KEY => draw_key(scene, area, colour),
        object::BALL => {
            let edge = Stroke::new(PAPER, area.width * 0.06);
            scene.shape(
                Shape::Circle,
                centre(area),
                area.width * 0.26,
                Some(colour),
                Some(edge),
                None,
            );
        }
        object::BOX => outlined(scene, inset(area, 0.26), colour, area.width * 0.13),
        object::GOAL => outlined(scene, inset(area, 0.1), GOAL, area.width * 0.14),
        object::LAVA => draw_lava(scene, area),
        _ => {}
    }
}

fn inset(area: Area, share: f64) -> Area {
    let by = area.width * share;
    Area::new(
        area.x + by,
        area.y + by,
        area.width - 2.0 * by,
        area.height - 2.0 * by,
    )
}

/// A frame with a white rim, visible on any value's colour.
fn outlined(scene: &mut Scene, area: Area, colour: Colour, width: f64) {
    scene.rect(area, None, Some(Stroke::new(PAPER, width * 1.7)));
    scene.rect(area, None, Some(Stroke::new(colour, width)));
}

fn draw_door(scene: &mut Scene, area: Area, colour: Colour, state: u8) {
    let side = area.width;
    if state == 0 {
        // Open: a leaf along the left edge.
        scene.rect(
            Area::new(
                area.x + side * 0.06,
                area.y + side * 0.05,
                side * 0.16,
                side * 0.9,
            ),
            Some(colour),
            None,
        );
        return;
    }
    outlined(scene, inset(area, 0.1), colour, side * 0.13);
    let [x, y] = centre(area);
    if state == 2 {
        scene.rect(
            Area::new(x - side * 0.13, y - side * 0.1, side * 0.26, side * 0.24),
            Some(colour),
            None,
        );
        scene.shape(
            Shape::Circle,
            [x, y - side * 0.12],
            side * 0.11,
            None,
            Some(Stroke::new(colour, side * 0.07)),
            None,
        );
    } else {
        scene.shape(
            Shape::Circle,
            [x + side * 0.2, y],
            side * 0.07,
            Some(colour),
            None,
            None,
        );
    }
}

fn draw_key(scene: &mut Scene, area: Area, colour: Colour) {
    let side = area.width;
    let [x, y] = centre(area);
    for (pen, rim) in [(PAPER, side * 0.2), (colour, side * 0.1)] {
        let stroke = Stroke::new(pen, rim);
        scene.shape(
            Shape::Circle,
            [x, y - side * 0.18],
            side * 0.14,
            None,
            Some(stroke),
            None,
        );
        scene.line(vec![[x, y - side * 0.04], [x, y + side * 0.34]], stroke);
        scene.line(
            vec![[x, y + side * 0.3], [x + side * 0.16, y + side * 0.3]],
            stroke,
        );
        scene.line(
            vec![[x, y + side * 0.16], [x + side * 0.12, y + side * 0.16]],
            stroke,
        );
    }
}

fn draw_lava(scene: &mut Scene, area: Area) {
    let side = area.width;
    scene.rect(area, Some(LAVA.with_opacity(0.55)), Some(Stroke::new(EDGE, 0.5)));
    for row in [0.28, 0.52, 0.76] {
        let wave = (0..=8)
            .map(|k| {
                let share = f64::from(k) / 8.0;
                let rise = if k % 2 == 0 { 0.05 } else { -0.05 };
                [area.x + side * (0.1 + 0.8 * share), area.y + side * (row + rise)]
            })
            .collect();
        scene.line(wave, Stroke::new(DARK, (side * 0.04).max(0.7)));
    }
}

fn draw_agent(scene: &mut Scene, level: &Level, at: Point, cell: f64) {
    let [x, y, heading] = level.agent_start;
    if x < 0 || y < 0 || x as usize >= level.width || y as usize >= level.height {
        return;
    }
    let middle = [
        at[0] + (f64::from(x) + 0.5) * cell,
        at[1] + (f64::from(y) + 0.5) * cell,
    ];
    let points = pointer(middle, heading.rem_euclid(4) as usize, cell * 0.36, 0.72);
    scene.marks.push(crate::canvas::Mark::Path {
        points,
        closed: true,
        fill: Some(AGENT),
        stroke: Some(Stroke::new(PAPER, (cell * 0.07).max(1.0))),
        note: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walls_behind_walls_are_left_out() {
        // A corridor of two cells in the middle of a 9 x 7 block of wall.
        let mut level = Level {
            width: 9,
            height: 7,
            cells: vec![[2, 5, 0]; 63],
            agent_start: [4, 3, 0],
            plane: None,
        };
        level.cells[4 * 7 + 3] = [1, 0, 0];
        level.cells[5 * 7 + 3] = [8, 1, 0];
        let extent = Extent::of(&level);
        assert_eq!((extent.from, extent.to), ([3, 2], [7, 5]));
        assert_eq!((extent.width(), extent.height()), (4, 3));
        level.cells[7..14].fill([0, 0, 0]);
        assert_eq!(Extent::of(&level), extent);
        level.cells.fill([2, 5, 0]);
        assert_eq!(Extent::of(&level).width(), 9);
    }
}
