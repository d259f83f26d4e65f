//! What libtorch alone would have to do for a run file's learner: the yardstick of `prospect bench train`.

use prospect_agents::{
    AgentConfig, DqnConfig, PpoConfig, PqnConfig,
    config::{EncoderKind, MemoryKind},
};
use prospect_nets::ceiling::{CeilingConfig, NetShape, UpdateWork};
use prospect_sim::{ActionSpace, Dtype, EnvSpec, Field};

use crate::config::RunFile;

/// The work per turn of a learner with fully connected networks on the flat observation; none for other networks, for
/// action spaces that are neither discrete nor continuous, and with reward modules.
pub(super) fn libtorch_work(file: &RunFile, spec: &EnvSpec) -> Option<CeilingConfig> {
    if !file.rewards.is_empty() {
        return None;
    }
    let fields = spec.observation.iter().filter(|field| field.dtype != Dtype::Text);
    let inputs = fields.map(Field::width).sum();
    let n_envs = file.env.n_envs;
    match (&file.agent, discrete(spec), continuous(spec)) {
        (AgentConfig::Ppo(agent), Some(n), _)
            if agent.encoder == EncoderKind::Flat && agent.memory == MemoryKind::None =>
        {
            Some(ppo(agent, n_envs, inputs, n))
        }
        (AgentConfig::Dqn(agent), Some(n), _) if agent.encoder == EncoderKind::Flat => {
            Some(dqn(agent, n_envs, inputs, n))
        }
        (AgentConfig::Pqn(agent), Some(n), _) if agent.encoder == EncoderKind::Flat => {
            Some(pqn(agent, n_envs, inputs, n))
        }
        (AgentConfig::Sac(agent), _, Some(n)) => Some(
            ActorCritics {
                hidden: &agent.hidden,
                outputs: 2 * n,
                asked: 2,
                turn: (n_envs, agent.train_frequency, agent.gradient_steps),
                batch_size: agent.batch_size,
                policy_frequency: 1.0,
            }
            .work(inputs, n),
        ),
        (AgentConfig::Td3(agent), _, Some(n)) => Some(
            ActorCritics {
                hidden: &agent.hidden,
                outputs: n,
                asked: 1,
                turn: (n_envs, agent.train_frequency, agent.gradient_steps),
                batch_size: agent.batch_size,
                policy_frequency: 1.0 / agent.policy_frequency as f64,
            }
            .work(inputs, n),
        ),
        _ => None,
    }
}

fn discrete(spec: &EnvSpec) -> Option<usize> {
    match spec.actions {
        ActionSpace::Discrete { n } => Some(n),
        _ => None,
    }
}

fn continuous(spec: &EnvSpec) -> Option<usize> {
    match &spec.actions {
        ActionSpace::Continuous { low, .. } => Some(low.len()),
        _ => None,
    }
}

fn net(inputs: usize, hidden: &[usize], heads: Vec<usize>) -> NetShape {
    NetShape {
        inputs,
        hidden: hidden.to_vec(),
        heads,
    }
}

fn ppo(agent: &PpoConfig, n_envs: usize, inputs: usize, n_actions: usize) -> CeilingConfig {
    let net = |heads: Vec<usize>| net(inputs, &agent.hidden, heads);
    let nets = if agent.shared_trunk {
        vec![net(vec![n_actions, 1])]
    } else {
        vec![net(vec![n_actions]), net(vec![1])]
    };
    let samples = n_envs * agent.rollout_steps;
    let minibatch_size = agent.minibatch(samples);
    CeilingConfig {
        acting: nets.clone(),
        n_envs,
        rollout_steps: agent.rollout_steps,
        minibatch_size,
        updates: vec![UpdateWork {
            nets,
            passes: vec![],
            times: (agent.update_epochs * samples.div_ceil(minibatch_size)) as f64,
        }],
    }
}

fn dqn(agent: &DqnConfig, n_envs: usize, inputs: usize, n_actions: usize) -> CeilingConfig {
    let outputs = (n_actions + usize::from(agent.dueling)) * agent.returns().atoms();
    let net = net(inputs, &agent.hidden, vec![outputs]);
    CeilingConfig {
        acting: vec![net.clone()],
        n_envs,
        rollout_steps: agent.train_frequency,
        minibatch_size: agent.batch_size,
        updates: vec![UpdateWork {
            passes: vec![net.clone(); 1 + usize::from(agent.double)],
            nets: vec![net],
            times: agent.gradient_steps as f64,
        }],
    }
}

/// Without its layer normalisation.
fn pqn(agent: &PqnConfig, n_envs: usize, inputs: usize, n_actions: usize) -> CeilingConfig {
    let net = net(inputs, &agent.hidden, vec![n_actions]);
    CeilingConfig {
        acting: vec![net.clone()],
        n_envs,
        rollout_steps: agent.rollout_steps,
        minibatch_size: (n_envs * agent.rollout_steps).div_ceil(agent.n_minibatches),
        updates: vec![UpdateWork {
            nets: vec![net],
            passes: vec![],
            times: (agent.update_epochs * agent.n_minibatches) as f64,
        }],
    }
}

/// What SAC and TD3 have in common.
struct ActorCritics<'a> {
    hidden: &'a [usize],
    /// Of the policy.
    outputs: usize,
    /// Critics that the policy's update asks.
    asked: usize,
    /// Envs, steps of each per turn, and updates per turn (-1: as many as env steps).
    turn: (usize, usize, i64),
    batch_size: usize,
    /// Updates of the policy per update of the critics.
    policy_frequency: f64,
}

impl ActorCritics<'_> {
    fn work(&self, inputs: usize, n_actions: usize) -> CeilingConfig {
        let policy = net(inputs, self.hidden, vec![self.outputs]);
        let critic = net(inputs + n_actions, self.hidden, vec![1]);
        let (n_envs, rollout_steps, updates) = self.turn;
        let updates = usize::try_from(updates).unwrap_or(n_envs * rollout_steps) as f64;
        let critics = UpdateWork {
            nets: vec![critic.clone(); 2],
            passes: vec![policy.clone(), critic.clone(), critic.clone()],
            times: updates,
        };
        // The gradient through a critic costs about another pass.
        let policy_update = UpdateWork {
            nets: vec![policy.clone()],
            passes: vec![critic; 2 * self.asked],
            times: updates * self.policy_frequency,
        };
        CeilingConfig {
            acting: vec![policy],
            n_envs,
            rollout_steps,
            minibatch_size: self.batch_size,
            updates: vec![critics, policy_update],
        }
    }
}
