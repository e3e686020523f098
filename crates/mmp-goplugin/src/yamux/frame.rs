//! The 12-byte yamux frame header, big endian: version, type, flags, stream id, length.

use super::SessionError;

/// Length of a frame header.
pub const HEADER_LEN: usize = 12;

/// The only protocol version there is.
const VERSION: u8 = 0;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// `length` bytes of payload follow.
    Data,
    /// The peer may send `length` more bytes on this stream.
    WindowUpdate,
    /// A keepalive question or answer; `length` is an opaque number that is echoed.
    Ping,
    /// The end of the session; `length` is a reason code.
    GoAway,
}

/// Flag bits of a header.
pub mod flags {
    /// Opens a stream, or asks a ping.
    pub const SYN: u16 = 1;
    /// Acknowledges a stream, or answers a ping.
    pub const ACK: u16 = 2;
    /// The sender sends no more on this stream.
    pub const FIN: u16 = 4;
    /// The stream is dropped at once in both directions.
    pub const RST: u16 = 8;
}

/// Reason codes of a go-away frame.
pub mod go_away {
    /// The sender accepts no more streams.
    pub const NORMAL: u32 = 0;
    /// The receiver broke the protocol.
    pub const PROTOCOL_ERROR: u32 = 1;
    /// The sender failed.
    pub const INTERNAL_ERROR: u32 = 2;
}

/// A decoded frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame carries.
    pub frame_type: FrameType,
    /// A union of the bits in [`flags`].
    pub flags: u16,
    /// The stream, or 0 for the session.
    pub stream: u32,
    /// Payload length, window increment, ping number or reason code.
    pub length: u32,
}

impl Header {
    /// Builds a header.
    pub const fn new(frame_type: FrameType, flags: u16, stream: u32, length: u32) -> Self {
        Self { frame_type, flags, stream, length }
    }

    /// Whether any of `bits` is set.
    pub const fn has(&self, bits: u16) -> bool {
        self.flags & bits != 0
    }

    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = VERSION;
        bytes[1] = match self.frame_type {
            FrameType::Data => 0,
            FrameType::WindowUpdate => 1,
            FrameType::Ping => 2,
            FrameType::GoAway => 3,
        };
        bytes[2..4].copy_from_slice(&self.flags.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.stream.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_be_bytes());
        bytes
    }

    /// Reads a header; fails on another version or an unknown type.
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<Self, SessionError> {
        let [version, kind, f0, f1, s0, s1, s2, s3, l0, l1, l2, l3] = *bytes;
        if version != VERSION {
            return Err(SessionError::InvalidVersion(version));
        }
        let frame_type = match kind {
            0 => FrameType::Data,
            1 => FrameType::WindowUpdate,
            2 => FrameType::Ping,
            3 => FrameType::GoAway,
            other => return Err(SessionError::InvalidFrameType(other)),
        };
        Ok(Self {
            frame_type,
            flags: u16::from_be_bytes([f0, f1]),
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_big_endian_and_round_trip() {
        let header = Header::new(FrameType::WindowUpdate, flags::SYN | flags::FIN, 7, 0x0102_0304);
        let bytes = header.encode();
        assert_eq!(bytes, [0, 1, 0, 5, 0, 0, 0, 7, 1, 2, 3, 4]);
        assert_eq!(Header::decode(&bytes), Ok(header));
    }

    #[test]
    fn other_versions_and_types_are_refused() {
        let mut bytes = Header::new(FrameType::Data, 0, 1, 0).encode();
        bytes[1] = 4;
        assert_eq!(Header::decode(&bytes), Err(SessionError::InvalidFrameType(4)));
        bytes[0] = 1;
        assert_eq!(Header::decode(&bytes), Err(SessionError::InvalidVersion(1)));
    }
}
