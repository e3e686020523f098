//! yamux as hashicorp's v0.1.2 speaks it, as a state machine without I/O and without a clock.
//!
//! Bytes that arrive go through [`Session::next_event`], which gives back borrowed slices of the same bytes; bytes to
//! write gather in one buffer, [`Session::pending_output`]. The driver tells the time with [`Session::advance_clock`]
//! before it hands over input and with [`Session::tick`] after it.

mod config;
mod error;
mod event;
mod frame;
mod ids;
mod queue;
mod receive;
mod send;
mod session;
mod stream;
mod timers;

#[cfg(test)]
mod tests;

pub use config::{Config, INITIAL_WINDOW, Role};
pub use error::{OpenError, SendError, SessionError};
pub use event::{Event, StreamId};
pub use frame::{FrameType, HEADER_LEN, Header, flags, go_away};
pub(crate) use ids::IdMap;
pub(crate) use queue::ByteQueue;
pub use session::Session;
