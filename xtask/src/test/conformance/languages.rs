//! The conformance run of each language.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::matrix::{self, Column};
use super::summary::Summary;
use super::{paint, test_plugin};
use crate::files;
use crate::go_parts;
use crate::node::Node;
use crate::project::Project;
use crate::shell::Shell;
use crate::test::step::Outcome;

/// One column of the matrix.
struct Language {
    name: &'static str,
    /// The directory of its plugin in `tests/conformance`.
    directory: &'static str,
    /// What its handlers are, for the plugin that has both.
    colour: Option<&'static str>,
    /// With which clients it calls the API; one client needs one of them.
    styles: &'static str,
    seeds: &'static [&'static str],
    /// What it cannot be built without.
    needs: Option<fn(&Shell, &Project) -> Result<()>>,
}

const LANGUAGES: [Language; 5] = [
    python("Python def", "sync"),
    python("Python async def", "async"),
    one_client("TypeScript", "typescript", Some(node)),
    one_client("Python grpcio", "grpcio", None),
    one_client("Rust", "rust", None),
];

const fn python(name: &'static str, colour: &'static str) -> Language {
    let (directory, styles) = ("python", "sync,async");
    Language { name, directory, colour: Some(colour), styles, seeds: &["1", "2", "3"], needs: None }
}

const fn one_client(
    name: &'static str,
    directory: &'static str,
    needs: Option<fn(&Shell, &Project) -> Result<()>>,
) -> Language {
    Language { name, directory, colour: None, styles: "sync", seeds: &["1"], needs }
}

/// How many cases all languages together may leave out.
const SKIPS: usize = 3;

/// How long one run may take.
const TIMEOUT: &str = "3m";

fn node(shell: &Shell, project: &Project) -> Result<()> {
    Node::any(shell, project).map(drop)
}

/// Runs every language and prints the matrix.
pub(super) fn conformance(shell: &Shell, project: &Project) -> Result<Outcome> {
    let refhost = go_parts::refhost(shell, project)?;
    let mut columns = Vec::new();
    let mut bundles: Vec<(&str, PathBuf)> = Vec::new();
    for language in &LANGUAGES {
        if let Some(Err(error)) = language.needs.map(|needs| needs(shell, project)) {
            columns.push(Column::missing(language.name, format!("{error:#}")));
            continue;
        }
        let made = match bundles.iter().find(|(directory, _)| *directory == language.directory) {
            Some((_, bundle)) => Ok(bundle.clone()),
            None => test_plugin(shell, project, language.directory),
        };
        match made {
            Ok(bundle) => {
                columns.push(language.run(shell, project, &refhost, &bundle)?);
                bundles.push((language.directory, bundle));
            }
            Err(error) => columns.push(Column::failed(language.name, format!("there is no bundle: {error:#}"))),
        }
    }
    print!("\n{}", matrix::render(&columns));
    verdict(shell, &columns)
}

impl Language {
    /// Runs all seeds. A difference is no error here: the other languages are to be run, too.
    fn run(&self, shell: &Shell, project: &Project, refhost: &Path, bundle: &Path) -> Result<Column> {
        if let Some(colour) = self.colour {
            paint(bundle, colour)?;
        }
        let directory = project.made("conformance")?;
        let file = directory.join("summary.json");
        let mut column = Column::of(self.name);
        for seed in self.seeds {
            files::empty(&directory)?;
            let mut command = Command::new(refhost);
            command.args(["conformance", "--styles", self.styles, "--seed", seed, "--timeout", TIMEOUT]);
            command.arg("--plugin").arg(bundle).arg("--summary").arg(&file);
            command.arg("--cases").arg(project.root.join("tests/conformance/cases"));
            let passed = shell.status(&mut command)?.success();
            match read(&file) {
                Ok(summary) => column.add(summary, passed),
                Err(error) => column.fail(format!("seed {seed}: the run was not finished: {error:#}")),
            }
        }
        Ok(column)
    }
}

fn read(file: &Path) -> Result<Summary> {
    let text = std::fs::read(file).context("there is no summary")?;
    serde_json::from_slice(&text).context("its summary cannot be read")
}

/// What all columns come to.
fn verdict(shell: &Shell, columns: &[Column]) -> Result<Outcome> {
    let mut failed = Vec::new();
    let mut missing = Vec::new();
    let mut skips = 0;
    for column in columns {
        for skip in column.skips() {
            skips += 1;
            // Lines of this form are found and listed at the end of all steps.
            shell.say(&format!("SKIPPED: {}: {}: {}", column.name(), skip.case, skip.reason));
        }
        failed.extend(column.failures().map(|failure| format!("{}: {failure}", column.name())));
        missing.extend(column.absence().map(|reason| format!("{}: {reason}", column.name())));
    }
    if !failed.is_empty() {
        failed.truncate(20);
        bail!("{}", failed.join("\n"));
    }
    if skips > SKIPS {
        bail!("{skips} cases are skipped; {SKIPS} are allowed");
    }
    if missing.is_empty() { Ok(Outcome::Passed) } else { Ok(Outcome::Skipped(missing.join("; "))) }
}
