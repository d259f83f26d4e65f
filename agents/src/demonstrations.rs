//! Stored demonstrations, as `prospect rollout --out` writes them, and learning from them by behaviour cloning.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use npyz::{DType, NpyFile, TypeChar, npz::NpzArchive};
use prospect_sim::{ActionSpace, Dtype, Rollout, RowLayout};

use crate::{
    config::BcConfig,
    distribution::{Distribution, Drawn},
    error::AgentError,
    minibatch::Minibatches,
};

/// Demonstrated steps as a rollout, and which of them are learned from.
#[derive(Debug)]
pub struct Demonstrations {
    rollout: Rollout,
    /// Actions as the policy would have drawn them.
    drawn: Drawn,
    /// `[T, K]`.
    chosen: Vec<bool>,
    size: usize,
}

/// An array of the file.
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

struct Reader {
    archive: NpzArchive<BufReader<File>>,
    path: PathBuf,
}

/// What to do about a file that is none of demonstrations.
const RECORD: &str = "record demonstrations with `prospect rollout --out`";

impl Reader {
    fn error(&self, reason: String, remedy: impl Into<String>) -> AgentError {
        misfit(&self.path, reason, remedy)
    }

    /// The numbers of an array, whose shape must begin with `shape`.
    fn array(&mut self, name: &str, shape: &[usize]) -> Result<Array, AgentError> {
        let path = &self.path;
        let unfit = |what: String| misfit(path, format!("array `{name}` {what}"), RECORD);
        let found = self
            .archive
            .by_name(name)
            .map_err(|why| unfit(format!("cannot be read: {why}")))?;
        let array = numbers(found.ok_or_else(|| unfit("is missing".to_owned()))?).map_err(unfit)?;
        if !array.shape.starts_with(shape) {
            let reason = format!("array `{name}` has shape {:?}, not {shape:?}", array.shape);
            return Err(self.error(
                reason,
                "record demonstrations of the run's task, with its env.options",
            ));
        }
        Ok(array)
    }
}

fn misfit(path: &Path, reason: String, remedy: impl Into<String>) -> AgentError {
    AgentError::Demonstrations {
        path: path.to_owned(),
        reason,
        remedy: remedy.into(),
    }
}

fn numbers(npy: NpyFile<impl std::io::Read>) -> Result<Array, String> {
    if npy.order() != npyz::Order::C {
        return Err("is in Fortran order; save it with numpy.ascontiguousarray".to_owned());
    }
    let shape = npy.shape().iter().map(|&n| n as usize).collect();
    let DType::Plain(dtype) = npy.dtype() else {
        return Err("holds records, not numbers".to_owned());
    };
    macro_rules! read {
        ($T:ty, $into:expr) => {
            npy.into_vec::<$T>()
                .map_err(|why| format!("cannot be read: {why}"))?
                .into_iter()
                .map($into)
                .collect()
        };
    }
    let values = match (dtype.type_char(), dtype.size_field()) {
        (TypeChar::Bool, _) => read!(bool, |x| f64::from(u8::from(x))),
        (TypeChar::Uint, 1) => read!(u8, f64::from),
        (TypeChar::Int, 4) => read!(i32, f64::from),
        (TypeChar::Int, 8) => read!(i64, |x| x as f64),
        (TypeChar::Float, 4) => read!(f32, f64::from),
        (TypeChar::Float, 8) => read!(f64, |x| x),
        _ => return Err(format!("holds values of type {dtype}, which no rollout has")),
    };
    Ok(Array { shape, values })
}

impl Demonstrations {
    /// Reads demonstrations of a task whose rows have `layout`.
    ///
    /// # Errors
    /// [`AgentError::Demonstrations`] if the file cannot be opened, if an array is missing or does not fit the task, or if
    /// nothing is left to learn from.
    pub fn read(
        config: &BcConfig,
        layout: &RowLayout,
        distribution: &Distribution,
    ) -> Result<Self, AgentError> {
        let path = Path::new(&config.demonstrations);
        let archive = NpzArchive::open(path);
        let archive = archive.map_err(|why| misfit(path, format!("cannot be opened: {why}"), RECORD))?;
        let mut reader = Reader {
            archive,
            path: path.to_owned(),
        };
        let terminated = reader.array("terminated", &[])?;
        let [steps, actors] = terminated.shape[..] else {
            let reason = format!("array `terminated` has shape {:?}, not [T, K]", terminated.shape);
            return Err(reader.error(reason, RECORD));
        };
        let layout = RowLayout {
            n_envs: actors,
            agents_per_env: 1,
            state_facts: Vec::new(),
            event_facts: Vec::new(),
            ..layout.clone()
        };
        let mut rollout = Rollout::new(&layout, steps);
        read_observations(&mut reader, &mut rollout)?;
        let truncated = reader.array("truncated", &[steps, actors])?;
        let columns = rollout.columns_mut();
        set_flags(columns.terminated, &terminated.values);
        set_flags(columns.truncated, &truncated.values);
        let drawn = read_actions(&mut reader, &layout.actions, distribution, (steps, actors))?;
        let chosen = if config.only_successful {
            successful(&rollout, &reader.array("reward", &[steps, actors])?.values)
        } else {
            vec![true; steps * actors]
        };
        if !chosen.contains(&true) {
            let remedy = "record episodes that succeed, or use only_successful = false";
            return Err(reader.error("no episode of it ends with a reward above 0".to_owned(), remedy));
        }
        Ok(Self {
            rollout,
            drawn,
            chosen,
            size: config.minibatch_size,
        })
    }

