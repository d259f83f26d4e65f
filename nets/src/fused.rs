//! Small fully connected networks without libtorch: forward and backward over flat slices, on the CPU.
//!
//! The same parameters, layers and gradients as [`Encoder`], [`Mlp`] and [`Linear`] through libtorch's graph (a test holds
//! them together), made for batches of hundreds of samples through layers of about a hundred values. There the graph's
//! bookkeeping, the allocation of every intermediate and MKL's tanh cost more than the products.
//!
//! Sums run in a fixed order, so results do not depend on the batch that a sample is in, nor on the width of the
//! processor's registers.

use prospect_sim::Slice;

use crate::{
    encoder::{Encoder, Source},
    kernels::{GROUPS, LANES, Product, Run},
    linear::{Activation, Linear},
    mlp::Mlp,
    norm::{self, NormWork},
    params::{ParamId, ParamSet},
    raw,
};

/// The next multiple of the register's width.
fn padded(width: usize) -> usize {
    width.next_multiple_of(LANES)
}

/// A layer's place in a [`ParamSet`] and its sizes.
#[derive(Debug, Clone, Copy)]
struct Layer {
    weight: ParamId,
    bias: ParamId,
    inputs: usize,
    outputs: usize,
    /// Weight and bias of the normalisation after it.
    norm: Option<(ParamId, ParamId)>,
}

/// How a sample's observation enters.
#[derive(Debug, Clone)]
enum Entry {
    /// As numbers times a factor.
    Values { scale: f32, width: usize },
    /// As rows of a first layer's weight, one per group: where the group begins and where it ends.
    ///
    /// In gridworlds most values are 0. Their rows are summed once, into a base; a sample adds the differences for its other
    /// values. Backward, the row of value 0 gets what the group's other rows leave of the bias's gradient.
    Rows { layer: Layer, groups: Vec<(u32, u32)> },
}

/// A network that can be run without libtorch.
#[derive(Debug, Clone)]
pub struct Fused {
    component: usize,
    entry: Entry,
    layers: Vec<Layer>,
    activation: Activation,
}

/// Observations of a batch in the form that networks over one encoder's configuration read.
#[derive(Debug, Default)]
pub struct FusedInput {
    n: usize,
    /// `[n, padded width]`.
    values: Vec<f32>,
    /// Rows of the first layer's weight, without those of value 0.
    rows: Vec<u32>,
    /// Which of them belong to which sample, a few groups of all samples at a time.
    runs: Vec<Run>,
}

/// A network's working memory. It holds a copy of the weights; see [`Fused::refresh`].
#[derive(Debug, Default)]
pub struct FusedWork {
    /// Per layer: weight turned to `[inputs, padded outputs]`, bias padded, weight padded to `[outputs, padded inputs]`.
    weights: Vec<[Vec<f32>; 3]>,
    /// Output of each layer, `[n, padded outputs]`; the first is that of the rows' layer if there is one.
    outputs: Vec<Vec<f32>>,
    /// Per layer: weight and bias of the normalisation after it, and what its forward pass keeps.
    norms: Vec<(Vec<f32>, Vec<f32>, NormWork)>,
    /// Of the rows' layer: bias plus the rows of value 0, and how the other rows differ from them.
    base: Vec<f32>,
    differences: Vec<f32>,
    gradient: Vec<f32>,
    below: Vec<f32>,
    product: Vec<f32>,
    result: Vec<f32>,
}

impl FusedInput {
    fn load_values(
        &mut self,
        all: Slice<'_>,
        samples: impl Iterator<Item = usize>,
        width: usize,
        scale: f32,
    ) {
        let stride = padded(width);
        self.n = 0;
        self.values.clear();
        for sample in samples {
            let at = self.values.len();
            self.values.resize(at + stride, 0.0);
            let from = all.slice(sample * width..(sample + 1) * width);
            read_scaled(from, scale, &mut self.values[at..at + width]);
            self.n += 1;
        }
    }

    fn load_rows(
        &mut self,
        all: Slice<'_>,
        samples: impl Iterator<Item = usize> + Clone,
        groups: &[(u32, u32)],
    ) {
        let bytes = all.as_u8().unwrap_or(&[]);
        self.n = samples.clone().count();
        self.rows.clear();
        self.runs.clear();
        for (block, groups_here) in groups.chunks(GROUPS).enumerate() {
            for (i, sample) in samples.clone().enumerate() {
                let start = self.rows.len() as u32;
                let at = sample * groups.len() + block * GROUPS;
                for (&(first, last), &value) in groups_here.iter().zip(&bytes[at..]) {
                    let row = (first + u32::from(value)).min(last);
                    if row != first {
                        self.rows.push(row);
                    }
                }
                let end = self.rows.len() as u32;
                if end > start {
                    let sample = i as u32;
                    self.runs.push(Run { sample, start, end });
                }
            }
        }
    }
}

