//! `cargo xtask bench`: the Go plugin and plugins in other languages on the same host, in interleaved rounds.

mod machine;
mod report;
mod workers;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::bundle::{self, Options};
use crate::go_parts;
use crate::project::Project;
use crate::results;
use crate::shell::Shell;

/// The name of the plugin that the ratios refer to.
const BASELINE: &str = "go";

/// The plugin that is a mounted application and has no other hooks.
const ONLY_HTTP: &str = "python_fastapi";

/// The plugins that have hooks and serve no HTTP.
const ONLY_HOOKS: [&str; 2] = ["grpcio", "typescript"];

/// The arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Interleaved rounds.
    #[arg(long, default_value_t = 11)]
    rounds: u32,
    /// Calls in a round.
    #[arg(long, default_value_t = 1200)]
    calls: u32,
    /// Only what workers are about: the throughput of several, and the time of restarts.
    #[arg(long)]
    workers: bool,
    /// Where the report goes.
    #[arg(long, value_name = "FILE", default_value = "bench/results.md")]
    out: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (shell, project) = (Shell::terminal(), Project::load()?);
    let refhost = go_parts::refhost(&shell, &project)?;
    let out = project.root.join(&args.out);
    if !args.workers {
        results::put_first(&out, &compare(&shell, &project, &refhost, args)?)?;
    }
    let missed = workers::measure(&shell, &project, &refhost, &out)?;
    print!("{}", std::fs::read_to_string(&out).with_context(|| format!("cannot read {}", out.display()))?);
    // Last, so that it is not lost above the page.
    workers::verdict(&missed)?;
    Ok(ExitCode::SUCCESS)
}

/// The figures of the plugins that do the same.
fn compare(shell: &Shell, project: &Project, refhost: &Path, args: &Args) -> Result<String> {
    let mut plugins = vec![(BASELINE.to_owned(), go_parts::goplugin(shell, project)?)];
    for directory in plugin_directories(&project.root.join("bench/plugins"))? {
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        plugins.push((name, bundle::build(shell, project, &directory, &Options::unpacked())?.directory));
    }
    let measure = |workloads: Workloads| -> Result<report::Report> {
        let mut command = bench(refhost, &plugins, workloads);
        command.arg(format!("--rounds={}", args.rounds)).arg(format!("--calls={}", args.calls));
        serde_json::from_str(&shell.watch(&mut command)?).context("what refhost bench writes")
    };
    let (hooks, http) = (measure(Workloads::Hooks)?, measure(Workloads::Http)?);
    Ok(report::render(&hooks, &http, &machine::describe(shell)?))
}

/// What is measured in one interleaved run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Workloads {
    /// Hooks and API calls.
    Hooks,
    /// Requests of a real HTTP client.
    Http,
}

/// `refhost bench` with the plugins that have a part in it.
fn bench(refhost: &Path, plugins: &[(String, PathBuf)], workloads: Workloads) -> Command {
    let mut command = Command::new(refhost);
    command.arg("bench");
    if workloads == Workloads::Http {
        command.arg("--http");
    }
    let takes_part = |(name, _): &&(String, PathBuf)| match workloads {
        Workloads::Http => !ONLY_HOOKS.contains(&name.as_str()),
        Workloads::Hooks => name != ONLY_HTTP,
    };
    let plugins = plugins.iter().filter(takes_part);
    command.args(plugins.map(|(name, directory)| format!("--plugin={name}={}", directory.display())));
    command
}

fn plugin_directories(top: &Path) -> Result<Vec<PathBuf>> {
    let entries = top.read_dir().with_context(|| format!("cannot read {}", top.display()))?;
    let mut found: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    found.retain(|directory| directory.join("plugin.json").is_file());
    found.sort();
    if found.is_empty() {
        bail!("there is no plugin in {}", top.display());
    }
    Ok(found)
}
