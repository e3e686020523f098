//! One HTTP/2 connection to the program, and how many calls it has room for.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tonic::body::Body;

/// The number of streams that a connection begins with: none is opened before the program's SETTINGS say how many it takes.
const UNKNOWN: usize = 0;

/// How long the settings of a new connection are waited for. A server sends them at once, and one that does not is taken for full.
const SETTINGS_PATIENCE: Duration = Duration::from_secs(1);

/// A connection that calls share.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Held<Body>>,
    state: Arc<State>,
    /// How many calls the program takes at once.
    limit: watch::Receiver<usize>,
    /// Whether the limit has been waited for.
    settled: bool,
}

#[derive(Debug, Default)]
struct State {
    calls: AtomicUsize,
    /// Whether it takes no more calls, although some may still be on it.
    over: AtomicBool,
}

impl Connection {
    /// Begins HTTP/2 on a stream. The connection is driven by a task of its own.
    ///
    /// # Errors
    /// Those of the handshake.
    pub(super) async fn begin(builder: &mut Builder<TokioExecutor>, stream: UnixStream) -> hyper::Result<Connection> {
        builder.initial_max_send_streams(UNKNOWN);
        let (sender, mut driver) = builder.handshake::<_, Held<Body>>(TokioIo::new(stream)).await?;
        let (limits, limit) = watch::channel(UNKNOWN);
        // Whoever has a request on the connection hears of its end.
        tokio::spawn(poll_fn(move |context| {
            let ended = Pin::new(&mut driver).poll(context);
            let now = driver.current_max_send_streams();
            limits.send_if_modified(|limit| std::mem::replace(limit, now) != now);
            ended.map(drop)
        }));
        Ok(Connection { sender, state: Arc::default(), limit, settled: false })
    }

    /// Whether it takes no more calls.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.state.over.load(Ordering::Relaxed)
    }

    /// Waits until it is known how many calls the program takes at once. The settings are only looked at when a call is on its way.
    pub(super) async fn settle(&mut self) {
        if self.calls() == 0 || std::mem::replace(&mut self.settled, true) {
            return;
        }
        let known = self.limit.wait_for(|limit| *limit != UNKNOWN);
        // Without an answer the connection stays full.
        let _ = tokio::time::timeout(SETTINGS_PATIENCE, known).await;
    }

    /// Whether a call would not have to wait for another one's end.
    pub(super) fn has_room(&self) -> bool {
        self.calls() == 0 || self.calls() < *self.limit.borrow()
    }

    /// How many calls are on it.
    pub(super) fn calls(&self) -> usize {
        self.state.calls.load(Ordering::Relaxed)
    }

    /// Room for one call.
    pub(super) fn take(&self) -> Slot {
        self.state.calls.fetch_add(1, Ordering::Relaxed);
        Slot { sender: self.sender.clone(), place: Arc::new(Place(self.state.clone())) }
    }
}

/// The room of one call on a connection.
pub(super) struct Slot {
    sender: SendRequest<Held<Body>>,
    place: Arc<Place>,
}

/// What is counted: it is given back when request and response are both over.
#[derive(Debug)]
struct Place(Arc<State>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a call has no response, and the request if nothing of it was sent.
pub(super) struct Unanswered {
    pub(super) error: hyper::Error,
    pub(super) unsent: Option<http::Request<Body>>,
}

impl Slot {
    /// Sends the request of the call.
    ///
    /// # Errors
    /// When there is no response.
    pub(super) async fn send(
        mut self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Held<Incoming>>, Box<Unanswered>> {
        let request = request.map(|body| Held { body, _place: self.place.clone() });
        match self.sender.try_send_request(request).await {
            Ok(response) => Ok(response.map(|body| Held { body, _place: self.place })),
            Err(mut failed) => {
                let unsent = failed.take_message().map(|request| request.map(|held| held.body));
                let error = failed.into_error();
                // The end of one stream says nothing about the others; anything else is about the connection.
                if unsent.is_some() || !super::refusal::stream_error(&error).is_some_and(h2::Error::is_reset) {
                    self.place.0.over.store(true, Ordering::Relaxed);
                }
                Err(Box::new(Unanswered { error, unsent }))
            }
        }
    }
}

/// A body that holds the room of its call.
#[derive(Debug)]
pub struct Held<B> {
    body: B,
    _place: Arc<Place>,
}

impl<B: HttpBody + Unpin> HttpBody for Held<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
