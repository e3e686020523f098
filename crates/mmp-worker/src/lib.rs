//! A worker process and the link to it.
//!
//! The worker is the author's program. This crate starts it behind a guard, so that nothing is left behind, listens for it on a private socket, checks its handshake and decides which of
//! its connections runs which hook. It knows frames (`docs/reference/frames.md`), but nothing of Mattermost's own wire. All I/O is non-blocking, on the caller's event loop.

pub mod connection;
pub mod directory;
pub mod dispatch;
pub mod frame;
pub mod guard;
mod leftovers;
pub mod limits;
pub mod link;
pub mod messages;
pub mod output;
pub mod process;
pub mod processes;
pub mod protections;
mod splitter;
pub mod token;
pub mod token_bucket;
pub mod usage;
