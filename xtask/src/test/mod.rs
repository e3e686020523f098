//! `cargo xtask test`: every check and every test of every language, cheap ones first.

mod bad_plugins;
mod conformance;
mod database;
mod end_to_end;
mod fuzz;
mod go;
mod hostile_user;
mod proto;
pub(crate) mod python;
mod runner;
mod rust;
mod skips;
mod step;
mod streams;
mod supervisor;
mod table;
mod typescript;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::project::Project;
use runner::Runner;
use step::{Lane, Step};

/// The arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only the steps with this in their name; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Show what the steps write, not only when they fail.
    #[arg(long, short)]
    verbose: bool,
    /// Name the steps and run none.
    #[arg(long)]
    list: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let all: Vec<Step> = [
        rust::STEPS,
        fuzz::STEPS,
        go::STEPS,
        proto::STEPS,
        python::STEPS,
        typescript::STEPS,
        end_to_end::STEPS,
        bad_plugins::STEPS,
        conformance::STEPS,
        streams::STEPS,
        database::STEPS,
        hostile_user::STEPS,
        supervisor::STEPS,
    ]
    .concat();
    if args.list {
        all.iter().for_each(|step| println!("{}", step.name));
        return Ok(ExitCode::SUCCESS);
    }
    let chosen: Vec<Step> = all.iter().filter(|step| is_chosen(step.name, &args.only)).cloned().collect();
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|step| step.name).collect();
        bail!("no step has such a name; there are: {}", names.join(", "));
    }
    let lane = |lane: Lane| -> Vec<Step> { chosen.iter().filter(|step| step.lane == lane).cloned().collect() };
    let runner = Runner::new(Project::load()?, args.verbose)?;
    // Checks share the processors. Tests run one after the other, because a busy machine makes deadlines come too early.
    let (checks, scripts, tests) = (lane(Lane::Compiler), lane(Lane::Beside), lane(Lane::Alone));
    let mut results = std::thread::scope(|scope| {
        let scripts = scope.spawn(|| runner.run_all(&scripts));
        let mut results = runner.run_all(&checks);
        results.extend(scripts.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        results
    });
    results.extend(runner.run_all(&tests));
    table::print(&results);
    Ok(if table::passed(&results) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_chosen(name: &str, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|part| name.contains(part.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_names_choose_steps() {
        assert!(is_chosen("go vet", &[]));
        assert!(is_chosen("go vet", &["demo".into(), "vet".into()]));
        assert!(!is_chosen("go vet", &["demo".into()]));
    }
}
