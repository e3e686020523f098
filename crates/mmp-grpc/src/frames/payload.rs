//! The small payloads of streams: CREDIT, END, HIJACKED.

use mmp_transcode::msgpack::{self, Reader, Token};

/// Why a payload cannot be read.
pub(super) type Unreadable = &'static str;

/// The payload of CREDIT.
pub(super) fn credit(bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::put_uint(&mut out, bytes as u64);
    out
}

/// The payload of an END that breaks a stream off.
pub(super) fn broken_off(message: &str) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::put_map_len(&mut out, 1);
    msgpack::put_str(&mut out, "message");
    msgpack::put_str(&mut out, message);
    out
}

/// Reads the payload of CREDIT.
pub(super) fn read_credit(payload: &[u8]) -> Result<usize, Unreadable> {
    match Reader::new(payload).token() {
        Ok(Token::Int(bytes)) => usize::try_from(bytes).map_err(|_| "a CREDIT is negative"),
        Ok(Token::Uint(_)) => Ok(usize::MAX),
        _ => Err("a CREDIT cannot be read"),
    }
}

/// Reads the payload of END or HIJACKED: nothing if all is well, else a map with a message.
pub(super) fn read_outcome(payload: &[u8]) -> Result<Option<String>, Unreadable> {
    if payload.is_empty() {
        return Ok(None);
    }
    let message = msgpack::text_in_map(payload, "message").map_err(|_| "an END or HIJACKED cannot be read")?;
    Ok(Some(message.unwrap_or_else(|| "the stream was broken off".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        assert_eq!(read_credit(&credit(70_000)), Ok(70_000));
        assert_eq!(read_outcome(&broken_off("disk full")), Ok(Some("disk full".to_owned())));
        assert_eq!(read_outcome(b""), Ok(None));
    }

    #[test]
    fn what_is_neither_is_refused() {
        assert!(read_credit(b"\xff").is_err() && read_credit(b"\xa1x").is_err() && read_credit(b"").is_err());
        assert!(read_outcome(b"\xc0").is_err() && read_outcome(b"\x81\xa7message").is_err());
        assert_eq!(read_credit(b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), Ok(usize::MAX));
    }
}
