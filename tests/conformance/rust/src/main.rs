//! The test plugin of `refhost conformance` in Rust; `go/refhost/conform/README.md` says what it does.

mod bodies;
mod canonical;
mod errors;
mod generated;
mod plan;
mod streams;
mod told;

use std::process::ExitCode;

use mmp_plugin::{Api, Driver};

/// The plugin. Its hooks are generated.
pub(crate) struct Conformance {
    pub(crate) api: Api,
    pub(crate) driver: Driver,
}

fn main() -> ExitCode {
    mmp_plugin::run(|start| Conformance { api: start.api, driver: start.driver })
}
