//! What the worker says of its response, and the host's answers to it.

use mmp_gob::Error as GobError;
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::{Body, CallError};
use mmp_transcode::msgpack::{Reader, Token};
use mmp_worker::frame::{BUFFERED, FLUSH, Header, Kind};
use mmp_worker::protections::{self, Protection};

use super::connection::Hijacked;
use super::exchange::{Exchange, Step};
use super::headers::read_head;
use super::hook::close_body;
use super::response_writer::{Call, Direction, read_bytes, read_header};
use crate::core::{AnswerError, Core};
use crate::log::Level;
use crate::pending_calls::{PendingCall, PendingCalls};
use crate::streams::{broken_off, credit_of};

/// net/http's errors for a body where there can be none, and for more of it than was said.
const NO_BODY: &str = "http: request method or response status code does not allow body";
const TOO_LONG: [&str; 2] =
    ["http: wrote more than the declared Content-Length", "http2: handler wrote more than declared Content-Length"];

impl Core {
    /// A frame of a stream of an HTTP hook.
    ///
    /// # Errors
    /// When the worker breaks the protocol.
    pub(crate) fn http_frame(
        &mut self,
        link: &mut HostLink,
        id: u32,
        header: Header,
        payload: &[u8],
    ) -> Result<(), String> {
        let Core { exchanges, workers, now, .. } = self;
        let Some(exchange) = exchanges.get_mut(id) else { return Ok(()) };
        exchange.moved = *now;
        match header.kind {
            Kind::Head => {
                let Some((status, headers)) = read_head(payload) else {
                    return Err("a HEAD of the worker cannot be read".to_owned());
                };
                if !exchange.head(status, headers) {
                    self.log.push_any(
                        Level::Warn,
                        "the worker sent a HEAD when the response had begun; it has no effect",
                        &[],
                    );
                }
            }
            Kind::Data => {
                exchange.data(payload, header.flags & BUFFERED != 0)?;
                if header.flags & FLUSH != 0 && exchange.hijacked.is_none() {
                    exchange.ask(Call::Flush)?;
                }
                if exchange.gone || exchange.body_refused || protections::is_off(Protection::Backpressure) {
                    exchange.acknowledge(workers, payload.len());
                }
            }
            Kind::End => {
                let broken = broken_off(payload)?;
                if exchange.hijacked.is_some() {
                    exchange.close_connection();
                } else {
                    exchange.broken = exchange.broken.take().or(broken);
                }
            }
            Kind::Hijack => exchange.ask(Call::HijackResponse)?,
            Kind::Deadline => {
                let Some((direction, time)) = read_deadline(payload) else {
                    return Err("a DEADLINE of the worker cannot be read".to_owned());
                };
                exchange.ask(Call::HjConnSetDeadline(direction, time))?;
            }
            Kind::Credit => {
                let count = credit_of(payload)?;
                match (&mut exchange.hijacked, &mut exchange.body) {
                    (Some(connection), _) => connection.grant(count),
                    (None, Some(body)) => body.grant(link, count),
                    (None, None) => {}
                }
            }
            kind => return Err(format!("the worker sent {kind:?} for an HTTP request")),
        }
        self.advance_http(link, id);
        Ok(())
    }

    /// Does what can be done now.
    pub(crate) fn advance_http(&mut self, link: &mut HostLink, id: u32) {
        loop {
            let Some(exchange) = self.exchanges.get_mut(id) else { return };
            let Some(step) = exchange.next() else { break };
            let call = match &step {
                Step::Finish => return self.finish_http(link, id),
                Step::Break => &Call::HijackResponse,
                Step::Call(call) => call,
            };
            let called = call_writer(&mut self.calls, link, exchange, PendingCall::Http { exchange: id }, call);
            exchange.in_flight = Some(step);
            if !called {
                self.http_refused(link, id, None);
            }
        }
        self.read_connection(link, id);
    }

    /// Reads on from a connection that was taken over.
    fn read_connection(&mut self, link: &mut HostLink, id: u32) {
        let Some(exchange) = self.exchanges.get_mut(id).filter(|exchange| exchange.address.is_some()) else { return };
        let Some(call) = exchange.hijacked.as_mut().and_then(Hijacked::next_read) else { return };
        if !call_writer(&mut self.calls, link, exchange, PendingCall::HttpRead { exchange: id }, &call) {
            self.client_gone(id);
        }
    }

    /// The host answered a call of the response writer.
    pub(crate) fn http_answered(&mut self, link: &mut HostLink, id: u32, body: Body<'_, '_>) -> Result<(), GobError> {
        let Core { exchanges, workers, now, .. } = self;
        let Some(exchange) = exchanges.get_mut(id) else { return Ok(()) };
        exchange.moved = *now;
        if exchange.in_flight == Some(Step::Call(Call::Header)) {
            let mut preset = Vec::new();
            read_header(body, &mut preset)?;
            exchange.in_flight = None;
            self.send_http_hook(link, id, preset);
            return Ok(());
        }
        match exchange.in_flight.take() {
            Some(Step::Break) => exchange.break_off(),
            Some(Step::Call(Call::HijackResponse)) => {
                exchange.begun = true;
                exchange.hijacked = Some(Hijacked::new());
                close_body(&mut self.routes, link, exchange);
                match exchange.address {
                    Some(address) => address.hijacked(workers, None),
                    None => exchange.break_off(),
                }
            }
            Some(Step::Call(Call::HjConnSetDeadline(..))) => {
                if let Some(connection) = &mut exchange.hijacked {
                    connection.deadline_set();
                }
            }
            Some(Step::Call(call)) => {
                exchange.acknowledge(workers, call.carried());
            }
            Some(Step::Finish) | None => {}
        }
        self.advance_http(link, id);
        Ok(())
    }

