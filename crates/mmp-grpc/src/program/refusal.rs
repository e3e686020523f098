//! Calls that the program has provably not begun, so that they may be sent again.

use std::error::Error;

use tonic::Status;

/// Whether the program's HTTP/2 says that it has not looked at the call: it refused the stream, or it ends the connection in order and names an earlier stream as the last one
/// (RFC 9113, sections 6.8 and 8.7). gRPC libraries send such a call again by themselves.
pub fn not_begun(status: &Status) -> bool {
    status.source().and_then(stream_error).is_some_and(|error| {
        error.is_remote()
            && match error.reason() {
                Some(h2::Reason::REFUSED_STREAM) => error.is_reset(),
                Some(h2::Reason::NO_ERROR) => error.is_go_away(),
                _ => false,
            }
    })
}

/// The error of HTTP/2 among the causes of another.
pub(super) fn stream_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a h2::Error> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref())
}
