//! What the plugin knows of its connection, and what it does when the server says something.

use std::sync::{Arc, Weak, mpsc};

use mmp_gob::{Encoder, Error as GobError, GoString, Plans};
use mmp_goplugin::broker::BrokerError;
use mmp_goplugin::endpoint::{Handler, Link};
use mmp_goplugin::netrpc::{Body, CallError, ConnError, RequestHead};
use mmp_goplugin::plugin::PluginHandler;
use mmp_goplugin::yamux::{SessionError, StreamId};

use super::calls::Calls;
use super::hook_call::HookCall;
use super::log::{Level, Log};
use super::shared::Shared;
use crate::streams::Streams;

/// The net/rpc service of hooks, of the API and of everything else.
const SERVICE: &str = "Plugin.";

/// The author's plugin, whatever its type.
pub(crate) trait Hosted: Send + Sync {
    /// The hooks that it has, by Go's names.
    fn implemented(&self) -> &[&'static str];

    /// Starts the handler of a hook. `Ok(false)`: there is no such hook.
    fn call(&self, call: &mut HookCall<'_, '_, '_>) -> Result<bool, GobError>;

    /// The plugin's own start.
    fn activate(&self, activation: super::activation::Activation);
}

/// How the plugin ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The server asked for it.
    Quit,
    /// The server is gone.
    HostGone,
    /// The plugin can do nothing any more; the server's health check starts it again.
    Broken,
}

/// Everything but the session.
pub(crate) struct Core {
    pub(crate) shared: Weak<Shared>,
    hosted: Arc<dyn Hosted>,
    pub(crate) log: Log,
    /// Where hooks are called, how their arguments are read and their results written.
    hooks_conn: Option<StreamId>,
    hook_plans: Plans,
    pub(crate) hook_encoder: Encoder,
    pub(crate) calls: Calls,
    pub(crate) streams: Streams,
    /// Why the plugin is to end, once its output is written.
    pub(crate) end: Option<End>,
    ended: mpsc::Sender<End>,
}

impl Core {
    pub(crate) fn new(hosted: Arc<dyn Hosted>, ended: mpsc::Sender<End>) -> Core {
        Core {
            shared: Weak::new(),
            hosted,
            log: Log::default(),
            hooks_conn: None,
            hook_plans: Plans::new(),
            hook_encoder: Encoder::new(),
            calls: Calls::default(),
            streams: Streams::default(),
            end: None,
            ended,
        }
    }

    /// Tells the thread that waits for the end.
    pub(crate) fn say_ended(&self) {
        if let Some(end) = self.end {
            // If nobody waits any more, the process is ending.
            let _ = self.ended.send(end);
        }
    }

    /// Whether there is something that only the leader does.
    pub(crate) fn needs_leader(&self) -> bool {
        self.end.is_some() || self.log.is_due()
    }

    /// Gives the plugin up.
    pub(crate) fn break_down(&mut self, message: &str) {
        self.log.push_own(Level::Error, message);
        self.end.get_or_insert(End::Broken);
    }

    fn answer_implemented(&mut self, link: &mut Link, conn: StreamId, request: RequestHead<'_>) {
        let names: Vec<GoString> = self.hosted.implemented().iter().map(|name| (*name).into()).collect();
        let encoder = &mut self.hook_encoder;
        let sent: Result<(), super::calls::SendFailure> =
            link.reply(conn, request.seq, request.method, |out| Ok(encoder.encode(&names, out)?));
        if let Err(error) = sent {
            link.reply_error(conn, request.seq, request.method, &error.to_string());
        }
    }

    fn hook_called(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        name: &str,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        if !self.hosted.implemented().contains(&name) {
            // Go's text for a hook that the plugin does not have.
            link.reply_error(conn, request.seq, request.method, &format!("Hook {name} called but not implemented."));
            return Ok(());
        }
        let Some(shared) = self.shared.upgrade() else { return Ok(()) };
        let hosted = Arc::clone(&self.hosted);
        let mut call = HookCall {
            name,
            seq: request.seq,
            conn,
            link,
            body,
            plans: &mut self.hook_plans,
            shared: &shared,
            streams: &mut self.streams,
            calls: &mut self.calls,
        };
        if !hosted.call(&mut call)? {
            link.reply_error(conn, request.seq, request.method, &request.refusal("Plugin"));
        }
        Ok(())
    }

    fn activated(&mut self, link: &mut Link, conn: StreamId, seq: u64, body: Body<'_, '_>) -> Result<(), GobError> {
        let Some(shared) = self.shared.upgrade() else { return Ok(()) };
        let hosted = Arc::clone(&self.hosted);
        if let Some(activation) =
            super::activation::begin(self.calls.api_mut(), &mut self.hook_plans, link, conn, seq, body, shared)?
        {
            hosted.activate(activation);
        }
        Ok(())
    }
}

impl Handler for Core {
    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let Some(name) = request.method.strip_prefix(SERVICE) else {
            link.reply_error(conn, request.seq, request.method, &request.refusal("Plugin"));
            return Ok(());
        };
        match name {
            "Implemented" => self.answer_implemented(link, conn, request),
            "OnActivate" => self.activated(link, conn, request.seq, body)?,
            _ => self.hook_called(link, conn, request, name, body)?,
        }
        Ok(())
    }

    fn response(&mut self, link: &mut Link, conn: StreamId, token: u64, body: Body<'_, '_>) -> Result<(), GobError> {
        let _ = link;
        self.calls.answered(conn, token, body)
    }

    fn call_failed(&mut self, _link: &mut Link, _conn: StreamId, token: u64, error: CallError) {
        self.calls.failed(token, error);
    }

    fn ready(&mut self, link: &mut Link, stream: StreamId, broker_id: u32) {
        // The server opened it, so the number is one of those that calls were given; the others were dialled here.
        if stream.is_clients() {
            self.streams.paired(link, stream, broker_id);
        }
    }

    fn accept_failed(&mut self, _link: &mut Link, broker_id: u32, error: BrokerError) {
        self.streams.missed(broker_id, &error);
    }

    fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {
        self.streams.data(link, stream, bytes);
    }

    fn finished(&mut self, link: &mut Link, stream: StreamId) {
        self.streams.finished(link, stream);
    }

    fn writable(&mut self, link: &mut Link, stream: StreamId) {
        self.streams.writable(link, stream);
    }

    fn conn_closed(&mut self, link: &mut Link, conn: StreamId, error: ConnError) {
        if self.streams.reset(conn) || self.end.is_some() || link.session().closed().is_some() {
            return;
        }
        let lost = if self.calls.closed(conn) {
            "API"
        } else if Some(conn) == self.hooks_conn {
            "hooks"
        } else {
            return;
        };
        // The server dials and serves each of these once; there is no way to get it back but to be started again.
        self.break_down(&format!(
            "the server closed the {lost} connection of this plugin ({error}); the plugin ends, and the server's health check starts it again"
        ));
    }

    fn closed(&mut self, _error: SessionError) {
        self.streams.lost();
        self.end.get_or_insert(End::HostGone);
    }
}

impl PluginHandler for Core {
    fn hooks_connected(&mut self, _link: &mut Link, conn: StreamId) {
        self.hooks_conn = Some(conn);
    }

    fn quit(&mut self, _link: &mut Link) {
        self.end.get_or_insert(End::Quit);
    }
}
