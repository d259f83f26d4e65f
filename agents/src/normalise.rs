//! Running normalisation of what a learner reads: observations whitened, rewards divided by the spread of their returns.
//!
//! Details 6 to 9 of the nine for continuous actions in Huang et al. 2022; Gymnasium's `NormalizeObservation` and
//! `NormalizeReward`. Statistics move only in training: players and judgements use them as they stand.

use prospect_nets::{
    NamedTensors, PartDescription,
    normalise::{RunningMoments, TINY, Whitener},
};
use prospect_sim::{ActionSpace, Dtype, Field, Rollout, RowLayout, Slice};
use serde::{Deserialize, Serialize};

use crate::{
    config::EncoderKind, error::AgentError, export::WhiteningDescription, samples::Samples, streams,
};

/// Whitened observations and rewards are clipped to plus and minus this (both libraries' default).
const CLIP: f64 = 10.0;

/// Whitens observations: all components that are numbers side by side, members of discrete spaces as one-hot codes.
///
/// It keeps a copy of the rollout, whitened as it was when the policy acted on it, which the networks read instead.
#[derive(Debug)]
pub struct ObservationNormaliser {
    /// Components and how many values each becomes.
    parts: Vec<(usize, usize)>,
    /// The components of the observation.
    source: Vec<Field>,
    whitener: Whitener,
    layout: RowLayout,
    whitened: Rollout,
}

impl ObservationNormaliser {
    /// For observations of `layout`.
    ///
    /// # Errors
    /// [`AgentError::Config`] if the encoder reads an image as an image, or if there are no numbers.
    pub fn new(layout: &RowLayout, encoder: EncoderKind) -> Result<Self, AgentError> {
        let refuse = |remedy: &str| {
            Err(AgentError::Config {
                key: "agent.norm_obs",
                value: "true".to_owned(),
                remedy: remedy.to_owned(),
            })
        };
        let fields = &layout.observation;
        let has_image = fields
            .iter()
            .any(|field| field.dtype == Dtype::U8 && field.shape.len() == 3);
        if has_image && encoder != EncoderKind::Flat {
            return refuse(
                "an image is not whitened; use encoder = \"flat\" to read it as numbers, or norm_obs = false",
            );
        }
        let is_several = |field: &&Field| field.dtype == Dtype::Index && field.width() != 1;
        if let Some(field) = fields.iter().find(is_several) {
            let name = &field.name;
            return refuse(&format!(
                "`{name}` has several discrete members, which are not whitened; use false"
            ));
        }
        let numbered = fields.iter().enumerate();
        let parts: Vec<(usize, usize)> = numbered
            .filter_map(|(i, field)| codes(field).map(|width| (i, width)))
            .collect();
        let width = parts.iter().map(|(_, width)| width).sum();
        if width == 0 {
            return refuse("the observation has no numbers; use false");
        }
        let layout = RowLayout {
            observation: vec![Field::new("whitened", Dtype::F32, &[width], -CLIP, CLIP)],
            state_facts: Vec::new(),
            event_facts: Vec::new(),
            actions: ActionSpace::Discrete { n: 1 },
            ..layout.clone()
        };
        Ok(Self {
            parts,
            source: fields.clone(),
            whitener: Whitener::new(width, CLIP),
            whitened: Rollout::new(&layout, 0),
            layout,
        })
    }

    /// The one component that networks read.
    pub fn fields(&self) -> &[Field] {
        &self.layout.observation
    }

    /// What it does, for an export.
    pub fn describe(&self) -> WhiteningDescription {
        let part = |&(i, n): &(usize, usize)| {
            let field = &self.source[i];
            let component = field.name.clone();
            match field.dtype {
                Dtype::Index => PartDescription::Index {
                    component,
                    low: field.low as i64,
                    n: n as i64,
                },
                _ => PartDescription::Values {
                    component,
                    scale: 1.0,
                },
            }
        };
        WhiteningDescription {
            parts: self.parts.iter().map(part).collect(),
            component: self.layout.observation[0].name.clone(),
            mean: "observation.mean".to_owned(),
            std: "observation.std".to_owned(),
            epsilon: TINY,
            clip: CLIP,
        }
    }

