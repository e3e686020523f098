//! Steps for the parts in Go.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use super::step::{Lane, Outcome, Step};
use crate::go_parts;
use crate::project::Project;
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "go format", lane: Lane::Beside, minutes: 5, run: format },
    Step { name: "go vet", lane: Lane::Beside, minutes: 15, run: vet },
    Step { name: "go tests", lane: Lane::Alone, minutes: 15, run: tests },
];

fn format(shell: &Shell, project: &Project) -> Result<Outcome> {
    go_parts::require(shell)?;
    let modules = modules(project)?;
    let unformatted = shell.read(Command::new("gofmt").arg("-l").args(modules))?;
    if !unformatted.is_empty() {
        bail!("run gofmt -w on: {}", unformatted.lines().collect::<Vec<_>>().join(", "));
    }
    Ok(Outcome::Passed)
}

fn vet(shell: &Shell, project: &Project) -> Result<Outcome> {
    go_parts::require(shell)?;
    for module in modules(project)? {
        shell.run(go_parts::go(&module).args(["vet", "./..."]))?;
    }
    Ok(Outcome::Passed)
}

fn tests(shell: &Shell, project: &Project) -> Result<Outcome> {
    go_parts::require(shell)?;
    for module in modules(project)?.iter().filter(|module| module.starts_with(project.root.join("go"))) {
        // -v for the reasons of skipped tests; -count=1 because these tests start programs that the cache knows nothing of.
        shell.run(go_parts::go(module).args(["test", "-v", "-count=1", "-timeout=10m", "./..."]))?;
    }
    Ok(Outcome::Passed)
}

/// The directories with a go.mod, also those of Rust tests; what tests read as data is left out.
fn modules(project: &Project) -> Result<Vec<PathBuf>> {
    let entries = crate::tidy::sources(&project.root)?;
    let found = entries
        .into_iter()
        .filter(|entry| entry.relative.ends_with("/go.mod") && !entry.relative.contains("/testdata/"));
    Ok(found.filter_map(|entry| Some(entry.path.parent()?.to_owned())).collect())
}
