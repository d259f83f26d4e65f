//! `prospect rollout`: steps an env with given or random actions and stores everything as `.npz`.

use std::{borrow::Cow, path::PathBuf, sync::Arc};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use prospect_envs::gridworld::render::write_gif;
use prospect_sim::{
    ActionSpace, Actions, Dtype, Env, Field, Frame, Rollout, Seeds, Slice, VecEnv, VecEnvConfig, hash::Fnv1a,
    random::Generator,
};

use crate::{
    commands::{bodies::BodyTape, envs::make_env, reset_state},
    failure::{Outcome, Sort},
    npz::{self, NpzOut, Values},
};

/// Options of `prospect rollout`.
#[derive(Args, Debug)]
pub struct RolloutArgs {
    /// Id of the env, such as MiniGrid-DoorKey-8x8-v0 (see `prospect envs`)
    #[arg(long)]
    pub env: String,
    /// Base seed S: env i is seeded with S + i
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Number of env instances K
    #[arg(long, default_value_t = 1)]
    pub n_envs: usize,
    /// Actions: a .npy file of shape [T, K] (integers) or [T, K, A] (reals)
    #[arg(long, conflicts_with_all = ["random_actions", "steps"], required_unless_present = "random_actions")]
    pub actions: Option<PathBuf>,
    /// Random actions as numpy's default_rng(A) draws them
    #[arg(long, value_name = "A", requires = "steps")]
    pub random_actions: Option<u64>,
    /// Number of steps T of random actions
    #[arg(long, value_name = "T")]
    pub steps: Option<usize>,
    /// Where to write the rollout
    #[arg(long)]
    pub out: PathBuf,
    /// Options of the env, as JSON
    #[arg(long, default_value = "{}")]
    pub options: String,
    /// Start every episode from this scene (driving: docs/driving-state.md)
    #[arg(long, value_name = "STATE.json")]
    pub reset_state: Option<PathBuf>,
    /// Threads that step the envs
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Shards the envs are spread over (the result is the same for any number)
    #[arg(long)]
    pub shards: Option<usize>,
    /// Store a hash of each env's whole state per step as `state_hash`
    #[arg(long)]
    pub snapshots: bool,
    /// Draw env 0 as an animated GIF
    #[arg(long, value_name = "FILE.gif")]
    pub gif: Option<PathBuf>,
    /// Pixels per cell in the GIF
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub tile: u16,
    /// Facts to store: `all`, `none`, or names separated by commas
    #[arg(long, default_value = "all")]
    pub facts: String,
}

/// How long a frame of the GIF is shown.
const FRAME_MS: u32 = 100;

/// Pictures of env 0, if they are wanted.
struct Film {
    frames: Vec<Frame>,
    tile: usize,
    on: bool,
}

impl Film {
    fn shoot(&mut self, envs: &mut VecEnv) -> Result<()> {
        if self.on {
            let frame = envs.render(0, self.tile);
            self.frames
                .push(frame.with_context(|| format!("{} draws no pictures", envs.spec().id))?);
        }
        Ok(())
    }
}

/// The actions of a whole rollout.
enum Tape {
    Discrete(Vec<i32>),
    Continuous(Vec<f32>),
}

