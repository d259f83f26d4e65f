//! The [`Env`] over any [`Task`] of driving.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use prospect_sim::{
    ACHIEVED_GOAL, DESIRED_GOAL, Env, EnvRows, EnvSpec, GoalReward, ShardBuilder, SimError, StepSet,
    slots_in_order,
};

use super::action::Order;
use super::caption::Caption;
use super::episode::{Episode, Objects, Remembered};
use super::facts;
use super::pictures::{Pictures, add_pictures};
use super::road::{LaneIx, Route};
use super::rows::DrivingRows;
use super::settings::{Payment, Settings};
use super::state::form::SceneForm;
use super::state::{StartScene, StateError};
use super::systems::{self, Desk, StepResult};
use super::task::Task;
use super::traffic::{Fleet, Scratch};
use super::vehicle::{Body, Driver, Kind, Params};
use crate::row_order::rows_in_order;

/// Under which names a task is registered.
#[derive(Debug, Clone, Copy)]
pub struct Title<'a> {
    /// The id.
    pub id: &'a str,
    /// The family.
    pub family: &'a str,
    /// One line on the task.
    pub doc: &'a str,
}

/// A task and its settings, as all shards share them.
#[derive(Debug)]
pub(super) struct Shared<T> {
    pub(super) task: Arc<T>,
    pub(super) settings: Arc<Settings>,
    /// The scene that every episode starts from, if the task does not make its own.
    pub(super) start: Option<Arc<StartScene>>,
}

impl<T: Task> Shared<T> {
    /// Slots per row.
    pub(super) fn capacity(&self) -> usize {
        let given = self.start.as_ref().map_or(0, |start| start.len());
        let made = self.task.capacity(&self.settings);
        // Where vehicles arrive, those of the scene may still be there when the task's own have come.
        if T::CHANGES_BETWEEN_STEPS {
            (made + given).max(1)
        } else {
            made.max(given).max(1)
        }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self {
            task: Arc::clone(&self.task),
            settings: Arc::clone(&self.settings),
            start: self.start.clone(),
        }
    }
}

/// The env of a task of driving.
#[derive(Debug)]
pub struct DrivingEnv<T> {
    spec: EnvSpec,
    shared: Shared<T>,
}

impl<T: Task> DrivingEnv<T> {
    /// The env of `task` under these settings.
    pub fn new(title: Title<'_>, task: T, settings: Settings) -> Self {
        let spec = EnvSpec {
            id: title.id.to_owned(),
            family: title.family.to_owned(),
            doc: title.doc.to_owned(),
            observation: task.fields(&settings),
            actions: settings.action.space(),
            action_names: settings.action.names(),
            max_steps: task.max_steps(&settings),
            reward_range: match settings.payment {
                Payment::Shaped => task.reward_range(),
                Payment::Sparse => (0.0, 1.0),
            },
            agents_per_env: settings.agents,
            facts: facts::schema(&task),
        };
        Self {
            spec,
            shared: Shared {
                task: Arc::new(task),
                settings: Arc::new(settings),
                start: None,
            },
        }
    }

    /// The same, every episode of which starts from a published state.
    ///
    /// # Errors
    /// [`StateError`] for a scene that this task cannot go on from.
    pub fn starting_from(mut self, scene: SceneForm) -> Result<Self, StateError> {
        let start = StartScene::new(scene, &*self.shared.task, &self.shared.settings)?;
        self.shared.start = Some(Arc::new(start));
        Ok(self)
    }

    /// The task.
    pub fn task(&self) -> &T {
        &self.shared.task
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }
}

impl<T: Task> Env for DrivingEnv<T> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn caption(&self, number: i32) -> Cow<'static, str> {
        Cow::Borrowed(Caption::numbered(number).words(self.shared.task.success()))
    }

    fn build(&self, shard: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
        let (n, agents) = (shard.n_envs(), self.shared.settings.agents);
        let slots = self.shared.capacity();
        shard.state(|_| Episode::default());
        shard.state(|_| Objects::default());
        shard.state(|_| Remembered(T::Memory::default()));
        shard.slots(slots);
        shard.slot_state(|| Body::new([0.0; 2], 0.0, 0.0, LaneIx(0)));
        shard.slot_state(|| Driver::new(Kind::Manual, [0.0; 2], 0.0, LaneIx(0)));
        shard.slot_state(Route::default);
        shard.slot_state(|| Params::of(Kind::Manual));
        shard.resource(Desk {
            shared: self.shared.clone(),
            slots,
            scratch: Scratch::default(),
            fleet: Fleet::default(),
            orders: vec![Order::default(); n * agents],
            results: vec![StepResult::default(); n * agents],
            ends: vec![Vec::new(); n],
        });
        shard.systems(StepSet::Act, systems::act::<T>);
        shard.systems(StepSet::Advance, systems::advance::<T>);
        shard.systems(StepSet::Judge, systems::judge::<T>);
        shard.systems(StepSet::End, systems::end::<T>);
        if let Some(stack) = self.shared.settings.observation.stack() {
            shard.column(Pictures::new(n, agents, stack));
            shard.systems(StepSet::End, add_pictures::<T>);
        }
        let selection = shard.facts().clone();
        let world = shard.world();
        let entities = rows_in_order(world, &self.spec.id)?;
        if !slots_in_order::<Body>(world) {
            return Err(SimError::Env {
                env: self.spec.id.clone(),
                reason: "slots are not iterated in their order; add components to all slots alike".to_owned(),
            });
        }
        let rows = DrivingRows::new(world, &self.spec.id, self.shared.clone(), entities, &selection);
        Ok(Box::new(rows))
    }
    fn goals(&self) -> Option<&dyn GoalReward> {
        let width = self.shared.task.goals()?.width();
        let observes = |name: &str| {
            let mut fields = self.spec.observation.iter();
            fields.any(|field| field.name == name && field.width() == width)
        };
        (observes(ACHIEVED_GOAL) && observes(DESIRED_GOAL)).then_some(self)
    }
}

/// Judges as the task does, and pays as the variant does.
impl<T: Task> GoalReward for DrivingEnv<T> {
    fn width(&self) -> usize {
        self.shared.task.goals().map_or(0, GoalReward::width)
    }

    fn judge(&self, achieved: &[f32], desired: &[f32], reward: &mut [f64], success: &mut [bool]) {
        let Some(goals) = self.shared.task.goals() else {
            return;
        };
        goals.judge(achieved, desired, reward, success);
        if self.shared.settings.payment == Payment::Sparse {
            for (reward, &success) in reward.iter_mut().zip(&*success) {
                *reward = f64::from(u8::from(success));
            }
        }
    }

    fn success_terminates(&self) -> bool {
        self.shared
            .task
            .goals()
            .is_some_and(GoalReward::success_terminates)
    }
}
