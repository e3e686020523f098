//! What every value of a frame must be that the bridge writes: one canonical MessagePack value, its strings UTF-8.

use mmp_transcode::msgpack::{self, Reader, Token};

/// Checks a payload: an array of `count` items.
pub fn check_array(payload: &[u8], count: usize) {
    check(payload);
    assert_eq!(Reader::new(payload).token(), Ok(Token::Array(count)), "positions are never left out");
}

/// Checks a value, which has to be all of the bytes.
pub fn check(value: &[u8]) {
    assert_eq!(rewritten(value), value, "the value is not canonical");
}

/// The value written again.
fn rewritten(value: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(value);
    let mut out = Vec::with_capacity(value.len());
    // Values are nested as deeply as the transcoder lets them; a count is enough to walk them.
    let mut left: usize = 1;
    while left > 0 {
        left -= 1;
        match reader.token().expect("a frame that was written can be read") {
            Token::Nil => msgpack::put_nil(&mut out),
            Token::Bool(value) => msgpack::put_bool(&mut out, value),
            Token::Int(value) => msgpack::put_int(&mut out, value),
            Token::Uint(value) => msgpack::put_uint(&mut out, value),
            Token::Float(value) => msgpack::put_f64(&mut out, value),
            Token::Str(text) => msgpack::put_str(&mut out, std::str::from_utf8(text).expect("UTF-8")),
            Token::Bin(bytes) => msgpack::put_bin(&mut out, bytes),
            Token::Timestamp(seconds, nanos) => msgpack::put_timestamp(&mut out, seconds, nanos),
            Token::Ext(kind, _) => panic!("extension {kind}"),
            Token::Array(count) => {
                msgpack::put_array_len(&mut out, count);
                left += count;
            }
            Token::Map(count) => {
                msgpack::put_map_len(&mut out, count);
                left += 2 * count;
            }
        }
    }
    assert!(reader.is_empty(), "bytes follow the value");
    out
}
