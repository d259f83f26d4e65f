//! Point mazes: a ball that is pushed through a maze to a goal, as Gymnasium-Robotics' `PointMazeEnv` does it.
//!
//! What differs from MuJoCo's motion, and by how much, is in `docs/point-maze.md`.

mod maze;
mod motion;

use prospect_sim::random::Generator;
use prospect_sim::{ACHIEVED_GOAL, ActionSpace, DESIRED_GOAL, Dtype, Field, Frame, GoalReward, Plane};
use serde::{Deserialize, Serialize};

pub use maze::{Layout, Maze};

use super::task::{Description, Observation, State, Task, Verdict, in_range, real_fact};
use crate::canvas::{Canvas, GREEN, WHITE};

/// A goal is reached within this distance, in m.
const GOAL_RADIUS: f64 = 0.45;
/// Half the width of the noise on starts and goals, in m.
const NOISE: f64 = 0.25;
/// A start this near to the goal is drawn again.
const NEAR: f64 = 0.5;
/// Cells of heatmaps per m.
const CELLS_PER_M: f64 = 4.0;

/// A maze, and what is paid in it.
#[derive(Debug, Clone, PartialEq)]
pub struct PointMaze {
    maze: Maze,
    max_steps: u32,
    /// Pays `exp(-distance)` in every step, instead of 1 within 0.45 m of the goal and 0 elsewhere.
    pub dense: bool,
    /// Reaching the goal does not end the episode.
    pub continuing_task: bool,
    /// In a continuing task, a goal that was reached is replaced by another.
    pub reset_target: bool,
}

impl PointMaze {
    /// A layout with the package's defaults: sparse, continuing, one goal per episode.
    pub fn new(layout: Layout) -> Self {
        Self {
            maze: Maze::new(layout),
            max_steps: layout.max_steps(),
            dense: false,
            continuing_task: true,
            reset_target: false,
        }
    }

    /// The maze.
    pub fn maze(&self) -> &Maze {
        &self.maze
    }

    /// Reward at a distance from the goal.
    fn reward(&self, distance: f64) -> f64 {
        if self.dense {
            (-distance).exp()
        } else {
            f64::from(u8::from(distance <= GOAL_RADIUS))
        }
    }

    fn draw_goal(&self, rng: &mut Generator) -> [f64; 2] {
        let goals = self.maze.goals();
        noisy(goals[rng.choice(goals.len())], rng)
    }
}

/// Adds the noise of starts and goals.
fn noisy(at: [f64; 2], rng: &mut Generator) -> [f64; 2] {
    at.map(|coordinate| coordinate + rng.uniform(-NOISE, NOISE))
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [x, y] = [a[0] - b[0], a[1] - b[1]];
    (x * x + y * y).sqrt()
}

/// Where the ball is and where it should go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PointState {
    /// Centre of the ball, in m; the maze is centred at the origin, y points up.
    pub position: [f64; 2],
    /// Its velocity, in m/s.
    pub velocity: [f64; 2],
    /// The goal by which the next step is judged.
    pub goal: [f64; 2],
    /// The goal by which the last step was judged, which is the one observed: a goal that replaces it shows only after the
    /// next step, as in the package.
    pub shown_goal: [f64; 2],
}

impl State for PointState {
    const NAME: &'static str = "point_maze";
}

/// What is seen: position and velocity, the goal that the state fulfils, the goal that is pursued.
#[derive(Debug, Clone, Copy)]
pub struct GoalObservation {
    observation: [f32; 4],
    achieved_goal: [f32; 2],
    desired_goal: [f32; 2],
}

impl Observation for GoalObservation {
    #[inline]
    fn write(self, row: usize, columns: &mut [&mut [f32]]) {
        if let [observation, achieved, desired] = columns {
            self.observation.write(row, &mut [observation]);
            self.achieved_goal.write(row, &mut [achieved]);
            self.desired_goal.write(row, &mut [desired]);
        }
    }
}

impl GoalReward for PointMaze {
    fn width(&self) -> usize {
        2
    }

    fn judge(&self, achieved: &[f32], desired: &[f32], reward: &mut [f64], success: &mut [bool]) {
        let pairs = achieved.as_chunks().0.iter().zip(desired.as_chunks().0);
        for ((achieved, desired), (reward, success)) in pairs.zip(reward.iter_mut().zip(success)) {
            let distance = distance(achieved.map(f64::from), desired.map(f64::from));
            *reward = self.reward(distance);
            *success = distance <= GOAL_RADIUS;
        }
    }

    fn success_terminates(&self) -> bool {
        !self.continuing_task
    }
}

impl Task for PointMaze {
    type State = PointState;
    type Action = [f32; 2];
    type Observation = GoalObservation;

