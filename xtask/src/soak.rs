//! `cargo xtask soak`: a plugin under load for an hour, while its workers are killed.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::go_parts;
use crate::project::Project;
use crate::results;
use crate::shell::Shell;
use crate::variant;

/// The heading of the report in `bench/results.md`.
const HEADING: &str = "A soak";

/// The arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long. Less than three minutes are too few for the comparison of memory to mean much.
    #[arg(long, default_value_t = 60)]
    pub(crate) minutes: u64,
    /// The pause in seconds between two kills of a worker; 0 kills none.
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub(crate) kill_every: u64,
    /// How many workers the plugin has. One alone is killed less often than --kill-every says: it would be given up.
    #[arg(long, default_value_t = 2)]
    pub(crate) workers: u32,
    /// Where the report goes, beside standard output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "bench/results.md")]
    pub(crate) out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    soak(&Shell::terminal(), &Project::load()?, args)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds what is needed, and soaks it.
pub(crate) fn soak(shell: &Shell, project: &Project, args: &Args) -> Result<()> {
    let plugin = variant::bundle(shell, project, &project.root.join("tests/soak/plugin"), args.workers)?;
    let report = project.made("soak")?.join("report.md");
    let mut command = Command::new(go_parts::refhost(shell, project)?);
    command.arg("soak").arg("--plugin").arg(plugin).arg("--report").arg(&report);
    command.arg(format!("--for={}m", args.minutes)).arg(format!("--kill-every={}s", args.kill_every));
    if !shell.status(&mut command)?.success() {
        bail!("the soak failed; the lines that begin with WRONG say why");
    }
    match &args.out {
        Some(out) => record(&project.root.join(out), &report, args),
        None => Ok(()),
    }
}

/// Puts the report into a page of results.
fn record(page: &Path, report: &Path, args: &Args) -> Result<()> {
    let text = std::fs::read_to_string(report).with_context(|| format!("cannot read {}", report.display()))?;
    let Args { minutes, kill_every, workers, .. } = args;
    let command = format!("`cargo xtask soak --minutes {minutes} --kill-every {kill_every} --workers {workers} --out`");
    results::put(page, HEADING, &format!("{command}, {}.\n\n{text}", results::today()?))
}
