//! What can go wrong before the first byte of the protocol.

use std::path::PathBuf;

use thiserror::Error;

/// Why the handshake failed.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// The cookie is missing: somebody ran the plugin by hand.
    #[error(
        "This program is a Mattermost plugin and cannot be run by itself.\nInstall its bundle on a Mattermost server, which then starts it."
    )]
    NotStartedByHost,
    /// The host wants TLS.
    #[error(
        "the host asks for TLS (PLUGIN_CLIENT_CERT), which Mattermost does not use and this plugin does not support"
    )]
    TlsRequested,
    /// The socket could not be made.
    #[error("cannot listen on {}: {source}", path.display())]
    Listen {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no directory for the socket.
    #[error(
        "{}; tried: {tried}. Set TMPDIR in the server's environment to a directory that the server's user can write to and whose path is short",
        first.as_ref().map_or_else(|| "cannot listen".to_owned(), ToString::to_string)
    )]
    Nowhere {
        /// The directories.
        tried: String,
        /// What was wrong with the first.
        first: Option<Box<HandshakeError>>,
    },
    /// The socket's path cannot be part of the line.
    #[error("the socket's path {} contains a line break, '|' or bytes that are not UTF-8", .0.display())]
    UnprintablePath(PathBuf),
    /// There is no such group.
    #[error("failed to find gid from {0:?}")]
    UnknownGroup(String),
    /// The socket's group or mode could not be set.
    #[error("cannot give the socket to group {group:?}: {source}")]
    Group {
        /// Which group.
        group: String,
        /// Why.
        source: std::io::Error,
    },
    /// The plugin's line has fewer than four fields.
    #[error("Unrecognized remote plugin message: {0}")]
    UnrecognizedLine(String),
    /// Its first field is no number.
    #[error("error parsing core protocol version: {0:?}")]
    BadCoreProtocol(String),
    /// Its first field is another number.
    #[error("incompatible core API version with plugin. Plugin version: {0}, Core version: 1")]
    CoreProtocol(String),
    /// Its second field is no number.
    #[error("Error parsing protocol version {0:?}")]
    BadAppProtocol(String),
    /// Its second field is another number.
    #[error("incompatible API version with plugin. Plugin version: {0}, Client versions: [1]")]
    AppProtocol(i64),
    /// Its third field is neither `unix` nor `tcp`.
    #[error("unknown address type: {0}")]
    AddressType(String),
    /// Its fifth field is not `netrpc`.
    #[error("unsupported plugin protocol {0:?}. Supported: [netrpc]")]
    Protocol(String),
    /// It has a certificate, though no TLS was asked for.
    #[error("error parsing server cert: the plugin answers with a certificate that was not asked for")]
    Certificate,
}
