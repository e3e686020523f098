//! `tests/streams`: HTTP, WebSockets, files and the bodies of API calls, with real clients.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::python::Tools;
use super::step::{Lane, Outcome, Step};
use crate::bundle::{self, Options};
use crate::files;
use crate::go_parts;
use crate::project::Project;
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[Step { name: "streams", lane: Lane::Alone, minutes: 20, run: streams }];

fn streams(shell: &Shell, project: &Project) -> Result<Outcome> {
    let tests = project.root.join("tests/streams");
    let bundles = project.made("streams")?;
    for entry in tests.join("plugins").read_dir()? {
        let plugin = entry?;
        let bundle = bundle::build(shell, project, &plugin.path(), &Options::unpacked())?;
        link(&bundle.directory, &bundles.join(plugin.file_name()))?;
    }
    let tools = Tools::find(shell, project)?;
    let mut command = tools.pytest();
    command.args(["-ra", "--strict-markers", "-W", "error", "--rootdir", "."]).current_dir(&tests);
    command.env("REFHOST", go_parts::refhost(shell, project)?).env("BUNDLES", &bundles);
    shell.run(&mut command)?;
    Ok(Outcome::Passed)
}

/// The tests know a bundle by the name of its plugin's directory.
fn link(bundle: &Path, name: &Path) -> Result<()> {
    files::remove(name)?;
    std::os::unix::fs::symlink(bundle, name).with_context(|| format!("cannot make {}", name.display()))
}
