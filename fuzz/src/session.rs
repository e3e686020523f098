//! One handler for both sides of a go-plugin connection: notes what it is told, answers requests, and counts the answers to its own calls.

use std::collections::BTreeMap;
use std::time::Instant;

use mmp_gob::varint::{put_bytes, put_int};
use mmp_gob::{Error, decode_value, ids};
use mmp_goplugin::broker::BrokerError;
use mmp_goplugin::endpoint::{Handler, Kind, Link};
use mmp_goplugin::host::{HostHandler, HostSession, Output};
use mmp_goplugin::netrpc::{Body, CallError, ConnError, RequestHead, put_message};
use mmp_goplugin::plugin::{PluginHandler, PluginSession};
use mmp_goplugin::yamux::{FrameType, HEADER_LEN, Header, SessionError, StreamId};

/// What happened on one connection, in words that can be compared. Bytes that come one after the other are one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// Bytes.
    Data(Vec<u8>),
    /// Anything else.
    Event(String),
}

/// Where what concerns the whole session is noted.
const SESSION: u32 = 0;

/// A handler.
#[derive(Debug, Default)]
pub struct Peer {
    /// Everything that happened, by the stream. What happens on one of them and on another has no order: it depends on how the bytes are cut.
    pub log: BTreeMap<u32, Vec<Happened>>,
    /// The streams that it knows, for the actions of an input.
    pub streams: Vec<StreamId>,
    /// Those of them that carry bytes.
    pub raw: Vec<StreamId>,
    /// What the numbers are for that it has accepted.
    pub accepted: BTreeMap<u32, Kind>,
    /// Requests that wait for [`Peer::answer`].
    pub held: Vec<(StreamId, u64)>,
    /// How many bytes it has sent on them.
    pub sent: usize,
    /// How often each call was answered.
    pub calls: BTreeMap<u64, u32>,
    /// How often the session ended.
    pub closed: u32,
    /// The errors by which connections ended.
    pub errors: Vec<ConnError>,
}

/// The method whose requests are answered at once.
pub const ECHO: &str = "Plugin.Echo";
/// The method whose requests wait.
pub const HOLD: &str = "Plugin.Hold";

impl Peer {
    fn event(&mut self, stream: u32, event: String) {
        self.log.entry(stream).or_default().push(Happened::Event(event));
    }

    fn bytes(&mut self, stream: u32, bytes: &[u8]) {
        let log = self.log.entry(stream).or_default();
        match log.last_mut() {
            Some(Happened::Data(before)) => before.extend_from_slice(bytes),
            _ => log.push(Happened::Data(bytes.to_vec())),
        }
    }

    fn answered(&mut self, token: u64) {
        *self.calls.get_mut(&token).expect("an answer to a call that was made") += 1;
    }

    /// Accepts a number.
    pub fn accept(&mut self, link: &mut Link, id: u32, kind: Kind) {
        self.accepted.insert(id, kind);
        link.accept(id, kind);
    }

    /// Dials a number, if the session lets it.
    pub fn dial(&mut self, link: &mut Link, id: u32, kind: Kind) {
        if let Ok(stream) = link.dial(id, kind) {
            self.streams.push(stream);
            self.raw.extend((kind == Kind::Raw).then_some(stream));
        }
    }

    /// Makes a call, if the connection takes it.
    pub fn call(&mut self, link: &mut Link, conn: StreamId, method: &str, argument: &[u8]) {
        let token = self.calls.len() as u64;
        let called = link.call(conn, method, token, |out| {
            put_text(out, argument);
            Ok::<(), ConnError>(())
        });
        if called.is_ok() {
            self.calls.insert(token, 0);
        }
    }

    /// Answers the oldest request that waits.
    pub fn answer(&mut self, link: &mut Link, argument: &[u8]) {
        if !self.held.is_empty() {
            let (conn, seq) = self.held.remove(0);
            // A connection that is gone takes no answer.
            let _ = reply(link, conn, seq, HOLD, argument);
        }
    }

    /// Checks what has to be true when the session is over.
    pub fn check_over(&self) {
        assert_eq!(self.closed, 1, "the end is told once");
        assert!(self.calls.values().all(|&answers| answers == 1), "every call has one answer: {:?}", self.calls);
    }
}

/// Appends bytes as a string.
pub fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_message(out, |out| {
        put_int(out, i64::from(ids::STRING));
        out.push(0);
        put_bytes(out, text);
    });
}

fn reply(link: &mut Link, conn: StreamId, seq: u64, method: &str, text: &[u8]) -> Result<(), ConnError> {
    link.reply(conn, seq, method, |out| {
        put_text(out, text);
        Ok(())
    })
}

impl Handler for Peer {
    fn ready(&mut self, _: &mut Link, stream: StreamId, broker_id: u32) {
        if !self.streams.contains(&stream) {
            self.streams.push(stream);
            self.raw.extend((self.accepted.get(&broker_id) == Some(&Kind::Raw)).then_some(stream));
        }
        self.event(stream.get(), format!("ready {stream} {broker_id}"));
    }

