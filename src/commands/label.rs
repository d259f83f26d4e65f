//! `prospect label`: each reward module's channel for a stored rollout, the answer to "is the bonus right?".

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use prospect_nets::{DeviceChoice, TensorBatch, set_threads};
use prospect_shaping::{Channel, Mixed, RewardStack, StackInit};
use prospect_sim::{ActionSpace, FactSelection, Field, FieldsMut, ResetRowMut, Rollout, RowLayout};
use serde::Serialize;

use crate::{
    commands::{config::modules, envs::make_env, print_json},
    config::RunFile,
    failure::{Failure, Outcome, Sort},
    npz::{Array, NpzIn, NpzOut, Values},
};

/// Options of `prospect label`.
#[derive(Args, Debug)]
pub struct LabelArgs {
    /// A rollout that `prospect rollout` stored
    pub rollout: PathBuf,
    /// A run file, or a file with nothing but `[[reward]]` tables
    #[arg(long)]
    pub reward: PathBuf,
    /// Settings on top, such as --set reward.0.weight=0.1
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// Where to save the channels; ROLLOUT.labels.npz if left out
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// The summary of one channel.
#[derive(Debug, Serialize)]
struct Summary {
    name: String,
    mean: f64,
    std: f64,
    min: f32,
    max: f32,
    nonzero: f64,
    mixed_mean: f64,
}

/// Runs the command.
///
/// # Errors
/// Bad input for a rollout or reward file that cannot be used; a failed run if the channels cannot be saved.
pub fn run(args: &LabelArgs) -> Outcome {
    let registry = modules();
    let file = RunFile::read(&args.reward, &args.sets, &registry).map_err(Failure::Input)?;
    if file.rewards.is_empty() {
        return Err(Failure::input(anyhow!(
            "{} has no [[reward]]; add one",
            args.reward.display()
        )));
    }
    set_threads(1);
    let device = DeviceChoice::Cpu.resolve().map_err(Failure::run)?;
    let mut npz = NpzIn::open(&args.rollout).map_err(Failure::Input)?;
    let env = make_env(
        &text(&mut npz, "env_id").map_err(Failure::Input)?,
        &text(&mut npz, "options").map_err(Failure::Input)?,
    )?;
    let [steps, actors] = shape(&mut npz).or_input(|| args.rollout.display().to_string())?;
    let spec = env.spec();
    let init = StackInit {
        spec,
        actors,
        seed: file.run.seed,
        device,
    };
    let mut stack = RewardStack::new(file.rewards, file.extrinsic, &registry, &init)
        .or_input(|| args.reward.display().to_string())?;
    let facts = stack.needs().facts;
    let selection = FactSelection::new(&spec.id, &spec.facts, facts.iter().map(String::as_str))
        .map_err(Failure::input)?;
    let layout =
        RowLayout::new(spec, &selection, actors / spec.agents_per_env.max(1)).map_err(Failure::input)?;
    let rollout = load(&mut npz, &layout, steps).or_input(|| args.rollout.display().to_string())?;
    let mixed = label(&mut stack, &rollout).or_run(|| "labelling".to_owned())?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.rollout.with_extension("labels.npz"));
    save(&out, &mixed, steps, actors).or_run(|| format!("writing {}", out.display()))?;
    let summaries: Vec<_> = mixed.channels.iter().map(summary).collect();
    if args.json {
        return print_json(&summaries);
    }
    print_table(&summaries);
    println!(
        "{steps} steps of {actors} actors; channels saved in {}",
        out.display()
    );
    Ok(())
}

fn print_table(summaries: &[Summary]) {
    println!(
        "{:<20} {:>10} {:>10} {:>10} {:>10} {:>8} {:>11}",
        "channel (raw)", "mean", "std", "min", "max", "nonzero", "mixed mean"
    );
    for s in summaries {
        println!(
            "{:<20} {:>10.5} {:>10.5} {:>10.5} {:>10.5} {:>7.1}% {:>11.6}",
            s.name,
            s.mean,
            s.std,
            s.min,
            s.max,
            100.0 * s.nonzero,
            s.mixed_mean
        );
    }
}

