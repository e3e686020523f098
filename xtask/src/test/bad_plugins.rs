//! `tests/bad_plugins`: what the server is told about plugins that cannot work, and that nothing of them is left.

use super::python::Tools;
use super::step::{Lane, Outcome, Step};
use crate::bundle::{self, Options};
use crate::go_parts;
use crate::project::Project;
use crate::shell::Shell;
use anyhow::Result;

/// The steps.
pub(crate) const STEPS: &[Step] = &[Step { name: "bad plugins", lane: Lane::Alone, minutes: 10, run: bad_plugins }];

/// Every plugin there is hello_python's bundle with other files beside the bridge and the SDK.
fn bad_plugins(shell: &Shell, project: &Project) -> Result<Outcome> {
    let refhost = go_parts::refhost(shell, project)?;
    let base = bundle::build(shell, project, &project.root.join("examples/hello_python"), &Options::unpacked())?;
    // The plugins on gRPC need grpcio.
    let mut command = std::process::Command::new(Tools::find(shell, project)?.interpreter());
    command.arg(project.root.join("tests/bad_plugins/run.py")).arg("--refhost").arg(refhost);
    shell.run(command.arg("--bundle").arg(base.directory).arg("--work").arg(project.made("bad-plugins")?))?;
    Ok(Outcome::Passed)
}
