//! The build of a plugin on gRPC: its own executable file `build`, run in a copy of the plugin's directory.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::files;
use crate::project::Project;
use crate::python::Python;
use crate::shell::Shell;

/// The file that makes the plugin's program out of its source.
const BUILD: &str = "build";

/// Lists what the build leaves and no bundle needs: one path or `*.ending` on each line.
const IGNORE: &str = ".bundleignore";

/// Runs the build of the plugin in `dir`, if it has one, in `staging`, and removes what does not belong into a bundle.
pub(crate) fn run(shell: &Shell, project: &Project, dir: &Path, staging: &Path, python: Option<&Path>) -> Result<()> {
    let build = dir.join(BUILD);
    if build.is_file() {
        let build = build.canonicalize()?;
        let mut command = Command::new(&build);
        command.current_dir(staging).env("MMP_PROTO", project.root.join("proto"));
        match python {
            Some(python) => command.env("MMP_PYTHON", python),
            None => command.env("MMP_PYTHON", Python::any(shell)?.command().get_program()),
        };
        shell.run(&mut command).with_context(|| format!("{} failed", build.display()))?;
    }
    let ignored = match std::fs::read_to_string(dir.join(IGNORE)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {IGNORE}")),
    };
    prune(staging, &ignored)
}

/// Removes what is ignored and refuses what a server would not unpack.
fn prune(staging: &Path, ignored: &str) -> Result<()> {
    let patterns: Vec<&str> = ignored.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    for pattern in patterns.iter().filter(|pattern| !pattern.starts_with('*')) {
        let path = staging.join(pattern.trim_end_matches('/'));
        if path.is_dir() {
            files::remove(&path)?;
        } else if path.exists() {
            std::fs::remove_file(&path)?;
        }
    }
    let endings: Vec<&str> = patterns.iter().filter_map(|pattern| pattern.strip_prefix('*')).collect();
    for entry in files::walk(staging, &|_| true)? {
        if endings.iter().any(|ending| entry.relative.ends_with(ending)) {
            std::fs::remove_file(&entry.path)?;
        } else if entry.path.symlink_metadata()?.file_type().is_symlink() {
            bail!(
                "the build left a symbolic link, {}, which servers do not unpack: copy the file, or list it in {IGNORE}",
                entry.relative
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_goes_and_links_are_refused() {
        let staging = tempfile::tempdir().unwrap();
        let at = |name: &str| staging.path().join(name);
        std::fs::create_dir_all(at("node_modules/.bin")).unwrap();
        std::os::unix::fs::symlink("/bin/true", at("node_modules/.bin/tsc")).unwrap();
        for name in ["plugin.json", "a.map", "package.json"] {
            std::fs::write(at(name), "{}").unwrap();
        }
        let error = prune(staging.path(), "").unwrap_err().to_string();
        assert!(error.contains("node_modules/.bin/tsc"), "{error}");
        prune(staging.path(), "# what npm leaves\nnode_modules/\npackage.json\n*.map\nnot-there\n").unwrap();
        let left: Vec<String> =
            files::walk(staging.path(), &|_| true).unwrap().into_iter().map(|e| e.relative).collect();
        assert_eq!(left, ["plugin.json"]);
    }
}
