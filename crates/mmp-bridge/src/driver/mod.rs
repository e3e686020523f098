//! The server's database driver: a second net/rpc connection, which like a Go plugin the bridge dials when the plugin is activated, and uses only if the manifest asks for it.
//!
//! A server that was built without a driver cannot be told apart from one that has it, and a call would crash it; so nothing is called that the author has not asked for. See [`handles`] for what else would end the server.

mod calls;
mod handles;
mod rules;
#[cfg(test)]
mod tests;
mod waiting;

use mmp_gob::Error as GobError;
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::{Body, ConnError};
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::schema::Method;
use mmp_transcode::{Error as TranscodeError, FromGob, Reply, ToGob, generated, msgpack};

use crate::core::{AnswerError, Core};
use crate::log::Level;
use crate::names;
use crate::pending_calls::PendingCall;
use crate::supervisor::worker_of;
use handles::Handles;
use waiting::Queue;

/// The connection to the driver.
#[derive(Debug, Default)]
pub(crate) struct Driver {
    /// Whether the manifest asks for it.
    wanted: bool,
    conn: Option<StreamId>,
    /// Whether the connection was there and ended.
    lost: bool,
    handles: Handles,
    waiting: Queue,
    /// Arguments and results: each direction of the connection has types of its own.
    pub(crate) to_gob: ToGob,
    pub(crate) from_gob: FromGob,
}

impl Driver {
    /// A driver that is not dialled yet.
    pub(crate) fn new(wanted: bool) -> Driver {
        Driver { wanted, ..Driver::default() }
    }

    /// The plugin is being activated: the driver was dialled.
    pub(crate) fn dialled(&mut self, conn: StreamId) {
        *self = Driver { conn: Some(conn), ..Driver::new(self.wanted) };
    }

    /// Where its methods are called, if they can be.
    pub(crate) fn conn(&self) -> Option<StreamId> {
        self.conn.filter(|_| self.wanted)
    }

    /// Whether a call is one of the driver's.
    pub(crate) fn knows(&self, token: u64) -> bool {
        self.handles.knows(token)
    }

    /// The plugin is being stopped.
    pub(crate) fn close(&mut self) {
        self.conn = None;
    }

    /// Why a method cannot be called: the kind of the error, and what to say.
    pub(crate) fn absence(&self, method: &Method) -> (&'static str, String) {
        let name = method.name;
        if !self.wanted {
            let message = format!(
                "{name}: this plugin has not asked for the server's database; write \"database\": true into \"server\" in plugin.json, and bundle and enable the plugin again"
            );
            return ("missing", message);
        }
        if self.lost {
            let message = format!(
                "{name}: the server closed the connection to its database driver, as when a value could not be sent; the plugin must be enabled again to get the database back"
            );
            return ("unavailable", message);
        }
        let message =
            format!("{name}: the database is not there before the plugin is activated, or after it was stopped");
        ("unavailable", message)
    }
}

/// Whether a method is one of the driver's.
pub(crate) fn is_driver(method: &Method) -> bool {
    generated::DRIVER.first().is_some_and(|first| method.id >= first.id)
}

impl Core {
    /// The driver's connection ended; its pending calls have failed before. The host serves it once, so it cannot be dialled again, and the plugin goes on without it.
    pub(crate) fn driver_closed(&mut self, error: &ConnError) {
        self.driver.conn = None;
        self.driver.lost = true;
        self.refuse_driver_calls("the connection to the server's database driver is gone");
        self.driver.handles = Handles::default();
        if self.driver.wanted {
            let message = format!(
                "the server closed the connection to its database driver ({error}), as when it cannot send a value of a row, such as a timestamp; disable the plugin and enable it again to get the database back"
            );
            self.log.push(Level::Error, message, &[]);
        }
    }

    /// A call of the driver's was answered, with these results if it succeeded; `wanted`: they went to the worker.
    pub(crate) fn driver_answered(&mut self, link: &mut HostLink, token: u64, results: Option<&[u8]>, wanted: bool) {
        if let Some(connection) = self.driver.handles.over(token, results, wanted) {
            self.advance_driver(link, &connection);
        }
    }

    /// Reads the answer of a call of the driver's that the worker does not want any more: what it has opened must be closed.
    pub(crate) fn driver_answered_nobody(
        &mut self,
        link: &mut HostLink,
        token: u64,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let Body { type_id, cursor, types } = body;
        let mut results = Vec::new();
        let read = match self.driver.handles.method_of(token) {
            Some(method) => self.driver.from_gob.results(method, type_id, cursor, types, &mut results),
            None => Ok(Reply::Error),
        };
        let results = match read {
            Ok(Reply::Results) => Some(results.as_slice()),
            Err(TranscodeError::Gob(error)) => return Err(error),
            Ok(Reply::Error) | Err(_) => None,
        };
        self.driver_answered(link, token, results, false);
        Ok(())
    }

    /// A worker is gone: what it has left open at the server is closed.
    pub(crate) fn close_database(&mut self, link: &mut HostLink, worker: usize) {
        self.driver.waiting.forget(|call| worker_of(call.connection) == Some(worker));
        for connection in self.driver.handles.orphan_all(worker) {
            self.close_next(link, &connection);
        }
    }

    /// Closes the next thing that is to be closed of a connection.
    fn close_next(&mut self, link: &mut HostLink, connection: &str) {
        let Some(conn) = self.driver.conn else { return };
        let Some((method, id)) = self.driver.handles.next_closing(connection) else { return };
        let mut arguments = Vec::new();
        msgpack::put_array_len(&mut arguments, 1);
        msgpack::put_str(&mut arguments, &id);
        let token = self.calls.insert(PendingCall::Abandoned);
        let to_gob = &mut self.driver.to_gob;
        let called: Result<u64, AnswerError> =
            link.call(conn, names::api(method), token, |out| Ok(to_gob.call(method, &arguments, out)?));
        match called {
            Ok(_) => self.driver.handles.closing_sent(token, connection.to_owned()),
            // The connection to the driver is gone, and with it everything that was open.
            Err(_) => self.calls.remove(token),
        }
    }

    /// Whether a connection is the driver's.
    pub(crate) fn is_driver_conn(&self, conn: StreamId) -> bool {
        self.driver.conn == Some(conn)
    }
}
