//! Whether a gob value, read without a schema, is what the golden value states.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mmp_gob::Value;
use mmp_transcode::generated::REGISTERED;
use mmp_transcode::schema::{Kind, Struct};
use serde_json::Value as Json;

use crate::expected;
use crate::support::frame::Frame;

/// Compares a struct; the error says where they differ.
pub(crate) fn same_struct(schema: &Struct, json: &Json, value: &Value) -> Result<(), String> {
    let (Json::Object(wanted), Value::Struct(found)) = (json, value) else {
        return Err(format!("{json} is {value:?}"));
    };
    if let Some((name, value)) = found.fields.iter().find(|(name, _)| schema.fields.iter().all(|f| f.go != &**name)) {
        return Err(format!("there is a field {name}, {value:?}"));
    }
    for field in schema.fields {
        match (wanted.get(field.go), found.get(field.go)) {
            (None, None) => {}
            (Some(json), Some(value)) => {
                // Of the integers, a database takes this one only.
                let integer = if (schema.name, field.go) == ("NamedValue", "Value") { "int64" } else { "int" };
                let is = match field.kind {
                    Kind::Any => same_interface(json, value, integer),
                    _ => same(&field.kind, json, value),
                };
                is.map_err(|e| format!("{}.{e}", field.go))?;
            }
            // Nil and empty maps are the same; an embedded struct has no place in a frame where it could be told from nil.
            (Some(json), None) if matches!(field.kind, Kind::Map(..)) || field.embedded => {
                if json.as_object().is_none_or(|fields| !fields.is_empty()) {
                    return Err(format!("{} is missing", field.go));
                }
            }
            (Some(_), None) => return Err(format!("{} is missing", field.go)),
            // Gob never leaves out a struct that is no pointer.
            (None, Some(value)) => match &field.kind {
                Kind::Struct(inner) => same_struct(inner, &Json::Object(serde_json::Map::new()), value)?,
                _ => return Err(format!("{} is {value:?}", field.go)),
            },
        }
    }
    Ok(())
}

fn same(kind: &Kind, json: &Json, value: &Value) -> Result<(), String> {
    let is = match (kind, json, value) {
        (Kind::Ptr(inner), ..) => return same(inner, json, value),
        (Kind::Struct(schema), ..) => return same_struct(schema, json, value),
        (Kind::Any | Kind::Error, ..) => return same_interface(json, value, "int"),
        (Kind::Bool, Json::Bool(a), Value::Bool(b)) => a == b,
        (Kind::Int(_), Json::Number(a), Value::Int(b)) => a.as_i64() == Some(*b),
        (Kind::Uint(_), Json::Number(a), Value::Uint(b)) => a.as_u64() == Some(*b),
        (Kind::Float(_), Json::Number(a), Value::Float(b)) => a.as_f64() == Some(*b),
        (Kind::String, Json::String(a), Value::String(b)) => a.as_bytes() == b.as_bytes(),
        (Kind::Bytes | Kind::Json, Json::Object(a), Value::Bytes(b)) => {
            a["$bytes"].as_str() == Some(&BASE64.encode(b.as_bytes()))
        }
        (Kind::Url, Json::Object(a), Value::Opaque(b)) => {
            a["$string"].as_str().map(str::as_bytes) == Some(b.as_bytes())
        }
        (Kind::Time, Json::Object(_), Value::Opaque(b)) => b.as_bytes() == marshalled_time(json),
        // Nil and empty bytes are the same, and so are lists.
        (Kind::Bytes, Json::Null, Value::Bytes(b)) => b.as_bytes().is_empty(),
        (Kind::List(_), Json::Null, Value::List(b)) => b.is_empty(),
        (Kind::List(item), Json::Array(a), Value::List(b)) if a.len() == b.len() => {
            return a.iter().zip(b).try_for_each(|(a, b)| same(item, a, b));
        }
        (Kind::Map(_, item), Json::Object(a), Value::Map(b)) if a.len() == b.len() => {
            return b.iter().try_for_each(|(key, b)| same(item, entry(a, key)?, b));
        }
        (Kind::Map(..), Json::Null, Value::Map(b)) => b.is_empty(),
        _ => false,
    };
    if is { Ok(()) } else { Err(format!("{json} is {value:?}")) }
}

