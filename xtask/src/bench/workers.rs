//! The throughput of several workers, and how soon a worker is back.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::bundle::{self, Options};
use crate::project::Project;
use crate::results;
use crate::shell::Shell;
use crate::variant;

/// How many workers the plugins have that are compared; the first is what the ratio refers to.
const WORKERS: [u32; 2] = [1, 2];

/// Measures, and puts the figures into sections of their own.
pub(super) fn measure(shell: &Shell, project: &Project, refhost: &Path, page: &Path) -> Result<()> {
    let note = format!("`cargo xtask bench --workers`, {}.", results::today()?);
    let mut command = Command::new(refhost);
    command.arg("workers");
    for workers in WORKERS {
        let directory = variant::bundle(shell, project, &project.root.join("bench/workers"), workers)?;
        command.arg(format!("--plugin={workers}={}", directory.display()));
    }
    results::put(page, "Several workers", &format!("{note} {}", shell.watch(&mut command)?))?;
    let hello = bundle::build(shell, project, &project.root.join("examples/hello_python"), &Options::unpacked())?;
    let restarts = shell.watch(Command::new(refhost).arg("restarts").arg("--plugin").arg(hello.directory))?;
    results::put(page, "Restarts", &format!("{note} {restarts}"))
}
