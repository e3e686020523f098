//! The server's response writer: a net/rpc connection for each request.

use std::sync::Arc;

use mmp_gob::{GoString, Gob, Map, gob_struct};
use mmp_goplugin::endpoint::Kind;
use mmp_goplugin::netrpc::CallError;
use mmp_goplugin::yamux::StreamId;

use crate::runtime::calls::{Answer, lost};
use crate::runtime::hook_call::HookCall;
use crate::runtime::shared::{Shared, State};

gob_struct! {
    /// Go's `struct{}`.
    pub(super) struct Nothing ("") {}
}

/// The header fields on the wire.
pub(super) type Fields = Map<GoString, Vec<GoString>>;

/// The connection to the response writer of a request.
pub(super) struct Writer {
    shared: Arc<Shared>,
    conn: StreamId,
}

impl Writer {
    /// Dials it, and asks for the fields that the server has set, which arrive while the handler works.
    pub(super) fn dial(call: &mut HookCall<'_, '_, '_>, number: u32) -> Result<(Arc<Writer>, Answer<Fields>), String> {
        let conn = call.link.dial(number, Kind::Client).map_err(|error| error.to_string())?;
        let asked = call.calls.call(call.link, conn, "Plugin.Header", &Nothing::default());
        let fields = asked.map_err(|error| error.to_string())?;
        Ok((Arc::new(Writer { shared: Arc::clone(call.shared), conn }), fields))
    }

    /// Calls a method of it.
    pub(super) async fn call<A: Gob, R: Gob + Default + Send>(&self, method: &str, args: &A) -> Result<R, CallError> {
        let sent =
            self.shared.with(|State { session, core, .. }| core.calls.call(session.link(), self.conn, method, args));
        sent?.await.unwrap_or_else(|_| Err(lost()))
    }

    /// Calls a method without a result.
    pub(super) async fn tell<A: Gob>(&self, method: &str, args: &A) -> Result<(), CallError> {
        self.call::<A, Nothing>(method, args).await.map(|Nothing {}| ())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.with(|State { session, core, .. }| {
            session.link().close(self.conn);
            core.calls.forget(self.conn);
        });
    }
}
