//! `json.RawMessage`: JSON text on Go's side, a value in frames.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::msgpack::{self, Reader, Token};

/// Writes JSON text as MessagePack, in the order of the text. What is not JSON is written as bytes, so nothing is lost.
pub(crate) fn to_msgpack(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut json = serde_json::Deserializer::from_slice(text);
    let done = Sink { out }.deserialize(&mut json).and_then(|()| json.end());
    if done.is_err() {
        out.truncate(start);
        msgpack::put_bin(out, text);
    }
}

/// Appends a value as JSON text. Bytes are taken as they are, and nil is no text at all: Go's nil message, not the text `null`.
pub(crate) fn from_msgpack(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    let start = reader.clone();
    match reader.token()? {
        Token::Nil => {}
        Token::Bin(bytes) => out.extend_from_slice(bytes),
        _ => {
            *reader = start;
            put_value(reader, out, depth)?;
        }
    }
    Ok(())
}

fn put_value(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    check_depth(depth)?;
    match reader.token()? {
        Token::Nil => out.extend_from_slice(b"null"),
        Token::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Token::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Token::Uint(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Token::Float(value) => put_float(value, out)?,
        Token::Str(bytes) => put_string(bytes, out),
        Token::Array(count) => {
            out.push(b'[');
            for index in 0..count {
                if index > 0 {
                    out.push(b',');
                }
                put_value(reader, out, depth + 1)?;
            }
            out.push(b']');
        }
        Token::Map(count) => {
            out.push(b'{');
            for index in 0..count {
                if index > 0 {
                    out.push(b',');
                }
                match reader.token()? {
                    Token::Str(key) => put_string(key, out),
                    other => return Err(Error::expected("a string as key", other.name())),
                }
                out.push(b':');
                put_value(reader, out, depth + 1)?;
            }
            out.push(b'}');
        }
        other => return Err(Error::expected("a JSON value", other.name())),
    }
    Ok(())
}

fn put_string(bytes: &[u8], out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(bytes);
    // Writing a string into a vector cannot fail.
    let _ = serde_json::to_writer(out, &*text);
}

fn put_float(value: f64, out: &mut Vec<u8>) -> Result<(), Error> {
    if !value.is_finite() {
        return Err(Error::invalid(Problem::Type { expected: "a JSON number", found: "infinity or NaN" }));
    }
    let _ = serde_json::to_writer(out, &value);
    Ok(())
}

/// Receives JSON from serde and writes MessagePack.
struct Sink<'o> {
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Sink<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Sink<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        msgpack::put_nil(self.out);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        msgpack::put_bool(self.out, value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        msgpack::put_int(self.out, value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        msgpack::put_uint(self.out, value);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        msgpack::put_f64(self.out, value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        msgpack::put_str(self.out, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut body = Vec::new();
        let mut count = 0;
        while items.next_element_seed(Sink { out: &mut body })?.is_some() {
            count += 1;
        }
        msgpack::put_array_len(self.out, count);
        self.out.extend_from_slice(&body);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mark = msgpack::begin_map(self.out);
        let mut count: usize = 0;
        while entries.next_key_seed(Sink { out: self.out })?.is_some() {
            entries.next_value_seed(Sink { out: self.out })?;
            count = count.checked_add(1).ok_or_else(|| A::Error::custom("too many entries"))?;
        }
        msgpack::end_map(self.out, mark, count);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(json: &str) -> String {
        let mut frame = Vec::new();
        to_msgpack(json.as_bytes(), &mut frame);
        let mut text = Vec::new();
        from_msgpack(&mut Reader::new(&frame), &mut text, 0).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn json_values_survive_both_ways() {
        for json in [
            "[]",
            r#"{"b":1,"a":[true,false,null,-1,1.5,"x\"\n"]}"#,
            "18446744073709551615",
            "9007199254740993",
            "1.0",
            "0.30000000000000004",
            "1.7976931348623157e+308",
        ] {
            assert_eq!(back(json), json);
        }
    }

    #[test]
    fn what_is_not_json_is_kept_as_bytes() {
        assert_eq!(back("{broken"), "{broken");
        assert_eq!(back(""), "");
    }
}
