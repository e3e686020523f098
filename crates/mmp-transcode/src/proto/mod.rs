//! Frames to protobuf and protobuf to frames, by the same tables as gob: `docs/reference/frames.md`, section 7, and the files in `proto/`.
//!
//! Both ways are one pass without structs in between. What is written from protobuf is canonical, as if the bridge had written it: the echo of a hook compares
//! bytes. Everything is appended to `out`; after an error, what has been appended means nothing.
//!
//! A frame does not tell an embedded struct from the struct that holds it, and protobuf does; a pointer to an embedded struct is nil if none of its fields is there.

mod decode;
mod encode;
mod streams;
mod tables;
mod wire;

use crate::error::Error;
use crate::generated::types::APP_ERROR;
use crate::msgpack::{Reader, Token};
use crate::schema::{Method, Slot, Struct};
use encode::Unknown;

pub use streams::{http_start_to_proto, response_head_from_proto, response_head_to_proto};
pub use wire::Malformed;

/// Appends the arguments of `method`, a frame's array, as its request.
///
/// # Errors
/// If the payload is not MessagePack, or does not fit the schema.
pub fn args_to_proto(method: &Method, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    slots_to_proto(method.args, payload, out)
}

/// Appends the request of `method` as the array of its arguments, none of which is left out.
///
/// # Errors
/// If the message is not protobuf, or does not fit the schema.
pub fn args_from_proto(method: &Method, message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    slots_from_proto(method.args, message, out)
}

/// Appends the results of `method`, a frame's array, as its response. A payload without a byte, the answer of a method without results, is an empty message.
///
/// # Errors
/// As [`args_to_proto`].
pub fn results_to_proto(method: &Method, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    if payload.is_empty() { Ok(()) } else { slots_to_proto(method.results, payload, out) }
}

/// Appends the response of `method` as the array of its results. An empty message writes nothing: the neutral answer of a hook.
///
/// # Errors
/// As [`args_from_proto`].
pub fn results_from_proto(method: &Method, message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    if message.is_empty() { Ok(()) } else { slots_from_proto(method.results, message, out) }
}

/// Appends an array whose items are described by `slots` as a message.
///
/// # Errors
/// As [`args_to_proto`].
pub fn slots_to_proto(slots: &[Slot], payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    encode::positions(slots, payload, out)
}

/// Appends a message as an array of all that `slots` describe.
///
/// # Errors
/// As [`args_from_proto`].
pub fn slots_from_proto(slots: &[Slot], message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    decode::decode(message, |decoder, message| decoder.positions(slots, message, out))
}

/// Appends a struct, a frame's map, as a message.
///
/// # Errors
/// As [`args_to_proto`].
pub fn struct_to_proto(schema: &Struct, map: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut reader = Reader::new(map);
    match reader.token()? {
        Token::Map(count) => encode::structure(schema, count, Unknown::Refuse, &mut reader, out, 0)?,
        other => return Err(Error::expected("a struct", other.name())),
    }
    encode::at_end(&reader)
}

/// Appends a message as a map.
///
/// # Errors
/// As [`args_from_proto`].
pub fn struct_from_proto(schema: &Struct, message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    decode::decode(message, |decoder, message| decoder.structure(schema, message, out, 0))
}

/// Appends any value as a `Value`.
///
/// # Errors
/// As [`args_to_proto`].
pub fn value_to_proto(value: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    encode::value(value, out)
}

/// Appends what a `Value` holds.
///
/// # Errors
/// As [`args_from_proto`].
pub fn value_from_proto(message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    decode::decode(message, |decoder, message| decoder.contents(message, out, 0).map(|_| ()))
}

/// Appends the map of an error of kind `app` (section 6 of the frame protocol) as an `AppError`. Keys that it does not have (`kind`, `code`) are passed over.
///
/// # Errors
/// As [`args_to_proto`].
pub fn app_error_to_proto(map: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    encode::app_error(map, out)
}

/// Appends the map of an error of kind `error` as a `GoError`. Keys that it does not have are passed over.
///
/// # Errors
/// As [`args_to_proto`].
pub fn go_error_to_proto(map: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    encode::go_error(map, out)
}

/// Appends an `AppError` as a map; `with_kind` puts `"kind": "app"` before its fields.
///
/// # Errors
/// As [`args_from_proto`].
pub fn app_error_from_proto(message: &[u8], with_kind: bool, out: &mut Vec<u8>) -> Result<(), Error> {
    if !with_kind {
        return struct_from_proto(&APP_ERROR, message, out);
    }
    decode::decode(message, |decoder, message| decoder.error_map(&APP_ERROR, "app", message, out, 0))
}
