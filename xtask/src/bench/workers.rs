//! The throughput of several workers, and how soon a worker is back; and whether that is as good as promised.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::bundle::{self, Options};
use crate::project::Project;
use crate::results;
use crate::shell::Shell;
use crate::variant;

/// How many workers the plugins have that are compared; the first is what the ratio refers to.
const WORKERS: [u32; 2] = [1, 2];

/// What a line of a report begins with that says which median misses its target.
const MISSED: &str = "MISSED: ";

/// Measures, and puts the figures into sections of their own. Returns what missed its target.
pub(super) fn measure(shell: &Shell, project: &Project, refhost: &Path, page: &Path) -> Result<Vec<String>> {
    let mut command = Command::new(refhost);
    command.arg("workers");
    for workers in WORKERS {
        let directory = variant::bundle(shell, project, &project.root.join("bench/workers"), workers)?;
        command.arg(format!("--plugin={workers}={}", directory.display()));
    }
    let mut missed = section(shell, project, &mut command, page, "Several workers")?;
    let hello = bundle::build(shell, project, &project.root.join("examples/hello_python"), &Options::unpacked())?;
    let mut command = Command::new(refhost);
    command.arg("restarts").arg("--plugin").arg(hello.directory);
    missed.extend(section(shell, project, &mut command, page, "Restarts")?);
    Ok(missed)
}

/// Fails if anything missed its target.
pub(super) fn verdict(missed: &[String]) -> Result<()> {
    if missed.is_empty() {
        return Ok(());
    }
    bail!(
        "a median misses its target: {}; if the machine was busy with something else, measure again when it is not",
        missed.join("; ")
    )
}

/// Runs a measurement and puts its report into a section, also when it misses a target: what was measured is worth knowing.
fn section(shell: &Shell, project: &Project, command: &mut Command, page: &Path, heading: &str) -> Result<Vec<String>> {
    let report = project.made("bench")?.join("workers.md");
    // A report of the last run must not be taken for one of this run.
    std::fs::write(&report, "").with_context(|| format!("cannot write {}", report.display()))?;
    let succeeded = shell.status(command.arg("--report").arg(&report))?.success();
    let text = std::fs::read_to_string(&report).with_context(|| format!("cannot read {}", report.display()))?;
    let missed = misses(succeeded, &text).with_context(|| heading.to_owned())?;
    results::put(page, heading, &format!("`cargo xtask bench --workers`, {}. {text}", results::today()?))?;
    Ok(missed)
}

/// The sentences of a report that say which median misses its target. A measurement fails if there are any, or if it could not be made.
fn misses(succeeded: bool, report: &str) -> Result<Vec<String>> {
    let missed: Vec<String> = report.lines().filter_map(|line| line.strip_prefix(MISSED)).map(str::to_owned).collect();
    if succeeded != missed.is_empty() || report.is_empty() {
        bail!("the measurement failed; what it said is above");
    }
    Ok(missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_fails_with_its_sentence() {
        let report = "| 2 | 150 | **1.10** | 50.0 |\n\nMISSED: with 2 workers it is slow\n\nMISSED: it is late\n";
        let missed = misses(false, report).unwrap();
        let error = verdict(&missed).unwrap_err().to_string();
        assert!(error.starts_with("a median misses its target: with 2 workers it is slow; it is late; if"), "{error}");
        verdict(&misses(true, "| 2 | 250 | **1.90** | 25.0 |\n").unwrap()).unwrap();
    }

    #[test]
    fn a_measurement_that_could_not_be_made_is_none_that_met_its_targets() {
        for (succeeded, report) in [(false, ""), (true, ""), (false, "| 2 |\n"), (true, "MISSED: it is late\n")] {
            assert!(misses(succeeded, report).is_err(), "{succeeded}, {report:?}");
        }
    }
}