    fn accept_failed(&mut self, _: &mut Link, broker_id: u32, error: BrokerError) {
        self.event(SESSION, format!("accept {broker_id}: {error}"));
    }

    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), Error> {
        let RequestHead { seq, method } = request;
        let refusal = request.refusal("Plugin");
        match method {
            ECHO if body.type_id == ids::STRING => {
                let text = body.cursor.bytes()?;
                self.event(conn.get(), format!("echo {conn} {seq}"));
                // A connection that is gone takes no answer.
                let _ = reply(link, conn, seq, method, text);
            }
            HOLD => self.held.push((conn, seq)),
            _ => {
                let value = decode_value(body.cursor, body.types, body.type_id)?;
                self.event(conn.get(), format!("request {conn} {seq} {method:?} {value:?}"));
                link.reply_error(conn, seq, method, &refusal);
            }
        }
        Ok(())
    }

    fn response(&mut self, _: &mut Link, conn: StreamId, token: u64, body: Body<'_, '_>) -> Result<(), Error> {
        let value = decode_value(body.cursor, body.types, body.type_id)?;
        self.answered(token);
        self.event(conn.get(), format!("response {conn} {token} {value:?}"));
        Ok(())
    }

    fn call_failed(&mut self, _: &mut Link, conn: StreamId, token: u64, error: CallError) {
        self.answered(token);
        self.event(conn.get(), format!("failed {conn} {token} {error}"));
    }

    fn conn_closed(&mut self, _: &mut Link, conn: StreamId, error: ConnError) {
        self.event(conn.get(), format!("closed {conn} {error}"));
        self.errors.push(error);
    }

    fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {
        self.bytes(stream.get(), bytes);
        link.consume(stream, bytes.len());
    }

    fn finished(&mut self, link: &mut Link, stream: StreamId) {
        self.event(stream.get(), format!("finished {stream}"));
        link.close(stream);
    }

    fn writable(&mut self, _: &mut Link, stream: StreamId) {
        self.event(stream.get(), format!("writable {stream}"));
    }

    fn go_away(&mut self, _: &mut Link) {
        self.event(SESSION, "go away".to_owned());
    }

    fn closed(&mut self, error: SessionError) {
        self.closed += 1;
        self.event(SESSION, format!("session closed {error}"));
    }
}

impl PluginHandler for Peer {
    fn hooks_connected(&mut self, _: &mut Link, conn: StreamId) {
        self.streams.push(conn);
        self.event(conn.get(), format!("hooks {conn}"));
    }

    fn quit(&mut self, _: &mut Link) {
        self.event(SESSION, "quit".to_owned());
    }
}

impl HostHandler for Peer {
    fn dispensed(&mut self, _: &mut Link, conn: StreamId) {
        self.streams.push(conn);
        self.event(conn.get(), format!("dispensed {conn}"));
    }

    fn dispense_failed(&mut self, _: &mut Link, error: CallError) {
        self.event(SESSION, format!("dispense: {error}"));
    }

    fn pong(&mut self, _: &mut Link, result: Result<(), CallError>) {
        self.event(SESSION, format!("pong {result:?}"));
    }

    fn quit_answered(&mut self, _: &mut Link, result: Result<(), CallError>) {
        self.event(SESSION, format!("quit {result:?}"));
    }

    fn output(&mut self, output: Output, bytes: &[u8]) {
        self.bytes(u32::MAX - output as u32, bytes);
    }
}

/// What both sessions have.
pub trait Side {
    /// Everything that can be written to.
    fn link(&mut self) -> &mut Link;
    /// Takes bytes.
    fn receive(&mut self, input: &[u8], peer: &mut Peer);
    /// Tells the time and enforces deadlines.
    fn tick(&mut self, now: Instant, peer: &mut Peer);
    /// Ends it.
    fn lost(&mut self, peer: &mut Peer);
    /// Takes the output.
    fn take_output(&mut self, count: usize) -> Vec<u8>;
    /// What has state.
    fn live_state(&self) -> usize;
    /// Whether it has ended.
    fn is_closed(&self) -> bool;
    /// Something that only this side can do.
    fn ask(&mut self, what: u8, bytes: &[u8]);
}

macro_rules! side {
    ($session:ty, $ask:expr) => {
        impl Side for $session {
            fn link(&mut self) -> &mut Link {
                self.link()
            }

            fn receive(&mut self, input: &[u8], peer: &mut Peer) {
                self.receive(input, peer);
            }

            fn tick(&mut self, now: Instant, peer: &mut Peer) {
                self.advance_clock(now);
                self.tick(now, peer);
            }

            fn lost(&mut self, peer: &mut Peer) {
                self.connection_lost(SessionError::ConnectionClosed, peer);
            }

            fn take_output(&mut self, count: usize) -> Vec<u8> {
                let count = count.min(self.pending_output().len());
                let taken = self.pending_output()[..count].to_vec();
                self.advance_output(count);
                taken
            }

            fn live_state(&self) -> usize {
                self.live_state()
            }

            fn is_closed(&self) -> bool {
                self.closed().is_some()
            }

            fn ask(&mut self, what: u8, bytes: &[u8]) {
                // A session that has ended, or has not begun, refuses.
                let _: Option<()> = ($ask)(self, what, bytes);
            }
        }
    };
}

side!(PluginSession, |session: &mut PluginSession, what, bytes: &[u8]| match what % 2 {
    0 => session.write_stdout(bytes).ok(),
    _ => session.write_stderr(bytes).ok(),
});

side!(HostSession, |session: &mut HostSession, what, bytes: &[u8]| match what % 4 {
    0 => session.dispense().ok(),
    1 => session.ping().ok(),
    2 => session.quit().ok(),
    _ => session.dispense_named(&String::from_utf8_lossy(bytes)).ok(),
});

/// Checks that bytes that a session wrote are whole frames.
pub fn check_output(mut bytes: &[u8]) {
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() {
        let header = Header::decode(header).expect("a frame");
        let length = if header.frame_type == FrameType::Data { header.length as usize } else { 0 };
        bytes = rest.get(length..).expect("a whole frame");
    }
    assert!(bytes.is_empty(), "the output ends with a frame");
}

/// The kind of connection that a number of an input means.
pub fn kind(number: u8) -> Kind {
    match number % 3 {
        0 => Kind::Server,
        1 => Kind::Client,
        _ => Kind::Raw,
    }
}