/// Runs the command.
///
/// # Errors
/// Bad input for an unknown env, option, fact or an action file that does not fit; a failed run if writing fails.
pub fn run(args: &RolloutArgs) -> Outcome {
    let env = match &args.reset_state {
        Some(path) => reset_state::make_env(&args.env, &args.options, path)?,
        None => make_env(&args.env, &args.options)?,
    };
    let facts = chosen_facts(env.as_ref(), &args.facts);
    let config = VecEnvConfig {
        n_envs: args.n_envs,
        threads: args.threads,
        shards: args.shards,
        facts,
        ..VecEnvConfig::default()
    };
    let mut envs = VecEnv::new(env, &config).or_input(|| "setting up the envs".to_owned())?;
    let (tape, steps) = tape(args, &envs).or_input(|| "taking the actions".to_owned())?;
    let mut film = Film {
        frames: Vec::new(),
        tile: usize::from(args.tile),
        on: args.gif.is_some(),
    };
    let (rollout, hashes, bodies) =
        play(&mut envs, &tape, steps, args, &mut film).or_input(|| "stepping".to_owned())?;
    if let Some(path) = &args.gif {
        write_gif(path, &film.frames, FRAME_MS).or_run(|| format!("writing {}", path.display()))?;
    }
    write(args, &envs, &rollout, &hashes, &bodies).or_run(|| format!("writing {}", args.out.display()))
}

fn chosen_facts(env: &dyn Env, chosen: &str) -> Vec<String> {
    match chosen {
        "all" => env
            .spec()
            .facts
            .iter()
            .map(|fact| fact.field.name.clone())
            .collect(),
        "none" | "" => Vec::new(),
        names => names.split(',').map(|name| name.trim().to_owned()).collect(),
    }
}

fn tape(args: &RolloutArgs, envs: &VecEnv) -> Result<(Tape, usize)> {
    let space = &envs.layout().actions;
    let actors = envs.actors();
    if let Some(path) = &args.actions {
        return tape_from_file(path, space, actors);
    }
    let (Some(seed), Some(steps)) = (args.random_actions, args.steps) else {
        bail!("give --actions FILE, or --random-actions A with --steps T");
    };
    let mut rng = Generator::default_rng(seed);
    let tape = match space {
        ActionSpace::Discrete { n } => Tape::Discrete(
            (0..steps * actors)
                .map(|_| rng.integers(0, *n as i64) as i32)
                .collect(),
        ),
        ActionSpace::MultiDiscrete { nvec } => {
            let draws = (0..steps * actors).flat_map(|_| nvec.iter());
            Tape::Discrete(draws.map(|&n| rng.integers(0, n as i64) as i32).collect())
        }
        ActionSpace::Continuous { low, high } => {
            let bounds = low.iter().zip(high);
            let mut reals = Vec::with_capacity(steps * actors * low.len());
            for _ in 0..steps * actors {
                reals.extend(
                    bounds
                        .clone()
                        .map(|(&l, &h)| rng.uniform(f64::from(l), f64::from(h)) as f32),
                );
            }
            Tape::Continuous(reals)
        }
    };
    Ok((tape, steps))
}

fn tape_from_file(path: &std::path::Path, space: &ActionSpace, actors: usize) -> Result<(Tape, usize)> {
    let array = npz::read_npy(path)?;
    let place = || format!("{}: shape {:?}", path.display(), array.shape);
    let width = space.width();
    let plain = [array.shape.first().copied().unwrap_or(0), actors];
    let full = [plain[0], actors, width];
    if array.shape != plain && array.shape != full || (array.shape == plain && width != 1) {
        let want = if width == 1 {
            format!("[T, {actors}]")
        } else {
            format!("[T, {actors}, {width}]")
        };
        bail!("{}, but {want} is needed for {space}", place());
    }
    let tape = match (&array.values, space.is_continuous()) {
        (Values::Integers(v), false) => {
            let out_of_range = |at: usize| {
                anyhow!(
                    "{}: action {} at step {}, actor {} is outside of {space}",
                    path.display(),
                    v[at],
                    at / (actors * width),
                    at / width % actors
                )
            };
            let converted: Vec<_> = v.iter().map(|&a| i32::try_from(a).unwrap_or(-1)).collect();
            let sizes = match space {
                ActionSpace::Discrete { n } => vec![*n],
                ActionSpace::MultiDiscrete { nvec } => nvec.clone(),
                ActionSpace::Continuous { .. } => Vec::new(),
            };
            let bad = converted
                .iter()
                .enumerate()
                .position(|(i, &a)| a < 0 || a as usize >= sizes[i % width]);
            if let Some(at) = bad {
                return Err(out_of_range(at));
            }
            Tape::Discrete(converted)
        }
        (Values::Texts(_), _) => bail!("{}: texts are no actions", path.display()),
        (Values::Reals(_), false) => bail!("{}: reals, but {space} takes integers", path.display()),
        (_, true) => Tape::Continuous(array.reals()?.into_iter().map(|x| x as f32).collect()),
    };
    Ok((tape, plain[0]))
}

