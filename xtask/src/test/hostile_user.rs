//! `tests/hostile_user`: another user of the machine, and strangers of the same one, get nothing.

use anyhow::Result;

use super::step::{Lane, Outcome, Step};
use crate::bundle::{self, Options};
use crate::go_parts;
use crate::project::Project;
use crate::python::Python;
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[Step { name: "hostile user", lane: Lane::Alone, minutes: 10, run: hostile_user }];

fn hostile_user(shell: &Shell, project: &Project) -> Result<Outcome> {
    if !rustix::process::geteuid().is_root() {
        return Ok(Outcome::Skipped("only root can be another user".to_owned()));
    }
    let refhost = go_parts::refhost(shell, project)?;
    let tests = project.root.join("tests/hostile_user");
    let bundle = bundle::build(shell, project, &tests.join("plugin"), &Options::unpacked())?;
    let mut command = Python::any(shell)?.command();
    command.arg(tests.join("run.py")).arg("--refhost").arg(refhost).arg("--bundle").arg(bundle.directory);
    shell.run(command.env("PYTHONDONTWRITEBYTECODE", "1"))?;
    Ok(Outcome::Passed)
}
