//! What the agent sees: a 7 x 7 window ahead of it, with occlusion, as `MiniGridEnv.gen_obs` of `MiniGrid` 3.2.0.
//!
//! The image is `[7, 7, 3]` bytes `[across][ahead][channel]`: `across` 3 is the agent's own column, `ahead` 6
//! its own line, and the channels are object, colour and state. `image[across][ahead]` shows the cell
//! `agent + (6 - ahead) * forward + (across - 3) * right`.

use std::sync::LazyLock;

use super::cell::{Cell, ENCODED};
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

/// The cells seen through `opaque`, both as 7 bytes (line 0 is the farthest) of 7 bits.
#[inline]
pub(crate) fn seen(sight: &[u8; 1 << 14], opaque: u64) -> u64 {
    let mut lit = 1 << (VIEW / 2);
    let mut mask = 0;
    for line in (0..VIEW).rev() {
        let opaque_bits = (opaque >> (8 * line)) as usize & 0x7f;
        let next = u64::from(sight[opaque_bits << VIEW | lit]);
        mask |= (lit as u64 | next) << (8 * line);
        lit = next as usize;
    }
    mask
}

/// Reads windows of a given geometry.
#[derive(Debug, Clone)]
pub struct Viewer {
    geometry: Geometry,
    see_through_walls: bool,
    /// Per heading: from the agent's byte to the first byte of the window's square of cells.
    corner: [i32; 4],
    /// Per heading: from that byte to the cell of each slot (`ahead * 8 + across`).
    slots: [[u16; 64]; 4],
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

impl Viewer {
    /// A viewer for grids of `geometry`.
    pub fn new(geometry: Geometry, see_through_walls: bool) -> Self {
        let pitch = geometry.pitch() as i32;
        let half = (VIEW / 2) as i32;
        let last = (VIEW - 1) as i32;
        let corner = [-half * pitch, -half, -half * pitch - last, -last * pitch - half];
        let mut slots = [[0; 64]; 4];
        for (dir, offsets) in slots.iter_mut().enumerate() {
            for ahead in 0..VIEW {
                for across in 0..VIEW {
                    let (line, column) = square_cell(dir, ahead, across);
                    offsets[ahead * 8 + across] = (line * geometry.pitch() + column) as u16;
                }
            }
        }
        Self {
            geometry,
            see_through_walls,
            corner,
            slots,
        }
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
        let square = &bytes[corner..corner + (VIEW - 1) * self.geometry.pitch() + VIEW];
        let offsets = &self.slots[(dir & 3) as usize];
        let mut window = [0; 64];
        for ahead in 0..VIEW {
            for across in 0..VIEW {
                let slot = ahead * 8 + across;
                window[slot] = square[offsets[slot] as usize];
            }
        }
        window
    }

    /// Which slots of the window are seen, one bit per slot.
    pub(crate) fn visible(&self, bytes: &[u8], at: usize, dir: u8) -> u64 {
        self.visible_in(&self.window(bytes, at, dir))
    }

    #[inline]
    fn visible_in(&self, window: &[u8; 64]) -> u64 {
        if self.see_through_walls {
            return 0x7f7f_7f7f_7f7f_7f7f;
        }
        let mut opaque = 0;
        for (slot, &code) in window.iter().enumerate() {
            opaque |= u64::from(Cell::from_column(code).is_opaque()) << slot;
        }
        seen(&SIGHT, opaque)
    }

    /// Writes the image of an agent at byte `at` of the cell column.
    #[inline]
    pub(crate) fn observe(&self, bytes: &[u8], at: usize, dir: u8, carrying: u8, image: &mut [u8]) {
        let mut window = self.window(bytes, at, dir);
        if !self.see_through_walls {
            let visible = self.visible_in(&window);
            for (slot, code) in window.iter_mut().enumerate() {
                *code = if visible >> slot & 1 == 1 {
                    *code
                } else {
                    Cell::UNSEEN.code()
                };
            }
        }
        // After visibility: what lies under the agent is never shown.
        window[AGENT_SLOT] = carrying;
        let mut pixels = image[..IMAGE_BYTES].chunks_exact_mut(3);
        for across in 0..VIEW {
            for ahead in 0..VIEW {
                if let Some(pixel) = pixels.next() {
                    pixel.copy_from_slice(&ENCODED[(window[ahead * 8 + across] & 63) as usize]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn every_line_of_the_table_equals_the_sweeps_on_a_two_line_window() {
        for opaque in 0..128_u64 {
            for far in [0, 0x7f, 0x55] {
                let window = opaque << 48 | far << 40;
                assert_eq!(seen(&SIGHT, window), sweeps(window));
            }
        }
    }
}
