//! The training loop: the eight hops of a step, held-out evaluation, and everything that a checkpoint must hold.

use std::sync::Arc;

use prospect_nets::{NamedTensors, TensorBatch, tch::Device};
use prospect_shaping::{ExtrinsicConfig, ModuleRegistry, RewardConfig, RewardStack, ShapingError, StackInit};
use prospect_sim::{
    Env, EnvSpec, Rollout, Seeds, VecEnv, VecEnvConfig,
    random::{Generator, Purpose, run_seed},
};

use crate::{
    checkpoint::{Checkpoint, foreign},
    config::AgentConfig,
    coverage::Coverage,
    episodes::{Episode, EpisodeStats, Episodes, wanted_facts},
    error::AgentError,
    hops::{Clock, Hops},
    learner::{self, Learner, LearnerInit, Play, Turn, act_randomly},
    recorder::Metrics,
    transfer,
};

/// What a trainer is made from.
pub struct TrainSetup<'a> {
    /// The task.
    pub env: Arc<dyn Env>,
    /// Env instances.
    pub n_envs: usize,
    /// Threads that step them.
    pub threads: usize,
    /// Shards; none chooses.
    pub shards: Option<usize>,
    /// The run's seed, from which all streams of training, evaluation and probes derive.
    pub run_seed: u64,
    /// The learner's settings.
    pub agent: AgentConfig,
    /// The reward modules' settings.
    pub rewards: Vec<RewardConfig>,
    /// The weight of the task's reward.
    pub extrinsic: ExtrinsicConfig,
    /// The kinds of module there are.
    pub registry: &'a ModuleRegistry,
    /// Where tensors live.
    pub device: Device,
}

/// What one iteration (a rollout and an update) was like.
#[derive(Debug, Clone)]
pub struct IterationReport {
    /// Env steps made in the whole run, all actors counted.
    pub step: u64,
    /// Deterministic metrics.
    pub metrics: Metrics,
    /// Timings.
    pub hops: Hops,
    /// Env steps of this iteration.
    pub steps: u64,
}

/// A run in memory: envs, rewards, learner, counters.
pub struct Trainer {
    env: Arc<dyn Env>,
    envs: VecEnv,
    rollout: Rollout,
    stack: RewardStack,
    learner: Box<dyn Learner>,
    agent: AgentConfig,
    coverage: Coverage,
    episodes: Episodes,
    ended: Vec<Episode>,
    run_seed: u64,
    threads: usize,
    step: u64,
    identity: String,
    device: Device,
}

/// Steps after which an evaluation gives up on episodes of an env that has no limit of its own.
const MAX_EVALUATION_STEPS: u32 = 100_000;

impl Trainer {
    /// Builds everything, primes the reward modules and resets the envs.
    ///
    /// # Errors
    /// [`AgentError`] if a setting, a reward module or the env does not fit.
    pub fn new(setup: TrainSetup<'_>) -> Result<Self, AgentError> {
        let spec = setup.env.spec().clone();
        let actors = setup.n_envs * spec.agents_per_env;
        let identity = identity(&setup, &spec);
        let (seed, device) = (setup.run_seed, setup.device);
        let init = StackInit {
            spec: &spec,
            actors,
            seed,
            device,
        };
        let stack = RewardStack::new(setup.rewards, setup.extrinsic, setup.registry, &init)?;
        let mut facts = stack.needs().facts;
        facts.extend(wanted_facts(&spec.facts));
        // What the env lacks, the learner refuses with the setting that asks for it.
        let published = |name: &String| spec.facts.iter().any(|fact| fact.field.name == *name);
        facts.extend(setup.agent.facts().into_iter().filter(published));
        let config = VecEnvConfig {
            n_envs: setup.n_envs,
            threads: setup.threads,
            shards: setup.shards,
            facts,
            ..VecEnvConfig::default()
        };
        let envs = VecEnv::new(Arc::clone(&setup.env), &config)?;
        let init = LearnerInit {
            env: &setup.env,
            layout: envs.layout(),
            stack: &stack,
            seed,
            device,
        };
        let learner = learner::make(&setup.agent, &init)?;
        let mut trainer = Self {
            rollout: Rollout::new(envs.layout(), setup.agent.rollout_steps()),
            agent: setup.agent,
            env: setup.env,
            envs,
            stack,
            learner,
            coverage: Coverage::default(),
            episodes: Episodes::new(actors),
            ended: Vec::new(),
            run_seed: seed,
            threads: setup.threads,
            step: 0,
            identity,
            device,
        };
        trainer.prime()?;
        trainer.begin()?;
        Ok(trainer)
    }

