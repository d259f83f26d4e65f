//! Deep Q-learning, top to bottom: act, store, sample, label, target, loss, update.
//!
//! Mnih et al. 2015 with the parts of Rainbow (Hessel et al. 2018), each a switch of [`DqnConfig`], and QR-DQN (Dabney et al.
//! 2018); CleanRL's names and defaults. What differs from CleanRL on purpose: a truncated episode bootstraps the value of its
//! final observation, several actors fill one replay, and rewards are stored raw and mixed when they are sampled, so that
//! curiosity that has faded is not learned from old data.

use prospect_nets::{Init, NamedTensors, TensorBatch};
use prospect_sim::{EnvSpec, Rollout, random::Generator};

use crate::{
    checkpoint::Checkpoint,
    config::{Distribution, DqnConfig, InitKind},
    error::{AgentError, finite},
    export::{Description, Export, HeadDescription},
    hops::Clock,
    learner::{Judgement, Learner, LearnerInit, Play, Player, Turn},
    loss::q::{QHead, QSamples, QStats},
    network::{Network, NetworkParts},
    q_policy::{Choice, QPlayer, act_epsilon_greedy, discrete_actions, judge, refuse_other_mixes},
    recorder::Metrics,
    replay::{Draw, Eligible, Replay, Sample, n_step_returns},
    samples::Samples,
    streams,
};

/// The learner: networks, replay and random streams.
#[derive(Debug)]
pub struct Dqn {
    config: DqnConfig,
    spec: EnvSpec,
    head: QHead,
    online: Network,
    target: Network,
    replay: Replay,
    sample: Sample,
    streams: Streams,
    scratch: Scratch,
    sums: Sums,
}

/// The learner's random streams, part of its checkpoint.
#[derive(Debug, Clone, PartialEq)]
struct Streams {
    action: Generator,
    replay: Generator,
    noise: Generator,
}

/// What is computed for one batch, in buffers that are kept.
#[derive(Debug, Default)]
struct Scratch {
    choice: Choice,
    returns: Vec<f32>,
    discounts: Vec<f32>,
    atoms: Vec<f32>,
    target: Vec<f32>,
    surprise: Vec<f32>,
}

/// Sums over the updates since metrics were last taken.
#[derive(Debug, Default)]
struct Sums {
    updates: f64,
    samples: f64,
    stats: QStats,
    grad_norm: f64,
    /// Of the latest turn.
    epsilon: f64,
}

impl Dqn {
    /// A learner for the env, with an empty replay.
    ///
    /// # Errors
    /// [`AgentError::ActionSpace`] if actions are not discrete; [`AgentError::Config`], also for a reward module whose mix
    /// is not `add`; [`AgentError::Nets`] if the encoder does not fit the observation.
    pub fn new(config: &DqnConfig, init: &LearnerInit<'_>) -> Result<Self, AgentError> {
        let spec = init.env.spec();
        let actions = discrete_actions("dqn", spec)?;
        refuse_other_mixes(init.stack)?;
        let head = QHead {
            actions,
            dueling: config.dueling,
            returns: config.returns(),
        };
        let online = network(config, head.outputs(), init)?;
        let columns = init.stack.context_columns().len();
        let mut replay = Replay::new(init.layout, columns, config.buffer_size)?;
        if let Some(priorities) = config.priorities() {
            replay = replay.with_priorities(&priorities, config.n_step)?;
        }
        Ok(Self {
            sample: Sample::new(&replay, config.n_step, config.batch_size)?,
            replay,
            target: online.twin(),
            online,
            head,
            config: config.clone(),
            spec: spec.clone(),
            streams: Streams {
                action: Generator::named(init.seed, "agent/action"),
                replay: Generator::named(init.seed, "agent/replay"),
                noise: Generator::named(init.seed, "agent/noise"),
            },
            scratch: Scratch::default(),
            sums: Sums::default(),
        })
    }

