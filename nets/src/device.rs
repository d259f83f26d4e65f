//! Where tensors live, how many threads libtorch takes, and what libtorch this is.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tch::{Cuda, Device};

use crate::{error::NetsError, raw};

/// The device that a run file asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChoice {
    /// The CPU: the default, and the only device whose runs repeat byte for byte.
    #[default]
    Cpu,
    /// The first CUDA device; an error if there is none.
    Cuda,
    /// The first CUDA device if there is one, else the CPU.
    Auto,
}

impl DeviceChoice {
    /// The device meant, after opening the CUDA libraries where they are asked for and there.
    ///
    /// # Errors
    /// [`NetsError::NoCuda`] for `cuda` without a device; [`NetsError::CudaLibrary`] if the libraries are there but damaged.
    pub fn resolve(self) -> Result<Device, NetsError> {
        if self == Self::Cpu {
            return Ok(Device::Cpu);
        }
        let opened = open_cuda()?;
        if Cuda::is_available() {
            return Ok(Device::Cuda(0));
        }
        if self == Self::Auto {
            return Ok(Device::Cpu);
        }
        let reason = if opened {
            "the libraries are here but the driver shows none; look at `nvidia-smi`"
        } else {
            "libtorch's CUDA libraries are not installed; get them with `make libtorch CUDA=1`"
        };
        Err(NetsError::NoCuda {
            reason: reason.into(),
        })
    }
}

/// Sets libtorch's threads within an operation, for the whole process.
///
/// One is the product's default: on nets of this size two threads gain nothing, and cost fivefold beside another process.
pub fn set_threads(n: usize) {
    tch::set_num_threads(n.max(1) as i32);
}

/// Opens `libtorch_cuda` if it was installed beside this libtorch. Returns whether it is open; opens once.
///
/// The binary links the CPU libraries only; the CUDA ones register themselves with them as they load. This must come before
/// the first question about CUDA, because libtorch remembers the answer.
///
/// # Errors
/// [`NetsError::CudaLibrary`] if the library is there but does not load.
pub fn open_cuda() -> Result<bool, NetsError> {
    static OPENED: OnceLock<Result<bool, (PathBuf, String)>> = OnceLock::new();
    let opened = OPENED.get_or_init(|| {
        // Where `scripts/libtorch.py --cuda` puts it, and where the Python package has it.
        let places = ["cuda/libtorch_cuda.so", "lib/libtorch_cuda.so"];
        let folder = libtorch_folder().unwrap_or_default();
        let found = places
            .iter()
            .map(|place| folder.join(place))
            .find(|path| path.exists());
        let Some(library) = found else {
            return Ok(false);
        };
        raw::open_library(&library)
            .map(|()| true)
            .map_err(|reason| (library, reason))
    });
    match opened {
        Ok(opened) => Ok(*opened),
        Err((path, reason)) => Err(NetsError::CudaLibrary {
            path: path.clone(),
            reason: reason.clone(),
        }),
    }
}

/// What libtorch this process runs on, for `prospect doctor` and a run's version record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibtorchInfo {
    /// The version, as its folder states it; `unknown` if it does not.
    pub version: String,
    /// The folder that holds `lib`, if it can be told.
    pub folder: Option<PathBuf>,
    /// Whether a CUDA device can be used.
    pub cuda_available: bool,
    /// The number of CUDA devices.
    pub cuda_devices: usize,
    /// Threads within an operation.
    pub threads: usize,
    /// The widest instructions that libtorch's own kernels choose here.
    pub cpu_capability: String,
    /// Whether matrix products go to MKL.
    pub mkl: bool,
    /// Whether convolutions go to oneDNN.
    pub mkldnn: bool,
}

/// Looks at the loaded libtorch; opens the CUDA libraries if they are installed.
pub fn libtorch_info() -> LibtorchInfo {
    let opened = open_cuda().unwrap_or(false);
    let folder = libtorch_folder();
    LibtorchInfo {
        version: folder.as_deref().map_or_else(|| "unknown".into(), version_of),
        folder,
        cuda_available: opened && Cuda::is_available(),
        cuda_devices: if opened {
            Cuda::device_count().max(0) as usize
        } else {
            0
        },
        threads: tch::get_num_threads().max(1) as usize,
        cpu_capability: cpu_capability(),
        mkl: tch::utils::has_mkl(),
        mkldnn: tch::utils::has_mkldnn(),
    }
}

/// The folder of the loaded `libtorch_cpu`: the one above its `lib`.
fn libtorch_folder() -> Option<PathBuf> {
    // Touches the library, so that it is loaded even where the linker dropped it as unused.
    tch::utils::has_mkl();
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with("/libtorch_cpu.so"))?;
    let library = Path::new(&line[line.find('/')?..]);
    Some(library.parent()?.parent()?.to_owned())
}

/// The version as a folder states it: that of `scripts/libtorch.py` in a file of its own, the Python package in its code.
fn version_of(folder: &Path) -> String {
    if let Ok(text) = std::fs::read_to_string(folder.join("build-version")) {
        return text.trim().to_owned();
    }
    let code = std::fs::read_to_string(folder.join("version.py")).unwrap_or_default();
    let line = code.lines().find(|line| line.starts_with("__version__ = "));
    let quoted = line.and_then(|line| line.split('\'').nth(1));
    quoted.unwrap_or("unknown").to_owned()
}

/// libtorch's choice: what the environment asks for, else the best that the processor has.
fn cpu_capability() -> String {
    if let Ok(asked) = std::env::var("ATEN_CPU_CAPABILITY") {
        return format!("{asked} (ATEN_CPU_CAPABILITY)");
    }
    raw::cpu_capability().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there() {
        assert_eq!(DeviceChoice::Cpu.resolve().unwrap(), Device::Cpu);
        assert!(DeviceChoice::Auto.resolve().is_ok());
    }

    #[test]
    fn cuda_without_a_device_is_refused_with_the_remedy() {
        if libtorch_info().cuda_available {
            assert_eq!(DeviceChoice::Cuda.resolve().unwrap(), Device::Cuda(0));
        } else {
            let message = DeviceChoice::Cuda.resolve().unwrap_err().to_string();
            assert!(message.contains("device = \"cpu\""), "{message}");
        }
    }

    #[test]
    fn info_names_the_pinned_version() {
        let info = libtorch_info();
        assert!(info.version.starts_with("2.11"), "{info:?}");
        assert!(info.folder.unwrap().join("lib/libtorch_cpu.so").exists());
    }
}
