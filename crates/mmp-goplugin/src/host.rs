//! The host's side of the connection: starts the control stream, asks for the hooks and calls them, serves the API.

use std::time::Instant;

use mmp_gob::varint::{put_bytes, put_int};
use mmp_gob::{Error, ids};

use crate::broker::BrokerError;
use crate::control::{self, read_broker_id};
use crate::endpoint::{Endpoint, Handler, Kind, Link, Opened};
use crate::netrpc::{Body, CallError, ConnError, RequestHead, put_message};
use crate::yamux::{Config, Role, SessionError, StreamId};

/// Which of the plugin's output streams bytes came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

/// Receives the events of a host's session. [`Handler::request`] gets the API calls, [`Handler::response`] the hooks' results.
#[allow(unused_variables, reason = "default methods ignore their arguments")]
pub trait HostHandler: Handler {
    /// The plugin dispensed its hooks; they can be called on `conn`.
    fn dispensed(&mut self, link: &mut Link, conn: StreamId) {}

    /// The plugin did not dispense its hooks.
    fn dispense_failed(&mut self, link: &mut Link, error: CallError) {}

    /// The plugin answered a ping, or did not.
    fn pong(&mut self, link: &mut Link, result: Result<(), CallError>) {}

    /// The plugin answered that it will exit, or did not; then it is to be killed at once.
    fn quit_answered(&mut self, link: &mut Link, result: Result<(), CallError>) {}

    /// The plugin wrote text.
    fn output(&mut self, output: Output, bytes: &[u8]) {}
}

/// What is asked for on the control stream; used as the call's token.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Ping,
    Quit,
    Dispense,
}

impl Asked {
    const fn token(self) -> u64 {
        match self {
            Self::Ping => 0,
            Self::Quit => 1,
            Self::Dispense => 2,
        }
    }

    const fn from_token(token: u64) -> Self {
        match token {
            0 => Self::Ping,
            1 => Self::Quit,
            _ => Self::Dispense,
        }
    }
}

/// The session of a host with a plugin.
#[derive(Debug)]
pub struct HostSession {
    endpoint: Endpoint,
    state: State,
}

#[derive(Debug)]
struct State {
    control: StreamId,
    stdout: StreamId,
    stderr: StreamId,
}

impl HostSession {
    /// A session on a connection that was just made; opens the control and output streams.
    pub fn new(now: Instant) -> Result<Self, BrokerError> {
        Self::with_config(Config::default(), now)
    }

    /// A session with other limits or timeouts.
    pub fn with_config(config: Config, now: Instant) -> Result<Self, BrokerError> {
        let mut endpoint = Endpoint::new(Role::Client, config, now);
        let link = endpoint.link();
        let state =
            State { control: link.open(Kind::Client)?, stdout: link.open(Kind::Raw)?, stderr: link.open(Kind::Raw)? };
        Ok(Self { endpoint, state })
    }

    /// Asks for the hooks: [`HostHandler::dispensed`] or [`HostHandler::dispense_failed`] follows.
    pub fn dispense(&mut self) -> Result<(), ConnError> {
        self.dispense_named(control::HOOKS)
    }

    /// Asks for another name, which a Mattermost plugin refuses.
    pub fn dispense_named(&mut self, name: &str) -> Result<(), ConnError> {
        self.ask(control::DISPENSE, Asked::Dispense, |out| {
            put_message(out, |out| {
                put_int(out, i64::from(ids::STRING));
                out.push(0);
                put_bytes(out, name.as_bytes());
            });
        })
    }

    /// Asks whether the plugin is alive.
    pub fn ping(&mut self) -> Result<(), ConnError> {
        self.ask(control::PING, Asked::Ping, put_true)
    }

    /// Asks the plugin to exit.
    pub fn quit(&mut self) -> Result<(), ConnError> {
        self.ask(control::QUIT, Asked::Quit, put_true)
    }

    fn ask(&mut self, method: &str, asked: Asked, body: impl FnOnce(&mut Vec<u8>)) -> Result<(), ConnError> {
        let control = self.state.control;
        let link = self.endpoint.link();
        link.call(control, method, asked.token(), |out| {
            body(out);
            Ok::<(), ConnError>(())
        })
        .map(|_| ())
    }

    /// Everything that can be written to.
    pub fn link(&mut self) -> &mut Link {
        self.endpoint.link()
    }

    /// Tells the time, when the driver wakes and before it hands over input; nothing expires yet.
    pub fn advance_clock(&mut self, now: Instant) {
        self.endpoint.advance_clock(now);
    }

