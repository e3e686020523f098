//! What the fuzz targets share. Each target is a file in `fuzz_targets`; the README says what it promises.

pub mod frame;
pub mod input;
pub mod memory;
pub mod methods;
pub mod script;
pub mod seeds;
pub mod session;
pub mod stream;

#[path = "../../crates/mmp-transcode/tests/support/mod.rs"]
mod support;
