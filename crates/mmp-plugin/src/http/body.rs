//! Bodies: of a request that came, of a response that came, and of what is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

use crate::error::{Error, Result};
use crate::streams::Stream;
use crate::uploads::Failure;

/// A body that arrives, read as [`AsyncRead`] or at once.
pub struct BodyReader {
    stream: Option<Stream>,
    /// Why the body of the request broke off to which this one is the answer.
    broken: Option<Failure>,
}

impl BodyReader {
    pub(crate) fn new(stream: Option<Stream>) -> Self {
        Self { stream, broken: None }
    }

    /// The answer to a request whose own body may still be on its way.
    pub(crate) fn of_exchange(stream: Stream, broken: Failure) -> Self {
        Self { stream: Some(stream), broken: Some(broken) }
    }

    /// Reads all of it. Fails if it has more than `limit` bytes.
    pub async fn read_all(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let most = limit as u64;
        let read = self.take(most.saturating_add(1)).read_to_end(&mut bytes).await;
        read.map_err(|error| Error::Stream(format!("the body broke off: {error}")))?;
        if bytes.len() as u64 > most {
            return Err(Error::Stream(format!("the body has more than {limit} bytes")));
        }
        Ok(bytes)
    }
}

impl AsyncRead for BodyReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(why) = self.broken.as_mut().and_then(|broken| broken.poll(context)) {
            return Poll::Ready(Err(io::Error::other(format!("the body of the request broke off: {why}"))));
        }
        match &self.stream {
            Some(stream) => stream.poll_read(context, target),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// Bytes to send: what is in memory, or what a reader gives.
#[derive(Default)]
pub struct Body(pub(crate) Option<Pin<Box<dyn AsyncRead + Send>>>);

impl Body {
    /// Nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// What a reader gives. It is read as fast as the server takes it.
    pub fn from_reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self(Some(Box::pin(reader)))
    }

    pub(crate) fn into_reader(self) -> Option<Pin<Box<dyn AsyncRead + Send>>> {
        self.0
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self::from_reader(io::Cursor::new(bytes)) }
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}
