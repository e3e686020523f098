//! How host and plugin find each other: environment, socket, and one line on the plugin's standard output.

mod error;
mod line;
#[cfg(unix)]
mod socket;

pub use error::HandshakeError;
pub use line::{Address, HandshakeLine};
#[cfg(unix)]
pub use socket::PluginListener;

/// Environment variable whose value shows that Mattermost started the process.
pub const COOKIE_KEY: &str = "MATTERMOST_PLUGIN";
/// Its value.
pub const COOKIE_VALUE: &str = "Securely message teams, anywhere.";
/// Directory for the plugin's socket, if the host wants a certain one.
pub const ENV_SOCKET_DIR: &str = "PLUGIN_UNIX_SOCKET_DIR";
/// Group that may use the socket, by name or number.
pub const ENV_SOCKET_GROUP: &str = "PLUGIN_UNIX_SOCKET_GROUP";
/// The host's certificate, if it wants TLS; Mattermost does not.
pub const ENV_CLIENT_CERT: &str = "PLUGIN_CLIENT_CERT";
/// go-plugin's own protocol version.
pub const CORE_PROTOCOL: u32 = 1;
/// The version of Mattermost's plugin protocol.
pub const APP_PROTOCOL: u32 = 1;

/// What a host adds to a plugin's environment, with go-plugin's default ports.
pub const HOST_ENVIRONMENT: [(&str, &str); 4] = [
    (COOKIE_KEY, COOKIE_VALUE),
    ("PLUGIN_MIN_PORT", "10000"),
    ("PLUGIN_MAX_PORT", "25000"),
    ("PLUGIN_PROTOCOL_VERSIONS", "1"),
];

/// Checks that a host started this process and asks for nothing that is not supported; `variable` looks up the environment.
pub fn check_environment(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<(), HandshakeError> {
    if variable(COOKIE_KEY).is_none_or(|value| value != COOKIE_VALUE) {
        return Err(HandshakeError::NotStartedByHost);
    }
    if variable(ENV_CLIENT_CERT).is_some_and(|value| !value.is_empty()) {
        return Err(HandshakeError::TlsRequested);
    }
    Ok(())
}
