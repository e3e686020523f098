//! Running steps: output into files, shown when a step fails.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;

use super::skips;
use super::step::{Finished, Lane, Outcome, Step};
use crate::project::Project;
use crate::shell::Shell;

/// How many lines of a failed step are shown.
const SHOWN: usize = 200;

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
            Err(_) => eprintln!("FAILED  {} ({seconds:.1} s)", finished.name),
        }
        if self.verbose || finished.outcome.is_err() {
            tail(text).for_each(|line| eprintln!("    {line}"));
        }
        if let Err(error) = &finished.outcome {
            eprintln!("    {}: {error}\n    (everything it wrote: {})", finished.name, log.display());
        }
    }
}

fn tail(text: &str) -> impl Iterator<Item = &str> {
    let skipped = text.lines().count().saturating_sub(SHOWN);
    text.lines().skip(skipped)
}
