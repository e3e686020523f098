//! Link against link: frames to the Python SDK's worker, and gRPC to Python's own servers, with the same posts. README.md says how to read the figures.

mod frames;
mod grpc;
mod link;
mod measure;
mod post;
mod props;
mod report;
mod server;
mod venv;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;

/// Measures frames against gRPC, both between Rust and Python.
#[derive(Parser)]
struct Args {
    /// Interleaved rounds; each starts every server anew, in another order.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Calls of a round, for each post one at a time and as many at once.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..))]
    calls: u32,
    /// Where the figures go as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let python = venv::Python::prepare()?;
    let measured = measure::run(&python, args.rounds, args.calls as usize)?;
    let report = report::Report::new(&measured, args.calls, python.versions()?);
    print!("{}", report.render());
    if let Some(path) = args.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(&path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
