//! What the bridge asks on `control`.

use std::time::Duration;

use mmp_worker::frame::Kind;
use mmp_worker::messages::{self, Pong};

use super::connection::Connection;

/// Answers what the bridge asks of the worker as a whole.
pub trait ServeControl: Send + Sync {
    /// The worker shall finish what runs and exit.
    fn stop(&self);

    /// The bridge asks how the worker is. The answer may come later, but this must not wait.
    fn pinged(&self, ping: Ping);
}

/// A question of the bridge's, which is to be answered.
#[derive(Debug)]
pub struct Ping {
    connection: Connection,
    number: u32,
}

impl Ping {
    pub(super) fn new(connection: &Connection, number: u32) -> Ping {
        Ping { connection: connection.clone(), number }
    }

    /// Answers for how long what runs the hooks has not answered. No debugger is ever seen from here.
    pub fn answer(self, lag: Duration) {
        let lag_ms = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        // Numbers can always be encoded.
        let payload = messages::encode(&Pong { lag_ms, debugger: false }).unwrap_or_default();
        self.connection.send_with(Kind::Pong, self.number, &payload);
    }
}
