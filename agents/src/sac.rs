//! Soft actor-critic, top to bottom: act, remember, and per update move critics, policy, temperature and targets.
//!
//! Haarnoja et al. 2018b ("Soft Actor-Critic Algorithms and Applications"), with the losses of Stable-Baselines3's `SAC` and
//! the order of CleanRL's `sac_continuous_action.py`. Gradients at the networks' outputs are worked out by hand, so that small
//! networks run without libtorch's graph; `agents/tests/continuous_golden.rs` holds them to PyTorch's.

use prospect_nets::{Device, NamedTensors, Optimiser, OptimiserConfig, ParamBuilder, ParamId, ParamSet};
use prospect_sim::{Rollout, random::Generator};

use crate::{
    checkpoint::Checkpoint,
    config::SacConfig,
    continuous::{Averages, Experience, Minibatch, Spaces, SquashedGaussian, TwinCritics, normal_noise},
    error::{AgentError, finite},
    export::{Export, HeadDescription},
    hops::Clock,
    learner::{Judgement, Learner, LearnerInit, Play, Player, Turn, act_randomly},
    network::{Grads, Network},
    recorder::Metrics,
    streams,
};

/// What is logged, as CleanRL names it; the first five are those of [`crate::continuous`]'s critics.
const LOSSES: &[&str] = &[
    "qf1_values",
    "qf2_values",
    "qf1_loss",
    "qf2_loss",
    "qf_loss",
    "actor_loss",
    "entropy",
    "alpha",
    "alpha_loss",
];
const ACTOR: usize = 5;
const TEMPERATURE: usize = 7;

