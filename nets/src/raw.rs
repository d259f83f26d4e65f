//! The one file of this crate with `unsafe`: tensors' memory as slices, wide instructions, and opening a library.
#![expect(
    unsafe_code,
    reason = "tch has no safe way to lend a tensor's memory; kept in this file, checked at each call"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use tch::{Device, Kind, Tensor};

use crate::kernels;

/// Panics unless `tensor` is a dense CPU tensor of `kind`: the conditions under which its memory is a plain array.
fn check(tensor: &Tensor, kind: Kind) {
    assert!(
        tensor.device() == Device::Cpu && tensor.kind() == kind && tensor.is_contiguous(),
        "a dense CPU tensor of {kind:?} is needed, this is {:?} on {:?}",
        tensor.kind(),
        tensor.device()
    );
}

/// The memory of a dense f32 tensor on the CPU, in row-major order.
pub(crate) fn floats(tensor: &Tensor) -> &[f32] {
    check(tensor, Kind::Float);
    let n = tensor.numel();
    if n == 0 {
        return &[];
    }
    // SAFETY: checked to be a contiguous array of n f32 on the CPU; the borrow keeps the tensor, and so its storage, alive.
    // Nothing in this crate writes to a tensor while a slice of it is held: writers take `&mut` (see `floats_mut`).
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), n) }
}

/// The memory of a dense u8 tensor on the CPU, in row-major order.
pub(crate) fn bytes(tensor: &Tensor) -> &[u8] {
    check(tensor, Kind::Uint8);
    let n = tensor.numel();
    if n == 0 {
        return &[];
    }
    // SAFETY: as in `floats`, for u8.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<u8>(), n) }
}

/// The same, to write. The caller holds the tensor exclusively; views of the same storage may exist but must not be read
/// or written as slices meanwhile (the parameters' views are read by libtorch only, between steps).
pub(crate) fn floats_mut(tensor: &mut Tensor) -> &mut [f32] {
    check(tensor, Kind::Float);
    let n = tensor.numel();
    if n == 0 {
        return &mut [];
    }
    // SAFETY: checked to be a contiguous array of n f32 on the CPU. The `&mut` borrow rules out another slice through this
    // handle; callers in this crate own the storage behind it and run on one thread.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<f32>(), n) }
}

/// Compiles a kernel three times and runs the widest version that the processor has. All give the same bytes: the kernels
/// spell out the order of their additions, and Rust never fuses a multiplication with an addition.
macro_rules! widest {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)?) => {
        $(#[$doc])*
        pub(crate) fn $name($($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn wide512($($arg: $type),*) $(-> $out)? {
                    kernels::$name($($arg),*)
                }
                #[target_feature(enable = "avx2")]
                fn wide256($($arg: $type),*) $(-> $out)? {
                    kernels::$name($($arg),*)
                }
                if std::is_x86_feature_detected!("avx512f") {
                    // SAFETY: the processor has the feature.
                    return unsafe { wide512($($arg),*) };
                }
                if std::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has the feature.
                    return unsafe { wide256($($arg),*) };
                }
            }
            kernels::$name($($arg),*)
        }
    };
}

widest!(
    /// See [`kernels::sum_of_squares`].
    sum_of_squares(values: &[f32]) -> f64
);
widest!(
    /// See [`kernels::adam`].
    adam(
        rates: &kernels::AdamRates,
        parameter: &mut [f32],
        gradient: &[f32],
        exp_avg: &mut [f32],
        exp_avg_sq: &mut [f32],
    )
);
widest!(
    /// See [`kernels::rms_prop`].
    rms_prop(rates: &kernels::RmsPropRates, parameter: &mut [f32], gradient: &[f32], square_avg: &mut [f32])
);
widest!(
    /// See [`kernels::gather_sum`].
    gather_sum(weight: &[f32], bias: &[f32], rows: &[u32], per_sample: usize, out: &mut [f32])
);
widest!(
    /// See [`kernels::scatter_add`].
    scatter_add(gradient: &[f32], rows: &[u32], per_sample: usize, weight: &mut [f32], bias: &mut [f32])
);

