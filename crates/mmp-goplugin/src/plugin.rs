//! The plugin's side of the connection: serves the control stream and hooks, dials the API and everything else that the host offers.

use std::time::Instant;

use mmp_gob::Error;

use crate::broker::BrokerError;
use crate::control::{ControlRequest, HOOKS, unknown_plugin};
use crate::endpoint::{Endpoint, Handler, Kind, Link, Opened};
use crate::netrpc::{Body, CallError, ConnError, RequestHead, put_uint_value};
use crate::yamux::{Config, Role, SendError, SessionError, StreamId};

/// Receives the events of a plugin's session. [`Handler::request`] gets the hooks; the control stream is answered by the session itself.
#[allow(unused_variables, reason = "default methods ignore their arguments")]
pub trait PluginHandler: Handler {
    /// The host connected to the hooks that it had asked for; requests on `conn` follow.
    fn hooks_connected(&mut self, link: &mut Link, conn: StreamId) {}

    /// The host asks the plugin to exit. The reply is in the output already: flush it, then exit within 2 s.
    fn quit(&mut self, link: &mut Link);
}

/// The session of a plugin with its host.
#[derive(Debug)]
pub struct PluginSession {
    endpoint: Endpoint,
    state: State,
}

/// What the session itself keeps track of.
#[derive(Debug, Default)]
struct State {
    /// Control, stdout and stderr, which the host opens first and in this order.
    standard: Vec<StreamId>,
    /// Numbers that were given out for hooks and are not dialled yet.
    dispensed: Vec<u32>,
}

impl State {
    fn control(&self) -> Option<StreamId> {
        self.standard.first().copied()
    }
}

impl PluginSession {
    /// A session on a connection that the host has just made.
    pub fn new(now: Instant) -> Self {
        Self::with_config(Config::default(), now)
    }

    /// A session with other limits or timeouts.
    pub fn with_config(config: Config, now: Instant) -> Self {
        Self { endpoint: Endpoint::new(Role::Server, config, now), state: State::default() }
    }

    /// Everything that can be written to.
    pub fn link(&mut self) -> &mut Link {
        self.endpoint.link()
    }

    /// See [`Endpoint::link_and_types`].
    pub fn link_and_types(&mut self, conn: StreamId) -> Option<(&mut Link, &mut mmp_gob::Types)> {
        self.endpoint.link_and_types(conn)
    }

    /// Tells the time, when the driver wakes and before it hands over input; nothing expires yet.
    pub fn advance_clock(&mut self, now: Instant) {
        self.endpoint.advance_clock(now);
    }

    /// Takes bytes that arrived on the connection.
    pub fn receive<H: PluginHandler>(&mut self, input: &[u8], handler: &mut H) {
        let Self { endpoint, state } = self;
        endpoint.receive(input, &mut Adapter { state, handler });
    }

    /// Enforces the deadlines and reports what happened without input. The driver calls it at the end of every round.
    pub fn tick<H: PluginHandler>(&mut self, now: Instant, handler: &mut H) {
        let Self { endpoint, state } = self;
        endpoint.tick(now, &mut Adapter { state, handler });
    }

    /// When [`tick`](Self::tick) must be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.endpoint.next_deadline()
    }

    /// Says that the connection ended or failed.
    pub fn connection_lost<H: PluginHandler>(&mut self, error: SessionError, handler: &mut H) {
        let Self { endpoint, state } = self;
        endpoint.connection_lost(error, &mut Adapter { state, handler });
    }

    /// Bytes to write to the connection.
    pub fn pending_output(&self) -> &[u8] {
        self.endpoint.pending_output()
    }

    /// Says how many of them were written.
    pub fn advance_output(&mut self, count: usize) {
        self.endpoint.advance_output(count);
    }

    /// Why the session ended, if it did.
    pub fn closed(&self) -> Option<&SessionError> {
        self.endpoint.closed()
    }

    /// How many streams, connections, readers and pairings have state here.
    pub fn live_state(&self) -> usize {
        self.endpoint.live_state()
    }

    /// Writes to the stream whose text the host logs as `plugin_stdout`; fails before the host has opened it.
    pub fn write_stdout(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.write_standard(1, bytes)
    }

    /// Writes to the stream whose text the host logs as `plugin_stderr`; fails before the host has opened it.
    pub fn write_stderr(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.write_standard(2, bytes)
    }

    fn write_standard(&mut self, index: usize, bytes: &[u8]) -> Result<(), SendError> {
        let stream = self.state.standard.get(index);
        let stream = *stream.ok_or(SendError::UnknownStream)?;
        self.endpoint.link().send(stream, bytes)
    }
}

