//! What the plugin does: its hooks are one way each to use this crate.

use std::collections::HashMap;

use mmp_gob::varint::{put_bytes, put_int, put_uint};
use mmp_gob::{Error, TypeId, WireField, WireType, ids};
use mmp_goplugin::endpoint::{Handler, Kind, Link};
use mmp_goplugin::netrpc::{Body, CallError, ConnError, RequestHead, put_message, put_uint_value};
use mmp_goplugin::plugin::{PluginHandler, PluginSession};
use mmp_goplugin::pull::{EVERYTHING, PullServer, put_request};
use mmp_goplugin::yamux::StreamId;

/// The id of `Summary` in replies.
const SUMMARY: TypeId = 64;

/// A hook that is to be answered later.
#[derive(Clone, Debug)]
struct Hook {
    conn: StreamId,
    seq: u64,
    method: String,
}

/// What arrived of a body; the Go host has the same type.
#[derive(Clone, Copy, Debug, Default)]
struct Summary {
    length: u64,
    sum: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tester {
    pub(crate) quit: bool,
    api: Option<StreamId>,
    next_token: u64,
    /// API calls that a hook waits for.
    calls: HashMap<u64, Hook>,
    /// Bodies that arrive, and the hook that waits for their end.
    pulls: HashMap<StreamId, (Hook, Summary)>,
    /// Bodies to serve: what was asked for, and what is left.
    serves: HashMap<StreamId, (PullServer, usize)>,
    /// Sizes of bodies that the host has not dialled yet.
    accepts: HashMap<u32, usize>,
    summary_defined: bool,
    text: Vec<String>,
}

impl Tester {
    /// Writes to the output streams, which only the session can.
    pub(crate) fn print(&mut self, session: &mut PluginSession) {
        for text in self.text.drain(..) {
            session.write_stdout(format!("stdout {text}\n").as_bytes()).expect("open");
            session.write_stderr(format!("stderr {text}\n").as_bytes()).expect("open");
        }
    }

    fn call_api(&mut self, link: &mut Link, hook: Hook, method: &str, argument: impl FnOnce(&mut Vec<u8>)) {
        let token = self.next_token;
        self.next_token += 1;
        let api = self.api.expect("activated");
        let called = link.call(api, method, token, |out| {
            argument(out);
            Ok::<(), ConnError>(())
        });
        match called {
            Ok(_) => drop(self.calls.insert(token, hook)),
            Err(error) => link.reply_error(hook.conn, hook.seq, &hook.method, &error.to_string()),
        }
    }

    fn reply_summary(&mut self, link: &mut Link, hook: &Hook, summary: Summary) {
        let defined = std::mem::replace(&mut self.summary_defined, true);
        reply(link, hook, |out| {
            if !defined {
                summary_type().put_definition(SUMMARY, out);
            }
            put_message(out, |out| put_summary(out, summary));
        });
    }

    /// Sends as much of a body as was asked for and fits the window.
    fn serve(&mut self, link: &mut Link, stream: StreamId) {
        let Some((server, left)) = self.serves.get_mut(&stream) else {
            return;
        };
        loop {
            let count = server.take((*left).min(link.writable(stream)));
            if count == 0 {
                break;
            }
            link.send(stream, &vec![7; count]).expect("open");
            *left -= count;
        }
        if *left == 0 && server.due() > 0 {
            link.close(stream);
            self.serves.remove(&stream);
        }
    }
}

impl Handler for Tester {
    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), Error> {
        let hook = Hook { conn, seq: request.seq, method: request.method.to_owned() };
        match request.method {
            "Plugin.Echo" => {
                let text = read_text(body)?;
                reply_text(link, &hook, &text);
            }
            "Plugin.Fail" => {
                let text = format!("failed: {}", read_text(body)?);
                link.reply_error(conn, request.seq, request.method, &text);
            }
            "Plugin.OnActivate" => {
                let api_id = read_first_uint(body)?;
                self.api = Some(link.dial(api_id, Kind::Client).expect("open session"));
                self.call_api(link, hook, "Plugin.Upper", |out| put_text(out, "activated"));
            }
            "Plugin.Upper" => {
                let text = read_text(body)?;
                self.call_api(link, hook, "Plugin.Upper", |out| put_text(out, &text));
            }
            "Plugin.CallMissing" => self.call_api(link, hook, "Plugin.Missing", |out| put_text(out, "x")),
            "Plugin.BreakAPI" => self.call_api(link, hook, "Plugin.Unencodable", |out| put_text(out, "x")),
            "Plugin.Pull" => {
                let id = read_first_uint(body)?;
                let stream = link.dial(id, Kind::Raw).expect("open session");
                let mut everything = Vec::new();
                put_request(&mut everything, EVERYTHING);
                link.send(stream, &everything).expect("open");
                self.pulls.insert(stream, (hook, Summary::default()));
            }
            "Plugin.Serve" => {
                let size = read_first_uint(body)?;
                let id = link.next_broker_id();
                link.accept(id, Kind::Raw);
                self.accepts.insert(id, size as usize);
                self.call_api(link, hook, "Plugin.Take", |out| put_uint_value(out, u64::from(id)));
            }
            "Plugin.Print" => {
                self.text.push(read_text(body)?);
                link.reply_empty(conn, request.seq, request.method);
            }
            _ => link.reply_error(conn, request.seq, request.method, &request.refusal("Plugin")),
        }
        Ok(())
    }

