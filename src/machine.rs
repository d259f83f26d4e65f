//! What this program and this machine are: for a run's record and for `prospect doctor`.

use std::{fs, process::Command};

use serde::Serialize;

/// The processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The processor's own name.
    pub cpu_model: String,
    /// Cores that the system reports.
    pub cores: usize,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            cpu_model: model.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// The wide instructions that change how fast something runs, never what it computes.
pub fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let all = [
            ("avx2", is_x86_feature_detected!("avx2")),
            ("fma", is_x86_feature_detected!("fma")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
            ("avx512bw", is_x86_feature_detected!("avx512bw")),
            ("avx512vl", is_x86_feature_detected!("avx512vl")),
            ("avx512vbmi", is_x86_feature_detected!("avx512vbmi")),
        ];
        all.iter()
            .filter(|(_, there)| *there)
            .map(|(name, _)| *name)
            .collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    Vec::new()
}

/// The git revision that this program was built from, with a `+` if the tree was changed.
pub fn git_revision() -> &'static str {
    env!("PROSPECT_GIT")
}

/// The compiler that built this program.
pub fn compiler() -> &'static str {
    env!("PROSPECT_RUSTC")
}

/// The time, as RFC 3339 in UTC.
pub fn now_utc() -> String {
    let date = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output();
    date.map_or_else(
        |_| String::new(),
        |date| String::from_utf8_lossy(&date.stdout).trim().to_owned(),
    )
}