    /// Starts the first episodes.
    fn begin(&mut self) -> Result<(), AgentError> {
        let seeds = Seeds::Base(run_seed(self.run_seed, Purpose::Training)?);
        self.envs.reset(seeds, self.rollout.first_row_mut())?;
        self.stack.begin(&self.rollout)?;
        self.coverage.begin(&self.rollout);
        Ok(())
    }

    /// Shows the reward modules that want it a random policy, on envs that training never sees.
    fn prime(&mut self) -> Result<(), AgentError> {
        let steps = self.stack.needs().prime_steps;
        if steps == 0 {
            return Ok(());
        }
        let mut envs = self.envs_of(self.envs.n_envs())?;
        let mut rollout = Rollout::new(envs.layout(), steps);
        envs.reset(
            Seeds::Base(run_seed(self.run_seed, Purpose::Spare)?),
            rollout.first_row_mut(),
        )?;
        let mut rng = Generator::named(self.run_seed, "agent/prime");
        for t in 0..steps {
            act_randomly(&mut rollout, t, &mut rng);
            let (actions, row) = rollout.step_mut(t);
            envs.step(actions, row)?;
        }
        let batch = TensorBatch::new(&rollout, self.device);
        self.stack.prime(&rollout, &batch)?;
        Ok(())
    }

    /// Other envs of the same making.
    ///
    /// # Errors
    /// What the env returns.
    pub fn envs_of(&self, n_envs: usize) -> Result<VecEnv, AgentError> {
        self.envs_with(n_envs, &[])
    }

    /// Other envs of the same making that publish more facts, behind those that training reads.
    ///
    /// # Errors
    /// What the env returns.
    pub fn envs_with(&self, n_envs: usize, more: &[&str]) -> Result<VecEnv, AgentError> {
        self.envs_over(&self.env, n_envs, more)
    }

    /// Envs of any making that publish the facts that training reads, and `more`.
    fn envs_over(&self, env: &Arc<dyn Env>, n_envs: usize, more: &[&str]) -> Result<VecEnv, AgentError> {
        let selected = self.envs.facts();
        let schema = &self.envs.spec().facts;
        let selected = selected.state.iter().chain(&selected.event);
        let facts = selected
            .map(|&i| schema[i].field.name.as_str())
            .chain(more.iter().copied());
        Ok(VecEnv::new(
            Arc::clone(env),
            &VecEnvConfig {
                n_envs,
                threads: self.threads,
                facts: facts.map(str::to_owned).collect(),
                ..VecEnvConfig::default()
            },
        )?)
    }

    /// Lets the learner prepare for its first step, if that is still to come.
    ///
    /// # Errors
    /// What the learner returns.
    pub fn start(&mut self) -> Result<(), AgentError> {
        if self.step == 0 {
            self.learner.begin()
        } else {
            Ok(())
        }
    }

    /// Rollouts and turns of the learner until there is something to report; for an on-policy learner one of each.
    ///
    /// # Errors
    /// [`AgentError::NotFinite`] naming the first term that is no number; the trainer must be dropped then. What envs and
    /// modules return.
    pub fn iterate(&mut self) -> Result<IterationReport, AgentError> {
        self.start()?;
        let mut hops = Hops::default();
        let before = self.step;
        self.ended.clear();
        let mut means = MetricMeans::default();
        loop {
            means.add(self.turn(&mut hops)?);
            if self.step - before >= self.agent.report_steps() || self.is_finished() {
                break;
            }
        }
        let mut metrics = self.learner.take_metrics();
        metrics.extend(means.take());
        EpisodeStats::of(&self.ended).charts(&mut metrics);
        self.coverage.metrics(self.envs.layout(), &mut metrics);
        Ok(IterationReport {
            step: self.step,
            metrics,
            hops,
            steps: self.step - before,
        })
    }

    /// One rollout and one turn of learner and modules; returns the modules' metrics.
    fn turn(&mut self, hops: &mut Hops) -> Result<Metrics, AgentError> {
        let before = self.step;
        self.collect(hops)?;
        let mut clock = Clock::start();
        let batch = TensorBatch::new(&self.rollout, self.device);
        let mixed = self
            .stack
            .label(&self.rollout, &batch, self.step)
            .map_err(|why| name_channel(why, self.step))?;
        clock.lap(&mut hops.label_s);
        self.learner.learn(Turn {
            batch: &batch,
            mixed: &mixed,
            stack: &self.stack,
            before,
            step: self.step,
            hops,
        })?;
        let mut clock = Clock::start();
        let mut metrics = self
            .stack
            .learn(&self.rollout, &batch)
            .map_err(|why| name_channel(why, self.step))?;
        clock.lap(&mut hops.learn_s);
        metrics.extend(mixed.metrics);
        self.rollout.carry();
        Ok(metrics)
    }

