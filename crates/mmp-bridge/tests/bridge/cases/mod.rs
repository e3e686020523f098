//! The tests.

mod api;
mod api_streams;
mod connections;
mod deadlines;
mod deaths;
mod degraded;
mod driver;
mod ends;
mod environment;
mod events;
mod files;
mod gates;
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
mod notice;
mod plugin_http;
mod recycling;
mod restarts;
mod states;
mod status;
mod stopping;
mod support;
mod workers;

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
        // These wait most of the time, so they begin first.
        stopping::TESTS,
        recycling::TESTS,
        degraded::TESTS,
        events::TESTS,
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
        states::TESTS,
        notice::TESTS,
        support::TESTS,
        status::TESTS,
        deadlines::TESTS,
        gates::TESTS,
        workers::TESTS,
        ends::TESTS,
    ]
    .concat()
}
