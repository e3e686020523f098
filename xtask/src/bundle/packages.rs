//! `server/site-packages`: the SDK, msgspec for every Python that the plugin accepts, and the plugin's dependencies.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::contents::PACKAGES;
use super::fits::{MINORS, allows};
use super::manifest::PythonWorker;
use crate::files;
use crate::project::{self, Project};
use crate::python::{PyProject, Python};
use crate::shell::Shell;

/// The SDK's only dependency. Its extension module carries the Python version in its name, so those of several versions lie side by side.
const CODEC: &str = "msgspec";

/// Fills the bundle's packages.
pub(crate) fn vendor(
    shell: &Shell,
    project: &Project,
    python: &Python,
    worker: &PythonWorker,
    bundle: &Path,
) -> Result<()> {
    let into = bundle.join(PACKAGES);
    let sdk = PyProject::read(project)?.dependencies;
    let pip = Pip { shell, project, python };
    match &worker.requirements {
        None => files::copy(&pip.cached(&sdk.join(" "), &sdk, python.minor())?, &into, &belongs)?,
        Some(list) => {
            let mut command = pip.install(&into)?;
            shell.run(command.arg("--requirement").arg(list).args(&sdk)).with_context(|| {
                format!("the dependencies in {} cannot be installed for Python {}", list.display(), python.version())
            })?;
            files::remove(&into.join("bin"))?;
        }
    }
    add_other_versions(&pip, worker, &into)?;
    files::copy(&project.root.join("python/src/mattermost_plugin"), &into.join("mattermost_plugin"), &belongs)
}

/// Scripts have this machine's interpreter in their first line, and bytecode is made later.
fn belongs(relative: &str) -> bool {
    relative != "bin" && !relative.ends_with("__pycache__")
}

/// Adds msgspec's extension modules for the other Python versions that the manifest allows, as far as there are wheels.
fn add_other_versions(pip: &Pip, worker: &PythonWorker, into: &Path) -> Result<()> {
    let Some(version) = installed_version(into)? else { return Ok(()) };
    let pinned = format!("{CODEC}=={version}");
    for minor in MINORS.filter(|&minor| minor != pip.python.minor() && allows(&worker.requires, minor)) {
        match pip.cached(&pinned, std::slice::from_ref(&pinned), minor) {
            Ok(tree) => add_extensions(&tree, into)?,
            Err(_) => {
                pip.shell.say(&format!("note: there is no {pinned} for Python 3.{minor}; the bundle will not fit it"))
            }
        }
    }
    Ok(())
}

/// The version of msgspec, from the name of the directory with its metadata.
fn installed_version(packages: &Path) -> Result<Option<String>> {
    for entry in fs::read_dir(packages)? {
        let name = entry?.file_name();
        let version = name.to_str().and_then(|name| name.strip_prefix("msgspec-")?.strip_suffix(".dist-info"));
        if let Some(version) = version {
            return Ok(Some(version.to_owned()));
        }
    }
    Ok(None)
}

fn add_extensions(from: &Path, into: &Path) -> Result<()> {
    for entry in files::walk(from, &belongs)? {
        if Path::new(&entry.relative).extension() == Some(OsStr::new("so")) {
            files::put(&entry.path, &into.join(&entry.relative))?;
        }
    }
    Ok(())
}

struct Pip<'a> {
    shell: &'a Shell,
    project: &'a Project,
    python: &'a Python,
}

impl Pip<'_> {
    fn install(&self, into: &Path) -> Result<Command> {
        let mut command = self.python.pip(self.shell, self.project)?;
        command.args(["install", "--quiet", "--no-compile", "--no-warn-conflicts", "--target"]).arg(into);
        Ok(command)
    }

    /// A directory with these packages for one Python version, kept in the target directory for the next bundle.
    fn cached(&self, name: &str, requirements: &[String], minor: u32) -> Result<PathBuf> {
        let name: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || ".-=".contains(c) { c } else { '_' }).collect();
        let packages = self.project.made("packages")?;
        let name = format!("{name}-py3{minor}-{}", project::platform());
        let place = packages.join(&name);
        if place.is_dir() {
            return Ok(place);
        }
        let partial = packages.join(format!(".{name}.partial-{}", std::process::id()));
        files::empty(&partial)?;
        let mut command = self.install(&partial)?;
        command.args(["--only-binary=:all:", "--no-deps", "--implementation", "cp"]);
        command.arg(format!("--python-version=3.{minor}")).args(requirements);
        // Read instead of run: a version without wheels is no failure, and what pip says about it would look like one.
        let installed = self.shell.read(&mut command);
        if let Err(error) = installed.and_then(|_| Ok(fs::rename(&partial, &place)?)) {
            files::remove(&partial)?;
            return Err(error.context(format!("{} cannot be fetched", requirements.join(" "))));
        }
        Ok(place)
    }
}