    /// The host refused a call of the response writer; None: its connection is gone.
    pub(crate) fn http_refused(&mut self, link: &mut HostLink, id: u32, error: Option<&CallError>) {
        let Core { exchanges, workers, .. } = self;
        let Some(exchange) = exchanges.get_mut(id) else { return };
        let step = exchange.in_flight.take();
        let message = match error {
            Some(CallError::Server(text)) => text.as_str(),
            _ => "the connection to the server's response writer is gone",
        };
        if let Some(Step::Call(call)) = &step {
            exchange.acknowledge(workers, call.carried());
        }
        match step {
            Some(Step::Call(Call::Header)) => {
                let text = format!("{}: the server's headers cannot be read: {message}", exchange.method.name);
                self.log.push_any(Level::Error, text, &[]);
                self.respond_failed(id);
            }
            Some(Step::Call(Call::Write(_))) if message == NO_BODY => exchange.refuse_body(workers),
            Some(Step::Call(Call::Write(_))) if TOO_LONG.contains(&message) => {
                exchange.refuse_body(workers);
                let text =
                    "ServeHTTP: the plugin sent more than the Content-Length that it had said; the rest is dropped";
                self.log.push_any(Level::Error, text, &[]);
            }
            Some(Step::Call(Call::HijackResponse)) => {
                if let Some(address) = exchange.address {
                    address.hijacked(workers, Some(message));
                }
            }
            Some(
                Step::Call(Call::HjConnClose | Call::HjConnSetDeadline(..) | Call::Flush) | Step::Break | Step::Finish,
            )
            | None => {}
            Some(Step::Call(_)) => self.client_gone(id),
        }
        if error.is_none() {
            // Nothing else can be called either.
            self.client_gone(id);
        }
        self.advance_http(link, id);
    }

    /// The client, or the host's part in the exchange, is gone: the handler need not go on.
    fn client_gone(&mut self, id: u32) {
        let Core { exchanges, workers, .. } = self;
        let Some(exchange) = exchanges.get_mut(id).filter(|exchange| !exchange.gone) else { return };
        if protections::is_off(Protection::ClientGone) {
            return;
        }
        exchange.client_gone(workers);
        if let Some(address) = exchange.address {
            address.send(workers, Kind::Cancel, &[]);
        }
    }

    /// Bytes of a connection that was taken over.
    pub(crate) fn http_read(&mut self, link: &mut HostLink, id: u32, body: Body<'_, '_>) -> Result<(), GobError> {
        let bytes = read_bytes(body)?;
        let Core { exchanges, workers, .. } = self;
        let Some(exchange) = exchanges.get_mut(id) else { return Ok(()) };
        if let Some(connection) = &mut exchange.hijacked {
            connection.read(bytes.len());
        }
        if let Some(address) = exchange.address
            && !bytes.is_empty()
        {
            address.send(workers, Kind::Data, bytes);
        }
        self.read_connection(link, id);
        Ok(())
    }

    /// A connection that was taken over cannot be read.
    pub(crate) fn http_read_failed(&mut self, id: u32, error: &CallError) {
        let Core { exchanges, workers, .. } = self;
        let Some(exchange) = exchanges.get_mut(id) else { return };
        let (Some(connection), Some(address)) = (&mut exchange.hijacked, exchange.address) else { return };
        let broken = connection.read_failed(&error.to_string());
        if protections::is_off(Protection::ClientGone) {
            return;
        }
        address.end(workers, broken.as_deref());
    }
}

/// Calls the response writer of an exchange. False if its connection is gone.
fn call_writer(
    calls: &mut PendingCalls,
    link: &mut HostLink,
    exchange: &mut Exchange,
    pending: PendingCall,
    call: &Call,
) -> bool {
    let token = calls.insert(pending);
    let defined = &mut exchange.defined;
    let called: Result<u64, AnswerError> = link.call(exchange.writer, call.method(), token, |out| {
        call.put(defined, out);
        Ok(())
    });
    if called.is_err() {
        calls.remove(token);
    }
    called.is_ok()
}

/// Reads the payload of DEADLINE: which, and when.
fn read_deadline(payload: &[u8]) -> Option<(Direction, Option<(i64, u32)>)> {
    let mut reader = Reader::new(payload);
    let Ok(Token::Array(2)) = reader.token() else { return None };
    let direction = match reader.token() {
        Ok(Token::Int(0)) => Direction::Both,
        Ok(Token::Int(1)) => Direction::Read,
        Ok(Token::Int(2)) => Direction::Write,
        _ => return None,
    };
    match reader.token() {
        Ok(Token::Nil) => Some((direction, None)),
        Ok(Token::Timestamp(seconds, nanos)) => Some((direction, Some((seconds, nanos)))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read() {
        assert_eq!(read_deadline(b"\x92\x01\xc0"), Some((Direction::Read, None)));
        assert_eq!(read_deadline(b"\x92\x02\xd6\xff\0\0\0\x05"), Some((Direction::Write, Some((5, 0)))));
        assert_eq!(read_deadline(b"\x92\x03\xc0"), None);
        assert_eq!(read_deadline(b"\x92\x01\x05"), None);
    }
}