    /// One batch: sample, label, target, loss, step, priorities.
    fn update(&mut self, turn: &mut Turn<'_>) -> Result<(), AgentError> {
        let mut clock = Clock::start();
        let how = match self.config.priorities() {
            Some(config) => Draw::Prioritised {
                beta: config.beta_at(self.config.progress(turn.step)),
            },
            None => Draw::Uniform(Eligible::All),
        };
        self.replay
            .draw(how, &mut self.streams.replay, &mut self.sample)?;
        self.label(turn)?;
        clock.lap(&mut turn.hops.replay_s);
        self.online.draw_noise(&mut self.streams.noise);
        self.target.draw_noise(&mut self.streams.noise);
        self.find_targets();
        self.descend(turn.step)?;
        self.replay
            .update_priorities(&self.sample.picks, &self.scratch.surprise);
        clock.lap(&mut turn.hops.update_s);
        Ok(())
    }

    /// The sampled windows' rewards as they are worth now, summed over their steps.
    fn label(&mut self, turn: &Turn<'_>) -> Result<(), AgentError> {
        let (rollout, s) = (&self.sample.rollout, &mut self.scratch);
        let tensors = TensorBatch::new(rollout, turn.batch.device());
        let mixed = turn
            .stack
            .relabel(rollout, &self.sample.contexts, &tensors, turn.step)?;
        s.returns.resize(rollout.actors(), 0.0);
        s.discounts.resize(rollout.actors(), 0.0);
        n_step_returns(
            rollout,
            &mixed.task,
            self.config.gamma,
            &mut s.returns,
            &mut s.discounts,
        );
        Ok(())
    }

    /// What the sampled actions' atoms are to be, from the states after their windows: the target network values there what
    /// it likes best, or with `double` what the online network likes best.
    fn find_targets(&mut self) {
        let s = &mut self.scratch;
        let rollout = &self.sample.rollout;
        let after = Samples::row(rollout, rollout.n_steps());
        if self.config.double {
            s.choice.make(&self.online, &self.head, &after);
            self.target.forward(&after, &mut s.choice.outputs);
            self.head.atoms(&s.choice.outputs, &mut s.choice.atoms);
        } else {
            s.choice.make(&self.target, &self.head, &after);
        }
        let (next, from) = (&s.choice, (s.returns.as_slice(), s.discounts.as_slice()));
        self.head.targets(&next.atoms, &next.action, from, &mut s.target);
    }

    /// One step of Adam down the loss of the sampled actions.
    fn descend(&mut self, step: u64) -> Result<(), AgentError> {
        let (head, s) = (&self.head, &mut self.scratch);
        let samples = QSamples {
            action: &self.sample.rollout.actions().as_i32().unwrap_or(&[])[..self.sample.batch()],
            target: &s.target,
            weight: &self.sample.weights,
        };
        let mut stats = QStats::default();
        let states = Samples::row(&self.sample.rollout, 0);
        let norm = self
            .online
            .learn(&states, self.config.learning_rate, |outputs, gradient| {
                head.atoms(outputs, &mut s.atoms);
                stats = head.loss(&s.atoms, &samples, gradient, &mut s.surprise);
                finite(stats.td_loss, || "temporal-difference loss", step)
            })?;
        finite(norm, || "gradient of the action values", step)?;
        self.sums.updates += 1.0;
        self.sums.samples += self.sample.batch() as f64;
        self.sums.stats.td_loss += stats.td_loss;
        self.sums.stats.q_values += stats.q_values;
        self.sums.grad_norm += norm;
        Ok(())
    }

    /// The online network without noise, for play outside of training.
    fn silent(&self) -> Network {
        let mut network = self.online.twin();
        network.silence();
        network
    }
}

