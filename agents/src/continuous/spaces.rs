//! Observations and actions of an env as the matrices that networks read and write.

use prospect_nets::{Encoder, EncoderConfig, Init, NamedTensors, ParamBuilder, PartDescription};
use prospect_sim::{ActionSpace, Dtype, EnvSpec, Field, Rollout, random::Generator};

use crate::{
    config::NetworkSettings,
    error::AgentError,
    export::{Description, Export, HeadDescription, NetworkDescription},
    learner::LearnerInit,
    network::Network,
    samples::Samples,
};

/// All real components of an observation side by side; actions between -1 and 1, which are stretched to the env's bounds.
#[derive(Debug, Clone)]
pub(crate) struct Spaces {
    spec: EnvSpec,
    /// Real components of the observation and their widths.
    parts: Vec<(usize, usize)>,
    observation: usize,
    description: Vec<PartDescription>,
    low: Vec<f32>,
    half: Vec<f32>,
}

impl Spaces {
    /// Those of an env; `agent` is named in errors.
    ///
    /// # Errors
    /// [`AgentError::ActionSpace`] if actions are not continuous and bounded; [`AgentError::Nets`] if nothing in the
    /// observation is real.
    pub(crate) fn new(agent: &'static str, spec: &EnvSpec) -> Result<Self, AgentError> {
        let (low, high) = bounds(agent, spec)?;
        let is_real = |(_, field): &(usize, &Field)| field.dtype == Dtype::F32;
        let real: Vec<(usize, &Field)> = spec.observation.iter().enumerate().filter(is_real).collect();
        let flat = EncoderConfig::Flat {
            scale: 1.0,
            components: real.iter().map(|(_, field)| field.name.clone()).collect(),
        };
        // An encoder without parameters, for what it says about itself and about observations that do not fit.
        let unused = &mut Generator::named(0, "agent/spaces");
        let encoder = Encoder::new(
            &mut ParamBuilder::new(),
            "spaces",
            &flat,
            &spec.observation,
            unused,
        )?;
        Ok(Self {
            spec: spec.clone(),
            parts: real.iter().map(|(i, field)| (*i, field.width())).collect(),
            observation: encoder.width(),
            description: encoder.describe(&spec.observation),
            half: low
                .iter()
                .zip(high)
                .map(|(low, high)| 0.5 * (high - low))
                .collect(),
            low: low.to_vec(),
        })
    }

    /// Numbers of an observation.
    pub(crate) fn observation(&self) -> usize {
        self.observation
    }

    /// Numbers of an action.
    pub(crate) fn action(&self) -> usize {
        self.low.len()
    }

    /// State row `t` of a rollout, `[K, observation]`.
    pub(crate) fn read(&self, rollout: &Rollout, t: usize, out: &mut Vec<f32>) {
        out.clear();
        out.resize(rollout.actors() * self.observation, 0.0);
        let mut at = 0;
        for &(component, width) in &self.parts {
            let values = rollout.observation_row(component, t).as_f32().unwrap_or(&[]);
            let rows = out
                .chunks_exact_mut(self.observation)
                .zip(values.chunks_exact(width));
            rows.for_each(|(to, from)| to[at..at + width].copy_from_slice(from));
            at += width;
        }
    }

