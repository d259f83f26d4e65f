//! Proximal policy optimisation, top to bottom: act, estimate advantages of every reward stream, update.
//!
//! Schulman et al. 2017 with the details of Huang et al. 2022 ("The 37 implementation details of PPO"), CleanRL's names.
//! Two things differ from CleanRL on purpose: a truncated episode bootstraps the value of its final observation, and
//! reward streams beside the task's have critics of their own, whose presence leaves the policy's arithmetic untouched.

use prospect_nets::{
    NamedTensors, TensorBatch,
    heads::{greedy, sample_categorical},
};
use prospect_shaping::{Mixed, Stream, StreamSpec};
use prospect_sim::{ActionSpace, EnvSpec, Rollout, random::Generator};
use serde::{Deserialize, Serialize};

use crate::{
    config::{NormAdv, PpoConfig},
    error::AgentError,
    export::{Description, Export, HeadDescription},
    gae,
    hops::Clock,
    learner::{Judgement, Learner, LearnerInit, Play, Player, Turn},
    loss::{self, LossConfig, PolicySamples, PolicyStats},
    network::Grads,
    policy::{ActorCritic, Critic},
    recorder::Metrics,
    samples::Samples,
    streams,
};

/// The learner: networks, their optimisers and its random streams.
#[derive(Debug)]
pub struct Ppo {
    config: PpoConfig,
    spec: EnvSpec,
    actor_critic: ActorCritic,
    /// One critic per reward stream beside the task's, in the stack's order.
    critics: Vec<Critic>,
    streams: Streams,
    /// `[T, K]`: log-probabilities of the actions of this rollout.
    logprob: Vec<f32>,
    scratch: Scratch,
    metrics: Metrics,
}

/// The learner's random streams, part of its checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Streams {
    action: Generator,
    shuffle: Generator,
}

/// The settings of one update, moved along their schedules.
#[derive(Debug, Clone, Copy)]
struct Pass {
    loss: LossConfig,
    learning_rate: f64,
    /// Env steps made, for messages.
    step: u64,
}

/// What is gathered for one minibatch, in buffers that are kept.
#[derive(Debug, Default)]
struct Scratch {
    logits: Vec<f32>,
    action: Vec<i32>,
    logprob: Vec<f32>,
    advantage: Vec<f32>,
    returns: Vec<f32>,
    old_value: Vec<f32>,
}

/// One stream's values and returns, `[T, K]`.
#[derive(Debug, Clone, Default)]
struct Targets {
    value: Vec<f32>,
    returns: Vec<f32>,
}

/// What the update learns from.
#[derive(Debug, Clone, Default)]
pub struct Estimates {
    /// `[T, K]`: the task's advantage plus the weighted ones of all other streams and terms, not normalised.
    pub advantage: Vec<f32>,
    /// The task's stream first, then the others.
    targets: Vec<Targets>,
    /// `reward/<module>/advantage_ratio` and `losses/explained_variance…`.
    pub metrics: Metrics,
}

/// Samples whose values are asked for at once: keeps activations in the nearer caches.
const VALUE_BATCH: usize = 2048;

