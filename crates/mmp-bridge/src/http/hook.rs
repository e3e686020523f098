//! From the host's request to the worker's hook.

use std::time::Duration;

use mmp_gob::Error as GobError;
use mmp_goplugin::endpoint::{Kind, Link as HostLink};
use mmp_goplugin::netrpc::{Body, RequestHead};
use mmp_goplugin::pull::PullReader;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::Error as TranscodeError;
use mmp_transcode::msgpack::{self, Reader, Token};
use mmp_transcode::schema::Method;

use super::exchange::{Exchange, Step};
use super::headers::Headers;
use super::response_writer::Call;
use crate::core::Core;
use crate::failures::Failure;
use crate::hooks::Asker;
use crate::log::Level;
use crate::names;
use crate::streams::{Address, Inbound, Route, Routes, Source};

/// The hook whose answer the bridge has a part in, whether the plugin implements it or not.
pub(crate) const SERVE_METRICS: &str = "ServeMetrics";

/// Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a client is told, and nothing of the plugin.
const FAILED: &str = "Internal Server Error\n";
const UNAVAILABLE: &str = "Service Unavailable: the plugin is being started again\n";
const NOT_FOUND: &str = "404 page not found\n";
/// What the log says of a request that no worker takes.
pub(crate) const COME_BACK: &str = "the client is told to come back";
const LATE: &str = "Gateway Timeout: the plugin did not answer\n";
const BUSY: &str = "Service Unavailable: the plugin is busy\n";

impl Core {
    /// The host calls ServeHTTP or ServeMetrics. It waits five seconds for both streams to be dialled, so that is done at once; the headers that it has set are asked for, and the worker gets the hook with them.
    pub(crate) fn http_called(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        request: RequestHead<'_>,
        method: &'static Method,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let Body { type_id, cursor, types } = body;
        let mut arguments = Vec::new();
        match self.from_hooks.args(method, type_id, cursor, types, &mut arguments) {
            Ok(_) => {}
            Err(TranscodeError::Gob(error)) => return Err(error),
            Err(error) => {
                let message = format!("{}: the server's request cannot be passed on: {error}", method.name);
                self.log.push_any(Level::Error, message, &[]);
                link.reply_error(conn, request.seq, request.method, &error.to_string());
                return Ok(());
            }
        }
        let (writer, body) = match *self.from_hooks.streams() {
            [writer, body] => (writer, body),
            _ => (0, 0),
        };
        match dial(link, writer, body) {
            Ok((writer, body)) => {
                let mut exchange = Exchange::new(conn, request.seq, method, writer, self.now);
                exchange.body = body.map(|stream| {
                    Inbound::new(stream, Source::Pull(PullReader::default()), content_length(&arguments))
                });
                exchange.arguments = arguments;
                exchange.push(Step::Call(Call::Header));
                let id = self.exchanges.insert(exchange);
                if let Some(stream) = body {
                    self.routes.insert(stream, Route::HttpBody(id));
                }
                self.advance_http(link, id);
            }
            Err(error) => link.reply_error(conn, request.seq, request.method, &error),
        }
        Ok(())
    }

    /// The host's headers are known: the hook can be sent.
    pub(super) fn send_http_hook(&mut self, link: &mut HostLink, id: u32, preset: Vec<u8>) {
        let Some(exchange) = self.exchanges.get_mut(id) else { return };
        let method = exchange.method;
        exchange.preset = preset;
        let metrics = (method.name == SERVE_METRICS).then(|| self.metrics_text());
        // Metrics come from one worker always, because each counts for itself.
        let lane = metrics.is_some().then_some(0);
        let Some(choice) =
            self.workers.choose(method, lane, self.now).filter(|choice| metrics.is_none() || !choice.waits)
        else {
            return self.respond_without_worker(link, id, metrics);
        };
        let sent = self.send(method, choice, Asker::Http { exchange: id }, None, |this, out| {
            if let Some(exchange) = this.exchanges.get_mut(id) {
                let arguments = std::mem::take(&mut exchange.arguments);
                put_arguments(out, &arguments, &exchange.preset, metrics.as_deref());
            }
            Ok(None)
        });
        match sent {
            Ok(true) => self.begin_streams(link),
            _ => {
                let message = format!("{}: {}; {COME_BACK}", method.name, Failure::Full.sentence());
                self.log.push_any(Level::Error, message, &[]);
                self.http_put_off(link, id);
            }
        }
    }

