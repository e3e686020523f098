//! Protobuf and MessagePack by hand, as far as the tests need them.

use bytes::Bytes;
use mmp_transcode::msgpack;
use prost::Message as _;

/// A message with a text or bytes in field 1 and bytes in field 2.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Pair {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) one: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) two: Bytes,
}

impl Pair {
    /// The message's bytes.
    pub(crate) fn of(one: impl Into<Bytes>, two: impl Into<Bytes>) -> Bytes {
        Pair { one: one.into(), two: two.into() }.encode_to_vec().into()
    }
}

/// A message of a streamed call that begins it.
pub(crate) fn start(arguments: impl Into<Bytes>) -> Bytes {
    field(1, arguments.into())
}

/// A message of a streamed call with bytes.
pub(crate) fn data(bytes: impl Into<Bytes>) -> Bytes {
    field(2, bytes.into())
}

/// A message of a streamed call that ends its body; with a text, because it was broken off.
pub(crate) fn end(error: &str) -> Bytes {
    let end = if error.is_empty() { Bytes::new() } else { field(1, Bytes::copy_from_slice(error.as_bytes())) };
    field(3, end)
}

/// A message with this one field of bytes.
pub(crate) fn field(number: u32, bytes: Bytes) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len() + 16);
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut out);
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(&bytes);
    out.into()
}

/// Reads a message of one field of bytes: its number and the bytes.
pub(crate) fn only_field(mut message: Bytes) -> (u32, Bytes) {
    let (number, wire) = prost::encoding::decode_key(&mut message).expect("a key");
    assert_eq!(wire, prost::encoding::WireType::LengthDelimited);
    let len = prost::encoding::decode_varint(&mut message).expect("a length");
    assert_eq!(len as usize, message.len(), "nothing follows");
    (number, message)
}

/// The payload of API_ERROR.
pub(crate) fn api_error(kind: &str, message: &str, status: i64) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::put_map_len(&mut out, 4);
    for (key, value) in [("kind", kind), ("id", "app.some.id"), ("message", message)] {
        msgpack::put_str(&mut out, key);
        msgpack::put_str(&mut out, value);
    }
    msgpack::put_str(&mut out, "status_code");
    msgpack::put_int(&mut out, status);
    out
}

/// A payload of one value of bytes in an array.
pub(crate) fn array_of_bin(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 16);
    msgpack::put_array_len(&mut out, 1);
    msgpack::put_bin(&mut out, bytes);
    out
}
