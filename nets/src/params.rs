//! Parameters: named tensors that are views of one flat array per set.
//!
//! A network's layers hold [`ParamId`]s, not tensors: the same layers run on any set of the same making, such as a target
//! network's copy. Because a set is one array, collecting gradients, clipping by their global norm and an optimiser's step
//! are each one pass over memory.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use crate::{
    error::NetsError,
    named::NamedTensors,
    raw,
    sequence::{self, SequencePass},
};

/// Values between the beginnings of parameters: keeps each aligned to 64 bytes.
const ALIGN: usize = 16;

/// A parameter of a [`ParamSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParamId(usize);

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    name: String,
    shape: Vec<i64>,
    range: Range<usize>,
}

/// Collects a network's parameters before they get their place in memory.
#[derive(Debug, Default)]
pub struct ParamBuilder {
    entries: Vec<Entry>,
    values: Vec<f32>,
}

impl ParamBuilder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter with its first values, row-major.
    ///
    /// # Panics
    /// If the name is taken or the values do not fill the shape: mistakes in a network's code.
    pub fn add(&mut self, name: impl Into<String>, shape: &[i64], values: &[f32]) -> ParamId {
        let name = name.into();
        assert!(
            self.entries.iter().all(|entry| entry.name != name),
            "parameter {name} is there twice"
        );
        assert_eq!(
            shape.iter().product::<i64>(),
            values.len() as i64,
            "parameter {name}: values do not fill {shape:?}"
        );
        let begin = self.values.len().next_multiple_of(ALIGN);
        self.values.resize(begin, 0.0);
        self.values.extend_from_slice(values);
        self.entries.push(Entry {
            name,
            shape: shape.to_vec(),
            range: begin..begin + values.len(),
        });
        ParamId(self.entries.len() - 1)
    }

    /// The set, on `device`.
    pub fn build(self, device: Device) -> ParamSet {
        let flat = Tensor::from_slice(&self.values).to_device(device);
        ParamSet::over(self.entries.into(), flat, true)
    }
}

/// A sum of rows made outside libtorch's graph, whose gradient this set adds to its own (see `gather.rs`).
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) output: Tensor,
    pub(crate) rows: Vec<u32>,
    pub(crate) per_sample: usize,
    pub(crate) weight: ParamId,
    pub(crate) bias: ParamId,
}

/// The parameters of one network, or of several that are trained by one optimiser.
#[derive(Debug)]
pub struct ParamSet {
    entries: Arc<[Entry]>,
    flat: Tensor,
    grad: Tensor,
    views: Vec<Tensor>,
    gathered: RefCell<Vec<Gathered>>,
    sequences: RefCell<Vec<SequencePass>>,
    trainable: bool,
    /// A leaf by which [`Self::is_recording`] asks libtorch.
    probe: Tensor,
}

impl ParamSet {
    fn over(entries: Arc<[Entry]>, flat: Tensor, trainable: bool) -> Self {
        let views = entries
            .iter()
            .map(|entry| {
                let part = flat.narrow(0, entry.range.start as i64, entry.range.len() as i64);
                part.view(entry.shape.as_slice())
                    .detach()
                    .set_requires_grad(trainable)
            })
            .collect();
        let grad = flat.zeros_like();
        Self {
            entries,
            flat,
            grad,
            views,
            gathered: RefCell::default(),
            sequences: RefCell::default(),
            trainable,
            probe: Tensor::zeros(0, (Kind::Float, Device::Cpu)).set_requires_grad(true),
        }
    }

    /// The parameter's tensor, for use in a forward pass.
    pub fn get(&self, id: ParamId) -> &Tensor {
        &self.views[id.0]
    }

    /// Where the parameters live.
    pub fn device(&self) -> Device {
        self.flat.device()
    }

    /// The number of parameters' values.
    pub fn numel(&self) -> usize {
        self.entries.iter().map(|entry| entry.range.len()).sum()
    }

