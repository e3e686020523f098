//! Against Go's own gob: hooks whose result is one of their arguments, where what the author did not touch comes back with its Go types;
//! methods with streams; the database driver.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod driver;
mod errors;
mod lists;
mod peer;
mod posts;
mod registered;
mod rejections;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod versions;