impl Ppo {
    /// A learner for the env, with one more critic for each of the stack's streams.
    ///
    /// # Errors
    /// [`AgentError::ActionSpace`] if actions are not discrete; [`AgentError::Config`]; [`AgentError::Nets`] if the
    /// encoder does not fit the observation.
    pub fn new(config: &PpoConfig, init: &LearnerInit<'_>) -> Result<Self, AgentError> {
        let (spec, seed, device) = (init.env.spec(), init.seed, init.device);
        let ActionSpace::Discrete { n } = spec.actions else {
            return Err(AgentError::ActionSpace {
                agent: "ppo",
                env: spec.id.clone(),
                space: spec.actions.to_string(),
                needs: "a discrete one",
            });
        };
        let fields = spec.observation.as_slice();
        let critic = |stream: &StreamSpec| Critic::new(config, fields, &stream.name, seed, device);
        Ok(Self {
            actor_critic: ActorCritic::new(config, fields, n, seed, device)?,
            critics: init
                .stack
                .streams()
                .iter()
                .map(critic)
                .collect::<Result<_, _>>()?,
            config: config.clone(),
            spec: spec.clone(),
            streams: Streams {
                action: Generator::named(seed, "agent/action"),
                shuffle: Generator::named(seed, "agent/shuffle"),
            },
            logprob: Vec::new(),
            scratch: Scratch::default(),
            metrics: Metrics::new(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &PpoConfig {
        &self.config
    }

    /// The policy and the task's critic.
    pub fn actor_critic(&self) -> &ActorCritic {
        &self.actor_critic
    }

    /// Values every state of a full rollout and computes advantages: `A = A_task + sum w_k A_k + advantage terms`.
    ///
    /// # Errors
    /// [`AgentError::NotFinite`] if a critic's value is no number.
    pub fn estimate(
        &self,
        batch: &TensorBatch<'_>,
        mixed: &Mixed,
        step: u64,
    ) -> Result<Estimates, AgentError> {
        let task = Stream {
            name: "task".to_owned(),
            weight: 1.0,
            gamma: self.config.gamma,
            gae_lambda: self.config.gae_lambda,
            episodic: true,
            reward: mixed.task.clone(),
        };
        let mut estimates = Estimates::default();
        let alive = batch.rollout().alive();
        let mut task_size = 0.0;
        for (i, stream) in std::iter::once(&task).chain(&mixed.streams).enumerate() {
            let (targets, advantage) = self.estimate_stream(i, stream, batch, step)?;
            estimates.log_explained_variance(i, &stream.name, &targets);
            estimates.targets.push(targets);
            if i == 0 {
                task_size = mean_size(&advantage, alive);
                estimates.advantage = advantage;
            } else {
                estimates.add(&stream.name, stream.weight, &advantage, alive, task_size);
            }
        }
        for term in &mixed.advantage {
            estimates.add(&term.name, term.weight, &term.value, alive, task_size);
        }
        Ok(estimates)
    }

    /// Values, returns and advantages of stream `i`, of which 0 is the task's.
    fn estimate_stream(
        &self,
        i: usize,
        stream: &Stream,
        batch: &TensorBatch<'_>,
        step: u64,
    ) -> Result<(Targets, Vec<f32>), AgentError> {
        let values = |samples: &Samples<'_>, out: &mut Vec<f32>| match i {
            0 => self.actor_critic.values(samples, out),
            _ => self.critics[i - 1].values(samples, out),
        };
        let mut value = value_states(batch, &values);
        check_finite(&value, || format!("value of stream {}", stream.name), step)?;
        let (cut, mut part) = (truncated(batch.rollout()), Vec::new());
        let mut final_value = vec![0.0; batch.len()];
        if !cut.is_empty() {
            values(&Samples::finals(batch, &cut), &mut part);
            let pairs = cut.iter().zip(&part);
            pairs.for_each(|(&at, value)| final_value[at as usize] = *value);
        }
        let (mut advantage, mut returns) = (vec![0.0; batch.len()], vec![0.0; batch.len()]);
        gae::Stream {
            reward: &stream.reward,
            value: &value,
            final_value: &final_value,
            terminated: batch.rollout().terminated(),
            truncated: batch.rollout().truncated(),
            actors: batch.actors(),
            gamma: stream.gamma,
            gae_lambda: stream.gae_lambda,
            episodic: stream.episodic,
        }
        .estimate(&mut advantage, &mut returns);
        value.truncate(batch.len());
        Ok((Targets { value, returns }, advantage))
    }

    /// Several passes over the rollout in shuffled minibatches; each is one step of every optimiser. `step` is the run's
    /// count of env steps before this rollout, which moves the schedules.
    ///
    /// # Errors
    /// [`AgentError::NotFinite`] naming the loss or gradient that is no number; nothing more is learned then.
    pub fn update(
        &mut self,
        batch: &TensorBatch<'_>,
        mut estimates: Estimates,
        step: u64,
    ) -> Result<Metrics, AgentError> {
        let pass = self.pass(step);
        let alive = batch.rollout().alive();
        let mut samples: Vec<i64> = (0..batch.len() as i64).filter(|&i| alive[i as usize]).collect();
        if self.config.norm_adv == NormAdv::Rollout {
            normalise_some(&mut estimates.advantage, &samples);
        }
        let minibatch = self.config.minibatch(samples.len());
        let mut sums = UpdateSums::new(self.critics.len());
        let mut epochs = 0;
        for _ in 0..self.config.update_epochs {
            self.streams.shuffle.shuffle(&mut samples);
            let mut epoch = PolicyStats::default();
            for index in samples.chunks(minibatch) {
                epoch.add(&self.learn_policy(batch, &estimates, index, &pass, &mut sums)?);
                self.learn_critics(batch, &estimates, index, &pass, &mut sums)?;
            }
            epochs += 1;
            sums.policy.add(&epoch);
            sums.last_epoch = epoch;
            if self.config.target_kl > 0.0 && epoch.mean(epoch.approx_kl) > self.config.target_kl {
                break;
            }
        }
        let mut metrics = sums.metrics(&self.critics);
        metrics.append(&mut estimates.metrics);
        metrics.insert("charts/learning_rate".to_owned(), pass.learning_rate);
        metrics.insert("losses/update_epochs".to_owned(), f64::from(epochs));
        Ok(metrics)
    }

    /// The settings of an update at `step`, moved along their schedules.
    fn pass(&self, step: u64) -> Pass {
        let remaining = self.config.remaining(step);
        let anneal = |on: bool, value: f64| if on { value * remaining } else { value };
        Pass {
            loss: LossConfig {
                clip_coef: anneal(self.config.anneal_clip, self.config.clip_coef),
                clip_vloss: self.config.clip_vloss,
                ent_coef: anneal(self.config.anneal_ent, self.config.ent_coef),
                vf_coef: self.config.vf_coef,
            },
            learning_rate: anneal(self.config.anneal_lr, self.config.learning_rate),
            step,
        }
    }

    /// One step of the policy and the task's critic on the samples in `index`.
    fn learn_policy(
        &mut self,
        batch: &TensorBatch<'_>,
        estimates: &Estimates,
        index: &[i64],
        pass: &Pass,
        sums: &mut UpdateSums,
    ) -> Result<PolicyStats, AgentError> {
        let s = &mut self.scratch;
        let actions = batch.rollout().actions().as_i32().unwrap_or(&[]);
        take(&self.logprob, index, &mut s.logprob);
        take(&estimates.advantage, index, &mut s.advantage);
        take(actions, index, &mut s.action);
        if self.config.norm_adv == NormAdv::Minibatch {
            loss::normalise(&mut s.advantage);
        }
        let mut stats = PolicyStats::default();
        let samples = Samples::chosen(batch, index);
        let loss = |logits: &[f32], values: &[f32], logits_grad: &mut Grads, values_grad: &mut Grads| {
            logits_grad.resize(logits.len(), 0.0);
            let policy_samples = PolicySamples {
                logits,
                action: &s.action,
                logprob: &s.logprob,
                advantage: &s.advantage,
            };
            stats = loss::policy_loss(&policy_samples, &pass.loss, logits_grad);
            finite(stats.policy_loss, || "policy loss".to_owned(), pass.step)?;
            finite(stats.entropy, || "entropy".to_owned(), pass.step)?;
            sums.value_loss[0] +=
                s.value_loss(values, &estimates.targets[0], index, pass, "task", values_grad)?;
            Ok(())
        };
        let norm = self.actor_critic.learn(&samples, pass.learning_rate, loss)?;
        finite(norm, || "gradient of policy and task value".to_owned(), pass.step)?;
        sums.grad_norm += norm;
        sums.minibatches += 1.0;
        Ok(stats)
    }

    /// One step of each critic beside the task's on the same samples.
    fn learn_critics(
        &mut self,
        batch: &TensorBatch<'_>,
        estimates: &Estimates,
        index: &[i64],
        pass: &Pass,
        sums: &mut UpdateSums,
    ) -> Result<(), AgentError> {
        let s = &mut self.scratch;
        let samples = Samples::chosen(batch, index);
        let streams = estimates.targets[1..].iter().zip(&mut sums.value_loss[1..]);
        for (critic, (targets, sum)) in self.critics.iter_mut().zip(streams) {
            let name = critic.name().to_owned();
            let norm = critic.learn(&samples, pass.learning_rate, |values, grad| {
                *sum += s.value_loss(values, targets, index, pass, &name, grad)?;
                Ok(())
            })?;
            finite(
                norm,
                || format!("gradient of the value of stream {name}"),
                pass.step,
            )?;
        }
        Ok(())
    }
}

impl Learner for Ppo {
    fn kind(&self) -> &'static str {
        "ppo"
    }

    fn act(&mut self, rollout: &mut Rollout, t: usize, _step: u64) {
        let k = rollout.actors();
        self.actor_critic
            .logits(&Samples::row(rollout, t), &mut self.scratch.logits);
        self.logprob.resize(rollout.n_steps() * k, 0.0);
        sample_categorical(
            &self.scratch.logits,
            self.actor_critic.n_actions(),
            &mut self.streams.action,
            rollout.discrete_actions_mut(t),
            &mut self.logprob[t * k..(t + 1) * k],
        );
    }

    fn learn(&mut self, turn: Turn<'_>) -> Result<(), AgentError> {
        let mut clock = Clock::start();
        let estimates = self.estimate(turn.batch, turn.mixed, turn.step)?;
        clock.lap(&mut turn.hops.gae_s);
        self.metrics = self.update(turn.batch, estimates, turn.before)?;
        clock.lap(&mut turn.hops.update_s);
        Ok(())
    }

    fn take_metrics(&mut self) -> Metrics {
        std::mem::take(&mut self.metrics)
    }

    fn player<'a>(&'a self, _actors: usize, play: Play, rng: Generator) -> Box<dyn Player + 'a> {
        Box::new(PpoPlayer {
            actor_critic: &self.actor_critic,
            play,
            rng,
            logits: Vec::new(),
        })
    }