fn play(
    envs: &mut VecEnv,
    tape: &Tape,
    steps: usize,
    args: &RolloutArgs,
    film: &mut Film,
) -> Result<(Rollout, Vec<u64>, BodyTape)> {
    let mut rollout = Rollout::new(envs.layout(), steps);
    let mut bodies = BodyTape::new(envs.n_envs());
    envs.reset(Seeds::Base(args.seed), rollout.first_row_mut())?;
    let mut hashes = Vec::new();
    let mut hash = |envs: &VecEnv| -> Result<()> {
        if args.snapshots {
            for env in 0..envs.n_envs() {
                hashes.push(envs.state_hash(env)?);
            }
        }
        Ok(())
    };
    hash(envs)?;
    bodies.first(envs);
    film.shoot(envs)?;
    let width = envs.actors() * envs.layout().actions.width();
    for t in 0..steps {
        match tape {
            Tape::Discrete(v) => {
                rollout
                    .discrete_actions_mut(t)
                    .copy_from_slice(&v[t * width..(t + 1) * width]);
            }
            Tape::Continuous(v) => {
                rollout
                    .continuous_actions_mut(t)
                    .copy_from_slice(&v[t * width..(t + 1) * width]);
            }
        }
        let (actions, row): (Actions<'_>, _) = rollout.step_mut(t);
        envs.step(actions, row).with_context(|| format!("step {t}"))?;
        hash(envs)?;
        bodies.step(envs, &rollout, t);
        film.shoot(envs)?;
    }
    Ok((rollout, hashes, bodies))
}

/// A hash of the observations of all rows, the checksum of `prospect bench steps`.
pub fn observation_checksum(rollout: &Rollout) -> u64 {
    let mut hash = Fnv1a::default();
    for t in 0..=rollout.n_steps() {
        checksum_row(rollout, t, &mut hash);
    }
    hash.finish()
}

/// Takes row `t` into `hash`: the components in order, little-endian.
pub fn checksum_row(rollout: &Rollout, t: usize, hash: &mut Fnv1a) {
    let mut bytes = Vec::new();
    for component in 0..rollout.layout().observation.len() {
        bytes.clear();
        rollout.observation_row(component, t).extend_bytes(&mut bytes);
        hash.write(&bytes);
    }
}

fn write(
    args: &RolloutArgs,
    envs: &VecEnv,
    rollout: &Rollout,
    hashes: &[u64],
    bodies: &BodyTape,
) -> Result<()> {
    let (steps, actors) = (rollout.n_steps(), rollout.actors());
    let layout = rollout.layout();
    let mut file = FieldFile {
        out: NpzOut::create(&args.out)?,
        env: envs.env(),
        rollout,
    };
    file.out.texts("env_id", &[], &[args.env.as_str()])?;
    file.out.texts("options", &[], &[args.options.as_str()])?;
    file.out.array("seed", &[], [args.seed])?;
    for (i, field) in layout.observation.iter().enumerate() {
        file.put(&field.name, i, field, rollout.observation(i))?;
        file.put_finals(
            &format!("final_{}", field.name),
            i,
            field,
            rollout.final_observation(i),
        )?;
    }
    let mut shape = vec![steps, actors];
    if layout.actions.width() > 1 || layout.actions.is_continuous() {
        shape.push(layout.actions.width());
    }
    match rollout.actions() {
        Slice::F32(v) => file.out.array("action", &shape, v.iter().copied())?,
        Slice::I32(v) => file
            .out
            .array("action", &shape, v.iter().map(|&a| i64::from(a)))?,
        Slice::U8(_) | Slice::Bool(_) => {}
    }
    let shape = [steps, actors];
    file.out
        .array("reward", &shape, rollout.reward().iter().copied())?;
    file.out
        .array("terminated", &shape, rollout.terminated().iter().copied())?;
    file.out
        .array("truncated", &shape, rollout.truncated().iter().copied())?;
    for (i, field) in layout.state_facts.iter().enumerate() {
        file.put(&format!("fact_{}", field.name), i, field, rollout.state_fact(i))?;
        file.put(
            &format!("final_fact_{}", field.name),
            i,
            field,
            rollout.final_fact(i),
        )?;
    }
    for (i, field) in layout.event_facts.iter().enumerate() {
        file.put(&format!("fact_{}", field.name), i, field, rollout.event_fact(i))?;
    }
    if args.snapshots {
        file.out
            .array("state_hash", &[steps + 1, layout.n_envs], hashes.iter().copied())?;
    }
    bodies.write(&mut file.out)?;
    let checksum = format!("{:016x}", observation_checksum(rollout));
    file.out.texts("observation_checksum", &[], &[checksum])?;
    file.out.finish()
}

/// The file of a rollout, into which fields go in the types that the Python package would give them.
pub(crate) struct FieldFile<'a> {
    pub(crate) out: NpzOut,
    pub(crate) env: &'a Arc<dyn Env>,
    pub(crate) rollout: &'a Rollout,
}

