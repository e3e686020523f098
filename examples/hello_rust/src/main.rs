//! A small Mattermost plugin: every hook that a first plugin needs, and a few API calls.

mod hello;

use std::process::ExitCode;

fn main() -> ExitCode {
    mmp_plugin::run(|start| hello::HelloRust::new(start.api))
}
