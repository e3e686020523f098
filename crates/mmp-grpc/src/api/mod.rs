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
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use crate::context::Context;
use crate::frames::Level;
use service::Service;

/// How long no connection is accepted after the system had no room for one.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

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
    bound.map_err(|error| io::Error::new(error.kind(), format!("cannot listen at {}: {error}", path.display())))
}

/// Serves the API until the gateway shuts down.
///
/// # Errors
/// When it cannot be served.
pub async fn serve(listener: UnixListener, context: Context) -> Result<(), String> {
    let service = Service::new(context.clone())?;
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) if is_own(&stream) => {
                    tokio::spawn(connection::serve(stream, service.clone(), context.shutdown.clone()));
                }
                Ok(_) => {
                    let message = "a process of another user connected to the plugin's gRPC socket and was turned away";
                    context.link.log(Level::Error, message, &[]);
                }
                Err(error) => {
                    // A connection that is gone already, or no room for one: the next may do better.
                    context.link.log(Level::Warn, "cannot accept a gRPC connection", &[("error", &error.to_string())]);
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

/// Whether the process at the other end is the gateway's own user's.
fn is_own(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}