    /// The whitened copy of the rollout in the making.
    pub fn whitened(&self) -> &Rollout {
        &self.whitened
    }

    /// Takes row `t` of a training rollout into the statistics, then whitens it into the copy.
    pub fn record(&mut self, rollout: &Rollout, t: usize) {
        if self.whitened.n_steps() != rollout.n_steps() {
            self.whitened = Rollout::new(&self.layout, rollout.n_steps());
        }
        let mut values = self.read_row(rollout, t);
        self.whitener.update(&values);
        self.whitener.whiten(&mut values);
        write_row(&mut self.whitened, t, &values);
    }

    /// Whitens what the copy of a full rollout lacks: its last row, final observations and flags.
    pub fn complete(&mut self, rollout: &Rollout) {
        let (steps, k) = (rollout.n_steps(), rollout.actors());
        let mut values = self.read_row(rollout, steps);
        self.whitener.whiten(&mut values);
        write_row(&mut self.whitened, steps, &values);
        for t in 0..steps {
            let at = t * k..(t + 1) * k;
            let ended = (0..k).any(|actor| rollout.ended(t, actor));
            let mut values = Vec::new();
            if ended {
                let slices = rollout.layout().observation.iter().enumerate();
                let slices: Vec<_> = slices
                    .map(|(i, field)| {
                        let stride = field.width() * k;
                        rollout.final_observation(i).slice(t * stride..(t + 1) * stride)
                    })
                    .collect();
                values = self.read(rollout.layout(), &slices, k);
                self.whitener.whiten(&mut values);
            }
            let (_, row) = self.whitened.step_mut(t);
            row.terminated.copy_from_slice(&rollout.terminated()[at.clone()]);
            row.truncated.copy_from_slice(&rollout.truncated()[at.clone()]);
            row.alive.copy_from_slice(&rollout.alive()[at]);
            let mut last = row.last;
            if let (true, Some(to)) = (ended, last.observation[0].data.as_f32()) {
                to.copy_from_slice(&values);
            }
        }
    }

    /// The whitened observations of row `t` of some rollout, as the only row of `into`.
    pub fn whiten_row<'a>(&self, rollout: &Rollout, t: usize, into: &'a mut Option<Rollout>) -> Samples<'a> {
        let layout = RowLayout {
            n_envs: rollout.layout().n_envs,
            ..self.layout.clone()
        };
        let into = into.get_or_insert_with(|| Rollout::new(&layout, 0));
        let mut values = self.read_row(rollout, t);
        self.whitener.whiten(&mut values);
        write_row(into, 0, &values);
        Samples::row(into, 0)
    }

    /// The whitened copy of a whole rollout of another source, such as demonstrations. Statistics stay as they are.
    pub fn whiten_all(&self, rollout: &Rollout) -> Rollout {
        let mut copy = Self {
            parts: self.parts.clone(),
            source: self.source.clone(),
            whitener: self.whitener.clone(),
            layout: rollout_layout(&self.layout, rollout),
            whitened: Rollout::new(&rollout_layout(&self.layout, rollout), rollout.n_steps()),
        };
        for t in 0..rollout.n_steps() {
            let mut values = copy.read_row(rollout, t);
            copy.whitener.whiten(&mut values);
            write_row(&mut copy.whitened, t, &values);
        }
        copy.complete(rollout);
        copy.whitened
    }

    /// Takes all rows of a rollout of another source into the statistics.
    pub fn learn_from(&mut self, rollout: &Rollout) {
        for t in 0..rollout.n_steps() {
            let values = self.read_row(rollout, t);
            self.whitener.update(&values);
        }
    }

    fn read_row(&self, rollout: &Rollout, t: usize) -> Vec<f32> {
        let components = 0..rollout.layout().observation.len();
        let slices: Vec<_> = components.map(|i| rollout.observation_row(i, t)).collect();
        self.read(rollout.layout(), &slices, rollout.actors())
    }

    /// Values of `n` observations side by side, `[n, width]`.
    fn read(&self, layout: &RowLayout, slices: &[Slice<'_>], n: usize) -> Vec<f32> {
        let mut out = Vec::with_capacity(n * self.layout.observation[0].width());
        for actor in 0..n {
            for &(i, width) in &self.parts {
                let field = &layout.observation[i];
                let value = |at: usize| slices[i].get_f64(at) as f32;
                if field.dtype == Dtype::Index {
                    let member = (value(actor) - field.low as f32) as usize;
                    out.extend((0..width).map(|j| f32::from(u8::from(j == member))));
                } else {
                    out.extend((actor * width..(actor + 1) * width).map(value));
                }
            }
        }
        out
    }

    /// The statistics, to the last bit, and as the tensors `observation.mean` and `observation.std` that a reader of the
    /// weights needs.
    pub fn store(&self, into: &mut NamedTensors) {
        let moments = self.whitener.moments();
        let width = [moments.width() as i64];
        let std = |i: usize| moments.std(i) as f32;
        into.push(
            "observation.mean",
            &width,
            moments.mean().iter().map(|&x| x as f32).collect(),
        );
        into.push("observation.std", &width, (0..moments.width()).map(std).collect());
        streams::store_statistics(into, "observation", &self.whitener);
    }

    /// The reverse of [`Self::store`].
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the statistics are missing or damaged.
    pub fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.whitener = streams::restore_statistics(stored, "observation")?;
        Ok(())
    }
}

