//! Canonical JSON and typed values, by way of frames and gob: what the table of `mmp-transcode` knows of every type need not be said again here.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mmp_gob::{Decoder, Encoder, Gob, Limits, StreamReader, Types};
use mmp_transcode::msgpack::{self, Reader, Token};
use mmp_transcode::schema::Method;
use mmp_transcode::{FromGob, Reply, ToGob};
use serde_json::{Map, Value, json};

/// What went wrong, for the host to show.
pub(crate) type Fault = String;

/// The arguments of a call as the RPC struct.
pub(crate) fn args<A: Gob + Default>(method: &'static Method, args: &[Value]) -> Result<A, Fault> {
    let mut gob = Vec::new();
    ToGob::default().call(method, &frame(args)?, &mut gob).map_err(text)?;
    decode(&gob)
}

/// The results of a hook as the RPC struct.
pub(crate) fn returns<R: Gob + Default>(method: &'static Method, results: &[Value]) -> Result<R, Fault> {
    let mut gob = Vec::new();
    let mut types = Types::new(Limits::default());
    ToGob::default().reply(method, &frame(results)?, None, &mut types, &mut gob).map_err(text)?;
    decode(&gob)
}

/// The results of a call, of the RPC struct.
pub(crate) fn results_of<R: Gob>(method: &'static Method, reply: &R) -> Result<Value, Fault> {
    let frame = through_gob(reply, |transcoder, id, cursor, types, out| {
        match transcoder.results(method, id, cursor, types, out)? {
            Reply::Results => Ok(()),
            Reply::Error => Ok(()),
        }
    })?;
    tree(&mut Reader::new(&frame))
}

/// The arguments of a hook, of the RPC struct.
pub(crate) fn args_of<A: Gob>(method: &'static Method, args: &A) -> Result<Value, Fault> {
    let frame = through_gob(args, |transcoder, id, cursor, types, out| {
        transcoder.args(method, id, cursor, types, out).map(|_| ())
    })?;
    tree(&mut Reader::new(&frame))
}

fn through_gob<T: Gob>(
    value: &T,
    transcode: impl Fn(
        &mut FromGob,
        mmp_gob::TypeId,
        &mut mmp_gob::Cursor<'_>,
        &mut Types,
        &mut Vec<u8>,
    ) -> Result<(), mmp_transcode::Error>,
) -> Result<Vec<u8>, Fault> {
    let mut gob = Vec::new();
    Encoder::new().encode(value, &mut gob).map_err(text)?;
    let mut reader = StreamReader::new(Limits::default());
    reader.push(&gob);
    let mut fault = None;
    let read = reader.next(|id, cursor, types| {
        let mut out = Vec::new();
        match transcode(&mut FromGob::default(), id, cursor, types, &mut out) {
            Ok(()) => Ok(out),
            Err(error) => {
                fault = Some(error.to_string());
                Err(mmp_gob::Error::Truncated)
            }
        }
    });
    match (read, fault) {
        (_, Some(fault)) => Err(fault),
        (Ok(Some(out)), None) => Ok(out),
        (Ok(None), None) => Err("the value is not whole".to_owned()),
        (Err(error), None) => Err(error.to_string()),
    }
}

fn decode<T: Gob + Default>(gob: &[u8]) -> Result<T, Fault> {
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(gob);
    decoder.decode().map_err(text)?.ok_or_else(|| "the value is not whole".to_owned())
}

/// The array of a frame.
fn frame(values: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    msgpack::put_array_len(&mut out, values.len());
    values.iter().try_for_each(|value| put(value, &mut out))?;
    Ok(out)
}

fn put(value: &Value, out: &mut Vec<u8>) -> Result<(), Fault> {
    match value {
        Value::Null => msgpack::put_nil(out),
        Value::Bool(value) => msgpack::put_bool(out, *value),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), ..) => msgpack::put_int(out, value),
            (None, Some(value), _) => msgpack::put_uint(out, value),
            (None, None, value) => msgpack::put_f64(out, value.ok_or("a number is too large")?),
        },
        Value::String(text) => msgpack::put_str(out, text),
        Value::Array(items) => {
            msgpack::put_array_len(out, items.len());
            items.iter().try_for_each(|item| put(item, out))?;
        }
        Value::Object(object) => put_object(object, out)?,
    }
    Ok(())
}

fn put_object(object: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), Fault> {
    if object.len() == 1 {
        if let Some(Value::String(bytes)) = object.get("$bytes") {
            msgpack::put_bin(out, &BASE64_STANDARD.decode(bytes).map_err(text)?);
            return Ok(());
        }
        if let Some(value @ Value::String(_)) = object.get("$time") {
            return put(value, out);
        }
        if let Some(error @ Value::Object(_)) = object.get("$error") {
            return put(error, out);
        }
    }
    msgpack::put_map_len(out, object.len());
    for (key, value) in object {
        msgpack::put_str(out, key);
        put(value, out)?;
    }
    Ok(())
}

/// The tree of a value of a frame. Errors inside structs, which only the driver has, are told by their keys.
fn tree(reader: &mut Reader<'_>) -> Result<Value, Fault> {
    Ok(match reader.token().map_err(|fault| format!("{fault:?}"))? {
        Token::Nil => Value::Null,
        Token::Bool(value) => value.into(),
        Token::Int(value) => value.into(),
        Token::Uint(value) => value.into(),
        Token::Float(value) => value.into(),
        Token::Str(text) => String::from_utf8_lossy(text).into(),
        Token::Bin(bytes) => json!({"$bytes": BASE64_STANDARD.encode(bytes)}),
        Token::Timestamp(seconds, nanos) => json!({"$time": rfc3339(seconds, nanos)}),
        Token::Array(count) => (0..count).map(|_| tree(reader)).collect::<Result<Vec<_>, _>>()?.into(),
        Token::Map(count) => {
            let mut object = Map::new();
            for _ in 0..count {
                let key = match tree(reader)? {
                    Value::String(key) => key,
                    other => return Err(format!("the key {other} is no text")),
                };
                let value = tree(reader)?;
                let is_error = key.ends_with("_error") && value.get("kind").is_some();
                object.insert(key, if is_error { json!({"$error": value}) } else { value });
            }
            object.into()
        }
        Token::Ext(kind, _) => return Err(format!("an extension of the type {kind}")),
    })
}

/// A point in time, in UTC.
fn rfc3339(seconds: i64, nanos: u32) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// The text of an error.
pub(crate) fn text(error: impl std::fmt::Display) -> Fault {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_survive_frames() {
        let value = json!([null, true, 9_007_199_254_740_993_i64, 18_446_744_073_709_551_615_u64, 1.0, "größe",
            {"$bytes": "aGk="}, {"a": [1, {}]}, {"read_error": {"$error": {"kind": "error", "message": "x"}}}]);
        let frame = frame(value.as_array().unwrap()).unwrap();
        assert_eq!(tree(&mut Reader::new(&frame)).unwrap(), value);
    }

    #[test]
    fn times_are_written_as_go_reads_them() {
        assert_eq!(rfc3339(1_709_251_199, 250_000), "2024-02-29T23:59:59.000250000Z");
        assert_eq!(rfc3339(-1, 0), "1969-12-31T23:59:59.000000000Z");
    }
}
