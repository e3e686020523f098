//! A plugin and a host in one process, joined by a connection that cuts bytes anywhere and by a clock that the test moves.
#![allow(dead_code, reason = "each test program uses a part of this")]

use std::time::{Duration, Instant};

use mmp_gob::varint::{put_bytes, put_int};
use mmp_gob::{Error, ids};
use mmp_goplugin::broker::BrokerError;
use mmp_goplugin::endpoint::{Handler, Link};
use mmp_goplugin::host::{HostHandler, HostSession, Output};
use mmp_goplugin::netrpc::{Body, CallError, ConnError, RequestHead, put_message};
use mmp_goplugin::plugin::{PluginHandler, PluginSession};
use mmp_goplugin::yamux::{SessionError, StreamId};

/// Appends a string as a gob value.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_message(out, |out| {
        put_int(out, i64::from(ids::STRING));
        out.push(0);
        put_bytes(out, text.as_bytes());
    });
}

/// Reads a string.
pub(crate) fn read_text(body: Body<'_, '_>) -> Result<String, Error> {
    if body.type_id != ids::STRING {
        return Err(Error::Rejected("not a string".into()));
    }
    body.cursor.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// An argument or result for [`Link::call`] and [`Link::reply`].
pub(crate) fn text(text: &str) -> impl FnOnce(&mut Vec<u8>) -> Result<(), ConnError> {
    move |out| {
        put_text(out, text);
        Ok(())
    }
}

/// Everything that was reported, one line each, and the connections that were made.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) lines: Vec<String>,
    /// The hooks connection.
    pub(crate) hooks: Option<StreamId>,
    /// Bytes of raw connections.
    pub(crate) bytes: Vec<u8>,
    /// Requests that were not answered at once.
    pub(crate) open: Vec<(StreamId, u64, String)>,
    /// Whether requests are left in `open`.
    pub(crate) hold: bool,
    /// Whether an answer that is no string is refused before any of it is read.
    pub(crate) strict: bool,
    /// Whether raw bytes are given back to the window.
    pub(crate) keep_window: bool,
}

impl Log {
    /// Takes the lines.
    pub(crate) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    fn line(&mut self, line: String) {
        self.lines.push(line);
    }
}

impl Handler for Log {
    fn ready(&mut self, _: &mut Link, stream: StreamId, broker_id: u32) {
        self.line(format!("ready {stream} id {broker_id}"));
    }

    fn accept_failed(&mut self, _: &mut Link, broker_id: u32, error: BrokerError) {
        self.line(format!("accept {broker_id} failed: {error}"));
    }

    /// Answers `Plugin.Echo` with its argument.
    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), Error> {
        let RequestHead { seq, method } = request;
        if method != "Plugin.Echo" {
            link.reply_error(conn, seq, method, &request.refusal("Plugin"));
            return Ok(());
        }
        let argument = read_text(body)?;
        if self.hold {
            self.open.push((conn, seq, argument));
            return Ok(());
        }
        link.reply(conn, seq, method, text(&argument)).map_err(|error| Error::Rejected(error.to_string().into()))
    }

    fn response(&mut self, _: &mut Link, conn: StreamId, token: u64, body: Body<'_, '_>) -> Result<(), Error> {
        if body.type_id != ids::STRING && !self.strict {
            body.cursor.skip(body.types, body.type_id)?;
            self.line(format!("{conn} answer {token}: another type"));
            return Ok(());
        }
        let text = read_text(body)?;
        let start: String = text.chars().take(20).collect();
        self.line(format!("{conn} answer {token}: {start} ({})", text.len()));
        Ok(())
    }

    fn call_failed(&mut self, _: &mut Link, conn: StreamId, token: u64, error: CallError) {
        self.line(format!("{conn} call {token} failed: {error}"));
    }

    fn conn_closed(&mut self, _: &mut Link, conn: StreamId, error: ConnError) {
        self.line(format!("{conn} closed: {error}"));
    }

    fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if !self.keep_window {
            link.consume(stream, bytes.len());
        }
    }

    fn finished(&mut self, _: &mut Link, stream: StreamId) {
        self.line(format!("{stream} finished"));
    }

    fn writable(&mut self, _: &mut Link, stream: StreamId) {
        self.line(format!("{stream} writable"));
    }

    fn go_away(&mut self, _: &mut Link) {
        self.line("go away".to_owned());
    }

    fn closed(&mut self, error: SessionError) {
        self.line(format!("session closed: {error}"));
    }
}

