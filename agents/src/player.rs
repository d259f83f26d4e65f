//! PPO's policy at play: how it draws actions, in training and outside of it.

use prospect_sim::{Rollout, random::Generator};

use crate::{
    distribution::Drawn,
    learner::{Play, Player},
    loss::mask_logits,
    mask,
    memory::clear_ended,
    ppo::Ppo,
    samples::Samples,
};

/// What a choice of actions goes through, in buffers that are kept.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    outputs: Vec<f32>,
    /// Outputs before masking; empty without masks.
    unmasked: Vec<f32>,
    log_std: Vec<f32>,
    pub(crate) drawn: Drawn,
}

impl Ppo {
    /// Row `t` of some rollout as the networks read it.
    pub(crate) fn look<'a>(
        &self,
        rollout: &'a Rollout,
        t: usize,
        whitened: &'a mut Option<Rollout>,
    ) -> Samples<'a> {
        match &self.observations {
            Some(observations) => observations.whiten_row(rollout, t, whitened),
            None => Samples::row(rollout, t),
        }
    }

    /// What its actors may choose at state row `t`, `[K, outputs]`; none without masks.
    pub(crate) fn mask<'a>(&self, rollout: &'a Rollout, t: usize) -> Option<&'a [bool]> {
        mask::row(self.config(), self.distribution.outputs(), rollout, t)
    }

    /// Draws actions for `samples`, whose states move on.
    pub(crate) fn choose(
        &self,
        samples: &Samples<'_>,
        mask: Option<&[bool]>,
        state: &mut Vec<f32>,
        play: Play,
        rng: &mut Generator,
        choice: &mut Choice,
    ) {
        self.actor_critic
            .outputs_with(samples, state, &mut choice.outputs);
        self.actor_critic.log_std(&mut choice.log_std);
        if let Some(mask) = mask {
            choice.unmasked.clone_from(&choice.outputs);
            mask_logits(&mut choice.outputs, mask);
        }
        let (outputs, log_std) = (&choice.outputs, &choice.log_std);
        self.distribution
            .draw(outputs, log_std, play, rng, &mut choice.drawn);
    }
}

/// The policy at play outside of training.
pub(crate) struct PpoPlayer<'a> {
    ppo: &'a Ppo,
    play: Play,
    rng: Generator,
    state: Vec<f32>,
    choice: Choice,
    whitened: Option<Rollout>,
}

impl<'a> PpoPlayer<'a> {
    /// Of `actors`, whose memories are empty.
    pub(crate) fn new(ppo: &'a Ppo, actors: usize, play: Play, rng: Generator) -> Self {
        Self {
            ppo,
            play,
            rng,
            state: ppo.actor_critic.fresh_state(actors).policy,
            choice: Choice::default(),
            whitened: None,
        }
    }
}

impl Player for PpoPlayer<'_> {
    fn outputs(&self) -> &[f32] {
        if self.choice.unmasked.is_empty() {
            &self.choice.outputs
        } else {
            &self.choice.unmasked
        }
    }

    fn act(&mut self, rollout: &mut Rollout, t: usize) {
        let ppo = self.ppo;
        let samples = ppo.look(rollout, t, &mut self.whitened);
        let (mask, choice) = (ppo.mask(rollout, t), &mut self.choice);
        ppo.choose(&samples, mask, &mut self.state, self.play, &mut self.rng, choice);
        ppo.distribution.write(&choice.drawn, rollout, t);
    }

    fn observe(&mut self, rollout: &Rollout, t: usize) {
        clear_ended(&mut self.state, rollout, t);
    }
}
