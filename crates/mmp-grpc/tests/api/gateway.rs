//! A gateway that serves the API beside a bridge of the test's.

use std::sync::Arc;
use std::time::Duration;

use mmp_grpc::frames::{self, Duty, Link};
use mmp_grpc::{Context, Settings, Shutdown, api};
use mmp_transcode::generated;
use mmp_transcode::schema::Method;
use mmp_worker::messages::Role;
use mmp_worker::token::Token;
use tempfile::TempDir;

use crate::client::Client;
use crate::support::bridge::{Bridge, Connection};

/// The largest message unless a test says otherwise.
pub(crate) const MAX_MESSAGE: usize = 128 * 1024 * 1024;

/// What runs, and goes with this value.
pub(crate) struct Gateway {
    pub(crate) settings: Arc<Settings>,
    pub(crate) bridge: Bridge,
    pub(crate) token: Token,
    pub(crate) shutdown: Shutdown,
    _directory: TempDir,
}

impl Gateway {
    /// A gateway as most plugins have it.
    pub(crate) fn start() -> Gateway {
        Gateway::with(|_| {})
    }

    /// A gateway with other settings.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Gateway {
        let (settings, token, bridge, directory) = Gateway::prepare(change);
        let link = Link::on_demand(settings.socket.clone(), token.clone());
        Gateway::serve(settings, token, bridge, directory, link)
    }

    /// A gateway whose calls go over the `async` connection, as beside hooks.
    pub(crate) async fn asynchronous() -> (Gateway, Connection) {
        let (settings, token, bridge, directory) = Gateway::prepare(|_| {});
        let connecting = frames::connect(&settings.socket, &token, Role::Async, Duty::Nothing);
        let (connected, accepted) = tokio::join!(connecting, bridge.accept());
        let link = Link::over(connected.expect("a connection"));
        (Gateway::serve(settings, token, bridge, directory, link), accepted)
    }

    fn prepare(change: impl FnOnce(&mut Settings)) -> (Arc<Settings>, Token, Bridge, TempDir) {
        let directory = tempfile::tempdir().expect("a directory");
        let mut settings = Settings {
            hooks: false,
            command: Vec::new(),
            socket: directory.path().join("worker.sock"),
            start_timeout: Duration::from_secs(30),
            max_message: MAX_MESSAGE,
            database: false,
            development: false,
        };
        change(&mut settings);
        let token = Token::random().expect("a token");
        let bridge = Bridge::listen(&settings.socket, token.clone());
        (Arc::new(settings), token, bridge, directory)
    }

    fn serve(settings: Arc<Settings>, token: Token, bridge: Bridge, directory: TempDir, link: Link) -> Gateway {
        let shutdown = Shutdown::default();
        let listener = api::bind(&settings.api_socket()).expect("the socket can be bound");
        let context = Context { settings: settings.clone(), link, token: token.clone(), shutdown: shutdown.clone() };
        tokio::spawn(async move { api::serve(listener, context).await.expect("the API can be served") });
        Gateway { settings, bridge, token, shutdown, _directory: directory }
    }

    /// A client that shows the token.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.settings.api_socket(), Some(self.token.reveal())).await
    }
}

/// A method of the API.
pub(crate) fn api(name: &str) -> &'static Method {
    generated::api_by_name(name).expect("a method of the API")
}
