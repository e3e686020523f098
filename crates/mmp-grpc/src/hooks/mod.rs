//! Hooks: from the bridge's frames to gRPC calls of the program, and their answers back.

mod failure;
mod file;
mod http;
mod messages;
mod request;
mod response;
mod unary;

use std::sync::Arc;

use ::http::uri::PathAndQuery;
use mmp_transcode::schema::Method;

use crate::frames::{Hook, ServeHooks};
use crate::program::Client;
use crate::pulse::Pulse;
use failure::Failure;

/// The service of the program.
pub const SERVICE: &str = "mattermost.plugin.v1.PluginHooks";

/// The path of one of its methods, which has the name of the Go method.
pub fn path(method: &str) -> PathAndQuery {
    // Go's names are letters and digits, which can all stand in a path.
    PathAndQuery::from_maybe_shared(format!("/{SERVICE}/{method}")).unwrap_or_else(|_| PathAndQuery::from_static("/"))
}

/// Runs the hooks that the bridge calls.
#[derive(Debug, Clone)]
pub struct Hooks {
    clients: Arc<Clients>,
    pulse: Pulse,
}

/// The clients of hooks. Those with streams have connections of their own: what a slow handler has not read yet counts against the window of the whole connection with many gRPC servers, and
/// must not hold up other hooks. Nor must a slow request hold up a file.
#[derive(Debug)]
pub struct Clients {
    /// For hooks without streams.
    pub plain: Client,
    /// For ServeHTTP and ServeMetrics.
    pub requests: Client,
    /// For FileWillBeUploaded.
    pub files: Client,
}

/// What becomes of a hook that did not fail: the payload of HOOK_REPLY.
type Outcome = Result<Vec<u8>, Failure>;

impl Hooks {
    /// Hooks over these clients, whose answers are signs of life.
    pub fn new(clients: Clients, pulse: Pulse) -> Hooks {
        Hooks { clients: Arc::new(clients), pulse }
    }
}

impl ServeHooks for Hooks {
    fn called(&self, mut hook: Hook) {
        let Hooks { clients, pulse } = self.clone();
        tokio::spawn(async move {
            let outcome = {
                let running = run(&clients, hook.method(), std::mem::take(&mut hook.payload), hook.take_streams());
                tokio::select! {
                    outcome = running => outcome,
                    // The call ends with its future.
                    () = hook.cancelled() => Err(Failure::cancelled()),
                }
            };
            hook.room().await;
            match outcome {
                Ok(results) => {
                    pulse.alive();
                    hook.reply(&results);
                }
                Err(mut failure) => {
                    let client = &clients.plain;
                    failure.app.iter_mut().for_each(|app| client.conceal_in(app));
                    hook.fail(&client.conceal(&failure.message), failure.app.as_deref());
                }
            }
        });
    }
}

async fn run(
    clients: &Clients,
    method: &'static Method,
    payload: bytes::Bytes,
    streams: Option<crate::frames::HookStreams>,
) -> Outcome {
    match streams {
        None => unary::run(&clients.plain, method, &payload).await,
        // Of the hooks with streams only FileWillBeUploaded has results.
        Some(streams) if method.results.is_empty() => http::run(&clients.requests, method, &payload, streams).await,
        Some(streams) => file::run(&clients.files, method, &payload, streams).await,
    }
}
