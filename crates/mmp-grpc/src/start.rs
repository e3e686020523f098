//! The start of a program that serves hooks: reached, healthy, asked for its hooks.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use mmp_transcode::generated;
use mmp_worker::messages::{DeclaredHook, Failed, Mode, Ready};
use prost::Message as _;
use tonic::{Code, Status};

use crate::frames::{Level, Link};
use crate::hooks;
use crate::program::health::{self, Health};
use crate::program::{Channel, Client, DialError, describe};

/// The pauses between two looks at a program that is not ready: doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The method that says which hooks there are. It is no hook itself.
const IMPLEMENTED: &str = "Implemented";

/// How many unknown hooks a line of the log names, and how many bytes of each.
const SHOWN: usize = 10;
const SHOWN_LENGTH: usize = 100;

/// Its answer.
#[derive(Clone, PartialEq, prost::Message)]
struct ImplementedResponse {
    #[prost(string, repeated, tag = "1")]
    hooks: Vec<String>,
}

/// How far the start has come: what to say when it takes too long.
#[derive(Debug)]
enum Stage {
    /// Nobody listens, for this reason.
    Dialling(String),
    /// Something listens that does not speak HTTP/2, or ends its connections.
    Refusing(String),
    /// It listens and has not answered the question for its health.
    Asking,
    /// It answered, but not that it serves.
    Unhealthy(Health),
    /// It has not answered Implemented.
    Implemented,
}

/// Waits until the program can be called, and asks it for its hooks.
///
/// # Errors
/// What to tell the bridge.
pub(crate) async fn start(channel: &Channel, client: &Client, link: &Link, timeout: Duration) -> Result<Ready, Failed> {
    let mut stage = Stage::Dialling("nothing listens on it".to_owned());
    let started = match tokio::time::timeout(timeout, go_through(channel, client, link, &mut stage)).await {
        Ok(ended) => ended,
        Err(_) => Err(stage.overdue(timeout)),
    };
    // The program's own words are in the sentence.
    started.map_err(|failed| Failed { message: client.conceal(&failed.message), ..failed })
}

