//! The Python interpreter of this machine, pip, and virtual environments.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::project::Project;
use crate::shell::Shell;

/// Names on the PATH; `python3` comes first because it is what the machine's owner chose.
const NAMES: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// What an interpreter says about itself.
const QUESTION: &str = "import json, sys; print(json.dumps(dict(path=sys.executable, version=sys.version_info[:3])))";

/// Which versions will do.
#[derive(Clone, Copy)]
pub(crate) struct Requirement<'a> {
    /// In words, after "Python".
    pub(crate) text: &'a str,
    /// Whether a version will do.
    pub(crate) allows: &'a dyn Fn((u32, u32, u32)) -> bool,
}

/// An interpreter.
#[derive(Debug, Deserialize)]
pub(crate) struct Python {
    path: PathBuf,
    version: (u32, u32, u32),
}

impl Python {
    /// Finds the interpreter: the one that is named, or else the first on the PATH whose version will do.
    pub(crate) fn find(shell: &Shell, named: Option<&Path>, allowed: Requirement) -> Result<Python> {
        if let Some(path) = named {
            let python = Python::ask(shell, path).with_context(|| format!("{} is no Python", path.display()))?;
            if !(allowed.allows)(python.version) {
                bail!("{} is Python {}, and {} is needed", path.display(), python.version(), allowed.text);
            }
            return Ok(python);
        }
        let mut found = NAMES.iter().filter_map(|name| Python::ask(shell, Path::new(name)).ok());
        match found.find(|python| (allowed.allows)(python.version)) {
            Some(python) => Ok(python),
            None => bail!("Python {} is needed: install it and put `python3` on the PATH", allowed.text),
        }
    }

    /// Finds an interpreter that the SDK and its tools run on.
    pub(crate) fn any(shell: &Shell) -> Result<Python> {
        Python::find(shell, None, Requirement { text: "3.10 or newer", allows: &|version| version >= (3, 10, 0) })
    }

    fn ask(shell: &Shell, path: &Path) -> Result<Python> {
        let answer = shell.read(Command::new(path).args(["-I", "-S", "-c", QUESTION]))?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// The minor version: 11 of 3.11.
    pub(crate) fn minor(&self) -> u32 {
        self.version.1
    }

    /// The version, such as 3.11.7.
    pub(crate) fn version(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }

    /// The interpreter as a command.
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.path)
    }

    /// `pip` for this interpreter: its own, or one in a virtual environment, because distributions leave pip out.
    pub(crate) fn pip(&self, shell: &Shell, project: &Project) -> Result<Command> {
        let mut python = self.path.clone();
        if shell.read(self.command().args(["-I", "-m", "pip", "--version"])).is_err() {
            python = self.venv(shell, &project.made("")?.join(format!("venv-pip-{}", self.version())), &[])?;
        }
        Ok(pip(&python))
    }

    /// A virtual environment with these packages; returns its interpreter. What is there and right is kept.
    pub(crate) fn venv(&self, shell: &Shell, directory: &Path, requirements: &[String]) -> Result<PathBuf> {
        let stamp = directory.join("made-by-xtask");
        let wanted = format!("{} {}\n{}\n", self.path.display(), self.version(), requirements.join("\n"));
        let python = directory.join("bin/python");
        if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            return Ok(python);
        }
        shell
            .run(self.command().args(["-I", "-m", "venv", "--clear"]).arg(directory))
            .context("a virtual environment cannot be made; some distributions have a package python3-venv for it")?;
        if !requirements.is_empty() {
            shell.run(pip(&python).args(["install", "--quiet"]).args(requirements)).context("pip failed")?;
        }
        std::fs::write(stamp, wanted)?;
        Ok(python)
    }
}

/// pip without questions, advice, and settings that would send packages elsewhere.
fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip"]);
    command.env("PIP_NO_INPUT", "1").env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PIP_ROOT_USER_ACTION", "ignore");
    command.env("PIP_USER", "0").env_remove("PIP_TARGET").env_remove("PIP_PREFIX").env_remove("PYTHONPATH");
    command
}

/// The parts of `python/pyproject.toml` that the commands need.
pub(crate) struct PyProject {
    /// What the SDK depends on.
    pub(crate) dependencies: Vec<String>,
    /// The pinned tools of the extra `dev`.
    pub(crate) development: Vec<String>,
}

impl PyProject {
    /// Reads the file.
    pub(crate) fn read(project: &Project) -> Result<PyProject> {
        let path = project.root.join("python/pyproject.toml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let value: toml::Table = text.parse().with_context(|| path.display().to_string())?;
        let list = |keys: &[&str]| {
            let start = value.get("project")?;
            let list = keys.iter().try_fold(start, |value, key| value.get(key))?.as_array()?;
            list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        Ok(PyProject {
            dependencies: list(&["dependencies"]).context("pyproject.toml has no project.dependencies")?,
            development: list(&["optional-dependencies", "dev"]).context("pyproject.toml has no extra dev")?,
        })
    }
}
