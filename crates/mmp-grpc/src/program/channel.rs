//! One HTTP/2 connection to the program, made again after it was lost.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use tokio::sync::Mutex;
use tonic::Status;
use tonic::body::Body;

use super::dial::{DialError, Dialer};

/// A connection for gRPC calls; clones share it.
#[derive(Debug, Clone)]
pub struct Channel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    dialer: Arc<Dialer>,
    current: Mutex<Option<SendRequest<Body>>>,
}

impl Channel {
    /// A channel that is connected when it is needed.
    pub fn new(dialer: Arc<Dialer>) -> Channel {
        Channel(Arc::new(Shared { dialer, current: Mutex::default() }))
    }

    /// Connects, unless the channel is connected.
    ///
    /// # Errors
    /// When the program cannot be reached.
    pub async fn connect(&self) -> Result<(), DialError> {
        self.0.connection().await.map(drop)
    }
}

impl Shared {
    async fn connection(&self) -> Result<SendRequest<Body>, DialError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = current.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        Ok(current.insert(self.dialer.dial().await?).clone())
    }

    async fn send(&self, mut request: http::Request<Body>) -> Result<http::Response<Incoming>, Status> {
        let mut again = true;
        loop {
            let mut connection = self.connection().await.map_err(|error| failed(Box::new(error)))?;
            let mut error = match connection.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            // A request that comes back was not sent: the connection ended before, and a new one may take it.
            match error.take_message().filter(|_| std::mem::take(&mut again)) {
                Some(unsent) => request = unsent,
                None => return Err(failed(Box::new(error.into_error()))),
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
    type Response = http::Response<Incoming>;
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
