//! The gateway: gRPC for any language on one side, the frames of the worker link on the other.
//!
//! The bridge speaks frames (`docs/reference/frames.md`) and nothing else. For a plugin whose program speaks gRPC it runs its own executable again as a gateway, which is the worker in its
//! eyes: a process of its own between the bridge and the author's program, so that a fault of the HTTP/2 stack is a fault of a worker. With hooks the gateway is the whole worker; without,
//! it stands beside a worker that speaks frames itself and only serves the API to it.

pub mod api;
pub mod codec;
pub mod context;
pub mod frames;
pub mod gateway;
pub mod hooks;
pub mod program;
pub mod pulse;
pub mod rpc_status;
pub mod settings;
pub mod shutdown;
mod start;

use std::ffi::OsString;
use std::io::{self, Write as _};

use tokio::net::unix::pipe;

pub use context::Context;
pub use settings::Settings;
pub use shutdown::Shutdown;

/// The argument that makes the bridge's executable run as the gateway.
pub const GATEWAY_ARGUMENT: &str = "mattermost-plugin-gateway";

/// Runs the gateway with the arguments that follow [`GATEWAY_ARGUMENT`], which are `[--hooks] -- program arguments...`. Returns the code to exit with: the program's own if it ended by
/// itself, and 0 if the bridge ended it.
pub fn run(arguments: &[OsString]) -> i32 {
    match begin(arguments) {
        Ok(code) => code,
        Err(sentence) => {
            // This is the worker's standard error, which the bridge reads.
            let _ = writeln!(io::stderr(), "{sentence}");
            1
        }
    }
}

fn begin(arguments: &[OsString]) -> Result<i32, String> {
    let settings = Settings::read(arguments, |name| std::env::var_os(name)).map_err(|error| error.to_string())?;
    // One thread: handing hooks to others would cost each of them more than all the rest that is done for it here.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the gateway's event loop cannot be made: {error}"))?;
    runtime.block_on(async {
        let stdin =
            standard_input().map_err(|error| format!("the gateway's standard input cannot be read: {error}"))?;
        gateway::run(settings, stdin).await.map_err(|error| error.to_string())
    })
}

/// The pipe from the bridge.
fn standard_input() -> io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 0)?)
}
