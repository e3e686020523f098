//! The API as the gateway serves it: gRPC clients on one side, a bridge played by the test on the other.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod client;
mod errors;
mod gateway;
mod giving_up;
mod limits;
mod many;
mod messages;
mod plugin_http;
mod reflection;
mod resets;
#[path = "../support/mod.rs"]
mod support;
mod token;
mod unary;
mod upload;
