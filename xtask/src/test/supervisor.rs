//! `tests/faults` and `tests/soak`: a plugin that is harmed, and one whose workers are killed under load.

use anyhow::Result;

use super::step::{Lane, Outcome, Step};
use crate::project::Project;
use crate::shell::Shell;
use crate::{faults, soak};

/// The steps.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "faults", lane: Lane::Alone, minutes: 15, run: inject },
    Step { name: "soak", lane: Lane::Alone, minutes: 15, run: soak_shortly },
];

fn inject(shell: &Shell, project: &Project) -> Result<Outcome> {
    faults::inject(shell, project, &faults::Args::default())?;
    Ok(Outcome::Passed)
}

/// The short form of the soak: long enough for its comparison of memory to mean something.
fn soak_shortly(shell: &Shell, project: &Project) -> Result<Outcome> {
    soak::soak(shell, project, &soak::Args { minutes: 5, kill_every: 10, workers: 2, out: None })?;
    Ok(Outcome::Passed)
}
