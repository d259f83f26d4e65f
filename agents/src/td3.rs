//! TD3, top to bottom: act, remember, and per update move critics and, every second time, policy and targets.
//!
//! Fujimoto et al. 2018 ("Addressing Function Approximation Error in Actor-Critic Methods"): twin critics, noise on the
//! target policy's actions, a delayed policy. Gradients at the networks' outputs are worked out by hand, as in [`crate::sac`].

use prospect_nets::NamedTensors;
use prospect_sim::{Rollout, random::Generator};

use crate::{
    checkpoint::Checkpoint,
    config::Td3Config,
    continuous::{Averages, Experience, Minibatch, Spaces, TwinCritics, normal_noise},
    error::{AgentError, finite},
    export::{Export, HeadDescription},
    hops::Clock,
    learner::{Judgement, Learner, LearnerInit, Play, Player, Turn, act_randomly},
    network::{Grads, Network},
    recorder::Metrics,
    streams,
};

/// What is logged, as CleanRL names it.
const LOSSES: &[&str] = &[
    "qf1_values",
    "qf2_values",
    "qf1_loss",
    "qf2_loss",
    "qf_loss",
    "actor_loss",
];
/// Where the policy's begin.
const ACTOR: usize = 5;

/// The learner.
#[derive(Debug)]
pub struct Td3 {
    config: Td3Config,
    spaces: Spaces,
    actor: Network,
    target_actor: Network,
    critics: TwinCritics,
    experience: Experience,
    streams: Streams,
    /// Updates of the critics made.
    updates: u64,
    batch: Minibatch,
    scratch: Scratch,
    losses: Averages,
}

/// The learner's random streams beside the memory's, part of its checkpoint.
#[derive(Debug)]
struct Streams {
    /// Noise on actions in the envs.
    action: Generator,
    /// Noise on the target policy's actions.
    noise: Generator,
}

/// Buffers that are kept.
#[derive(Debug, Default)]
struct Scratch {
    observation: Vec<f32>,
    outputs: Vec<f32>,
    noise: Vec<f32>,
    actions: Vec<f32>,
    values: Vec<f32>,
    targets: Vec<f32>,
}

impl Td3 {
    /// A learner for the env.
    ///
    /// # Errors
    /// [`AgentError::ActionSpace`] if actions are not continuous and bounded; [`AgentError::Goals`] for hindsight in a task
    /// without goals; [`AgentError::Shaping`] for reward modules that are not added to the task's reward;
    /// [`AgentError::Config`]; [`AgentError::Nets`] if nothing in the observation is real.
    pub fn new(config: &Td3Config, init: &LearnerInit<'_>) -> Result<Self, AgentError> {
        let spaces = Spaces::new("td3", init.env.spec())?;
        let network = config.network();
        let actor = spaces.actor(&network, spaces.action(), init)?;
        Ok(Self {
            target_actor: actor.twin(),
            actor,
            critics: TwinCritics::new(&network, &spaces, init.seed, init.device)?,
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
            self.learn_actor(step)?;
            self.critics.track(self.config.tau);
            self.target_actor.move_towards(&self.actor, self.config.tau);
        }
        Ok(())
    }

    /// Critics towards `r + gamma min Q'(s', a')`, with `a'` the target policy's action under clipped noise.
    fn learn_critics(&mut self, step: u64) -> Result<(), AgentError> {
        let (s, batch) = (&mut self.scratch, &self.batch);
        let n = batch.len() * self.spaces.action();
        self.target_actor
            .forward(&self.spaces.samples(&batch.next_observation), &mut s.outputs);
        normal_noise(n, &mut self.streams.noise, &mut s.noise);
        let (deviation, most) = (self.config.policy_noise as f32, self.config.noise_clip as f32);
        smoothed_actions(&s.outputs, &s.noise, deviation, most, &mut s.actions);
        self.critics
            .target_values(&batch.next_observation, &s.actions, &mut s.values);
        s.targets.clear();
        let backups = batch.reward.iter().zip(&batch.discount).zip(&s.values);
        s.targets
            .extend(backups.map(|((reward, discount), value)| reward + discount * value));
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

    /// The policy down `-mean Q1(s, pi(s))`.
    fn learn_actor(&mut self, step: u64) -> Result<(), AgentError> {
        let Scratch { actions, values, .. } = &mut self.scratch;
        let (batch, critics, mut loss) = (&self.batch, &mut self.critics, 0.0);
        let slope = |outputs: &[f32], grad: &mut Grads| {
            squash(outputs, actions);
            loss = -critics.by_first(&batch.observation, actions, step, values)?;
            unsquash_gradient(actions, values, grad);
            Ok(())
        };
        let samples = self.spaces.samples(&batch.observation);
        let norm = self.actor.learn(&samples, self.config.policy_lr, slope)?;
        finite(norm, || "gradient of the policy", step)?;
        self.losses.add(ACTOR, &[loss]);
        Ok(())
    }
}

/// `tanh` of each output: the actions of a deterministic policy.
pub fn squash(outputs: &[f32], actions: &mut Vec<f32>) {
    actions.clear();
    actions.extend(outputs.iter().map(|x| x.tanh()));
}

/// The gradient at the outputs of [`squash`] from that at the actions.
pub fn unsquash_gradient(actions: &[f32], action_grad: &[f32], out: &mut Vec<f32>) {
    out.clear();
    out.extend(
        actions
            .iter()
            .zip(action_grad)
            .map(|(a, grad)| grad * (1.0 - a * a)),
    );
}

/// `clip(tanh(outputs) + clip(deviation * noise, -most, most), -1, 1)`: actions under noise.
pub fn smoothed_actions(outputs: &[f32], noise: &[f32], deviation: f32, most: f32, actions: &mut Vec<f32>) {
    actions.clear();
    let pairs = outputs.iter().zip(noise);
    actions
        .extend(pairs.map(|(x, noise)| (x.tanh() + (deviation * noise).clamp(-most, most)).clamp(-1.0, 1.0)));
}

impl Learner for Td3 {
    fn kind(&self) -> &'static str {
        "td3"
    }

    fn act(&mut self, rollout: &mut Rollout, t: usize, step: u64) {
        if step < self.config.learning_starts {
            return act_randomly(rollout, t, &mut self.streams.action);
        }
        let (s, deviation) = (&mut self.scratch, self.config.exploration_noise as f32);
        self.spaces.read(rollout, t, &mut s.observation);
        self.actor
            .forward(&self.spaces.samples(&s.observation), &mut s.outputs);
        normal_noise(s.outputs.len(), &mut self.streams.action, &mut s.noise);
        smoothed_actions(&s.outputs, &s.noise, deviation, f32::INFINITY, &mut s.actions);
        self.spaces.stretch(&s.actions, rollout.continuous_actions_mut(t));
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
        Box::new(Td3Player {
            td3: self,
            play,
            rng,
            scratch: Scratch::default(),
        })
    }

    fn judge(&self, rollout: &Rollout, t: usize) -> Judgement {
        let (mut s, mut judgement) = (Scratch::default(), Judgement::default());
        self.spaces.read(rollout, t, &mut s.observation);
        self.actor
            .forward(&self.spaces.samples(&s.observation), &mut s.outputs);
        squash(&s.outputs, &mut s.actions);
        self.critics
            .values(&s.observation, &s.actions, &mut judgement.value);
        judgement
    }

    fn store(&self) -> NamedTensors {
        let mut stored = NamedTensors::new();
        self.actor.store("adam.actor.", &mut stored);
        self.target_actor.params().store("target.", &mut stored);
        self.critics.store(&mut stored);
        self.experience.store(&mut stored);
        stored.set_text("updates", self.updates);
        streams::store(&mut stored, "action", &self.streams.action);
        streams::store(&mut stored, "noise", &self.streams.noise);
        stored
    }

    fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.actor.restore("adam.actor.", stored)?;
        self.target_actor.params_mut().restore("target.", stored)?;
        self.target_actor.refresh();
        self.critics.restore(stored)?;
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
        self.spaces
            .export("td3", &self.actor, HeadDescription::Deterministic)
    }

