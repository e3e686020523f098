//! How large messages may be, and what is said of one that is larger.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use mmp_transcode::schema::Method;
use tonic::{Code, Status, Streaming};

use super::rare::Rare;
use crate::frames::{Level, Link};

/// The limit for the messages of every call; clones share the count of what was refused.
#[derive(Clone)]
pub(super) struct Limits(Arc<Shared>);

struct Shared {
    most: usize,
    link: Link,
    refused: Rare,
}

impl Limits {
    /// Messages of at most so many bytes.
    pub(super) fn new(most: usize, link: Link) -> Limits {
        Limits(Arc::new(Shared { most, link, refused: Rare::default() }))
    }

    /// The largest message in bytes.
    pub(super) fn most(&self) -> usize {
        self.0.most
    }

    /// The next message of a request; None after the last.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED if it is too large, or that of a connection that broke.
    pub(super) async fn next(&self, method: &Method, messages: &mut Streaming<Bytes>) -> Result<Option<Bytes>, Status> {
        // Of tonic's own errors while it reads, only the one about the length has this code.
        messages.message().await.map_err(|status| match status.code() {
            Code::OutOfRange => self.too_large(&format!("a message of {}", method.name)),
            _ => status,
        })
    }

    /// Refuses an answer that is too large.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED.
    pub(super) fn check_answer(&self, method: &Method, answer: &[u8]) -> Result<(), Status> {
        if answer.len() <= self.0.most {
            return Ok(());
        }
        Err(self.too_large(&format!("the answer of {}, {} bytes,", method.name, answer.len())))
    }

    fn too_large(&self, what: &str) -> Status {
        let message = format!(
            "{what} is larger than the limit of {}: server.grpc_max_message_mib in plugin.json sets it",
            size(self.0.most)
        );
        if let Some(times) = self.0.refused.count(Instant::now()) {
            self.0.link.log(Level::Warn, &message, &[("times", &times.to_string())]);
        }
        Status::resource_exhausted(message)
    }
}

/// A number of bytes in the unit of the manifest, where it is a whole number of those.
fn size(bytes: usize) -> String {
    const MIB: usize = 1024 * 1024;
    if bytes.is_multiple_of(MIB) { format!("{} MiB", bytes / MIB) } else { format!("{bytes} bytes") }
}
