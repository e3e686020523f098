//! A request that came.

use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use mmp_gob::GoString;
use tokio::io::{AsyncRead, ReadBuf};

use super::body::BodyReader;
use super::headers::Headers;

/// A request of a client to the plugin: what it says, and its body, which is read as [`AsyncRead`] or by [`BodyReader::read_all`].
#[non_exhaustive]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: GoString,
    /// Path and query, without `/plugins/` and the plugin's id.
    pub url: GoString,
    /// The protocol, such as `HTTP/1.1`.
    pub proto: GoString,
    /// The protocol's version before the point.
    pub proto_major: i64,
    /// The protocol's version behind the point.
    pub proto_minor: i64,
    /// The header fields. `Mattermost-User-Id` is the server's word, and says who is signed in.
    pub headers: Headers,
    /// The host that the client has asked for.
    pub host: GoString,
    /// Where the client is.
    pub remote_addr: GoString,
    /// Path and query as the client has sent them.
    pub request_uri: GoString,
    /// The body.
    pub body: BodyReader,
}

impl Request {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }

    /// What follows the question mark, as it is.
    #[must_use]
    pub fn query(&self) -> &str {
        self.url.split_once('?').map_or("", |(_, query)| query)
    }

    /// The id of the user who is signed in, if somebody is.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.headers.get("Mattermost-User-Id").filter(|id| !id.is_empty())
    }
}

impl Deref for Request {
    type Target = BodyReader;

    fn deref(&self) -> &BodyReader {
        &self.body
    }
}

impl DerefMut for Request {
    fn deref_mut(&mut self) -> &mut BodyReader {
        &mut self.body
    }
}

impl AsyncRead for Request {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.body).poll_read(context, target)
    }
}