    fn weights(&self) -> Vec<u8> {
        self.actor.params().to_bytes()
    }

    fn is_fused(&self) -> bool {
        self.actor.is_fused() && self.critics.is_fused()
    }
}

/// The policy outside of training.
struct Td3Player<'a> {
    td3: &'a Td3,
    play: Play,
    rng: Generator,
    scratch: Scratch,
}

impl Player for Td3Player<'_> {
    fn act(&mut self, rollout: &mut Rollout, t: usize) {
        let (td3, s) = (self.td3, &mut self.scratch);
        td3.spaces.read(rollout, t, &mut s.observation);
        td3.actor
            .forward(&td3.spaces.samples(&s.observation), &mut s.outputs);
        match self.play {
            Play::Sampled => {
                normal_noise(s.outputs.len(), &mut self.rng, &mut s.noise);
                let deviation = td3.config.exploration_noise as f32;
                smoothed_actions(&s.outputs, &s.noise, deviation, f32::INFINITY, &mut s.actions);
            }
            Play::Greedy => squash(&s.outputs, &mut s.actions),
        }
        td3.spaces.stretch(&s.actions, rollout.continuous_actions_mut(t));
    }

    fn outputs(&self) -> &[f32] {
        &self.scratch.outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::continuous::golden::Golden;

    #[test]
    fn updates_are_those_of_pytorch() {
        let case = Golden::read().td3;
        let config = Td3Config {
            hidden: case.hidden.clone(),
            tau: case.tau,
            policy_lr: case.learning_rate,
            q_lr: case.learning_rate,
            policy_noise: case.policy_noise,
            noise_clip: case.noise_clip,
            policy_frequency: case.policy_frequency,
            ..Td3Config::default()
        };
        let mut td3 = case.learner(|init| Td3::new(&config, init).unwrap());
        td3.restore(&case.first(&td3.store())).unwrap();
        td3.batch = case.batch();
        case.compare_losses(|| {
            td3.update(0).unwrap();
            td3.take_metrics()
        });
        case.compare_weights(&td3.store());
    }

    #[test]
    fn noise_is_cut_off_and_actions_stay_in_bounds() {
        let mut actions = vec![];
        smoothed_actions(&[0.0, 0.0, 9.0], &[1.0, -9.0, 1.0], 0.2, 0.5, &mut actions);
        assert_eq!(actions, [0.2, -0.5, 1.0]);
    }

    #[test]
    fn the_gradient_is_the_slope_of_tanh() {
        let (mut actions, mut grad) = (vec![], vec![]);
        squash(&[0.5, -2.0], &mut actions);
        unsquash_gradient(&actions, &[2.0, 3.0], &mut grad);
        let slope = |x: f64| (f64::tanh(x + 1e-5) - f64::tanh(x - 1e-5)) / 2e-5;
        assert!((f64::from(grad[0]) - 2.0 * slope(0.5)).abs() < 1e-6);
        assert!((f64::from(grad[1]) - 3.0 * slope(-2.0)).abs() < 1e-6);
    }
}
