//! One HTTP request and its response: what is still to be done for it, one call of the host's response writer after the other.
//!
//! The host runs calls that it gets at the same time in any order, so each waits for the answer of the one before; what the worker sends meanwhile is gathered into larger writes.

use std::collections::VecDeque;
use std::time::Instant;

use mmp_goplugin::yamux::StreamId;
use mmp_transcode::schema::Method;
use mmp_worker::protections::{self, Protection};

use super::connection::Hijacked;
use super::headers::Headers;
use super::response_writer::{Call, Defined};
use crate::streams::{Address, FROM_WORKER, Inbound};
use crate::supervisor::Workers;

/// How many steps may wait: four for each byte that the worker has credit for.
const MAX_STEPS: usize = 4 * FROM_WORKER;

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A call of the response writer.
    Call(Call),
    /// The connection is taken over only to be closed: the response must not look complete.
    Break,
    /// The host's request is answered.
    Finish,
}

/// One request of ServeHTTP or ServeMetrics.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The host's request, and what it called.
    pub(crate) conn: StreamId,
    pub(crate) seq: u64,
    pub(crate) method: &'static Method,
    /// The connection to the host's response writer.
    pub(crate) writer: StreamId,
    pub(crate) defined: Defined,
    pub(crate) body: Option<Inbound>,
    /// The arguments of the hook, until it is sent.
    pub(crate) arguments: Vec<u8>,
    /// The headers that the host has set already, as a map.
    pub(crate) preset: Vec<u8>,
    /// Where the worker runs the hook, while it does.
    pub(crate) address: Option<Address>,
    steps: VecDeque<Step>,
    /// What the host works at.
    pub(crate) in_flight: Option<Step>,
    /// The bytes that the worker has sent and has no credit for.
    unacknowledged: usize,
    /// What is still to come of a body whose length the worker has said.
    length_left: Option<usize>,
    /// The response's status, as far as it is known.
    pub(crate) status: u16,
    /// Whether a part of the response was decided on: an error can have no status any more.
    pub(crate) begun: bool,
    /// Why the worker has broken the response off, if it has.
    pub(crate) broken: Option<String>,
    /// The response has a status that allows no body, or the worker sends more than it said: the rest is dropped.
    pub(crate) body_refused: bool,
    /// The client is not there any more.
    pub(crate) gone: bool,
    pub(crate) hijacked: Option<Hijacked>,
    pub(crate) began: Instant,
    /// When something moved: a frame of the worker, a part of the body, an answer of the host.
    pub(crate) moved: Instant,
}

impl Exchange {
    /// An exchange that begins.
    pub(crate) fn new(conn: StreamId, seq: u64, method: &'static Method, writer: StreamId, now: Instant) -> Exchange {
        Exchange {
            conn,
            seq,
            method,
            writer,
            defined: Defined::default(),
            body: None,
            arguments: Vec::new(),
            preset: Vec::new(),
            address: None,
            steps: VecDeque::new(),
            in_flight: None,
            unacknowledged: 0,
            length_left: None,
            status: 200,
            begun: false,
            broken: None,
            body_refused: false,
            gone: false,
            hijacked: None,
            began: now,
            moved: now,
        }
    }

