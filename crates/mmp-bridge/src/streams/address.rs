//! Where the frames of a stream go.

use mmp_transcode::msgpack::{self, Reader, Token, text_in_map};
use mmp_worker::frame::{self, Kind};

use crate::supervisor::Workers;

/// The worker's connection of a hook or call, and what the frames of its streams carry in their header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) connection: usize,
    /// 0, or [`frame::OF_API`].
    pub(crate) flags: u8,
    pub(crate) method: u16,
    pub(crate) id: u32,
}

impl Address {
    /// Sends a frame.
    pub(crate) fn send(self, workers: &mut Workers, kind: Kind, payload: &[u8]) {
        let mut out = workers.take_output(self.connection);
        frame::put_bytes_with(&mut out, kind, self.flags, self.method, self.id, payload);
        workers.put_output(self.connection, out);
    }

    /// Gives the worker credit for so many bytes.
    pub(crate) fn credit(self, workers: &mut Workers, count: usize) {
        if count > 0 {
            let mut payload = Vec::new();
            msgpack::put_uint(&mut payload, count as u64);
            self.send(workers, Kind::Credit, &payload);
        }
    }

    /// Ends a stream to the worker: complete, or broken off for this reason.
    pub(crate) fn end(self, workers: &mut Workers, broken: Option<&str>) {
        self.outcome(workers, Kind::End, broken);
    }

    /// Answers HIJACK: done, or not for this reason.
    pub(crate) fn hijacked(self, workers: &mut Workers, failure: Option<&str>) {
        self.outcome(workers, Kind::Hijacked, failure);
    }

    /// Sends a frame whose payload is empty if all went well, and else says why not.
    fn outcome(self, workers: &mut Workers, kind: Kind, failure: Option<&str>) {
        let mut payload = Vec::new();
        if let Some(message) = failure {
            let mark = msgpack::begin_map(&mut payload);
            msgpack::put_str(&mut payload, "message");
            msgpack::put_str(&mut payload, message);
            msgpack::end_map(&mut payload, mark, 1);
        }
        self.send(workers, kind, &payload);
    }
}

/// Reads the payload of CREDIT.
pub(crate) fn credit_of(payload: &[u8]) -> Result<u64, String> {
    match Reader::new(payload).token() {
        Ok(Token::Uint(count)) => Ok(count),
        Ok(Token::Int(count)) => u64::try_from(count).map_err(|_| "a CREDIT of the worker is negative".to_owned()),
        _ => Err("a CREDIT of the worker cannot be read".to_owned()),
    }
}

/// Reads the payload of END: why the stream was broken off, if it was.
pub(crate) fn broken_off(payload: &[u8]) -> Result<Option<String>, String> {
    if payload.is_empty() {
        return Ok(None);
    }
    let message = text_in_map(payload, "message").map_err(|_| "an END of the worker cannot be read".to_owned())?;
    Ok(Some(message.unwrap_or_else(|| "the plugin broke the stream off".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_may_say_why_the_stream_is_not_whole() {
        assert_eq!(broken_off(b""), Ok(None));
        assert_eq!(broken_off(b"\x81\xa7message\xa4disk"), Ok(Some("disk".to_owned())));
        assert_eq!(broken_off(b"\x80"), Ok(Some("the plugin broke the stream off".to_owned())));
        assert!(broken_off(b"\xc0").is_err());
        assert!(broken_off(b"\x81\xa7message").is_err());
    }
}
