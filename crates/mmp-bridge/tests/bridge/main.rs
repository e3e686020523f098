//! The bridge's executable between a test host, which starts it as Mattermost does, and a fake worker, which speaks frames by hand and misbehaves on demand.
//!
//! The fake worker is this program again: every bundle holds it as `server/python/bin/python3`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "this is a test program; a panic fails the test")]

mod bundle;
mod cases;
mod fake;
mod host;
mod processes;
mod runner;
mod script;

fn main() -> std::process::ExitCode {
    match fake::bundle_of_this_program() {
        Some(bundle) => fake::main(&bundle),
        None => runner::main(&cases::all()),
    }
}