impl PluginHandler for Log {
    fn hooks_connected(&mut self, _: &mut Link, conn: StreamId) {
        self.hooks = Some(conn);
        self.line("hooks connected".to_owned());
    }

    fn quit(&mut self, link: &mut Link) {
        let reply_first = !link.session().pending_output().is_empty();
        self.line(format!("quit, reply in output: {reply_first}"));
    }
}

impl HostHandler for Log {
    fn dispensed(&mut self, _: &mut Link, conn: StreamId) {
        self.hooks = Some(conn);
        self.line("dispensed".to_owned());
    }

    fn dispense_failed(&mut self, _: &mut Link, error: CallError) {
        self.line(format!("dispense failed: {error}"));
    }

    fn pong(&mut self, _: &mut Link, result: Result<(), CallError>) {
        self.line(format!("pong {result:?}"));
    }

    fn quit_answered(&mut self, _: &mut Link, result: Result<(), CallError>) {
        self.line(format!("quit answered {result:?}"));
    }

    fn output(&mut self, output: Output, bytes: &[u8]) {
        self.line(format!("{output:?}: {}", String::from_utf8_lossy(bytes)));
    }
}

/// Both sides.
pub(crate) struct Wire {
    pub(crate) plugin: PluginSession,
    pub(crate) plugin_log: Log,
    pub(crate) host: HostSession,
    pub(crate) host_log: Log,
    pub(crate) now: Instant,
    /// Sizes of the pieces that the connection delivers, used in turn.
    pub(crate) pieces: Vec<usize>,
    turn: usize,
}

impl Wire {
    /// A connection that delivers whole outputs.
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            plugin: PluginSession::new(now),
            plugin_log: Log::default(),
            host: HostSession::new(now).expect("fresh session"),
            host_log: Log::default(),
            now,
            pieces: vec![usize::MAX],
            turn: 0,
        }
    }

    /// The same, with the hooks dispensed and connected.
    pub(crate) fn started() -> Self {
        let mut wire = Self::new();
        wire.start();
        wire
    }

    /// Dispenses the hooks.
    pub(crate) fn start(&mut self) {
        self.host.dispense().expect("open session");
        self.pump();
        assert_eq!(self.plugin_log.take(), ["hooks connected"]);
        assert!(self.host_log.take().contains(&"dispensed".to_owned()));
    }

    fn piece(&mut self, available: usize) -> usize {
        self.turn += 1;
        available.min(self.pieces[self.turn % self.pieces.len()])
    }

    /// Delivers bytes until both sides are silent.
    pub(crate) fn pump(&mut self) {
        loop {
            let to_host = self.piece(self.plugin.pending_output().len());
            let bytes = self.plugin.pending_output()[..to_host].to_vec();
            self.plugin.advance_output(to_host);
            self.host.receive(&bytes, &mut self.host_log);
            let to_plugin = self.piece(self.host.pending_output().len());
            let bytes = self.host.pending_output()[..to_plugin].to_vec();
            self.host.advance_output(to_plugin);
            self.plugin.receive(&bytes, &mut self.plugin_log);
            if self.plugin.pending_output().is_empty() && self.host.pending_output().is_empty() {
                return;
            }
        }
    }

    /// Lets time pass, second by second.
    pub(crate) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.plugin.tick(self.now, &mut self.plugin_log);
            self.host.tick(self.now, &mut self.host_log);
            self.pump();
        }
    }

    /// Calls a hook.
    pub(crate) fn call_hook(&mut self, token: u64, method: &str, argument: &str) {
        let conn = self.host_log.hooks.expect("dispensed");
        self.host.link().call(conn, method, token, text(argument)).expect("open connection");
    }

    /// Connects the plugin to an API that the host serves; the plugin's and the host's end.
    pub(crate) fn connect_api(&mut self) -> StreamId {
        let link = self.host.link();
        let id = link.next_broker_id();
        link.accept(id, mmp_goplugin::endpoint::Kind::Server);
        let conn = self.plugin.link().dial(id, mmp_goplugin::endpoint::Kind::Client).expect("open session");
        self.pump();
        assert_eq!(self.plugin_log.take(), [format!("ready {conn} id {id}")]);
        assert_eq!(self.host_log.take(), [format!("ready {conn} id {id}")]);
        conn
    }
}
