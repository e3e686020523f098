//! The line on the plugin's standard output: `core|app|network|address|protocol|certificate`.

use std::path::{Path, PathBuf};

use super::{APP_PROTOCOL, CORE_PROTOCOL, HandshakeError};

/// The only protocol that Mattermost plugins speak.
const PROTOCOL: &str = "netrpc";
/// A sixth field that is longer than this is a certificate; older plugins put something shorter there.
const MAX_NO_CERTIFICATE: usize = 50;

/// Where a plugin listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// `host:port`; plugins on Windows.
    Tcp(String),
}

/// The content of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeLine {
    /// Where the plugin listens.
    pub address: Address,
}

impl HandshakeLine {
    /// The line for a Unix socket, with its line break. The certificate field is there and empty.
    pub fn for_socket(path: &Path) -> Result<String, HandshakeError> {
        match path.to_str() {
            Some(text) if !text.contains(['|', '\n', '\r']) => {
                Ok(format!("{CORE_PROTOCOL}|{APP_PROTOCOL}|unix|{text}|{PROTOCOL}|\n"))
            }
            _ => Err(HandshakeError::UnprintablePath(path.to_owned())),
        }
    }

    /// Reads a line with the checks of go-plugin's client, in its order.
    pub fn parse(line: &str) -> Result<Self, HandshakeError> {
        let line = line.trim();
        let mut fields = line.split('|');
        let (Some(core), Some(app), Some(network), Some(address)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(HandshakeError::UnrecognizedLine(line.to_owned()));
        };
        check_core(core)?;
        check_app(app)?;
        let address = match network {
            "unix" => Address::Unix(PathBuf::from(address)),
            "tcp" => Address::Tcp(address.to_owned()),
            _ => return Err(HandshakeError::AddressType(address.to_owned())),
        };
        // A line of four fields is that of an old plugin, which speaks net/rpc.
        let protocol = fields.next().unwrap_or(PROTOCOL);
        if protocol != PROTOCOL {
            return Err(HandshakeError::Protocol(protocol.to_owned()));
        }
        if fields.next().is_some_and(|f| f.len() > MAX_NO_CERTIFICATE) {
            return Err(HandshakeError::Certificate);
        }
        Ok(Self { address })
    }
}

fn check_core(field: &str) -> Result<(), HandshakeError> {
    match field.parse::<i64>() {
        Ok(version) if version == i64::from(CORE_PROTOCOL) => Ok(()),
        Ok(_) => Err(HandshakeError::CoreProtocol(field.to_owned())),
        Err(_) => Err(HandshakeError::BadCoreProtocol(field.to_owned())),
    }
}

fn check_app(field: &str) -> Result<(), HandshakeError> {
    match field.parse::<i64>() {
        Ok(version) if version == i64::from(APP_PROTOCOL) => Ok(()),
        Ok(version) => Err(HandshakeError::AppProtocol(version)),
        Err(_) => Err(HandshakeError::BadAppProtocol(field.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_what_go_prints_and_reads() {
        let line = HandshakeLine::for_socket(Path::new("/tmp/plugin123")).expect("printable");
        assert_eq!(line, "1|1|unix|/tmp/plugin123|netrpc|\n");
        let parsed = HandshakeLine::parse(&line).expect("our own line");
        assert_eq!(parsed.address, Address::Unix("/tmp/plugin123".into()));
    }

    #[test]
    fn a_path_that_would_break_the_line_is_refused() {
        for path in ["/tmp/a|b", "/tmp/a\nb"] {
            assert!(HandshakeLine::for_socket(Path::new(path)).is_err());
        }
    }

    #[test]
    fn four_fields_are_enough_and_a_short_sixth_is_no_certificate() {
        for line in ["1|1|tcp|127.0.0.1:10000", " 1|1|tcp|127.0.0.1:10000|netrpc|short|more "] {
            let parsed = HandshakeLine::parse(line).expect("accepted by Go");
            assert_eq!(parsed.address, Address::Tcp("127.0.0.1:10000".into()));
        }
    }

    #[test]
    fn every_check_of_go_plugin_has_its_text() {
        let certificate = format!("1|1|unix|/x|netrpc|{}", "A".repeat(51));
        for (line, text) in [
            ("hello", "Unrecognized remote plugin message: hello"),
            ("", "Unrecognized remote plugin message: "),
            ("x|1|unix|/x", "error parsing core protocol version: \"x\""),
            ("2|1|unix|/x", "incompatible core API version with plugin. Plugin version: 2, Core version: 1"),
            ("1|y|unix|/x", "Error parsing protocol version \"y\""),
            ("1|2|unix|/x", "incompatible API version with plugin. Plugin version: 2, Client versions: [1]"),
            ("1|1|udp|addr", "unknown address type: addr"),
            ("1|1|unix|/x|grpc|", "unsupported plugin protocol \"grpc\". Supported: [netrpc]"),
            (
                certificate.as_str(),
                "error parsing server cert: the plugin answers with a certificate that was not asked for",
            ),
        ] {
            let error = HandshakeLine::parse(line).expect_err(line);
            assert_eq!(error.to_string(), text);
        }
    }
}
