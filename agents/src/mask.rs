//! Invalid-action masks: a state fact of the task that says what each actor may choose.

use prospect_sim::{ActionSpace, Dtype, Rollout, RowLayout};

use crate::{
    config::{ACTION_MASK, PpoConfig},
    distribution::Distribution,
    error::AgentError,
};

/// Refuses masks that the task does not have.
///
/// # Errors
/// [`AgentError::Config`].
pub(crate) fn check(config: &PpoConfig, layout: &RowLayout) -> Result<(), AgentError> {
    if !config.mask_actions {
        return Ok(());
    }
    let options = match &layout.actions {
        ActionSpace::Discrete { n } => *n,
        ActionSpace::MultiDiscrete { nvec } => nvec.iter().sum(),
        ActionSpace::Continuous { .. } => 0,
    };
    let fact = layout.state_fact(ACTION_MASK).map(|i| &layout.state_facts[i]);
    if fact.is_some_and(|fact| fact.width() == options && fact.dtype == Dtype::Bool) {
        return Ok(());
    }
    Err(AgentError::Config {
        key: "agent.mask_actions",
        value: "true".to_owned(),
        remedy: format!(
            "the task has no state fact {ACTION_MASK} of one truth value per option of {}; use false",
            layout.actions
        ),
    })
}

/// What the actors may choose at state row `t`, `[K, outputs]`; none if the task is not asked for masks.
pub(crate) fn row<'a>(
    config: &PpoConfig,
    outputs: usize,
    rollout: &'a Rollout,
    t: usize,
) -> Option<&'a [bool]> {
    if !config.mask_actions {
        return None;
    }
    let fact = rollout.layout().state_fact(ACTION_MASK)?;
    let width = rollout.actors() * outputs;
    rollout
        .state_fact(fact)
        .slice(t * width..(t + 1) * width)
        .as_bool()
}

/// The first actor one of whose choices is allowed nothing.
pub(crate) fn stuck(mask: &[bool], distribution: &Distribution) -> Option<usize> {
    let Distribution::Choices { nvec } = distribution else {
        return None;
    };
    mask.chunks_exact(distribution.outputs()).position(|mut row| {
        nvec.iter().any(|&n| {
            let (options, rest) = row.split_at(n);
            row = rest;
            !options.contains(&true)
        })
    })
}