    fn response(&mut self, link: &mut Link, _: StreamId, token: u64, body: Body<'_, '_>) -> Result<(), Error> {
        let hook = self.calls.get(&token).cloned().expect("a call");
        if hook.method == "Plugin.Serve" {
            let summary = read_summary(body)?;
            self.reply_summary(link, &hook, summary);
        } else {
            let text = read_text(body)?;
            reply_text(link, &hook, &text);
        }
        self.calls.remove(&token);
        Ok(())
    }

    fn call_failed(&mut self, link: &mut Link, _: StreamId, token: u64, error: CallError) {
        let hook = self.calls.remove(&token).expect("a call");
        let text = match error.missing_method() {
            Some(method) => format!("missing method {method}"),
            None => error.to_string(),
        };
        link.reply_error(hook.conn, hook.seq, &hook.method, &text);
    }

    fn ready(&mut self, _: &mut Link, stream: StreamId, broker_id: u32) {
        if stream.is_clients() {
            let size = self.accepts.remove(&broker_id).expect("accepted");
            self.serves.insert(stream, (PullServer::default(), size));
        }
    }

    fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {
        link.consume(stream, bytes.len());
        if let Some((_, summary)) = self.pulls.get_mut(&stream) {
            summary.length += bytes.len() as u64;
            for &byte in bytes {
                summary.sum = summary.sum.wrapping_mul(31).wrapping_add(u64::from(byte));
            }
        }
        if let Some((server, _)) = self.serves.get_mut(&stream) {
            server.receive(bytes).expect("a request");
            self.serve(link, stream);
        }
    }

    fn finished(&mut self, link: &mut Link, stream: StreamId) {
        link.close(stream);
        if let Some((hook, summary)) = self.pulls.remove(&stream) {
            self.reply_summary(link, &hook, summary);
        }
    }

    fn writable(&mut self, link: &mut Link, stream: StreamId) {
        self.serve(link, stream);
    }
}

impl PluginHandler for Tester {
    fn quit(&mut self, _: &mut Link) {
        self.quit = true;
    }
}

fn reply(link: &mut Link, hook: &Hook, value: impl FnOnce(&mut Vec<u8>)) {
    let replied = link.reply(hook.conn, hook.seq, &hook.method, |out| {
        value(out);
        Ok::<(), ConnError>(())
    });
    replied.expect("open");
}

fn reply_text(link: &mut Link, hook: &Hook, text: &str) {
    reply(link, hook, |out| put_text(out, text));
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_message(out, |out| {
        put_int(out, i64::from(ids::STRING));
        out.push(0);
        put_bytes(out, text.as_bytes());
    });
}

fn read_text(body: Body<'_, '_>) -> Result<String, Error> {
    if body.type_id != ids::STRING {
        return Err(Error::Rejected("not a string".into()));
    }
    body.cursor.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// Reads the first field of a struct of unsigned integers; 0 if it was left out.
fn read_first_uint(body: Body<'_, '_>) -> Result<u32, Error> {
    match body.cursor.field(-1)? {
        Some(0) => u32::try_from(body.cursor.uint()?).map_err(|_| Error::Overflow("uint32")),
        _ => Ok(0),
    }
}

fn summary_type() -> WireType {
    let field = |name: &str| WireField { name: name.into(), id: ids::UINT };
    WireType::Struct { name: "Summary".into(), fields: [field("Length"), field("Sum")].into() }
}

fn put_summary(out: &mut Vec<u8>, summary: Summary) {
    put_int(out, i64::from(SUMMARY));
    let mut delta = 1;
    for value in [summary.length, summary.sum] {
        if value == 0 {
            delta += 1;
        } else {
            put_uint(out, delta);
            put_uint(out, value);
            delta = 1;
        }
    }
    out.push(0);
}

fn read_summary(body: Body<'_, '_>) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    let mut number = -1;
    while let Some(next) = body.cursor.field(number)? {
        number = next;
        match number {
            0 => summary.length = body.cursor.uint()?,
            _ => summary.sum = body.cursor.uint()?,
        }
    }
    Ok(summary)
}
