//! Observations by AVX-512 byte permutes; the same bytes as a portable [`Viewer`] in a fraction of its time.
//!
//! This is the one file of the crate with `unsafe`: loads and stores through pointers. The window's square of
//! cells is loaded whole, turned by one permute, hidden by one mask and decoded by table look-ups in registers.

#![allow(
    unsafe_code,
    reason = "vector loads and stores; bounds are checked once per instance"
)]

use super::view::{AGENT_SLOT, IMAGE_BYTES, SIGHT, VIEW, Viewer, seen, square_cell};

/// One instance to observe.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sight {
    /// The agent's byte in the cell column.
    pub(crate) at: usize,
    /// Its heading.
    pub(crate) dir: u8,
    /// What it carries.
    pub(crate) carrying: u8,
}

/// A [`Viewer`] that uses wide instructions where the machine has them.
#[derive(Debug, Clone)]
pub struct WideViewer {
    viewer: Viewer,
    #[cfg(target_arch = "x86_64")]
    tables: Option<Box<x86::Tables>>,
}

impl WideViewer {
    /// Chooses by what the machine offers; a view of less than 7 cells is written by portable code.
    pub fn new(viewer: Viewer) -> Self {
        #[cfg(target_arch = "x86_64")]
        let tables = (viewer.side() == VIEW && x86::supported()).then(|| Box::new(x86::Tables::new(&viewer)));
        Self {
            viewer,
            #[cfg(target_arch = "x86_64")]
            tables,
        }
    }

    /// Uses portable code only.
    pub fn portable(viewer: Viewer) -> Self {
        Self {
            viewer,
            #[cfg(target_arch = "x86_64")]
            tables: None,
        }
    }

    /// Whether wide instructions are used.
    pub const fn is_wide(&self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.tables.is_some();
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// The viewer that knows the window.
    pub const fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// Writes the images of consecutive instances, `[n, side, side, 3]`.
    #[inline]
    pub(crate) fn observe_all(&self, bytes: &[u8], sights: &[Sight], images: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(tables) = &self.tables {
            // SAFETY: tables exist only where `x86::supported` found the instructions.
            unsafe { x86::observe_all(&self.viewer, tables, bytes, sights, images) };
            return;
        }
        for (sight, image) in sights
            .iter()
            .zip(images.chunks_exact_mut(self.viewer.image_bytes()))
        {
            self.viewer
                .observe(bytes, sight.at, sight.dir, sight.carrying, image);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m512i, _mm512_cmpge_epu8_mask, _mm512_loadu_si512, _mm512_mask_blend_epi8,
        _mm512_mask_permutexvar_epi8, _mm512_maskz_mov_epi8, _mm512_permutex2var_epi8,
        _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_setr_epi64, _mm512_storeu_si512,
    };

    use super::{AGENT_SLOT, IMAGE_BYTES, SIGHT, Sight, VIEW, Viewer, seen, square_cell};
    use crate::gridworld::cell::{ENCODED, FIRST_OPAQUE};

    /// Where the three stores of an image begin; they overlap, so that none needs a mask.
    const STORES: [usize; 3] = [0, 64, IMAGE_BYTES - 64];
    /// The farthest apart two bytes of a pair of 64-byte loads may be.
    const PAIR: usize = 128;

    #[repr(align(64))]
    #[derive(Debug, Clone, Copy)]
    struct Bytes([u8; 64]);

    impl Bytes {
        #[inline]
        #[target_feature(enable = "avx512f")]
        fn load(&self) -> __m512i {
            // SAFETY: 64 bytes are readable at the reference.
            unsafe { _mm512_loadu_si512(self.0.as_ptr().cast()) }
        }
    }

    /// Constants of the permutes.
    #[derive(Debug, Clone)]
    pub(super) struct Tables {
        /// Per heading: from the loaded bytes to slots.
        turn: [Bytes; 4],
        /// Whether two loads reach the whole square of cells (else one load per line).
        paired: bool,
        /// Object, colour and state of each code.
        channels: [Bytes; 3],
        /// Per store: byte k takes entry `pick[k]` of objects (0..64) and colours (64..128).
        pick: [Bytes; 3],
        /// Per store: bytes that are a state.
        states: [u64; 3],
    }

    pub(super) fn supported() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vbmi")
    }

    impl Tables {
        pub(super) fn new(viewer: &Viewer) -> Self {
            let pitch = viewer.geometry().pitch();
            let paired = (VIEW - 1) * pitch + VIEW <= PAIR;
            let line_bytes = if paired { pitch } else { 8 };
            let mut turn = [Bytes([0; 64]); 4];
            for (dir, index) in turn.iter_mut().enumerate() {
                for ahead in 0..VIEW {
                    for across in 0..VIEW {
                        let (line, column) = square_cell(dir, ahead, across);
                        index.0[ahead * 8 + across] = (line * line_bytes + column) as u8;
                    }
                }
            }
            let channels = std::array::from_fn(|channel| Bytes(ENCODED.map(|encoded| encoded[channel])));
            let mut pick = [Bytes([0; 64]); 3];
            let mut states = [0; 3];
            for (store, &begin) in STORES.iter().enumerate() {
                for k in 0..64 {
                    let (cell, channel) = ((begin + k) / 3, (begin + k) % 3);
                    let slot = (cell % VIEW) * 8 + cell / VIEW;
                    pick[store].0[k] = (slot + 64 * usize::from(channel == 1)) as u8;
                    states[store] |= u64::from(channel == 2) << k;
                }
            }
            Self {
                turn,
                paired,
                channels,
                pick,
                states,
            }
        }
    }

    /// The square of cells that begins at `first`, as slots for heading `dir`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn window(tables: &Tables, bytes: &[u8], first: usize, pitch: usize, turn: __m512i) -> __m512i {
        if tables.paired {
            let pair = &bytes[first..first + PAIR];
            // SAFETY: `pair` holds two times 64 bytes.
            let (low, high) = unsafe {
                (
                    _mm512_loadu_si512(pair.as_ptr().cast()),
                    _mm512_loadu_si512(pair.as_ptr().add(64).cast()),
                )
            };
            return _mm512_permutex2var_epi8(low, turn, high);
        }
        let square = &bytes[first..first + (VIEW - 1) * pitch + 8];
        let line = |k: usize| {
            // SAFETY: `k` is below 7, so the eight bytes end at most where `square` ends.
            unsafe { square.as_ptr().add(k * pitch).cast::<i64>().read_unaligned() }
        };
        let lines = _mm512_setr_epi64(line(0), line(1), line(2), line(3), line(4), line(5), line(6), 0);
        _mm512_permutexvar_epi8(turn, lines)
    }