impl Layer {
    /// Lays the weights out as the kernels read them: turned and padded, the bias padded, the weight padded.
    fn arrange(&self, params: &ParamSet, [turned, bias, padded_weight]: &mut [Vec<f32>; 3]) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let weight = params.values(self.weight);
        let width = padded(outputs);
        turned.resize(padded(inputs) * width, 0.0);
        raw::turn(weight, inputs, turned, width);
        bias.resize(width, 0.0);
        bias[..outputs].copy_from_slice(params.values(self.bias));
        let width = padded(inputs);
        padded_weight.resize(outputs * width, 0.0);
        let rows = padded_weight.chunks_exact_mut(width);
        for (to, from) in rows.zip(weight.chunks_exact(inputs)) {
            to[..inputs].copy_from_slice(from);
        }
    }
}

impl Entry {
    /// The component that is read and how, for first layers of `width` inputs; none if only libtorch runs it.
    fn new(
        params: &ParamSet,
        source: &Source<'_>,
        width: usize,
        activation: Activation,
    ) -> Option<(usize, Self)> {
        match *source {
            Source::Values { component, scale } => Some((component, Self::Values { scale, width })),
            Source::Onehot {
                component,
                layer,
                activation: after,
                groups,
            } if after == activation && layer.outputs() % LANES == 0 => {
                let (weight, bias) = layer.ids();
                let layer = Layer {
                    weight,
                    bias,
                    inputs: params.get(weight).size()[0] as usize,
                    outputs: layer.outputs(),
                    norm: None,
                };
                let groups = groups.to_vec();
                Some((component, Self::Rows { layer, groups }))
            }
            Source::Onehot { .. } => None,
        }
    }
}

impl Fused {
    /// The network of an encoder, hidden layers and a head in `params`; none if it has parts that only libtorch runs, or if
    /// this processor or device is not made for it.
    pub fn new(params: &ParamSet, encoder: &Encoder, hidden: &Mlp, head: &Linear) -> Option<Self> {
        if params.device() != crate::Device::Cpu || !raw::has_fma() {
            return None;
        }
        let linear = |layer: &Linear| {
            let size = params.get(layer.weight()).size();
            Layer {
                weight: layer.weight(),
                bias: layer.bias(),
                inputs: size[1] as usize,
                outputs: size[0] as usize,
                norm: None,
            }
        };
        let (middle, activation) = hidden.hidden_only()?;
        let mut layers: Vec<Layer> = middle.iter().chain([head]).map(linear).collect();
        for (layer, norm) in layers.iter_mut().zip(hidden.norms()) {
            layer.norm = Some(norm.ids());
        }
        let (component, entry) = Entry::new(params, &encoder.source()?, layers.first()?.inputs, activation)?;
        matches!(activation, Activation::Tanh | Activation::Relu).then_some(Self {
            component,
            entry,
            layers,
            activation,
        })
    }

    /// The component of the observation that it reads.
    pub fn component(&self) -> usize {
        self.component
    }

    /// Reads samples of [`Self::component`]: `all` holds one observation after the other, `samples` names those wanted.
    pub fn load(&self, all: Slice<'_>, samples: impl Iterator<Item = usize> + Clone, input: &mut FusedInput) {
        match &self.entry {
            Entry::Values { scale, width } => input.load_values(all, samples, *width, *scale),
            Entry::Rows { groups, .. } => input.load_rows(all, samples, groups),
        }
    }

    /// Takes the weights over after they have changed.
    pub fn refresh(&self, params: &ParamSet, work: &mut FusedWork) {
        if let Entry::Rows { layer, groups } = &self.entry {
            let width = layer.outputs;
            work.base.clear();
            work.base.extend_from_slice(params.values(layer.bias));
            work.differences.clear();
            work.differences.extend_from_slice(params.values(layer.weight));
            for &(first, last) in groups {
                let group = &mut work.differences[first as usize * width..(last as usize + 1) * width];
                let (zero, others) = group.split_at_mut(width);
                raw::add_rows(zero, &mut work.base);
                others
                    .chunks_exact_mut(width)
                    .for_each(|row| raw::subtract(zero, row));
            }
        }
        work.norms.resize_with(self.layers.len(), Default::default);
        for (layer, (weight, bias, _)) in self.layers.iter().zip(&mut work.norms) {
            if let Some((weight_id, bias_id)) = layer.norm {
                params.values(weight_id).clone_into(weight);
                params.values(bias_id).clone_into(bias);
            }
        }
        work.weights.resize_with(self.layers.len(), Default::default);
        let layers = self.layers.iter().zip(&mut work.weights);
        layers.for_each(|(layer, arranged)| layer.arrange(params, arranged));
    }