impl Learner for Dqn {
    fn kind(&self) -> &'static str {
        "dqn"
    }

    fn act(&mut self, rollout: &mut Rollout, t: usize, step: u64) {
        if t == 0 {
            self.online.draw_noise(&mut self.streams.noise);
        }
        self.sums.epsilon = self.config.epsilon(step);
        let (network, head, choice) = (&self.online, &self.head, &mut self.scratch.choice);
        let rng = &mut self.streams.action;
        act_epsilon_greedy(rollout, t, self.sums.epsilon, rng, |rollout| {
            choice.make(network, head, &Samples::row(rollout, t));
            &choice.action
        });
    }

    fn learn(&mut self, mut turn: Turn<'_>) -> Result<(), AgentError> {
        let mut clock = Clock::start();
        let stack = turn.stack;
        self.replay
            .push(turn.batch.rollout(), |i| stack.context_column(i))?;
        clock.lap(&mut turn.hops.replay_s);
        // A run that goes on without its replay may be past the start and hold no whole window yet.
        let is_early = turn.step <= self.config.learning_starts;
        if is_early || !self.replay.has_eligible(Eligible::All, self.config.n_step) {
            return Ok(());
        }
        for _ in 0..self.config.gradient_steps {
            self.update(&mut turn)?;
        }
        let every = self.config.target_network_frequency;
        if turn.step / every > turn.before / every {
            self.target.move_towards(&self.online, self.config.tau);
        }
        Ok(())
    }

    fn take_metrics(&mut self) -> Metrics {
        let sums = std::mem::take(&mut self.sums);
        // Before the first update there are none to take means of: NaN is an empty field.
        Metrics::from([
            ("charts/learning_rate".to_owned(), self.config.learning_rate),
            ("charts/epsilon".to_owned(), sums.epsilon),
            ("losses/updates".to_owned(), sums.updates),
            ("losses/td_loss".to_owned(), sums.stats.td_loss / sums.samples),
            ("losses/q_values".to_owned(), sums.stats.q_values / sums.samples),
            ("losses/grad_norm".to_owned(), sums.grad_norm / sums.updates),
        ])
    }

    fn player<'a>(&'a self, _actors: usize, play: Play, mut rng: Generator) -> Box<dyn Player + 'a> {
        let mut network = self.silent();
        if play == Play::Sampled {
            network.draw_noise(&mut rng);
        }
        let exploring = play == Play::Sampled && !self.config.noisy;
        let epsilon = if exploring { self.config.end_e } else { 0.0 };
        Box::new(QPlayer::new(network, &self.head, epsilon, rng))
    }

    fn judge(&self, rollout: &Rollout, t: usize) -> Judgement {
        judge(&self.silent(), &self.head, rollout, t)
    }

    fn store(&self) -> NamedTensors {
        let mut stored = NamedTensors::new();
        self.online.store("adam.", &mut stored);
        self.target.learned().store("target.", &mut stored);
        streams::store(&mut stored, "action", &self.streams.action);
        streams::store(&mut stored, "replay", &self.streams.replay);
        streams::store(&mut stored, "noise", &self.streams.noise);
        stored
    }

    fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.online.restore("adam.", stored)?;
        self.target.restore_learned("target.", stored)?;
        self.streams.action = streams::restore(stored, "action")?;
        self.streams.replay = streams::restore(stored, "replay")?;
        self.streams.noise = streams::restore(stored, "noise")?;
        Ok(())
    }

    fn save_memory(&self, checkpoint: &mut Checkpoint) -> Result<(), AgentError> {
        self.replay.save(checkpoint);
        Ok(())
    }

    fn load_memory(&mut self, checkpoint: &Checkpoint) -> Result<(), AgentError> {
        self.replay.load(checkpoint)
    }

    fn export(&self) -> Export {
        let network = self.online.describe(&self.spec.observation);
        let head = HeadDescription::ActionValues {
            dueling: self.config.dueling,
            atoms: self.head.returns.atoms(),
            support: (self.config.distribution == Distribution::C51)
                .then_some((self.config.v_min, self.config.v_max)),
        };
        let mut weights = NamedTensors::new();
        self.silent().params().store("", &mut weights);
        Export {
            description: Description::new("dqn", &self.spec, network, head),
            weights,
        }
    }

    fn weights(&self) -> Vec<u8> {
        self.online.learned().to_bytes()
    }

    fn is_fused(&self) -> bool {
        self.online.is_fused()
    }
}

fn network(config: &DqnConfig, outputs: usize, init: &LearnerInit<'_>) -> Result<Network, AgentError> {
    // The head begins as the hidden layers do.
    let head = match config.init {
        InitKind::Torch => Init::KaimingUniform,
        InitKind::Orthogonal => Init::Orthogonal { gain: 1.0 },
    };
    let parts = NetworkParts {
        noise: config.noisy.then_some(config.noisy_sigma),
        ..NetworkParts::default()
    };
    let mut rng = Generator::named(init.seed, "agent/init/q");
    let fields = &init.env.spec().observation;
    let settings = config.network();
    Network::with_parts(
        &settings,
        parts,
        fields,
        "q",
        (outputs, head),
        &mut rng,
        init.device,
    )
}
