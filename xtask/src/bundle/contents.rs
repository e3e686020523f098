//! What goes into a bundle besides the bridge and the packages: the plugin's own files, and bytecode.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::files;
use crate::python::Python;
use crate::shell::Shell;

/// Where the bridge looks for the SDK and the plugin's dependencies.
pub(crate) const PACKAGES: &str = "server/site-packages";

/// Directories at the top of a plugin that belong to its development.
const LEFT_AT_THE_TOP: [&str; 7] = ["tests", "dist", "build", "venv", "env", "target", PACKAGES];

/// Copies the plugin's own files.
pub(crate) fn plugin(dir: &Path, into: &Path) -> Result<()> {
    files::copy(dir, into, &belongs).with_context(|| format!("cannot take the files of {}", dir.display()))
}

/// Copies the files of a plugin in Rust that are not its source.
pub(crate) fn assets(dir: &Path, into: &Path) -> Result<()> {
    let keep =
        |relative: &str| belongs(relative) && !matches!(relative, "src" | "Cargo.toml" | "Cargo.lock" | "build.rs");
    files::copy(dir, into, &keep).with_context(|| format!("cannot take the files of {}", dir.display()))
}

/// Whether a file or directory of a plugin goes into its bundle. Hidden files never do: `.env` holds secrets, `.git` the history.
fn belongs(relative: &str) -> bool {
    let name = relative.rsplit('/').next().unwrap_or(relative);
    let generated =
        name == "__pycache__" || name == "node_modules" || name.ends_with(".pyc") || name.ends_with(".egg-info");
    !name.starts_with('.') && !generated && !LEFT_AT_THE_TOP.contains(&relative)
}

/// Compiles all Python files. The bytecode is never checked against the source's time, which the server forgets; and a worker writes none,
/// because the server deletes what a bundle was unpacked to at every start.
pub(crate) fn precompile(shell: &Shell, python: &Python, staging: &Path) -> Result<()> {
    let packages = staging.join(PACKAGES);
    // Packages may hold files that are no code for this Python, such as templates; they are none of the author's business.
    shell.status(compileall(python, staging, &packages).arg("-qq"))?;
    let mut own = compileall(python, staging, staging);
    own.args(["-q", "-x", "/server/site-packages/"]);
    shell
        .run(&mut own)
        .with_context(|| format!("the plugin's own files are not all valid for Python {}", python.version()))
}

fn compileall(python: &Python, staging: &Path, what: &Path) -> std::process::Command {
    let mut command = python.command();
    // The stripped prefix keeps this machine's paths out; Python puts the right ones in when it loads the file.
    command.args(["-I", "-m", "compileall", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s"]).arg(staging);
    command.arg(what);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_files_stay_behind() {
        for name in
            ["plugin.json", "plugin.py", "requirements.txt", "webapp/dist/main.js", "package/tests", "assets/icon.svg"]
        {
            assert!(belongs(name), "{name}");
        }
        for name in [
            ".git",
            ".env",
            "a/.venv",
            "tests",
            "dist",
            "a/__pycache__",
            "a/b.pyc",
            "server/site-packages",
            "node_modules",
        ] {
            assert!(!belongs(name), "{name}");
        }
    }
}
