//! The systems of a step.
//!
//! Vehicles are entities in slots; all of a shard lie in one table, row by row and slot by slot, so a system takes the
//! table's slices and cuts out a row's stretch.

use bevy_ecs::query::With;
use bevy_ecs::resource::Resource;
use bevy_ecs::system::{Query, Res, ResMut};
use prospect_sim::{ActionColumn, BodyState, Occupied, Outcome, Rng, Slot};

use super::action::Order;
use super::caption::Caption;
use super::env::Shared;
use super::episode::{Episode, Objects, Remembered};
use super::road::{LaneIx, Route};
use super::scene::View;
use super::settings::Payment;
use super::table::{RowMut, Table, with_table};
use super::task::{MAX_TERMS, Task, Verdict};
use super::traffic::{Fleet, Scratch, Traffic};
use super::vehicle::{Body, Driver, Params};

/// Constants and buffers of a shard. The buffers are no state: they are written before they are read.
#[derive(Resource, Debug)]
pub(super) struct Desk<T: Task> {
    pub(super) shared: Shared<T>,
    /// Slots per row.
    pub(super) slots: usize,
    pub(super) scratch: Scratch,
    pub(super) fleet: Fleet,
    /// What each actor orders in this step.
    pub(super) orders: Vec<Order>,
    /// What each actor's step was judged by.
    pub(super) results: Vec<StepResult>,
    /// The vehicles of each row at the end of its last episode.
    pub(super) ends: Vec<Vec<BodyState>>,
}

/// What event facts say of an actor's step.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StepResult {
    pub(super) terms: [f64; MAX_TERMS],
    pub(super) success: bool,
    pub(super) truncated: bool,
    pub(super) crashed: bool,
    pub(super) lane_changed: bool,
    pub(super) caption: Caption,
    /// The state before the step, to tell what has happened.
    crashed_before: bool,
    on_road_before: bool,
    target_before: LaneIx,
}

impl StepResult {
    /// Remembers what vehicle `i` is like before the step.
    fn begin(&mut self, view: &View<'_>, i: usize) {
        self.crashed_before = view.bodies[i].crashed;
        self.on_road_before = view.on_road(i);
        self.target_before = view.target_lane(i);
    }

    /// Tells what the step has done to vehicle `i`.
    fn finish(&mut self, view: &View<'_>, i: usize, verdict: &Verdict) {
        let (before, now) = (self.target_before, view.target_lane(i));
        self.success = verdict.success;
        self.truncated = verdict.truncated;
        self.crashed = view.bodies[i].crashed && !self.crashed_before;
        self.lane_changed = now != before;
        self.caption = if self.crashed {
            Caption::Crash
        } else if self.success {
            Caption::Success
        } else if self.truncated {
            Caption::TimeUp
        } else if self.on_road_before && !view.on_road(i) {
            Caption::OffRoad
        } else if now == before {
            Caption::None
        } else if view.network.road(now) != view.network.road(before) {
            Caption::NextRoad
        } else if now < before {
            Caption::LaneLeft
        } else {
            Caption::LaneRight
        };
    }
}

/// All components of vehicles.
pub(super) type VehicleQuery<'w, 's> = Query<
    'w,
    's,
    (
        &'static mut Body,
        &'static mut Driver,
        &'static mut Route,
        &'static mut Params,
    ),
    With<Slot>,
>;

/// What a row has beside its vehicles.
pub(super) type RowQuery<'w, 's, M> = Query<
    'w,
    's,
    (
        &'static mut Episode,
        &'static mut Objects,
        &'static mut Remembered<M>,
        &'static mut Occupied,
        &'static mut Rng,
    ),
>;

