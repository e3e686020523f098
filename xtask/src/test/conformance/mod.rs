//! `tests/conformance`: every method, every hook and the written cases, from Go's own host to plugins in every language and back.

mod languages;
mod matrix;
mod summary;

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
    Step { name: "conformance", lane: Lane::Alone, minutes: 30, run: languages::conformance },
    Step { name: "conformance scenarios", lane: Lane::Alone, minutes: 30, run: scenarios },
    Step { name: "conformance mutations", lane: Lane::Alone, minutes: 30, run: mutations },
];

/// What the handlers of the test plugin in Python are; its bundle has a file that says it.
const COLOURS: [&str; 2] = ["sync", "async"];

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
    let bundle = test_plugin(shell, project, "python")?;
    for colour in COLOURS {
        paint(&bundle, colour)?;
        let mut command = Command::new(&refhost);
        command.env("GO", &go).env("HELLO", &hello.directory).env("CONFORMANCE", &bundle);
        shell.run(command.arg("scenario").args(&scripts))?;
    }
    Ok(Outcome::Passed)
}

/// The run has to fail when a field is mutated, in the SDK or in the bridge, for frames and for gRPC.
fn mutations(shell: &Shell, project: &Project) -> Result<Outcome> {
    let refhost = go_parts::refhost(shell, project)?;
    let mut command = Python::any(shell)?.command();
    command.arg(project.root.join("tests/conformance/mutation/run.py")).arg("--refhost").arg(refhost);
    command.arg("--bundle").arg(test_plugin(shell, project, "python")?);
    command.arg("--grpc-bundle").arg(test_plugin(shell, project, "grpcio")?);
    shell.run(command.arg("--work").arg(project.made("mutation")?))?;
    Ok(Outcome::Passed)
}

/// Makes the bundle of the test plugin in this directory of `tests/conformance`.
fn test_plugin(shell: &Shell, project: &Project, directory: &str) -> Result<PathBuf> {
    let source = project.root.join("tests/conformance").join(directory);
    // The optimizer takes minutes for a plugin in Rust, which has every method; the bridge is there already.
    let options = Options { debug: directory == "rust", ..Options::unpacked() };
    Ok(bundle::build(shell, project, &source, &options)?.directory)
}

/// Says what the handlers of the plugin in Python are to be, in the bundle and in its list of files.
fn paint(bundle: &Path, colour: &str) -> Result<()> {
    let file = bundle.join("colour");
    std::fs::write(&file, colour).with_context(|| format!("cannot write {}", file.display()))?;
    bundle::list_files(bundle)
}
