//! A connection that was taken over.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mmp_gob::{Bytes, Time};
use mmp_goplugin::netrpc::CallError;

use super::response::{broken, failed};
use super::writer::{Nothing, Writer};
use crate::error::Result;

/// The size of the server's own buffer, in which there may be bytes that came with the request.
const SERVER_BUFFER: usize = 4096;
/// How much is read at once.
const READ: i64 = 32 * 1024;

/// A connection to the client that the plugin has taken over. It is closed when the handler returns.
pub struct Connection {
    writer: Arc<Writer>,
    /// Whether the server's buffer was read.
    drained: bool,
}

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// Reading and writing.
    Both,
    /// Reading.
    Read,
    /// Writing.
    Write,
}

impl Connection {
    pub(super) fn new(writer: Arc<Writer>) -> Self {
        Self { writer, drained: false }
    }

    /// Waits for bytes; none are the end.
    pub async fn read(&mut self) -> Result<Vec<u8>> {
        let read: Result<Bytes, CallError> = if self.drained {
            self.writer.call("Plugin.HjConnRead", &READ).await
        } else {
            // What follows does not go through the buffer any more.
            self.drained = true;
            self.writer.call("Plugin.HjConnRWRead", &Bytes::from(vec![0; SERVER_BUFFER])).await
        };
        match read {
            Ok(bytes) => Ok(bytes.into_bytes()),
            Err(CallError::Server(text)) if text == "EOF" => Ok(Vec::new()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Sends bytes.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        for part in bytes.as_ref().chunks(READ as usize) {
            let written: i64 = self.writer.call("Plugin.HjConnWrite", &Bytes::from(part)).await.map_err(failed)?;
            if usize::try_from(written) != Ok(part.len()) {
                return Err(broken("the client takes no more"));
            }
        }
        Ok(())
    }

    /// Reading or writing fails from that time on; never, if there is none.
    pub async fn set_deadline(&mut self, which: Deadline, at: Option<SystemTime>) -> Result<()> {
        let method = match which {
            Deadline::Both => "Plugin.HjConnSetDeadline",
            Deadline::Read => "Plugin.HjConnSetReadDeadline",
            Deadline::Write => "Plugin.HjConnSetWriteDeadline",
        };
        let time = at.map(|at| {
            let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            Time::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos())
        });
        self.writer.tell(method, &time.unwrap_or_default()).await.map_err(failed)
    }

    /// Closes the connection.
    pub async fn close(self) -> Result<()> {
        self.writer.tell("Plugin.HjConnClose", &Nothing::default()).await.map_err(failed)
    }
}
