//! The API as gRPC services: `PluginAPI`, `PluginDriver`, and in development server reflection.
//!
//! There are no generated services. A path is looked up in the transcoder's table, the message is transcoded, and the call goes to the bridge like that of any other worker.

mod auth;
mod connection;
mod deadline;
mod errors;
mod handler;
mod limits;
mod parts;
mod plugin_http;
mod rare;
mod reflection;
mod routes;
mod service;
mod unary;
mod upload;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::context::Context;
use crate::frames::Level;
use rare::Rare;
use service::Service;

/// How long no connection is accepted after the system had no room for one.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// How many connections the program may have. gRPC needs one; a program that makes one for every call would leave no descriptors for anything else.
const MAX_CONNECTIONS: usize = 256;

/// What helps a program that has too many.
const ADVICE: &str = "let the plugin's program make one gRPC channel and use it for all of its calls";

/// Listens at `path`, where only this user can connect.
///
/// # Errors
/// Those of the socket; the error names the place.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    let bound = UnixListener::bind(path).and_then(|listener| {
        // The directory is closed to others already, so nobody comes between the two.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map(|()| listener)
    });
    bound.map_err(|error| {
        // Of the arguments only the path can be wrong: a socket's has at most 107 bytes.
        let advice =
            if error.kind() == io::ErrorKind::InvalidInput { "; set TMPDIR to a shorter directory" } else { "" };
        io::Error::new(error.kind(), format!("cannot listen at {}: {error}{advice}", path.display()))
    })
}

/// Serves the API until the gateway shuts down.
///
/// # Errors
/// When it cannot be served.
pub async fn serve(listener: UnixListener, context: Context) -> Result<(), String> {
    let service = Service::new(context.clone())?;
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (strange, surplus, failed) = (Rare::default(), Rare::default(), Rare::default());
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) if !is_own(&stream) => {
                    let message = "a process of another user connected to the plugin's gRPC socket and was turned away";
                    tell(&context, Level::Error, &strange, message);
                }
                Ok((stream, _)) => match room.clone().try_acquire_owned() {
                    Ok(place) => {
                        let serving = connection::serve(stream, service.clone(), context.shutdown.clone());
                        tokio::spawn(async move {
                            serving.await;
                            drop(place);
                        });
                    }
                    Err(_) => {
                        let message =
                            format!("a gRPC connection beyond {MAX_CONNECTIONS} open ones was turned away: {ADVICE}");
                        tell(&context, Level::Warn, &surplus, &message);
                    }
                },
                Err(error) => {
                    // A connection that is gone already, or no room for one: the next may do better.
                    tell(
                        &context,
                        Level::Warn,
                        &failed,
                        &format!("cannot accept a gRPC connection: {error}; {ADVICE}"),
                    );
                    tokio::time::sleep(AFTER_REFUSAL).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept => Ok(()),
        () = context.shutdown.begun() => Ok(()),
    }
}

/// Says what a program could cause without end.
fn tell(context: &Context, level: Level, rare: &Rare, message: &str) {
    if let Some(times) = rare.count(Instant::now()) {
        context.link.log(level, message, &[("times", &times.to_string())]);
    }
}

/// Whether the process at the other end is the gateway's own user's.
fn is_own(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}
