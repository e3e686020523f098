//! A stream from the worker to the host.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::pull::PullServer;
use mmp_goplugin::yamux::StreamId;

use super::{Address, FROM_WORKER};
use crate::supervisor::Workers;

/// How the host takes the bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sink {
    /// It asks for them: Mattermost's remote `io.Reader`.
    Pull(PullServer),
    /// It takes what comes, as far as the window of the stream lets it.
    Plain,
}

/// The state of one such stream.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// None until the host has dialled it.
    stream: Option<StreamId>,
    sink: Sink,
    address: Address,
    /// What the worker sent and the host has not taken; never more than [`FROM_WORKER`].
    buffer: Vec<u8>,
    ended: bool,
    closed: bool,
    /// Whether the worker has sent anything.
    begun: bool,
}

impl Outbound {
    /// A stream that the host has dialled, or will.
    pub(crate) fn new(stream: Option<StreamId>, sink: Sink, address: Address) -> Outbound {
        Outbound { stream, sink, address, buffer: Vec::new(), ended: false, closed: false, begun: false }
    }

    /// The host's stream, once there is one.
    pub(crate) fn stream(&self) -> Option<StreamId> {
        self.stream
    }

    /// Whether the worker has sent any of it.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// The worker knows now whose stream it is.
    pub(crate) fn set_address(&mut self, address: Address) {
        self.address = address;
    }

    /// The host has dialled.
    pub(crate) fn connected(&mut self, link: &mut HostLink, workers: &mut Workers, stream: StreamId) {
        self.stream = Some(stream);
        self.pump(link, workers);
    }

    /// The worker sent bytes.
    ///
    /// # Errors
    /// When they are more than it had credit for, or come behind the end.
    pub(crate) fn push(&mut self, link: &mut HostLink, workers: &mut Workers, bytes: &[u8]) -> Result<(), String> {
        if self.ended {
            return Err("the worker sent more of a stream that it had ended".to_owned());
        }
        if self.buffer.len() + bytes.len() > FROM_WORKER {
            return Err("the worker sent more of a stream than it had credit for".to_owned());
        }
        self.begun |= !bytes.is_empty();
        if self.closed {
            // The host takes no more. The worker goes on until it hears so by the answer.
            self.address.credit(workers, bytes.len());
        } else {
            self.buffer.extend_from_slice(bytes);
            self.pump(link, workers);
        }
        Ok(())
    }

    /// The worker sends no more.
    pub(crate) fn end(&mut self, link: &mut HostLink, workers: &mut Workers) {
        self.ended = true;
        self.pump(link, workers);
    }

    /// The host asked for more, on a stream that is pulled.
    pub(crate) fn requested(&mut self, link: &mut HostLink, workers: &mut Workers, bytes: &[u8]) {
        let Some(stream) = self.stream else { return };
        link.consume(stream, bytes.len());
        if let Sink::Pull(server) = &mut self.sink
            && server.receive(bytes).is_err()
        {
            self.stop(link, workers);
            return;
        }
        self.pump(link, workers);
    }

    /// Sends what the host takes now.
    pub(crate) fn pump(&mut self, link: &mut HostLink, workers: &mut Workers) {
        let Some(stream) = self.stream.filter(|_| !self.closed) else { return };
        let room = self.buffer.len().min(link.writable(stream));
        let count = match &mut self.sink {
            Sink::Pull(server) => server.take(room),
            Sink::Plain => room,
        };
        if count > 0 {
            if link.send(stream, &self.buffer[..count]).is_err() {
                return self.stop(link, workers);
            }
            self.buffer.drain(..count);
            if !self.ended {
                self.address.credit(workers, count);
            }
        }
        if self.ended && self.buffer.is_empty() {
            self.closed = true;
            link.close(stream);
        }
    }

    /// The host takes no more: what still comes is dropped.
    pub(crate) fn stop(&mut self, link: &mut HostLink, workers: &mut Workers) {
        if !self.closed {
            self.closed = true;
            if let Some(stream) = self.stream {
                link.close(stream);
            }
            if !self.ended {
                self.address.credit(workers, self.buffer.len());
            }
            self.buffer = Vec::new();
        }
    }

    /// The stream is broken off, so that the host does not take what it has got for the whole.
    pub(crate) fn abort(self, link: &mut HostLink) {
        if let Some(stream) = self.stream.filter(|_| !self.closed) {
            link.reset(stream);
        }
    }

    /// What the worker has sent, of a stream that the host does not dial after all.
    pub(crate) fn take_back(self) -> Vec<u8> {
        self.buffer
    }

    /// The hook or call is over: what is left is sent without regard to the window, which is bounded by [`FROM_WORKER`], and the stream is closed.
    pub(crate) fn finish(mut self, link: &mut HostLink) {
        let Some(stream) = self.stream.filter(|_| !self.closed) else { return };
        if matches!(self.sink, Sink::Plain) && !self.buffer.is_empty() {
            // A stream that is gone takes nothing; the host has closed it then.
            let _ = link.send(stream, &std::mem::take(&mut self.buffer));
        }
        link.close(stream);
    }
}
