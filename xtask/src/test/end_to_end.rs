//! Steps with a host, the bridge and a worker at once.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::step::{Lane, Outcome, Step};
use crate::bundle::{self, Archive, Options};
use crate::demo;
use crate::project::Project;
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "bundle", lane: Lane::Alone, minutes: 30, run: pack },
    Step { name: "demo", lane: Lane::Alone, minutes: 30, run: play },
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
    for example in &demo::EXAMPLES {
        demo::play(shell, project, example)?;
    }
    Ok(Outcome::Passed)
}
