//! The worker's calls of the driver, one at a time for each of the server's connections.
//!
//! The server runs calls that it gets together in any order and does not lock a connection for them: rows that are closed while they are read would end it.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_transcode::schema::Method;

use super::handles::{Permit, Refusal};
use super::waiting::Waiting;
use crate::core::{AnswerError, Core};
use crate::names;
use crate::pending_calls::{PendingCall, WorkerCall};
use crate::supervisor::worker_of;

impl Core {
    /// The worker calls a method of the driver.
    pub(crate) fn driver_called(&mut self, link: &mut HostLink, call: WorkerCall, arguments: &[u8]) {
        let permit = match self.driver.handles.check(call.method, arguments) {
            Ok(permit) => permit,
            Err(refusal) => return self.refuse_call_with_code(call, refusal.kind, refusal.code, &refusal.message),
        };
        self.call_began(call.connection);
        match permit.connection() {
            Some(connection) => {
                let connection = connection.to_owned();
                self.driver.waiting.push(Waiting {
                    connection: connection.clone(),
                    method: call.method,
                    call: Some(call),
                    arguments: arguments.to_vec(),
                });
                self.advance_driver(link, &connection);
            }
            None => self.send_driver_call(link, call.method, Some(call), arguments, permit),
        }
    }

    /// Does what comes next on a connection: closes what nobody knows any more, or makes the next call.
    pub(super) fn advance_driver(&mut self, link: &mut HostLink, connection: &str) {
        while self.driver.conn.is_some() {
            self.close_next(link, connection);
            if self.driver.handles.is_busy(connection) {
                return;
            }
            let Some(waiting) = self.driver.waiting.next(connection) else { return };
            // What it takes may have been closed by a call before it.
            match self.driver.handles.check(waiting.method, &waiting.arguments) {
                Ok(permit) if permit.closes_connection() && self.driver.handles.leave_behind(connection) => {
                    // Its rows and transactions are closed first, so that the pool gets it back clean.
                    self.driver.waiting.put_back(waiting);
                }
                Ok(permit) => self.send_driver_call(link, waiting.method, waiting.call, &waiting.arguments, permit),
                Err(Refusal { kind, code, message }) => self.driver_call_failed(waiting.call, kind, code, &message),
            }
        }
    }

    /// Makes a call whose turn it is; `call`: who waits for the answer.
    fn send_driver_call(
        &mut self,
        link: &mut HostLink,
        method: &'static Method,
        call: Option<WorkerCall>,
        arguments: &[u8],
        permit: Permit,
    ) {
        let Some(conn) = self.driver.conn() else {
            let (kind, message) = self.driver.absence(method);
            return self.driver_call_failed(call, kind, 0, &message);
        };
        let token = self.calls.insert(call.map_or(PendingCall::Abandoned, PendingCall::Worker));
        let to_gob = &mut self.driver.to_gob;
        let called: Result<u64, AnswerError> =
            link.call(conn, names::api(method), token, |out| Ok(to_gob.call(method, arguments, out)?));
        match called {
            Ok(_) => {
                let worker = call.and_then(|call| worker_of(call.connection)).unwrap_or_default();
                self.driver.handles.sent(token, permit, worker);
            }
            Err(error) => {
                self.calls.remove(token);
                self.driver_call_failed(call, error.kind(), 0, &format!("{}: {error}", method.name));
            }
        }
    }

    /// A call that was counted is not sent.
    fn driver_call_failed(&mut self, call: Option<WorkerCall>, kind: &str, code: u8, message: &str) {
        let Some(call) = call else { return };
        self.refuse_call_with_code(call, kind, code, message);
        self.call_ended(call.connection);
        self.dispatch_queued();
    }

    /// The worker does not want the answers of these calls any more. Returns how many of them were not sent; what they close is closed all the same.
    pub(crate) fn forget_driver_calls(&mut self, matches: impl Fn(&WorkerCall) -> bool) -> usize {
        self.driver.waiting.forget(matches)
    }

    /// There is no driver any more: what waits is answered with an error.
    pub(crate) fn refuse_driver_calls(&mut self, why: &str) {
        for call in self.driver.waiting.take_all() {
            self.driver_call_failed(Some(call), "unavailable", 0, &format!("{}: {why}", call.method.name));
        }
    }
}
