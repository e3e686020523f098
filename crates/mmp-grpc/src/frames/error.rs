//! Errors of API calls.

use std::sync::Arc;

use bytes::Bytes;
use mmp_transcode::msgpack::{Reader, Token};

/// Why a call has no results.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The bridge answered with an error.
    #[error("{0}")]
    Api(ApiError),
    /// There is no connection to the bridge, or it was lost before the answer.
    #[error("{0}")]
    Lost(Arc<str>),
}

/// What kind of error an API call has (`docs/reference/frames.md`, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A Mattermost `AppError`.
    App,
    /// A plain Go error.
    Error,
    /// The server does not have the method.
    Missing,
    /// The arguments do not fit.
    Invalid,
    /// The connection to the server is not there.
    Unavailable,
}

/// The payload of API_ERROR.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What kind it is; one that this side does not know counts as a plain error.
    pub kind: ErrorKind,
    /// Its text.
    pub message: String,
    /// The whole map.
    pub payload: Bytes,
}

impl ApiError {
    /// Reads what matters to everybody; the rest stays in the payload.
    pub(super) fn read(payload: Bytes) -> ApiError {
        let (mut kind, mut message) = (ErrorKind::Error, String::new());
        let mut reader = Reader::new(&payload);
        if let Ok(Token::Map(count)) = reader.token() {
            for _ in 0..count {
                let (Ok(key), Ok(value)) = (reader.token(), reader.raw()) else { break };
                match (key, Reader::new(value).token()) {
                    (Token::Str(b"kind"), Ok(Token::Str(name))) => kind = kind_of(name),
                    (Token::Str(b"message"), Ok(Token::Str(text))) => {
                        message = String::from_utf8_lossy(text).into_owned();
                    }
                    _ => {}
                }
            }
        }
        ApiError { kind, message, payload }
    }
}

fn kind_of(name: &[u8]) -> ErrorKind {
    match name {
        b"app" => ErrorKind::App,
        b"missing" => ErrorKind::Missing,
        b"invalid" => ErrorKind::Invalid,
        b"unavailable" => ErrorKind::Unavailable,
        _ => ErrorKind::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_message_are_found_among_the_fields() {
        let payload = b"\x83\xa2id\xa1x\xa7message\xa4gone\xa4kind\xa3app";
        let error = ApiError::read(Bytes::from_static(payload));
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::App, "gone"));
        assert_eq!(&error.payload[..], payload);
        assert_eq!(ApiError::read(Bytes::from_static(b"\xc0")).kind, ErrorKind::Error);
    }
}
