//! The author's program: its process, and the way to the hooks that it serves.

mod channel;
mod client;
mod connection;
mod dial;
pub mod health;
mod process;
mod refusal;

pub use channel::Channel;
pub use client::{Client, describe};
pub use dial::{DialError, Dialer};
pub use process::Process;
pub use refusal::not_begun;
