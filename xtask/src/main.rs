//! The project's own commands: `cargo xtask <command>`. One file or directory per command.

#![allow(
    clippy::print_stdout,
    reason = "these are commands for people and CI; no plugin's handshake goes through this program"
)]

mod bench;
mod bundle;
mod demo;
mod faults;
mod files;
mod fuzz;
mod generate;
mod go_parts;
mod node;
mod postgres;
mod project;
mod python;
mod results;
mod shell;
mod soak;
mod test;
mod tidy;
mod variant;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure plugins in Go and Python against each other and write bench/results.md.
    Bench(bench::Args),
    /// Pack a plugin for the server's upload.
    Bundle(bundle::Args),
    /// Run an example under Go's own go-plugin host: a scripted conversation, shown as it happens.
    Demo(demo::Args),
    /// Inject faults into a plugin, and see that the server does not suffer.
    Faults(faults::Args),
    /// Feed the code that reads what others wrote with inputs that libFuzzer makes up.
    Fuzz(fuzz::Args),
    /// Generate everything that is made from schema/, or check that it is up to date.
    Gen(generate::Args),
    /// Keep a plugin under load for an hour, kill its workers meanwhile, and check everything that comes out.
    Soak(soak::Args),
    /// Run every check and every test of every language.
    Test(test::Args),
    /// Check what no compiler checks: documents against files, the map against the crates, and house rules.
    Tidy,
}

fn main() -> ExitCode {
    let result = shell::end_children_on_signals().and_then(|()| match Args::parse().command {
        Command::Bench(args) => bench::run(&args),
        Command::Bundle(args) => bundle::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Faults(args) => faults::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Gen(args) => generate::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Tidy => tidy::run(),
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the checkout.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
