//! The parts in Go: the test host and the test plugin.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::project::Project;
use crate::shell::Shell;

/// `go` in a directory.
pub(crate) fn go(directory: &Path) -> Command {
    let mut command = Command::new("go");
    command.current_dir(directory);
    command
}

/// Fails with one sentence if Go is missing.
pub(crate) fn require(shell: &Shell) -> Result<String> {
    let version = shell.read(Command::new("go").arg("version"));
    Ok(version.context("Go is needed: install Go 1.26 or newer and put `go` on the PATH")?.trim().to_owned())
}

/// Builds the test host and returns its executable.
pub(crate) fn refhost(shell: &Shell, project: &Project) -> Result<PathBuf> {
    build(shell, project, "refhost", &project.made("go")?)
}

/// Builds the test plugin in Go and returns its bundle's directory.
pub(crate) fn goplugin(shell: &Shell, project: &Project) -> Result<PathBuf> {
    let bundle = project.made("go/com.example.goplugin")?;
    build(shell, project, "goplugin", &bundle)?;
    std::fs::copy(project.root.join("go/goplugin/plugin.json"), bundle.join("plugin.json"))?;
    Ok(bundle)
}

fn build(shell: &Shell, project: &Project, name: &str, into: &Path) -> Result<PathBuf> {
    require(shell)?;
    let executable = into.join(name);
    let mut command = go(&project.root.join("go").join(name));
    // Without cgo the programs are static, and run where there is nothing else.
    command.env("CGO_ENABLED", "0");
    // Without -buildvcs=false a checkout that git does not trust, or no checkout at all, is an error.
    shell.run(command.args(["build", "-buildvcs=false", "-o"]).arg(&executable).arg("."))?;
    Ok(executable)
}
