//! Proximal policy optimisation, top to bottom: act, estimate advantages of every reward stream, update.
//!
//! Schulman et al. 2017 with the details of Huang et al. 2022 ("The 37 implementation details of PPO"), CleanRL's names.
//! Two things differ from CleanRL on purpose: a truncated episode bootstraps the value of its final observation, and
//! reward streams beside the task's have critics of their own, whose presence leaves the policy's arithmetic untouched.
//! These critics have no memory, also where policy and task critic have one.

mod step;
mod stored;

use prospect_nets::{Device, NamedTensors, TensorBatch};
use prospect_shaping::{Mixed, Stream, StreamSpec};
use prospect_sim::{ActionSpace, EnvSpec, Rollout, RowLayout, random::Generator};

use self::{
    step::{Pass, Scratch, take},
    stored::Streams,
};
use crate::{
    config::{BaselineKind, MemoryKind, NormAdv, PpoConfig},
    distribution::{Distribution, Drawn},
    error::AgentError,
    estimates::{Estimates, Values, mean_size},
    export::Export,
    gae::GroupBaseline,
    hops::Clock,
    imitation::{Demonstrated, Imitation},
    learner::{Judgement, Learner, LearnerInit, Play, Player, Turn},
    loss::{self, LossConfig, PolicyStats},
    mask,
    memory::{MemoryState, clear_ended},
    minibatch::Minibatches,
    normalise::{ObservationNormaliser, RewardScaler},
    player::{Choice, PpoPlayer},
    policy::{ActorCritic, Critic},
    recorder::Metrics,
    samples::Samples,
    update::UpdateSums,
};

/// The learner: networks, their optimisers, its normalisers and its random streams.
#[derive(Debug)]
pub struct Ppo {
    config: PpoConfig,
    layout: RowLayout,
    spec: EnvSpec,
    device: Device,
    pub(crate) distribution: Distribution,
    pub(crate) actor_critic: ActorCritic,
    /// One critic per reward stream beside the task's, in the stack's order.
    critics: Vec<Critic>,
    streams: Streams,
    pub(crate) observations: Option<ObservationNormaliser>,
    rewards: Option<RewardScaler>,
    group: Option<GroupBaseline>,
    imitation: Option<Imitation>,
    /// What the memory holds now, and what it held when this rollout began.
    state: MemoryState,
    start: MemoryState,
    /// What was drawn in this rollout, `[T, K, width]`.
    drawn: Drawn,
    /// What was allowed in it, `[T, K, outputs]`; empty without masks.
    allowed: Vec<bool>,
    /// The first actor of this rollout that was allowed nothing.
    stuck: Option<usize>,
    choice: Choice,
    scratch: Scratch,
    metrics: Metrics,
}

