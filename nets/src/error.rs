//! What can go wrong in this crate.

use std::path::PathBuf;

/// Errors of devices, blocks and stored tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetsError {
    /// A CUDA device was asked for and there is none.
    #[error("no CUDA device: {reason}, or set device = \"cpu\"")]
    NoCuda {
        /// What is missing and how to get it.
        reason: String,
    },
    /// A CUDA library is there but does not load.
    #[error(
        "cannot open {path}: {reason}; fetch it anew with `make libtorch CUDA=1`, or delete its folder to run on the CPU"
    )]
    CudaLibrary {
        /// The library.
        path: PathBuf,
        /// The loader's words.
        reason: String,
    },
    /// A block's or encoder's setting that cannot be.
    #[error("{place}: {reason}")]
    Setting {
        /// The key or field.
        place: String,
        /// What is wrong and what would do.
        reason: String,
    },
    /// Bytes that are no stored tensors.
    #[error("stored tensors are damaged: {reason}; restore the file from another checkpoint")]
    Format {
        /// What is wrong.
        reason: String,
    },
    /// A tensor that should be stored is not.
    #[error("tensor {name} is missing from the stored ones: they belong to another network")]
    MissingTensor {
        /// Its name.
        name: String,
    },
    /// A stored tensor has no place in the network.
    #[error("stored tensor {name} has no place here: it belongs to another network")]
    ForeignTensor {
        /// Its name.
        name: String,
    },
    /// A stored tensor has another shape.
    #[error("tensor {name} has shape {found:?} but {expected:?} is needed: it belongs to another network")]
    Shape {
        /// Its name.
        name: String,
        /// The shape here.
        expected: Vec<i64>,
        /// The shape stored.
        found: Vec<i64>,
    },
    /// libtorch refused.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}