    /// Names and shapes, in order.
    pub fn names(&self) -> impl Iterator<Item = (&str, &[i64])> {
        self.entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.shape.as_slice()))
    }

    /// A copy with its own memory; a target network. Not trainable until [`Self::set_trainable`].
    #[must_use]
    pub fn frozen_copy(&self) -> Self {
        Self::over(Arc::clone(&self.entries), self.flat.copy(), false)
    }

    /// Whether [`Self::backward`] reaches these parameters.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
        self.views = self
            .views
            .iter()
            .map(|view| view.detach().set_requires_grad(trainable))
            .collect();
    }

    /// Whether a forward pass that begins now must be recorded for this set.
    pub(crate) fn is_recording(&self) -> bool {
        // tch has no direct question: the result of an operation on a leaf asks for a gradient exactly if libtorch records.
        self.trainable && self.probe.neg().requires_grad()
    }

    pub(crate) fn record(&self, gathered: Gathered) {
        self.gathered.borrow_mut().push(gathered);
    }

    pub(crate) fn record_sequences(&self, pass: SequencePass) {
        self.sequences.borrow_mut().push(pass);
    }

    /// Takes the gradient of `loss` (a scalar) with respect to this set, replacing the last one.
    ///
    /// Parameters that the loss does not depend on get 0.
    ///
    /// # Errors
    /// [`NetsError::Torch`] if the loss has no graph.
    pub fn backward(&mut self, loss: &Tensor) -> Result<(), NetsError> {
        backward(loss, &mut [self])
    }

    /// Forgets forward passes that were recorded and will get no [`Self::backward`].
    pub fn forget(&mut self) {
        self.gathered.get_mut().clear();
        self.sequences.get_mut().clear();
    }

    /// The gradient of one parameter, as the last [`Self::backward`] left it.
    pub fn grad(&self, id: ParamId) -> Tensor {
        let entry = &self.entries[id.0];
        let part = self
            .grad
            .narrow(0, entry.range.start as i64, entry.range.len() as i64);
        part.view(entry.shape.as_slice())
    }

    /// Overwrites the gradient of one parameter, for what is worked out by hand.
    ///
    /// # Panics
    /// If `values` do not fill the parameter.
    pub fn set_grad(&mut self, id: ParamId, values: &[f32]) {
        let range = self.entries[id.0].range.clone();
        assert_eq!(range.len(), values.len(), "a gradient of another width");
        self.grad
            .narrow(0, range.start as i64, range.len() as i64)
            .copy_(&Tensor::from_slice(values));
    }

    /// A copy of the whole gradient, to be added to a later one by [`Self::add_to_grad`].
    pub fn grad_copy(&self) -> Tensor {
        self.grad.copy()
    }

    /// Adds the gradient of another loss, as [`Self::grad_copy`] took it, to the present one.
    pub fn add_to_grad(&mut self, other: &Tensor) {
        self.grad += other;
    }

    /// The length of the whole gradient; NaN or infinite if any value is.
    pub fn grad_norm(&self) -> f64 {
        if self.device() == Device::Cpu {
            return raw::sum_of_squares(raw::floats(&self.grad)).sqrt();
        }
        self.grad
            .to_kind(Kind::Double)
            .square()
            .sum(Kind::Double)
            .sqrt()
            .double_value(&[])
    }

    /// The names of parameters that hold NaN or infinity.
    pub fn non_finite(&self) -> Vec<&str> {
        let bad = |view: &Tensor| view.isfinite().all().int64_value(&[]) == 0;
        let named = self.entries.iter().zip(&self.views);
        named
            .filter(|(_, view)| bad(view))
            .map(|(entry, _)| entry.name.as_str())
            .collect()
    }

    /// Overwrites all values with those of a set of the same making.
    ///
    /// # Panics
    /// If the sets are of different networks.
    pub fn copy_from(&mut self, other: &Self) {
        self.move_towards(other, 1.0);
    }

    /// `self = (1 - tau) * self + tau * other`: the soft update of target networks.
    ///
    /// # Panics
    /// If the sets are of different networks.
    pub fn move_towards(&mut self, other: &Self, tau: f64) {
        assert_eq!(self.entries, other.entries, "the sets are of different networks");
        tch::no_grad(|| {
            if tau == 1.0 {
                self.flat.copy_(&other.flat);
            } else {
                let moved = self.flat.lerp(&other.flat, tau);
                self.flat.copy_(&moved);
            }
        });
    }

    /// A set of these parameters' values and, after them, one more parameter for each of `more`: as shaped as the one named
    /// there, full of one value, its name ending with `suffix`.
    pub(crate) fn extended(&self, suffix: &str, more: &[(ParamId, f32)]) -> (Self, Vec<ParamId>) {
        let mut builder = ParamBuilder::new();
        let values = crate::read_floats(&self.flat);
        for entry in self.entries.iter() {
            builder.add(entry.name.clone(), &entry.shape, &values[entry.range.clone()]);
        }
        let add = |&(like, value): &(ParamId, f32)| {
            let entry = &self.entries[like.0];
            let name = format!("{}{suffix}", entry.name);
            builder.add(name, &entry.shape, &vec![value; entry.range.len()])
        };
        let ids = more.iter().map(add).collect();
        (builder.build(self.device()), ids)
    }

    /// Takes the values of the parameters that [`Self::extended`] took from this set.
    pub(crate) fn copy_first_of(&mut self, extended: &Self) {
        let first = extended.flat.narrow(0, 0, self.flat.numel() as i64);
        self.flat.copy_(&first);
    }

    /// Takes the gradient of the set that this one extends.
    pub(crate) fn copy_first_grad_of(&mut self, first: &Self) {
        let mut own = self.grad.narrow(0, 0, first.grad.numel() as i64);
        own.copy_(&first.grad);
    }

    /// All parameters by name, `prefix` before each name.
    pub fn store(&self, prefix: &str, into: &mut NamedTensors) {
        self.store_like(&self.flat, prefix, into);
    }

    /// Takes all parameters from `stored`, where their names begin with `prefix`.
    ///
    /// # Errors
    /// [`NetsError::MissingTensor`] or [`NetsError::Shape`]; nothing is changed then.
    pub fn restore(&mut self, prefix: &str, stored: &NamedTensors) -> Result<(), NetsError> {
        let values = self.read_like(prefix, stored)?;
        tch::no_grad(|| self.flat.copy_(&values));
        Ok(())
    }

    /// All parameters as safetensors bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut named = NamedTensors::new();
        self.store("", &mut named);
        named.to_bytes()
    }

    /// Takes all parameters from [`Self::to_bytes`] of a set of the same making.
    ///
    /// # Errors
    /// [`NetsError`] if the bytes are damaged or belong to another network; nothing is changed then.
    pub fn load_bytes(&mut self, bytes: &[u8]) -> Result<(), NetsError> {
        let named = NamedTensors::from_bytes(bytes)?;
        if let Some(foreign) = named
            .iter()
            .find(|t| self.entries.iter().all(|entry| entry.name != t.name))
        {
            return Err(NetsError::ForeignTensor {
                name: foreign.name.clone(),
            });
        }
        self.restore("", &named)
    }

    /// A flat tensor laid out as this set, cut into named ones: parameters, or an optimiser's moments.
    pub(crate) fn store_like(&self, flat: &Tensor, prefix: &str, into: &mut NamedTensors) {
        let values = crate::read_floats(flat);
        for entry in self.entries.iter() {
            into.push(
                format!("{prefix}{}", entry.name),
                &entry.shape,
                values[entry.range.clone()].to_vec(),
            );
        }
    }

    /// The reverse of [`Self::store_like`].
    pub(crate) fn read_like(&self, prefix: &str, stored: &NamedTensors) -> Result<Tensor, NetsError> {
        let mut values = vec![0.0; self.flat.numel()];
        for entry in self.entries.iter() {
            let tensor = stored.get(&format!("{prefix}{}", entry.name))?;
            if tensor.shape != entry.shape {
                return Err(NetsError::Shape {
                    name: tensor.name.clone(),
                    expected: entry.shape.clone(),
                    found: tensor.shape.clone(),
                });
            }
            values[entry.range.clone()].copy_from_slice(&tensor.values);
        }
        Ok(Tensor::from_slice(&values).to_device(self.device()))
    }

    /// Values and gradient, flat and aligned, for an optimiser.
    pub(crate) fn flat_and_grad(&mut self) -> (&mut Tensor, &Tensor) {
        (&mut self.flat, &self.grad)
    }

    /// The parameter's values, on the CPU.
    pub(crate) fn values(&self, id: ParamId) -> &[f32] {
        &raw::floats(&self.flat)[self.entries[id.0].range.clone()]
    }

    /// The gradient of parameter `i` in the order of [`Self::names`].
    #[cfg(test)]
    pub(crate) fn grad_at(&self, i: usize) -> Vec<f32> {
        raw::floats(&self.grad)[self.entries[i].range.clone()].to_vec()
    }

    /// The gradients of a layer's weight and bias, which were added one after the other.
    pub(crate) fn layer_grad_mut(&mut self, weight: ParamId, bias: ParamId) -> (&mut [f32], &mut [f32]) {
        let (weight, bias) = (
            self.entries[weight.0].range.clone(),
            self.entries[bias.0].range.clone(),
        );
        let (low, high) = raw::floats_mut(&mut self.grad).split_at_mut(bias.start);
        (&mut low[weight], &mut high[..bias.len()])
    }

    /// A tensor of zeros laid out as this set.
    pub(crate) fn zeros_like(&self) -> Tensor {
        self.flat.zeros_like()
    }

    /// Puts the gradients that libtorch returned (undefined where the loss does not reach) into the flat one, then adds
    /// what flows through gathered rows.
    fn collect(&mut self, grads: &[Tensor], gathered: &[Gathered], gathered_grads: &[Tensor]) {
        if self.device() == Device::Cpu {
            let flat = raw::floats_mut(&mut self.grad);
            for (entry, grad) in self.entries.iter().zip(grads) {
                let to = &mut flat[entry.range.clone()];
                if grad.defined() {
                    to.copy_from_slice(raw::floats(&grad.contiguous()));
                } else {
                    to.fill(0.0);
                }
            }
            for (pass, grad) in gathered
                .iter()
                .zip(gathered_grads)
                .filter(|(_, grad)| grad.defined())
            {
                let (weight, bias) = (
                    &self.entries[pass.weight.0].range,
                    &self.entries[pass.bias.0].range,
                );
                let (low, high) = flat.split_at_mut(bias.start);
                let gradient = grad.contiguous();
                raw::scatter_add(
                    raw::floats(&gradient),
                    &pass.rows,
                    pass.per_sample,
                    &mut low[weight.clone()],
                    &mut high[..bias.len()],
                );
            }
            return;
        }
        for (entry, grad) in self.entries.iter().zip(grads) {
            let mut to = self
                .grad
                .narrow(0, entry.range.start as i64, entry.range.len() as i64);
            if grad.defined() {
                to.copy_(&grad.reshape(-1));
            } else {
                to.copy_(&to.zeros_like());
            }
        }
    }
}