    /// The head's outputs, `[n, outputs]`.
    pub fn forward<'a>(&self, input: &FusedInput, work: &'a mut FusedWork) -> &'a [f32] {
        let n = input.n;
        let first = self.rows_layers();
        work.outputs.resize_with(self.layers.len() + first, Vec::new);
        if let Entry::Rows { layer, .. } = &self.entry {
            let out = &mut work.outputs[0];
            out.clear();
            (0..n).for_each(|_| out.extend_from_slice(&work.base));
            raw::gather_runs(&work.differences, &input.runs, &input.rows, layer.outputs, out);
            self.activate(out);
        }
        for (i, layer) in self.layers.iter().enumerate() {
            let (before, rest) = work.outputs.split_at_mut(i + first);
            let from = before.last().unwrap_or(&input.values);
            let [turned, bias, _] = &work.weights[i];
            let (width, out) = (bias.len(), &mut rest[0]);
            out.clear();
            (0..n).for_each(|_| out.extend_from_slice(bias));
            let by = Product {
                m: n,
                n: width,
                k: layer.inputs,
                a_row: padded(layer.inputs),
                a_column: 1,
                b_row: width,
                c_row: width,
            };
            raw::product(&by, from, turned, out);
            if layer.norm.is_some() {
                let (weight, bias, kept) = &mut work.norms[i];
                norm::forward(weight, bias, width, out, kept);
            }
            if i + 1 < self.layers.len() {
                self.activate(out);
            }
        }
        self.unpad(n, work)
    }

    fn unpad<'a>(&self, n: usize, work: &'a mut FusedWork) -> &'a [f32] {
        let outputs = self.layers.last().map_or(0, |layer| layer.outputs);
        work.result.clear();
        if let Some(last) = work.outputs.last() {
            let rows = last.chunks_exact(padded(outputs)).take(n);
            rows.for_each(|row| work.result.extend_from_slice(&row[..outputs]));
        }
        &work.result
    }

    fn activate(&self, values: &mut [f32]) {
        if self.activation == Activation::Tanh {
            raw::tanh(values);
        } else {
            raw::relu(values);
        }
    }

    fn activate_backward(&self, output: &[f32], gradient: &mut [f32]) {
        if self.activation == Activation::Tanh {
            raw::tanh_backward(output, gradient);
        } else {
            raw::relu_backward(output, gradient);
        }
    }

    /// The gradient with respect to this network's parameters, from that at the outputs of the last [`Self::forward`],
    /// `[n, outputs]`; it replaces the one that `params` holds.
    pub fn backward(
        &self,
        params: &mut ParamSet,
        input: &FusedInput,
        work: &mut FusedWork,
        gradient: &[f32],
    ) {
        let n = input.n;
        let first = self.rows_layers();
        self.take_gradient(gradient, n, work);
        for (i, layer) in self.layers.iter().enumerate().rev() {
            let below = (i + first)
                .checked_sub(1)
                .map_or(&input.values, |at| &work.outputs[at]);
            layer_backward(params, layer, below, &work.gradient, n, &mut work.product);
            if i + first == 0 {
                return;
            }
            self.pull_back(i, n, work);
            if let Some((weight, bias)) = self.norm_below(i) {
                let (weight_grad, bias_grad) = params.layer_grad_mut(weight, bias);
                self.pull_back_norm(i, work, weight_grad, bias_grad);
            }
        }
        if let Entry::Rows { layer, groups } = &self.entry {
            let (weight, bias) = params.layer_grad_mut(layer.weight, layer.bias);
            weight.fill(0.0);
            bias.fill(0.0);
            raw::add_rows(&work.gradient, bias);
            let width = layer.outputs;
            raw::scatter_runs(&work.gradient, &input.runs, &input.rows, width, weight);
            for &(first, last) in groups {
                let group = &mut weight[first as usize * width..(last as usize + 1) * width];
                let (zero, others) = group.split_at_mut(width);
                zero.copy_from_slice(bias);
                others
                    .chunks_exact(width)
                    .for_each(|row| raw::subtract(row, zero));
            }
        }
    }

    /// The gradient with respect to the values of the input, `[n, width]`, from that at the outputs of the last
    /// [`Self::forward`]; nothing else changes. Empty if the input is not numbers.
    pub fn backward_to_input(
        &self,
        input: &FusedInput,
        work: &mut FusedWork,
        gradient: &[f32],
        out: &mut Vec<f32>,
    ) {
        out.clear();
        let Entry::Values { scale, width } = &self.entry else {
            return;
        };
        self.take_gradient(gradient, input.n, work);
        for (i, layer) in self.layers.iter().enumerate().rev() {
            self.pull_back(i, input.n, work);
            if self.norm_below(i).is_some() {
                let (mut weight_grad, mut bias_grad) = (vec![0.0; layer.inputs], vec![0.0; layer.inputs]);
                self.pull_back_norm(i, work, &mut weight_grad, &mut bias_grad);
            }
        }
        for row in work.gradient.chunks_exact(padded(*width)) {
            out.extend(row[..*width].iter().map(|x| x * scale));
        }
    }

    /// Layers before `self.layers`: that of the rows, if there is one.
    fn rows_layers(&self) -> usize {
        usize::from(matches!(self.entry, Entry::Rows { .. }))
    }

    /// Puts a gradient at the outputs, `[n, outputs]`, where [`Self::pull_back`] begins.
    fn take_gradient(&self, gradient: &[f32], n: usize, work: &mut FusedWork) {
        let outputs = self.layers.last().map_or(1, |layer| layer.outputs);
        let width = padded(outputs);
        work.gradient.clear();
        work.gradient.resize(n * width, 0.0);
        let rows = work.gradient.chunks_exact_mut(width);
        rows.zip(gradient.chunks_exact(outputs))
            .for_each(|(to, from)| to[..outputs].copy_from_slice(from));
    }

    /// Turns `work.gradient` from that at the outputs of layer `i` into that at the outputs of the layer below, before its
    /// activation; below the first layer of a network over numbers that is the input itself.
    fn pull_back(&self, i: usize, n: usize, work: &mut FusedWork) {
        let layer = &self.layers[i];
        let (width, inputs) = (padded(layer.outputs), padded(layer.inputs));
        work.below.clear();
        work.below.resize(n * inputs, 0.0);
        let by = Product {
            m: n,
            n: inputs,
            k: layer.outputs,
            a_row: width,
            a_column: 1,
            b_row: inputs,
            c_row: inputs,
        };
        raw::product(&by, &work.gradient, &work.weights[i][2], &mut work.below);
        if let Some(at) = (i + self.rows_layers()).checked_sub(1) {
            self.activate_backward(&work.outputs[at], &mut work.below);
        }
        std::mem::swap(&mut work.gradient, &mut work.below);
    }

    /// The layer normalisation whose outputs, after the activation, layer `i` reads.
    fn norm_below(&self, i: usize) -> Option<(ParamId, ParamId)> {
        i.checked_sub(1).and_then(|below| self.layers[below].norm)
    }

    /// Takes `work.gradient` further down, from the outputs of that normalisation to its inputs.
    fn pull_back_norm(&self, i: usize, work: &mut FusedWork, weight_grad: &mut [f32], bias_grad: &mut [f32]) {
        let (weight, _, kept) = &work.norms[i - 1];
        let stride = padded(self.layers[i].inputs);
        norm::backward(weight, stride, &mut work.gradient, kept, weight_grad, bias_grad);
    }
}

