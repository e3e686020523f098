//! The tests.

mod api;
mod api_streams;
mod connections;
mod deaths;
mod driver;
mod ends;
mod environment;
mod files;
mod handlers;
mod handshake;
mod hijack;
mod http;
mod http_bodies;
mod http_clients;
mod http_faults;
mod interpreter;
mod load;
mod log;
mod manifest;
mod metrics;
mod nesting;
mod plugin_http;
mod restarts;

use crate::runner::Test;

/// Lists tests by the names of their functions.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        &[$($crate::runner::Test { name: concat!(module_path!(), "::", stringify!($name)), run: $name, long: false }),*]
    };
}
use tests;

/// All of them.
pub(crate) fn all() -> Vec<Test> {
    [
        handshake::TESTS,
        interpreter::TESTS,
        manifest::TESTS,
        connections::TESTS,
        environment::TESTS,
        handlers::TESTS,
        api::TESTS,
        api_streams::TESTS,
        plugin_http::TESTS,
        driver::TESTS,
        metrics::TESTS,
        http::TESTS,
        http_bodies::TESTS,
        http_clients::TESTS,
        http_faults::TESTS,
        hijack::TESTS,
        files::TESTS,
        nesting::TESTS,
        load::TESTS,
        load::LONG,
        log::TESTS,
        deaths::TESTS,
        restarts::TESTS,
        ends::TESTS,
    ]
    .concat()
}
