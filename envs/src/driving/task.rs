//! What a family of driving tasks must say of itself; [`DrivingEnv`](super::DrivingEnv) turns it into an env.
//!
//! A family is one file in `tasks/`: a type with its configuration, a function that reads that from options, and this trait.
//! Everything else (substeps, actions, observations, facts, snapshots, sparse variants) is the same for all.

use std::fmt::Debug;
use std::sync::Arc;

use prospect_sim::random::Generator;
use prospect_sim::{FactSpec, Field, FieldsMut, GoalReward};

use super::action::Decision;
use super::episode::{Episode, Memory};
use super::observation::ObserverScratch;
use super::road::RoadNetwork;
use super::scene::View;
use super::settings::Settings;
use super::state::StateError;
use super::state::form::SceneForm;
use super::traffic::{Fleet, Scratch, Traffic};

/// The most terms a reward may have.
pub const MAX_TERMS: usize = 12;

/// A scene that is being made or changed by its task: vehicles, objects, who is controlled, memory, random stream.
#[derive(Debug)]
pub struct Stage<'a, M> {
    /// The roads.
    pub network: &'a RoadNetwork,
    /// What all tasks are configured by.
    pub settings: &'a Settings,
    /// Vehicles and objects.
    pub fleet: &'a mut Fleet,
    /// Clocks, and who is controlled.
    pub episode: &'a mut Episode,
    /// What the task remembers.
    pub memory: &'a mut M,
    /// The instance's random stream.
    pub rng: &'a mut Generator,
    /// Buffers.
    pub scratch: &'a mut Scratch,
}

impl<M> Stage<'_, M> {
    /// Lets the vehicles drive for some substeps, before the episode begins.
    pub fn drive(&mut self, substeps: usize) {
        let mut traffic = Traffic {
            network: self.network,
            rules: self.settings.rules(),
            vehicles: self.fleet.view(),
            scratch: &mut *self.scratch,
        };
        traffic.look();
        for _ in 0..substeps {
            traffic.substep(&mut self.episode.regulation);
        }
    }

    /// Makes vehicle `i` the one that the next agent controls.
    pub fn control(&mut self, i: usize) {
        self.episode.controlled.push(i as u16);
    }
}

/// What a step has led to, for one agent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Verdict {
    /// highway-env's reward.
    pub reward: f64,
    /// The reward of the sparse variant.
    pub sparse: f64,
    /// The task has ended.
    pub terminated: bool,
    /// The time is up.
    pub truncated: bool,
    /// The task is fulfilled.
    pub success: bool,
}

/// A family of driving tasks, configured.
pub trait Task: Debug + Send + Sync + Sized + 'static {
    /// What an instance remembers of its episode beside vehicles and clocks; `()` if nothing.
    type Memory: Memory;

    /// True if [`Self::between`] does anything.
    const CHANGES_BETWEEN_STEPS: bool = false;

    /// The roads, made once; all instances share them.
    fn network(&self) -> &Arc<RoadNetwork>;

    /// The most vehicles a scene may have.
    fn capacity(&self, settings: &Settings) -> usize;

    /// The step after which an episode is truncated at the latest, if there is one.
    fn max_steps(&self, settings: &Settings) -> Option<u32>;

    /// Makes the scene of an episode. Fleet, objects, clocks and memory are empty; `stage.control` is to be called for as
    /// many vehicles as there are agents. Numbers are to be drawn in the order in which highway-env draws them.
    fn reset(&self, stage: &mut Stage<'_, Self::Memory>);

    /// Called before each step, once [`Self::between`] has run and before the clocks go on.
    fn before_step(&self, view: &View<'_>, memory: &mut Self::Memory, rng: &mut Generator) {
        let _ = (view, memory, rng);
    }

    /// Changes the scene after a step and after its observation: vehicles that leave or arrive. It may reorder the fleet, as
    /// long as `stage.episode.controlled` is kept right.
    fn between(&self, stage: &mut Stage<'_, Self::Memory>) {
        let _ = stage;
    }

    /// False if what is remembered has no published form. Such a task publishes no states and starts from none.
    const PUBLISHED: bool = true;

    /// Reads what is remembered from a scene that replaces the one just reset; fleet, clocks and stream are its own already.
    ///
    /// # Errors
    /// [`StateError`] for what the task cannot do without or cannot use.
    fn restore(&self, scene: &SceneForm, stage: &mut Stage<'_, Self::Memory>) -> Result<(), StateError> {
        let _ = (scene, stage);
        Ok(())
    }

    /// Adds what is remembered to the published state of a scene.
    fn publish(&self, view: &View<'_>, memory: &Self::Memory, scene: &mut SceneForm) {
        let _ = (view, memory, scene);
    }

    /// True if [`Self::measure`] does anything.
    const MEASURES: bool = false;

    /// Measures what an observer of attributes shows. Called in every step after the vehicles have taken their orders and
    /// before they move; a reset does the same for itself.
    fn measure(
        &self,
        view: &View<'_>,
        memory: &mut Self::Memory,
        rng: &mut Generator,
        measured: &mut Vec<f64>,
    ) {
        let _ = (view, memory, rng, measured);
    }

    /// The observation's components; those of the configured observer unless the task sees in a way of its own.
    fn fields(&self, settings: &Settings) -> Vec<Field> {
        settings.observation.fields()
    }

    /// Writes what `agent` sees, see [`Observer::observe`](super::observation::Observer::observe).
    fn observe(
        &self,
        view: &View<'_>,
        memory: &Self::Memory,
        agent: usize,
        scratch: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        let _ = memory;
        view.settings
            .observation
            .observe(view, agent, scratch, out, actor);
    }

    /// Names of the reward's terms, as `info["rewards"]` has them; at most [`MAX_TERMS`].
    fn terms(&self) -> &'static [&'static str];

    /// Smallest and largest reward of a step of highway-env.
    fn reward_range(&self) -> (f64, f64);

    /// Judges the step that led to `view`: fills `terms` with the values of the terms and returns what follows from them.
    /// `view.episode.time_s` and `view.episode.steps` have this step in them.
    fn judge(
        &self,
        view: &View<'_>,
        memory: &mut Self::Memory,
        agent: usize,
        decision: Decision<'_>,
        terms: &mut [f64],
    ) -> Verdict;

    /// How much of the way an agent has made, from 0 to 1; for the fact `progress`.
    fn progress(&self, view: &View<'_>, memory: &Self::Memory, agent: usize) -> f64;

    /// What the event fact `success` means here.
    fn success(&self) -> &'static str;

    /// The goals of a goal-conditioned task, judged as highway-env pays.
    fn goals(&self) -> Option<&dyn GoalReward> {
        None
    }

    /// State facts of this family beside those of all driving tasks, one real number each.
    fn facts(&self) -> Vec<FactSpec> {
        Vec::new()
    }

    /// Fact `index` of [`Self::facts`].
    fn fact(&self, view: &View<'_>, memory: &Self::Memory, agent: usize, index: usize) -> f64 {
        let _ = (view, memory, agent, index);
        0.0
    }
}