    /// Takes bytes that arrived on the connection.
    pub fn receive<H: HostHandler>(&mut self, input: &[u8], handler: &mut H) {
        let Self { endpoint, state } = self;
        endpoint.receive(input, &mut Adapter { state, handler });
    }

    /// Enforces the deadlines and reports what happened without input. The driver calls it at the end of every round.
    pub fn tick<H: HostHandler>(&mut self, now: Instant, handler: &mut H) {
        let Self { endpoint, state } = self;
        endpoint.tick(now, &mut Adapter { state, handler });
    }

    /// When [`tick`](Self::tick) must be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.endpoint.next_deadline()
    }

    /// Says that the connection ended or failed.
    pub fn connection_lost<H: HostHandler>(&mut self, error: SessionError, handler: &mut H) {
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
}

/// Appends `true`, the meaningless argument of go-plugin's own calls to `Control`.
fn put_true(out: &mut Vec<u8>) {
    put_message(out, |out| {
        put_int(out, i64::from(ids::BOOL));
        out.push(0);
        out.push(1);
    });
}

/// Takes out what the session deals with, and passes the rest on.
struct Adapter<'a, H> {
    state: &'a State,
    handler: &'a mut H,
}

impl<H: HostHandler> Adapter<'_, H> {
    fn output_of(&self, stream: StreamId) -> Option<Output> {
        if stream == self.state.stdout {
            Some(Output::Stdout)
        } else if stream == self.state.stderr {
            Some(Output::Stderr)
        } else {
            None
        }
    }

    fn control_answer(&mut self, link: &mut Link, token: u64, body: Body<'_, '_>) -> Result<(), Error> {
        match Asked::from_token(token) {
            Asked::Ping => self.handler.pong(link, Ok(())),
            Asked::Quit => self.handler.quit_answered(link, Ok(())),
            Asked::Dispense => {
                let broker_id = read_broker_id(body)?;
                match link.dial(broker_id, Kind::Client) {
                    Ok(conn) => self.handler.dispensed(link, conn),
                    Err(error) => {
                        let error = CallError::Connection(ConnError::Broker(error));
                        self.handler.dispense_failed(link, error);
                    }
                }
            }
        }
        Ok(())
    }
}

impl<H: HostHandler> Handler for Adapter<'_, H> {
    fn opened(&mut self, link: &mut Link, stream: StreamId) -> Opened {
        self.handler.opened(link, stream)
    }

    fn ready(&mut self, link: &mut Link, stream: StreamId, broker_id: u32) {
        self.handler.ready(link, stream, broker_id);
    }

    fn accept_failed(&mut self, link: &mut Link, broker_id: u32, error: BrokerError) {
        self.handler.accept_failed(link, broker_id, error);
    }

    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), Error> {
        self.handler.request(link, conn, request, body)
    }

    fn response(&mut self, link: &mut Link, conn: StreamId, token: u64, body: Body<'_, '_>) -> Result<(), Error> {
        if conn == self.state.control {
            self.control_answer(link, token, body)
        } else {
            self.handler.response(link, conn, token, body)
        }
    }

    fn call_failed(&mut self, link: &mut Link, conn: StreamId, token: u64, error: CallError) {
        if conn != self.state.control {
            return self.handler.call_failed(link, conn, token, error);
        }
        match Asked::from_token(token) {
            Asked::Ping => self.handler.pong(link, Err(error)),
            Asked::Quit => self.handler.quit_answered(link, Err(error)),
            Asked::Dispense => self.handler.dispense_failed(link, error),
        }
    }

    fn conn_closed(&mut self, link: &mut Link, conn: StreamId, error: ConnError) {
        self.handler.conn_closed(link, conn, error);
    }

    fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {
        match self.output_of(stream) {
            Some(output) => {
                link.consume(stream, bytes.len());
                self.handler.output(output, bytes);
            }
            None => self.handler.data(link, stream, bytes),
        }
    }

    fn finished(&mut self, link: &mut Link, stream: StreamId) {
        if self.output_of(stream).is_some() {
            link.close(stream);
        } else {
            self.handler.finished(link, stream);
        }
    }

    fn writable(&mut self, link: &mut Link, stream: StreamId) {
        self.handler.writable(link, stream);
    }

    fn go_away(&mut self, link: &mut Link) {
        self.handler.go_away(link);
    }

    fn closed(&mut self, error: SessionError) {
        self.handler.closed(error);
    }
}