    /// `observation` as samples of a network over it.
    pub(crate) fn samples<'a>(&self, observation: &'a [f32]) -> Samples<'a> {
        Samples::matrix(observation, self.observation)
    }

    /// Networks' actions `[n, action]` as the env's.
    pub(crate) fn stretch(&self, from: &[f32], to: &mut [f32]) {
        let width = self.action();
        for (to, from) in to.chunks_exact_mut(width).zip(from.chunks_exact(width)) {
            let bounds = self.low.iter().zip(&self.half);
            for ((to, from), (low, half)) in to.iter_mut().zip(from).zip(bounds) {
                *to = low + half * (from + 1.0);
            }
        }
    }

    /// The reverse of [`Self::stretch`].
    pub(crate) fn shrink(&self, from: &[f32], to: &mut Vec<f32>) {
        to.clear();
        for from in from.chunks_exact(self.action()) {
            let bounds = self.low.iter().zip(&self.half);
            to.extend(
                from.iter()
                    .zip(bounds)
                    .map(|(from, (low, half))| (from - low) / half - 1.0),
            );
        }
    }

    /// A policy's network named `actor` over observations, with `outputs` outputs and weights from the stream `agent/actor`.
    ///
    /// # Errors
    /// [`AgentError::Nets`] if it cannot be made.
    pub(crate) fn actor(
        &self,
        settings: &NetworkSettings,
        outputs: usize,
        init: &LearnerInit<'_>,
    ) -> Result<Network, AgentError> {
        Network::new(
            settings,
            &[Samples::matrix_field(self.observation)],
            "actor",
            (outputs, Init::KaimingUniform),
            &mut Generator::named(init.seed, "agent/actor"),
            init.device,
        )
    }

    /// A policy's network for other programs.
    pub(crate) fn export(&self, agent: &str, actor: &Network, head: HeadDescription) -> Export {
        let network = NetworkDescription {
            encoder: self.description.clone(),
            ..actor.describe(&[Samples::matrix_field(self.observation)])
        };
        let mut weights = NamedTensors::new();
        actor.params().store("", &mut weights);
        Export {
            description: Description::new(agent, &self.spec, network, head),
            weights,
        }
    }
}

fn bounds<'a>(agent: &'static str, spec: &'a EnvSpec) -> Result<(&'a [f32], &'a [f32]), AgentError> {
    if let ActionSpace::Continuous { low, high } = &spec.actions {
        let is_bounded = |(low, high): (&f32, &f32)| low.is_finite() && high.is_finite() && low < high;
        if !low.is_empty() && low.iter().zip(high).all(is_bounded) {
            return Ok((low, high));
        }
    }
    Err(AgentError::ActionSpace {
        agent,
        env: spec.id.clone(),
        space: spec.actions.to_string(),
        needs: "a continuous one with finite bounds",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(actions: ActionSpace, observation: Dtype) -> EnvSpec {
        EnvSpec {
            id: "Box-v0".to_owned(),
            family: "Box".to_owned(),
            doc: String::new(),
            observation: vec![Field::new("observation", observation, &[3], -1.0, 1.0)],
            actions,
            action_names: vec![],
            max_steps: None,
            reward_range: (0.0, 1.0),
            agents_per_env: 1,
            facts: vec![],
        }
    }

    fn bounded() -> ActionSpace {
        ActionSpace::Continuous {
            low: vec![-2.0, 0.0],
            high: vec![2.0, 1.0],
        }
    }

    #[test]
    fn actions_fill_the_bounds_and_come_back() {
        let spaces = Spaces::new("sac", &spec(bounded(), Dtype::F32)).unwrap();
        assert_eq!((spaces.observation(), spaces.action()), (3, 2));
        let ours = [-1.0, -1.0, 1.0, 1.0, 0.5, -0.5];
        let (mut theirs, mut back) = ([0.0; 6], vec![]);
        spaces.stretch(&ours, &mut theirs);
        assert_eq!(theirs, [-2.0, 0.0, 2.0, 1.0, 1.0, 0.25]);
        spaces.shrink(&theirs, &mut back);
        assert_eq!(back, ours);
    }

    #[test]
    fn spaces_that_do_not_fit_are_refused() {
        let infinite = ActionSpace::Continuous {
            low: vec![-1.0],
            high: vec![f32::INFINITY],
        };
        for space in [infinite, ActionSpace::Discrete { n: 3 }] {
            let printed = space.to_string();
            let message = Spaces::new("td3", &spec(space, Dtype::F32))
                .unwrap_err()
                .to_string();
            assert!(
                message.contains(&printed) && message.contains("td3") && message.contains("finite bounds"),
                "{message}"
            );
        }
        assert!(Spaces::new("sac", &spec(bounded(), Dtype::Text)).is_err());
    }
}
