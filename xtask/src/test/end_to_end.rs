//! Steps with a host, the bridge and a worker at once.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::step::{Lane, Outcome, Step};
use crate::bundle::{self, Archive, Options};
use crate::project::Project;
use crate::shell::Shell;
use crate::{demo, go_parts};

/// The steps.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "bundle", lane: Lane::Alone, minutes: 30, run: pack },
    Step { name: "demo", lane: Lane::Alone, minutes: 30, run: play },
    Step { name: "scenarios", lane: Lane::Alone, minutes: 30, run: scenarios },
];

/// Packs the first example, and lets tar say that it can be read.
fn pack(shell: &Shell, project: &Project) -> Result<Outcome> {
    let archive = Some(Archive::In(project.made("test-bundles")?));
    let options = Options { archive, ..Options::unpacked() };
    let bundle = bundle::build(shell, project, &project.root.join("examples/hello_python"), &options)?;
    let archive = bundle.archive.context("no archive was made")?;
    shell.run(Command::new("tar").arg("-tzf").arg(archive))?;
    Ok(Outcome::Passed)
}

fn play(shell: &Shell, project: &Project) -> Result<Outcome> {
    demo::play(shell, project)?;
    Ok(Outcome::Passed)
}

/// Scripts for plugins in Python; those that the Go plugin can play run in refhost's own tests. `${BUNDLE}` in them is hello_python's bundle.
fn scenarios(shell: &Shell, project: &Project) -> Result<Outcome> {
    let Ok(entries) = project.root.join("tests/scenarios").read_dir() else {
        return Ok(skipped("there is no tests/scenarios"));
    };
    let mut scripts: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    scripts.retain(|path| path.extension().is_some_and(|end| end == "yaml" || end == "json"));
    scripts.sort();
    let bundle = bundle::build(shell, project, &project.root.join("examples/hello_python"), &Options::unpacked())?;
    let mut command = Command::new(go_parts::refhost(shell, project)?);
    shell.run(command.arg("scenario").args(scripts).env("BUNDLE", bundle.directory))?;
    Ok(Outcome::Passed)
}

fn skipped(reason: &str) -> Outcome {
    Outcome::Skipped(reason.to_owned())
}
