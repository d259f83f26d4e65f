//! What a look is drawn over: the cells of levels, or a plane of two facts where there are no cells.

use prospect_sim::{Plane, Pose, Rollout, Scene, Seeds, VecEnv};

use crate::{episodes::has_positions, error::AgentError, trainer::Trainer};

/// Headings of an agent on a cell.
const HEADINGS: usize = 4;

/// The cells that values belong to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ground {
    /// Levels with cells, seen from above; one value per heading.
    Cells {
        /// Each level at its start.
        scenes: Vec<Scene>,
        /// Where an agent can stand in each.
        poses: Vec<Vec<Pose>>,
    },
    /// A plane of two facts.
    Plane(PlaneGround),
}

/// A plane of two facts, with what a reader of the file wants to know of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlaneGround {
    pub(super) plane: Plane,
    /// Units of the facts.
    pub(super) units: [String; 2],
    pub(super) action_names: Vec<String>,
    /// One level per seed for goal-conditioned tasks, whose values depend on the goal; else all seeds share one.
    pub(super) levels: usize,
    /// Where each level starts, `[levels, 2]`; none if seeds share a level.
    pub(super) start: Option<Vec<f32>>,
    /// Where each level's goal is, `[levels, 2]`.
    pub(super) goal: Option<Vec<f32>>,
}

/// A state to be judged, and where its value belongs.
pub(super) struct Spot {
    pub(super) heading: usize,
    pub(super) cell: [usize; 2],
    at: Place,
}

enum Place {
    Pose(Pose),
    Plane([f64; 2]),
}

impl Spot {
    /// Puts env `env` there and tells whether there is such a state.
    pub(super) fn take(&self, envs: &mut VecEnv, env: usize) -> bool {
        match self.at {
            Place::Pose(pose) => envs.place(env, pose),
            Place::Plane(at) => envs.place_on_plane(env, at),
        }
    }
}

impl Ground {
    /// The ground of the levels of these seeds; none if the task has neither cells nor a plane.
    pub(super) fn of(trainer: &Trainer, seeds: &[u64]) -> Result<Option<Self>, AgentError> {
        let mut envs = trainer.envs_of(seeds.len())?;
        if has_positions(envs.layout()) {
            let first = &mut Rollout::new(envs.layout(), 1);
            envs.reset(Seeds::List(seeds), first.first_row_mut())?;
            let scenes: Option<Vec<Scene>> = (0..seeds.len()).map(|i| envs.scene(i)).collect();
            if let Some(scenes) = scenes {
                let poses = (0..seeds.len()).map(|i| envs.poses(i)).collect();
                return Ok(Some(Self::Cells { scenes, poses }));
            }
        }
        let plane = envs.env().plane();
        plane
            .map(|plane| PlaneGround::new(trainer, seeds, plane).map(Self::Plane))
            .transpose()
    }

    /// Levels.
    pub(super) fn levels(&self) -> usize {
        match self {
            Self::Cells { scenes, .. } => scenes.len(),
            Self::Plane(ground) => ground.levels,
        }
    }

    /// The level that episodes of seed number `seed` belong to.
    pub(super) fn level_of(&self, seed: usize) -> usize {
        seed.min(self.levels() - 1)
    }

    /// Cells along x and y, of the largest level.
    pub(super) fn size(&self) -> [usize; 2] {
        match self {
            Self::Cells { scenes, .. } => {
                let most = |of: fn(&Scene) -> usize| scenes.iter().map(of).max().unwrap_or(0);
                [most(|scene| scene.width), most(|scene| scene.height)]
            }
            Self::Plane(ground) => ground.plane.cells,
        }
    }

    /// Values per cell.
    pub(super) fn headings(&self) -> usize {
        match self {
            Self::Cells { .. } => HEADINGS,
            Self::Plane(_) => 1,
        }
    }

    /// The facts that say where an actor is.
    pub(super) fn facts(&self) -> [&'static str; 2] {
        match self {
            Self::Cells { .. } => ["agent_x", "agent_y"],
            Self::Plane(ground) => ground.plane.facts,
        }
    }