/// A frame does not tell the widths of integers; they arrive as `integer`.
fn same_interface(json: &Json, value: &Value, integer: &str) -> Result<(), String> {
    let Value::Interface(interface) = value else {
        return if json.is_null() && *value == Value::Nil { Ok(()) } else { Err(format!("{json} is {value:?}")) };
    };
    let name = String::from_utf8_lossy(interface.name.as_bytes()).into_owned();
    let wanted = match json["$type"].as_str() {
        Some("[]*model.MessageAttachment") => "[]*model.SlackAttachment",
        Some("int" | "int64") => integer,
        other => other.unwrap_or_default(),
    };
    if name == wanted
        && let Some((_, kind)) = REGISTERED.iter().find(|(known, _)| *known == name)
    {
        return same(kind, &json["$value"], &interface.value);
    }
    // Attachments that are not in their place in a post's props arrive as what they look like.
    if name != wanted && (name.as_str(), wanted) != ("[]interface {}", "[]*model.SlackAttachment") {
        return Err(format!("{json} has the type {name}"));
    }
    let (found, wanted) = (plain(value)?.sorted(), expected::interface(json).sorted());
    if found == wanted { Ok(()) } else { Err(format!("{wanted:?} is {found:?}")) }
}

/// The frame of a value that is made of the types of JSON.
fn plain(value: &Value) -> Result<Frame, String> {
    Ok(match value {
        Value::Nil => Frame::Nil,
        Value::Bool(value) => Frame::Bool(*value),
        Value::Int(value) => Frame::Int((*value).into()),
        Value::Float(value) => Frame::float(*value),
        Value::String(text) => Frame::str(&String::from_utf8_lossy(text.as_bytes())),
        Value::List(items) => Frame::List(items.iter().map(plain).collect::<Result<_, _>>()?),
        Value::Map(entries) => {
            let mut map = Vec::new();
            for (key, value) in entries {
                let Frame::Str(key) = plain(key)? else { return Err(format!("{key:?} is a key")) };
                map.push((key, plain(value)?));
            }
            Frame::Map(map)
        }
        Value::Interface(interface) => plain(&interface.value)?,
        other => return Err(format!("{other:?} is not plain")),
    })
}

fn entry<'a>(map: &'a serde_json::Map<String, Json>, key: &Value) -> Result<&'a Json, String> {
    let Value::String(key) = key else { return Err(format!("{key:?} is a key")) };
    let key = std::str::from_utf8(key.as_bytes()).map_err(|error| error.to_string())?;
    map.get(key).ok_or_else(|| format!("there is a key {key:?}"))
}

fn marshalled_time(json: &Json) -> Vec<u8> {
    let (seconds, nanos) = unix_time(json);
    let mut bytes = vec![1];
    bytes.extend((seconds + SECONDS_TO_1970).to_be_bytes());
    bytes.extend(nanos.to_be_bytes());
    bytes.extend([0xff, 0xff]);
    bytes
}

/// From January 1 of the year 1.
const SECONDS_TO_1970: i64 = 62_135_596_800;

/// The instant of a golden value: `{"$time": RFC 3339}`, or `{"$binary": what MarshalBinary returned}`.
pub(crate) fn unix_time(json: &Json) -> (i64, u32) {
    if let Some(binary) = json["$binary"].as_str() {
        let bytes = BASE64.decode(binary).expect("base64");
        let seconds = i64::from_be_bytes(bytes[1..9].try_into().expect("8 bytes"));
        return (seconds - SECONDS_TO_1970, u32::from_be_bytes(bytes[9..13].try_into().expect("4 bytes")));
    }
    let text = json["$time"].as_str().expect("a time").strip_suffix('Z').expect("UTC");
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().expect("digits");
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (year, month) = (number(0, 4), number(5, 7));
    let mut days: i64 = (1..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    days += lengths[..month as usize - 1].iter().sum::<i64>() + number(8, 10) - 1;
    let seconds = days * 86_400 + number(11, 13) * 3600 + number(14, 16) * 60 + number(17, 19) - SECONDS_TO_1970;
    let fraction = text.get(20..).unwrap_or("");
    (seconds, format!("{fraction:0<9}").parse().expect("a fraction"))
}
