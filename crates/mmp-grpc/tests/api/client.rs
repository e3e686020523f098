//! A gRPC client of raw bytes. It leaves deadlines and everything else to the server, so that a test sees the server's own answer.

use std::net::Shutdown;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mmp_grpc::codec::RawCodec;
use tokio::net::UnixStream;
use tokio_stream::Stream;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::Streaming;
use tonic::{CancellationHandle, Request, Status};

use crate::support::patience::within;

/// How much of an answer the client takes at a time.
pub(crate) const WINDOW: u32 = 64 * 1024;

/// A client over one connection; clones share it.
#[derive(Clone)]
pub(crate) struct Client {
    channel: Channel,
    token: Option<String>,
    timeout: Option<&'static str>,
    socket: Arc<std::os::unix::net::UnixStream>,
}

impl Client {
    /// Connects to a socket; every call shows the token, if there is one.
    pub(crate) async fn connect(path: &Path, token: Option<&str>) -> Client {
        let stream = std::os::unix::net::UnixStream::connect(path).expect("the API is there");
        let socket = Arc::new(stream.try_clone().expect("the socket can be cloned"));
        stream.set_nonblocking(true).expect("a socket");
        let stream = UnixStream::from_std(stream).expect("a socket");
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(WINDOW).initial_connection_window_size(16 * WINDOW);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(async move {
            // How the connection ends is seen by its calls.
            let _ = connection.await;
        });
        let channel = Channel { sender, authority: "localhost".to_owned() };
        Client { channel, token: token.map(str::to_owned), timeout: None, socket }
    }

    /// The same client, whose calls have this `grpc-timeout`.
    pub(crate) fn timeout(mut self, timeout: &'static str) -> Client {
        self.timeout = Some(timeout);
        self
    }

    /// The same connection with another `:authority`.
    pub(crate) fn authority(mut self, authority: &str) -> Client {
        authority.clone_into(&mut self.channel.authority);
        self
    }

    /// The same connection with another token.
    pub(crate) fn token(mut self, token: Option<&str>) -> Client {
        self.token = token.map(str::to_owned);
        self
    }

    /// Closes the connection as the system does for a process that dies.
    pub(crate) fn die(&self) {
        self.socket.shutdown(Shutdown::Both).expect("the socket is open");
    }

    /// A method of `PluginAPI` with one message each way.
    pub(crate) async fn call(&self, method: &str, message: impl Into<Bytes>) -> Result<Bytes, Status> {
        self.unary(&format!("/mattermost.plugin.v1.PluginAPI/{method}"), message).await
    }

    /// A call with one message each way.
    pub(crate) async fn unary(&self, path: &str, message: impl Into<Bytes>) -> Result<Bytes, Status> {
        let request = self.request(message.into());
        let mut grpc = self.grpc();
        let answer = grpc.unary(request, path.parse().expect("a path"), RawCodec);
        within("the answer", answer).await.map(tonic::Response::into_inner)
    }

    /// A method of `PluginAPI` with a stream of messages and one answer.
    pub(crate) async fn upload(
        &self,
        method: &str,
        messages: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Bytes, Status> {
        let path = format!("/mattermost.plugin.v1.PluginAPI/{method}").parse().expect("a path");
        let request = self.request(messages);
        within("the answer", self.grpc().client_streaming(request, path, RawCodec))
            .await
            .map(tonic::Response::into_inner)
    }

    /// A call with streams in both directions.
    pub(crate) async fn both(
        &self,
        path: &str,
        messages: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Streaming<Bytes>, Status> {
        self.cancellable(path, messages).await.map(|(answers, _)| answers)
    }

    /// The same, with what gives the call up. (tonic sends on when only the answers are dropped.)
    pub(crate) async fn cancellable(
        &self,
        path: &str,
        messages: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<(Streaming<Bytes>, CancellationHandle), Status> {
        let mut request = self.request(messages);
        let cancel = request.cancellation_handle();
        let mut grpc = self.grpc();
        let answer = grpc.streaming(request, path.parse().expect("a path"), RawCodec);
        within("the head of the answer", answer).await.map(|answer| (answer.into_inner(), cancel))
    }

    fn grpc(&self) -> Grpc<Channel> {
        Grpc::new(self.channel.clone()).max_decoding_message_size(usize::MAX)
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
        }
        if let Some(timeout) = self.timeout {
            request.metadata_mut().insert("grpc-timeout", timeout.parse().expect("a header"));
        }
        request
    }
}

/// HTTP/2 without anything around it.
#[derive(Clone)]
struct Channel {
    sender: SendRequest<Body>,
    authority: String,
}

impl tower_service::Service<http::Request<Body>> for Channel {
    type Response = http::Response<hyper::body::Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.sender.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        // tonic leaves scheme and authority to the channel.
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("http://{}{path}", self.authority).parse().expect("a URI");
        Box::pin(self.sender.send_request(http::Request::from_parts(parts, body)))
    }
}
