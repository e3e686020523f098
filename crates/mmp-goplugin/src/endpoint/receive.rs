//! The reading half of an endpoint: from session events to connection events.

use super::link::{Conn, Local, Writer};
use super::{Endpoint, Handler, Link, Opened, Reader};
use crate::broker::{Expired, Progress};
use crate::netrpc::{CallError, ConnError, RequestOutcome, RequestReader, Response, ResponseReader};
use crate::yamux::{Event, IdMap, SessionError, StreamId};

/// What the bytes of a stream are.
enum Route {
    Pairing,
    Requests,
    Responses,
    Raw,
    Drain,
    /// A stream that this side has forgotten.
    Nowhere,
}

impl Endpoint {
    pub(super) fn dispatch<H: Handler>(&mut self, event: Event<'_>, handler: &mut H) {
        match event {
            Event::Opened(stream) => match handler.opened(&mut self.link, stream) {
                Opened::Broker => self.link.broker.opened(&mut self.link.session, stream),
                Opened::Connection(kind) => {
                    self.link.session.accept(stream);
                    self.link.attach(stream, kind);
                }
            },
            Event::Data(stream, bytes) => self.data(stream, bytes, handler),
            Event::Finished(stream) => self.ended(stream, ConnError::UnexpectedEof, handler),
            Event::Reset(stream) => self.ended(stream, ConnError::Reset, handler),
            Event::Writable(stream) => {
                if matches!(self.route(stream), Route::Raw) {
                    handler.writable(&mut self.link, stream);
                }
            }
            Event::Forgotten(stream) => self.link.forget_if_gone(stream),
            Event::GoAway => handler.go_away(&mut self.link),
            Event::Closed(error) => self.session_closed(&error, handler),
        }
    }

    fn route(&self, stream: StreamId) -> Route {
        match self.link.conns.get(&stream) {
            Some(Conn { pairing: true, .. }) => Route::Pairing,
            Some(conn) => match conn.writer {
                Writer::Server(_) => Route::Requests,
                Writer::Client(_) => Route::Responses,
                Writer::Raw => Route::Raw,
                Writer::Drained => Route::Drain,
            },
            None if self.link.broker.holds(stream) => Route::Pairing,
            None => Route::Nowhere,
        }
    }

    fn data<H: Handler>(&mut self, stream: StreamId, bytes: &[u8], handler: &mut H) {
        match self.route(stream) {
            Route::Pairing => self.pair(stream, bytes, handler),
            Route::Requests => self.requests(stream, bytes, handler),
            Route::Responses => self.responses(stream, bytes, handler),
            Route::Raw => handler.data(&mut self.link, stream, bytes),
            Route::Drain | Route::Nowhere => self.link.session.consume(stream, bytes.len()),
        }
    }

    fn pair<H: Handler>(&mut self, stream: StreamId, bytes: &[u8], handler: &mut H) {
        let Link { broker, session, .. } = &mut self.link;
        match broker.receive(session, stream, bytes) {
            Progress::Pending => {}
            Progress::Ready { broker_id, dialed, rest } => {
                if dialed {
                    self.link.paired(stream);
                } else if let Some(kind) = self.link.accepts.remove(&broker_id) {
                    self.link.attach(stream, kind);
                }
                if !matches!(self.route(stream), Route::Drain) {
                    handler.ready(&mut self.link, stream, broker_id);
                }
                if !rest.is_empty() {
                    self.data(stream, rest, handler);
                }
            }
            Progress::Failed { error, .. } => {
                self.fail(stream, ConnError::Broker(error), handler);
            }
        }
    }

    /// Hands over the requests that are complete. What arrived is counted as consumed: it is either dealt with or in the reader's buffer,
    /// and a value larger than the window would never become complete otherwise.
    fn requests<H: Handler>(&mut self, conn: StreamId, bytes: &[u8], handler: &mut H) {
        let Self { link, readers } = self;
        link.session.consume(conn, bytes.len());
        let Some(reader) = request_reader(readers, conn) else {
            return;
        };
        reader.push(bytes);
        loop {
            match reader.next(|head, body| handler.request(link, conn, head, body)) {
                Ok(None) => break,
                Ok(Some(RequestOutcome::Taken(()))) => {}
                Ok(Some(RequestOutcome::Undecodable(error))) => {
                    let request = reader.last();
                    link.reply_error(conn, request.seq, request.method, &error.to_string());
                }
                Err(error) => {
                    self.fail(conn, error, handler);
                    break;
                }
            }
            if link.detached.contains(&conn) {
                break;
            }
        }
    }