    fn collect(&mut self, hops: &mut Hops) -> Result<(), AgentError> {
        let actors = self.envs.actors() as u64;
        let mut clock = Clock::start();
        for t in 0..self.rollout.n_steps() {
            self.learner.act(&mut self.rollout, t, self.step);
            clock.lap(&mut hops.act_s);
            let (actions, row) = self.rollout.step_mut(t);
            self.envs.step(actions, row)?;
            clock.lap(&mut hops.step_s);
            self.stack.observe(&self.rollout, t);
            clock.lap(&mut hops.observe_s);
            self.step += actors;
            self.coverage.observe(&self.rollout, t);
            let (ended, coverage, step) = (&mut self.ended, &mut self.coverage, self.step);
            self.episodes.observe(&self.rollout, t, |episode| {
                if episode.success {
                    coverage.succeed(step);
                }
                ended.push(episode);
            });
            clock.lap(&mut hops.watch_s);
        }
        let reward = self.rollout.reward().iter().find(|reward| !reward.is_finite());
        match reward {
            None => Ok(()),
            Some(&value) => Err(AgentError::NotFinite {
                term: format!("the task's reward of {}", self.envs.spec().id),
                value,
                step: self.step,
            }),
        }
    }

    /// Plays one episode in each of `episodes` held-out envs with a random stream of its own; training
    /// is not disturbed.
    ///
    /// # Errors
    /// What the env returns.
    pub fn evaluate(&self, episodes: usize, play: Play) -> Result<EpisodeStats, AgentError> {
        Ok(EpisodeStats::of(&self.evaluate_episodes(episodes, play)?))
    }

    /// The same on another task, such as levels of another size.
    ///
    /// # Errors
    /// [`AgentError::OtherTask`] if its observations or actions are not those of the task that was learned; what the env returns.
    pub fn evaluate_on(
        &self,
        env: &Arc<dyn Env>,
        episodes: usize,
        play: Play,
    ) -> Result<EpisodeStats, AgentError> {
        transfer::check(self.env.spec(), env.spec())?;
        let envs = self.envs_over(env, episodes.max(1), &[])?;
        Ok(EpisodeStats::of(&self.play_held_out(envs, play)?))
    }

    /// The same, episode by episode in the order of their levels.
    ///
    /// # Errors
    /// What the env returns.
    pub fn evaluate_episodes(&self, episodes: usize, play: Play) -> Result<Vec<Episode>, AgentError> {
        self.play_held_out(self.envs_of(episodes.max(1))?, play)
    }

    fn play_held_out(&self, mut envs: VecEnv, play: Play) -> Result<Vec<Episode>, AgentError> {
        let actors = envs.actors();
        let mut rollout = Rollout::new(envs.layout(), 1);
        let seeds = Seeds::Base(run_seed(self.run_seed, Purpose::Evaluation)?);
        envs.reset(seeds, rollout.first_row_mut())?;
        let rng = Generator::named(self.run_seed, &format!("agent/evaluate/{}", self.step));
        let mut player = self.learner.player(actors, play, rng);
        let mut running = Episodes::new(actors);
        let mut done: Vec<Option<Episode>> = vec![None; actors];
        let mut left = actors;
        for _ in 0..MAX_EVALUATION_STEPS {
            player.act(&mut rollout, 0);
            let (actions, row) = rollout.step_mut(0);
            envs.step(actions, row)?;
            player.observe(&rollout, 0);
            running.observe(&rollout, 0, |episode| {
                let slot = &mut done[episode.actor];
                if slot.is_none() {
                    *slot = Some(episode);
                    left -= 1;
                }
            });
            rollout.carry();
            if left == 0 {
                break;
            }
        }
        Ok(done.into_iter().flatten().collect())
    }

    /// Env steps made, all actors counted.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// True once the configured number of steps is made.
    pub fn is_finished(&self) -> bool {
        self.step >= self.agent.total_steps()
    }

    /// The learner.
    pub fn learner(&self) -> &dyn Learner {
        self.learner.as_ref()
    }

    /// The reward modules.
    pub fn stack(&self) -> &RewardStack {
        &self.stack
    }

    /// The env's description.
    pub fn spec(&self) -> &EnvSpec {
        self.envs.spec()
    }

    /// The run's seed.
    pub fn run_seed(&self) -> u64 {
        self.run_seed
    }

