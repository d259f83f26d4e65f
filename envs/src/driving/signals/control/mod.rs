//! Controllers to compare with: the best fixed plan, an actuated controller, max-pressure.
//!
//! They decide every second, as controllers at the roadside do, and see the same arrivals and drivers as a policy under the
//! same seed.

mod actuated;
mod fixed_plan;
mod max_pressure;

pub use actuated::Actuated;
pub use fixed_plan::{FixedPlan, best_plan, best_plan_waiting_s, webster_cycle_s};
pub use max_pressure::MaxPressure;

use prospect_sim::random::Generator;

use super::flow::Junction;
use super::road::{Road, Roads};
use super::settings::Settings;

/// Chooses phases by a rule.
pub trait Controller {
    /// The phase asked for now. The phase gate holds for controllers as it does for policies.
    fn decide(&mut self, settings: &Settings, junction: &Junction, road: Road<'_>) -> usize;
}

/// What an episode brought.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Totals {
    /// Vehicles that arrived.
    pub arrived: f64,
    /// Vehicles that left.
    pub departed: f64,
    /// Time waited, summed over vehicles, in s.
    pub waiting_s: f64,
    /// Time lost, summed over vehicles, in s.
    pub delay_s: f64,
    /// Changes of phase.
    pub changes: f64,
}

impl Totals {
    /// Waiting time per vehicle, in s.
    pub fn mean_waiting_s(&self) -> f64 {
        self.waiting_s / self.arrived.max(1.0)
    }

    /// Delay per vehicle, in s.
    pub fn mean_delay_s(&self) -> f64 {
        self.delay_s / self.arrived.max(1.0)
    }
}

/// Plays one episode with decisions every second: the first that the env would play under this seed.
pub fn play(settings: &Settings, controller: &mut dyn Controller, seed: u64) -> Totals {
    let mut settings = settings.clone();
    settings.decision_s = 1;
    let mut rng = Generator::default_rng(seed);
    let mut roads = Roads::new(settings.layout, 1);
    let mut junction = Junction::start(settings.layout, &mut rng);
    for _ in 0..settings.steps() {
        let phase = controller.decide(&settings, &junction, roads.row(0));
        junction.step(&settings, &mut roads.row_mut(0), phase, &mut rng);
    }
    Totals {
        arrived: f64::from(junction.total_arrived()),
        departed: f64::from(junction.departed),
        waiting_s: junction.waiting_s(),
        delay_s: junction.delay_s,
        changes: f64::from(junction.changes),
    }
}

/// The sums over one episode per seed, each with a controller made anew.
pub fn play_all<C: Controller>(
    settings: &Settings,
    controller: impl Fn() -> C,
    seeds: impl IntoIterator<Item = u64>,
) -> Totals {
    let mut sum = Totals::default();
    for seed in seeds {
        let one = play(settings, &mut controller(), seed);
        sum.arrived += one.arrived;
        sum.departed += one.departed;
        sum.waiting_s += one.waiting_s;
        sum.delay_s += one.delay_s;
        sum.changes += one.changes;
    }
    sum
}
