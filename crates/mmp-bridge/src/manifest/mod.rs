//! The bundle's `plugin.json`: the keys that the bridge reads (`schema/manifest.schema.json` defines all of them).

mod python;
mod server;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use python::Python;
use server::Manifest;

use crate::policies::Choice;

/// What is wrong with a manifest. Every message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ManifestError {
    /// There is no bundle around the executable.
    #[error("no plugin.json was found in the directories above {0}: the bridge must be inside a plugin's bundle")]
    NotFound(PathBuf),
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not JSON of the right form.
    #[error("{path}, line {line}, column {column}: {message}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A key has a value that the bridge cannot use.
    #[error("{path}: {key} {message}")]
    Key {
        /// The file.
        path: PathBuf,
        /// The key, from the top.
        key: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
}

/// A bundle whose manifest is right.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    /// The absolute path of the bundle.
    pub(crate) path: PathBuf,
    /// The plugin's id.
    pub(crate) id: String,
    /// What the worker is.
    pub(crate) runtime: Runtime,
    /// The API over gRPC, which a worker on gRPC always has.
    pub(crate) grpc: Option<Grpc>,
    /// Names of environment variables that the worker gets besides the usual ones.
    pub(crate) environment: Vec<String>,
    /// Whether the plugin uses the server's database driver.
    pub(crate) database: bool,
    /// How long a worker may take from its start to READY.
    pub(crate) start_timeout: Duration,
    /// What is chosen for hooks, by their ids.
    pub(crate) hooks: Vec<(u16, Choice)>,
    /// What the bridge does when no worker stays alive.
    pub(crate) on_degraded: OnDegraded,
    /// Whether the administrators get a direct message then.
    pub(crate) notify_admins: bool,
    /// How many bytes of memory a worker may use, with all that it starts.
    pub(crate) memory_limit: Option<u64>,
    /// How many processes it may be.
    pub(crate) process_limit: u32,
    /// The trigger of the command that shows how the plugin is.
    pub(crate) status_command: Option<String>,
}

impl Bundle {
    /// How many worker processes the plugin has.
    pub(crate) fn workers(&self) -> usize {
        match &self.runtime {
            Runtime::Python(python) => python.workers,
            Runtime::Grpc(_) => 1,
        }
    }
}

/// What the bridge does when no worker stays alive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnDegraded {
    /// It stays, answers in the workers' place, and tries again.
    #[default]
    Stay,
    /// It ends, so that the server's health check restarts the plugin, and in the end disables it.
    Exit,
}

/// What the author's program is, and how the bridge talks to it.
#[derive(Debug, Clone)]
pub(crate) enum Runtime {
    /// The Python SDK, on frames.
    Python(Python),
    /// Any program, on gRPC: the program and its arguments.
    Grpc(Vec<String>),
}

/// Settings of the API over gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grpc {
    /// The longest message in either direction, in bytes.
    pub(crate) max_message: usize,
}

impl Bundle {
    /// Finds the bundle that holds `executable` and reads its manifest. The working directory says nothing: it is the server's.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub(crate) fn find(executable: &Path) -> Result<Bundle, ManifestError> {
        let root = executable.ancestors().skip(1).take(6).find(|directory| directory.join("plugin.json").is_file());
        let root = root.ok_or_else(|| ManifestError::NotFound(executable.to_owned()))?;
        Bundle::read(root)
    }

    /// Reads the manifest of the bundle at `root`.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub(crate) fn read(root: &Path) -> Result<Bundle, ManifestError> {
        let path = root.join("plugin.json");
        let text = std::fs::read(&path).map_err(|source| ManifestError::Unreadable { path: path.clone(), source })?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| ManifestError::Malformed {
            path: path.clone(),
            line: error.line(),
            column: error.column(),
            message: without_position(&error.to_string()),
        })?;
        manifest.check(root, &path)
    }
}

/// serde_json ends its messages with the position, which is told apart here.
fn without_position(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}
