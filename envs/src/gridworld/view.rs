//! What the agent sees: a 7 x 7 window ahead of it, with occlusion, as `MiniGridEnv.gen_obs` of `MiniGrid` 3.2.0.
//!
//! The image is `[7, 7, 3]` bytes `[across][ahead][channel]`: `across` 3 is the agent's own column, `ahead` 6
//! its own line, and the channels are object, colour and state. `image[across][ahead]` shows the cell
//! `agent + (6 - ahead) * forward + (across - 3) * right`.
//!
//! A smaller view (`agent_view_size` 3 or 5) is the nearest part of that window. It is not a crop of the larger image: light does
//! not come around through cells that are out of view, so these count as opaque.

use std::sync::LazyLock;

use super::cell::{ENCODED, FIRST_OPAQUE};
use super::grid::Geometry;

/// Side of the window in cells.
pub const VIEW: usize = 7;
/// Bytes of an image.
pub const IMAGE_BYTES: usize = VIEW * VIEW * 3;
/// Where the agent stands in a window of eight bytes per line.
pub(crate) const AGENT_SLOT: usize = (VIEW - 1) * 8 + VIEW / 2;

/// Visibility of one line after another, nearest first.
///
/// Upstream lights cells by two sweeps over each line. What remains of both is: every run of transparent cells
/// that holds a lit cell lights itself and its two neighbours, in this line and in the next one. So the lit
/// cells of the next line depend on 7 opaque and 7 lit bits alone: `next = SIGHT[opaque << 7 | lit]`, and the
/// cells seen in this line are `lit | next`.
pub(crate) static SIGHT: LazyLock<Box<[u8; 1 << 14]>> = LazyLock::new(|| {
    let mut table = Box::new([0; 1 << 14]);
    for (index, next) in table.iter_mut().enumerate() {
        let (opaque, lit) = (index >> VIEW, index & 0x7f);
        let transparent = !opaque & 0x7f;
        let mut run = lit & transparent;
        for _ in 0..VIEW {
            run |= (run << 1 | run >> 1) & transparent;
        }
        *next = ((run | run << 1 | run >> 1) & 0x7f) as u8;
    }
    table
});

/// The slots of a window of which `side` lines and columns are in view.
const fn slots(side: usize) -> u64 {
    let columns = ((1 << side) - 1) << ((VIEW - side) / 2);
    let (mut slots, mut line) = (0, VIEW - side);
    while line < VIEW {
        slots |= columns << (8 * line);
        line += 1;
    }
    slots
}

/// The cells seen through `opaque`, both as 7 bytes (line 0 is the farthest) of 7 bits.
#[inline]
pub(crate) fn seen(sight: &[u8; 1 << 14], opaque: u64) -> u64 {
    let mut lit = 1 << (VIEW / 2);
    let mut next_lines = 0;
    for line in (0..VIEW).rev() {
        let opaque_bits = (opaque >> (8 * line)) as usize & 0x7f;
        let next = sight[opaque_bits << VIEW | lit];
        next_lines |= u64::from(next) << (8 * line);
        lit = usize::from(next);
    }
    // A line shows what it was lit by and what it lights.
    next_lines | next_lines >> 8 | 1 << AGENT_SLOT
}

/// `BYTES[bits]`: a byte of ones for each bit.
const BYTES: [u64; 128] = {
    let mut table = [0; 128];
    let mut bits = 0;
    while bits < 128 {
        let mut k = 0;
        while k < VIEW {
            if bits >> k & 1 == 1 {
                table[bits] |= 0xff << (8 * k);
            }
            k += 1;
        }
        bits += 1;
    }
    table
};

