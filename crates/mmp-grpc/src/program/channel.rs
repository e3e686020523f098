//! The HTTP/2 connections to the program that calls go over: as many as the calls in flight need, made again after they were lost.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use tokio::sync::Mutex;
use tonic::Status;
use tonic::body::Body;

use super::connection::{Connection, Held, Slot};
use super::dial::{DialError, Dialer};

/// The most connections of a channel. With that many, calls wait for the end of others.
const MAX_CONNECTIONS: usize = 128;

/// A way for gRPC calls; clones share its connections. A server limits how many calls it takes at once on a connection, and a call that waited for another one's end might wait for ever:
/// a hook may call the API, which may run the hook again.
#[derive(Debug, Clone)]
pub struct Channel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    dialer: Arc<Dialer>,
    connections: Mutex<Vec<Connection>>,
}

impl Channel {
    /// A channel that is connected when it is needed.
    pub fn new(dialer: Arc<Dialer>) -> Channel {
        Channel(Arc::new(Shared { dialer, connections: Mutex::default() }))
    }

    /// Connects, unless the channel is connected.
    ///
    /// # Errors
    /// When the program cannot be reached.
    pub async fn connect(&self) -> Result<(), DialError> {
        self.0.slot().await.map(drop)
    }
}

impl Shared {
    /// Room for one call, and whether the connection was made for it.
    async fn slot(&self) -> Result<(Slot, bool), DialError> {
        let mut connections = self.connections.lock().await;
        connections.retain(|connection| !connection.is_closed());
        // Another one is only made when the limit of this is known.
        if let Some(latest) = connections.last_mut() {
            latest.settle().await;
        }
        let full = connections.len() >= MAX_CONNECTIONS;
        let usable = connections.iter().filter(|connection| full || connection.has_room());
        if let Some(connection) = usable.min_by_key(|connection| (!connection.has_room(), connection.calls())) {
            return Ok((connection.take(), false));
        }
        let connection = self.dialer.dial().await?;
        let slot = connection.take();
        connections.push(connection);
        Ok((slot, true))
    }

    async fn send(&self, mut request: http::Request<Body>) -> Result<http::Response<Held<Incoming>>, Status> {
        loop {
            let (slot, new) = self.slot().await.map_err(|error| failed(Box::new(error)))?;
            let unanswered = match slot.send(request).await {
                Ok(response) => return Ok(response),
                Err(unanswered) => *unanswered,
            };
            // A request that comes back was not sent: the connection ended before, and another one may take it.
            match unanswered.unsent.filter(|_| !new) {
                Some(unsent) => request = unsent,
                None => return Err(failed(Box::new(unanswered.error))),
            }
        }
    }
}

/// A status that this side made, which is known by its source.
fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> Status {
    let mut status = Status::unavailable(error.to_string());
    status.set_source(Arc::from(error));
    status
}

impl tower_service::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Held<Incoming>>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move { shared.send(request).await })
    }
}
