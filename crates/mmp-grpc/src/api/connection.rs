//! One HTTP/2 connection of the program.

use std::convert::Infallible;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::UnixStream;

use super::service::Service;
use crate::shutdown::Shutdown;

/// How often a silent connection is asked whether it still lives, and how long the answer may take. The kernel tells at once when the program has died, so this is only about a program that hangs;
/// one that stands still in a debugger for some minutes keeps its connection.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(330), Duration::from_secs(20));

/// How many calls a connection may have open; the next ones wait at the client.
const STREAMS: u32 = 1024;

/// How much of one call's messages may be under way. A message of 100 MB would crawl through HTTP/2's own 64 KiB.
const STREAM_WINDOW: u32 = 1024 * 1024;

/// The same for all calls together: as much as they can have one by one, so that uploads which the server does not read never hold up another call.
const CONNECTION_WINDOW: u32 = STREAMS * STREAM_WINDOW;

/// The largest HTTP/2 frame that is accepted.
const FRAME: u32 = 256 * 1024;

/// Serves a connection until it ends, or the gateway does and what runs has been answered.
pub(super) async fn serve(stream: UnixStream, service: Service, shutdown: Shutdown) {
    let answering = service.clone();
    let answer = service_fn(move |request| {
        let answer = answering.answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = builder().serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = shutdown.begun() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        service.connection_failed(&error);
    }
}

fn builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .auto_date_header(false)
        // A program may give up all of its calls at once. h2 would take more than 20 for an attack and close the connection; who is at the other end is known here.
        .max_pending_accept_reset_streams(STREAMS as usize)
        .max_local_error_reset_streams(STREAMS as usize);
    builder
}
