//! gRPC: a tonic client, one unary call per hook over one HTTP/2 connection on a Unix socket.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hyper_util::rt::TokioIo;
use mmp_worker::directory::PrivateDirectory;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use crate::link::{LIMIT, Link};
use crate::post::{Request, check, hooks_client::HooksClient};
use crate::server::Server;
use crate::venv::Python;

/// A client and its server.
pub(crate) struct Grpc {
    runtime: Runtime,
    client: HooksClient<Channel>,
    server: Server,
    _directory: PrivateDirectory,
}

impl Grpc {
    /// Starts the server of this kind, `sync` or `aio`, and connects to it.
    pub(crate) fn start(python: &Python, kind: &str) -> Result<Grpc> {
        let directory = PrivateDirectory::create()?;
        let socket = directory.path().join("grpc.sock");
        let script = python.root.join("bench/link/python/grpc_server.py");
        let mut server = Server::start(python.command().arg(script).arg(kind).arg(&socket))?;
        server.wait_for_line()?;
        // A hop between threads would cost more than the rest of the client, so there is only one.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let channel = runtime.block_on(connect(socket))?;
        Ok(Grpc { runtime, client: HooksClient::new(channel), server, _directory: directory })
    }
}

/// HTTP/2 wants an authority; the path of a socket is none that it accepts.
async fn connect(socket: PathBuf) -> Result<Channel> {
    let connector = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await.context("cannot connect")
}

impl Link for Grpc {
    fn server(&self) -> &Server {
        &self.server
    }

    fn calls(&mut self, request: &Request, concurrent: usize, count: usize) -> Result<Vec<Duration>> {
        let client = &self.client;
        self.runtime.block_on(async {
            let mut callers = JoinSet::new();
            for caller in 0..concurrent {
                let share = count / concurrent + usize::from(caller < count % concurrent);
                callers.spawn(call(client.clone(), request.clone(), share));
            }
            let mut took = Vec::with_capacity(count);
            while let Some(part) = tokio::time::timeout(LIMIT, callers.join_next()).await.context("no answer")? {
                took.extend(part??);
            }
            Ok(took)
        })
    }
}

/// One caller: calls one after the other.
async fn call(mut client: HooksClient<Channel>, request: Request, count: usize) -> Result<Vec<Duration>> {
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        // tonic takes the request; making it is not the link's time.
        let sent = request.clone();
        let start = Instant::now();
        let reply = client.message_will_be_posted(sent).await?.into_inner();
        took.push(start.elapsed());
        check(&request, reply.post.as_ref())?;
    }
    Ok(took)
}
