//! What all driving tasks are configured by, under highway-env's names.

use super::action::{ActionType, read_other_vehicles};
use super::observation::{self, Observer};
use super::traffic::Rules;
use super::vehicle::Kind;
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// How the reward of a task is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// The hand-made sum of terms of highway-env.
    Shaped,
    /// Only for what the task is about, as [`Verdict::sparse`](super::Verdict::sparse) says.
    Sparse,
}

/// What all driving tasks are configured by.
#[derive(Debug)]
pub struct Settings {
    /// Substeps per s.
    pub simulation_frequency: usize,
    /// Steps per s.
    pub policy_frequency: usize,
    /// Neighbours are looked for on connected lanes too.
    pub connected_lanes: bool,
    /// Conflicts are resolved by priorities.
    pub regulated: bool,
    /// How agents act.
    pub action: ActionType,
    /// What agents see.
    pub observation: Box<dyn Observer>,
    /// Who drives the other vehicles.
    pub other_vehicles: Kind,
    /// Controlled vehicles.
    pub agents: usize,
    /// How the reward is paid.
    pub payment: Payment,
}

/// What differs between the ids.
#[derive(Debug)]
pub struct Defaults {
    /// Substeps per s.
    pub simulation_frequency: usize,
    /// Steps per s.
    pub policy_frequency: usize,
    /// Neighbours are looked for on connected lanes too.
    pub connected_lanes: bool,
    /// Conflicts are resolved by priorities.
    pub regulated: bool,
    /// How agents act.
    pub action: ActionType,
    /// What agents see.
    pub observation: Box<dyn Observer>,
    /// Controlled vehicles.
    pub agents: usize,
    /// The most controlled vehicles.
    pub max_agents: usize,
    /// How the reward is paid.
    pub payment: Payment,
}

impl Default for Defaults {
    /// 15 substeps per step of 1 s, meta-actions, kinematics of five vehicles.
    fn default() -> Self {
        Self {
            simulation_frequency: 15,
            policy_frequency: 1,
            connected_lanes: false,
            regulated: false,
            action: ActionType::meta(),
            observation: Box::new(observation::Kinematics::default()),
            agents: 1,
            max_agents: MAX_AGENTS,
            payment: Payment::Shaped,
        }
    }
}

/// Keys of highway-env that concern its windows. They are accepted and have no effect.
const OF_THE_WINDOW: [&str; 9] = [
    "screen_width",
    "screen_height",
    "centering_position",
    "scaling",
    "show_trajectories",
    "render_agent",
    "offscreen_rendering",
    "manual_control",
    "real_time_rendering",
];

/// The most controlled vehicles.
const MAX_AGENTS: usize = 64;

impl Settings {
    /// The settings that options ask for.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>, defaults: Defaults) -> Result<Self, RegistryError> {
        for key in OF_THE_WINDOW {
            options.ignore(key);
        }
        let simulation_frequency =
            options.integer("simulation_frequency", defaults.simulation_frequency, 1..=1000)?;
        let policy_frequency = options.integer(
            "policy_frequency",
            defaults.policy_frequency,
            1..=simulation_frequency,
        )?;
        let connected_lanes = options.flag("neighbour_vehicles_connected_lanes", defaults.connected_lanes)?;
        let action = ActionType::read(options, defaults.action)?;
        let mut observation = observation::read(options, defaults.observation)?;
        observation.set_policy_frequency(policy_frequency);
        if observation.needs_target_speeds() && action.target_speeds().is_empty() {
            return Err(options.refuse("observation", "a type that does without meta-actions"));
        }
        Ok(Self {
            simulation_frequency,
            policy_frequency,
            connected_lanes,
            regulated: defaults.regulated,
            action,
            observation,
            other_vehicles: read_other_vehicles(options)?,
            agents: options.integer("controlled_vehicles", defaults.agents, 1..=defaults.max_agents)?,
            payment: defaults.payment,
        })
    }

    /// Substeps of a step.
    pub fn frames(&self) -> usize {
        self.simulation_frequency / self.policy_frequency
    }

    /// The step after which the clock of an episode shows `duration_s` s or more.
    pub fn steps_within(&self, duration_s: f64) -> u32 {
        let (mut time_s, mut steps) = (0.0, 0);
        while time_s < duration_s {
            time_s += self.step_s();
            steps += 1;
        }
        steps
    }

    /// Length of a step by the clock of the episode, in s.
    pub fn step_s(&self) -> f64 {
        1.0 / self.policy_frequency as f64
    }

    /// How the vehicles of a scene see each other.
    pub fn rules(&self) -> Rules {
        Rules {
            dt: 1.0 / self.simulation_frequency as f64,
            connected_lanes: self.connected_lanes,
            regulated: self.regulated,
        }
    }
}