/// The opaque cells of a line of eight codes, one bit per byte.
#[inline]
const fn opaque_bits(codes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Codes are below 128, so the subtraction borrows from no neighbour: the high bit tells code >= limit.
    let high = ((codes | (0x80 * ONES)) - FIRST_OPAQUE as u64 * ONES) >> 7 & ONES;
    high.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Which line and column of the square of cells a slot of the window is, seen with a heading.
pub(crate) const fn square_cell(dir: usize, ahead: usize, across: usize) -> (usize, usize) {
    let last = VIEW - 1;
    match dir {
        0 => (across, last - ahead),
        1 => (last - ahead, last - across),
        2 => (last - across, ahead),
        _ => (ahead, across),
    }
}

/// Per heading: the byte of the square (`line * 8 + column`) that each slot (`ahead * 8 + across`) shows. The eighth
/// column and line are none.
const TURN: [[u8; 64]; 4] = {
    let mut table = [[63; 64]; 4];
    let mut dir = 0;
    while dir < 4 {
        let mut slot = 0;
        while slot < VIEW * 8 {
            if slot % 8 < VIEW {
                let (line, column) = square_cell(dir, slot / 8, slot % 8);
                table[dir][slot] = (line * 8 + column) as u8;
            }
            slot += 1;
        }
        dir += 1;
    }
    table
};

/// Reads windows of a given geometry.
#[derive(Debug, Clone)]
pub struct Viewer {
    geometry: Geometry,
    see_through_walls: bool,
    side: usize,
    /// The slots of the window that are in view.
    inside: u64,
    /// Per heading: from the agent's byte to the first byte of the window's square of cells.
    corner: [i32; 4],
}

impl Viewer {
    /// A viewer for grids of `geometry`.
    pub fn new(geometry: Geometry, see_through_walls: bool) -> Self {
        let pitch = geometry.pitch() as i32;
        let half = (VIEW / 2) as i32;
        let last = (VIEW - 1) as i32;
        let corner = [-half * pitch, -half, -half * pitch - last, -last * pitch - half];
        Self {
            geometry,
            see_through_walls,
            side: VIEW,
            inside: slots(VIEW),
            corner,
        }
    }

    /// The same with a view of `side` cells: 3, 5 or 7.
    #[must_use]
    pub fn with_side(self, side: usize) -> Self {
        Self {
            side,
            inside: slots(side),
            ..self
        }
    }

    /// Side of the view in cells.
    pub const fn side(&self) -> usize {
        self.side
    }

    /// Bytes of an image `[side, side, 3]`.
    pub const fn image_bytes(&self) -> usize {
        self.side * self.side * 3
    }

    /// The grid's geometry.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Whether walls hide nothing.
    pub const fn see_through_walls(&self) -> bool {
        self.see_through_walls
    }

    /// The first byte of the square of cells ahead of an agent at byte `at`.
    #[inline]
    pub(crate) fn corner(&self, at: usize, dir: u8) -> usize {
        at.wrapping_add_signed(self.corner[(dir & 3) as usize] as isize)
    }

    /// The codes in the window, `slot = ahead * 8 + across`; bytes that are no cell are 0.
    #[inline]
    pub(crate) fn window(&self, bytes: &[u8], at: usize, dir: u8) -> [u8; 64] {
        let corner = self.corner(at, dir);
        let mut square = [0; 64];
        for (line, codes) in square.chunks_exact_mut(8).take(VIEW).enumerate() {
            let first = corner + line * self.geometry.pitch();
            codes.copy_from_slice(&bytes[first..first + 8]);
        }
        TURN[(dir & 3) as usize].map(|place| square[(place & 63) as usize])
    }

    /// Which slots of the window are seen, one bit per slot.
    pub(crate) fn visible(&self, bytes: &[u8], at: usize, dir: u8) -> u64 {
        if self.see_through_walls {
            return self.inside;
        }
        self.visible_in(&self.window(bytes, at, dir))
    }

    /// Which slots of a window are seen.
    #[inline]
    fn visible_in(&self, window: &[u8; 64]) -> u64 {
        let mut opaque = !self.inside;
        for (line, codes) in window.as_chunks::<8>().0.iter().enumerate() {
            opaque |= opaque_bits(u64::from_le_bytes(*codes)) << (8 * line);
        }
        seen(&SIGHT, opaque) & self.inside
    }

    /// Writes the image of an agent at byte `at` of the cell column.
    #[inline]
    pub(crate) fn observe(&self, bytes: &[u8], at: usize, dir: u8, carrying: u8, image: &mut [u8]) {
        let mut window = self.window(bytes, at, dir);
        if !self.see_through_walls {
            let visible = self.visible_in(&window);
            for (line, codes) in window.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                let seen = BYTES[(visible >> (8 * line)) as usize & 0x7f];
                *codes = (u64::from_le_bytes(*codes) & seen).to_le_bytes();
            }
        }
        // After visibility: what lies under the agent is never shown.
        window[AGENT_SLOT] = carrying;
        match self.side {
            3 => decode::<3>(&window, image),
            5 => decode::<5>(&window, image),
            _ => decode::<VIEW>(&window, image),
        }
    }
}