    /// There is no worker, or it does not implement ServeMetrics.
    fn respond_without_worker(&mut self, link: &mut HostLink, id: u32, metrics: Option<String>) {
        let Some(metrics) = metrics else { return self.respond_absent(link, id) };
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let headers = Headers::of_map(&exchange.preset).with("Content-Type", METRICS_TYPE);
            exchange.respond(200, headers, &metrics);
        }
        self.advance_http(link, id);
    }

    /// No worker takes the request: none is there, or the plugin was loaded anew without the hook, so that it has no pages any more.
    fn respond_absent(&mut self, link: &mut HostLink, id: u32) {
        let Some(method) = self.exchanges.get_mut(id).map(|exchange| exchange.method) else { return };
        if self.workers.is_removed(method.id) {
            return self.respond_plainly(link, id, 404, NOT_FOUND);
        }
        let reason = self.absence_of_workers();
        self.metrics.hook(method, Duration::ZERO, false);
        self.log_unserved(method, &Failure::Absent(&reason), COME_BACK);
        self.respond_unavailable(link, id, UNAVAILABLE);
    }

    /// The client is told that the plugin failed, when nothing of the response was decided on.
    pub(super) fn respond_failed(&mut self, id: u32) {
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let headers = plain(&exchange.preset);
            exchange.respond(500, headers, FAILED);
        }
    }

    /// Other hooks keep the worker from taking this one: the client is to come back.
    fn http_put_off(&mut self, link: &mut HostLink, id: u32) {
        self.respond_unavailable(link, id, BUSY);
    }

    /// The hook has no answer of its own.
    pub(crate) fn fail_http(&mut self, link: &mut HostLink, id: u32, failure: &Failure<'_>) {
        let begun = self.exchanges.get_mut(id).is_some_and(|exchange| exchange.begun);
        match failure {
            Failure::Raised(raised) => self.http_finished(link, id, Some(&raised.message)),
            _ if begun => self.http_finished(link, id, Some("the plugin's worker is gone, or late")),
            _ => {
                self.leave_worker(link, id);
                match failure {
                    Failure::Late(_) => self.respond_late(link, id),
                    Failure::Full | Failure::Stalled => self.http_put_off(link, id),
                    _ => self.respond_unavailable(link, id, UNAVAILABLE),
                }
            }
        }
    }

    /// Nothing goes to the worker any more, and nothing of the request's body is wanted.
    fn leave_worker(&mut self, link: &mut HostLink, id: u32) {
        let Some(exchange) = self.exchanges.get_mut(id) else { return };
        exchange.address = None;
        close_body(&mut self.routes, link, exchange);
    }

    fn respond_late(&mut self, link: &mut HostLink, id: u32) {
        self.respond_plainly(link, id, 504, LATE);
    }

    fn respond_plainly(&mut self, link: &mut HostLink, id: u32, status: u16, text: &str) {
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let headers = plain(&exchange.preset);
            exchange.respond(status, headers, text);
        }
        self.advance_http(link, id);
    }

    fn respond_unavailable(&mut self, link: &mut HostLink, id: u32, why: &str) {
        // A worker that was given up is tried again once a minute.
        let seconds = if self.workers.is_degraded() { "60" } else { "1" };
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let headers = plain(&exchange.preset).with("Retry-After", seconds);
            exchange.respond(503, headers, why);
        }
        self.advance_http(link, id);
    }

    /// The hook runs at the worker now: it may ask for the request's body from here on.
    pub(crate) fn http_started(&mut self, link: &mut HostLink, id: u32, address: Address) {
        let Core { exchanges, workers, .. } = self;
        let Some(exchange) = exchanges.get_mut(id) else { return };
        exchange.address = Some(address);
        match &mut exchange.body {
            // A read that is under way would keep the server from sending a response, so nothing is asked for before the handler reads.
            Some(body) => body.start(link, workers, address, 0),
            None => address.end(workers, None),
        }
    }

    /// Whether the client that a hook served is not there any more.
    pub(crate) fn client_has_left(&mut self, asker: Asker) -> bool {
        let Asker::Http { exchange } = asker else { return false };
        self.exchanges.get_mut(exchange).is_some_and(|exchange| exchange.gone)
    }

    /// The hook is over. `failure`: what its handler raised, or why there is no worker any more.
    pub(crate) fn http_finished(&mut self, link: &mut HostLink, id: u32, failure: Option<&str>) {
        let Some(exchange) = self.exchanges.get_mut(id) else { return };
        exchange.address = None;
        close_body(&mut self.routes, link, exchange);
        let broken = exchange.broken.take();
        if let (None, Some(error)) = (failure, &broken) {
            // A failed hook has its line already. That a client leaves is no fault.
            let level = if exchange.gone { Level::Debug } else { Level::Warn };
            let message = format!("{}: the plugin's handler broke the response off: {error}", exchange.method.name);
            self.log.push_any(level, message, &[]);
        }
        let failed = failure.or(broken.as_deref()).is_some() && exchange.hijacked.is_none();
        if failed && !exchange.begun {
            self.respond_failed(id);
        } else {
            exchange.close_connection();
            if failed {
                exchange.push(Step::Break);
            }
            exchange.push(Step::Finish);
        }
        self.advance_http(link, id);
    }

    /// The host is answered, and the exchange is over.
    pub(super) fn finish_http(&mut self, link: &mut HostLink, id: u32) {
        let Some(mut exchange) = self.exchanges.remove(id) else { return };
        close_body(&mut self.routes, link, &mut exchange);
        link.close(exchange.writer);
        self.metrics.responded(exchange.hijacked.is_none().then_some(exchange.status));
        let (to_hooks, method) = (&mut self.to_hooks, exchange.method);
        let replied: Result<(), crate::core::AnswerError> = link.reply(
            exchange.conn,
            exchange.seq,
            names::hook(method),
            |out| Ok(to_hooks.reply_nothing(method, out)?),
        );
        if let Err(error) = replied {
            link.reply_error(exchange.conn, exchange.seq, names::hook(method), &error.to_string());
        }
    }
}

