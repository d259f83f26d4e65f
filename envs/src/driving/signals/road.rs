//! The vehicles of all rows: one flat column, a fixed stretch per lane, front vehicle first.

use bevy_ecs::resource::Resource;
use prospect_sim::ColumnState;

use super::driver::Vehicle;
use super::layout::{APPROACH_M, EXIT_M, Layout};

/// Vehicles that a lane holds: bumper to bumper they would need more than the 260 m that there are.
pub(super) const CAPACITY: usize = 40;

const _: () =
    assert!(CAPACITY as f64 * (super::driver::LENGTH_M + super::driver::JAM_GAP_M) > APPROACH_M + EXIT_M);

/// Bytes of a vehicle in a snapshot: six reals, its turn, its waiting time.
const VEHICLE_BYTES: usize = 6 * 8 + 1 + 4;

/// The column: `[rows, lanes, CAPACITY]` vehicles, of which the first `counts[row, lane]` are on the road.
#[derive(Resource, Debug, Clone)]
pub struct Roads {
    layout: Layout,
    vehicles: Vec<Vehicle>,
    counts: Vec<u8>,
}

/// The lanes of one row.
#[derive(Debug, Clone, Copy)]
pub struct Road<'a> {
    layout: Layout,
    vehicles: &'a [Vehicle],
    counts: &'a [u8],
}

/// The lanes of one row, to be changed.
#[derive(Debug)]
pub struct RoadMut<'a> {
    layout: Layout,
    vehicles: &'a mut [Vehicle],
    counts: &'a mut [u8],
}

impl Roads {
    /// Empty roads of `rows` rows.
    pub fn new(layout: Layout, rows: usize) -> Self {
        let lanes = rows * layout.n_lanes();
        Self {
            layout,
            vehicles: vec![Vehicle::default(); lanes * CAPACITY],
            counts: vec![0; lanes],
        }
    }

    /// The lanes of `row`.
    pub fn row(&self, row: usize) -> Road<'_> {
        let lanes = row * self.layout.n_lanes()..(row + 1) * self.layout.n_lanes();
        Road {
            layout: self.layout,
            vehicles: &self.vehicles[lanes.start * CAPACITY..lanes.end * CAPACITY],
            counts: &self.counts[lanes],
        }
    }

    /// The lanes of `row`, to be changed.
    pub fn row_mut(&mut self, row: usize) -> RoadMut<'_> {
        let lanes = row * self.layout.n_lanes()..(row + 1) * self.layout.n_lanes();
        RoadMut {
            layout: self.layout,
            vehicles: &mut self.vehicles[lanes.start * CAPACITY..lanes.end * CAPACITY],
            counts: &mut self.counts[lanes],
        }
    }

    /// The lanes of all rows, in order.
    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = RoadMut<'_>> {
        let (layout, lanes) = (self.layout, self.layout.n_lanes());
        let vehicles = self.vehicles.chunks_exact_mut(lanes * CAPACITY);
        let rows = vehicles.zip(self.counts.chunks_exact_mut(lanes));
        rows.map(move |(vehicles, counts)| RoadMut {
            layout,
            vehicles,
            counts,
        })
    }
}

impl<'a> Road<'a> {
    /// The layout.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The vehicles of a lane, front first.
    #[inline]
    pub fn lane(&self, lane: usize) -> &'a [Vehicle] {
        &self.vehicles[lane * CAPACITY..][..usize::from(self.counts[lane])]
    }

    /// Vehicles of all lanes.
    pub fn len(&self) -> usize {
        self.counts.iter().map(|&count| usize::from(count)).sum()
    }

    /// True if no vehicle is on the road.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl RoadMut<'_> {
    /// The layout.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The same, to be read.
    pub fn as_ref(&self) -> Road<'_> {
        Road {
            layout: self.layout,
            vehicles: self.vehicles,
            counts: self.counts,
        }
    }

    /// The vehicles of a lane, front first.
    #[inline]
    pub fn lane_mut(&mut self, lane: usize) -> &mut [Vehicle] {
        &mut self.vehicles[lane * CAPACITY..][..usize::from(self.counts[lane])]
    }

    /// Removes all vehicles.
    pub fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// Adds a vehicle at the end of a lane and tells whether there was room.
    pub fn push(&mut self, lane: usize, vehicle: Vehicle) -> bool {
        let count = usize::from(self.counts[lane]);
        if count == CAPACITY {
            return false;
        }
        self.vehicles[lane * CAPACITY + count] = vehicle;
        self.counts[lane] += 1;
        true
    }

    /// Removes the vehicles at the front that are out of sight and counts them.
    #[inline]
    pub fn pop_departed(&mut self, lane: usize) -> u32 {
        let vehicles = self.lane_mut(lane);
        let is_gone = |vehicle: &&Vehicle| vehicle.position_m >= APPROACH_M + EXIT_M;
        let gone = vehicles.iter().take_while(is_gone).count();
        if gone > 0 {
            vehicles.copy_within(gone.., 0);
            self.counts[lane] -= gone as u8;
        }
        gone as u32
    }
}

impl ColumnState for Roads {
    const NAME: &'static str = "traffic_light_roads";

    fn encode_row(&self, row: usize, out: &mut Vec<u8>) {
        let road = self.row(row);
        out.extend_from_slice(road.counts);
        for lane in 0..self.layout.n_lanes() {
            for vehicle in road.lane(lane) {
                let reals = [
                    vehicle.position_m,
                    vehicle.speed_mps,
                    vehicle.desired_speed_mps,
                    vehicle.headway_s,
                    vehicle.acceleration_mps2,
                    vehicle.braking_scale_mps2,
                ];
                for real in reals {
                    out.extend(real.to_le_bytes());
                }
                out.push(vehicle.turn);
                out.extend(vehicle.waited.to_le_bytes());
            }
        }
    }

    fn decode_row(&mut self, row: usize, bytes: &[u8]) -> Result<(), String> {
        let lanes = self.layout.n_lanes();
        let (counts, vehicles) = bytes.split_at_checked(lanes).ok_or("it is cut short")?;
        if let Some(count) = counts.iter().find(|&&count| usize::from(count) > CAPACITY) {
            return Err(format!("{count} vehicles on a lane for {CAPACITY}"));
        }
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        if vehicles.len() != total * VEHICLE_BYTES {
            return Err(format!("{} bytes for {total} vehicles", vehicles.len()));
        }
        let mut road = self.row_mut(row);
        road.clear();
        let mut records = vehicles.chunks_exact(VEHICLE_BYTES);
        for (lane, &count) in counts.iter().enumerate() {
            for record in records.by_ref().take(usize::from(count)) {
                road.push(lane, decode_vehicle(record));
            }
        }
        Ok(())
    }
}

fn decode_vehicle(record: &[u8]) -> Vehicle {
    let real = |i: usize| {
        let bytes = record
            .get(8 * i..8 * i + 8)
            .and_then(|bytes| bytes.try_into().ok());
        f64::from_le_bytes(bytes.unwrap_or_default())
    };
    let waited = record.get(49..53).and_then(|bytes| bytes.try_into().ok());
    Vehicle {
        position_m: real(0),
        speed_mps: real(1),
        desired_speed_mps: real(2),
        headway_s: real(3),
        acceleration_mps2: real(4),
        braking_scale_mps2: real(5),
        turn: record.get(48).copied().unwrap_or_default(),
        waited: u32::from_le_bytes(waited.unwrap_or_default()),
    }
}