/// The image `[SIDE, SIDE, 3]` of the nearest part of a window.
#[inline]
fn decode<const SIDE: usize>(window: &[u8; 64], image: &mut [u8]) {
    let mut pixels = image[..SIDE * SIDE * 3].as_chunks_mut::<3>().0.iter_mut();
    let left = (VIEW - SIDE) / 2;
    for across in left..left + SIDE {
        for (ahead, pixel) in (VIEW - SIDE..VIEW).zip(&mut pixels) {
            *pixel = ENCODED[(window[ahead * 8 + across] & 63) as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gridworld::cell::Cell;
    use proptest::prelude::*;

    /// The two sweeps as upstream describes them, on `[line][across]`.
    fn sweeps(opaque: u64) -> u64 {
        let is_opaque = |line: usize, across: usize| opaque >> (8 * line + across) & 1 == 1;
        let mut lit = [[false; VIEW]; VIEW];
        lit[VIEW - 1][VIEW / 2] = true;
        for line in (0..VIEW).rev() {
            for across in 0..VIEW - 1 {
                if lit[line][across] && !is_opaque(line, across) {
                    lit[line][across + 1] = true;
                    if line > 0 {
                        lit[line - 1][across + 1] = true;
                        lit[line - 1][across] = true;
                    }
                }
            }
            for across in (1..VIEW).rev() {
                if lit[line][across] && !is_opaque(line, across) {
                    lit[line][across - 1] = true;
                    if line > 0 {
                        lit[line - 1][across - 1] = true;
                        lit[line - 1][across] = true;
                    }
                }
            }
        }
        let mut mask = 0;
        for (line, cells) in lit.iter().enumerate() {
            for (across, &cell) in cells.iter().enumerate() {
                mask |= u64::from(cell) << (8 * line + across);
            }
        }
        mask
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn table_equals_the_two_sweeps(a: u64, b: u64, c: u64) {
            // Half, a quarter and an eighth of the cells opaque.
            for opaque in [a, a & b, a & b & c, a | b] {
                prop_assert_eq!(seen(&SIGHT, opaque), sweeps(opaque));
            }
        }
    }

    #[test]
    fn opaque_bits_equal_the_cells() {
        for code in 0..Cell::COUNT as u8 {
            for place in 0..8 {
                let line = u64::from(code) << (8 * place);
                let expected = u64::from(Cell::from_column(code).is_opaque()) << place;
                assert_eq!(opaque_bits(line), expected);
            }
        }
    }

    #[test]
    fn every_line_of_the_table_equals_the_sweeps_on_a_two_line_window() {
        for opaque in 0..128_u64 {
            for far in [0, 0x7f, 0x55] {
                let window = opaque << 48 | far << 40;
                assert_eq!(seen(&SIGHT, window), sweeps(window));
            }
        }
    }
}
