//! HELLO and WELCOME.

use std::io;
use std::path::Path;

use mmp_transcode::generated::SCHEMA_HASH;
use mmp_worker::frame::{self, BadFrame, HEADER, Header, Kind};
use mmp_worker::messages::{self, Hello, PROTOCOL, Refused, Role, Welcome};
use mmp_worker::token::Token;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::connection::{Connection, Duty};
use super::{output, reader};

/// The longest answer to a HELLO.
const MAX_ANSWER: usize = 64 * 1024;

/// Why there is no connection to the bridge.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The socket cannot be reached, or the bridge closed it.
    #[error("the bridge cannot be reached: {0}")]
    Io(#[from] io::Error),
    /// What came is no frame.
    #[error("the bridge's answer cannot be read: {0}")]
    Frame(#[from] BadFrame),
    /// What came is not what it should be.
    #[error("the bridge's answer cannot be read")]
    Answer,
    /// The bridge does not want this worker.
    #[error("{}", .0.message)]
    Refused(Refused),
}

/// Which of the plugin's workers this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 0.
    pub index: u32,
    /// How many workers the plugin has.
    pub workers: u32,
}

/// Connects to the bridge in this role, and reads and writes the connection from then on.
///
/// # Errors
/// When the bridge is not there or refuses.
pub async fn connect(path: &Path, token: &Token, role: Role, duty: Duty) -> Result<Connection, ConnectError> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(&hello(token, role)).await?;
    let (kind, payload) = read_frame(&mut stream).await?;
    let welcome: Welcome = match kind {
        Kind::Welcome => messages::decode(&payload).map_err(|_| ConnectError::Answer)?,
        Kind::Refused => {
            let refused = messages::decode(&payload).map_err(|_| ConnectError::Answer)?;
            return Err(ConnectError::Refused(refused));
        }
        _ => return Err(ConnectError::Answer),
    };
    let connection = Connection::new(Place { index: welcome.worker_index, workers: welcome.workers });
    let (input, out) = stream.into_split();
    tokio::spawn(output::write(connection.clone(), out));
    tokio::spawn(reader::read(connection.clone(), input, duty));
    Ok(connection)
}

fn hello(token: &Token, role: Role) -> Vec<u8> {
    let hello = Hello {
        protocol: PROTOCOL,
        schema: SCHEMA_HASH.to_owned(),
        token: token.reveal().to_owned(),
        role,
        sdk: concat!("mattermost-plugin-gateway ", env!("CARGO_PKG_VERSION")).to_owned(),
        runtime: "gRPC".to_owned(),
        pid: std::process::id(),
    };
    let mut out = Vec::new();
    // Strings and numbers can always be encoded.
    let payload = messages::encode(&hello).unwrap_or_default();
    frame::put_bytes(&mut out, Kind::Hello, 0, 0, &payload);
    out
}

async fn read_frame(stream: &mut UnixStream) -> Result<(Kind, Vec<u8>), ConnectError> {
    let mut head = [0; HEADER];
    stream.read_exact(&mut head).await?;
    let header = Header::parse(&head)?.filter(|header| header.len <= MAX_ANSWER).ok_or(ConnectError::Answer)?;
    let mut payload = vec![0; header.len];
    stream.read_exact(&mut payload).await?;
    Ok((header.kind, payload))
}
