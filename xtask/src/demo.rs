//! `cargo xtask demo`: hello_python and the Go plugin under Go's own go-plugin host.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::bundle::{self, Options};
use crate::go_parts;
use crate::project::Project;
use crate::shell::Shell;

/// Runs the command.
pub(crate) fn run() -> Result<ExitCode> {
    play(&Shell::terminal(), &Project::load()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds what the demo needs and plays it.
pub(crate) fn play(shell: &Shell, project: &Project) -> Result<()> {
    go_parts::require(shell)?;
    shell.say("building the bridge, the bundle and the host; the first time takes a minute or two");
    let hello = bundle::build(shell, project, &project.root.join("examples/hello_python"), &Options::unpacked())?;
    let goplugin = go_parts::goplugin(shell, project)?;
    let mut refhost = Command::new(go_parts::refhost(shell, project)?);
    refhost.arg("demo").arg("--plugin").arg(&hello.directory).arg("--plugin2").arg(goplugin);
    let status = shell.status(refhost.current_dir(&project.root))?;
    if !status.success() {
        bail!("the demo failed ({status}); the lines above say what was expected");
    }
    Ok(())
}