/// Nothing more of the request's body is wanted.
pub(super) fn close_body(routes: &mut Routes, link: &mut HostLink, exchange: &mut Exchange) {
    if let Some(body) = exchange.body.take() {
        routes.remove(body.stream());
        body.close(link);
    }
}

/// Headers for a short text from the bridge, beside those that the host has set.
fn plain(preset: &[u8]) -> Headers {
    let headers = Headers::of_map(preset).with("Content-Type", "text/plain; charset=utf-8");
    headers.with("X-Content-Type-Options", "nosniff")
}

fn dial(link: &mut HostLink, writer: u32, body: u32) -> Result<(StreamId, Option<StreamId>), String> {
    let unreachable = |error| format!("the server's HTTP streams cannot be reached: {error}");
    let writer = link.dial(writer, Kind::Client).map_err(unreachable)?;
    match body {
        0 => Ok((writer, None)),
        body => match link.dial(body, Kind::Raw) {
            Ok(body) => Ok((writer, Some(body))),
            Err(error) => {
                link.close(writer);
                Err(unreachable(error))
            }
        },
    }
}

/// The array of the arguments, `[request, context]`, with the headers and the metrics behind them.
fn put_arguments(out: &mut Vec<u8>, arguments: &[u8], preset: &[u8], metrics: Option<&str>) {
    let items = arguments.get(1..).unwrap_or_default();
    msgpack::put_array_len(out, 3 + usize::from(metrics.is_some()));
    out.extend_from_slice(items);
    out.extend_from_slice(preset);
    if let Some(metrics) = metrics {
        msgpack::put_str(out, metrics);
    }
}

/// How long the body is, if the request says so. net/http refuses requests whose length is said in more ways than one.
fn content_length(arguments: &[u8]) -> Option<u64> {
    let mut reader = Reader::new(arguments);
    let Ok(Token::Array(_)) = reader.token() else { return None };
    let request = value_of(reader.raw().ok()?, b"header")?;
    let mut values = Reader::new(value_of(request, b"Content-Length")?);
    let (Ok(Token::Array(1)), Ok(Token::Str(length))) = (values.token(), values.token()) else { return None };
    std::str::from_utf8(length).ok()?.trim().parse().ok()
}

/// The value of a key of a map.
fn value_of<'a>(map: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut reader = Reader::new(map);
    let Ok(Token::Map(count)) = reader.token() else { return None };
    for _ in 0..count {
        let (Ok(key), Ok(value)) = (reader.token(), reader.raw()) else { return None };
        if key == Token::Str(wanted) {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_body_is_found() {
        let arguments = b"\x92\x82\xa6method\xa3PUT\xa6header\x82\xa1A\x91\xa1b\xaeContent-Length\x91\xa242\xc0";
        assert_eq!(content_length(arguments), Some(42));
        assert_eq!(content_length(b"\x92\x81\xa6header\x80\xc0"), None);
        assert_eq!(content_length(b"\x92\x81\xa6header\x81\xaeContent-Length\x91\xa1x\xc0"), None);
        assert_eq!(content_length(b"\x92\xc0"), None);
    }

    #[test]
    fn the_headers_follow_the_arguments() {
        let mut out = Vec::new();
        put_arguments(&mut out, b"\x92\x01\x02", b"\x80", None);
        assert_eq!(out, b"\x93\x01\x02\x80");
        out.clear();
        put_arguments(&mut out, b"\x92\x01\x02", b"\x80", Some("x"));
        assert_eq!(out, b"\x94\x01\x02\x80\xa1x");
    }
}