    fn judge(&self, rollout: &Rollout, t: usize) -> Judgement {
        let mut judgement = Judgement::default();
        let samples = Samples::row(rollout, t);
        self.actor_critic.values(&samples, &mut judgement.value);
        let mut logits = Vec::new();
        self.actor_critic.logits(&samples, &mut logits);
        judgement.greedy_action.resize(samples.len(), 0);
        greedy(
            &logits,
            self.actor_critic.n_actions(),
            &mut judgement.greedy_action,
        );
        judgement
    }

    fn store(&self) -> NamedTensors {
        let mut stored = NamedTensors::new();
        self.actor_critic.store(&mut stored);
        self.critics.iter().for_each(|critic| critic.store(&mut stored));
        streams::store(&mut stored, "action", &self.streams.action);
        streams::store(&mut stored, "shuffle", &self.streams.shuffle);
        stored
    }

    fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.actor_critic.restore(stored)?;
        for critic in &mut self.critics {
            critic.restore(stored)?;
        }
        self.streams.action = streams::restore(stored, "action")?;
        self.streams.shuffle = streams::restore(stored, "shuffle")?;
        Ok(())
    }

    fn export(&self) -> Export {
        let network = self.actor_critic.describe(&self.spec.observation);
        Export {
            description: Description::new("ppo", &self.spec, network, HeadDescription::Categorical),
            weights: self.actor_critic.named(),
        }
    }

    fn weights(&self) -> Vec<u8> {
        self.actor_critic.weights()
    }

    fn is_fused(&self) -> bool {
        self.actor_critic.is_fused()
    }
}

