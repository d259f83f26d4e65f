//! PQN, top to bottom: act, lambda returns, regression of action values in shuffled minibatches.
//!
//! Gallici et al. 2024, "Simplifying deep temporal difference learning", with CleanRL's names and defaults. Two things differ
//! from CleanRL's script on purpose: a truncated episode bootstraps the value of its final observation, and no return reaches
//! over the end of an episode.

use prospect_nets::{Init, NamedTensors, OptimiserConfig};
use prospect_sim::{EnvSpec, Rollout, random::Generator};

use crate::{
    config::{InitKind, PqnConfig},
    error::{AgentError, finite},
    estimates::final_values,
    export::{Description, Export, HeadDescription},
    gae,
    hops::Clock,
    learner::{Judgement, Learner, LearnerInit, Play, Player, Turn},
    loss::q::{QHead, QSamples, QStats, ReturnModel},
    network::{Network, NetworkParts},
    q_policy::{Choice, QPlayer, act_epsilon_greedy, discrete_actions, judge, refuse_other_mixes},
    recorder::Metrics,
    samples::Samples,
    streams,
};

/// The learner: one network and its random streams.
#[derive(Debug)]
pub struct Pqn {
    config: PqnConfig,
    spec: EnvSpec,
    head: QHead,
    network: Network,
    streams: Streams,
    choice: Choice,
    /// `[T, K]`: the values of the best actions as they were acted upon.
    value: Vec<f32>,
    scratch: Scratch,
    metrics: Metrics,
}

/// The learner's random streams, part of its checkpoint.
#[derive(Debug, Clone, PartialEq)]
struct Streams {
    action: Generator,
    shuffle: Generator,
}

/// What is gathered for one minibatch, in buffers that are kept.
#[derive(Debug, Default)]
struct Scratch {
    action: Vec<i32>,
    target: Vec<f32>,
    weight: Vec<f32>,
    atoms: Vec<f32>,
    error: Vec<f32>,
}

/// Sums over all minibatches of an update.
#[derive(Debug, Default)]
struct Sums {
    stats: QStats,
    samples: f64,
    grad_norm: f64,
    minibatches: f64,
}

impl Pqn {
    /// A learner for the env.
    ///
    /// # Errors
    /// [`AgentError::ActionSpace`] if actions are not discrete; [`AgentError::Config`], also for a reward module whose mix
    /// is not `add`; [`AgentError::Nets`] if the encoder does not fit the observation.
    pub fn new(config: &PqnConfig, init: &LearnerInit<'_>) -> Result<Self, AgentError> {
        let spec = init.env.spec();
        let n = discrete_actions("pqn", spec)?;
        refuse_other_mixes(init.stack)?;
        Ok(Self {
            network: network(config, n, init)?,
            head: QHead {
                actions: n,
                dueling: false,
                returns: ReturnModel::Expected { huber: false },
            },
            config: config.clone(),
            spec: spec.clone(),
            streams: Streams {
                action: Generator::named(init.seed, "agent/action"),
                shuffle: Generator::named(init.seed, "agent/shuffle"),
            },
            choice: Choice::default(),
            value: Vec::new(),
            scratch: Scratch::default(),
            metrics: Metrics::new(),
        })
    }

    /// The lambda returns of a rollout, `[T, K]`: `R = r + gamma (lambda R' + (1 - lambda) max Q')` while an episode goes
    /// on; with the values of the best actions for a critic's they are those of generalised advantage estimation.
    fn returns(&mut self, turn: &Turn<'_>) -> Vec<f32> {
        let (batch, rollout) = (turn.batch, turn.batch.rollout());
        let last = Samples::row(rollout, rollout.n_steps());
        self.choice.make(&self.network, &self.head, &last);
        self.value.truncate(batch.len());
        self.value.extend(self.choice.best(&self.head));
        let final_value = final_values(batch, |finals, out| {
            self.choice.make(&self.network, &self.head, finals);
            out.extend(self.choice.best(&self.head));
        });
        let (mut advantage, mut returns) = (vec![0.0; batch.len()], vec![0.0; batch.len()]);
        gae::Stream {
            reward: &turn.mixed.task,
            value: &self.value,
            final_value: &final_value,
            terminated: rollout.terminated(),
            truncated: rollout.truncated(),
            actors: batch.actors(),
            gamma: self.config.gamma,
            gae_lambda: self.config.q_lambda,
            episodic: true,
        }
        .estimate(&mut advantage, &mut returns);
        returns
    }

    /// Several passes over the rollout in shuffled minibatches.
    fn update(&mut self, turn: &Turn<'_>, returns: &[f32]) -> Result<(), AgentError> {
        let learning_rate = self.config.learning_rate(turn.before);
        let alive = turn.batch.rollout().alive();
        let mut samples: Vec<i64> = (0..returns.len() as i64)
            .filter(|&at| alive[at as usize])
            .collect();
        let minibatch = samples.len().div_ceil(self.config.n_minibatches).max(1);
        let mut sums = Sums::default();
        for _ in 0..self.config.update_epochs {
            self.streams.shuffle.shuffle(&mut samples);
            for index in samples.chunks(minibatch) {
                self.descend(turn, returns, index, learning_rate, &mut sums)?;
            }
        }
        self.metrics = Metrics::from([
            ("charts/learning_rate".to_owned(), learning_rate),
            ("charts/epsilon".to_owned(), self.config.epsilon(turn.before)),
            ("losses/td_loss".to_owned(), sums.stats.td_loss / sums.samples),
            ("losses/q_values".to_owned(), sums.stats.q_values / sums.samples),
            ("losses/grad_norm".to_owned(), sums.grad_norm / sums.minibatches),
        ]);
        Ok(())
    }

