//! Frames to protobuf and back: every type, every order in which fields may come, and bytes that nobody sends on purpose.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod every_type;
mod hostile;
mod oracle;
mod order;
mod refused;
#[path = "../support/mod.rs"]
mod support;
mod values;
mod wire;
