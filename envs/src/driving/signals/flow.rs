//! One row of the intersection and how its traffic flows: arrivals, car following, stopping, leaving.

use bevy_ecs::component::Component;
use prospect_sim::RowState;
use prospect_sim::random::Generator;
use serde::{Deserialize, Serialize};

use super::demand::Demand;
use super::driver::{
    COMFORT_BRAKING_MPS2, HARDEST_BRAKING_MPS2, JAM_GAP_M, LENGTH_M, Vehicle, WAITING_MPS,
    YELLOW_BRAKING_MPS2, turn_of,
};
use super::layout::{APPROACH_M, APPROACHES, Layout, MAX_TOTAL_LANES, TURNS};
use super::road::{Road, RoadMut};
use super::settings::Settings;
use super::signal::{Signal, Stage, TICKS_PER_S};

/// A substep, in s.
pub const DT_S: f64 = 1.0 / TICKS_PER_S as f64;
/// Drivers stop so far before the stop line, in m.
const STOP_BEFORE_LINE_M: f64 = 1.0;
/// From the stop line to the middle of a turn, in m: left, straight, right.
const TURN_MIDDLE_M: [f64; TURNS] = [10.0, 0.0, 5.0];
/// Beyond this distance from the stop line nobody reacts to the signal, in m: twice what comfortable braking needs.
const SIGHT_M: f64 = 100.0;

/// State of a row beside its vehicles.
#[derive(Component, Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Junction {
    /// The signal.
    pub signal: Signal,
    /// Substeps since the episode began.
    pub tick: u32,
    /// What the drivers of this episode are drawn from.
    key: u64,
    /// Per lane, how much of an exponential of mean one is left until the next arrival.
    until_arrival: [f64; MAX_TOTAL_LANES],
    /// Vehicles that have arrived, by lane.
    pub arrived: [u32; MAX_TOTAL_LANES],
    /// Vehicles that have entered the road, by lane: those that found room.
    pub entered: [u32; MAX_TOTAL_LANES],
    /// Vehicles that are out of sight again.
    pub departed: u32,
    /// Vehicles times substeps waited.
    pub waited: u64,
    /// Time lost against the drivers' desired speeds, summed over vehicles, in s.
    pub delay_s: f64,
    /// Changes of phase.
    pub changes: u32,
    /// Of the last step alone.
    pub last: StepTally,
}

/// What happened in one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTally {
    /// Vehicles times substeps waited.
    pub waited: u32,
    /// Vehicles that went out of sight.
    pub departed: u32,
    /// Whether a change of phase began.
    pub changed: bool,
}

impl RowState for Junction {
    const NAME: &'static str = "traffic_light_junction";
}

impl Junction {
    /// A junction without traffic, for a row that was not reset yet.
    pub fn idle() -> Self {
        Self {
            signal: Signal::green(0),
            tick: 0,
            key: 0,
            until_arrival: [f64::INFINITY; MAX_TOTAL_LANES],
            arrived: [0; MAX_TOTAL_LANES],
            entered: [0; MAX_TOTAL_LANES],
            departed: 0,
            waited: 0,
            delay_s: 0.0,
            changes: 0,
            last: StepTally::default(),
        }
    }

    /// The first state of an episode: empty roads, a random phase that has just become green.
    pub fn start(layout: Layout, rng: &mut Generator) -> Self {
        let mut junction = Self::idle();
        junction.signal = Signal::green(rng.choice(super::layout::PHASES));
        junction.key = rng.next_u64();
        for mass in &mut junction.until_arrival[..layout.n_lanes()] {
            *mass = rng.standard_exponential();
        }
        junction
    }

    /// Vehicles of a lane that have arrived and found no room yet.
    pub fn outside(&self, lane: usize) -> u32 {
        self.arrived[lane].saturating_sub(self.entered[lane])
    }

    /// Vehicles that have arrived.
    pub fn total_arrived(&self) -> u32 {
        self.arrived.iter().sum()
    }

    /// Time waited, summed over vehicles, in s.
    pub fn waiting_s(&self) -> f64 {
        self.waited as f64 * DT_S
    }

    /// Waiting time per vehicle that has arrived, in s.
    pub fn mean_waiting_s(&self) -> f64 {
        self.waiting_s() / f64::from(self.total_arrived().max(1))
    }

    /// Vehicles of a lane that wait now, on the road or outside.
    pub fn queue(&self, road: Road<'_>, lane: usize) -> u32 {
        let standing = road
            .lane(lane)
            .iter()
            .filter(|vehicle| vehicle.speed_mps < WAITING_MPS);
        standing.count() as u32 + self.outside(lane)
    }

    /// Vehicles that wait now by movement, `approach * TURNS + turn`.
    pub fn queues(&self, road: Road<'_>) -> [u32; APPROACHES * TURNS] {
        let layout = road.layout();
        let mut queues = [0; APPROACHES * TURNS];
        for lane in 0..layout.n_lanes() {
            let first = layout.approach(lane) * TURNS;
            for vehicle in road
                .lane(lane)
                .iter()
                .filter(|vehicle| vehicle.speed_mps < WAITING_MPS)
            {
                queues[first + usize::from(vehicle.turn)] += 1;
            }
            for number in self.entered[lane]..self.arrived[lane] {
                queues[first + self.turn(layout, lane, number)] += 1;
            }
        }
        queues
    }

