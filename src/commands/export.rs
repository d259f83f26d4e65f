//! `prospect export`: a run's policy as safetensors, with a description and a PyTorch module that runs it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use prospect_agents::{Play, Trainer, export::HeadDescription, session};
use prospect_sim::{
    Rollout, Seeds, Slice,
    random::{Generator, Purpose, run_seed},
};

use crate::{
    commands::rollout::FieldFile,
    failure::{Failure, Outcome},
    npz::NpzOut,
    training,
};

/// The reader in PyTorch.
const POLICY_PY: &str = include_str!("../../assets/export/policy.py");
/// Envs and steps of the example.
const ENVS: usize = 4;
const STEPS: usize = 32;

/// Options of `prospect export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Folder of a run
    pub dir: PathBuf,
    /// A checkpoint of the run instead of its newest
    #[arg(long)]
    pub checkpoint: Option<PathBuf>,
    /// Folder to write; DIR/export if left out
    #[arg(long)]
    pub out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Bad input if the folder holds no run or its checkpoint is damaged; a failed run if a file cannot be written.
pub fn run(args: &ExportArgs) -> Outcome {
    let (file, mut trainer) = training::stored(&args.dir)?;
    match &args.checkpoint {
        Some(path) => drop(session::load(path, &mut trainer).map_err(training::sort)?),
        None => drop(session::load_latest(&args.dir, &mut trainer).map_err(training::sort)?),
    }
    let out = args.out.clone().unwrap_or_else(|| args.dir.join("export"));
    write_all(&trainer, &out).map_err(Failure::Run)?;
    println!(
        "{}: policy.safetensors, policy.json, policy.py and example.npz of {} after {} frames; try `python {}`",
        out.display(),
        file.env.id,
        trainer.step(),
        out.join("policy.py").display()
    );
    Ok(())
}

/// Writes all files.
fn write_all(trainer: &Trainer, out: &Path) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    let mut export = trainer.learner().export();
    export.description.step = trainer.step();
    let description = serde_json::to_vec_pretty(&export.description)?;
    write(&out.join("policy.json"), &description)?;
    write(&out.join("policy.safetensors"), &export.weights.to_bytes())?;
    write(&out.join("policy.py"), POLICY_PY.as_bytes())?;
    example(trainer, &out.join("example.npz"))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// Plays a few held-out episodes and stores what the policy saw, what its last layer gave and what it did.
fn example(trainer: &Trainer, path: &Path) -> Result<()> {
    let mut envs = trainer.envs_of(ENVS)?;
    let mut rollout = Rollout::new(envs.layout(), STEPS);
    let seeds = Seeds::Base(run_seed(trainer.run_seed(), Purpose::Evaluation)?);
    envs.reset(seeds, rollout.first_row_mut())?;
    let rng = Generator::named(trainer.run_seed(), "agent/export");
    let actors = envs.actors();
    let mut player = trainer.learner().player(actors, Play::Greedy, rng);
    let mut outputs = Vec::new();
    let mut starts = vec![true; actors];
    for t in 0..STEPS {
        player.act(&mut rollout, t);
        outputs.extend_from_slice(player.outputs());
        let (actions, row) = rollout.step_mut(t);
        envs.step(actions, row)?;
        player.observe(&rollout, t);
        starts.extend((0..actors).map(|k| rollout.ended(t, k)));
    }
    starts.truncate(STEPS * actors);
    let mut file = FieldFile {
        out: NpzOut::create(path)?,
        env: envs.env(),
        rollout: &rollout,
    };
    for (i, field) in envs.spec().observation.iter().enumerate() {
        let seen = STEPS * actors * field.width();
        file.put(
            &format!("observation/{}", field.name),
            i,
            field,
            rollout.observation(i).slice(0..seen),
        )?;
    }
    if let Some((i, n)) = mask(&rollout, trainer) {
        let allowed = rollout.state_fact(i).as_bool().unwrap_or_default();
        let shape = [STEPS, actors, n];
        file.out.array(
            "action_mask",
            &shape,
            allowed[..STEPS * actors * n].iter().copied(),
        )?;
    }
    let mut shape = vec![STEPS, actors];
    file.out.array("episode_start", &shape, starts)?;
    shape.push(outputs.len() / (STEPS * actors));
    file.out.array("outputs", &shape, outputs)?;
    let width = envs.layout().actions.width();
    let several = width > 1 || envs.layout().actions.is_continuous();
    let shape = if several {
        vec![STEPS, actors, width]
    } else {
        vec![STEPS, actors]
    };
    match rollout.actions() {
        Slice::F32(actions) => file.out.array("action", &shape, actions.iter().copied())?,
        Slice::I32(actions) => file
            .out
            .array("action", &shape, actions.iter().map(|&a| i64::from(a)))?,
        Slice::U8(_) | Slice::Bool(_) => {}
    }
    file.out.finish()
}

/// The fact that masks actions and its width, if the policy heeds it.
fn mask(rollout: &Rollout, trainer: &Trainer) -> Option<(usize, usize)> {
    let HeadDescription::Categorical { masked: true, .. } = trainer.learner().export().description.head
    else {
        return None;
    };
    let i = rollout.layout().state_fact("action_mask")?;
    Some((i, rollout.layout().state_facts[i].width()))
}
