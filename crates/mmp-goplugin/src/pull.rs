//! The pull protocol of Mattermost's remote `io.Reader`: the reading side asks for N bytes, the serving side sends up to N.
//!
//! A request is N as a zig-zag varint (Go's `binary.PutVarint`). Requests add up, bytes that were asked for and not sent remain due, and the end of the
//! source is the FIN of the serving side. So one huge request streams everything under yamux flow control.

use thiserror::Error;

/// A request that no source exhausts.
pub const EVERYTHING: i64 = 1 << 62;

/// The longest varint: ten groups of seven bits hold 64.
const MAX_VARINT: u32 = 10;

/// A request that is no 64-bit varint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("pull request overflows a 64-bit integer")]
pub struct InvalidRequest;

/// Appends a request for `count` bytes.
pub fn put_request(out: &mut Vec<u8>, count: i64) {
    let mut rest = ((count << 1) ^ (count >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push((rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    out.push((rest & 0x7F) as u8);
}

/// The reading side: what is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullReader {
    due: u64,
}

impl PullReader {
    /// Asks for `count` more bytes; the request is to be sent on the stream.
    pub fn request(&mut self, out: &mut Vec<u8>, count: i64) {
        put_request(out, count);
        self.due = self.due.saturating_add(u64::try_from(count).unwrap_or_default());
    }

    /// Notes bytes that came.
    pub fn received(&mut self, count: usize) {
        self.due = self.due.saturating_sub(count as u64);
    }

    /// How many bytes were asked for and have not come.
    pub const fn due(&self) -> u64 {
        self.due
    }
}

/// The serving side: what it may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullServer {
    due: u64,
    partial: u64,
    partial_len: u32,
}

impl PullServer {
    /// Takes bytes that the reading side sent; a request may come in pieces. After an error the stream is to be closed.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), InvalidRequest> {
        for &byte in bytes {
            self.receive_byte(byte)?;
        }
        Ok(())
    }

    fn receive_byte(&mut self, byte: u8) -> Result<(), InvalidRequest> {
        let group = u64::from(byte & 0x7F);
        // The tenth group has room for one bit.
        if self.partial_len + 1 == MAX_VARINT && byte > 1 {
            return Err(InvalidRequest);
        }
        self.partial |= group << (7 * self.partial_len);
        self.partial_len += 1;
        if byte < 0x80 {
            let count = (self.partial >> 1).cast_signed() ^ -(self.partial & 1).cast_signed();
            // Go copies nothing for a negative count.
            let count = u64::try_from(count).unwrap_or_default();
            self.due = self.due.saturating_add(count);
            self.partial = 0;
            self.partial_len = 0;
        }
        Ok(())
    }

    /// How many bytes may be sent.
    pub const fn due(&self) -> u64 {
        self.due
    }

    /// Allows up to `available` bytes to be sent, and counts them as sent.
    pub fn take(&mut self, available: usize) -> usize {
        let count = usize::try_from(self.due).unwrap_or(usize::MAX).min(available);
        self.due = self.due.saturating_sub(count as u64);
        count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_are_gos_varints() {
        // Computed by Go's binary.PutVarint.
        for (count, bytes) in [
            (0, &[0][..]),
            (1, &[2]),
            (-1, &[1]),
            (64, &[0x80, 1]),
            (32768, &[0x80, 0x80, 4]),
            (EVERYTHING, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] {
            let mut out = Vec::new();
            put_request(&mut out, count);
            assert_eq!(out, bytes, "{count}");
        }
    }

    #[test]
    fn an_overlong_request_is_refused() {
        let mut server = PullServer::default();
        assert_eq!(server.receive(&[0xff; 9]), Ok(()));
        assert_eq!(server.receive(&[2]), Err(InvalidRequest));
        let mut server = PullServer::default();
        assert_eq!(server.receive(&[0x80; 11]), Err(InvalidRequest));
    }

    #[test]
    fn a_negative_request_asks_for_nothing() {
        let mut out = Vec::new();
        put_request(&mut out, -5);
        let mut server = PullServer::default();
        assert_eq!(server.receive(&out), Ok(()));
        assert_eq!(server.due(), 0);
    }

    proptest! {
        #[test]
        fn requests_add_up_in_any_pieces(counts in prop::collection::vec(0..=EVERYTHING, 1..20), cut in 1..12_usize) {
            let mut reader = PullReader::default();
            let mut server = PullServer::default();
            let mut bytes = Vec::new();
            for &count in &counts {
                reader.request(&mut bytes, count);
            }
            for piece in bytes.chunks(cut) {
                server.receive(piece).expect("valid");
            }
            prop_assert_eq!(server.due(), reader.due());
            let sent = server.take(1000);
            reader.received(sent);
            prop_assert_eq!(server.due(), reader.due());
        }
    }
}