    /// Writes the images of consecutive instances.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) fn observe_all(
        viewer: &Viewer,
        tables: &Tables,
        bytes: &[u8],
        sights: &[Sight],
        images: &mut [u8],
    ) {
        let sight_table = &**SIGHT;
        let pitch = viewer.geometry().pitch();
        let opaque_from = _mm512_set1_epi8(FIRST_OPAQUE as i8);
        let [objects, colours, states] = [0, 1, 2].map(|k: usize| tables.channels[k].load());
        let pick = [0, 1, 2].map(|k: usize| tables.pick[k].load());
        for (sight, image) in sights.iter().zip(images.chunks_exact_mut(IMAGE_BYTES)) {
            let turn = tables.turn[(sight.dir & 3) as usize].load();
            let mut codes = window(tables, bytes, viewer.corner(sight.at, sight.dir), pitch, turn);
            if !viewer.see_through_walls() {
                let opaque = _mm512_cmpge_epu8_mask(codes, opaque_from);
                codes = _mm512_maskz_mov_epi8(seen(sight_table, opaque), codes);
            }
            codes = _mm512_mask_blend_epi8(1 << AGENT_SLOT, codes, _mm512_set1_epi8(sight.carrying as i8));
            let object = _mm512_permutexvar_epi8(codes, objects);
            let colour = _mm512_permutexvar_epi8(codes, colours);
            let state = _mm512_permutexvar_epi8(codes, states);
            for (k, &begin) in STORES.iter().enumerate() {
                let mut out = _mm512_permutex2var_epi8(object, pick[k], colour);
                out = _mm512_mask_permutexvar_epi8(out, tables.states[k], pick[k], state);
                let target = &mut image[begin..begin + 64];
                // SAFETY: `target` holds 64 bytes.
                unsafe { _mm512_storeu_si512(target.as_mut_ptr().cast(), out) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gridworld::cell::Cell;
    use crate::gridworld::grid::{CellColumn, Geometry};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn wide_images_equal_portable_ones(
            width in 3_usize..26,
            height in 3_usize..26,
            see_through: bool,
            seed: u64,
            walls in 0_u64..100,
        ) {
            let geometry = Geometry::new(width, height);
            let mut column = CellColumn::new(geometry, 3);
            let mut rng = prospect_sim::random::Generator::default_rng(seed);
            for row in 0..3 {
                let mut board = column.board_mut(row);
                for y in 0..height {
                    for x in 0..width {
                        let wall = (rng.integers(0, 100) as u64) < walls;
                        let code = if wall { Cell::WALL.code() } else { rng.integers(1, 47) as u8 };
                        board.set(x, y, Cell::from_code(code).unwrap());
                    }
                }
            }
            let viewer = Viewer::new(geometry, see_through);
            let wide = WideViewer::new(viewer.clone());
            let mut images = vec![0xaa; 12 * IMAGE_BYTES];
            let sights: Vec<_> = (0..12_u8)
                .map(|k| {
                    let (x, y) = (rng.integers(0, width as i64) as usize, rng.integers(0, height as i64) as usize);
                    let at = column.origin(k as usize % 3) + geometry.place(x, y) as usize;
                    Sight { at, dir: k % 4, carrying: rng.integers(1, 34) as u8 }
                })
                .collect();
            wide.observe_all(column.bytes(), &sights, &mut images);
            let mut portable = vec![0x55; 12 * IMAGE_BYTES];
            WideViewer::portable(viewer).observe_all(column.bytes(), &sights, &mut portable);
            prop_assert_eq!(images, portable);
        }
    }
}
