//! Running steps: output into files, shown when a step fails.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;

use super::skips;
use super::step::{Finished, Lane, Outcome, Step};
use crate::project::Project;
use crate::shell::Shell;

/// How many of the last lines of a failed step are shown.
const SHOWN: usize = 120;

/// What a line has that says why a test failed: of Go, of Rust, of Python, and of the suites of this project.
const REASONS: [&str; 5] = ["--- FAIL", "panicked at", "FAILED", "WRONG", "Error:"];

/// What cargo writes for every crate: it says nothing about a failure, and takes the place of what does.
const COMPILING: &str = "   Compiling ";

/// How many such lines are shown, and how many lines on either side.
const REASONS_SHOWN: usize = 20;
const AROUND: usize = 3;

/// What steps run in.
pub(crate) struct Runner {
    project: Project,
    logs: PathBuf,
    verbose: bool,
    /// Held while a step's output is shown, so that two steps do not mix.
    screen: Mutex<()>,
}

impl Runner {
    /// A runner that keeps the output of steps in `target/test-logs`.
    pub(crate) fn new(project: Project, verbose: bool) -> Result<Runner> {
        let logs = project.made("test-logs")?;
        Ok(Runner { project, logs, verbose, screen: Mutex::new(()) })
    }

    /// Runs steps one after the other. A failure does not keep the others from running.
    pub(crate) fn run_all(&self, steps: &[Step]) -> Vec<Finished> {
        steps.iter().map(|step| self.run(step)).collect()
    }

    /// Runs a step. One with the machine to itself measures real time, which a machine that is shared with others cannot promise: it gets a second try, and the table says that it needed one.
    fn run(&self, step: &Step) -> Finished {
        let first = self.try_once(step, "");
        match (&first.outcome, step.lane) {
            (Err(reason), Lane::Alone) => Finished { first: Some(reason.clone()), ..self.try_once(step, "-again") },
            _ => first,
        }
    }

    fn try_once(&self, step: &Step, suffix: &str) -> Finished {
        let log = self.logs.join(format!("{}{suffix}.log", step.name.replace(' ', "-")));
        let start = Instant::now();
        let outcome = Shell::logged(&log, step.limit()).and_then(|shell| (step.run)(&shell, &self.project));
        let outcome = outcome.map_err(|error| format!("{error:#}"));
        let text = std::fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let skips = skips::find(&text);
        let finished = Finished { name: step.name, outcome, first: None, time: start.elapsed(), skips };
        self.show(&finished, &log, &text);
        finished
    }

    fn show(&self, finished: &Finished, log: &Path, text: &str) {
        let _screen = self.screen.lock();
        let seconds = finished.time.as_secs_f64();
        match &finished.outcome {
            Ok(Outcome::Passed) => eprintln!("ok      {} ({seconds:.1} s)", finished.name),
            Ok(Outcome::Skipped(reason)) => eprintln!("SKIPPED {}: {reason}", finished.name),
            // The reason comes first, since a record of the run may keep no more than the first lines.
            Err(error) => eprintln!("FAILED  {} ({seconds:.1} s): {error}", finished.name),
        }
        if self.verbose || finished.outcome.is_err() {
            shown(text).iter().for_each(|line| eprintln!("    {line}"));
        }
        if finished.outcome.is_err() {
            eprintln!("    (everything that {} wrote: {})", finished.name, log.display());
        }
    }
}

/// The end of what a step wrote, and before that what looks like the reason of a failure further up, each with a few lines around it: other tests may have gone on for long.
fn shown(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(COMPILING)).collect();
    let tail = lines.len().saturating_sub(SHOWN);
    let is_reason = |line: &&str| REASONS.iter().any(|reason| line.contains(reason));
    let reasons = (0..tail).filter(|&at| is_reason(&lines[at])).take(REASONS_SHOWN);
    let mut shown: Vec<usize> = reasons.flat_map(|at| at.saturating_sub(AROUND)..tail.min(at + AROUND + 1)).collect();
    shown.sort_unstable();
    shown.dedup();
    shown.extend(tail..lines.len());
    shown.into_iter().map(|at| lines[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_shown_however_much_came_after_it() {
        let mut lines: Vec<String> = (0..1000).map(|number| format!("line {number}")).collect();
        lines[300] = "--- FAIL: TestScenarios".to_owned();
        let text = lines.join("\n");
        let shown = shown(&text);
        assert_eq!(shown.len(), 2 * AROUND + 1 + SHOWN);
        assert_eq!((shown[0], shown[AROUND]), (&*format!("line {}", 300 - AROUND), "--- FAIL: TestScenarios"));
        assert_eq!(shown.last(), Some(&"line 999"));
        assert_eq!(super::shown("one\npanicked at two"), ["one", "panicked at two"], "nothing twice");
        assert_eq!(
            super::shown("   Compiling serde v1.0.0\nFAILED"),
            ["FAILED"],
            "and nothing that is not to the point"
        );
    }
}
