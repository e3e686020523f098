//! HTTP: requests that clients send to the plugin, and those that it sends to other plugins.

mod body;
mod connection;
mod headers;
mod outgoing;
mod request;
mod response;
mod serve;
mod writer;

pub use body::{Body, BodyReader};
pub use connection::{Connection, Deadline};
pub use headers::Headers;
pub use outgoing::{PluginRequest, PluginResponse};
pub use request::Request;
pub use response::Response;
pub(crate) use serve::{HttpHook, serve};
