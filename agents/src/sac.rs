//! Soft actor-critic, top to bottom: act, remember, and per update move critics, policy, temperature and targets.
//!
//! Haarnoja et al. 2018b ("Soft Actor-Critic Algorithms and Applications"), with the losses of Stable-Baselines3's `SAC` and
//! the order of CleanRL's `sac_continuous_action.py`. Gradients at the networks' outputs are worked out by hand, so that small
//! networks run without libtorch's graph; `agents/tests/continuous_golden.rs` holds them to PyTorch's.

use prospect_nets::{
    Init, NamedTensors, Optimiser, OptimiserConfig, ParamBuilder, ParamId, ParamSet, tch,
};
use prospect_sim::{EnvSpec, Rollout, random::Generator};

use crate::{
    checkpoint::Checkpoint,
    config::SacConfig,
    continuous::{
        ActionBox, Averages, Memory, MemoryConfig, Minibatch, RealColumns, SquashedGaussian, TwinCritics,
        finite, normal_noise,
    },
    error::AgentError,
    export::{Description, Export, HeadDescription, NetworkDescription},
    hops::Clock,
    learner::{Judgement, Learner, LearnerInit, Play, Player, Turn, act_randomly},
    network::{Grads, Network},
    recorder::Metrics,
    samples::Samples,
    streams,
};

/// What is logged, as CleanRL names it; the first five are those of [`crate::continuous`]'s critics.
const LOSSES: &[&str] = &[
    "qf1_values", "qf2_values", "qf1_loss", "qf2_loss", "qf_loss", "actor_loss", "entropy", "alpha", "alpha_loss",
];
const ACTOR: usize = 5;
const TEMPERATURE: usize = 7;

/// The learner.
#[derive(Debug)]
pub struct Sac {
    config: SacConfig,
    spec: EnvSpec,
    columns: RealColumns,
    bounds: ActionBox,
    actor: Network,
    critics: TwinCritics,
    temperature: Temperature,
    memory: Memory,
    streams: Streams,
    /// Updates of the critics made.
    updates: u64,
    batch: Minibatch,
    scratch: Scratch,
    losses: Averages,
}

/// The learner's random streams, part of its checkpoint.
#[derive(Debug)]
struct Streams {
    /// Actions in the envs.
    action: Generator,
    /// Which transitions, and which goals.
    replay: Generator,
    /// The noise of actions in updates.
    noise: Generator,
}

/// Buffers that are kept.
#[derive(Debug, Default)]
struct Scratch {
    observation: Vec<f32>,
    outputs: Vec<f32>,
    noise: Vec<f32>,
    draws: SquashedGaussian,
    values: Vec<f32>,
    targets: Vec<f32>,
}

impl Sac {
    /// A learner for the env.
    ///
    /// # Errors
    /// [`AgentError::ActionSpace`] if actions are not continuous and bounded; [`AgentError::Goals`] for hindsight in a task
    /// without goals; [`AgentError::Shaping`] for reward modules that are not added to the task's reward;
    /// [`AgentError::Config`]; [`AgentError::Nets`] if nothing in the observation is real.
    pub fn new(config: &SacConfig, init: &LearnerInit<'_>) -> Result<Self, AgentError> {
        let (spec, seed, device) = (init.env.spec(), init.seed, init.device);
        let bounds = ActionBox::new("sac", spec)?;
        let columns = RealColumns::new(&spec.observation)?;
        let memory = MemoryConfig {
            buffer_size: config.buffer_size,
            batch_size: config.batch_size,
            gamma: config.gamma,
            hindsight: config.hindsight(),
        };
        let actor = Network::new(
            &config.network(),
            &[Samples::matrix_field(columns.width())],
            "actor",
            (2 * bounds.width(), Init::KaimingUniform),
            &mut Generator::named(seed, "agent/actor"),
            device,
        )?;
        Ok(Self {
            critics: TwinCritics::new(&config.network(), &columns, &bounds, seed, device)?,
            memory: Memory::new(&memory, init.env, init.layout, init.stack, device)?,
            temperature: Temperature::new(config, bounds.width()),
            actor,
            config: config.clone(),
            spec: spec.clone(),
            columns,
            bounds,
            streams: Streams {
                action: Generator::named(seed, "agent/action"),
                replay: Generator::named(seed, "agent/replay"),
                noise: Generator::named(seed, "agent/noise"),
            },
            updates: 0,
            batch: Minibatch::default(),
            scratch: Scratch::default(),
            losses: Averages::new(LOSSES),
        })
    }

    /// One update on a batch that lies in `self.batch`.
    fn update(&mut self, step: u64) -> Result<(), AgentError> {
        self.learn_critics(step)?;
        self.updates += 1;
        if self.updates % self.config.policy_frequency == 0 {
            for _ in 0..self.config.policy_frequency {
                let entropy = self.learn_actor(step)?;
                let loss = self.temperature.learn(entropy, self.config.policy_lr);
                self.losses.add(TEMPERATURE, &[self.temperature.alpha(), loss]);
            }
        }
        if self.updates % self.config.target_network_frequency == 0 {
            self.critics.track(self.config.tau);
        }
        Ok(())
    }

