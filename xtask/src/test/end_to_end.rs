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
    Step { name: "conformance", lane: Lane::Alone, minutes: 45, run: conformance },
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

/// Every method and every hook, for each test plugin in `tests/conformance/python`.
fn conformance(shell: &Shell, project: &Project) -> Result<Outcome> {
    let plugins = test_plugins(project)?;
    if plugins.is_empty() {
        return Ok(skipped("there is no plugin in tests/conformance/python"));
    }
    let refhost = go_parts::refhost(shell, project)?;
    for plugin in plugins {
        let bundle = bundle::build(shell, project, &plugin, &Options::unpacked())?;
        shell.run(Command::new(&refhost).arg("conformance").arg("--plugin").arg(bundle.directory))?;
    }
    Ok(Outcome::Passed)
}

/// The directory itself, if it is a plugin, and the plugins in it.
fn test_plugins(project: &Project) -> Result<Vec<PathBuf>> {
    let top = project.root.join("tests/conformance/python");
    let Ok(entries) = top.read_dir() else { return Ok(Vec::new()) };
    let mut found: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    found.push(top);
    found.retain(|directory| directory.join("plugin.json").is_file());
    found.sort();
    Ok(found)
}

fn skipped(reason: &str) -> Outcome {
    Outcome::Skipped(reason.to_owned())
}
