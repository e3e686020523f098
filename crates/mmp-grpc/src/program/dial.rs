//! Connections to the socket where the program serves its hooks.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustix::net::sockopt::socket_peercred;
use rustix::process::Pid;
use tokio::net::UnixStream;
use tonic::body::Body;

/// How much of a response the program may send before it is read. A response stops there when its reader is slow, and holds up no other, because the window of the connection has room for all.
const STREAM_WINDOW: u32 = 256 * 1024;

/// The window of a connection: the largest that HTTP/2 has.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// The longest list of headers or trailers; an AppError travels in a trailer.
const MAX_HEADERS: u32 = 1024 * 1024;

/// How often a connection with a hook on it is tried. gRPC servers (C-core, Go) take pings that come more often than every five minutes without data for an attack and close the connection.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(330);

/// How long the answer to that may take.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Why the program's hooks cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Nobody listens there.
    #[error("the program does not listen on its hooks socket: {0}")]
    Io(#[from] io::Error),
    /// Another process listens than the one that did before.
    #[error("a second worker (process {found}) listens on the hooks socket; only process {expected} is served")]
    SecondWorker {
        /// Who listens.
        found: i32,
        /// Who did at first.
        expected: i32,
    },
    /// A process of another user listens.
    #[error("a process of another user listens on the hooks socket")]
    Stranger,
    /// What listens does not speak HTTP/2.
    #[error("the program does not speak HTTP/2 on its hooks socket: {0}")]
    Http(#[from] hyper::Error),
}

/// Connects to the program, always to the same process.
#[derive(Debug)]
pub struct Dialer {
    path: PathBuf,
    peer: Mutex<Option<Pid>>,
}

impl Dialer {
    /// Connections to this socket.
    pub fn new(path: PathBuf) -> Dialer {
        Dialer { path, peer: Mutex::new(None) }
    }

    /// Makes a connection, which is driven by a task of its own.
    ///
    /// # Errors
    /// When nobody listens, or somebody else than before.
    pub async fn dial(&self) -> Result<SendRequest<Body>, DialError> {
        let stream = UnixStream::connect(&self.path).await?;
        self.check_peer(&stream)?;
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADERS)
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(false);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        // Whoever has a request on the connection hears of its end.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }

    /// The process that listened first is remembered, and another one refused: it is not the program that was asked for its hooks.
    fn check_peer(&self, stream: &UnixStream) -> Result<(), DialError> {
        let credentials = socket_peercred(stream).map_err(io::Error::from)?;
        if credentials.uid != rustix::process::geteuid() {
            return Err(DialError::Stranger);
        }
        let mut peer = self.peer.lock().unwrap_or_else(PoisonError::into_inner);
        let expected = *peer.get_or_insert(credentials.pid);
        if credentials.pid == expected {
            return Ok(());
        }
        let (found, expected) = (credentials.pid.as_raw_nonzero().get(), expected.as_raw_nonzero().get());
        Err(DialError::SecondWorker { found, expected })
    }
}
