//! The few gob messages that net/rpc itself sends.

use std::sync::LazyLock;

use mmp_gob::varint::{put_bytes, put_int, put_uint, uint_len};
use mmp_gob::{TypeId, WireField, WireType, ids};

/// The id under which this side defines its `Request` or `Response`. A stream's sender chooses its ids freely; bodies may use all but these two,
/// and encoders that count up from 64 never get here.
pub const HEAD_TYPE: TypeId = 0x3F00;
/// The id under which this side defines `struct{}`, the body of an error reply.
pub const EMPTY_TYPE: TypeId = 0x3F01;

/// The definition of `Request{ServiceMethod string; Seq uint64}`.
pub(super) static REQUEST_DEFINITION: LazyLock<Vec<u8>> =
    LazyLock::new(|| head_definition("Request", &[("ServiceMethod", ids::STRING), ("Seq", ids::UINT)]));

/// The definition of `Response{ServiceMethod string; Seq uint64; Error string}`.
pub(super) static RESPONSE_DEFINITION: LazyLock<Vec<u8>> = LazyLock::new(|| {
    head_definition("Response", &[("ServiceMethod", ids::STRING), ("Seq", ids::UINT), ("Error", ids::STRING)])
});

static EMPTY_DEFINITION: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let empty = WireType::Struct { name: "".into(), fields: [].into() };
    let mut out = Vec::new();
    empty.put_definition(EMPTY_TYPE, &mut out);
    out
});

fn head_definition(name: &str, fields: &[(&str, TypeId)]) -> Vec<u8> {
    let fields = fields.iter().map(|&(name, id)| WireField { name: name.into(), id }).collect();
    let mut out = Vec::new();
    WireType::Struct { name: name.into(), fields }.put_definition(HEAD_TYPE, &mut out);
    out
}

/// Appends one gob message: the length of what `content` appends, and that.
pub fn put_message(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.push(0);
    content(out);
    let length = out.len().saturating_sub(start + 1);
    if uint_len(length as u64) > 1 {
        let mut prefix = Vec::new();
        put_uint(&mut prefix, length as u64);
        out.splice(start..=start, prefix);
    } else if let Some(first) = out.get_mut(start) {
        *first = u8::try_from(length).unwrap_or_default();
    }
}

/// Appends a message with an unsigned integer.
pub fn put_uint_value(out: &mut Vec<u8>, value: u64) {
    put_message(out, |out| {
        put_int(out, i64::from(ids::UINT));
        out.push(0); // A value that is not a struct begins with a zero delta.
        put_uint(out, value);
    });
}

/// Appends an empty struct, with its definition unless the stream has it already.
pub fn put_empty(out: &mut Vec<u8>, defined: &mut bool) {
    if !*defined {
        out.extend_from_slice(&EMPTY_DEFINITION);
        *defined = true;
    }
    put_message(out, |out| {
        put_int(out, i64::from(EMPTY_TYPE));
        out.push(0);
    });
}

/// Appends the value of a `Request` or, with a third field, `Response`; zero fields are left out as Go does.
pub(super) fn put_head(out: &mut Vec<u8>, method: &str, seq: u64, error: &str) {
    put_message(out, |out| {
        put_int(out, i64::from(HEAD_TYPE));
        let mut previous = 0;
        if !method.is_empty() {
            put_uint(out, 1);
            put_bytes(out, method.as_bytes());
            previous = 1;
        }
        if seq != 0 {
            put_uint(out, 2 - previous);
            put_uint(out, seq);
            previous = 2;
        }
        if !error.is_empty() {
            put_uint(out, 3 - previous);
            put_bytes(out, error.as_bytes());
        }
        out.push(0);
    });
}