/// Steps and actors of a stored rollout.
fn shape(npz: &mut NpzIn) -> Result<[usize; 2]> {
    let shape = npz.read("reward")?.map(|array| array.shape);
    shape
        .and_then(|shape| <[usize; 2]>::try_from(shape).ok())
        .context("no array `reward` of shape [T, K]; make it with `prospect rollout`")
}

fn text(npz: &mut NpzIn, name: &str) -> Result<String> {
    match npz.read(name)?.map(|array| array.values) {
        Some(Values::Texts(texts)) if texts.len() == 1 => Ok(texts[0].clone()),
        _ => bail!("no text `{name}`: make the file with `prospect rollout`"),
    }
}

fn label(stack: &mut RewardStack, rollout: &Rollout) -> Result<Mixed> {
    let batch = TensorBatch::new(rollout, tch::Device::Cpu);
    stack.prime(rollout, &batch)?;
    stack.begin(rollout)?;
    for t in 0..rollout.n_steps() {
        stack.observe(rollout, t);
    }
    let frames = (rollout.n_steps() * rollout.actors()) as u64;
    Ok(stack.label(rollout, &batch, frames)?)
}

/// The arrays of a rollout, component by component and then fact by fact.
#[derive(Default)]
struct Arrays {
    /// State rows, `[T + 1, K, ...]` each.
    states: Vec<Vec<f64>>,
    /// Final states, `[T, K, ...]` each.
    finals: Vec<Vec<f64>>,
    /// Event facts, `[T, K, ...]` each.
    events: Vec<Vec<f64>>,
}

impl Arrays {
    fn read(npz: &mut NpzIn, layout: &RowLayout, steps: usize) -> Result<Self> {
        let mut arrays = Self::default();
        let observed = layout.observation.iter().map(|field| ("", field));
        let facts = layout.state_facts.iter().map(|field| ("fact_", field));
        for (prefix, field) in observed.chain(facts) {
            let name = format!("{prefix}{}", field.name);
            let states = field_array(npz, &name, field, steps + 1, layout)?;
            let finals = field_array(npz, &format!("final_{name}"), field, steps, layout)?;
            arrays.states.push(states);
            arrays.finals.push(finals);
        }
        for field in &layout.event_facts {
            let name = format!("fact_{}", field.name);
            arrays.events.push(field_array(npz, &name, field, steps, layout)?);
        }
        Ok(arrays)
    }
}

/// An array of one number per step and actor.
fn scalars(npz: &mut NpzIn, name: &str, want: usize) -> Result<Vec<f64>> {
    let array = npz.read(name)?.with_context(|| format!("no array `{name}`"))?;
    let values = array.reals()?;
    if values.len() != want {
        bail!("array `{name}` has {} values, {want} are needed", values.len());
    }
    Ok(values)
}

/// Fills a rollout from arrays of the names that `prospect rollout` gives them.
fn load(npz: &mut NpzIn, layout: &RowLayout, steps: usize) -> Result<Rollout> {
    let mut rollout = Rollout::new(layout, steps);
    let arrays = Arrays::read(npz, layout, steps)?;
    let want = steps * layout.actors();
    let reward = scalars(npz, "reward", want)?;
    let terminated = scalars(npz, "terminated", want)?;
    let truncated = scalars(npz, "truncated", want)?;
    let actions = npz.read("action")?.context("no array `action`")?;
    let n = layout.observation.len();
    fill_states(&mut rollout.first_row_mut(), &arrays.states, n, 0);
    for t in 0..steps {
        set_actions(&mut rollout, &actions, t)?;
        let (_, mut row) = rollout.step_mut(t);
        fill_states(&mut row.next, &arrays.states, n, t + 1);
        fill_states(&mut row.last, &arrays.finals, n, t);
        fill(&mut row.event_facts, &arrays.events, t);
        for k in 0..row.reward.len() {
            let at = t * row.reward.len() + k;
            row.reward[k] = reward[at];
            row.terminated[k] = terminated[at] != 0.0;
            row.truncated[k] = truncated[at] != 0.0;
        }
    }
    Ok(rollout)
}