    /// Since when nothing moves that the plugin is to move; None while the host or the client is at work, or for as long as they like.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let awaits_body = self.body.as_ref().is_some_and(Inbound::is_awaited);
        (self.in_flight.is_none() && self.hijacked.is_none() && !awaits_body).then_some(self.moved)
    }

    /// The next step, unless one is under way.
    pub(crate) fn next(&mut self) -> Option<Step> {
        if self.in_flight.is_some() { None } else { self.steps.pop_front() }
    }

    /// Something is to be done after everything else.
    pub(crate) fn push(&mut self, step: Step) {
        if !self.gone || outlives_client(&step) {
            self.steps.push_back(step);
        }
    }

    /// The worker asks for something that takes no credit.
    ///
    /// # Errors
    /// When more of that waits than any worker needs.
    pub(crate) fn ask(&mut self, call: Call) -> Result<(), String> {
        let step = Step::Call(call);
        // What the one before flushes is all there is.
        if step == Step::Call(Call::Flush) && self.steps.back() == Some(&step) {
            return Ok(());
        }
        if self.steps.len() >= MAX_STEPS {
            return Err("the worker asked for more than the server can do".to_owned());
        }
        self.push(step);
        Ok(())
    }

    /// The worker sent status and headers. False if it is too late for that.
    pub(crate) fn head(&mut self, status: u16, headers: Headers) -> bool {
        if self.begun {
            return false;
        }
        self.begun = true;
        self.status = status;
        self.length_left = headers.content_length();
        self.push(Step::Call(Call::SyncHeader(headers)));
        // The first Write, Flush or the end of the exchange says 200 by itself.
        if status != 200 {
            self.push(Step::Call(Call::WriteHeader(status)));
        }
        true
    }

    /// The worker sent a part of the body, or of what goes over the connection that it took over.
    ///
    /// # Errors
    /// When it is more than the worker had credit for.
    pub(crate) fn data(&mut self, bytes: &[u8], buffered: bool) -> Result<(), String> {
        self.begun = true;
        self.unacknowledged += bytes.len();
        if self.unacknowledged > FROM_WORKER && !protections::is_off(Protection::Backpressure) {
            return Err("the worker sent more of a response than it had credit for".to_owned());
        }
        if bytes.is_empty() || self.gone || self.body_refused {
            return Ok(());
        }
        if self.hijacked.is_some() {
            self.gather_raw(bytes, buffered);
        } else {
            self.gather(bytes);
        }
        Ok(())
    }

    /// Adds to the last write of the body. net/http takes nothing of a write that goes beyond the length that was said, so the part that does goes by itself.
    fn gather(&mut self, bytes: &[u8]) {
        let (fitting, beyond) = match &mut self.length_left {
            Some(left) => {
                let parts = bytes.split_at(bytes.len().min(*left));
                *left -= parts.0.len();
                parts
            }
            None => (bytes, &[][..]),
        };
        match self.steps.back_mut() {
            _ if fitting.is_empty() => {}
            Some(Step::Call(Call::Write(more))) => more.extend_from_slice(fitting),
            _ => self.steps.push_back(Step::Call(Call::Write(fitting.to_vec()))),
        }
        if !beyond.is_empty() {
            self.steps.push_back(Step::Call(Call::Write(beyond.to_vec())));
        }
    }

    /// The same for a connection that was taken over.
    fn gather_raw(&mut self, bytes: &[u8], buffered: bool) {
        match self.steps.back_mut() {
            Some(Step::Call(Call::HjConnWrite(more))) if !buffered => more.extend_from_slice(bytes),
            _ if buffered => self.steps.push_back(Step::Call(Call::HjConnRWWrite(bytes.to_vec()))),
            _ => self.steps.push_back(Step::Call(Call::HjConnWrite(bytes.to_vec()))),
        }
    }

    /// The host has taken so many bytes, or they were dropped: the worker gets credit for them, while it runs the hook.
    pub(crate) fn acknowledge(&mut self, workers: &mut Workers, count: usize) {
        self.unacknowledged = self.unacknowledged.saturating_sub(count);
        if let Some(address) = self.address {
            address.credit(workers, count);
        }
    }

    /// The client is gone: nothing is left to do but to answer the host, when the hook is over.
    pub(crate) fn client_gone(&mut self, workers: &mut Workers) {
        self.gone = true;
        self.keep_steps(workers, outlives_client);
    }

    /// What is left of the body is dropped.
    pub(crate) fn refuse_body(&mut self, workers: &mut Workers) {
        self.body_refused = true;
        self.keep_steps(workers, |step| !matches!(step, Step::Call(Call::Write(_))));
    }

    /// Drops the other steps, and takes the bytes in them for acknowledged.
    fn keep_steps(&mut self, workers: &mut Workers, keep: impl Fn(&Step) -> bool) {
        let carried = |step: &Step| if let Step::Call(call) = step { call.carried() } else { 0 };
        let dropped = self.steps.iter().filter(|step| !keep(step)).map(carried).sum();
        self.steps.retain(keep);
        self.acknowledge(workers, dropped);
    }

    /// The connection that was taken over is closed after everything else, if there is one and that was not said before.
    pub(crate) fn close_connection(&mut self) {
        if let Some(connection) = &mut self.hijacked
            && !std::mem::replace(&mut connection.closing, true)
        {
            self.push(Step::Call(Call::HjConnClose));
        }
    }

    /// The connection was taken over for no one: it is closed before anything else happens.
    pub(crate) fn break_off(&mut self) {
        self.steps.push_front(Step::Call(Call::HjConnClose));
    }

    /// The hook is over and nothing of the response was decided on: the response is this one.
    pub(crate) fn respond(&mut self, status: u16, headers: Headers, body: &str) {
        self.head(status, headers);
        self.push(Step::Call(Call::Write(body.as_bytes().to_vec())));
        self.push(Step::Finish);
    }
}

