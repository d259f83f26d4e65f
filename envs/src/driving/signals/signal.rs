//! The signal and its phase gate: what is asked for is done only when it may be, with yellow and all-red in between.

use serde::{Deserialize, Serialize};

use super::layout::PHASES;

/// Substeps per second.
pub const TICKS_PER_S: u32 = 2;

/// What the lanes of the present phase see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// They may go.
    Green,
    /// They stop if they can.
    Yellow,
    /// They stop, and so do all others until the box is empty.
    AllRed,
}

/// How long the stages last, in substeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Green lasts at least so long.
    pub min_green: u32,
    /// No longer is it granted at a decision.
    pub max_green: u32,
    /// Yellow.
    pub yellow: u32,
    /// Red for all.
    pub all_red: u32,
}

impl Timing {
    /// The timing in whole seconds.
    pub fn of_seconds(min_green_s: u32, max_green_s: u32, yellow_s: u32, all_red_s: u32) -> Self {
        Self {
            min_green: min_green_s * TICKS_PER_S,
            max_green: max_green_s * TICKS_PER_S,
            yellow: yellow_s * TICKS_PER_S,
            all_red: all_red_s * TICKS_PER_S,
        }
    }

    /// From the end of one green to the beginning of the next, in substeps.
    pub fn change(self) -> u32 {
        self.yellow + self.all_red
    }
}

/// The state of the signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// The phase that is served, or was last.
    pub phase: u8,
    /// The phase that follows; the same while it is green.
    pub next: u8,
    /// The stage.
    pub stage: Stage,
    /// Substeps in this stage.
    pub elapsed: u32,
}

impl Signal {
    /// Green for `phase` from now on.
    pub fn green(phase: usize) -> Self {
        Self {
            phase: phase as u8,
            next: phase as u8,
            stage: Stage::Green,
            elapsed: 0,
        }
    }

    /// Whether the gate is open: a change would be granted now.
    pub fn is_open(&self, timing: Timing) -> bool {
        self.stage == Stage::Green && self.elapsed >= timing.min_green
    }

    /// What may be asked for. While the gate is closed that is the phase that is served or comes next, and nothing else;
    /// after the longest green it is anything but the present phase.
    pub fn mask(&self, timing: Timing) -> [bool; PHASES] {
        std::array::from_fn(|phase| {
            if !self.is_open(timing) {
                phase == usize::from(self.next)
            } else if self.elapsed >= timing.max_green {
                phase != usize::from(self.phase)
            } else {
                true
            }
        })
    }

    /// Asks for a phase and tells whether a change begins. What the mask excludes is not an error: a closed gate holds the
    /// phase, and a phase that had its longest green gives way to the one behind it.
    pub fn request(&mut self, phase: usize, timing: Timing) -> bool {
        if !self.is_open(timing) {
            return false;
        }
        let own = usize::from(self.phase);
        let wanted = if phase == own && self.elapsed >= timing.max_green {
            (own + 1) % PHASES
        } else {
            phase.min(PHASES - 1)
        };
        if wanted == own {
            return false;
        }
        self.next = wanted as u8;
        self.stage = Stage::Yellow;
        self.elapsed = 0;
        self.settle(timing);
        true
    }

    /// One substep later.
    pub fn advance(&mut self, timing: Timing) {
        self.elapsed += 1;
        self.settle(timing);
    }

    /// Leaves stages that are over.
    fn settle(&mut self, timing: Timing) {
        if self.stage == Stage::Yellow && self.elapsed >= timing.yellow {
            self.stage = Stage::AllRed;
            self.elapsed = 0;
        }
        if self.stage == Stage::AllRed && self.elapsed >= timing.all_red {
            *self = Self::green(usize::from(self.next));
        }
    }

    /// What the lanes of `phase` see; none is red.
    #[inline]
    pub fn shows(&self, phase: usize) -> Option<Stage> {
        (usize::from(self.phase) == phase && self.stage != Stage::AllRed).then_some(self.stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        min_green: 10,
        max_green: 20,
        yellow: 6,
        all_red: 4,
    };

    #[test]
    fn a_change_takes_yellow_and_all_red() {
        let mut signal = Signal::green(0);
        assert!(!signal.request(2, TIMING), "the shortest green is not over");
        assert_eq!(signal.mask(TIMING), [true, false, false, false]);
        (0..10).for_each(|_| signal.advance(TIMING));
        assert_eq!(signal.mask(TIMING), [true; PHASES]);
        assert!(!signal.request(0, TIMING), "holding is no change");
        assert!(signal.request(2, TIMING));
        let mut seen = Vec::new();
        for _ in 0..12 {
            seen.push((signal.shows(0), signal.shows(2)));
            assert!(
                !signal.request(3, TIMING),
                "a change that has begun is carried out"
            );
            signal.advance(TIMING);
        }
        assert!(seen[..6].iter().all(|&s| s == (Some(Stage::Yellow), None)));
        assert!(seen[6..10].iter().all(|&s| s == (None, None)));
        assert!(seen[10..].iter().all(|&s| s == (None, Some(Stage::Green))));
    }

    #[test]
    fn the_longest_green_gives_way() {
        let mut signal = Signal::green(3);
        (0..20).for_each(|_| signal.advance(TIMING));
        assert_eq!(signal.mask(TIMING), [true, true, true, false]);
        assert!(signal.request(3, TIMING));
        assert_eq!(signal.next, 0);
    }

    #[test]
    fn stages_of_no_length_are_skipped() {
        let timing = Timing {
            yellow: 0,
            all_red: 0,
            ..TIMING
        };
        let mut signal = Signal::green(0);
        (0..10).for_each(|_| signal.advance(timing));
        assert!(signal.request(1, timing));
        assert_eq!(signal, Signal::green(1));
    }
}