    fn turn(&self, layout: Layout, lane: usize, number: u32) -> usize {
        let right = Demand::right_share(layout, lane);
        turn_of(self.key, lane, number, layout.is_left(lane), right) as usize
    }

    /// One step: asks for `phase`, then lets the traffic flow until the next decision.
    pub fn step(&mut self, settings: &Settings, road: &mut RoadMut<'_>, phase: usize, rng: &mut Generator) {
        self.last = StepTally {
            changed: self.signal.request(phase, settings.timing),
            ..StepTally::default()
        };
        self.changes += u32::from(self.last.changed);
        for _ in 0..settings.decision_ticks() {
            self.substep(settings, road, rng);
        }
        self.waited += u64::from(self.last.waited);
        self.departed += self.last.departed;
    }

    fn substep(&mut self, settings: &Settings, road: &mut RoadMut<'_>, rng: &mut Generator) {
        let layout = settings.layout;
        let rates = settings.arrivals(self.tick);
        for (lane, &rate) in rates.iter().enumerate().take(layout.n_lanes()) {
            self.arrive(lane, rate, rng);
            self.enter(lane, road);
            let shown = self.signal.shows(layout.phase_of(lane));
            let (standing, lost) = move_lane(road.lane_mut(lane), shown);
            let outside = self.outside(lane);
            self.last.waited += standing + outside;
            self.delay_s += (lost + f64::from(outside)) * DT_S;
            self.last.departed += road.pop_departed(lane);
        }
        self.tick += 1;
        self.signal.advance(settings.timing);
    }

    /// Lets vehicles of a Poisson process arrive: each has an exponential to wait for, of which `rate` passes in a substep.
    fn arrive(&mut self, lane: usize, rate: f64, rng: &mut Generator) {
        self.until_arrival[lane] -= rate;
        while self.until_arrival[lane] <= 0.0 {
            self.arrived[lane] += 1;
            self.until_arrival[lane] += rng.standard_exponential();
        }
    }

    /// Lets the first vehicle outside onto its lane if there is room, as fast as it can follow the last one there.
    fn enter(&mut self, lane: usize, road: &mut RoadMut<'_>) {
        if self.outside(lane) == 0 {
            return;
        }
        let layout = road.layout();
        let number = self.entered[lane];
        let right = Demand::right_share(layout, lane);
        let turn = turn_of(self.key, lane, number, layout.is_left(lane), right);
        let mut vehicle = Vehicle::new(self.key, lane, number, turn);
        vehicle.speed_mps = vehicle.desired_speed_mps;
        if let Some(last) = road.as_ref().lane(lane).last() {
            let room = last.position_m - LENGTH_M - JAM_GAP_M;
            if room < 1.0 {
                return;
            }
            vehicle.speed_mps =
                vehicle
                    .speed_mps
                    .min(entry_speed_mps(room, last.speed_mps, vehicle.headway_s));
        }
        if road.push(lane, vehicle) {
            self.entered[lane] += 1;
        }
    }
}

/// The speed from which one can stop comfortably after reacting for `headway_s`, `room_m` behind one who brakes as well.
fn entry_speed_mps(room_m: f64, lead_mps: f64, headway_s: f64) -> f64 {
    let b = COMFORT_BRAKING_MPS2;
    let reaction = b * headway_s;
    (reaction * reaction + lead_mps * lead_mps + 2.0 * b * room_m).sqrt() - reaction
}

/// Whether a vehicle `to_line_m` before the stop line is to stop there.
#[inline]
fn must_stop(speed_mps: f64, to_line_m: f64, shown: Option<Stage>) -> bool {
    let needed = speed_mps * speed_mps / (2.0 * to_line_m);
    match shown {
        Some(Stage::Green) => false,
        Some(_) => needed <= YELLOW_BRAKING_MPS2,
        None => needed <= HARDEST_BRAKING_MPS2,
    }
}

/// Moves the vehicles of a lane, front first, each by where the one ahead was before; returns how many wait and the share
/// of their desired speeds that they lack, summed.
fn move_lane(vehicles: &mut [Vehicle], shown: Option<Stage>) -> (u32, f64) {
    let (mut lead_rear_m, mut lead_mps) = (f64::INFINITY, 0.0);
    let (mut standing, mut lost) = (0, 0.0);
    for vehicle in vehicles {
        let to_line_m = APPROACH_M - vehicle.position_m;
        let wanted = vehicle.wanted_speed_mps(to_line_m + TURN_MIDDLE_M[usize::from(vehicle.turn.min(2))]);
        let mut acceleration = vehicle.follow(wanted, lead_rear_m - vehicle.position_m, lead_mps);
        if to_line_m > 0.0 && to_line_m < SIGHT_M && must_stop(vehicle.speed_mps, to_line_m, shown) {
            let gap = to_line_m + JAM_GAP_M - STOP_BEFORE_LINE_M;
            acceleration = acceleration.min(vehicle.follow(wanted, gap, 0.0));
        }
        (lead_rear_m, lead_mps) = (vehicle.position_m - LENGTH_M, vehicle.speed_mps);
        vehicle.advance(acceleration, DT_S);
        let waits = vehicle.speed_mps < WAITING_MPS;
        vehicle.waited += u32::from(waits);
        standing += u32::from(waits);
        lost += (1.0 - vehicle.speed_mps / vehicle.desired_speed_mps).max(0.0);
    }
    (standing, lost)
}
