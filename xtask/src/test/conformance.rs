//! `tests/conformance`: every method and every hook, from Go's own host through the bridge to Python and back.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::step::{Lane, Outcome, Step};
use crate::bundle::{self, Options};
use crate::go_parts;
use crate::project::Project;
use crate::python::Python;
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "conformance", lane: Lane::Alone, minutes: 30, run: conformance },
    Step { name: "conformance scenarios", lane: Lane::Alone, minutes: 30, run: scenarios },
    Step { name: "conformance mutations", lane: Lane::Alone, minutes: 30, run: mutations },
];

/// What the test plugin's handlers are; its bundle has a file that says it.
const COLOURS: [&str; 2] = ["sync", "async"];

const SEEDS: [&str; 3] = ["1", "2", "3"];

fn conformance(shell: &Shell, project: &Project) -> Result<Outcome> {
    let refhost = go_parts::refhost(shell, project)?;
    let bundle = test_plugin(shell, project)?;
    for colour in COLOURS {
        paint(&bundle, colour)?;
        for seed in SEEDS {
            shell.run(Command::new(&refhost).args(["conformance", "--seed", seed, "--plugin"]).arg(&bundle))?;
        }
    }
    Ok(Outcome::Passed)
}

/// Scripts with servers of other versions, and with several plugins.
fn scenarios(shell: &Shell, project: &Project) -> Result<Outcome> {
    let mut scripts = Vec::new();
    for entry in project.root.join("tests/conformance/scenarios").read_dir()? {
        scripts.push(entry?.path());
    }
    scripts.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    if scripts.is_empty() {
        bail!("there are no scenarios in tests/conformance/scenarios");
    }
    scripts.sort();
    let refhost = go_parts::refhost(shell, project)?;
    let go = go_parts::goplugin(shell, project)?;
    let hello = bundle::build(shell, project, &project.root.join("examples/hello_python"), &Options::unpacked())?;
    let bundle = test_plugin(shell, project)?;
    for colour in COLOURS {
        paint(&bundle, colour)?;
        let mut command = Command::new(&refhost);
        command.env("GO", &go).env("HELLO", &hello.directory).env("CONFORMANCE", &bundle);
        shell.run(command.arg("scenario").args(&scripts))?;
    }
    Ok(Outcome::Passed)
}

/// The run has to fail when a field is mutated, in the SDK or in the bridge.
fn mutations(shell: &Shell, project: &Project) -> Result<Outcome> {
    let refhost = go_parts::refhost(shell, project)?;
    let bundle = test_plugin(shell, project)?;
    let mut command = Python::any(shell)?.command();
    command.arg(project.root.join("tests/conformance/mutation/run.py")).arg("--refhost").arg(refhost);
    shell.run(command.arg("--bundle").arg(bundle).arg("--work").arg(project.made("mutation")?))?;
    Ok(Outcome::Passed)
}

fn test_plugin(shell: &Shell, project: &Project) -> Result<PathBuf> {
    let source = project.root.join("tests/conformance/python");
    Ok(bundle::build(shell, project, &source, &Options::unpacked())?.directory)
}

fn paint(bundle: &Path, colour: &str) -> Result<()> {
    let file = bundle.join("colour");
    std::fs::write(&file, colour).with_context(|| format!("cannot write {}", file.display()))
}
