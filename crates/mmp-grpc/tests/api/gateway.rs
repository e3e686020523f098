//! A gateway that serves the API beside a bridge of the test's.

use std::sync::Arc;
use std::time::Duration;

use mmp_grpc::frames::Link;
use mmp_grpc::{Context, Settings, Shutdown, api};
use mmp_transcode::generated;
use mmp_transcode::schema::Method;
use mmp_worker::token::Token;
use tempfile::TempDir;

use crate::client::Client;
use crate::support::bridge::Bridge;

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
        let (settings, token, shutdown) = (Arc::new(settings), Token::random().expect("a token"), Shutdown::default());
        let bridge = Bridge::listen(&settings.socket, token.clone());
        let link = Link::on_demand(settings.socket.clone(), token.clone());
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
