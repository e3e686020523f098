//! `tests/database`: the database driver, from Python through the bridge and the host to a real PostgreSQL.

use anyhow::Result;

use super::step::{Lane, Outcome, Step};
use crate::bundle::{self, Options};
use crate::go_parts;
use crate::postgres;
use crate::project::Project;
use crate::python::Python;
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[Step { name: "database", lane: Lane::Alone, minutes: 10, run: database }];

fn database(shell: &Shell, project: &Project) -> Result<Outcome> {
    let refhost = go_parts::refhost(shell, project)?;
    let plugin = project.root.join("tests/database/plugin");
    let bundle = bundle::build(shell, project, &plugin, &Options::unpacked())?;
    let mut command = Python::any(shell)?.command();
    command.arg(project.root.join("tests/database/run.py")).env("PATH", postgres::path(shell, project)?);
    shell.run(command.arg("--refhost").arg(refhost).arg("--bundle").arg(bundle.directory))?;
    Ok(Outcome::Passed)
}
