//! The keys below `server`, and what they mean together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{Bundle, Grpc, ManifestError, Runtime, python};

/// How long a worker may take from its start to READY, unless the manifest says otherwise.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// The longest message over gRPC, unless the manifest says otherwise, and the longest that it may say: a frame holds 256 MiB.
const MAX_MESSAGE_MIB: u32 = 128;
const LARGEST_MESSAGE_MIB: u32 = 240;

#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    id: String,
    #[serde(default)]
    server: Server,
}

#[derive(Debug, Default, Deserialize)]
struct Server {
    #[serde(default)]
    runtime: String,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    database: bool,
    #[serde(default)]
    worker: Vec<String>,
    #[serde(default)]
    grpc: bool,
    grpc_max_message_mib: Option<u32>,
    start_timeout: Option<f64>,
    /// The earlier SDK's key: the version that the plugin was written for.
    #[serde(default)]
    python_version: Option<String>,
    #[serde(default)]
    python: python::Keys,
}

impl Manifest {
    /// Checks the manifest of the bundle at `root`, which was read from `path`.
    pub(super) fn check(self, root: &Path, path: &Path) -> Result<Bundle, ManifestError> {
        self.bundle(root).map_err(|(key, message)| ManifestError::Key { path: path.to_owned(), key, message })
    }

    fn bundle(self, root: &Path) -> Result<Bundle, (&'static str, String)> {
        let wrong = |key, message: &str| (key, message.to_owned());
        if self.id.is_empty() {
            return Err(wrong("id", "is missing; every plugin has one, such as com.example.my-plugin"));
        }
        let server = self.server;
        if let Some(name) = server.env.iter().find(|name| name.to_ascii_uppercase().starts_with("MM_")) {
            let message = format!(
                "names {name}, which belongs to the server's own settings and secrets, and a plugin never gets those: remove it"
            );
            return Err(("server.env", message));
        }
        let max_message = match server.grpc_max_message_mib.unwrap_or(MAX_MESSAGE_MIB) {
            mib @ 1..=LARGEST_MESSAGE_MIB => (mib as usize) << 20,
            _ => {
                let message = format!("must be between 1 and {LARGEST_MESSAGE_MIB}");
                return Err(("server.grpc_max_message_mib", message));
            }
        };
        let (runtime, grpc, start_timeout) = match server.runtime.as_str() {
            "python" => {
                let timeout = start_timeout("server.python.start_timeout", server.python.start_timeout)?;
                let python = server.python.check(root, server.python_version.as_deref())?;
                (Runtime::Python(python), server.grpc, timeout)
            }
            "grpc" => (
                Runtime::Grpc(worker(root, server.worker)?),
                true,
                start_timeout("server.start_timeout", server.start_timeout)?,
            ),
            "" => {
                let message = "is missing; a plugin in Python says \"python\" here, one in another language \"grpc\"";
                return Err(wrong("server.runtime", message));
            }
            other => {
                let message = format!("{other:?} is not known to this bridge; it runs \"python\" and \"grpc\"");
                return Err(("server.runtime", message));
            }
        };
        Ok(Bundle {
            path: root.to_owned(),
            id: self.id,
            runtime,
            grpc: grpc.then_some(Grpc { max_message }),
            environment: server.env,
            database: server.database,
            start_timeout,
        })
    }
}

fn start_timeout(key: &'static str, seconds: Option<f64>) -> Result<Duration, (&'static str, String)> {
    match seconds {
        None => Ok(START_TIMEOUT),
        Some(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        Some(_) => Err((key, "must be between 0.1 and 3600 seconds".to_owned())),
    }
}

/// The command of a worker. A program with a slash in it is a file of the bundle; one without is looked for on the server's PATH.
fn worker(root: &Path, mut command: Vec<String>) -> Result<Vec<String>, (&'static str, String)> {
    const KEY: &str = "server.worker";
    let Some(program) = command.first_mut().filter(|program| !program.is_empty()) else {
        let message = "is missing; name the plugin's program and its arguments, such as [\"node\", \"dist/plugin.js\"]";
        return Err((KEY, message.to_owned()));
    };
    if program.contains('/') {
        if escapes(program) {
            return Err((
                KEY,
                format!("begins with {program:?}, which must be a file inside the bundle or a program on the PATH"),
            ));
        }
        let file: PathBuf = root.join(&*program);
        *program = file.to_string_lossy().into_owned();
    }
    Ok(command)
}

/// Whether a path leaves the bundle.
pub(super) fn escapes(path: &str) -> bool {
    let path = Path::new(path);
    path.is_absolute() || path.components().any(|part| part == std::path::Component::ParentDir)
}