    /// The cell of an actor at entry `at` of the state facts, or of the final ones.
    pub(super) fn cell(&self, rollout: &Rollout, at: usize, last: bool) -> Option<[usize; 2]> {
        let values = read(rollout, self.facts(), at, last)?;
        let size = self.size();
        let index = |i: usize| {
            let place = match self {
                Self::Cells { .. } => values[i],
                Self::Plane(PlaneGround { plane, .. }) => {
                    let share = (values[i] - plane.low[i]) / (plane.high[i] - plane.low[i]);
                    // The upper end belongs to the last cell.
                    let end = if share == 1.0 { 0.5 } else { 0.0 };
                    (share * size[i] as f64 - end).floor()
                }
            };
            (0.0..size[i] as f64).contains(&place).then_some(place as usize)
        };
        Some([index(0)?, index(1)?])
    }

    /// All states of a level that are to be judged.
    pub(super) fn spots(&self, level: usize) -> Vec<Spot> {
        match self {
            Self::Cells { poses, .. } => {
                let inside = poses[level]
                    .iter()
                    .filter(|pose| pose.iter().all(|&value| value >= 0));
                let spot = |&pose: &Pose| Spot {
                    heading: pose[2] as usize,
                    cell: [pose[0] as usize, pose[1] as usize],
                    at: Place::Pose(pose),
                };
                inside.map(spot).filter(|spot| spot.heading < HEADINGS).collect()
            }
            Self::Plane(PlaneGround { plane, .. }) => {
                let cells = (0..plane.cells[0]).flat_map(|x| (0..plane.cells[1]).map(move |y| [x, y]));
                let middle = |i: usize, at: usize| {
                    let width = (plane.high[i] - plane.low[i]) / plane.cells[i] as f64;
                    plane.low[i] + (at as f64 + 0.5) * width
                };
                cells
                    .map(|cell| Spot {
                        heading: 0,
                        cell,
                        at: Place::Plane([middle(0, cell[0]), middle(1, cell[1])]),
                    })
                    .collect()
            }
        }
    }
}

impl PlaneGround {
    fn new(trainer: &Trainer, seeds: &[u64], plane: Plane) -> Result<Self, AgentError> {
        let names: Vec<&str> = plane
            .facts
            .iter()
            .chain(plane.goal.iter().flatten())
            .copied()
            .collect();
        let mut envs = trainer.envs_with(seeds.len(), &names)?;
        let mut rollout = Rollout::new(envs.layout(), 1);
        envs.reset(Seeds::List(seeds), rollout.first_row_mut())?;
        let spec = envs.spec();
        let unit = |name: &str| {
            let fact = spec.facts.iter().find(|fact| fact.field.name == name);
            fact.map_or_else(String::new, |fact| fact.unit.clone())
        };
        let own_levels = envs.env().goals().is_some();
        let all = |facts: [&'static str; 2]| -> Option<Vec<f32>> {
            let places = (0..seeds.len()).map(|env| read(&rollout, facts, env, false));
            Some(
                places
                    .collect::<Option<Vec<_>>>()?
                    .concat()
                    .iter()
                    .map(|&v| v as f32)
                    .collect(),
            )
        };
        Ok(Self {
            plane,
            units: plane.facts.map(unit),
            action_names: spec.action_names.clone(),
            levels: if own_levels { seeds.len() } else { 1 },
            start: own_levels.then(|| all(plane.facts)).flatten(),
            goal: plane.goal.and_then(all),
        })
    }
}

/// Two state facts at an entry.
fn read(rollout: &Rollout, facts: [&str; 2], at: usize, last: bool) -> Option<[f64; 2]> {
    let value = |name: &str| {
        let fact = rollout.layout().state_fact(name)?;
        let all = if last {
            rollout.final_fact(fact)
        } else {
            rollout.state_fact(fact)
        };
        Some(all.get_f64(at))
    };
    Some([value(facts[0])?, value(facts[1])?])
}