/// The learner.
#[derive(Debug)]
pub struct Sac {
    config: SacConfig,
    spaces: Spaces,
    actor: Network,
    critics: TwinCritics,
    temperature: Temperature,
    experience: Experience,
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
        let spaces = Spaces::new("sac", init.env.spec())?;
        let network = config.network();
        Ok(Self {
            actor: spaces.actor(&network, 2 * spaces.action(), init)?,
            critics: TwinCritics::new(&network, &spaces, init.seed, init.device)?,
            temperature: Temperature::new(config, spaces.action()),
            experience: Experience::new(config.experience(), init)?,
            spaces,
            config: config.clone(),
            streams: Streams {
                action: Generator::named(init.seed, "agent/action"),
                noise: Generator::named(init.seed, "agent/noise"),
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
        if self.updates.is_multiple_of(self.config.policy_frequency) {
            for _ in 0..self.config.policy_frequency {
                let entropy = self.learn_actor(step)?;
                let loss = self.temperature.learn(entropy, self.config.policy_lr);
                self.losses.add(TEMPERATURE, &[self.temperature.alpha(), loss]);
            }
        }
        if self.updates.is_multiple_of(self.config.target_network_frequency) {
            self.critics.track(self.config.tau);
        }
        Ok(())
    }

    /// Critics towards `r + gamma (min Q'(s', a') - alpha log pi(a' | s'))`, with `a'` drawn from the policy.
    fn learn_critics(&mut self, step: u64) -> Result<(), AgentError> {
        let (s, batch) = (&mut self.scratch, &self.batch);
        let (n, width) = (batch.len(), self.spaces.action());
        let samples = self.spaces.samples(&batch.next_observation);
        self.actor.forward(&samples, &mut s.outputs);
        normal_noise(n * width, &mut self.streams.noise, &mut s.noise);
        s.draws.draw(&s.outputs, &s.noise, width);
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
        let (batch, width, alpha) = (&self.batch, self.spaces.action(), self.temperature.alpha());
        let Scratch {
            noise, draws, values, ..
        } = &mut self.scratch;
        let n = batch.len();
        normal_noise(n * width, &mut self.streams.noise, noise);
        let (mut loss, mut entropy) = (0.0, 0.0);
        let critics = &mut self.critics;
        let samples = self.spaces.samples(&batch.observation);
        let slope = |outputs: &[f32], grad: &mut Grads| {
            draws.draw(outputs, noise, width);
            let value = critics.pessimist(&batch.observation, &draws.action, step, values)?;
            entropy = -draws.logprob.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
            loss = -alpha * entropy - value;
            draws.gradient(values, (alpha / n as f64) as f32, grad);
            finite(loss, || "loss of the policy", step)
        };
        let norm = self.actor.learn(&samples, self.config.policy_lr, slope)?;
        finite(norm, || "gradient of the policy", step)?;
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
        let (s, width) = (&mut self.scratch, self.spaces.action());
        self.spaces.read(rollout, t, &mut s.observation);
        let samples = self.spaces.samples(&s.observation);
        self.actor.forward(&samples, &mut s.outputs);
        normal_noise(rollout.actors() * width, &mut self.streams.action, &mut s.noise);
        s.draws.draw(&s.outputs, &s.noise, width);
        self.spaces
            .stretch(&s.draws.action, rollout.continuous_actions_mut(t));
    }

    fn learn(&mut self, turn: Turn<'_>) -> Result<(), AgentError> {
        let mut clock = Clock::start();
        let due = self.experience.take_in(&turn)?;
        clock.lap(&mut turn.hops.replay_s);
        for _ in 0..due {
            self.experience.draw(&self.spaces, &turn, &mut self.batch)?;
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
        self.spaces.read(rollout, t, &mut s.observation);
        let samples = self.spaces.samples(&s.observation);
        self.actor.forward(&samples, &mut s.outputs);
        SquashedGaussian::mode(&s.outputs, self.spaces.action(), &mut s.values);
        self.critics
            .values(&s.observation, &s.values, &mut judgement.value);
        judgement
    }

    fn store(&self) -> NamedTensors {
        let mut stored = NamedTensors::new();
        self.actor.store("adam.actor.", &mut stored);
        self.critics.store(&mut stored);
        self.temperature.store(&mut stored);
        self.experience.store(&mut stored);
        stored.set_text("updates", self.updates);
        streams::store(&mut stored, "action", &self.streams.action);
        streams::store(&mut stored, "noise", &self.streams.noise);
        stored
    }

    fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.actor.restore("adam.actor.", stored)?;
        self.critics.restore(stored)?;
        self.temperature.restore(stored)?;
        self.experience.restore(stored)?;
        self.updates = streams::restore_count(stored, "updates")?;
        self.streams.action = streams::restore(stored, "action")?;
        self.streams.noise = streams::restore(stored, "noise")?;
        Ok(())
    }

    fn save_memory(&self, checkpoint: &mut Checkpoint) -> Result<(), AgentError> {
        self.experience.replay.save(checkpoint);
        Ok(())
    }

    fn load_memory(&mut self, checkpoint: &Checkpoint) -> Result<(), AgentError> {
        self.experience.replay.load(checkpoint)
    }

    fn export(&self) -> Export {
        let head = HeadDescription::Gaussian {
            log_std: None,
            squash: true,
        };
        self.spaces.export("sac", &self.actor, head)
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
        let (sac, s, width) = (self.sac, &mut self.scratch, self.sac.spaces.action());
        sac.spaces.read(rollout, t, &mut s.observation);
        let samples = sac.spaces.samples(&s.observation);
        sac.actor.forward(&samples, &mut s.outputs);
        match self.play {
            Play::Sampled => {
                normal_noise(rollout.actors() * width, &mut self.rng, &mut s.noise);
                s.draws.draw(&s.outputs, &s.noise, width);
            }
            Play::Greedy => SquashedGaussian::mode(&s.outputs, width, &mut s.draws.action),
        }
        sac.spaces
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
        let log_alpha = builder.add(
            "log_alpha",
            &[1],
            &[config.alpha.max(f64::MIN_POSITIVE).ln() as f32],
        );
        let params = builder.build(Device::Cpu);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::continuous::golden::Golden;

    #[test]
    fn updates_are_those_of_pytorch() {
        let case = Golden::read().sac;
        let config = SacConfig {
            hidden: case.hidden.clone(),
            tau: case.tau,
            policy_lr: case.learning_rate,
            q_lr: case.learning_rate,
            alpha: case.alpha,
            ..SacConfig::default()
        };
        let mut sac = case.learner(|init| Sac::new(&config, init).unwrap());
        sac.restore(&case.first(&sac.store())).unwrap();
        sac.batch = case.batch();
        case.compare_losses(|| {
            sac.update(0).unwrap();
            sac.take_metrics()
        });
        case.compare_weights(&sac.store());
    }

    #[test]
    fn a_fixed_temperature_stays() {
        let case = Golden::read().sac;
        let config = SacConfig {
            alpha: 0.5,
            autotune: false,
            ..SacConfig::default()
        };
        let mut temperature = Temperature::new(&config, 2);
        assert_eq!(temperature.learn(9.0, case.learning_rate), 0.0);
        assert_eq!(temperature.alpha(), 0.5);
    }
}
