//! `cargo xtask faults`: `tests/faults`, a plugin that is harmed under Go's own host, as a table of what was injected, expected and seen.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::bundle::{self, Options};
use crate::go_parts;
use crate::project::Project;
use crate::shell::Shell;
use crate::test::python::Tools;

/// Where the protections are named that can be switched off.
const PROTECTIONS: &str = "crates/mmp-worker/src/protections.rs";

/// The arguments of the command.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Inject only the faults whose name begins so, such as F6; may be given several times.
    #[arg(long, value_name = "FAULT")]
    only: Vec<String>,
    /// Inject also the faults that take long, and more of each.
    #[arg(long)]
    long: bool,
    /// Switch each protection of the bridge off in turn: its faults must do harm then.
    #[arg(long)]
    mutate: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let shell = Shell::terminal();
    shell.say("building the bridge, the bundles and the host; the first time takes a minute or two");
    inject(&shell, &Project::load()?, args)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds what the faults need and injects them; a fault that does more harm than expected is an error.
pub(crate) fn inject(shell: &Shell, project: &Project, args: &Args) -> Result<()> {
    let tests = project.root.join("tests/faults");
    let options = Options { unprotected: args.mutate, ..Options::unpacked() };
    let base = bundle::build(shell, project, &tests.join("plugin"), &options)?;
    let conformance =
        bundle::build(shell, project, &project.root.join("tests/conformance/python"), &Options::unpacked())?;
    let tools = Tools::find(shell, project)?;
    let mut command = Command::new(tools.interpreter());
    command.arg("-B").arg(tests.join("run.py")).arg("--refhost").arg(go_parts::refhost(shell, project)?);
    command.arg("--bundle").arg(base.directory).arg("--goplugin").arg(go_parts::goplugin(shell, project)?);
    command.arg("--conformance").arg(conformance.directory).arg("--work").arg(project.made("faults")?);
    command.args(args.only.iter().map(|name| format!("--only={name}")));
    if args.long {
        command.arg("--long");
    }
    if args.mutate {
        command.arg("--mutate").arg(project.root.join(PROTECTIONS));
    }
    shell.run(&mut command)
}