/// How many values a component becomes; none if it is a text.
fn codes(field: &Field) -> Option<usize> {
    match field.dtype {
        Dtype::Text => None,
        Dtype::Index => Some((field.high - field.low) as usize + 1),
        _ => Some(field.width()),
    }
}

fn rollout_layout(layout: &RowLayout, rollout: &Rollout) -> RowLayout {
    RowLayout {
        n_envs: rollout.layout().n_envs,
        ..layout.clone()
    }
}

fn write_row(rollout: &mut Rollout, t: usize, values: &[f32]) {
    let mut row = match t.checked_sub(1) {
        None => rollout.first_row_mut(),
        Some(before) => rollout.step_mut(before).1.next,
    };
    if let Some(to) = row.observation[0].data.as_f32() {
        to.copy_from_slice(values);
    }
}

/// Divides rewards by the standard deviation of the discounted returns seen so far, step by step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewardScaler {
    gamma: f64,
    /// Each actor's discounted sum of past rewards.
    returns: Vec<f64>,
    moments: RunningMoments,
}

/// Keeps the division finite (both libraries' default).
const EPSILON: f64 = 1e-8;

impl RewardScaler {
    /// Nothing seen yet.
    pub fn new(gamma: f64, actors: usize) -> Self {
        Self {
            gamma,
            returns: vec![0.0; actors],
            moments: RunningMoments::new(1),
        }
    }

