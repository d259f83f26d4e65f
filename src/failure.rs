//! How a command fails: which exit code, and what the user reads.

use std::process::ExitCode;

/// A failed command.
#[derive(Debug)]
pub enum Failure {
    /// What the user gave cannot be used: exit code 2. The message names file, line or key, and the remedy.
    Input(anyhow::Error),
    /// The work itself failed: exit code 1.
    Run(anyhow::Error),
}

/// What a command returns.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// The user's input is at fault.
    pub fn input(error: impl Into<anyhow::Error>) -> Self {
        Self::Input(error.into())
    }

    /// The work failed.
    pub fn run(error: impl Into<anyhow::Error>) -> Self {
        Self::Run(error.into())
    }

    /// The exit code.
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(2),
            Self::Run(_) => ExitCode::from(1),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Input(error) | Self::Run(error)) = self;
        let mut said = error.to_string();
        f.write_str(&said)?;
        for cause in error.chain().skip(1).map(ToString::to_string) {
            // Some errors state their cause themselves.
            if !said.contains(&cause) {
                write!(f, ": {cause}")?;
            }
            said = cause;
        }
        Ok(())
    }
}

/// Sorts an error into one of the two kinds, with a line on what was being done.
pub trait Sort<T> {
    /// The user's input is at fault.
    ///
    /// # Errors
    /// [`Failure::Input`] for every error.
    fn or_input(self, doing: impl FnOnce() -> String) -> Outcome<T>;

    /// The work failed.
    ///
    /// # Errors
    /// [`Failure::Run`] for every error.
    fn or_run(self, doing: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: Into<anyhow::Error>> Sort<T> for Result<T, E> {
    fn or_input(self, doing: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|why| Failure::Input(why.into().context(doing())))
    }

    fn or_run(self, doing: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|why| Failure::Run(why.into().context(doing())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("disk is full")
            .context("writing a.csv: disk is full")
            .context("training");
        assert_eq!(
            Failure::Run(error).to_string(),
            "training: writing a.csv: disk is full"
        );
    }
}
