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
pub struct Hooks(Arc<Clients>);

/// Hooks with streams have a connection of their own: what a slow handler has not read yet counts against the window of the whole connection with many gRPC servers, and must not hold up other hooks.
#[derive(Debug)]
struct Clients {
    plain: Client,
    streamed: Client,
}

/// What becomes of a hook that did not fail: the payload of HOOK_REPLY.
type Outcome = Result<Vec<u8>, Failure>;

impl Hooks {
    /// Hooks without streams over one client, those with streams over the other.
    pub fn new(plain: Client, streamed: Client) -> Hooks {
        Hooks(Arc::new(Clients { plain, streamed }))
    }
}

impl ServeHooks for Hooks {
    fn called(&self, mut hook: Hook) {
        let clients = self.0.clone();
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
                Ok(results) => hook.reply(&results),
                Err(failure) => hook.fail(&failure.message, failure.app.as_deref()),
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
        Some(streams) if method.results.is_empty() => http::run(&clients.streamed, method, &payload, streams).await,
        Some(streams) => file::run(&clients.streamed, method, &payload, streams).await,
    }
}
