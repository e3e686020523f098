//! The keys below `server`, and what they mean together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mmp_transcode::generated;
use mmp_transcode::schema::Deadline;
use mmp_worker::messages::OnFailure;
use serde::Deserialize;

use super::{Bundle, Grpc, ManifestError, OnDegraded, Runtime, python};
use crate::policies::{Choice, TIMEOUTS};

/// How long a worker may take from its start to READY, unless the manifest says otherwise.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// The longest message over gRPC, unless the manifest says otherwise, and the longest that it may say: a frame holds 256 MiB.
const MAX_MESSAGE_MIB: u32 = 128;
const LARGEST_MESSAGE_MIB: u32 = 240;

/// How many processes a worker may be, with all that it starts, unless the manifest says otherwise.
const PROCESSES: u32 = 256;

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
    #[serde(default)]
    hooks: BTreeMap<String, HookKeys>,
    #[serde(default)]
    on_degraded: OnDegraded,
    notify_admins: Option<bool>,
    memory_limit_mib: Option<u64>,
    process_limit: Option<u32>,
    status_command: Option<String>,
}

/// What is chosen for one hook.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HookKeys {
    timeout: Option<f64>,
    on_failure: Option<OnFailure>,
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
        let hooks = hooks(server.hooks)?;
        let memory_limit = memory_limit(server.memory_limit_mib)?;
        let process_limit = server.process_limit.unwrap_or(PROCESSES);
        if process_limit == 0 {
            return Err(wrong("server.process_limit", "must be at least 1"));
        }
        let status_command = server.status_command.map(status_command).transpose()?;
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
            hooks,
            on_degraded: server.on_degraded,
            notify_admins: server.notify_admins.unwrap_or(true),
            memory_limit,
            process_limit,
            status_command,
        })
    }
}

/// The key that is wrong, and what to do.
type Wrong = (&'static str, String);

/// What is chosen for hooks, by their ids.
fn hooks(keys: BTreeMap<String, HookKeys>) -> Result<Vec<(u16, Choice)>, Wrong> {
    const KEY: &str = "server.hooks";
    let wrong = |message: String| Err((KEY, message));
    let mut choices = Vec::new();
    for (name, HookKeys { timeout, on_failure }) in keys {
        let Some(method) = generated::hook_by_name(&name) else {
            return wrong(format!("names {name}, which is no hook"));
        };
        if timeout.is_some_and(|seconds| !TIMEOUTS.contains(&seconds)) {
            return wrong(format!("gives {name} a timeout that is not between 0.01 and 86400 seconds"));
        }
        if let Some(why) = timeout.and_then(|_| without_timeout(method.deadline)) {
            return wrong(format!("gives {name} a timeout; {why}"));
        }
        if on_failure == Some(OnFailure::Reject) && method.reject.is_none() {
            return wrong(format!("says on_failure \"reject\" for {name}, which cannot reject"));
        }
        choices.push((method.id, Choice { timeout: timeout.map(Duration::from_secs_f64), on_failure }));
    }
    Ok(choices)
}

/// Why a hook of this kind has no timeout of its own, if it has none.
fn without_timeout(kind: Deadline) -> Option<&'static str> {
    match kind {
        Deadline::Event => Some("nobody waits for this hook, and it may take its time"),
        Deadline::Activation => Some("this hook has what is left of start_timeout"),
        Deadline::Deactivation => {
            Some("this hook has its share of the 10 s that the server waits for a plugin to stop")
        }
        _ => None,
    }
}

fn memory_limit(mib: Option<u64>) -> Result<Option<u64>, Wrong> {
    match mib {
        None => Ok(None),
        Some(mib @ 32..=1_048_576) => Ok(Some(mib << 20)),
        Some(_) => Err(("server.memory_limit_mib", "must be between 32 and 1048576".to_owned())),
    }
}

/// The trigger of the status command, without its slash.
fn status_command(trigger: String) -> Result<String, Wrong> {
    let trigger = trigger.strip_prefix('/').unwrap_or(&trigger);
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if trigger.is_empty() || trigger.len() > 64 || !trigger.chars().all(fits) {
        let message = "must be the trigger of a slash command: lower-case letters, digits, '-', '_' and '.'";
        return Err(("server.status_command", message.to_owned()));
    }
    Ok(trigger.to_owned())
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