    /// One step of RAdam down the mean square error of the samples in `index`.
    fn descend(
        &mut self,
        turn: &Turn<'_>,
        returns: &[f32],
        index: &[i64],
        learning_rate: f64,
        sums: &mut Sums,
    ) -> Result<(), AgentError> {
        let (head, s) = (&self.head, &mut self.scratch);
        let actions = turn.batch.rollout().actions().as_i32().unwrap_or(&[]);
        s.action.clear();
        s.action.extend(index.iter().map(|&at| actions[at as usize]));
        s.target.clear();
        s.target.extend(index.iter().map(|&at| returns[at as usize]));
        s.weight.resize(index.len(), 1.0);
        let samples = QSamples {
            action: &s.action,
            target: &s.target,
            weight: &s.weight,
        };
        let mut stats = QStats::default();
        let states = Samples::chosen(turn.batch, index);
        let norm = self.network.learn(&states, learning_rate, |outputs, gradient| {
            head.atoms(outputs, &mut s.atoms);
            stats = head.loss(&s.atoms, &samples, gradient, &mut s.error);
            finite(stats.td_loss, || "temporal-difference loss", turn.step)
        })?;
        finite(norm, || "gradient of the action values", turn.step)?;
        sums.stats.td_loss += stats.td_loss;
        sums.stats.q_values += stats.q_values;
        sums.samples += index.len() as f64;
        sums.grad_norm += norm;
        sums.minibatches += 1.0;
        Ok(())
    }
}

fn network(config: &PqnConfig, n_actions: usize, init: &LearnerInit<'_>) -> Result<Network, AgentError> {
    let head = match config.init {
        InitKind::Torch => Init::KaimingUniform,
        InitKind::Orthogonal => Init::HIDDEN,
    };
    let parts = NetworkParts {
        layer_norm: config.layer_norm,
        noise: None,
        optimiser: Some(OptimiserConfig::RAdam {
            beta1: 0.9,
            beta2: 0.999,
            eps: config.adam_eps,
        }),
    };
    let mut rng = Generator::named(init.seed, "agent/init/q");
    let fields = &init.env.spec().observation;
    Network::with_parts(
        &config.network(),
        parts,
        fields,
        "q",
        (n_actions, head),
        &mut rng,
        init.device,
    )
}

impl Learner for Pqn {
    fn kind(&self) -> &'static str {
        "pqn"
    }

    fn act(&mut self, rollout: &mut Rollout, t: usize, step: u64) {
        self.choice
            .make(&self.network, &self.head, &Samples::row(rollout, t));
        self.value.truncate(t * rollout.actors());
        self.value.extend(self.choice.best(&self.head));
        let (choice, epsilon) = (&self.choice, self.config.epsilon(step));
        act_epsilon_greedy(rollout, t, epsilon, &mut self.streams.action, |_| &choice.action);
    }

    fn learn(&mut self, turn: Turn<'_>) -> Result<(), AgentError> {
        let mut clock = Clock::start();
        let returns = self.returns(&turn);
        clock.lap(&mut turn.hops.gae_s);
        self.update(&turn, &returns)?;
        clock.lap(&mut turn.hops.update_s);
        Ok(())
    }

    fn take_metrics(&mut self) -> Metrics {
        std::mem::take(&mut self.metrics)
    }

    fn player<'a>(&'a self, _actors: usize, play: Play, rng: Generator) -> Box<dyn Player + 'a> {
        let epsilon = match play {
            Play::Sampled => self.config.end_e,
            Play::Greedy => 0.0,
        };
        Box::new(QPlayer::new(self.network.twin(), &self.head, epsilon, rng))
    }

    fn judge(&self, rollout: &Rollout, t: usize) -> Judgement {
        judge(&self.network, &self.head, rollout, t)
    }

    fn store(&self) -> NamedTensors {
        let mut stored = NamedTensors::new();
        self.network.store("radam.", &mut stored);
        streams::store(&mut stored, "action", &self.streams.action);
        streams::store(&mut stored, "shuffle", &self.streams.shuffle);
        stored
    }

    fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.network.restore("radam.", stored)?;
        self.streams.action = streams::restore(stored, "action")?;
        self.streams.shuffle = streams::restore(stored, "shuffle")?;
        Ok(())
    }

    fn export(&self) -> Export {
        let network = self.network.describe(&self.spec.observation);
        let head = HeadDescription::ActionValues {
            dueling: false,
            atoms: 1,
            support: None,
        };
        let mut weights = NamedTensors::new();
        self.network.params().store("", &mut weights);
        Export {
            description: Description::new("pqn", &self.spec, network, head),
            weights,
        }
    }

    fn weights(&self) -> Vec<u8> {
        self.network.params().to_bytes()
    }

    fn is_fused(&self) -> bool {
        self.network.is_fused()
    }
}