    /// Where tensors live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Everything, to be taken between iterations.
    ///
    /// # Errors
    /// What envs and modules return.
    pub fn save(&self) -> Result<Checkpoint, AgentError> {
        let mut checkpoint = Checkpoint::new(self.step, self.identity.clone());
        self.save_into(&mut checkpoint)?;
        Ok(checkpoint)
    }

    /// The same into a checkpoint that knows which segments are stored already, [`crate::CheckpointFolder::begin`].
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn save_into(&self, checkpoint: &mut Checkpoint) -> Result<(), AgentError> {
        checkpoint.step = self.step;
        checkpoint.run.clone_from(&self.identity);
        checkpoint.add("agent.safetensors", self.learner.store().to_bytes());
        checkpoint.add("rewards.bin", self.stack.save()?);
        let snapshots = (0..self.envs.n_envs())
            .map(|i| self.envs.save(i))
            .collect::<Result<Vec<_>, _>>()?;
        checkpoint.add_value("envs.bin", &snapshots);
        checkpoint.add("coverage.bin", self.coverage.to_bytes());
        checkpoint.add_value("episodes.bin", &self.episodes);
        self.learner.save_memory(checkpoint)
    }

    /// The reverse of [`Self::save`], into a trainer of the same setup. After an error the trainer must be dropped.
    ///
    /// # Errors
    /// [`AgentError::Checkpoint`] if it is of another run or incomplete; what envs and modules return.
    pub fn load(&mut self, checkpoint: &Checkpoint) -> Result<(), AgentError> {
        if checkpoint.run != self.identity {
            return Err(AgentError::Checkpoint {
                path: "manifest.json".into(),
                reason: format!(
                    "it is of another run: {}; this is {}",
                    checkpoint.run, self.identity
                ),
                remedy: "resume with the run file that it was made with",
            });
        }
        self.learner
            .restore(&NamedTensors::from_bytes(checkpoint.file("agent.safetensors")?)?)?;
        self.stack.load(checkpoint.file("rewards.bin")?)?;
        let snapshots: Vec<Vec<u8>> = checkpoint.value("envs.bin")?;
        if snapshots.len() != self.envs.n_envs() {
            return Err(foreign(
                "envs.bin",
                format!("holds {} envs, not {}", snapshots.len(), self.envs.n_envs()),
            ));
        }
        for (i, snapshot) in snapshots.iter().enumerate() {
            self.envs.restore(i, snapshot)?;
        }
        self.envs.observe(self.rollout.first_row_mut());
        self.coverage = checkpoint.value("coverage.bin")?;
        self.episodes = checkpoint.value("episodes.bin")?;
        self.learner.load_memory(checkpoint)?;
        self.step = checkpoint.step;
        Ok(())
    }
}

/// What must be the same for a checkpoint to fit: all settings but the length of the run, which may be extended.
fn identity(setup: &TrainSetup<'_>, spec: &EnvSpec) -> String {
    let agent = setup.agent.clone().with_total_steps(1);
    let settings = format!("{agent:?} {:?} {:?}", setup.rewards, setup.extrinsic);
    let digest = prospect_sim::hash::Fnv1a::of(settings.as_bytes());
    let rewards: Vec<_> = setup.rewards.iter().map(|reward| reward.name.as_str()).collect();
    format!(
        "{} x {}, seed {}, {}, rewards [{}], settings {digest:016x}",
        spec.id,
        setup.n_envs,
        setup.run_seed,
        agent.kind(),
        rewards.join(", ")
    )
}

/// A reward channel that is no number stops the run under the module's name.
fn name_channel(why: ShapingError, step: u64) -> AgentError {
    match why {
        ShapingError::NotFinite {
            module, what, value, ..
        } => AgentError::NotFinite {
            term: format!("{what} of reward `{module}`"),
            value: f64::from(value),
            step,
        },
        other => AgentError::Shaping(other),
    }
}

/// Means of metrics over the turns of an iteration; a value that is no number counts as absent where others are there.
#[derive(Debug, Default)]
struct MetricMeans {
    sums: std::collections::BTreeMap<String, (f64, f64)>,
}

impl MetricMeans {
    fn add(&mut self, metrics: Metrics) {
        for (name, value) in metrics {
            let (sum, n) = self.sums.entry(name).or_default();
            if value.is_finite() {
                *sum += value;
                *n += 1.0;
            }
        }
    }

    fn take(self) -> Metrics {
        let mean = |(name, (sum, n)): (String, (f64, f64))| (name, if n > 0.0 { sum / n } else { f64::NAN });
        self.sums.into_iter().map(mean).collect()
    }
}
