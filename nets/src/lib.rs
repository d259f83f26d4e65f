//! Neural blocks that Prospect's rewards and agents share, on libtorch.
//!
//! Layers hold ids into a [`ParamSet`], which is one flat array: a forward pass names the set it runs on, so that a target
//! network is a copy of the set and nothing else. Optimisers ([`Optimiser`]) work on whole sets and store their moments by
//! name. libtorch's global random generator is never used: first values, samples and permutations come from
//! [`prospect_sim::random::Generator`] streams.

pub mod batch;
pub mod ceiling;
pub mod cell;
pub mod cnn;
pub mod device;
pub mod encoder;
pub mod error;
pub mod fused;
pub mod gather;
pub mod heads;
pub mod init;
mod kernels;
pub mod linear;
pub mod mlp;
pub mod named;
pub mod noisy;
pub mod norm;
pub mod normalise;
pub mod observations;
pub mod optim;
pub mod params;
mod raw;
pub mod sequence;

pub use batch::TensorBatch;
pub use ceiling::{Ceiling, CeilingConfig, NetShape, UpdateWork, ceiling};
pub use cell::{Cell, CellConfig, CellKind};
pub use cnn::{Cnn, ConvConfig};
pub use device::{DeviceChoice, LibtorchInfo, libtorch_info, open_cuda, set_threads};
pub use encoder::{Encoder, EncoderConfig, PartDescription};
pub use error::NetsError;
pub use fused::{Fused, FusedInput, FusedWork};
pub use gather::GatherLinear;
pub use init::Init;
pub use linear::{Activation, Linear};
pub use mlp::{Mlp, MlpConfig};
pub use named::{NamedTensor, NamedTensors};
pub use noisy::Noise;
pub use norm::LayerNorm;
pub use observations::Observations;
pub use optim::{Optimiser, OptimiserConfig};
pub use params::{ParamBuilder, ParamId, ParamSet, backward};
pub use sequence::Sequences;
pub use tch::{self, Device, Kind, Tensor};

/// A tensor's values as f32, row-major, from any device.
pub fn read_floats(tensor: &Tensor) -> Vec<f32> {
    let dense = tensor
        .detach()
        .to_device(Device::Cpu)
        .to_kind(Kind::Float)
        .contiguous();
    raw::floats(&dense).to_vec()
}