/// The policy outside of training.
struct PpoPlayer<'a> {
    actor_critic: &'a ActorCritic,
    play: Play,
    rng: Generator,
    logits: Vec<f32>,
}

impl Player for PpoPlayer<'_> {
    fn outputs(&self) -> &[f32] {
        &self.logits
    }

    fn act(&mut self, rollout: &mut Rollout, t: usize) {
        self.actor_critic
            .logits(&Samples::row(rollout, t), &mut self.logits);
        let (n, actions) = (self.actor_critic.n_actions(), rollout.discrete_actions_mut(t));
        match self.play {
            Play::Sampled => sample_categorical(&self.logits, n, &mut self.rng, actions, &mut []),
            Play::Greedy => greedy(&self.logits, n, actions),
        }
    }
}

impl Scratch {
    /// The value loss of one stream over a minibatch; fills its gradient.
    fn value_loss(
        &mut self,
        values: &[f32],
        targets: &Targets,
        index: &[i64],
        pass: &Pass,
        name: &str,
        grad: &mut Grads,
    ) -> Result<f64, AgentError> {
        take(&targets.returns, index, &mut self.returns);
        take(&targets.value, index, &mut self.old_value);
        grad.resize(values.len(), 0.0);
        let sum = loss::value_loss(values, &self.old_value, &self.returns, &pass.loss, grad);
        finite(sum, || format!("value loss of stream {name}"), pass.step)?;
        Ok(sum)
    }
}

impl Estimates {
    fn add(&mut self, name: &str, weight: f64, term: &[f32], alive: &[bool], task_size: f64) {
        let size = weight.abs() * mean_size(term, alive);
        let ratio = if task_size > 0.0 {
            size / task_size
        } else {
            f64::NAN
        };
        self.metrics
            .insert(format!("reward/{name}/advantage_ratio"), ratio);
        // Nothing is added at weight 0, not even a zero: a run without the term has the same bits.
        if weight != 0.0 {
            let pairs = self.advantage.iter_mut().zip(term);
            pairs.for_each(|(sum, term)| *sum = (f64::from(*sum) + weight * f64::from(*term)) as f32);
        }
    }

