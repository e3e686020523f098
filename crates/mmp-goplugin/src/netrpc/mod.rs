//! Go's net/rpc over gob: headers and bodies alternate on one gob stream per direction.
//!
//! The reading halves ([`RequestReader`], [`ResponseReader`]) take bytes as they arrive and hand each body over in place; the writing
//! halves ([`ReplyWriter`], [`CallWriter`]) append to a vector. They are apart so that an answer can be written while a body is being read.

mod client;
mod error;
mod head;
mod message;
mod server;

#[cfg(test)]
mod tests;

use mmp_gob::{Cursor, TypeId, Types};

pub use client::{CallWriter, Response, ResponseReader};
pub use error::{CallError, ConnError};
pub use message::{EMPTY_TYPE, HEAD_TYPE, put_empty, put_message, put_uint_value};
pub use server::{ReplyWriter, RequestHead, RequestOutcome, RequestReader};

/// The argument or result of a call, read in place.
///
/// A body may be split over several gob messages, the later ones not yet here. Reading it then fails with [`mmp_gob::Error::NeedMore`], which the
/// reader of the body must return as it is and without having had a lasting effect: it is called again with the same body when the rest is here.
/// A body that is not read to its end is passed over.
#[derive(Debug)]
pub struct Body<'a, 'b> {
    /// The type of the value on the wire.
    pub type_id: TypeId,
    /// Stands at the value's first byte.
    pub cursor: &'b mut Cursor<'a>,
    /// The types of this direction of the stream.
    pub types: &'b mut Types,
}
