//! `cargo xtask tidy`: what no compiler checks.

mod documents;
mod exceptions;
mod map;
mod sources;

use std::process::ExitCode;

use anyhow::Result;

use crate::files::{self, Entry};
use crate::project::Project;
use exceptions::Exceptions;

/// Directories that hold what tools make, wherever they are.
const MADE: [&str; 8] = ["target", "dist", "build", "__pycache__", "node_modules", "artifacts", "coverage", "corpus"];

/// Runs the command.
pub(crate) fn run() -> Result<ExitCode> {
    let problems = check(&Project::load()?)?;
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() {
        println!("tidy");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} problems", problems.len());
    Ok(ExitCode::FAILURE)
}

/// All problems, each a line that begins with the file.
fn check(project: &Project) -> Result<Vec<String>> {
    let entries = sources(&project.root)?;
    let exceptions = Exceptions::read(&project.root)?;
    let mut problems = documents::check(&project.root, &entries, &exceptions)?;
    problems.extend(map::check(project)?);
    problems.extend(sources::check(&entries, &exceptions)?);
    problems.extend(exceptions.unused());
    Ok(problems)
}

/// The files of the checkout that people or the generator wrote.
pub(crate) fn sources(root: &std::path::Path) -> Result<Vec<Entry>> {
    files::walk(root, &|relative| {
        let name = relative.rsplit('/').next().unwrap_or(relative);
        let hidden = name.starts_with('.') && !matches!(relative, ".ci" | ".cargo" | ".gitignore" | ".gitattributes");
        !hidden && !MADE.contains(&name) && !name.starts_with("target-") && !name.ends_with(".egg-info")
    })
}
