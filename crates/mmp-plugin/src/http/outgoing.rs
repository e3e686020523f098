//! Requests to other plugins.

use mmp_gob::GoString;

use super::body::{Body, BodyReader};
use super::headers::Headers;

/// A request to another plugin, by way of the server.
///
/// ```
/// use mmp_plugin::http::PluginRequest;
///
/// let mut request = PluginRequest::new("POST", "/com.example.other/api/v1/things");
/// request.headers.set("Content-Type", "application/json");
/// request.body = r#"{"name": "x"}"#.into();
/// ```
#[derive(Default)]
#[non_exhaustive]
pub struct PluginRequest {
    /// `GET`, `POST` and so on.
    pub method: GoString,
    /// The other plugin's id and a path there, with a slash before both.
    pub url: GoString,
    /// The protocol; the other plugin sees it.
    pub proto: GoString,
    /// The protocol's version before the point.
    pub proto_major: i64,
    /// The protocol's version behind the point.
    pub proto_minor: i64,
    /// The header fields.
    pub headers: Headers,
    /// What the other plugin sees as the host.
    pub host: GoString,
    /// What the other plugin sees as the address of the client.
    pub remote_addr: GoString,
    /// What the other plugin sees as the request's target.
    pub request_uri: GoString,
    /// The body.
    pub body: Body,
}

impl PluginRequest {
    /// A request without header fields and body.
    #[must_use]
    pub fn new(method: impl Into<GoString>, url: impl Into<GoString>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            proto: "HTTP/1.1".into(),
            proto_major: 1,
            proto_minor: 1,
            ..Self::default()
        }
    }
}

/// What another plugin answers.
#[non_exhaustive]
pub struct PluginResponse {
    /// The status.
    pub status: i64,
    /// The header fields.
    pub headers: Headers,
    /// The body, which arrives as it is read.
    pub body: BodyReader,
}

impl PluginResponse {
    pub(crate) fn new(status: i64, headers: Headers, body: BodyReader) -> Self {
        Self { status, headers, body }
    }
}
