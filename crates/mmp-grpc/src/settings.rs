//! What the bridge tells the gateway: its arguments and its environment.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The socket of the worker link.
pub const SOCKET: &str = "MATTERMOST_PLUGIN_WORKER_SOCKET";

/// Where the program finds the API.
pub const API_TARGET: &str = "MATTERMOST_PLUGIN_API_TARGET";

/// Where the program must serve its hooks.
pub const HOOKS_TARGET: &str = "MATTERMOST_PLUGIN_HOOKS_TARGET";

/// The name of the API's socket. Clients on gRPC's C core (C++, Python, Ruby, PHP) send the percent-encoded path of a socket as `:authority`, and h2 refuses such a host before any code of
/// ours runs. What stands before an `@` is a user's name, though, where RFC 3986 allows percent-encoding: so the host in it is `localhost`, which is what other clients send by themselves.
const API_SOCKET: &str = "api@localhost";

/// Which of the plugin's workers the program is, from 0.
pub const WORKER_INDEX: &str = "MATTERMOST_PLUGIN_WORKER_INDEX";

/// How many workers the plugin has.
pub const WORKERS: &str = "MATTERMOST_PLUGIN_WORKERS";

/// How the variables begin that are for the gateway alone.
pub const OWN_PREFIX: &str = "MMP_GATEWAY_";

/// How long the program may take until it serves, in seconds.
pub const START_TIMEOUT: &str = "MMP_GATEWAY_START_TIMEOUT";

/// The longest message, in bytes.
pub const MAX_MESSAGE: &str = "MMP_GATEWAY_MAX_MESSAGE";

/// 1: the database driver is served.
pub const DATABASE: &str = "MMP_GATEWAY_DATABASE";

/// 1: the API describes itself.
pub const DEVELOPMENT: &str = "MMP_GATEWAY_DEVELOPMENT";

/// What a program has to start in, unless the bridge says otherwise.
const DEFAULT_START_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest message unless the bridge says otherwise: an upload of 100 MB has room in it.
const DEFAULT_MAX_MESSAGE: usize = 128 * 1024 * 1024;

/// What the gateway was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether the gateway is the whole worker and serves hooks; otherwise it only serves the API beside a worker that speaks frames.
    pub hooks: bool,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The socket of the worker link.
    pub socket: PathBuf,
    /// How long the program may take until it has said which hooks it implements.
    pub start_timeout: Duration,
    /// The largest message in bytes, in either direction.
    pub max_message: usize,
    /// Whether the database driver is served.
    pub database: bool,
    /// Whether the services can be listed, which is for development only.
    pub development: bool,
}

/// Why the gateway cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// The arguments are not `[--hooks] -- program args...`.
    #[error("the gateway's arguments must be [--hooks] -- program arguments...")]
    Arguments,
    /// A variable is not there.
    #[error("the gateway needs the environment variable {0}")]
    Missing(&'static str),
    /// A variable does not say what it should.
    #[error("the environment variable {0} must be {1}")]
    Value(&'static str, &'static str),
}

impl Settings {
    /// Reads the arguments that follow [`crate::GATEWAY_ARGUMENT`], and the environment.
    ///
    /// # Errors
    /// When something is missing or cannot be read.
    pub fn read(arguments: &[OsString], variable: impl Fn(&str) -> Option<OsString>) -> Result<Settings, BadSettings> {
        let (hooks, rest) = match arguments {
            [first, rest @ ..] if first == "--hooks" => (true, rest),
            rest => (false, rest),
        };
        let command = match rest {
            [separator, command @ ..] if separator == "--" && !command.is_empty() => command.to_vec(),
            _ => return Err(BadSettings::Arguments),
        };
        let socket = variable(SOCKET).ok_or(BadSettings::Missing(SOCKET))?;
        Ok(Settings {
            hooks,
            command,
            socket: PathBuf::from(socket),
            start_timeout: variable(START_TIMEOUT).map_or(Ok(DEFAULT_START_TIMEOUT), |value| seconds(&value))?,
            max_message: variable(MAX_MESSAGE).map_or(Ok(DEFAULT_MAX_MESSAGE), |value| bytes(&value))?,
            database: variable(DATABASE).is_some_and(|value| value == "1"),
            development: variable(DEVELOPMENT).is_some_and(|value| value == "1"),
        })
    }

    /// The private directory of the worker link, where the sockets for gRPC are, too.
    pub fn directory(&self) -> &Path {
        self.socket.parent().unwrap_or(Path::new("."))
    }

    /// The socket of the API.
    pub fn api_socket(&self) -> PathBuf {
        self.directory().join(API_SOCKET)
    }

    /// The socket where the program serves its hooks.
    pub fn hooks_socket(&self) -> PathBuf {
        self.directory().join("hooks.sock")
    }
}

fn seconds(value: &OsStr) -> Result<Duration, BadSettings> {
    let seconds = value.to_str().and_then(|text| text.parse::<f64>().ok());
    seconds
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or(BadSettings::Value(START_TIMEOUT, "a number of seconds above zero"))
}

fn bytes(value: &OsStr) -> Result<usize, BadSettings> {
    let bytes = value.to_str().and_then(|text| text.parse::<usize>().ok());
    bytes.filter(|bytes| *bytes > 0).ok_or(BadSettings::Value(MAX_MESSAGE, "a number of bytes above zero"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings, String> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let variable =
            |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| OsString::from(value));
        Settings::read(&arguments, variable).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let settings = read(&["--", "node", "--hooks"], &[(SOCKET, "/run/x/worker.sock")]).unwrap();
        assert!(!settings.hooks && !settings.database && !settings.development);
        assert_eq!(settings.command, ["node", "--hooks"]);
        assert_eq!(settings.start_timeout, DEFAULT_START_TIMEOUT);
        assert_eq!(settings.max_message, DEFAULT_MAX_MESSAGE);
        assert_eq!(settings.api_socket(), Path::new("/run/x/api@localhost"));
        assert_eq!(settings.hooks_socket(), Path::new("/run/x/hooks.sock"));
    }

    #[test]
    fn everything_can_be_said() {
        let variables =
            [(SOCKET, "/s"), (START_TIMEOUT, "1.5"), (MAX_MESSAGE, "4096"), (DATABASE, "1"), (DEVELOPMENT, "1")];
        let settings = read(&["--hooks", "--", "node"], &variables).unwrap();
        assert!(settings.hooks && settings.database && settings.development);
        assert_eq!(settings.start_timeout, Duration::from_millis(1500));
        assert_eq!(settings.max_message, 4096);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let socket = (SOCKET, "/s");
        assert!(read(&["--hooks", "node"], &[socket]).unwrap_err().contains("arguments"));
        assert!(read(&["--"], &[socket]).unwrap_err().contains("arguments"));
        assert!(read(&["--", "node"], &[]).unwrap_err().contains(SOCKET));
        for (name, value) in [(START_TIMEOUT, "-1"), (START_TIMEOUT, "inf"), (MAX_MESSAGE, "0"), (MAX_MESSAGE, "1M")] {
            assert!(read(&["--", "node"], &[socket, (name, value)]).unwrap_err().contains(name), "{value}");
        }
    }
}
