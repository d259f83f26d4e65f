//! Two action values of which the smaller one counts (Fujimoto et al. 2018, section 4.2), and their targets.

use prospect_nets::{Device, Init, NamedTensors};
use prospect_sim::random::Generator;

use super::Spaces;
use crate::{
    config::NetworkSettings,
    error::{AgentError, finite},
    network::{Grads, Network},
    samples::Samples,
};

/// Two critics over observation and action side by side, each with a target network.
#[derive(Debug)]
pub(crate) struct TwinCritics {
    online: [Network; 2],
    target: [Network; 2],
    input: usize,
    actions: usize,
    joint: Vec<f32>,
    values: [Vec<f32>; 2],
}

/// What an update of the critics was like: means over the batch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct CriticLoss {
    /// Squared error of each.
    pub(crate) loss: [f64; 2],
    /// Value of each.
    pub(crate) value: [f64; 2],
}

impl CriticLoss {
    /// `qf1_values`, `qf2_values`, `qf1_loss`, `qf2_loss`, and `qf_loss`, the mean of both losses, as CleanRL logs them.
    pub(crate) fn values(&self) -> [f64; 5] {
        let [a, b] = self.loss;
        [self.value[0], self.value[1], a, b, 0.5 * (a + b)]
    }
}

impl TwinCritics {
    /// Networks named `qf1` and `qf2`, weights from streams of those names of the run's seed.
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the networks cannot be made.
    pub(crate) fn new(
        settings: &NetworkSettings,
        spaces: &Spaces,
        seed: u64,
        device: Device,
    ) -> Result<Self, AgentError> {
        let (actions, input) = (spaces.action(), spaces.observation() + spaces.action());
        let fields = [Samples::matrix_field(input)];
        let make = |name: &str| {
            let rng = &mut Generator::named(seed, &format!("agent/{name}"));
            Network::new(settings, &fields, name, (1, Init::KaimingUniform), rng, device)
        };
        let online = [make("qf1")?, make("qf2")?];
        Ok(Self {
            target: [online[0].twin(), online[1].twin()],
            online,
            input,
            actions,
            joint: Vec::new(),
            values: Default::default(),
        })
    }

    fn join(&mut self, observation: &[f32], action: &[f32]) {
        side_by_side(observation, action, self.actions, &mut self.joint);
    }

    /// The smaller one of the targets' values of each action, `[n]`.
    pub(crate) fn target_values(&mut self, observation: &[f32], action: &[f32], out: &mut Vec<f32>) {
        self.join(observation, action);
        let samples = Samples::matrix(&self.joint, self.input);
        let (values, networks) = (&mut self.values, self.target.iter());
        networks
            .zip(values)
            .for_each(|(network, values)| network.forward(&samples, values));
        self.take_smaller(out);
    }

    /// The smaller one of the critics' values of each action, `[n]`.
    pub(crate) fn values(&self, observation: &[f32], action: &[f32], out: &mut Vec<f32>) {
        let (mut joint, mut other) = (Vec::new(), Vec::new());
        side_by_side(observation, action, self.actions, &mut joint);
        let samples = Samples::matrix(&joint, self.input);
        self.online[0].forward(&samples, out);
        self.online[1].forward(&samples, &mut other);
        out.iter_mut()
            .zip(other)
            .for_each(|(value, other)| *value = value.min(other));
    }

    fn take_smaller(&self, out: &mut Vec<f32>) {
        let [first, second] = &self.values;
        out.clear();
        out.extend(first.iter().zip(second).map(|(a, b)| a.min(*b)));
    }

    /// One step of each critic's Adam down its squared error against `targets`, `[n]`.
    ///
    /// # Errors
    /// [`AgentError::NotFinite`] naming what is no number; [`AgentError::Nets`].
    pub(crate) fn learn(
        &mut self,
        observation: &[f32],
        action: &[f32],
        targets: &[f32],
        learning_rate: f64,
        step: u64,
    ) -> Result<CriticLoss, AgentError> {
        self.join(observation, action);
        let samples = Samples::matrix(&self.joint, self.input);
        let mut all = CriticLoss::default();
        for (i, network) in self.online.iter_mut().enumerate() {
            let norm = network.learn(&samples, learning_rate, |values, grad| {
                all.value[i] = mean(values);
                all.loss[i] = squared_error(values, targets, grad);
                finite(all.loss[i], || ["loss of qf1", "loss of qf2"][i], step)
            })?;
            finite(norm, || ["gradient of qf1", "gradient of qf2"][i], step)?;
        }
        Ok(all)
    }

    /// The gradient at the actions, `[n, actions]`, of minus the mean of the smaller value: what a policy goes down. Returns
    /// that mean.
    ///
    /// # Errors
    /// [`AgentError::NotFinite`] if it is no number; [`AgentError::Nets`].
    pub(crate) fn pessimist(
        &mut self,
        observation: &[f32],
        action: &[f32],
        step: u64,
        out: &mut Vec<f32>,
    ) -> Result<f64, AgentError> {
        self.join(observation, action);
        let samples = Samples::matrix(&self.joint, self.input);
        let [first, second] = &self.online;
        let (mut at_first, mut at_second, mut smaller) = (Vec::new(), Vec::new(), 0.0);
        let by_both = |a: &[f32], first_grad: &mut Grads| {
            let by_second = |b: &[f32], second_grad: &mut Grads| {
                smaller = pessimist_gradient(a, b, first_grad, second_grad);
                finite(smaller, || "value of the policy's actions", step)
            };
            second.input_gradient(&samples, by_second, &mut at_second)
        };
        first.input_gradient(&samples, by_both, &mut at_first)?;
        self.action_part(&at_first, &at_second, out);
        Ok(smaller)
    }