fn layer_backward(
    params: &mut ParamSet,
    layer: &Layer,
    below: &[f32],
    gradient: &[f32],
    n: usize,
    product: &mut Vec<f32>,
) {
    let (inputs, width) = (padded(layer.inputs), padded(layer.outputs));
    product.clear();
    product.resize(layer.outputs * inputs + width, 0.0);
    let (weight, bias) = product.split_at_mut(layer.outputs * inputs);
    let by = Product {
        m: layer.outputs,
        n: inputs,
        k: n,
        a_row: 1,
        a_column: width,
        b_row: inputs,
        c_row: inputs,
    };
    raw::product(&by, gradient, below, weight);
    raw::add_rows(gradient, bias);
    let (weight_grad, bias_grad) = params.layer_grad_mut(layer.weight, layer.bias);
    for (to, from) in weight_grad
        .chunks_exact_mut(layer.inputs)
        .zip(weight.chunks_exact(inputs))
    {
        to.copy_from_slice(&from[..layer.inputs]);
    }
    bias_grad.copy_from_slice(&bias[..layer.outputs]);
}

fn read_scaled(from: Slice<'_>, scale: f32, to: &mut [f32]) {
    match from {
        Slice::U8(bytes) => raw::scale_bytes(bytes, scale, to),
        Slice::F32(values) => to.iter_mut().zip(values).for_each(|(to, x)| *to = x * scale),
        Slice::I32(values) => to
            .iter_mut()
            .zip(values)
            .for_each(|(to, x)| *to = *x as f32 * scale),
        Slice::Bool(values) => to
            .iter_mut()
            .zip(values)
            .for_each(|(to, x)| *to = f32::from(u8::from(*x)) * scale),
    }
}

#[cfg(test)]
mod tests;