/// Whether a step is done for a client that is gone, too: the host waits for its answer, and whoever took a connection over has to close it.
fn outlives_client(step: &Step) -> bool {
    matches!(step, Step::Finish | Step::Call(Call::HjConnClose))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::http) fn exchange() -> Exchange {
        // The numbers of the streams are of no importance here.
        let mut session = mmp_goplugin::host::HostSession::new(std::time::Instant::now()).unwrap();
        let stream = session.link().open(mmp_goplugin::endpoint::Kind::Client).unwrap();
        Exchange::new(stream, 1, &mmp_transcode::generated::HOOKS[2], stream, std::time::Instant::now())
    }

    /// The exchange has no address, so nothing is sent to it.
    fn worker() -> Workers {
        Workers::new(Err("there is no bundle".to_owned()))
    }

    fn write(bytes: &[u8]) -> Step {
        Step::Call(Call::Write(bytes.to_vec()))
    }

    #[test]
    fn small_parts_are_gathered_while_the_host_is_busy() {
        let mut exchange = exchange();
        exchange.data(b"a", false).unwrap();
        assert_eq!(exchange.next(), Some(write(b"a")));
        exchange.in_flight = Some(write(b""));
        exchange.data(b"b", false).unwrap();
        exchange.data(b"c", false).unwrap();
        assert_eq!(exchange.next(), None);
        exchange.push(Step::Call(Call::Flush));
        exchange.data(b"d", false).unwrap();
        exchange.in_flight = None;
        assert_eq!(exchange.next(), Some(write(b"bc")));
        assert_eq!(exchange.next(), Some(Step::Call(Call::Flush)));
        assert_eq!(exchange.next(), Some(write(b"d")));
    }

    #[test]
    fn a_worker_that_sends_more_than_its_credit_is_refused() {
        let mut exchange = exchange();
        exchange.data(&vec![0; FROM_WORKER], false).unwrap();
        assert!(exchange.data(b"x", false).is_err());
        exchange.acknowledge(&mut worker(), FROM_WORKER + 1);
        exchange.data(b"x", false).unwrap();
    }

    #[test]
    fn what_takes_no_credit_is_bounded_too() {
        let mut exchange = exchange();
        for _ in 0..2 * MAX_STEPS {
            exchange.ask(Call::Flush).unwrap();
        }
        for _ in 1..MAX_STEPS {
            exchange.ask(Call::HijackResponse).unwrap();
        }
        assert!(exchange.ask(Call::HijackResponse).is_err());
    }

    #[test]
    fn the_head_is_sent_once_and_before_the_body() {
        let mut exchange = exchange();
        assert!(exchange.head(201, Headers::default()));
        assert!(!exchange.head(500, Headers::default()));
        assert_eq!(exchange.next(), Some(Step::Call(Call::SyncHeader(Headers::default()))));
        assert_eq!(exchange.next(), Some(Step::Call(Call::WriteHeader(201))));
        let mut exchange = self::exchange();
        exchange.data(b"x", false).unwrap();
        assert!(!exchange.head(201, Headers::default()));
    }

    #[test]
    fn nothing_is_sent_to_a_client_that_is_gone() {
        let mut exchange = exchange();
        exchange.data(b"x", false).unwrap();
        exchange.push(Step::Finish);
        exchange.client_gone(&mut worker());
        exchange.data(b"y", false).unwrap();
        exchange.push(Step::Call(Call::Flush));
        assert_eq!(exchange.next(), Some(Step::Finish));
        assert_eq!(exchange.next(), None);
    }
}
