//! The targets of `fuzz/`, each for a few seconds: what was found once is not there again, and what is easy to find is found at once.
//!
//! The random numbers are the same every time, so that what this finds is the doing of the change that is tested. New luck is what `cargo xtask fuzz` is for.

use std::time::Duration;

use anyhow::Result;

use super::step::{Lane, Outcome, Step};
use crate::fuzz::{Fuzzer, missing};
use crate::project::Project;
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[Step { name: "fuzz", lane: Lane::Compiler, minutes: 20, run: fuzz }];

/// For how long each target runs.
const TIME: Duration = Duration::from_secs(10);

/// What the random numbers begin with.
const SEED: u32 = 1;

fn fuzz(shell: &Shell, project: &Project) -> Result<Outcome> {
    if let Some(missing) = missing(shell) {
        return Ok(Outcome::Skipped(missing.into()));
    }
    let fuzzer = Fuzzer::build(shell, project)?;
    fuzzer.run_all(shell, &fuzzer.all()?, TIME, Some(SEED))?;
    Ok(Outcome::Passed)
}
