//! A stream from the host to the worker.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::pull::PullReader;
use mmp_goplugin::yamux::StreamId;
use mmp_worker::frame::Kind;

use super::Address;
use crate::supervisor::Workers;

/// How the bytes are got from the host.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// By asking for them: Mattermost's remote `io.Reader`.
    Pull(PullReader),
    /// They come by themselves, as far as the window of the stream lets them: the worker's first credit.
    Plain,
}

/// The state of one such stream.
#[derive(Debug)]
pub(crate) struct Inbound {
    stream: StreamId,
    source: Source,
    /// None until the worker knows of the hook or the answer that the stream belongs to.
    address: Option<Address>,
    /// What came before that.
    held: Vec<u8>,
    /// How many bytes are to come, if that was said.
    remaining: Option<u64>,
    /// Bytes of a plain stream that came and are not given back to its window yet.
    unconsumed: u64,
    /// How much credit the worker has given beyond those, or beyond what the host was asked for.
    spare: u64,
    /// Why what came is not all, if the host said so.
    broken: Option<&'static str>,
    ended: bool,
}

impl Inbound {
    /// A stream of which `length` bytes are to come, if that is known.
    pub(crate) fn new(stream: StreamId, source: Source, length: Option<u64>) -> Inbound {
        Inbound {
            stream,
            source,
            address: None,
            held: Vec::new(),
            remaining: length,
            unconsumed: 0,
            spare: 0,
            broken: None,
            ended: false,
        }
    }

    /// The host's stream.
    pub(crate) fn stream(&self) -> StreamId {
        self.stream
    }

    /// The worker knows now whose stream it is, and takes `credit` bytes to begin with.
    pub(crate) fn start(&mut self, link: &mut HostLink, workers: &mut Workers, address: Address, credit: u64) {
        self.address = Some(address);
        let held = std::mem::take(&mut self.held);
        self.pass_on(workers, &held);
        if self.ended {
            self.end(workers);
        } else if matches!(self.source, Source::Pull(_)) {
            self.grant(link, credit);
        } else {
            self.consume(link);
        }
    }

    /// The worker takes so many bytes more.
    pub(crate) fn grant(&mut self, link: &mut HostLink, count: u64) {
        self.spare = self.spare.saturating_add(count);
        match self.source {
            Source::Pull(_) => self.ask(link),
            Source::Plain => self.consume(link),
        }
    }

    /// Asks the host for what the worker takes, unless it has not read the requests before.
    pub(crate) fn ask(&mut self, link: &mut HostLink) {
        let Source::Pull(pull) = &mut self.source else { return };
        if self.ended || self.spare == 0 || link.writable(self.stream) == 0 {
            return;
        }
        let mut request = Vec::new();
        pull.request(&mut request, i64::try_from(std::mem::take(&mut self.spare)).unwrap_or(i64::MAX));
        // If the stream is gone, its end has been or will be reported.
        let _ = link.send(self.stream, &request);
    }

    /// Gives as much of a plain stream back to its window as has come and the worker has given credit for; nothing before the worker has it.
    fn consume(&mut self, link: &mut HostLink) {
        if self.address.is_none() {
            return;
        }
        let count = self.spare.min(self.unconsumed);
        self.spare -= count;
        self.unconsumed -= count;
        link.consume(self.stream, usize::try_from(count).unwrap_or(usize::MAX));
    }

    /// Bytes came.
    pub(crate) fn received(&mut self, link: &mut HostLink, workers: &mut Workers, bytes: &[u8]) {
        if let Source::Pull(pull) = &mut self.source {
            // Requests bound what comes; the window of the stream need not.
            pull.received(bytes.len());
            link.consume(self.stream, bytes.len());
        } else {
            self.unconsumed += bytes.len() as u64;
            self.consume(link);
        }
        self.remaining = self.remaining.map(|left| left.saturating_sub(bytes.len() as u64));
        if self.address.is_some() {
            self.pass_on(workers, bytes);
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    fn pass_on(&self, workers: &mut Workers, bytes: &[u8]) {
        if let Some(address) = self.address
            && !bytes.is_empty()
        {
            address.send(workers, Kind::Data, bytes);
        }
    }

    /// The host sends no more, or has broken the stream off for this reason.
    pub(crate) fn over(&mut self, workers: &mut Workers, broken: Option<&'static str>) {
        if !self.ended {
            self.ended = true;
            self.broken = broken;
            self.end(workers);
        }
    }

    /// Whether the worker waits for the host, or for its client: for bytes that were asked for.
    pub(crate) fn is_awaited(&self) -> bool {
        let asked = matches!(self.source, Source::Pull(pull) if pull.due() > 0);
        asked && !self.ended && self.remaining != Some(0)
    }

    /// Whether the worker has got all of it, and knows that.
    pub(crate) fn is_over(&self) -> bool {
        self.ended && self.address.is_some()
    }

    fn end(&self, workers: &mut Workers) {
        let Some(address) = self.address else { return };
        let short = self.remaining.is_some_and(|left| left > 0);
        let broken = self.broken.or(short.then_some("the client left before it had sent the whole body"));
        address.end(workers, broken);
    }

    /// The worker wants no more of it.
    pub(crate) fn close(self, link: &mut HostLink) {
        if matches!(self.source, Source::Plain) && !self.ended {
            // The host would wait for room in the window; a reset tells it at once.
            link.reset(self.stream);
        } else {
            link.close(self.stream);
        }
    }
}
