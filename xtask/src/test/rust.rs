//! Steps for the parts in Rust, and the checks that this program does itself.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::step::{Lane, Outcome, Step};
use crate::project::Project;
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "rust format", lane: Lane::Compiler, minutes: 2, run: format },
    Step { name: "tidy", lane: Lane::Compiler, minutes: 2, run: tidy },
    Step { name: "generated files", lane: Lane::Compiler, minutes: 5, run: generated },
    Step { name: "rust lints", lane: Lane::Compiler, minutes: 30, run: lints },
    Step { name: "rust build", lane: Lane::Compiler, minutes: 30, run: build },
    Step { name: "rust tests", lane: Lane::Alone, minutes: 20, run: tests },
    Step { name: "golden values", lane: Lane::Alone, minutes: 10, run: golden },
];

fn format(shell: &Shell, project: &Project) -> Result<Outcome> {
    require(shell, project, "fmt", "rustfmt")?;
    shell.run(project.cargo().args(["fmt", "--all", "--check"])).context("run `cargo fmt --all`")?;
    let fuzz = ["fmt", "--manifest-path", "fuzz/Cargo.toml"];
    shell.run(project.cargo().args(fuzz).arg("--check")).with_context(|| format!("run `cargo {}`", fuzz.join(" ")))?;
    Ok(Outcome::Passed)
}

fn tidy(shell: &Shell, project: &Project) -> Result<Outcome> {
    shell.run(this_program(project)?.arg("tidy"))?;
    Ok(Outcome::Passed)
}

fn generated(shell: &Shell, project: &Project) -> Result<Outcome> {
    shell.run(this_program(project)?.args(["gen", "--check"]))?;
    Ok(Outcome::Passed)
}

fn this_program(project: &Project) -> Result<Command> {
    let program: PathBuf = std::env::current_exe()?;
    let mut command = Command::new(program);
    command.current_dir(&project.root);
    Ok(command)
}

fn lints(shell: &Shell, project: &Project) -> Result<Outcome> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    require(shell, project, "clippy", "clippy")?;
    shell.run(project.cargo().args(arguments))?;
    // A workspace of its own, which no other step builds.
    let mut link = project.cargo();
    link.args(["clippy", "--manifest-path", "bench/link/Cargo.toml", "--locked", "--target-dir"]);
    shell.run(link.arg(project.made("bench-link")?).args(["--", "-D", "warnings"]))?;
    Ok(Outcome::Passed)
}

/// Rust is sometimes installed without these.
fn require(shell: &Shell, project: &Project, command: &str, component: &str) -> Result<()> {
    let found = shell.read(project.cargo().args([command, "--version"]));
    found.with_context(|| format!("{component} is needed: install it with `rustup component add {component}`"))?;
    Ok(())
}

fn build(shell: &Shell, project: &Project) -> Result<Outcome> {
    shell.run(project.cargo().args(["test", "--workspace", "--no-run"]))?;
    Ok(Outcome::Passed)
}

fn tests(shell: &Shell, project: &Project) -> Result<Outcome> {
    shell.run(project.cargo().args(["test", "--workspace", "--no-fail-fast"]))?;
    Ok(Outcome::Passed)
}

/// Values that Go's gob wrote, which are kept beside the checkout, not in it. Once more, and alone, so that it says how many values there were.
fn golden(shell: &Shell, project: &Project) -> Result<Outcome> {
    let beside = project.root.join("../shared/vectors/mattermost-11.6.jsonl");
    if std::env::var_os("MMP_VECTORS").is_none() && !beside.exists() {
        return Ok(Outcome::Skipped("no golden values here; MMP_VECTORS may name a file of them".into()));
    }
    shell.run(project.cargo().args(["test", "--package", "mmp-model", "--test", "golden", "--", "--nocapture"]))?;
    Ok(Outcome::Passed)
}
