//! Connections to the socket where the program serves its hooks.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::client::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustix::net::sockopt::socket_peercred;
use rustix::process::Pid;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection::Connection;

/// How much of a response the program may send before it is read. A response stops there when its reader is slow, and holds up no other, because the window of the connection has room for all.
const STREAM_WINDOW: u32 = 256 * 1024;

/// The window of a connection: the largest that HTTP/2 has.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// The longest list of headers or trailers; the message of a status and an AppError travel in trailers. A longer one ends the connection with every call on it, because the number of
/// frames that h2 takes for one list depends on this, so there is room for anything that a program might say by mistake.
const MAX_HEADERS: u32 = 64 * 1024 * 1024;

/// How often a connection with a hook on it is tried. gRPC servers (C-core, Go) take pings that come more often than every five minutes without data for an attack and close the connection.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(330);

/// How long the answer to that may take.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long nobody may listen before the program is given up, and the pauses between two attempts.
const GONE_PATIENCE: Duration = Duration::from_secs(5);
const GONE_PAUSE: Duration = Duration::from_millis(250);

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

impl DialError {
    /// Whether the socket is not there or nobody's. Other errors, such as a full queue or no descriptors, pass.
    fn is_gone(&self) -> bool {
        let DialError::Io(error) = self else { return false };
        matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
    }

    /// Whether no later attempt can be better.
    fn is_final(&self) -> bool {
        matches!(self, DialError::SecondWorker { .. } | DialError::Stranger)
    }
}

/// Connects to the program, always to the same process.
#[derive(Debug)]
pub struct Dialer {
    path: PathBuf,
    peer: Mutex<Option<Pid>>,
    failed: Notify,
}

impl Dialer {
    /// Connections to this socket.
    pub fn new(path: PathBuf) -> Dialer {
        Dialer { path, peer: Mutex::new(None), failed: Notify::new() }
    }

    /// Makes a connection, which is driven by a task of its own.
    ///
    /// # Errors
    /// When nobody listens, or somebody else than before.
    pub(super) async fn dial(&self) -> Result<Connection, DialError> {
        let stream = self.stream().await.inspect_err(|_| self.failed.notify_one())?;
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADERS)
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(false);
        Ok(Connection::begin(&mut builder, stream).await?)
    }

    /// Waits until the program that was reached before cannot be reached any more: nobody has listened for some seconds, or somebody else does.
    pub async fn unreachable(&self) -> DialError {
        loop {
            // Nobody tries before there is a hook to call.
            self.failed.notified().await;
            if let Err(error) = self.try_again().await {
                return error;
            }
        }
    }

    async fn try_again(&self) -> Result<(), DialError> {
        let end = Instant::now() + GONE_PATIENCE;
        loop {
            match self.stream().await {
                Err(error) if error.is_final() || error.is_gone() && Instant::now() >= end => return Err(error),
                Err(error) if error.is_gone() => tokio::time::sleep(GONE_PAUSE).await,
                Ok(_) | Err(_) => return Ok(()),
            }
        }
    }

    async fn stream(&self) -> Result<UnixStream, DialError> {
        let stream = UnixStream::connect(&self.path).await?;
        self.check_peer(&stream)?;
        Ok(stream)
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