/// Takes out what the session deals with, and passes the rest on.
struct Adapter<'a, H> {
    state: &'a mut State,
    handler: &'a mut H,
}

impl<H: PluginHandler> Adapter<'_, H> {
    fn is_standard(&self, stream: StreamId) -> bool {
        self.state.standard.contains(&stream)
    }

    fn control(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), Error> {
        let RequestHead { seq, method } = request;
        match ControlRequest::read(request, body)? {
            ControlRequest::Ping => link.reply_empty(conn, seq, method),
            ControlRequest::Quit => {
                link.reply_empty(conn, seq, method);
                self.handler.quit(link);
            }
            ControlRequest::Dispense(name) if name == HOOKS => {
                let broker_id = link.next_broker_id();
                self.state.dispensed.push(broker_id);
                // As in Go, the 5 s in which the host must dial count from here.
                link.accept(broker_id, Kind::Server);
                let sent = link.reply(conn, seq, method, |out| {
                    put_uint_value(out, u64::from(broker_id));
                    Ok::<(), ConnError>(())
                });
                debug_assert!(sent.is_ok());
            }
            ControlRequest::Dispense(name) => {
                link.reply_error(conn, seq, method, &unknown_plugin(&name));
            }
            ControlRequest::Unknown(text) => link.reply_error(conn, seq, method, &text),
        }
        Ok(())
    }

    /// Whether a number was given out for hooks; it is used up.
    fn take_dispensed(&mut self, broker_id: u32) -> bool {
        let position = self.state.dispensed.iter().position(|&id| id == broker_id);
        position.map(|index| self.state.dispensed.swap_remove(index)).is_some()
    }
}

impl<H: PluginHandler> Handler for Adapter<'_, H> {
    fn opened(&mut self, _link: &mut Link, stream: StreamId) -> Opened {
        if self.state.standard.len() >= 3 {
            return Opened::Broker;
        }
        self.state.standard.push(stream);
        if self.state.standard.len() == 1 { Opened::Connection(Kind::Server) } else { Opened::Connection(Kind::Raw) }
    }

    fn ready(&mut self, link: &mut Link, stream: StreamId, broker_id: u32) {
        // The numbers of the two sides are separate spaces: those that this side accepted come on streams of the peer.
        if stream.is_clients() && self.take_dispensed(broker_id) {
            self.handler.hooks_connected(link, stream);
        } else {
            self.handler.ready(link, stream, broker_id);
        }
    }

    fn accept_failed(&mut self, link: &mut Link, broker_id: u32, error: BrokerError) {
        self.take_dispensed(broker_id);
        self.handler.accept_failed(link, broker_id, error);
    }

    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), Error> {
        if self.state.control() == Some(conn) {
            self.control(link, conn, request, body)
        } else {
            self.handler.request(link, conn, request, body)
        }
    }

    fn response(&mut self, link: &mut Link, conn: StreamId, token: u64, body: Body<'_, '_>) -> Result<(), Error> {
        self.handler.response(link, conn, token, body)
    }

    fn call_failed(&mut self, link: &mut Link, conn: StreamId, token: u64, error: CallError) {
        self.handler.call_failed(link, conn, token, error);
    }

    fn conn_closed(&mut self, link: &mut Link, conn: StreamId, error: ConnError) {
        if !self.is_standard(conn) || self.state.control() == Some(conn) {
            self.handler.conn_closed(link, conn, error);
        }
    }

    fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {
        if self.is_standard(stream) {
            // The host has nothing to say on the output streams.
            link.consume(stream, bytes.len());
        } else {
            self.handler.data(link, stream, bytes);
        }
    }

    fn finished(&mut self, link: &mut Link, stream: StreamId) {
        if self.is_standard(stream) {
            link.close(stream);
        } else {
            self.handler.finished(link, stream);
        }
    }

    fn writable(&mut self, link: &mut Link, stream: StreamId) {
        if !self.is_standard(stream) {
            self.handler.writable(link, stream);
        }
    }

    fn go_away(&mut self, link: &mut Link) {
        self.handler.go_away(link);
    }

    fn closed(&mut self, error: SessionError) {
        self.handler.closed(error);
    }
}
