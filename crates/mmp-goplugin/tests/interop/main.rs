//! Real go-plugin (Go's own host) against this crate's plugin side.
//!
//! The program is both: started by cargo it builds and runs the Go host of `tests/go`; started by that host it is the plugin.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test program")]

mod driver;
mod plugin;
mod runner;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::var_os(mmp_goplugin::handshake::COOKIE_KEY).is_some() {
        return driver::run();
    }
    runner::run()
}
