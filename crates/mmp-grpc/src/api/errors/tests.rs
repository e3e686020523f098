//! One test for every row of the table of errors.

use bytes::Bytes;

use super::*;

/// The map of API_ERROR with these texts and this status.
fn map(texts: &[(&str, &str)], numbers: &[(&str, i64)]) -> Bytes {
    let mut out = Vec::new();
    msgpack::put_map_len(&mut out, texts.len() + numbers.len());
    for (key, value) in texts {
        msgpack::put_str(&mut out, key);
        msgpack::put_str(&mut out, value);
    }
    for (key, value) in numbers {
        msgpack::put_str(&mut out, key);
        msgpack::put_int(&mut out, *value);
    }
    out.into()
}

fn error(kind: ErrorKind, message: &str, payload: Bytes) -> Status {
    status_of(&CallError::Api(ApiError { kind, message: message.to_owned(), payload }))
}

/// A field of a message, if it is there: a text, or a number that takes one or two bytes.
fn text_field(message: &[u8], number: u32) -> Option<String> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Texts {
        #[prost(string, tag = "1")]
        one: String,
        #[prost(string, tag = "3")]
        three: String,
        #[prost(string, tag = "4")]
        four: String,
    }
    let texts: Texts = prost::Message::decode(message).ok()?;
    match number {
        1 => Some(texts.one),
        3 => Some(texts.three),
        _ => Some(texts.four),
    }
}

#[test]
fn an_http_status_has_its_code() {
    let rows = [
        (400, Code::InvalidArgument),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::NotFound),
        (408, Code::DeadlineExceeded),
        (409, Code::AlreadyExists),
        (412, Code::FailedPrecondition),
        (413, Code::ResourceExhausted),
        (429, Code::ResourceExhausted),
        (499, Code::Cancelled),
        (501, Code::Unimplemented),
        (503, Code::Unavailable),
        (504, Code::DeadlineExceeded),
        (402, Code::FailedPrecondition),
        (418, Code::FailedPrecondition),
        (500, Code::Internal),
        (502, Code::Internal),
        (599, Code::Internal),
        (200, Code::Unknown),
        (302, Code::Unknown),
        (0, Code::Unknown),
        (-1, Code::Unknown),
        (600, Code::Unknown),
    ];
    for (http, code) in rows {
        let status = error(ErrorKind::App, "m", map(&[("id", "i")], &[("status_code", http)]));
        assert_eq!(status.code(), code, "{http}");
        assert_eq!(status.message(), "m");
    }
}

#[test]
fn an_app_error_is_the_detail() {
    let texts = [("kind", "app"), ("id", "app.gone"), ("message", "It is gone."), ("where", "GetPost")];
    let payload = map(&texts, &[("status_code", 404)]);
    let status = error(ErrorKind::App, "It is gone.", payload.clone());
    let detail = rpc_status::find(status.details(), "AppError").expect("the detail is there");
    let mut expected = Vec::new();
    proto::app_error_to_proto(&payload, &mut expected).unwrap();
    assert_eq!(detail, expected);
    assert!(detail.windows(8).any(|window| window == b"app.gone"));
}

#[test]
fn a_plain_error_is_the_detail() {
    let texts = [("kind", "error"), ("id", "23505"), ("message", "duplicate key"), ("detailed_error", "Key (id)=(1)")];
    let status = error(ErrorKind::Error, "duplicate key", map(&texts, &[("code", 2)]));
    assert_eq!((status.code(), status.message()), (Code::Unknown, "duplicate key"));
    let detail = rpc_status::find(status.details(), "GoError").expect("the detail is there");
    assert_eq!(text_field(&detail, 1).as_deref(), Some("duplicate key"));
    assert_eq!(text_field(&detail, 3).as_deref(), Some("23505"));
    assert_eq!(text_field(&detail, 4).as_deref(), Some("Key (id)=(1)"));
    assert!(detail.windows(2).any(|window| window == [0x10, 2]), "field 2 is the code");
}

#[test]
fn what_the_bridge_itself_says_has_no_detail() {
    let rows = [
        (ErrorKind::Missing, Code::Unimplemented),
        (ErrorKind::Invalid, Code::InvalidArgument),
        (ErrorKind::Unavailable, Code::Unavailable),
    ];
    for (kind, code) in rows {
        let status = error(kind, "why", map(&[("message", "why")], &[]));
        assert_eq!((status.code(), status.message()), (code, "why"));
        assert!(status.details().is_empty());
    }
    let lost = status_of(&CallError::Lost("the bridge is gone".into()));
    assert_eq!((lost.code(), lost.message()), (Code::Unavailable, "the bridge is gone"));
}

#[test]
fn a_status_fits_into_the_headers_that_clients_take() {
    let long = "\u{e9}".repeat(100_000);
    let texts = ["id", "message", "detailed_error", "request_id", "where"].map(|key| (key, long.as_str()));
    let status = error(ErrorKind::App, &long, map(&texts, &[("status_code", 404)]));
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().len() <= MAX_SENTENCE && status.message().ends_with("\u{e9}..."));
    let headers = status.into_http::<()>();
    let size: usize = headers.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    assert!(size < 8 * 1024, "{size} bytes of headers");
}

#[test]
fn a_payload_that_is_no_map_leaves_the_sentence() {
    let status = error(ErrorKind::App, "m", Bytes::from_static(b"\xc0"));
    assert_eq!((status.code(), status.message(), status.details()), (Code::Unknown, "m", &b""[..]));
}