/// `Act`: what is due from the last step is done, clocks go on, actions become orders.
pub(super) fn act<T: Task>(
    mut vehicles: VehicleQuery<'_, '_>,
    mut rows: RowQuery<'_, '_, T::Memory>,
    actions: Res<'_, ActionColumn>,
    mut desk: ResMut<'_, Desk<T>>,
) {
    let desk = &mut *desk;
    let action = &desk.shared.settings.action;
    // An agent whose part is over drives on as it is told, as in the package.
    for (actor, order) in desk.orders.iter_mut().enumerate() {
        *order = action.order(action.decision(&actions, actor));
    }
    with_table!(vehicles, mut table => for (row, parts) in rows.iter_mut().enumerate() {
        let mut row_state = RowMut::new(parts);
        if T::CHANGES_BETWEEN_STEPS {
            row_state.finish_step(desk, &mut table, row);
        }
        let settings = &desk.shared.settings;
        let used = row_state.used.0 as usize;
        let view = table.view(&desk.shared, row * desk.slots, used, &row_state.objects.0, row_state.episode);
        desk.shared.task.before_step(&view, row_state.memory, row_state.rng);
        let actors = row * settings.agents..(row + 1) * settings.agents;
        for (result, &i) in desk.results[actors].iter_mut().zip(&view.episode.controlled) {
            result.begin(&view, usize::from(i));
        }
        let episode = &mut *row_state.episode;
        episode.time_s += settings.step_s();
        episode.steps += 1;
        episode.between_is_due = T::CHANGES_BETWEEN_STEPS;
    });
}

/// `Advance`: the substeps of all rows.
pub(super) fn advance<T: Task>(
    mut vehicles: VehicleQuery<'_, '_>,
    mut rows: RowQuery<'_, '_, T::Memory>,
    mut desk: ResMut<'_, Desk<T>>,
) {
    let desk = &mut *desk;
    let settings = &*desk.shared.settings;
    let speeds = settings.action.target_speeds();
    with_table!(vehicles, mut table => for (row, parts) in rows.iter_mut().enumerate() {
        let row_state = RowMut::new(parts);
        let episode = row_state.episode;
        let mut traffic = Traffic {
            network: desk.shared.task.network(),
            rules: settings.rules(),
            vehicles: table.row(row * desk.slots, row_state.used.0 as usize, &mut row_state.objects.0),
            scratch: &mut desk.scratch,
        };
        traffic.look();
        let orders = &desk.orders[row * settings.agents..(row + 1) * settings.agents];
        for (&i, &order) in episode.controlled.iter().zip(orders) {
            traffic.obey(usize::from(i), order, speeds);
        }
        if T::MEASURES {
            let mut measured = std::mem::take(&mut episode.measured);
            let view = traffic.vehicles.view(desk.shared.task.network(), settings, episode);
            desk.shared.task.measure(&view, row_state.memory, row_state.rng, &mut measured);
            episode.measured = measured;
        }
        for _ in 0..settings.frames() {
            traffic.substep(&mut episode.regulation);
        }
    });
}

/// `Judge`: rewards, and what ends an episode.
pub(super) fn judge<T: Task>(
    mut vehicles: VehicleQuery<'_, '_>,
    mut rows: RowQuery<'_, '_, T::Memory>,
    actions: Res<'_, ActionColumn>,
    mut outcome: ResMut<'_, Outcome>,
    mut desk: ResMut<'_, Desk<T>>,
) {
    let desk = &mut *desk;
    let shared = &desk.shared;
    let settings = &*shared.settings;
    let n_terms = shared.task.terms().len().min(MAX_TERMS);
    with_table!(vehicles, table => for (row, parts) in rows.iter_mut().enumerate() {
        let row_state = RowMut::new(parts);
        let used = row_state.used.0 as usize;
        let view = table.view(shared, row * desk.slots, used, &row_state.objects.0, row_state.episode);
        for agent in 0..settings.agents {
            let actor = row * settings.agents + agent;
            let result = &mut desk.results[actor];
            let decision = settings.action.decision(&actions, actor);
            let terms = &mut result.terms[..n_terms];
            let verdict = shared.task.judge(&view, row_state.memory, agent, decision, terms);
            outcome.reward[actor] = match settings.payment {
                Payment::Shaped => verdict.reward,
                Payment::Sparse => verdict.sparse,
            };
            outcome.terminated[actor] = verdict.terminated;
            result.finish(&view, view.ego(agent), &verdict);
        }
    });
}

/// `End`: the time is up.
pub(super) fn end<T: Task>(mut outcome: ResMut<'_, Outcome>, desk: Res<'_, Desk<T>>) {
    for (truncated, result) in outcome.truncated.iter_mut().zip(&desk.results) {
        *truncated = result.truncated;
    }
}
