//! The executable of a Mattermost plugin that is written in another language than Go.
//!
//! The server starts it as it starts every plugin, and it speaks the server's own plugin protocol. It runs the author's program as a worker and passes hooks and API calls between the two.
//! See `ARCHITECTURE.md`.

mod activation;
mod answers;
mod api_streams;
mod calls;
mod core;
mod deadlines;
mod driver;
mod event_loop;
mod failures;
mod files;
mod frames;
mod held;
mod hooks;
mod http;
mod ids;
mod integrity;
mod interpreter;
mod lateness;
mod log;
mod log_calls;
mod manifest;
mod metrics;
mod misfits;
mod names;
mod notice;
mod own_calls;
mod pending_calls;
mod policies;
mod preparation;
mod program;
mod rationed;
mod report;
mod status;
mod streams;
mod supervisor;
mod support;
mod version;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use mmp_goplugin::handshake::{self, PluginListener};
use mmp_worker::limits::Limits;

use crate::core::End;
use crate::event_loop::EventLoop;
use crate::log::{Level, Line};
use crate::manifest::Bundle;
use crate::supervisor::Workers;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|first| first == mmp_worker::guard::GUARD_ARGUMENT) {
        return guard(&arguments[2..]);
    }
    if arguments.get(1).is_some_and(|first| first == mmp_grpc::GATEWAY_ARGUMENT) {
        return ExitCode::from(u8::try_from(mmp_grpc::run(&arguments[2..])).unwrap_or(u8::MAX));
    }
    match run() {
        Ok(End::Quit | End::HostGone) => ExitCode::SUCCESS,
        Ok(End::Broken) => ExitCode::FAILURE,
        Err(error) => {
            let line = Line { level: Level::Error, message: format!("{error:#}"), fields: Vec::new() };
            log::write_stderr(&line);
            ExitCode::FAILURE
        }
    }
}

/// The process between the bridge and the worker.
fn guard(arguments: &[OsString]) -> ExitCode {
    let Some((limits, command)) = Limits::from_arguments(arguments) else { return ExitCode::FAILURE };
    match mmp_worker::guard::run(&limits, command) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        Err(error) => {
            let program = command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
            // This is the worker's standard error, which the bridge reads.
            let _ = writeln!(std::io::stderr(), "{program} cannot be run: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<End> {
    handshake::check_environment(|name| std::env::var_os(name))?;
    ignore_interrupts()?;
    event_loop::block_signals()?;
    mmp_worker::limits::raise_descriptors();
    mmp_worker::guard::adopt_orphans().context("cannot look after orphaned processes")?;
    let listener = PluginListener::bind(|name| std::env::var_os(name)).context("cannot listen for the server")?;
    let executable = std::env::current_exe().context("cannot tell where the executable is")?;
    let workers = Workers::new(Bundle::find(&executable).map_err(|error| error.to_string()));
    let mut event_loop = EventLoop::new(listener, workers)?;
    event_loop.shake_hands()?;
    event_loop.run()
}

/// An interrupt from a terminal goes to the server too, which decides when its plugins stop; Go plugins ignore it as well.
fn ignore_interrupts() -> anyhow::Result<()> {
    // SAFETY: setting a signal to be ignored installs no handler.
    let before = unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    anyhow::ensure!(before != libc::SIG_ERR, "cannot ignore interrupts");
    Ok(())
}