async fn go_through(channel: &Channel, client: &Client, link: &Link, stage: &mut Stage) -> Result<Ready, Failed> {
    let mut pause = FIRST_PAUSE;
    loop {
        match look(channel, client, stage).await? {
            None => {}
            Some(names) => return Ok(ready(&names, client, link)),
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// Goes as far as it can be gone now. None: the program needs more time.
async fn look(channel: &Channel, client: &Client, stage: &mut Stage) -> Result<Option<Vec<String>>, Failed> {
    match channel.connect().await {
        Ok(()) => {}
        Err(error @ (DialError::SecondWorker { .. } | DialError::Stranger)) => {
            return Err(failed("internal", error.to_string(), "stop whatever else listens there"));
        }
        Err(error @ DialError::Http(_)) => {
            *stage = Stage::Refusing(error.to_string());
            return Ok(None);
        }
        Err(error) => {
            *stage = Stage::Dialling(error.to_string());
            return Ok(None);
        }
    }
    if !matches!(stage, Stage::Unhealthy(_)) {
        *stage = Stage::Asking;
    }
    let asked = match health::check(client).await {
        Ok(Health::Serving) => {
            *stage = Stage::Implemented;
            implemented(client).await
        }
        Ok(health) => {
            *stage = Stage::Unhealthy(health);
            return Ok(None);
        }
        Err(status) => Err((status, unhealthy as fn(&Status) -> Failed)),
    };
    match asked {
        Ok(names) => Ok(Some(names)),
        // It may still be about to serve, or its connection was lost; if it has ended, that is known in a moment.
        Err((status, _)) if status.code() == Code::Unavailable || status.source().is_some() => {
            *stage = Stage::Refusing(describe(&status));
            Ok(None)
        }
        Err((status, failure)) => Err(failure(&status)),
    }
}

/// Asks for the names of the hooks; an error comes with what makes a sentence of it.
async fn implemented(client: &Client) -> Result<Vec<String>, (Status, fn(&Status) -> Failed)> {
    let answer = client.unary(hooks::path(IMPLEMENTED), Bytes::new()).await;
    let response = answer.and_then(|message| {
        ImplementedResponse::decode(message)
            .map_err(|error| Status::internal(format!("its answer cannot be read: {error}")))
    });
    response.map(|response| response.hooks).map_err(|status| (status, no_hooks as fn(&Status) -> Failed))
}

/// The payload of READY. Hooks that this side does not know are left out.
fn ready(names: &[String], client: &Client, link: &Link) -> Ready {
    let mut ids = Vec::new();
    let mut unknown = Vec::new();
    for name in names.iter().filter(|name| *name != IMPLEMENTED) {
        match generated::hook_by_name(name) {
            Some(method) => ids.push(method.id),
            None => unknown.push(name.as_str()),
        }
    }
    if !unknown.is_empty() {
        let message = "the program's answer to Implemented names hooks that do not exist; they are left out";
        let (count, shown) = (unknown.len().to_string(), client.conceal(&some_of(&unknown)));
        link.log(Level::Warn, message, &[("hooks", &shown), ("count", &count)]);
    }
    ids.sort_unstable();
    ids.dedup();
    Ready { hooks: ids.into_iter().map(|id| DeclaredHook::new(id, Mode::Async)).collect() }
}

/// The first of many names, and of each as much as a name may be long.
fn some_of(names: &[&str]) -> String {
    let shown = names.iter().take(SHOWN).map(|name| &name[..name.floor_char_boundary(SHOWN_LENGTH)]);
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    shown.collect::<Vec<_>>().join(", ") + more
}

fn unhealthy(status: &Status) -> Failed {
    match status.code() {
        Code::Unimplemented => failed(
            "init",
            "the program has no health service".to_owned(),
            "serve grpc.health.v1.Health beside PluginHooks, with the service \"plugin\" as SERVING",
        ),
        Code::Unauthenticated | Code::PermissionDenied => failed(
            "init",
            format!("the program refused the question for its health: {}", describe(status)),
            "compare the token of every call with the line on standard input",
        ),
        _ => failed("init", format!("the program failed when it was asked for its health: {}", describe(status)), ""),
    }
}

fn no_hooks(status: &Status) -> Failed {
    match status.code() {
        Code::Unimplemented => failed(
            "hook",
            "the program does not implement mattermost.plugin.v1.PluginHooks/Implemented".to_owned(),
            "serve PluginHooks and let Implemented return the names of its hooks",
        ),
        _ => failed("hook", format!("the program failed when it was asked for its hooks: {}", describe(status)), ""),
    }
}

impl Stage {
    fn overdue(&self, timeout: Duration) -> Failed {
        let seconds = timeout.as_secs_f64();
        let (message, hint) = match self {
            Stage::Dialling(why) => (
                format!("the program did not serve on MATTERMOST_PLUGIN_HOOKS_TARGET within {seconds} seconds: {why}"),
                "listen on the socket that the variable names",
            ),
            Stage::Refusing(why) => (
                format!(
                    "the program listens on MATTERMOST_PLUGIN_HOOKS_TARGET, but could not be asked anything within {seconds} seconds: {why}"
                ),
                "serve gRPC (HTTP/2 without TLS) there",
            ),
            Stage::Asking => (
                format!("the program listens, but did not answer the question for its health within {seconds} seconds"),
                "serve grpc.health.v1.Health, and do not block its thread while the plugin loads",
            ),
            Stage::Unhealthy(Health::UnknownService) => (
                format!(
                    "the program's health service does not know the service \"{}\" after {seconds} seconds",
                    health::SERVICE
                ),
                "set the status of the service \"plugin\" to SERVING",
            ),
            Stage::Unhealthy(_) => (
                format!("the program says that it is NOT_SERVING, after {seconds} seconds still"),
                "set the status of the service \"plugin\" to SERVING when the plugin is loaded",
            ),
            Stage::Implemented => (
                format!("the program did not answer Implemented within {seconds} seconds"),
                "let Implemented return without waiting for anything",
            ),
        };
        failed("init", message, hint)
    }
}

fn failed(code: &str, message: String, hint: &str) -> Failed {
    Failed { code: code.to_owned(), message, hint: hint.to_owned(), ..Failed::default() }
}
