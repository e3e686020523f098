//! The worker link from the gateway's side (`docs/reference/frames.md`): the gateway is the worker.
//!
//! [`Link`] is what the rest of the gateway calls the bridge with. With hooks it goes over the `async` connection, which is there from the start; beside a worker that speaks frames itself,
//! over an `api` connection that is made at the first call, and again after it was lost.

mod address;
mod call;
mod connection;
mod control;
mod credit;
mod error;
mod handshake;
mod hook;
mod link;
mod log;
mod output;
mod payload;
mod reader;
mod streamed_call;

pub use connection::{Connection, Duty};
pub use control::{Ping, ServeControl};
pub use credit::Gone;
pub use error::{ApiError, CallError, ErrorKind};
pub use handshake::{ConnectError, Place, connect};
pub use hook::{Event, Hook, HookReceiver, HookSender, HookStreams, ServeHooks};
pub use link::Link;
pub use log::Level;
pub use streamed_call::{BodySender, Response, StreamedCall};

/// How many bytes of a stream may be sent before the bridge gives credit.
const FIRST_CREDIT: usize = 128 * 1024;

/// The most that a DATA frame to the bridge holds.
pub const MAX_DATA: usize = 64 * 1024;
