//! One worker's link: what is written to its connections and read from them.

use std::io;

use mio::Token as EventToken;
use mmp_worker::connection::{Input, Received};
use mmp_worker::frame::{self, Kind};
use mmp_worker::messages::Role;

use super::Worker;

impl Worker {
    /// Asks it for more `sync` connections.
    pub(crate) fn open_connections(&mut self, count: usize) {
        self.send_to_control(Kind::Open, count as u32);
    }

    /// Asks it how it is.
    pub(super) fn ping(&mut self, number: u32) {
        self.send_to_control(Kind::Ping, number);
    }

    /// Asks it to finish.
    pub(crate) fn ask_to_stop(&mut self) {
        self.send_to_control(Kind::Stop, 0);
    }

    fn send_to_control(&mut self, kind: Kind, id: u32) {
        if let Some(link) = &mut self.link
            && let Some(control) = link.control()
            && let Some(out) = link.output(control)
        {
            frame::put_bytes(out, kind, 0, id, &[]);
        }
    }

    /// Takes a connection's output out to write into it; [`Worker::put_output`] returns it.
    pub(crate) fn take_output(&mut self, connection: usize) -> Vec<u8> {
        let out = self.link.as_mut().and_then(|link| link.output(connection));
        out.map(std::mem::take).unwrap_or_default()
    }

    /// Returns a connection's output. If the connection is gone, what was written is lost with it.
    pub(crate) fn put_output(&mut self, connection: usize, out: Vec<u8>) {
        if let Some(slot) = self.link.as_mut().and_then(|link| link.output(connection)) {
            *slot = out;
        }
    }

    /// Counts an API call of a connection that begins (`true`) or ends.
    pub(crate) fn count_call(&mut self, connection: usize, begins: bool) {
        if begins {
            self.dispatcher.call_began(connection);
        } else {
            self.dispatcher.call_ended(connection);
        }
        if let Some(connection) = self.link.as_mut().and_then(|link| link.get_mut(connection)) {
            connection.calls = if begins { connection.calls + 1 } else { connection.calls.saturating_sub(1) };
        }
    }

    /// Reads from a connection.
    pub(crate) fn receive(&mut self, connection: usize) -> io::Result<Option<(Input, Received)>> {
        self.link.as_mut().map_or(Ok(None), |link| link.receive(connection))
    }

    /// What a connection is for; None if it is not there, Some(None) before its HELLO.
    pub(crate) fn role(&mut self, connection: usize) -> Option<Option<Role>> {
        self.link.as_mut().and_then(|link| link.get_mut(connection)).map(|connection| connection.role)
    }

    /// The process at the other end of a connection, if it has nothing to do with this worker and has not shown the token.
    pub(crate) fn stranger(&mut self, connection: usize) -> Option<u32> {
        let connection = self.link.as_mut()?.get_mut(connection)?;
        let peer = connection.peer.filter(|_| connection.role.is_none())?;
        self.process.as_ref()?.is_stranger(peer).then_some(peer)
    }

    /// Whether a connection is not to be read now.
    pub(crate) fn is_choked(&mut self, connection: usize) -> bool {
        self.link.as_mut().is_some_and(|link| link.is_choked(connection))
    }

    /// Whether a token of the event loop is that of its listening socket.
    pub(crate) fn is_listener(&self, token: EventToken) -> bool {
        self.link.as_ref().is_some_and(|link| link.is_listener(token))
    }
}
