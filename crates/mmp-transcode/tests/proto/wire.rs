//! Protobuf's wire format by hand, and the methods that the tests send it through.

use mmp_transcode::generated::{api_by_name, hook_by_name};
use mmp_transcode::{Error, proto};

use crate::support::frame::Frame;

/// A varint.
pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A field of wire type 0.
pub(crate) fn number(field: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(field) << 3), varint(value)].concat()
}

/// A field of wire type 1.
pub(crate) fn double(field: u32, value: f64) -> Vec<u8> {
    [varint(u64::from(field) << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

/// A field of wire type 2.
pub(crate) fn bytes(field: u32, contents: impl AsRef<[u8]>) -> Vec<u8> {
    let contents = contents.as_ref();
    [varint(u64::from(field) << 3 | 2), varint(contents.len() as u64), contents.to_vec()].concat()
}

/// A field that is a message of these fields.
pub(crate) fn message(field: u32, fields: &[Vec<u8>]) -> Vec<u8> {
    bytes(field, fields.concat())
}

/// The field's number of a struct's key.
pub(crate) fn tag(schema: &mmp_transcode::schema::Struct, key: &str) -> u32 {
    schema.fields.iter().find(|field| field.key == key).expect("a field").tag
}

/// The arguments of an API method that a request holds.
pub(crate) fn called(method: &str, request: &[u8]) -> Result<Vec<Frame>, Error> {
    let mut out = Vec::new();
    proto::args_from_proto(api_by_name(method).expect("a method"), request, &mut out)?;
    let Frame::List(arguments) = Frame::parse(&out) else { panic!("arguments are a list") };
    Ok(arguments)
}

/// The results of a hook that a response holds; none if it is neutral.
pub(crate) fn answered(hook: &str, response: &[u8]) -> Result<Option<Frame>, Error> {
    let mut out = Vec::new();
    proto::results_from_proto(hook_by_name(hook).expect("a hook"), response, &mut out)?;
    Ok((!out.is_empty()).then(|| Frame::parse(&out)))
}

/// The request of an API method with these arguments.
pub(crate) fn request(method: &str, arguments: &[Frame]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let payload = Frame::List(arguments.to_vec()).bytes();
    proto::args_to_proto(api_by_name(method).expect("a method"), &payload, &mut out)?;
    Ok(out)
}