    fn log_explained_variance(&mut self, i: usize, name: &str, targets: &Targets) {
        let key = if i == 0 {
            "losses/explained_variance".to_owned()
        } else {
            format!("losses/explained_variance/{name}")
        };
        let explained = loss::explained_variance(&targets.value, &targets.returns);
        self.metrics.insert(key, explained.unwrap_or(f64::NAN));
    }
}

/// Sums over all minibatches of an update.
struct UpdateSums {
    policy: PolicyStats,
    last_epoch: PolicyStats,
    value_loss: Vec<f64>,
    grad_norm: f64,
    minibatches: f64,
}

impl UpdateSums {
    fn new(critics: usize) -> Self {
        Self {
            policy: PolicyStats::default(),
            last_epoch: PolicyStats::default(),
            value_loss: vec![0.0; critics + 1],
            grad_norm: 0.0,
            minibatches: 0.0,
        }
    }

    /// Means over all samples; the divergences are those of the last epoch, as CleanRL reports them.
    fn metrics(&self, critics: &[Critic]) -> Metrics {
        let (all, last) = (&self.policy, &self.last_epoch);
        let mut metrics = Metrics::from([
            ("losses/policy_loss".to_owned(), all.mean(all.policy_loss)),
            ("losses/entropy".to_owned(), all.mean(all.entropy)),
            ("losses/value_loss".to_owned(), all.mean(self.value_loss[0])),
            ("losses/approx_kl".to_owned(), last.mean(last.approx_kl)),
            ("losses/old_approx_kl".to_owned(), last.mean(last.old_approx_kl)),
            ("losses/clipfrac".to_owned(), all.mean(all.clipfrac)),
            (
                "losses/grad_norm".to_owned(),
                self.grad_norm / self.minibatches.max(1.0),
            ),
        ]);
        for (critic, sum) in critics.iter().zip(&self.value_loss[1..]) {
            metrics.insert(format!("losses/value_loss/{}", critic.name()), all.mean(*sum));
        }
        metrics
    }
}

/// Values of all states of a rollout, `[T + 1, K]`.
fn value_states(batch: &TensorBatch<'_>, values: &dyn Fn(&Samples<'_>, &mut Vec<f32>)) -> Vec<f32> {
    let mut all = Vec::with_capacity(batch.len() + batch.actors());
    let mut part = Vec::new();
    for start in (0..batch.len()).step_by(VALUE_BATCH) {
        let end = batch.len().min(start + VALUE_BATCH);
        values(&Samples::states(batch, start, end), &mut part);
        all.extend_from_slice(&part);
    }
    values(&Samples::row(batch.rollout(), batch.n_steps()), &mut part);
    all.extend_from_slice(&part);
    all
}

/// The samples at which an episode was truncated and not terminated.
fn truncated(rollout: &Rollout) -> Vec<i64> {
    let flags = rollout.truncated().iter().zip(rollout.terminated());
    flags
        .enumerate()
        .filter(|(_, (cut, over))| **cut && !**over)
        .map(|(i, _)| i as i64)
        .collect()
}

fn take<T: Copy>(from: &[T], index: &[i64], into: &mut Vec<T>) {
    into.clear();
    into.extend(index.iter().map(|&i| from[i as usize]));
}

fn normalise_some(values: &mut [f32], samples: &[i64]) {
    let mut chosen = Vec::new();
    take(values, samples, &mut chosen);
    loss::normalise(&mut chosen);
    samples
        .iter()
        .zip(chosen)
        .for_each(|(&i, value)| values[i as usize] = value);
}

fn mean_size(values: &[f32], alive: &[bool]) -> f64 {
    let counted = values.iter().zip(alive).filter(|(_, alive)| **alive);
    let (sum, n) = counted.fold((0.0, 0.0), |(sum, n), (x, _)| (sum + f64::from(x.abs()), n + 1.0));
    if n > 0.0 { sum / n } else { 0.0 }
}

fn finite(value: f64, term: impl Fn() -> String, step: u64) -> Result<(), AgentError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(AgentError::NotFinite {
        term: term(),
        value,
        step,
    })
}

fn check_finite(values: &[f32], term: impl Fn() -> String, step: u64) -> Result<(), AgentError> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => finite(f64::from(*value), term, step),
        None => Ok(()),
    }
}