impl FieldFile<'_> {
    /// `[rows, actors, ...]`, the number of rows being that of the values.
    fn shape(&self, field: &Field, values: Slice<'_>) -> Vec<usize> {
        let actors = self.rollout.actors();
        let mut shape = vec![values.len() / (actors * field.width()), actors];
        shape.extend(&field.shape);
        shape
    }

    /// Final values, of which a text is empty where no episode ended; numbers are zero there.
    fn put_finals(&mut self, name: &str, component: usize, field: &Field, values: Slice<'_>) -> Result<()> {
        let (Dtype::Text, Slice::I32(ids)) = (field.dtype, values) else {
            return self.put(name, component, field, values);
        };
        let (rollout, width) = (self.rollout, field.width());
        let flags = rollout.terminated().iter().zip(rollout.truncated());
        let ended: Vec<_> = flags
            .map(|(terminated, truncated)| terminated | truncated)
            .collect();
        let text = |(i, &id): (usize, &i32)| {
            if ended[i / width] {
                self.env.text(component, id)
            } else {
                Cow::Borrowed("")
            }
        };
        let texts: Vec<_> = ids.iter().enumerate().map(text).collect();
        self.out.texts(name, &self.shape(field, values), &texts)
    }

    /// Values of a component, `[rows, actors, ...]`.
    pub(crate) fn put(
        &mut self,
        name: &str,
        component: usize,
        field: &Field,
        values: Slice<'_>,
    ) -> Result<()> {
        let shape = self.shape(field, values);
        match (field.dtype, values) {
            (Dtype::Text, Slice::I32(v)) => {
                let texts: Vec<_> = v.iter().map(|&id| self.env.text(component, id)).collect();
                self.out.texts(name, &shape, &texts)
            }
            (Dtype::Index, Slice::I32(v)) => self.out.array(name, &shape, v.iter().map(|&x| i64::from(x))),
            (_, Slice::I32(v)) => self.out.array(name, &shape, v.iter().copied()),
            (_, Slice::U8(v)) => self.out.array(name, &shape, v.iter().copied()),
            (_, Slice::F32(v)) => self.out.array(name, &shape, v.iter().copied()),
            (_, Slice::Bool(v)) => self.out.array(name, &shape, v.iter().copied()),
        }
    }
}
