//! Frames: a 12-byte header and a payload (`docs/reference/frames.md`, section 2).

/// Where the kind stands in a frame.
pub const KIND_AT: usize = 4;

/// Where the flags stand in a frame.
const FLAGS_AT: usize = 5;

/// The length of a header in bytes.
pub const HEADER: usize = 12;

/// The largest payload that either side may send.
pub const MAX_PAYLOAD: usize = 256 * 1024 * 1024;

/// What a frame is. The numbers are part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Worker: the first frame of every connection.
    Hello = 0x01,
    /// Bridge: the answer to it.
    Welcome = 0x02,
    /// Bridge: the other answer to it.
    Refused = 0x03,
    /// Worker: the plugin is loaded.
    Ready = 0x04,
    /// Worker: the plugin could not be loaded.
    Failed = 0x05,
    /// Worker: a line for the server's log.
    Log = 0x06,
    /// Bridge: open more `sync` connections.
    Open = 0x07,
    /// Bridge: finish and exit.
    Stop = 0x08,
    /// Bridge: is the worker well?
    Ping = 0x09,
    /// Worker: how it is.
    Pong = 0x0a,
    /// Bridge: a hook is called.
    Hook = 0x10,
    /// Worker: its results.
    HookReply = 0x11,
    /// Worker: its handler failed.
    HookError = 0x12,
    /// Worker: an API method is called.
    ApiCall = 0x18,
    /// Bridge: its results.
    ApiReply = 0x19,
    /// Bridge: its error.
    ApiError = 0x1a,
    /// Both: an answer is no longer wanted.
    Cancel = 0x1f,
    /// Both: bytes of a stream.
    Data = 0x20,
    /// Both: how many more bytes of a stream its receiver takes.
    Credit = 0x21,
    /// Both: a stream is complete, or was broken off.
    End = 0x22,
    /// Worker: status and headers of an HTTP response.
    Head = 0x23,
    /// Worker: take the HTTP connection over.
    Hijack = 0x24,
    /// Bridge: whether that was done.
    Hijacked = 0x25,
    /// Worker: a deadline of a connection that was taken over.
    Deadline = 0x26,
}

impl Kind {
    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Kind> {
        const ALL: [Kind; 24] = [
            Kind::Hello,
            Kind::Welcome,
            Kind::Refused,
            Kind::Ready,
            Kind::Failed,
            Kind::Log,
            Kind::Open,
            Kind::Stop,
            Kind::Ping,
            Kind::Pong,
            Kind::Hook,
            Kind::HookReply,
            Kind::HookError,
            Kind::ApiCall,
            Kind::ApiReply,
            Kind::ApiError,
            Kind::Cancel,
            Kind::Data,
            Kind::Credit,
            Kind::End,
            Kind::Head,
            Kind::Hijack,
            Kind::Hijacked,
            Kind::Deadline,
        ];
        ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The length of the payload in bytes.
    pub len: usize,
    /// What the frame is.
    pub kind: Kind,
    /// Flags; see [`OF_API`] and those after it.
    pub flags: u8,
    /// The hook or API method.
    pub method: u16,
    /// The id of the request.
    pub id: u32,
}

/// The flag of a CANCEL, and of the frames of a stream, whose id is that of an API call, not of a hook.
pub const OF_API: u8 = 0x01;

/// The flag of an API_CALL that a stream to the bridge follows.
pub const BODY: u8 = 0x02;

/// The flag of a DATA: what was sent so far goes to the HTTP client at once.
pub const FLUSH: u8 = 0x02;

/// The flag of a DATA on a connection that was taken over: it goes through the server's write buffer.
pub const BUFFERED: u8 = 0x04;

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// The payload would be longer than [`MAX_PAYLOAD`].
    #[error("a frame of {0} bytes is too long")]
    TooLong(u32),
    /// No frame has this kind.
    #[error("there is no frame of kind {0:#04x}")]
    Kind(u8),
}

impl Header {
    /// Reads a header; None when there are not enough bytes yet.
    ///
    /// # Errors
    /// When the bytes cannot be a header.
    pub fn parse(bytes: &[u8]) -> Result<Option<Header>, BadFrame> {
        let Some(head) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let [l0, l1, l2, l3, kind, flags, m0, m1, i0, i1, i2, i3] = *head;
        let len = u32::from_le_bytes([l0, l1, l2, l3]);
        if len as usize > MAX_PAYLOAD {
            return Err(BadFrame::TooLong(len));
        }
        let kind = Kind::from_number(kind).ok_or(BadFrame::Kind(kind))?;
        let (method, id) = (u16::from_le_bytes([m0, m1]), u32::from_le_bytes([i0, i1, i2, i3]));
        Ok(Some(Header { len: len as usize, kind, flags, method, id }))
    }
}

/// Appends a frame whose payload `body` writes. If it fails, nothing is appended.
///
/// # Errors
/// What `body` returns.
pub fn put_frame<R, E>(
    out: &mut Vec<u8>,
    kind: Kind,
    method: u16,
    id: u32,
    body: impl FnOnce(&mut Vec<u8>) -> Result<R, E>,
) -> Result<R, E> {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind as u8, 0]);
    out.extend_from_slice(&method.to_le_bytes());
    out.extend_from_slice(&id.to_le_bytes());
    let done = body(out);
    if done.is_err() {
        out.truncate(start);
    } else {
        let len = (out.len() - start - HEADER) as u32;
        out[start..start + 4].copy_from_slice(&len.to_le_bytes());
    }
    done
}

/// Appends a frame without a payload.
pub fn put_empty(out: &mut Vec<u8>, kind: Kind, flags: u8, method: u16, id: u32) {
    put_bytes_with(out, kind, flags, method, id, &[]);
}

/// Appends a frame with flags and these bytes as payload.
pub fn put_bytes_with(out: &mut Vec<u8>, kind: Kind, flags: u8, method: u16, id: u32, payload: &[u8]) {
    let start = out.len();
    put_bytes(out, kind, method, id, payload);
    out[start + FLAGS_AT] = flags;
}

/// Appends a frame with these bytes as payload.
pub fn put_bytes(out: &mut Vec<u8>, kind: Kind, method: u16, id: u32, payload: &[u8]) {
    let done: Result<(), std::convert::Infallible> = put_frame(out, kind, method, id, |out| {
        out.extend_from_slice(payload);
        Ok(())
    });
    let Ok(()) = done;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_back() {
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, Kind::Hook, 513, 70_000, b"abc");
        assert_eq!(bytes[..4], [3, 0, 0, 0]);
        let header = Header::parse(&bytes).unwrap().unwrap();
        assert_eq!(header, Header { len: 3, kind: Kind::Hook, flags: 0, method: 513, id: 70_000 });
        assert_eq!(Header::parse(&bytes[..11]), Ok(None));
    }

    #[test]
    fn impossible_headers_are_refused() {
        let mut bytes = [0u8; HEADER];
        assert_eq!(Header::parse(&bytes), Err(BadFrame::Kind(0)));
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Header::parse(&bytes), Err(BadFrame::TooLong(u32::MAX)));
    }

    #[test]
    fn a_payload_that_fails_leaves_nothing() {
        let mut bytes = b"before".to_vec();
        let done: Result<(), &str> = put_frame(&mut bytes, Kind::Hook, 1, 1, |out| {
            out.push(1);
            Err("no")
        });
        assert_eq!(done, Err("no"));
        assert_eq!(bytes, b"before");
    }
}
