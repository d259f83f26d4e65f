//! The stacks of pictures that agents see: state, because a stack remembers what the scene was.

use bevy_ecs::resource::Resource;
use bevy_ecs::system::{Res, ResMut};
use prospect_sim::ColumnState;

use super::systems::{Desk, RowQuery, VehicleQuery};
use super::table::{RowMut, Table, with_table};
use super::task::Task;

/// The column: `[rows, agents, stack, area]` bytes, the newest picture last.
#[derive(Resource, Debug)]
pub(super) struct Pictures {
    agents: usize,
    /// Bytes of a picture.
    area: usize,
    /// Bytes of a stack.
    stack: usize,
    bytes: Vec<u8>,
}

impl Pictures {
    /// Black stacks of `n` rows.
    pub(super) fn new(n: usize, agents: usize, [pictures, area]: [usize; 2]) -> Self {
        let stack = pictures * area;
        Self {
            agents,
            area,
            stack,
            bytes: vec![0; n * agents * stack],
        }
    }

    /// The stacks of a row's agents, one after the other.
    pub(super) fn row(&self, row: usize) -> &[u8] {
        let width = self.agents * self.stack;
        &self.bytes[row * width..(row + 1) * width]
    }

    fn row_mut(&mut self, row: usize) -> &mut [u8] {
        let width = self.agents * self.stack;
        &mut self.bytes[row * width..(row + 1) * width]
    }

    /// Makes a row's stacks black.
    pub(super) fn clear(&mut self, row: usize) {
        self.row_mut(row).fill(0);
    }

    /// Drops the oldest picture of each agent of a row for a new one, which `draw` fills.
    pub(super) fn push(&mut self, row: usize, draw: impl Fn(usize, &mut [u8])) {
        let (stack, area) = (self.stack, self.area);
        for (agent, pictures) in self.row_mut(row).chunks_exact_mut(stack).enumerate() {
            pictures.copy_within(area.., 0);
            draw(agent, &mut pictures[stack - area..]);
        }
    }
}

impl ColumnState for Pictures {
    const NAME: &'static str = "driving_pictures";

    fn encode_row(&self, row: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(self.row(row));
    }

    fn decode_row(&mut self, row: usize, bytes: &[u8]) -> Result<(), String> {
        let own = self.row_mut(row);
        if own.len() != bytes.len() {
            return Err(format!(
                "{} bytes of pictures, {} expected",
                bytes.len(),
                own.len()
            ));
        }
        own.copy_from_slice(bytes);
        Ok(())
    }
}

/// `End`: what the step has led to is added to the stacks.
pub(super) fn add_pictures<T: Task>(
    mut vehicles: VehicleQuery<'_, '_>,
    mut rows: RowQuery<'_, '_, T::Memory>,
    desk: Res<'_, Desk<T>>,
    mut pictures: ResMut<'_, Pictures>,
) {
    let observer = &desk.shared.settings.observation;
    with_table!(vehicles, table => for (row, parts) in rows.iter_mut().enumerate() {
        let row_state = RowMut::new(parts);
        let used = row_state.used.0 as usize;
        let view = table.view(&desk.shared, row * desk.slots, used, &row_state.objects.0, row_state.episode);
        pictures.push(row, |agent, out| observer.picture(&view, agent, out));
    });
}