    /// The demonstrated steps; no facts and no rewards.
    pub fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    /// What was done in them.
    pub fn drawn(&self) -> &Drawn {
        &self.drawn
    }

    /// All of them in minibatches: of single steps, or of whole sequences that have about as many.
    pub(crate) fn minibatches(&self, recurrent: bool) -> Minibatches {
        if recurrent {
            let actors = self.size.div_ceil(self.rollout.n_steps().max(1));
            return Minibatches::sequences(self.rollout.actors(), actors, self.chosen.clone());
        }
        let samples = (0..self.chosen.len() as i64).filter(|&i| self.chosen[i as usize]);
        Minibatches::steps(samples.collect(), self.size)
    }
}

fn set_flags(flags: &mut [bool], values: &[f64]) {
    let pairs = flags.iter_mut().zip(values);
    pairs.for_each(|(flag, value)| *flag = *value != 0.0);
}

fn read_observations(reader: &mut Reader, rollout: &mut Rollout) -> Result<(), AgentError> {
    let (steps, actors) = (rollout.n_steps(), rollout.actors());
    let fields = rollout.layout().observation.clone();
    // Networks read no texts.
    for (i, field) in fields
        .iter()
        .enumerate()
        .filter(|(_, field)| field.dtype != Dtype::Text)
    {
        let shape: Vec<usize> = [steps + 1, actors]
            .into_iter()
            .chain(field.shape.iter().copied())
            .collect();
        let array = reader.array(&field.name, &shape)?;
        let stride = actors * field.width();
        for t in 0..=steps {
            let mut row = match t.checked_sub(1) {
                None => rollout.first_row_mut(),
                Some(before) => rollout.step_mut(before).1.next,
            };
            for (at, value) in array.values[t * stride..(t + 1) * stride].iter().enumerate() {
                row.observation[i].data.set_f64(at, *value);
            }
        }
    }
    Ok(())
}

fn read_actions(
    reader: &mut Reader,
    space: &ActionSpace,
    distribution: &Distribution,
    (steps, actors): (usize, usize),
) -> Result<Drawn, AgentError> {
    let array = reader.array("action", &[steps, actors])?;
    let width = space.width();
    let foreign = |reader: &Reader, what: String| {
        reader.error(
            what,
            format!("record demonstrations of a task whose actions are {space}"),
        )
    };
    if array.values.len() != steps * actors * width {
        let what = format!(
            "array `action` has shape {:?}, not {width} values per action",
            array.shape
        );
        return Err(foreign(reader, what));
    }
    let mut drawn = Drawn::default();
    match distribution {
        Distribution::Choices { nvec } => {
            let options = nvec.iter().cycle();
            for (&action, &n) in array.values.iter().zip(options) {
                if action.fract() != 0.0 || !(0.0..n as f64).contains(&action) {
                    return Err(foreign(
                        reader,
                        format!("array `action` holds {action}, not one of {n}"),
                    ));
                }
                drawn.choices.push(action as i32);
            }
        }
        Distribution::Reals { .. } => {
            drawn.reals = array.values.iter().map(|&x| x as f32).collect();
            drawn
                .reals
                .chunks_exact_mut(width)
                .for_each(|action| distribution.unsquash(action));
        }
    }
    Ok(drawn)
}

/// The steps of episodes that end with a reward above 0, `[T, K]`.
fn successful(rollout: &Rollout, reward: &[f64]) -> Vec<bool> {
    let k = rollout.actors();
    let mut chosen = vec![false; reward.len()];
    for actor in 0..k {
        let mut success = false;
        for t in (0..rollout.n_steps()).rev() {
            if rollout.ended(t, actor) {
                success = reward[t * k + actor] > 0.0;
            }
            chosen[t * k + actor] = success;
        }
    }
    chosen
}
