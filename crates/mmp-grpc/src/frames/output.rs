//! What waits to be written on a connection, and the task that writes it.

use std::io;

use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::OwnedWriteHalf;

use super::connection::Connection;

/// Whoever has more to send waits while so many bytes are not written yet.
pub(super) const HIGH_WATER: usize = 8 * 1024 * 1024;

/// A buffer that grew beyond this gives the rest back.
const KEPT: usize = 256 * 1024;

/// Frames that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) frames: Vec<u8>,
    /// How many bytes are being written.
    pub(super) under_way: usize,
}

impl Output {
    /// How many bytes are not written yet.
    pub(super) fn pending(&self) -> usize {
        self.frames.len() + self.under_way
    }
}

/// Writes what is put into the output until the connection is closed. What many tasks put there in one turn of the event loop goes out with one write.
pub(super) async fn write(connection: Connection, mut stream: OwnedWriteHalf) {
    let mut frames = Vec::new();
    let failed = loop {
        if let Err(error) = write_all(&connection, &mut stream, &mut frames).await {
            break error;
        }
        if connection.is_closed() {
            return;
        }
        connection.until_output().await;
    };
    connection.close(&format!("the connection to the bridge is lost: {failed}"));
}

async fn write_all(connection: &Connection, stream: &mut OwnedWriteHalf, frames: &mut Vec<u8>) -> io::Result<()> {
    loop {
        connection.take_output(frames);
        if frames.is_empty() {
            return Ok(());
        }
        stream.write_all(frames).await?;
        frames.clear();
        frames.shrink_to(KEPT);
    }
}
