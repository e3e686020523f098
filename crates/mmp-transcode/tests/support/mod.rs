//! What several tests need: frames as trees, values of any type, and streams of gob.
#![allow(dead_code, reason = "every test uses a part of it")]

pub(crate) mod frame;
pub(crate) mod generate;
pub(crate) mod gob;