widest!(
    /// See [`kernels::gather_runs`].
    gather_runs(weight: &[f32], runs: &[kernels::Run], rows: &[u32], width: usize, out: &mut [f32])
);
widest!(
    /// See [`kernels::scatter_runs`].
    scatter_runs(gradient: &[f32], runs: &[kernels::Run], rows: &[u32], width: usize, weight: &mut [f32])
);
widest!(
    /// See [`kernels::subtract`].
    subtract(from: &[f32], to: &mut [f32])
);
widest!(
    /// See [`kernels::turn`].
    turn(matrix: &[f32], columns: usize, out: &mut [f32], out_row: usize)
);
widest!(
    /// See [`kernels::tanh_backward`].
    tanh_backward(output: &[f32], gradient: &mut [f32])
);
widest!(
    /// See [`kernels::relu`].
    relu(values: &mut [f32])
);
widest!(
    /// See [`kernels::relu_backward`].
    relu_backward(output: &[f32], gradient: &mut [f32])
);
widest!(
    /// See [`kernels::add_rows`].
    add_rows(rows: &[f32], sums: &mut [f32])
);
widest!(
    /// See [`kernels::scale_bytes`].
    scale_bytes(bytes: &[u8], scale: f32, out: &mut [f32])
);

/// True if the processor multiplies and adds in one wide instruction; without, `mul_add` is right but slow.
pub(crate) fn has_fma() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("fma") && std::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    cfg!(target_arch = "aarch64")
}

/// See [`kernels::product`]; tiles are as large as the registers allow.
pub(crate) fn product(by: &kernels::Product, a: &[f32], b: &[f32], c: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,fma")]
        fn wide512(by: &kernels::Product, a: &[f32], b: &[f32], c: &mut [f32]) {
            kernels::product::<6, 4>(by, a, b, c);
        }
        #[target_feature(enable = "avx2,fma")]
        fn wide256(by: &kernels::Product, a: &[f32], b: &[f32], c: &mut [f32]) {
            kernels::product::<6, 1>(by, a, b, c);
        }
        if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            return unsafe { wide512(by, a, b, c) };
        }
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            return unsafe { wide256(by, a, b, c) };
        }
    }
    kernels::product::<4, 1>(by, a, b, c);
}

/// See [`kernels::tanh`].
pub(crate) fn tanh(values: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,fma")]
        fn wide512(values: &mut [f32]) {
            kernels::tanh(values);
        }
        #[target_feature(enable = "avx2,fma")]
        fn wide256(values: &mut [f32]) {
            kernels::tanh(values);
        }
        if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            return unsafe { wide512(values) };
        }
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            return unsafe { wide256(values) };
        }
    }
    kernels::tanh(values);
}

/// The name that libtorch gives to the widest instructions that this processor has.
pub(crate) fn cpu_capability() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        let wide = std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512bw")
            && std::is_x86_feature_detected!("avx512vl")
            && std::is_x86_feature_detected!("avx512dq");
        if wide && std::is_x86_feature_detected!("fma") {
            return "AVX512";
        }
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            return "AVX2";
        }
    }
    "DEFAULT"
}

#[cfg(unix)]
unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlerror() -> *const c_char;
}

/// Opens a shared library for good, its symbols visible to all.
#[cfg(unix)]
pub(crate) fn open_library(path: &Path) -> Result<(), String> {
    use std::os::unix::ffi::OsStrExt;
    const RTLD_NOW: c_int = 2;
    const RTLD_GLOBAL: c_int = if cfg!(target_os = "macos") { 8 } else { 0x100 };
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: `name` is a C string that outlives the call. The library's initialisers run, which is its purpose; it is the
    // counterpart, from the same wheel, of the libtorch that is already loaded.
    if unsafe { !dlopen(name.as_ptr(), RTLD_NOW | RTLD_GLOBAL).is_null() } {
        return Ok(());
    }
    // SAFETY: dlerror returns null or a C string that is valid until the next call on this thread; it is copied at once.
    let reason = unsafe {
        let text = dlerror();
        if text.is_null() {
            "no reason given".to_owned()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    };
    Err(reason)
}

/// Elsewhere there are no CUDA libraries to open.
#[cfg(not(unix))]
pub(crate) fn open_library(_path: &Path) -> Result<(), String> {
    Err("not supported on this system".into())
}
