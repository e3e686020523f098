//! Errors of calls as gRPC statuses. A status has a code for programs that look no further, a sentence, and where the server has more to say a detail with all of it.

use mmp_transcode::msgpack::{self, Reader, Token};
use mmp_transcode::proto;
use tonic::{Code, Status};

use crate::frames::{ApiError, CallError, ErrorKind};
use crate::rpc_status;

/// The longest message and detailed error in a detail, in bytes. A status travels in HTTP/2 headers, of which the common clients take 8 KiB; what is longer would cost the caller the whole answer.
const MAX_TEXT: usize = 1024;

/// The longest of the other texts in a detail, which are names and ids.
const MAX_NAME: usize = 256;

/// The longest sentence of a status: gRPC writes it twice, and where it is not ASCII three bytes for one.
const MAX_SENTENCE: usize = 512;

/// The status of a call that failed.
pub(super) fn status_of(error: &CallError) -> Status {
    match error {
        CallError::Api(error) => status_of_api(error),
        CallError::Lost(message) => Status::unavailable(cut(message, MAX_SENTENCE)),
    }
}

fn status_of_api(error: &ApiError) -> Status {
    let sentence = cut(&error.message, MAX_SENTENCE);
    match error.kind {
        ErrorKind::App => with_detail(
            code_of_http(status_code(&error.payload)),
            sentence,
            "AppError",
            error,
            proto::app_error_to_proto,
        ),
        ErrorKind::Error => with_detail(Code::Unknown, sentence, "GoError", error, proto::go_error_to_proto),
        ErrorKind::Missing => Status::unimplemented(sentence),
        ErrorKind::Invalid => Status::invalid_argument(sentence),
        ErrorKind::Unavailable => Status::unavailable(sentence),
    }
}

/// How a map of API_ERROR becomes the message of a detail.
type ToProto = fn(&[u8], &mut Vec<u8>) -> Result<(), mmp_transcode::Error>;

fn with_detail(code: Code, sentence: String, type_name: &str, error: &ApiError, to_proto: ToProto) -> Status {
    let mut detail = Vec::new();
    match shortened(&error.payload).map(|map| to_proto(&map, &mut detail)) {
        Some(Ok(())) => {
            let details = rpc_status::encode(code, &sentence, type_name, detail.into());
            Status::with_details(code, sentence, details)
        }
        // The bridge wrote the map, so this would be a fault of ours; the code and the sentence are right all the same.
        _ => Status::new(code, sentence),
    }
}

/// The gRPC code that says the same as an HTTP status.
fn code_of_http(status: i64) -> Code {
    match status {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        408 | 504 => Code::DeadlineExceeded,
        409 => Code::AlreadyExists,
        412 => Code::FailedPrecondition,
        413 | 429 => Code::ResourceExhausted,
        499 => Code::Cancelled,
        501 => Code::Unimplemented,
        503 => Code::Unavailable,
        _ if (400..500).contains(&status) => Code::FailedPrecondition,
        _ if (500..600).contains(&status) => Code::Internal,
        _ => Code::Unknown,
    }
}

/// The HTTP status of an `AppError`; 0 if it has none.
fn status_code(map: &[u8]) -> i64 {
    let mut reader = Reader::new(map);
    let Ok(Token::Map(count)) = reader.token() else { return 0 };
    for _ in 0..count {
        match (reader.token(), reader.raw().map(|value| Reader::new(value).token())) {
            (Ok(Token::Str(b"status_code")), Ok(Ok(Token::Int(status)))) => return status,
            (Ok(_), Ok(_)) => {}
            _ => return 0,
        }
    }
    0
}

/// The same map with texts that fit into a header. None: it is not a map.
fn shortened(map: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(map);
    let mut out = Vec::with_capacity(map.len().min(4 * MAX_TEXT));
    let Ok(Token::Map(count)) = reader.token() else { return None };
    msgpack::put_map_len(&mut out, count);
    for _ in 0..count {
        let (key, value) = (reader.raw().ok()?, reader.raw().ok()?);
        out.extend_from_slice(key);
        let most = match Reader::new(key).token() {
            Ok(Token::Str(b"message" | b"detailed_error")) => MAX_TEXT,
            _ => MAX_NAME,
        };
        match Reader::new(value).token() {
            Ok(Token::Str(text)) => msgpack::put_str(&mut out, &cut(&String::from_utf8_lossy(text), most)),
            _ => out.extend_from_slice(value),
        }
    }
    Some(out)
}

/// A text of at most so many bytes; three dots stand for what is missing.
fn cut(text: &str, most: usize) -> String {
    const DOTS: &str = "...";
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}{DOTS}", &text[..text.floor_char_boundary(most - DOTS.len())])
}

#[cfg(test)]
mod tests;