    fn describe(&self) -> Description {
        let [x, y] = self.maze.half_size();
        let reach = x.max(y).max(2.0 * motion::MAX_SPEED);
        let goal = |name| Field::new(name, Dtype::F32, &[2], -x.max(y), x.max(y));
        let speed = |name, axis| {
            let doc = format!("velocity along {axis}; clipped to 5 before each step");
            real_fact(
                name,
                [-2.0 * motion::MAX_SPEED, 2.0 * motion::MAX_SPEED],
                "m/s",
                &doc,
            )
        };
        Description {
            observation: vec![
                Field::new("observation", Dtype::F32, &[4], -reach, reach),
                goal(ACHIEVED_GOAL),
                goal(DESIRED_GOAL),
            ],
            actions: ActionSpace::Continuous {
                low: vec![-1.0; 2],
                high: vec![1.0; 2],
            },
            action_names: &[],
            reward_range: (0.0, 1.0),
            facts: vec![
                real_fact(
                    "x_m",
                    [-x, x],
                    "m",
                    "position along x, 0 in the middle of the maze",
                ),
                real_fact(
                    "y_m",
                    [-y, y],
                    "m",
                    "position along y, 0 in the middle of the maze, upwards",
                ),
                speed("vx_mps", "x"),
                speed("vy_mps", "y"),
                real_fact("goal_x_m", [-x, x], "m", "position of the goal along x"),
                real_fact("goal_y_m", [-y, y], "m", "position of the goal along y"),
                real_fact(
                    "goal_distance_m",
                    [0.0, 2.0 * x.hypot(y)],
                    "m",
                    "straight distance to the goal; 0.45 is near enough",
                ),
            ],
            success: Some("the ball is within 0.45 m of the goal"),
            max_steps: self.max_steps,
        }
    }

    fn start(&self, rng: &mut Generator) -> PointState {
        let goal = self.draw_goal(rng);
        let starts = self.maze.starts();
        let cell = loop {
            let cell = starts[rng.choice(starts.len())];
            if distance(cell, goal) > NEAR {
                break cell;
            }
        };
        PointState {
            position: noisy(cell, rng),
            velocity: [0.0; 2],
            goal,
            shown_goal: goal,
        }
    }

    fn step(&self, state: &mut PointState, action: [f32; 2], rng: &mut Generator) -> Verdict {
        motion::step(&self.maze, &mut state.position, &mut state.velocity, action);
        let away = distance(state.position, state.goal);
        let reached = away <= GOAL_RADIUS;
        state.shown_goal = state.goal;
        if reached && self.continuing_task && self.reset_target && self.maze.goals().len() > 1 {
            while distance(state.position, state.goal) <= GOAL_RADIUS {
                state.goal = self.draw_goal(rng);
            }
        }
        Verdict {
            reward: self.reward(away),
            terminated: reached && !self.continuing_task,
            success: reached,
        }
    }

    #[inline]
    fn observe(&self, state: &PointState) -> GoalObservation {
        let ([x, y], [vx, vy]) = (state.position, state.velocity);
        GoalObservation {
            observation: [x, y, vx, vy].map(|value| value as f32),
            achieved_goal: state.position.map(|value| value as f32),
            desired_goal: state.shown_goal.map(|value| value as f32),
        }
    }

    fn fact(&self, state: &PointState, index: usize) -> f64 {
        match index {
            0 | 1 => state.position[index],
            2 | 3 => state.velocity[index - 2],
            4 | 5 => state.shown_goal[index - 4],
            _ => distance(state.position, state.shown_goal),
        }
    }

    fn plane(&self) -> Plane {
        let [x, y] = self.maze.half_size();
        Plane {
            facts: ["x_m", "y_m"],
            low: [-x, -y],
            high: [x, y],
            cells: [x, y].map(|half| (2.0 * half * CELLS_PER_M) as usize),
            goal: Some(["goal_x_m", "goal_y_m"]),
        }
    }

    fn place(&self, state: &PointState, at: [f64; 2]) -> Option<PointState> {
        let free = in_range(&self.plane(), at) && motion::is_free(&self.maze, at);
        free.then_some(PointState {
            position: at,
            velocity: [0.0; 2],
            ..*state
        })
    }

    fn draw(&self, state: &PointState, tile: usize) -> Frame {
        let [x, y] = self.maze.half_size();
        let size = [x, y].map(|half| (2.0 * half) as usize * tile);
        let mut canvas = Canvas::new(size, [-x, -y], [x, y], WHITE);
        for [x, y] in self.maze.walls() {
            canvas.rectangle([x - 0.5, y - 0.5], [x + 0.5, y + 0.5], [179, 128, 77]);
        }
        canvas.disc(state.goal, GOAL_RADIUS, [220, 240, 220]);
        canvas.disc(state.goal, 0.12, GREEN);
        let ahead = std::array::from_fn(|i| state.position[i] + 0.1 * state.velocity[i]);
        canvas.line(state.position, ahead, 0.06, [130, 130, 220]);
        canvas.disc(state.position, motion::RADIUS, [40, 40, 200]);
        canvas.finish()
    }

    fn goals(&self) -> Option<&dyn GoalReward> {
        Some(self)
    }
}