/// Takes the gradient of `loss` (a scalar) with respect to several sets in one backward pass.
///
/// # Errors
/// [`NetsError::Torch`] if the loss has no graph.
pub fn backward(loss: &Tensor, sets: &mut [&mut ParamSet]) -> Result<(), NetsError> {
    let gathered: Vec<Vec<Gathered>> = sets.iter().map(|set| set.gathered.take()).collect();
    let sequences: Vec<Vec<SequencePass>> = sets.iter().map(|set| set.sequences.take()).collect();
    let through = collect(loss, sets, &gathered, &sequences)?;
    for (i, (passes, output_grads)) in sequences.iter().zip(&through).enumerate() {
        let pairs = passes.iter().zip(output_grads).filter(|(_, grad)| grad.defined());
        let (passes, grads): (Vec<_>, Vec<_>) = pairs
            .map(|(pass, grad)| (pass, pass.backward(sets[i], grad)))
            .unzip();
        // What made the features that a sequence read has a graph of its own, below the leaf.
        if let Some(below) = sequence::continued(&passes, &grads) {
            let above = sets[i].grad_copy();
            collect(&below, &mut sets[i..=i], &gathered[i..=i], &[vec![]])?;
            sets[i].add_to_grad(&above);
        }
    }
    Ok(())
}

/// One pass through libtorch's graph: leaves its gradients in the sets, and returns those at the outputs of each set's sequences.
fn collect(
    loss: &Tensor,
    sets: &mut [&mut ParamSet],
    gathered: &[Vec<Gathered>],
    sequences: &[Vec<SequencePass>],
) -> Result<Vec<Vec<Tensor>>, NetsError> {
    let mut inputs: Vec<&Tensor> = Vec::new();
    for ((set, gathered), sequences) in sets.iter().zip(gathered).zip(sequences) {
        inputs.extend(&set.views);
        inputs.extend(gathered.iter().map(|pass| &pass.output));
        inputs.extend(sequences.iter().map(|pass| &pass.output));
    }
    let mut grads = Tensor::f_run_backward(&[loss], &inputs, false, false)?.into_iter();
    let mut through = Vec::with_capacity(sets.len());
    for ((set, gathered), sequences) in sets.iter_mut().zip(gathered).zip(sequences) {
        let own: Vec<Tensor> = grads.by_ref().take(set.views.len()).collect();
        let rows: Vec<Tensor> = grads.by_ref().take(gathered.len()).collect();
        set.collect(&own, gathered, &rows);
        through.push(grads.by_ref().take(sequences.len()).collect());
    }
    Ok(through)
}