    fn responses<H: Handler>(&mut self, conn: StreamId, bytes: &[u8], handler: &mut H) {
        let Self { link, readers } = self;
        link.session.consume(conn, bytes.len());
        let Some(reader) = response_reader(readers, conn) else {
            return;
        };
        reader.push(bytes);
        loop {
            match next_response(reader, link, conn, handler) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.fail(conn, error, handler);
                    break;
                }
            }
            if link.detached.contains(&conn) {
                break;
            }
        }
    }

    /// The peer closed or reset a stream.
    fn ended<H: Handler>(&mut self, stream: StreamId, error: ConnError, handler: &mut H) {
        match self.route(stream) {
            Route::Pairing => {
                let Link { broker, session, .. } = &mut self.link;
                let failed = match error {
                    ConnError::Reset => broker.reset(stream),
                    _ => broker.finished(session, stream),
                };
                if let Some((_, error)) = failed {
                    self.fail(stream, ConnError::Broker(error), handler);
                }
            }
            Route::Raw if error == ConnError::UnexpectedEof => {
                handler.finished(&mut self.link, stream);
                self.link.forget_if_gone(stream);
            }
            Route::Raw | Route::Requests | Route::Responses => self.fail(stream, error, handler),
            Route::Drain | Route::Nowhere => self.link.forget_if_gone(stream),
        }
    }

    /// Ends a connection: closes this side of it, fails its calls and reports it.
    fn fail<H: Handler>(&mut self, stream: StreamId, error: ConnError, handler: &mut H) {
        self.readers.remove(&stream);
        self.link.session.close(stream);
        let Some(conn) = self.link.conns.get_mut(&stream) else {
            return;
        };
        conn.pairing = false;
        let writer = std::mem::replace(&mut conn.writer, Writer::Drained);
        self.link.forget_if_gone(stream);
        if matches!(writer, Writer::Drained) {
            return;
        }
        if let Writer::Client(mut calls) = writer {
            for token in calls.end(error.clone()) {
                let error = CallError::Connection(error.clone());
                handler.call_failed(&mut self.link, stream, token, error);
            }
        }
        handler.conn_closed(&mut self.link, stream, error);
    }

    fn session_closed<H: Handler>(&mut self, error: &SessionError, handler: &mut H) {
        self.readers = IdMap::default();
        self.link.accepts = IdMap::default();
        self.link.broker = crate::broker::Broker::new();
        let mut conns: Vec<_> = std::mem::take(&mut self.link.conns).into_iter().collect();
        conns.sort_unstable_by_key(|(stream, _)| *stream);
        for (stream, conn) in conns {
            if let Writer::Client(mut calls) = conn.writer {
                for token in calls.end(ConnError::Shutdown) {
                    let error = CallError::Connection(ConnError::Session(error.clone()));
                    handler.call_failed(&mut self.link, stream, token, error);
                }
            }
        }
        handler.closed(error.clone());
    }

    /// Reports what the handler's own calls brought about.
    pub(super) fn deliver_local<H: Handler>(&mut self, handler: &mut H) {
        for stream in self.link.detached.drain(..) {
            self.readers.remove(&stream);
        }
        while let Some(local) = self.link.local.pop_front() {
            match local {
                Local::Ready { broker_id, parked } => {
                    handler.ready(&mut self.link, parked.stream, broker_id);
                    if !parked.early.is_empty() {
                        self.data(parked.stream, &parked.early, handler);
                    }
                    if parked.finished {
                        self.ended(parked.stream, ConnError::UnexpectedEof, handler);
                    }
                }
                Local::CallFailed { conn, token } => {
                    handler.call_failed(&mut self.link, conn, token, Link::shutdown());
                }
            }
        }
    }

    /// Reports the pairings that took too long.
    pub(super) fn expire<H: Handler>(&mut self, handler: &mut H) {
        let Link { broker, session, .. } = &mut self.link;
        for expired in broker.tick(session) {
            if let Expired::Accept(broker_id) = expired {
                self.link.accepts.remove(&broker_id);
                let error = crate::broker::BrokerError::AcceptTimeout;
                handler.accept_failed(&mut self.link, broker_id, error);
            }
        }
    }
}

/// Hands over one response; false if it is not all here.
fn next_response<H: Handler>(
    reader: &mut ResponseReader,
    link: &mut Link,
    conn: StreamId,
    handler: &mut H,
) -> Result<bool, ConnError> {
    let Some(seq) = reader.next_head()? else {
        return Ok(false);
    };
    // The token is taken before the handler runs: if the handler closes the connection, this call does not count as pending.
    let mut token = None;
    let response = reader.next_body(|body| {
        token = link.answered(conn, seq);
        let Some(number) = token else {
            return Ok(());
        };
        handler.response(link, conn, number, body)
    });
    match response {
        None => {
            // Not all of it is here, even if the handler has seen enough to refuse it: the call waits on.
            if let Some(number) = token {
                link.unanswered(conn, seq, number);
            }
            return Ok(false);
        }
        Some(Response::Taken(())) => {}
        Some(Response::Failed(error)) => {
            if let Some(number) = token.or_else(|| link.answered(conn, seq)) {
                handler.call_failed(link, conn, number, error);
            }
        }
    }
    Ok(true)
}

fn request_reader(readers: &mut IdMap<StreamId, Reader>, conn: StreamId) -> Option<&mut RequestReader> {
    let reader = readers.entry(conn).or_insert_with(|| Reader::Requests(RequestReader::default()));
    match reader {
        Reader::Requests(reader) => Some(reader),
        Reader::Responses(_) => None,
    }
}

fn response_reader(readers: &mut IdMap<StreamId, Reader>, conn: StreamId) -> Option<&mut ResponseReader> {
    let reader = readers.entry(conn).or_insert_with(|| Reader::Responses(ResponseReader::default()));
    match reader {
        Reader::Responses(reader) => Some(reader),
        Reader::Requests(_) => None,
    }
}