impl Ppo {
    /// A learner for the env, with one more critic for each of the stack's streams.
    ///
    /// # Errors
    /// [`AgentError::Config`] if a setting does not fit the env; [`AgentError::Nets`] if the encoder does not fit the
    /// observation.
    pub fn new(config: &PpoConfig, init: &LearnerInit<'_>) -> Result<Self, AgentError> {
        let (spec, seed, device, layout) = (init.env.spec(), init.seed, init.device, init.layout);
        let actors = layout.actors();
        let distribution = Distribution::new(&spec.actions, config.squash)?;
        check_memory(config, actors)?;
        mask::check(config, layout)?;
        let whitening = || ObservationNormaliser::new(layout, config.encoder);
        let observations = config.norm_obs.then(whitening).transpose()?;
        let fields = observations
            .as_ref()
            .map_or(layout.observation.as_slice(), ObservationNormaliser::fields);
        let critic = |stream: &StreamSpec| Critic::new(config, fields, &stream.name, seed, device);
        let critics: Result<Vec<Critic>, AgentError> = init.stack.streams().iter().map(critic).collect();
        let actor_critic = ActorCritic::new(config, fields, &distribution, seed, device)?;
        let (gamma, has_group) = (config.gamma, config.baseline == BaselineKind::Group);
        let state = actor_critic.fresh_state(actors);
        Ok(Self {
            critics: critics?,
            actor_critic,
            distribution,
            layout: layout.clone(),
            spec: spec.clone(),
            device,
            streams: Streams::new(seed),
            observations,
            rewards: config.norm_reward.then(|| RewardScaler::new(gamma, actors)),
            group: has_group.then(|| GroupBaseline::new(gamma, actors)),
            imitation: config.bc.as_ref().map(|bc| Imitation::new(bc, seed)),
            start: state.clone(),
            state,
            config: config.clone(),
            drawn: Drawn::default(),
            allowed: Vec::new(),
            stuck: None,
            choice: Choice::default(),
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

    /// Values every state of a full rollout and computes advantages: `A = A_task + sum w_k A_k + advantage terms`. `reward`
    /// is the task's stream, `[T, K]`, normalised or not; `remembered` are the task's values of a critic with memory.
    fn estimate(
        &mut self,
        batch: &TensorBatch<'_>,
        reward: Vec<f32>,
        mixed: &Mixed,
        remembered: Option<Values>,
        step: u64,
    ) -> Result<Estimates, AgentError> {
        let task = Stream {
            name: "task".to_owned(),
            weight: 1.0,
            gamma: self.config.gamma,
            gae_lambda: self.config.gae_lambda,
            episodic: true,
            reward,
        };
        let rollout = batch.rollout();
        let alive = rollout.alive();
        let values = remembered
            .unwrap_or_else(|| Values::of(batch, &|samples, out| self.actor_critic.values(samples, out)));
        values.check(&task.name, step)?;
        let (targets, mut advantage) = values.targets(&task, rollout);
        let mut chosen = alive.to_vec();
        if let Some(group) = &mut self.group {
            group.estimate(&task.reward, rollout, &mut advantage, &mut chosen);
        }
        let task_size = mean_size(&advantage, alive);
        let mut estimates = Estimates::of_task(targets, advantage, chosen);
        for (critic, stream) in self.critics.iter().zip(&mixed.streams) {
            let values = Values::of(batch, &|samples, out| critic.values(samples, out));
            values.check(&stream.name, step)?;
            let (targets, advantage) = values.targets(stream, rollout);
            estimates.push(&stream.name, targets);
            estimates.add(&stream.name, stream.weight, &advantage, alive, task_size);
        }
        for term in &mixed.advantage {
            estimates.add(&term.name, term.weight, &term.value, alive, task_size);
        }
        Ok(estimates)
    }

    /// Several passes over the rollout in shuffled minibatches; each is one step of every optimiser. `step` is the run's
    /// count of env steps before this rollout, which moves the schedules.
    fn update(
        &mut self,
        batch: &TensorBatch<'_>,
        mut estimates: Estimates,
        mut demonstrated: Option<Demonstrated<'_>>,
        step: u64,
    ) -> Result<Metrics, AgentError> {
        let pass = self.pass(step);
        let chosen = &estimates.chosen;
        let samples: Vec<i64> = (0..batch.len() as i64).filter(|&i| chosen[i as usize]).collect();
        if self.config.norm_adv == NormAdv::Rollout {
            normalise_some(&mut estimates.advantage, &samples);
        }
        let mut minibatches = self.minibatches(batch.actors(), &estimates.chosen, samples);
        let mut sums = UpdateSums::new(self.critics.len());
        let mut epochs = 0;
        for _ in 0..self.config.update_epochs {
            minibatches.shuffle(&mut self.streams.shuffle);
            let mut epoch = PolicyStats::default();
            for chunk in minibatches.chunks() {
                let demonstrated = demonstrated.as_mut();
                epoch.add(&self.learn_policy(batch, &estimates, &chunk, demonstrated, &pass, &mut sums)?);
                self.learn_critics(batch, &estimates, &chunk.index, &pass, &mut sums)?;
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

    /// Whole sequences of some actors for a policy with memory, else single steps.
    fn minibatches(&self, actors: usize, chosen: &[bool], samples: Vec<i64>) -> Minibatches {
        if self.actor_critic.is_recurrent() {
            let size = actors / self.config.n_minibatches;
            return Minibatches::sequences(actors, size, chosen.to_vec());
        }
        let size = self.config.minibatch(samples.len());
        Minibatches::steps(samples, size)
    }

    /// Learns from a turn, whose observations `batch` has as the networks read them.
    fn learn_from(&mut self, batch: &TensorBatch<'_>, turn: &mut Turn<'_>) -> Result<(), AgentError> {
        let mut clock = Clock::start();
        let mut reward = turn.mixed.task.clone();
        if let Some(scaler) = &mut self.rewards {
            scaler.scale(&mut reward, batch.rollout());
        }
        let remembered = self.actor_critic.is_recurrent().then(|| {
            let (values, state) = self.actor_critic.values_of_rollout(batch, &self.start);
            self.state.critic = state;
            clear_ended(&mut self.state.policy, batch.rollout(), batch.n_steps() - 1);
            values
        });
        let estimates = self.estimate(batch, reward, turn.mixed, remembered, turn.step)?;
        clock.lap(&mut turn.hops.gae_s);
        let mut imitation = self.imitation.take();
        let metrics = self.update_with(batch, estimates, imitation.as_mut(), turn.before);
        self.imitation = imitation;
        self.metrics = metrics?;
        clock.lap(&mut turn.hops.update_s);
        Ok(())
    }

    /// [`Self::update`] beside the imitation loss, if there is one.
    fn update_with(
        &mut self,
        batch: &TensorBatch<'_>,
        estimates: Estimates,
        imitation: Option<&mut Imitation>,
        step: u64,
    ) -> Result<Metrics, AgentError> {
        let remaining = self.config.remaining(step);
        let coef = self.config.bc.as_ref().map_or(0.0, |bc| bc.coef_at(remaining));
        let (Some(imitation), true) = (imitation, coef > 0.0) else {
            return self.update(batch, estimates, None, step);
        };
        imitation.open(&self.layout, &self.distribution)?;
        let seen = imitation.seen(self.observations.as_ref());
        let demonstrated =
            imitation.demonstrated(seen.as_ref(), (coef, step), &self.actor_critic, self.device);
        self.update(batch, estimates, demonstrated, step)
    }
}

fn check_memory(config: &PpoConfig, actors: usize) -> Result<(), AgentError> {
    if config.memory == MemoryKind::None || actors.is_multiple_of(config.n_minibatches) {
        return Ok(());
    }
    Err(AgentError::Config {
        key: "agent.n_minibatches",
        value: config.n_minibatches.to_string(),
        remedy: format!(
            "a policy with memory learns from whole sequences; use a divisor of the {actors} actors"
        ),
    })
}

impl Learner for Ppo {
    fn kind(&self) -> &'static str {
        "ppo"
    }

    fn begin(&mut self) -> Result<(), AgentError> {
        let Some(mut imitation) = self.imitation.take() else {
            return Ok(());
        };
        imitation.open(&self.layout, &self.distribution)?;
        imitation.pretrain(
            &mut self.actor_critic,
            self.observations.as_mut(),
            &self.distribution,
            self.device,
        )?;
        self.imitation = Some(imitation);
        Ok(())
    }

    fn act(&mut self, rollout: &mut Rollout, t: usize, _step: u64) {
        if let Some(observations) = &mut self.observations {
            observations.record(rollout, t);
        }
        match t.checked_sub(1) {
            None => {
                self.start.clone_from(&self.state);
                self.allowed.clear();
            }
            Some(before) => clear_ended(&mut self.state.policy, rollout, before),
        }
        let mask = self.mask(rollout, t);
        let stuck_now = mask.and_then(|mask| mask::stuck(mask, &self.distribution));
        let seen = self
            .observations
            .as_ref()
            .map_or(&*rollout, ObservationNormaliser::whitened);
        let mut choice = std::mem::take(&mut self.choice);
        let mut state = std::mem::take(&mut self.state.policy);
        let mut rng = self.streams.action.clone();
        let samples = Samples::row(seen, t);
        self.choose(&samples, mask, &mut state, Play::Sampled, &mut rng, &mut choice);
        self.allowed.extend_from_slice(mask.unwrap_or(&[]));
        self.stuck = self.stuck.or(stuck_now);
        self.distribution.write(&choice.drawn, rollout, t);
        self.drawn.put(t, rollout.n_steps(), &choice.drawn);
        (self.choice, self.state.policy, self.streams.action) = (choice, state, rng);
    }

    fn learn(&mut self, mut turn: Turn<'_>) -> Result<(), AgentError> {
        if let Some(actor) = self.stuck {
            return Err(AgentError::NoAction {
                env: self.spec.id.clone(),
                actor,
                step: turn.before,
            });
        }
        let Some(mut observations) = self.observations.take() else {
            let batch = turn.batch;
            return self.learn_from(batch, &mut turn);
        };
        observations.complete(turn.batch.rollout());
        let whitened = TensorBatch::new(observations.whitened(), self.device);
        let learned = self.learn_from(&whitened, &mut turn);
        self.observations = Some(observations);
        learned
    }

    fn take_metrics(&mut self) -> Metrics {
        std::mem::take(&mut self.metrics)
    }

    fn player<'a>(&'a self, actors: usize, play: Play, rng: Generator) -> Box<dyn Player + 'a> {
        Box::new(PpoPlayer::new(self, actors, play, rng))
    }

    fn judge(&self, rollout: &Rollout, t: usize) -> Judgement {
        let mut judgement = Judgement::default();
        let mut whitened = None;
        let samples = self.look(rollout, t, &mut whitened);
        self.actor_critic.values_afresh(&samples, &mut judgement.value);
        if let ActionSpace::Discrete { .. } = self.layout.actions {
            let mut state = self.actor_critic.fresh_state(samples.len()).policy;
            let (mut choice, mut unused) = (Choice::default(), self.streams.action.clone());
            let mask = self.mask(rollout, t);
            self.choose(&samples, mask, &mut state, Play::Greedy, &mut unused, &mut choice);
            judgement.greedy_action = choice.drawn.choices;
        }
        judgement
    }

    fn store(&self) -> NamedTensors {
        self.store_all()
    }

    fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.restore_all(stored)
    }

    fn export(&self) -> Export {
        self.export_policy()
    }

    fn weights(&self) -> Vec<u8> {
        self.named_weights().to_bytes()
    }

    fn is_fused(&self) -> bool {
        self.actor_critic.is_fused()
    }
}

fn normalise_some(values: &mut [f32], samples: &[i64]) {
    let mut chosen = Vec::new();
    take(values, samples, &mut chosen);
    loss::normalise(&mut chosen);
    let pairs = samples.iter().zip(chosen);
    pairs.for_each(|(&i, value)| values[i as usize] = value);
}
