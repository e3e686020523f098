//! Raw streams: the bodies of requests and responses, and files.
//!
//! What the server sends is kept here until the author's code reads it; only then does the server get its window back, so no more than one window of a stream is ever kept. What the author writes goes out as far as
//! the window of the server lets it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mmp_goplugin::broker::BrokerError;
use mmp_goplugin::endpoint::{Kind, Link};
use mmp_goplugin::pull::{EVERYTHING, PullReader, PullServer};
use mmp_goplugin::yamux::StreamId;
use tokio::io::ReadBuf;

use crate::runtime::shared::{Shared, State};

/// How much of a file is asked for at once. All that was asked for is read from the file, whether the handler wants it or not, and the server goes on behind it.
const FILE_PART: i64 = 128 * 1024;

/// How the two sides deal with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Bytes come and go by themselves.
    Plain,
    /// The server sends what it is asked for, and is asked for everything at once.
    PullAll,
    /// The server sends what it is asked for, part by part.
    PullParts,
    /// The server asks.
    Serve,
}

/// One stream.
struct Raw {
    flow: Flow,
    pull: PullReader,
    server: PullServer,
    /// What has come and was not read.
    buffer: VecDeque<u8>,
    asked: bool,
    ended: bool,
    broken: Option<String>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Raw {
    fn new(flow: Flow) -> Raw {
        Raw {
            flow,
            pull: PullReader::default(),
            server: PullServer::default(),
            buffer: VecDeque::new(),
            asked: false,
            ended: false,
            broken: None,
            reader: None,
            writer: None,
        }
    }

    fn wake(&mut self) {
        [self.reader.take(), self.writer.take()].into_iter().flatten().for_each(Waker::wake);
    }

    /// Asks for more, if the server waits for that.
    fn ask(&mut self, link: &mut Link, stream: StreamId) {
        let count = match self.flow {
            Flow::PullAll if !self.asked => EVERYTHING,
            Flow::PullParts if self.pull.due() == 0 => FILE_PART,
            _ => return,
        };
        self.asked = true;
        let mut request = Vec::new();
        self.pull.request(&mut request, count);
        // A stream that is gone says so by its end.
        let _ = link.send(stream, &request);
    }
}

/// A number that the server was told, until it dials it.
struct Accept {
    flow: Flow,
    outcome: Option<Result<StreamId, String>>,
    waker: Option<Waker>,
}

/// All raw streams of a connection.
#[derive(Default)]
pub(crate) struct Streams {
    raw: HashMap<StreamId, Raw>,
    accepts: HashMap<u32, Accept>,
}

impl Streams {
    /// Dials a number of the server's.
    pub(crate) fn dial(
        &mut self,
        link: &mut Link,
        shared: &Arc<Shared>,
        number: u32,
        flow: Flow,
    ) -> Result<Stream, BrokerError> {
        let id = link.dial(number, Kind::Raw)?;
        self.raw.insert(id, Raw::new(flow));
        Ok(Stream { shared: Arc::clone(shared), id, open: true })
    }

    /// A number for the server to dial.
    pub(crate) fn accept(&mut self, link: &mut Link, flow: Flow) -> u32 {
        let number = link.next_broker_id();
        self.accepts.insert(number, Accept { flow, outcome: None, waker: None });
        link.accept(number, Kind::Raw);
        number
    }

    /// The server has dialled a number.
    pub(crate) fn paired(&mut self, link: &mut Link, stream: StreamId, number: u32) {
        match self.accepts.get_mut(&number) {
            Some(accept) => {
                self.raw.insert(stream, Raw::new(accept.flow));
                accept.outcome = Some(Ok(stream));
                accept.waker.take().into_iter().for_each(Waker::wake);
            }
            // Whoever gave the number out is not interested any more.
            None => link.reset(stream),
        }
    }