/// Texts are read as zeros: no module looks at them.
fn field_array(
    npz: &mut NpzIn,
    name: &str,
    field: &Field,
    rows: usize,
    layout: &RowLayout,
) -> Result<Vec<f64>> {
    let want = rows * layout.actors() * field.width();
    let Some(array) = npz.read(name)? else {
        bail!("no array `{name}`; record the rollout with `--facts all` and this version");
    };
    if matches!(array.values, Values::Texts(_)) {
        return Ok(vec![0.0; want]);
    }
    let values = array.reals()?;
    if values.len() != want {
        bail!(
            "array `{name}` has shape {:?}, {want} values are needed",
            array.shape
        );
    }
    Ok(values)
}

/// `arrays` holds those of the `n` observation components, then those of the facts.
fn fill_states(states: &mut ResetRowMut<'_>, arrays: &[Vec<f64>], n: usize, row: usize) {
    fill(&mut states.observation, &arrays[..n], row);
    fill(&mut states.state_facts, &arrays[n..], row);
}

fn fill(fields: &mut FieldsMut<'_>, arrays: &[Vec<f64>], row: usize) {
    for (field, array) in fields.iter_mut().zip(arrays) {
        let n = field.data.len();
        (0..n).for_each(|i| field.data.set_f64(i, array[row * n + i]));
    }
}

fn set_actions(rollout: &mut Rollout, actions: &Array, t: usize) -> Result<()> {
    let width = rollout.actors() * rollout.layout().actions.width();
    let range = t * width..(t + 1) * width;
    if range.end > actions.len() {
        bail!("array `action` has shape {:?}, too few values", actions.shape);
    }
    match (&actions.values, &rollout.layout().actions) {
        (Values::Integers(v), ActionSpace::Discrete { .. } | ActionSpace::MultiDiscrete { .. }) => {
            let row = rollout.discrete_actions_mut(t);
            row.iter_mut()
                .zip(&v[range])
                .for_each(|(action, &value)| *action = value as i32);
        }
        (Values::Reals(v), ActionSpace::Continuous { .. }) => {
            let row = rollout.continuous_actions_mut(t);
            row.iter_mut()
                .zip(&v[range])
                .for_each(|(action, &value)| *action = value as f32);
        }
        _ => bail!("array `action` does not fit {}", rollout.layout().actions),
    }
    Ok(())
}

fn summary(channel: &Channel) -> Summary {
    let n = channel.raw.len().max(1) as f64;
    let mean = channel.raw.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = channel
        .raw
        .iter()
        .map(|&x| (f64::from(x) - mean).powi(2))
        .sum::<f64>()
        / n;
    Summary {
        name: channel.name.clone(),
        mean,
        std: variance.sqrt(),
        min: channel.raw.iter().copied().fold(f32::INFINITY, f32::min),
        max: channel.raw.iter().copied().fold(f32::NEG_INFINITY, f32::max),
        nonzero: channel.raw.iter().filter(|&&x| x != 0.0).count() as f64 / n,
        mixed_mean: channel.mixed.iter().map(|&x| f64::from(x)).sum::<f64>() / n,
    }
}

fn save(path: &Path, mixed: &Mixed, steps: usize, actors: usize) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut out = NpzOut::create(path)?;
    for channel in &mixed.channels {
        out.array(
            &format!("raw/{}", channel.name),
            &[steps, actors],
            channel.raw.iter().copied(),
        )?;
        out.array(
            &format!("mixed/{}", channel.name),
            &[steps, actors],
            channel.mixed.iter().copied(),
        )?;
    }
    out.array("task", &[steps, actors], mixed.task.iter().copied())?;
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_summed_up() {
        let channel = Channel {
            name: "x".to_owned(),
            raw: vec![0.0, 1.0, 2.0, 1.0],
            mixed: vec![0.5; 4],
        };
        let s = summary(&channel);
        assert_eq!(
            (s.mean, s.std, s.min, s.max, s.nonzero, s.mixed_mean),
            (1.0, 0.5_f64.sqrt(), 0.0, 2.0, 0.75, 0.5)
        );
    }
}
