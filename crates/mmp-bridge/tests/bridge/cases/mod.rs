//! The tests.

mod api;
mod connections;
mod deaths;
mod ends;
mod environment;
mod handlers;
mod handshake;
mod interpreter;
mod load;
mod log;
mod manifest;
mod nesting;
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
