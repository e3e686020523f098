//! Formats generated files with the language's own formatter, so that a check compares like with like.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::backends::Output;
use crate::error::{Error, Result};

/// A formatter: it rewrites the files that it is given.
struct Formatter {
    extension: &'static str,
    tool: &'static str,
    args: &'static [&'static str],
}

/// By extension; files of other kinds stay as their backend wrote them. Python is not here: a fresh machine has no `ruff`, so the
/// Python backend writes what `ruff format` would.
const FORMATTERS: [Formatter; 2] = [
    Formatter { extension: "rs", tool: "rustfmt", args: &["--edition", "2024"] },
    Formatter { extension: "go", tool: "gofmt", args: &["-w"] },
];

/// Settings of formatters in the root of a checkout; they look for them in the directories above a file.
const SETTINGS: [&str; 1] = ["rustfmt.toml"];

/// Formats all outputs in place, with the settings of the checkout at `root`.
pub(crate) fn format(root: &Path, outputs: &mut [Output]) -> Result<()> {
    let dir = tempfile::tempdir().map_err(Error::io("temporary directory"))?;
    for name in SETTINGS.iter().filter(|name| root.join(name).exists()) {
        std::fs::copy(root.join(name), dir.path().join(name)).map_err(Error::io(root.join(name)))?;
    }
    for formatter in &FORMATTERS {
        let mut chosen: Vec<&mut Output> = outputs
            .iter_mut()
            .filter(|output| Path::new(&output.path).extension().is_some_and(|ext| ext == formatter.extension))
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let paths = chosen.iter().map(|output| store(dir.path(), output)).collect::<Result<Vec<_>>>()?;
        run(formatter, dir.path(), &paths)?;
        for (output, path) in chosen.iter_mut().zip(&paths) {
            output.contents = std::fs::read_to_string(path).map_err(Error::io(path))?;
        }
    }
    Ok(())
}

fn store(dir: &Path, output: &Output) -> Result<PathBuf> {
    let path = dir.join(&output.path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
    }
    std::fs::write(&path, &output.contents).map_err(Error::io(&path))?;
    Ok(path)
}

fn run(formatter: &Formatter, dir: &Path, paths: &[PathBuf]) -> Result<()> {
    let fault = |message: String| Error::Format { tool: formatter.tool, message };
    let output = Command::new(formatter.tool)
        .args(formatter.args)
        .args(paths)
        .current_dir(dir)
        .output()
        .map_err(|error| fault(format!("cannot be started ({error}); install it or put it on PATH")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(fault(String::from_utf8_lossy(&output.stderr).into_owned()))
}
