//! Hooks whose result is one of their arguments, against Go's own gob: what the author did not touch comes back with its Go types.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod errors;
mod lists;
mod peer;
mod posts;
mod registered;
#[path = "../support/mod.rs"]
mod support;
mod versions;
