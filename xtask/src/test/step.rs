//! A step of `cargo xtask test`, and what came of it.

use std::time::Duration;

use anyhow::Result;

use crate::project::Project;
use crate::shell::Shell;

/// When a step runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// First, one after the other: what uses cargo.
    Compiler,
    /// At the same time as those.
    Beside,
    /// After all of those, with the machine to itself. A step that fails is tried once more.
    Alone,
}

/// A step.
#[derive(Clone)]
pub(crate) struct Step {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// When it runs.
    pub(crate) lane: Lane,
    /// After so many minutes it hangs, and is ended.
    pub(crate) minutes: u64,
    /// What it does.
    pub(crate) run: fn(&Shell, &Project) -> Result<Outcome>,
}

impl Step {
    /// How long it may take.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs(60 * self.minutes)
    }
}

/// What came of a step that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Passed,
    /// It was not run, for this reason.
    Skipped(String),
}

/// A finished step.
pub(crate) struct Finished {
    /// Its name.
    pub(crate) name: &'static str,
    /// What came of it, or why it failed.
    pub(crate) outcome: Result<Outcome, String>,
    /// Why a first try failed, if this was the second.
    pub(crate) first: Option<String>,
    /// How long it took.
    pub(crate) time: Duration,
    /// Tests inside it that were not run, with their reasons.
    pub(crate) skips: Vec<String>,
}
