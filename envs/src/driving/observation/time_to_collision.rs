//! `TimeToCollision`: when the ego would meet others, for three speeds and three lanes around its own.

use prospect_sim::{Dtype, Field, FieldsMut};

use super::{Observer, ObserverScratch};
use crate::driving::road::scalar::{direction, dot, not_zero};
use crate::driving::scene::View;
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// Speeds and lanes seen: the observer's and one on either side.
const WINDOW: usize = 3;
/// How many roads ahead others are looked for.
const DEPTH: usize = 3;

/// A grid of target speeds, lanes and times in which others mark where they would be met. It needs meta-actions, whose target
/// speeds it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeToCollision {
    /// How far it looks ahead, in s.
    horizon_s: f64,
    /// Cells per s.
    policy_frequency: usize,
}

impl TimeToCollision {
    /// A grid that looks `horizon_s` s ahead.
    pub fn new(horizon_s: f64) -> Self {
        Self {
            horizon_s,
            policy_frequency: 1,
        }
    }

    /// The observer that options describe.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        Ok(Self::new(options.number("horizon", 10.0, 1.0..=1e4)?))
    }

    /// Width of a cell, in s.
    fn step_s(&self) -> f64 {
        1.0 / self.policy_frequency as f64
    }

    fn times(&self) -> usize {
        ((self.horizon_s / self.step_s()) as usize).max(1)
    }

    /// Marks the cells in which vehicle `ego` at `speed` would meet `other`: 1 at its centre, 0.5 at its ends. `plane` is
    /// `[3, times]`, the lanes from `first_lane` on.
    fn mark(
        &self,
        view: &View<'_>,
        [ego, other]: [usize; 2],
        speed: f64,
        first_lane: i32,
        plane: &mut [f32],
    ) {
        let Some(meeting) = meeting(view, ego, other) else {
            return;
        };
        let times = self.times();
        let (own, met) = (&view.bodies[ego], &view.bodies[other]);
        let gap = view.lane_distance(ego, met.position);
        let margin = view.params[other].length / 2.0 + view.params[ego].length / 2.0;
        let closing = speed - met.speed * dot(direction(met.heading), direction(own.heading));
        for (shift, cost) in [(0.0, 1.0), (-margin, 0.5), (margin, 0.5)] {
            let time = (gap + shift) / not_zero(closing);
            if time < 0.0 {
                continue;
            }
            let cell = time / self.step_s();
            for cell in [cell as usize, cell.ceil() as usize] {
                for (lane, cells) in (first_lane..).zip(plane.chunks_exact_mut(times)) {
                    let here = match meeting {
                        Meeting::Lane(only) => only == lane,
                        Meeting::AnyLane => true,
                    };
                    if cell < times && here {
                        cells[cell] = cells[cell].max(cost);
                    }
                }
            }
        }
    }
}

/// Where another vehicle may be met.
#[derive(Debug, Clone, Copy)]
enum Meeting {
    /// On this lane: its road has as many lanes as the ego's.
    Lane(i32),
    /// On any.
    AnyLane,
}

/// Where `other` may be met by `ego`; none if its road is not on the way.
fn meeting(view: &View<'_>, ego: usize, other: usize) -> Option<Meeting> {
    let network = view.network;
    let [own, met] = [ego, other].map(|i| view.bodies[i].lane);
    if !network.is_connected_road(own, met, view.routes[ego].steps(), DEPTH) {
        return None;
    }
    let [width, of_met] = [own, met].map(|lane| network.width(network.road(lane)));
    Some(if width == of_met {
        Meeting::Lane(i32::from(network.id(met)))
    } else {
        Meeting::AnyLane
    })
}

impl Observer for TimeToCollision {
    fn set_policy_frequency(&mut self, policy_frequency: usize) {
        self.policy_frequency = policy_frequency;
    }

    fn needs_target_speeds(&self) -> bool {
        true
    }

    fn fields(&self) -> Vec<Field> {
        let shape = [WINDOW, WINDOW, self.times()];
        vec![Field::new("observation", Dtype::F32, &shape, 0.0, 1.0)]
    }

    fn observe(
        &self,
        view: &View<'_>,
        agent: usize,
        _: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        let Some(values) = out.first_mut().and_then(|field| field.data.as_f32()) else {
            return;
        };
        let times = self.times();
        let size = WINDOW * WINDOW * times;
        let grid = &mut values[actor * size..(actor + 1) * size];
        let ego = view.ego(agent);
        let own = view.bodies[ego].lane;
        let n_lanes = view.network.width(view.network.road(own)) as i32;
        let first_lane = i32::from(view.network.id(own)) - 1;
        let speeds = view.settings.action.target_speeds();
        for (row, plane) in grid.chunks_exact_mut(WINDOW * times).enumerate() {
            for (lane, cells) in (first_lane..).zip(plane.chunks_exact_mut(times)) {
                // Lanes that do not exist are full.
                cells.fill(if (0..n_lanes).contains(&lane) { 0.0 } else { 1.0 });
            }
            // Beyond the ends of the target speeds their ends are seen.
            let index = usize::from(view.drivers[ego].speed_index) + row;
            let Some(&speed) = speeds.get(index.saturating_sub(1).min(speeds.len().saturating_sub(1))) else {
                continue;
            };
            for (other, body) in view.bodies.iter().enumerate() {
                if other != ego && body.speed != speed {
                    self.mark(view, [ego, other], speed, first_lane, plane);
                }
            }
        }
    }
}
