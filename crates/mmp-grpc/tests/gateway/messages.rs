//! Protobuf messages, written by hand: what the program of a test sends and gets.

use bytes::Bytes;

/// A field that is a message, a string or bytes.
pub(crate) fn field(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![(tag << 3) | 2];
    prost::encoding::encode_varint(value.len() as u64, &mut out);
    out.extend_from_slice(value);
    out
}

/// A field that is a number or a bool.
pub(crate) fn number(tag: u8, value: u64) -> Vec<u8> {
    let mut out = vec![tag << 3];
    prost::encoding::encode_varint(value, &mut out);
    out
}

/// A message whose only field is another message, string or bytes.
pub(crate) fn one(tag: u8, value: &[u8]) -> Bytes {
    Bytes::from(field(tag, value))
}

/// `ServeHTTPResponse.head`.
pub(crate) fn head(status: u64, name: &str, value: &str) -> Bytes {
    let values = field(1, value.as_bytes());
    let entry = [field(1, name.as_bytes()), field(2, &values)].concat();
    one(1, &[number(1, status), field(2, &entry)].concat())
}

/// `ServeHTTPResponse.data`.
pub(crate) fn data(bytes: &[u8], flush: bool, buffered: bool) -> Bytes {
    one(2, &[field(1, bytes), number(2, flush.into()), number(3, buffered.into())].concat())
}

/// `ServeHTTPResponse.end`, `FileWillBeUploadedResponse.end`.
pub(crate) fn end(error: &str) -> Bytes {
    one(3, &field(1, error.as_bytes()))
}

/// The only field of a message and what it holds.
pub(crate) fn opened(message: &[u8]) -> (u8, Bytes) {
    let mut rest = &message[1..];
    let length = prost::encoding::decode_varint(&mut rest).unwrap();
    assert_eq!((message[0] & 7, length), (2, rest.len() as u64), "{message:x?}");
    (message[0] >> 3, Bytes::copy_from_slice(rest))
}
