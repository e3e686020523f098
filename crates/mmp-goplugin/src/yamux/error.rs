//! Why a session or a stream cannot be used.

use thiserror::Error;

/// Why a session ended. The first one is kept and repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SessionError {
    /// A frame of another protocol version, or bytes that are no frame.
    #[error("invalid protocol version {0}")]
    InvalidVersion(u8),
    /// A frame of an unknown type.
    #[error("invalid msg type {0}")]
    InvalidFrameType(u8),
    /// The peer opened a stream that exists.
    #[error("duplicate stream initiated: {0}")]
    DuplicateStream(u32),
    /// The peer opened a stream with an id of our side.
    #[error("the peer opened stream {0}, an id of this side")]
    WrongParity(u32),
    /// The peer sent more than the stream's window allows.
    #[error("recv window exceeded (stream: {stream}, remain: {window}, recv: {length})")]
    ReceiveWindowExceeded {
        /// The stream.
        stream: u32,
        /// What the peer could have sent.
        window: u32,
        /// What it sent.
        length: u32,
    },
    /// A second FIN on a stream.
    #[error("unexpected flag: FIN on stream {0}")]
    UnexpectedFin(u32),
    /// The peer's go-away says that this side broke the protocol.
    #[error("yamux protocol error reported by the peer")]
    RemoteProtocolError,
    /// The peer's go-away says that it failed.
    #[error("remote yamux internal error")]
    RemoteInternalError,
    /// A go-away with an unknown reason code.
    #[error("unexpected go away received: code {0}")]
    UnexpectedGoAway(u32),
    /// The peer did not answer a ping in time.
    #[error("keepalive timeout")]
    KeepAliveTimeout,
    /// The peer did not acknowledge a stream in time.
    #[error("stream {0} was not acknowledged in time")]
    OpenTimeout(u32),
    /// The connection took no byte for too long.
    #[error("connection write timeout")]
    WriteTimeout,
    /// The connection ended.
    #[error("connection closed by the peer")]
    ConnectionClosed,
    /// Reading or writing the connection failed.
    #[error("connection failed: {0}")]
    ConnectionFailed(String),
    /// This side closed the session.
    #[error("session shutdown")]
    Shutdown,
}

impl SessionError {
    /// Whether the peer is told by a go-away frame; these are the cases in which hashicorp's `handleStreamMessage` sends one.
    pub(super) fn is_reported(&self) -> bool {
        matches!(
            self,
            Self::DuplicateStream(_)
                | Self::WrongParity(_)
                | Self::ReceiveWindowExceeded { .. }
                | Self::UnexpectedFin(_)
        )
    }
}

/// Why a stream cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The session has ended.
    #[error("session shutdown: {0}")]
    Session(SessionError),
    /// The peer accepts no more streams.
    #[error("remote end is not accepting connections")]
    RemoteGoAway,
    /// All stream ids are used up.
    #[error("streams exhausted")]
    StreamsExhausted,
}

/// Why nothing can be sent on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// There is no such stream: it was closed by both sides, was reset, or its session ended.
    #[error("stream does not exist any more")]
    UnknownStream,
    /// This side has closed the stream.
    #[error("stream closed")]
    Closed,
}