    /// Critics towards `r + gamma (min Q'(s', a') - alpha log pi(a' | s'))`, with `a'` drawn from the policy.
    fn learn_critics(&mut self, step: u64) -> Result<(), AgentError> {
        let (s, batch) = (&mut self.scratch, &self.batch);
        let n = batch.reward.len();
        let samples = Samples::matrix(&batch.next_observation, self.columns.width());
        self.actor.forward(&samples, &mut s.outputs);
        normal_noise(n * self.bounds.width(), &mut self.streams.noise, &mut s.noise);
        s.draws.draw(&s.outputs, &s.noise, self.bounds.width());
        self.critics
            .target_values(&batch.next_observation, &s.draws.action, &mut s.values);
        let alpha = self.temperature.alpha() as f32;
        s.targets.clear();
        for i in 0..n {
            let soft = s.values[i] - alpha * s.draws.logprob[i];
            s.targets.push(batch.reward[i] + batch.discount[i] * soft);
        }
        let loss = self.critics.learn(
            &batch.observation,
            &batch.action,
            &s.targets,
            self.config.q_lr,
            step,
        )?;
        self.losses.add(0, &loss.values());
        Ok(())
    }

    /// The policy down `mean(alpha log pi(a | s) - min Q(s, a))`. Returns its entropy, the mean of `-log pi`.
    fn learn_actor(&mut self, step: u64) -> Result<f64, AgentError> {
        let (batch, width, alpha) = (&self.batch, self.bounds.width(), self.temperature.alpha());
        let Scratch { noise, draws, values, .. } = &mut self.scratch;
        let n = batch.reward.len();
        normal_noise(n * width, &mut self.streams.noise, noise);
        let (mut loss, mut entropy) = (0.0, 0.0);
        let critics = &mut self.critics;
        let samples = Samples::matrix(&batch.observation, self.columns.width());
        let slope = |outputs: &[f32], grad: &mut Grads| {
            draws.draw(outputs, noise, width);
            let value = critics.pessimist(&batch.observation, &draws.action, step, values)?;
            entropy = -draws.logprob.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
            loss = -alpha * entropy - value;
            draws.gradient(values, (alpha / n as f64) as f32, grad);
            finite(loss, "loss of the policy", step)
        };
        let norm = self.actor.learn(&samples, self.config.policy_lr, slope)?;
        finite(norm, "gradient of the policy", step)?;
        self.losses.add(ACTOR, &[loss, entropy]);
        Ok(entropy)
    }
}

impl Learner for Sac {
    fn kind(&self) -> &'static str {
        "sac"
    }

    fn act(&mut self, rollout: &mut Rollout, t: usize, step: u64) {
        if step < self.config.learning_starts {
            return act_randomly(rollout, t, &mut self.streams.action);
        }
        let (s, width) = (&mut self.scratch, self.bounds.width());
        self.columns.read(rollout, t, &mut s.observation);
        let samples = Samples::matrix(&s.observation, self.columns.width());
        self.actor.forward(&samples, &mut s.outputs);
        normal_noise(rollout.actors() * width, &mut self.streams.action, &mut s.noise);
        s.draws.draw(&s.outputs, &s.noise, width);
        self.bounds.stretch(&s.draws.action, rollout.continuous_actions_mut(t));
    }

    fn learn(&mut self, turn: Turn<'_>) -> Result<(), AgentError> {
        let mut clock = Clock::start();
        self.memory.push(turn.batch.rollout(), turn.stack)?;
        clock.lap(&mut turn.hops.replay_s);
        if turn.step <= self.config.learning_starts || !self.memory.is_ready() {
            return Ok(());
        }
        let made = turn.step - turn.before;
        for _ in 0..u64::try_from(self.config.gradient_steps).unwrap_or(made) {
            let rng = &mut self.streams.replay;
            let (columns, bounds) = (&self.columns, &self.bounds);
            self.memory
                .draw(columns, bounds, turn.stack, turn.step, rng, &mut self.batch)?;
            clock.lap(&mut turn.hops.replay_s);
            self.update(turn.step)?;
            clock.lap(&mut turn.hops.update_s);
        }
        Ok(())
    }

    fn take_metrics(&mut self) -> Metrics {
        self.losses.take()
    }

    fn player<'a>(&'a self, _actors: usize, play: Play, rng: Generator) -> Box<dyn Player + 'a> {
        Box::new(SacPlayer {
            sac: self,
            play,
            rng,
            scratch: Scratch::default(),
        })
    }

    fn judge(&self, rollout: &Rollout, t: usize) -> Judgement {
        let (mut s, mut judgement) = (Scratch::default(), Judgement::default());
        self.columns.read(rollout, t, &mut s.observation);
        let samples = Samples::matrix(&s.observation, self.columns.width());
        self.actor.forward(&samples, &mut s.outputs);
        SquashedGaussian::mode(&s.outputs, self.bounds.width(), &mut s.values);
        self.critics.values(&s.observation, &s.values, &mut judgement.value);
        judgement
    }

    fn store(&self) -> NamedTensors {
        let mut stored = NamedTensors::new();
        self.actor.store("adam.actor.", &mut stored);
        self.critics.store(&mut stored);
        self.temperature.store(&mut stored);
        stored.set_text("updates", self.updates);
        streams::store(&mut stored, "action", &self.streams.action);
        streams::store(&mut stored, "replay", &self.streams.replay);
        streams::store(&mut stored, "noise", &self.streams.noise);
        stored
    }

    fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.actor.restore("adam.actor.", stored)?;
        self.critics.restore(stored)?;
        self.temperature.restore(stored)?;
        self.updates = streams::restore_count(stored, "updates")?;
        self.streams.action = streams::restore(stored, "action")?;
        self.streams.replay = streams::restore(stored, "replay")?;
        self.streams.noise = streams::restore(stored, "noise")?;
        Ok(())
    }

    fn save_memory(&self, checkpoint: &mut Checkpoint) -> Result<(), AgentError> {
        self.memory.save(checkpoint)
    }

    fn load_memory(&mut self, checkpoint: &Checkpoint) -> Result<(), AgentError> {
        self.memory.load(checkpoint)
    }

    fn export(&self) -> Export {
        let network = NetworkDescription {
            encoder: self.columns.describe(),
            ..self.actor.describe(&[Samples::matrix_field(self.columns.width())])
        };
        let head = HeadDescription::Gaussian {
            log_std: None,
            squash: true,
        };
        let mut weights = NamedTensors::new();
        self.actor.params().store("", &mut weights);
        Export {
            description: Description::new("sac", &self.spec, network, head),
            weights,
        }
    }

    fn weights(&self) -> Vec<u8> {
        self.actor.params().to_bytes()
    }

    fn is_fused(&self) -> bool {
        self.actor.is_fused() && self.critics.is_fused()
    }
}