    /// The same by the first critic alone, as TD3 has it.
    ///
    /// # Errors
    /// As [`Self::pessimist`].
    pub(crate) fn by_first(
        &mut self,
        observation: &[f32],
        action: &[f32],
        step: u64,
        out: &mut Vec<f32>,
    ) -> Result<f64, AgentError> {
        self.join(observation, action);
        let samples = Samples::matrix(&self.joint, self.input);
        let (mut at_input, mut value) = (Vec::new(), 0.0);
        let loss = |values: &[f32], grad: &mut Grads| {
            value = mean(values);
            grad.resize(values.len(), -1.0 / values.len() as f32);
            finite(value, || "value of the policy's actions", step)
        };
        self.online[0].input_gradient(&samples, loss, &mut at_input)?;
        let none = vec![0.0; at_input.len()];
        self.action_part(&at_input, &none, out);
        Ok(value)
    }

    /// The sum of two gradients at the input, of which only that at the actions is kept.
    fn action_part(&self, first: &[f32], second: &[f32], out: &mut Vec<f32>) {
        out.clear();
        let rows = first
            .chunks_exact(self.input)
            .zip(second.chunks_exact(self.input));
        for (first, second) in rows {
            let at = self.input - self.actions;
            out.extend(first[at..].iter().zip(&second[at..]).map(|(a, b)| a + b));
        }
    }

    /// Moves the targets: `target = (1 - tau) target + tau online`.
    pub(crate) fn track(&mut self, tau: f64) {
        let pairs = self.target.iter_mut().zip(&self.online);
        pairs.for_each(|(target, online)| target.move_towards(online, tau));
    }

    /// Weights, moments and targets.
    pub(crate) fn store(&self, into: &mut NamedTensors) {
        for (online, target) in self.online.iter().zip(&self.target) {
            online.store(&format!("adam.{}.", online.name()), into);
            target.params().store("target.", into);
        }
    }

    /// The reverse of [`Self::store`].
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the tensors are of other networks.
    pub(crate) fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        for (online, target) in self.online.iter_mut().zip(&mut self.target) {
            let moments = format!("adam.{}.", online.name());
            online.restore(&moments, stored)?;
            target.params_mut().restore("target.", stored)?;
            target.refresh();
        }
        Ok(())
    }

    /// Whether they run without libtorch's graph.
    pub(crate) fn is_fused(&self) -> bool {
        self.online.iter().all(Network::is_fused)
    }
}

/// Rows of two matrices side by side: `[n, left]` and `[n, right_width]` to `[n, left + right_width]`.
fn side_by_side(left: &[f32], right: &[f32], right_width: usize, out: &mut Vec<f32>) {
    out.clear();
    let left_width = left.len() * right_width / right.len().max(1);
    let rows = left
        .chunks_exact(left_width.max(1))
        .zip(right.chunks_exact(right_width));
    rows.for_each(|(left, right)| {
        out.extend_from_slice(left);
        out.extend_from_slice(right);
    });
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len().max(1) as f64
}

/// `mean((value - target)^2)`, with its gradient at the values.
pub fn squared_error(values: &[f32], targets: &[f32], grad: &mut Vec<f32>) -> f64 {
    let n = values.len().max(1) as f32;
    grad.clear();
    let mut sum = 0.0;
    for (value, target) in values.iter().zip(targets) {
        let error = value - target;
        sum += f64::from(error) * f64::from(error);
        grad.push(2.0 * error / n);
    }
    sum / f64::from(n)
}

/// `mean(min(first, second))`; fills the gradient of its negative at the values of both, as `torch.min` has it: where they
/// are equal each gets half.
pub fn pessimist_gradient(
    first: &[f32],
    second: &[f32],
    first_grad: &mut Vec<f32>,
    second_grad: &mut Vec<f32>,
) -> f64 {
    let share = -1.0 / first.len().max(1) as f32;
    first_grad.clear();
    second_grad.clear();
    let mut sum = 0.0;
    for (a, b) in first.iter().zip(second) {
        let part = if a < b {
            1.0
        } else {
            0.5 * f32::from(u8::from(a == b))
        };
        first_grad.push(share * part);
        second_grad.push(share * (1.0 - part));
        sum += f64::from(a.min(*b));
    }
    sum / first.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_put_side_by_side() {
        let mut out = vec![];
        side_by_side(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0], 1, &mut out);
        assert_eq!(out, [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
    }

    #[test]
    fn the_smaller_value_gets_the_gradient() {
        let (mut first, mut second) = (vec![], vec![]);
        let value = pessimist_gradient(
            &[1.0, 5.0, 2.0, 0.0],
            &[2.0, 4.0, 2.0, 9.0],
            &mut first,
            &mut second,
        );
        assert_eq!(value, 1.75);
        assert_eq!(first, [-0.25, 0.0, -0.125, -0.25]);
        assert_eq!(second, [0.0, -0.25, -0.125, 0.0]);
    }
}
