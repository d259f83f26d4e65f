//! The ids of classic control and of the point mazes, as Gymnasium and Gymnasium-Robotics name them.

use std::sync::Arc;

use prospect_sim::Env;

use super::env::{Classic, Title};
use super::point_maze::{Layout, PointMaze};
use super::task::Task;
use super::{Acrobot, CartPole, MountainCar, MountainCarContinuous, Pendulum};
use crate::options::{OptionReader, Options};
use crate::registry::{RegistryError, TaskEntry};

/// The largest step limit that options may ask for.
const MAX_STEPS: usize = 1_000_000_000;

/// The entry of one id; `read` makes the task from its options.
fn entry<T: Task>(
    title: Title<'_>,
    read: impl Fn(&mut OptionReader<'_>) -> Result<T, RegistryError> + Send + Sync + 'static,
) -> TaskEntry {
    let [id, family, doc] = [title.id, title.family, title.doc].map(str::to_owned);
    let factory = move |options: &Options| -> Result<Arc<dyn Env>, RegistryError> {
        let mut options = OptionReader::new(&id, options);
        let task = read(&mut options)?;
        let limit = task.describe().max_steps as usize;
        let max_steps = options.integer("max_steps", limit, 1..=MAX_STEPS)? as u32;
        options.finish()?;
        let title = Title {
            id: &id,
            family: &family,
            doc: &doc,
        };
        Ok(Arc::new(Classic::new(title, task, Some(max_steps))))
    };
    TaskEntry::new(title.id, title.family, title.doc, factory)
}

fn title<'a>(id: &'a str, family: &'a str, doc: &'a str) -> Title<'a> {
    Title { id, family, doc }
}

/// The ids of the mazes: each layout with sparse and with dense reward.
fn mazes() -> impl Iterator<Item = TaskEntry> {
    let both = Layout::ALL
        .into_iter()
        .flat_map(|layout| [(layout, false), (layout, true)]);
    both.map(|(layout, dense)| {
        let id = format!(
            "PointMaze_{}{}-v3",
            layout.name(),
            if dense { "Dense" } else { "" }
        );
        let doc = "Push a ball through a maze to the goal.";
        entry(title(&id, "PointMaze", doc), move |options| {
            let mut task = PointMaze::new(layout);
            task.dense = dense;
            task.continuing_task = options.flag("continuing_task", true)?;
            task.reset_target = options.flag("reset_target", false)?;
            Ok(task)
        })
    })
}

/// One entry of the registry per id.
pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
    [
        entry(
            title(
                "CartPole-v1",
                "CartPole",
                "Balance a pole on a cart that is pushed left or right.",
            ),
            |options| {
                Ok(CartPole {
                    sutton_barto_reward: options.flag("sutton_barto_reward", false)?,
                })
            },
        ),
        entry(
            title(
                "Acrobot-v1",
                "Acrobot",
                "Swing the free end of two links above a line by a torque between them.",
            ),
            |_| Ok(Acrobot),
        ),
        entry(
            title(
                "MountainCar-v0",
                "MountainCar",
                "Swing a car that is too weak for the hill up to the flag.",
            ),
            |options| {
                Ok(MountainCar {
                    goal_velocity: options.number("goal_velocity", 0.0, 0.0..=0.07)?,
                })
            },
        ),
        entry(
            title(
                "MountainCarContinuous-v0",
                "MountainCar",
                "Swing a car that is too weak for the hill up to the flag with as little force as possible.",
            ),
            |options| {
                Ok(MountainCarContinuous {
                    goal_velocity: options.number("goal_velocity", 0.0, 0.0..=0.07)?,
                })
            },
        ),
        entry(
            title(
                "Pendulum-v1",
                "Pendulum",
                "Swing a pendulum up and hold it there.",
            ),
            |options| {
                Ok(Pendulum {
                    gravity: options.number("g", 10.0, 0.0..=1000.0)?,
                })
            },
        ),
    ]
    .into_iter()
    .chain(mazes())
}
