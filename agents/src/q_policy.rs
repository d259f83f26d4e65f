//! Acting by action values, which learners of them share: greedily, or at random now and then.

use prospect_nets::heads::greedy;
use prospect_shaping::{Mix, RewardStack};
use prospect_sim::{ActionSpace, EnvSpec, Rollout, random::Generator};

use crate::{
    error::AgentError,
    learner::{Judgement, Player},
    loss::q::QHead,
    network::Network,
    samples::Samples,
};

/// The values of all actions in some states and the best ones, in buffers that are kept.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// `[n, outputs]`.
    pub(crate) outputs: Vec<f32>,
    /// `[n, A, atoms]`.
    pub(crate) atoms: Vec<f32>,
    /// `[n, A]`.
    pub(crate) values: Vec<f32>,
    /// The first of the best actions, `[n]`.
    pub(crate) action: Vec<i32>,
}

impl Choice {
    /// Asks the network.
    pub(crate) fn make(&mut self, network: &Network, head: &QHead, samples: &Samples<'_>) {
        network.forward(samples, &mut self.outputs);
        head.atoms(&self.outputs, &mut self.atoms);
        head.values(&self.atoms, &mut self.values);
        self.action.resize(self.values.len() / head.actions, 0);
        greedy(&self.values, head.actions, &mut self.action);
    }

    /// The value of the best action, `[n]`.
    pub(crate) fn best(&self, head: &QHead) -> impl Iterator<Item = f32> {
        let rows = self.values.chunks_exact(head.actions);
        rows.map(|row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max))
    }
}

/// The mark of actors that are not to act at random.
const UNDECIDED: i32 = -1;

/// Chooses the actions of step `t`: each actor's at random with probability `epsilon`, else the one of `best`, which is
/// asked only if there is such an actor.
pub(crate) fn act_epsilon_greedy<'a>(
    rollout: &mut Rollout,
    t: usize,
    epsilon: f64,
    rng: &mut Generator,
    best: impl FnOnce(&Rollout) -> &'a [i32],
) {
    let ActionSpace::Discrete { n } = rollout.layout().actions else {
        return;
    };
    let mut all_random = true;
    for action in rollout.discrete_actions_mut(t) {
        let random = rng.random() < epsilon;
        all_random &= random;
        *action = if random {
            rng.integers(0, n as i64) as i32
        } else {
            UNDECIDED
        };
    }
    if all_random {
        return;
    }
    let best = best(rollout);
    let actions = rollout.discrete_actions_mut(t).iter_mut().zip(best);
    for (action, best) in actions.filter(|(action, _)| **action == UNDECIDED) {
        *action = *best;
    }
}

/// A policy by action values outside of training.
pub(crate) struct QPlayer<'a> {
    network: Network,
    head: &'a QHead,
    epsilon: f64,
    rng: Generator,
    choice: Choice,
}

impl<'a> QPlayer<'a> {
    /// Acts at random with probability `epsilon`.
    pub(crate) fn new(network: Network, head: &'a QHead, epsilon: f64, rng: Generator) -> Self {
        Self {
            network,
            head,
            epsilon,
            rng,
            choice: Choice::default(),
        }
    }
}

impl Player for QPlayer<'_> {
    fn act(&mut self, rollout: &mut Rollout, t: usize) {
        self.choice
            .make(&self.network, self.head, &Samples::row(rollout, t));
        let choice = &self.choice;
        act_epsilon_greedy(rollout, t, self.epsilon, &mut self.rng, |_| &choice.action);
    }

    fn outputs(&self) -> &[f32] {
        &self.choice.outputs
    }
}

/// The best action of each state of row `t` and its value.
pub(crate) fn judge(network: &Network, head: &QHead, rollout: &Rollout, t: usize) -> Judgement {
    let mut choice = Choice::default();
    choice.make(network, head, &Samples::row(rollout, t));
    Judgement {
        value: choice.best(head).collect(),
        greedy_action: choice.action,
    }
}

/// The number of actions of a task for the learner `agent`.
///
/// # Errors
/// [`AgentError::ActionSpace`] if actions are not one choice.
pub(crate) fn discrete_actions(agent: &'static str, spec: &EnvSpec) -> Result<usize, AgentError> {
    match &spec.actions {
        ActionSpace::Discrete { n } => Ok(*n),
        other => Err(AgentError::ActionSpace {
            agent,
            env: spec.id.clone(),
            space: other.to_string(),
            needs: "a discrete one",
        }),
    }
}

/// One network values one stream, so all modules must join the task's.
///
/// # Errors
/// [`AgentError::Config`] naming the module whose mix is another.
pub(crate) fn refuse_other_mixes(stack: &RewardStack) -> Result<(), AgentError> {
    match stack.configs().find(|config| config.mix != Mix::Add) {
        None => Ok(()),
        Some(config) => Err(AgentError::Config {
            key: "reward.mix",
            value: format!("{:?} of reward `{}`", config.mix, config.name),
            remedy: "learners of action values have one stream; use mix = \"add\"".to_owned(),
        }),
    }
}