    /// The server has not dialled a number in time.
    pub(crate) fn missed(&mut self, number: u32, error: &BrokerError) {
        if let Some(accept) = self.accepts.get_mut(&number) {
            accept.outcome = Some(Err(error.to_string()));
            accept.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Bytes have come.
    pub(crate) fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {
        let Some(raw) = self.raw.get_mut(&stream) else { return link.consume(stream, bytes.len()) };
        if raw.flow == Flow::Serve {
            link.consume(stream, bytes.len());
            if raw.server.receive(bytes).is_err() {
                raw.broken = Some("the server asked for what is no number".to_owned());
            }
        } else {
            raw.pull.received(bytes.len());
            raw.buffer.extend(bytes);
        }
        raw.wake();
    }

    /// Nothing more comes.
    pub(crate) fn finished(&mut self, _link: &mut Link, stream: StreamId) {
        if let Some(raw) = self.raw.get_mut(&stream) {
            raw.ended = true;
            raw.wake();
        }
    }

    /// More can be sent.
    pub(crate) fn writable(&mut self, _link: &mut Link, stream: StreamId) {
        if let Some(raw) = self.raw.get_mut(&stream) {
            raw.writer.take().into_iter().for_each(Waker::wake);
        }
    }

    /// The stream broke off. False if it is none of these.
    pub(crate) fn reset(&mut self, stream: StreamId) -> bool {
        let Some(raw) = self.raw.get_mut(&stream) else { return false };
        raw.ended = true;
        raw.broken = Some("the server broke the stream off".to_owned());
        raw.wake();
        true
    }

    /// The connection is gone.
    pub(crate) fn lost(&mut self) {
        for raw in self.raw.values_mut() {
            raw.ended = true;
            raw.broken = Some("the connection to the server is gone".to_owned());
            raw.wake();
        }
        for accept in self.accepts.values_mut() {
            accept.outcome = Some(Err("the connection to the server is gone".to_owned()));
            accept.waker.take().into_iter().for_each(Waker::wake);
        }
    }
}

/// A stream in the hands of the author's code; closed when it is dropped.
pub(crate) struct Stream {
    shared: Arc<Shared>,
    id: StreamId,
    open: bool,
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the server takes no more")
}

impl Stream {
    fn with<R>(&self, change: impl FnOnce(&mut Link, Option<&mut Raw>) -> R) -> R {
        let id = self.id;
        self.shared.with(|State { session, core, .. }| change(session.link(), core.streams.raw.get_mut(&id)))
    }

    /// Reads what is here, or waits for it; nothing at the end.
    pub(crate) fn poll_read(&self, context: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|link, raw| {
            let Some(raw) = raw else { return Poll::Ready(Ok(())) };
            if raw.buffer.is_empty() {
                return match &raw.broken {
                    Some(why) => Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, why.clone()))),
                    None if raw.ended => Poll::Ready(Ok(())),
                    None => {
                        raw.ask(link, self.id);
                        raw.reader = Some(context.waker().clone());
                        Poll::Pending
                    }
                };
            }
            let (first, second) = raw.buffer.as_slices();
            let before = target.remaining();
            for part in [first, second] {
                target.put_slice(&part[..part.len().min(target.remaining())]);
            }
            let count = before - target.remaining();
            raw.buffer.drain(..count);
            link.consume(self.id, count);
            Poll::Ready(Ok(()))
        })
    }

    /// Sends as much as the server takes, or waits until it takes something.
    pub(crate) fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|link, raw| {
            let Some(raw) = raw.filter(|raw| raw.broken.is_none()) else { return Poll::Ready(Err(gone())) };
            let count = bytes.len().min(link.writable(self.id));
            if count == 0 && !bytes.is_empty() {
                raw.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            match link.send(self.id, &bytes[..count]) {
                Ok(()) => Poll::Ready(Ok(count)),
                Err(_) => Poll::Ready(Err(gone())),
            }
        })
    }

    /// Waits until the server asks for something and takes it. Returns how much, or 0 if it wants no more.
    pub(crate) fn poll_asked(&self, context: &mut Context<'_>) -> Poll<usize> {
        self.with(|link, raw| {
            let Some(raw) = raw.filter(|raw| raw.broken.is_none() && !raw.ended) else { return Poll::Ready(0) };
            let count = usize::try_from(raw.server.due()).unwrap_or(usize::MAX).min(link.writable(self.id));
            if count == 0 {
                raw.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(count)
        })
    }

    /// Sends what was asked for.
    pub(crate) fn serve(&self, bytes: &[u8]) -> bool {
        self.with(|link, raw| {
            let Some(raw) = raw else { return false };
            let count = raw.server.take(bytes.len());
            count == bytes.len() && link.send(self.id, bytes).is_ok()
        })
    }

    /// Says that nothing more is sent.
    pub(crate) fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            let id = self.id;
            self.with(|link, _| link.close(id));
        }
    }

    /// Breaks the stream off, so that the server does not take what it has for the whole.
    pub(crate) fn break_off(mut self) {
        self.open = false;
        let id = self.id;
        self.with(|link, _| link.reset(id));
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close();
        let id = self.id;
        self.shared.with(|state| state.core.streams.raw.remove(&id));
    }
}

/// A number that the server was told to dial.
pub(crate) struct Accepted {
    shared: Arc<Shared>,
    number: u32,
}

impl Accepted {
    pub(crate) fn new(shared: &Arc<Shared>, number: u32) -> Accepted {
        Accepted { shared: Arc::clone(shared), number }
    }

    /// Waits for the server to dial it.
    pub(crate) async fn stream(&self) -> Result<Stream, String> {
        std::future::poll_fn(|context| {
            self.shared.with(|State { core, .. }| {
                let Some(accept) = core.streams.accepts.get_mut(&self.number) else {
                    return Poll::Ready(Err("the stream was taken already".to_owned()));
                };
                match accept.outcome.take() {
                    None => {
                        accept.waker = Some(context.waker().clone());
                        Poll::Pending
                    }
                    Some(Err(why)) => Poll::Ready(Err(why)),
                    Some(Ok(id)) => Poll::Ready(Ok(Stream { shared: Arc::clone(&self.shared), id, open: true })),
                }
            })
        })
        .await
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        self.shared.with(|State { session, core, .. }| {
            let accept = core.streams.accepts.remove(&self.number);
            if let Some(Ok(stream)) = accept.and_then(|accept| accept.outcome) {
                core.streams.raw.remove(&stream);
                session.link().reset(stream);
            }
        });
    }
}
