//! Why a call, or a whole connection, failed.

use thiserror::Error;

/// Why a connection cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnError {
    /// The peer closed the connection.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// The peer reset the connection.
    #[error("connection reset")]
    Reset,
    /// What arrived is no gob, or no header where one is due.
    #[error("rpc: cannot decode header: {0}")]
    Malformed(mmp_gob::Error),
    /// The stream under it never came to be.
    #[error("{0}")]
    Broker(crate::broker::BrokerError),
    /// The session under it ended.
    #[error("session shutdown: {0}")]
    Session(crate::yamux::SessionError),
    /// This side closed it, or it had ended before. The text is Go's.
    #[error("connection is shut down")]
    Shutdown,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The peer answered with an error.
    #[error("{0}")]
    Server(String),
    /// The connection ended before the answer came.
    #[error("{0}")]
    Connection(#[from] ConnError),
    /// The answer could not be decoded.
    #[error("reading body {0}")]
    Decode(mmp_gob::Error),
}

impl CallError {
    /// The method that the peer does not have, if that is what it answered.
    pub fn missing_method(&self) -> Option<&str> {
        match self {
            Self::Server(text) => text.strip_prefix("rpc: can't find method "),
            _ => None,
        }
    }
}
