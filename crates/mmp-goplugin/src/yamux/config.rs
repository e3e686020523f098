//! Limits and timeouts of a session.

use std::time::Duration;

/// Window that every stream starts with, in both directions.
pub const INITIAL_WINDOW: u32 = 256 * 1024;

/// Which side of the connection a session is. go-plugin's host is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Opens streams with odd ids.
    Client,
    /// Opens streams with even ids.
    Server,
}

impl Role {
    /// The first stream id of this side.
    pub(super) const fn first_id(self) -> u32 {
        match self {
            Self::Client => 1,
            Self::Server => 2,
        }
    }

    /// Whether the peer may open a stream with this id.
    pub(super) const fn peer_owns(self, id: u32) -> bool {
        id % 2 != self.first_id() % 2
    }
}

/// Limits and timeouts; the default is hashicorp's `DefaultConfig`.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many streams may wait to be accepted, and how many opened ones may wait for their acknowledgement.
    pub accept_backlog: usize,
    /// Time between keepalive pings; `None` sends none.
    pub keepalive_interval: Option<Duration>,
    /// How long the connection may take no byte, and how long a ping may stay unanswered.
    pub write_timeout: Duration,
    /// The receive window of a stream, at least [`INITIAL_WINDOW`].
    pub max_window: u32,
    /// How long an opened stream may stay unacknowledged before the session is closed.
    pub open_timeout: Duration,
    /// How long a stream that this side closed may wait for the peer's FIN before it is reset.
    pub close_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            accept_backlog: 256,
            keepalive_interval: Some(Duration::from_secs(30)),
            write_timeout: Duration::from_secs(10),
            max_window: INITIAL_WINDOW,
            open_timeout: Duration::from_secs(75),
            close_timeout: Duration::from_secs(300),
        }
    }
}
