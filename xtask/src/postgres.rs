//! A PostgreSQL for the tests: the machine's own, or one from a Python package that carries its programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::project::Project;
use crate::python::Python;
use crate::shell::Shell;

/// The package, which needs neither root nor a package manager.
const PACKAGE: &str = "pgserver==0.1.4";

/// Where Debian and its kin put the programs, one directory for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A PATH on which `initdb` and `postgres` are found.
pub(crate) fn path(shell: &Shell, project: &Project) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if !directories.iter().any(|directory| has_server(directory)) {
        directories.insert(0, installed().map_or_else(|| packaged(shell, project), Ok)?);
    }
    std::env::join_paths(directories).context("PATH")
}

fn has_server(directory: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| directory.join(program).exists())
}

/// The newest of the machine's own.
fn installed() -> Option<PathBuf> {
    let versions = Path::new(DEBIAN).read_dir().ok()?;
    let mut found: Vec<PathBuf> = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    found.retain(|directory| has_server(directory));
    found.sort();
    found.pop()
}

fn packaged(shell: &Shell, project: &Project) -> Result<PathBuf> {
    let venv = project.target.join("venv-postgres");
    let python = Python::any(shell)?.venv(shell, &venv, &[PACKAGE.to_owned()])?;
    let question = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let packages = shell.read(std::process::Command::new(python).args(["-I", "-c", question]))?;
    Ok(Path::new(packages.trim()).join("pgserver/pginstall/bin"))
}