/// The policy outside of training.
struct SacPlayer<'a> {
    sac: &'a Sac,
    play: Play,
    rng: Generator,
    scratch: Scratch,
}

impl Player for SacPlayer<'_> {
    fn act(&mut self, rollout: &mut Rollout, t: usize) {
        let (sac, s, width) = (self.sac, &mut self.scratch, self.sac.bounds.width());
        sac.columns.read(rollout, t, &mut s.observation);
        let samples = Samples::matrix(&s.observation, sac.columns.width());
        sac.actor.forward(&samples, &mut s.outputs);
        match self.play {
            Play::Sampled => {
                normal_noise(rollout.actors() * width, &mut self.rng, &mut s.noise);
                s.draws.draw(&s.outputs, &s.noise, width);
            }
            Play::Greedy => SquashedGaussian::mode(&s.outputs, width, &mut s.draws.action),
        }
        sac.bounds
            .stretch(&s.draws.action, rollout.continuous_actions_mut(t));
    }

    fn outputs(&self) -> &[f32] {
        &self.scratch.outputs
    }
}

/// The weight of the policy's entropy: fixed, or moved by an Adam of its own on its logarithm.
#[derive(Debug)]
struct Temperature {
    fixed: Option<f64>,
    target_entropy: f64,
    params: ParamSet,
    log_alpha: ParamId,
    optimiser: Optimiser,
}

impl Temperature {
    /// Tuned towards an entropy of minus the number of values of an action (Haarnoja et al. 2018b, appendix D).
    fn new(config: &SacConfig, actions: usize) -> Self {
        let mut builder = ParamBuilder::new();
        let log_alpha = builder.add("log_alpha", &[1], &[config.alpha.max(f64::MIN_POSITIVE).ln() as f32]);
        let params = builder.build(tch::Device::Cpu);
        let adam = OptimiserConfig::Adam {
            beta1: 0.9,
            beta2: 0.999,
            eps: config.adam_eps,
            weight_decay: 0.0,
        };
        Self {
            fixed: (!config.autotune).then_some(config.alpha),
            target_entropy: -(actions as f64),
            log_alpha,
            optimiser: Optimiser::new(adam, &params),
            params,
        }
    }

    fn alpha(&self) -> f64 {
        let tuned = || f64::from(prospect_nets::read_floats(self.params.get(self.log_alpha))[0]).exp();
        self.fixed.unwrap_or_else(tuned)
    }

    /// One step down `log_alpha * (entropy - target)`; returns that loss, 0 where the temperature is fixed.
    fn learn(&mut self, entropy: f64, learning_rate: f64) -> f64 {
        if self.fixed.is_some() {
            return 0.0;
        }
        let slope = entropy - self.target_entropy;
        let loss = self.alpha().ln() * slope;
        self.params.set_grad(self.log_alpha, &[slope as f32]);
        self.optimiser.step(&mut self.params, learning_rate, None);
        loss
    }

    fn store(&self, into: &mut NamedTensors) {
        self.params.store("", into);
        self.optimiser.store("adam.alpha.", &self.params, into);
    }

    fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.params.restore("", stored)?;
        self.optimiser.restore("adam.alpha.", &self.params, stored)?;
        Ok(())
    }
}
