//! Hooks that failed: what the bridge is told.

use mmp_transcode::schema::Method;
use mmp_transcode::{Error as TranscodeError, proto};
use mmp_worker::frame::MAX_PAYLOAD;
use tonic::{Code, Status};

use crate::program::describe;
use crate::rpc_status;

/// The longest message that is passed on.
const MAX_MESSAGE: usize = 64 * 1024;

/// Why a hook has no results.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) message: String,
    /// The AppError of the program, as a map.
    pub(super) app: Option<Vec<u8>>,
}

impl Failure {
    /// Something is wrong, in one sentence.
    pub(super) fn new(message: impl Into<String>) -> Failure {
        let mut message = message.into();
        message.truncate(cut(&message).len());
        Failure { message, app: None }
    }

    /// The bridge does not want the results any more.
    pub(super) fn cancelled() -> Failure {
        Failure::new("the hook was cancelled")
    }

    /// The bridge's arguments cannot be written as a message.
    pub(super) fn arguments(error: &TranscodeError) -> Failure {
        Failure::new(format!("the arguments cannot be passed on: {error}"))
    }

    /// The program's message cannot be read.
    pub(super) fn malformed(what: &str, error: impl std::fmt::Display) -> Failure {
        Failure::new(format!("the worker's {what} cannot be read: {error}"))
    }

    /// The program answered with a status, or the call did not come to an answer.
    pub(super) fn of_status(method: &Method, status: &Status) -> Failure {
        use std::error::Error as _;
        if status.code() == Code::Unimplemented && status.source().is_none() {
            let name = method.name;
            return Failure::new(format!("the worker does not implement {name}, although Implemented names it"));
        }
        let lost = status.source().is_some() && status.code() == Code::Unavailable;
        let next = if lost { "; the next hook connects again" } else { "" };
        let failure = Failure::new(describe(status) + next);
        match rpc_status::find(status.details(), "AppError").map(|message| read_app_error(&message)) {
            None => failure,
            Some(Ok(app)) => Failure { app: Some(app), ..failure },
            Some(Err(error)) => {
                Failure::new(format!("{} (the AppError in its details cannot be read: {error})", failure.message))
            }
        }
    }
}

/// As much of a text of the program's as is passed on.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_MESSAGE)]
}

fn read_app_error(message: &[u8]) -> Result<Vec<u8>, TranscodeError> {
    let mut app = Vec::new();
    proto::app_error_from_proto(message, false, &mut app)?;
    Ok(app)
}

/// Results that no frame can hold are a failure.
pub(super) fn checked(results: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if results.len() > MAX_PAYLOAD {
        return Err(Failure::new(format!(
            "the worker's answer takes {} bytes on the worker link; {MAX_PAYLOAD} are the limit",
            results.len()
        )));
    }
    Ok(results)
}
