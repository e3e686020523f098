//! The program: a gRPC server that answers with what a test says.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mmp_grpc::codec::RawCodec;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::server::Grpc;
use tonic::{Request, Response, Status, Streaming};

/// A call that came.
pub(crate) struct Call {
    pub(crate) metadata: MetadataMap,
    pub(crate) messages: Streaming<Bytes>,
}

/// Says when its handler ends, or is ended because the caller is gone.
pub(crate) struct Guard(pub(crate) mpsc::UnboundedSender<&'static str>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send("gone");
    }
}

/// Where the messages of an answer are put.
pub(crate) type Answers = mpsc::Sender<Result<Bytes, Status>>;

type Answering = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;
type Handler = Arc<dyn Fn(Call, Answers) -> Answering + Send + Sync>;

/// What a program does at which path.
#[derive(Clone, Default)]
pub(crate) struct Handlers(HashMap<String, Handler>);

/// The path of a health check.
pub(crate) const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// `HealthCheckResponse` of a program that serves, and of one that does not.
pub(crate) const SERVING: &[u8] = b"\x08\x01";
pub(crate) const NOT_SERVING: &[u8] = b"\x08\x02";

/// The path of a hook.
pub(crate) fn hook(name: &str) -> String {
    format!("/mattermost.plugin.v1.PluginHooks/{name}")
}

impl Handlers {
    /// A healthy program that implements these hooks.
    pub(crate) fn implementing(hooks: &[&str]) -> Handlers {
        let names: Vec<u8> =
            hooks.iter().flat_map(|name| [&[0x0a, name.len() as u8], name.as_bytes()].concat()).collect();
        Handlers::default()
            .message(HEALTH, |_| Ok(Bytes::from_static(SERVING)))
            .message(&hook("Implemented"), move |_| Ok(Bytes::from(names.clone())))
    }

    /// Answers with a stream.
    pub(crate) fn stream<F>(
        mut self,
        path: &str,
        handler: impl Fn(Call, Answers) -> F + Send + Sync + 'static,
    ) -> Handlers
    where
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.0.insert(path.to_owned(), Arc::new(move |call, answers| Box::pin(handler(call, answers))));
        self
    }

    /// Answers one message with another, later.
    pub(crate) fn later<F>(self, path: &str, handler: impl Fn(Call, Bytes) -> F + Send + Sync + 'static) -> Handlers
    where
        F: Future<Output = Result<Bytes, Status>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.stream(path, move |mut call, answers| {
            let handler = handler.clone();
            async move {
                let message = call.messages.message().await?.unwrap_or_default();
                let answer = handler(call, message).await?;
                let _ = answers.send(Ok(answer)).await;
                Ok(())
            }
        })
    }

    /// Answers one message with another.
    pub(crate) fn message(
        self,
        path: &str,
        handler: impl Fn(Bytes) -> Result<Bytes, Status> + Send + Sync + 'static,
    ) -> Handlers {
        self.later(path, move |_, message| std::future::ready(handler(message)))
    }
}

/// How many calls at once a server takes on a connection, unless a test says.
const LIMIT: u32 = 200;

/// A server; it ends with this value.
pub(crate) struct Program {
    serving: tokio::task::JoinHandle<()>,
    connections: Arc<AtomicUsize>,
}

impl Program {
    pub(crate) fn serve(path: &Path, handlers: Handlers) -> Program {
        Program::on(UnixListener::bind(path).unwrap(), handlers, LIMIT)
    }

    /// A server that takes so many calls at once on a connection, and refuses those beyond.
    pub(crate) fn on(listener: UnixListener, handlers: Handlers, limit: u32) -> Program {
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let handlers = handlers.clone();
                connections.spawn(async move {
                    let service = hyper::service::service_fn(move |request| answer(handlers.clone(), request));
                    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    builder.max_concurrent_streams(limit);
                    // The gateway may close it at any time.
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Program { serving, connections }
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    handlers: Handlers,
    request: http::Request<hyper::body::Incoming>,
) -> Result<http::Response<Body>, Infallible> {
    let handler = handlers.0.get(request.uri().path()).cloned();
    let mut grpc = Grpc::new(RawCodec).max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX);
    Ok(grpc.streaming(Answer(handler), request.map(Body::new)).await)
}

struct Answer(Option<Handler>);

impl tower_service::Service<Request<Streaming<Bytes>>> for Answer {
    type Response = Response<ReceiverStream<Result<Bytes, Status>>>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let handler = self.0.clone();
        Box::pin(async move {
            let handler = handler.ok_or_else(|| Status::unimplemented("not here"))?;
            let (metadata, _, messages) = request.into_parts();
            let (answers, stream) = mpsc::channel(1);
            tokio::spawn(async move {
                let watched = answers.clone();
                let answering = handler(Call { metadata, messages }, answers.clone());
                tokio::select! {
                    ended = answering => if let Err(status) = ended {
                        let _ = answers.send(Err(status)).await;
                    },
                    // The caller is gone.
                    () = watched.closed() => {}
                }
            });
            Ok(Response::new(ReceiverStream::new(stream)))
        })
    }
}
