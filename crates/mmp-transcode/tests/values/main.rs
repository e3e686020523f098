//! Values at their edges and values that do not fit, in both directions, without Go.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod api;
mod every_type;
mod hostile;
mod invalid;
mod round_trip;
#[path = "../support/mod.rs"]
mod support;