    /// Scales the rewards `[T, K]` of a rollout in place: `R = gamma R + r` of all actors enters the statistics, then
    /// `r / sqrt(Var R + 1e-8)` is clipped to ±10; `R` starts again where an episode ends.
    pub fn scale(&mut self, reward: &mut [f32], rollout: &Rollout) {
        let k = rollout.actors();
        for (t, row) in reward.chunks_exact_mut(k).enumerate() {
            let alive = &rollout.alive()[t * k..(t + 1) * k];
            for ((sum, reward), _) in self.returns.iter_mut().zip(&*row).zip(alive).filter(|(_, a)| **a) {
                *sum = self.gamma * *sum + f64::from(*reward);
            }
            let counted = self.returns.iter().zip(alive).filter(|(_, alive)| **alive);
            let counted: Vec<f64> = counted.map(|(sum, _)| *sum).collect();
            self.moments.update_f64(&counted);
            let scale = 1.0 / (self.moments.variance(0) + EPSILON).sqrt();
            for (actor, reward) in row.iter_mut().enumerate() {
                *reward = (f64::from(*reward) * scale).clamp(-CLIP, CLIP) as f32;
                if rollout.ended(t, actor) {
                    self.returns[actor] = 0.0;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prospect_sim::SliceMut;

    use super::*;

    fn layout() -> RowLayout {
        RowLayout {
            n_envs: 2,
            agents_per_env: 1,
            observation: vec![
                Field::new("position", Dtype::F32, &[1], -1.0, 1.0),
                Field::new("heading", Dtype::Index, &[], 1.0, 3.0),
                Field::new("mission", Dtype::Text, &[], 0.0, 3.0),
            ],
            state_facts: vec![],
            event_facts: vec![],
            actions: ActionSpace::Discrete { n: 2 },
        }
    }

    fn fill(rollout: &mut Rollout, component: usize, values: &[f64]) {
        let mut row = rollout.first_row_mut();
        let data: &mut SliceMut<'_> = &mut row.observation[component].data;
        values.iter().enumerate().for_each(|(i, x)| data.set_f64(i, *x));
    }

    #[test]
    fn numbers_are_whitened_and_members_become_codes() {
        let mut rollout = Rollout::new(&layout(), 1);
        fill(&mut rollout, 0, &[1.0, 3.0]);
        fill(&mut rollout, 1, &[1.0, 3.0]);
        let mut normaliser = ObservationNormaliser::new(&layout(), EncoderKind::Auto).unwrap();
        normaliser.record(&rollout, 0);
        // Position: mean 2, deviation 1. Codes: columns 1, 0 (never set) and 0, 1, each of mean 1/2 and deviation 1/2.
        let whitened = normaliser.whitened().observation_row(0, 0);
        let found = whitened.as_f32().unwrap();
        for (a, b) in found.iter().zip([-1.0, 1.0, 0.0, -1.0, 1.0, -1.0, 0.0, 1.0]) {
            assert!((a - b).abs() < 1e-6, "{found:?}");
        }
        // Looking changes nothing; values far off are clipped.
        fill(&mut rollout, 0, &[1000.0, 2.0]);
        let before = normaliser.whitener.clone();
        let mut one = None;
        let seen = normaliser.whiten_row(&rollout, 0, &mut one);
        assert_eq!(seen.slice(0).as_f32().unwrap()[0], 10.0);
        assert_eq!(normaliser.whitener, before);
    }

    #[test]
    fn images_are_refused_with_a_remedy() {
        let mut layout = layout();
        layout.observation[0] = Field::new("image", Dtype::U8, &[7, 7, 3], 0.0, 255.0);
        let error = ObservationNormaliser::new(&layout, EncoderKind::Auto).unwrap_err();
        assert!(error.to_string().contains("encoder = \"flat\""), "{error}");
        assert!(ObservationNormaliser::new(&layout, EncoderKind::Flat).is_ok());
        layout.observation[1].shape = vec![2];
        let error = ObservationNormaliser::new(&layout, EncoderKind::Flat).unwrap_err();
        assert!(error.to_string().contains("`heading`"), "{error}");
    }

    #[test]
    fn rewards_are_divided_by_the_spread_of_returns() {
        let mut rollout = Rollout::new(&layout(), 2);
        rollout.step_mut(0).1.terminated[1] = true;
        let mut scaler = RewardScaler::new(0.5, 2);
        let mut reward = [1.0, 3.0, 1.0, 1.0];
        scaler.scale(&mut reward, &rollout);
        // Returns 1 and 3: variance 1. Then 0.5 + 1 and, after the end, 1: of 1, 3, 1.5, 1 the variance is 0.671875.
        assert!((reward[0] - 1.0).abs() < 1e-6 && (reward[1] - 3.0).abs() < 1e-6);
        let second = 1.0 / 0.671_875_f32.sqrt();
        assert!(
            (reward[2] - second).abs() < 1e-6 && (reward[3] - second).abs() < 1e-6,
            "{reward:?}"
        );
        let mut zero = [0.0; 4];
        RewardScaler::new(0.9, 2).scale(&mut zero, &rollout);
        assert_eq!(zero, [0.0; 4]);
    }
}
