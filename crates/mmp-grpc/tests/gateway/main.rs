//! The gateway between a bridge and a program that are both made here: frames over a Unix socket on one side, a gRPC server on the other.

#![allow(clippy::unwrap_used, reason = "this is a test program; a panic fails the test")]

mod bridge;
mod cases;
mod messages;
mod program;
mod setup;
