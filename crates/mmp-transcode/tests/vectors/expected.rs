//! What a golden value looks like in a frame: an independent reading of section 7 of the frame protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mmp_transcode::generated::REGISTERED;
use mmp_transcode::schema::{Kind, Slot, Struct};
use serde_json::Value as Json;

use crate::same::unix_time;
use crate::support::frame::Frame;

/// The array of arguments or results.
pub(crate) fn positions(schema: &Struct, slots: &[Slot], value: &Json) -> Frame {
    let one = |slot: &Slot| position(&slot.kind, &value[schema.fields[usize::from(slot.field)].go]);
    Frame::List(slots.iter().map(one).collect())
}

/// A value that is always there, and zero where the golden value says nothing.
fn position(kind: &Kind, value: &Json) -> Frame {
    if !value.is_null() {
        return frame(kind, value);
    }
    match kind {
        Kind::Bool => Frame::Bool(false),
        Kind::Int(_) | Kind::Uint(_) => Frame::Int(0),
        Kind::Float(_) => Frame::float(0.0),
        Kind::String | Kind::Url => Frame::str(""),
        Kind::List(_) => Frame::List(Vec::new()),
        Kind::Map(..) => Frame::Map(Vec::new()),
        Kind::Struct(schema) => structure(schema, &Json::Object(serde_json::Map::new())),
        Kind::Bytes | Kind::Json | Kind::Time | Kind::Any | Kind::Error | Kind::Ptr(_) => Frame::Nil,
    }
}

/// The map of an error result.
pub(crate) fn error(kind: &Kind, value: &Json) -> Frame {
    match kind {
        Kind::Error => interface(value),
        kind => app_error(frame(kind, value)),
    }
}

fn frame(kind: &Kind, value: &Json) -> Frame {
    if value.is_null() {
        return position(kind, value);
    }
    match kind {
        Kind::Ptr(inner) => frame(inner, value),
        Kind::Bool => Frame::Bool(value.as_bool().expect("a bool")),
        Kind::Int(_) => Frame::Int(value.as_i64().expect("an integer").into()),
        Kind::Uint(_) => Frame::Int(value.as_u64().expect("an unsigned integer").into()),
        Kind::Float(_) => Frame::float(value.as_f64().expect("a float")),
        Kind::String => Frame::str(value.as_str().expect("a string")),
        Kind::Bytes => Frame::Bin(bytes(value)),
        Kind::Json => json_text(&bytes(value)),
        Kind::Time => {
            let (seconds, nanos) = unix_time(value);
            Frame::Time(seconds, nanos)
        }
        Kind::Url => Frame::str(value["$string"].as_str().expect("a URL")),
        Kind::Any | Kind::Error => interface(value),
        Kind::Struct(schema) => structure(schema, value),
        // Gob has one form for nil and empty bytes; it is left out in a field, but not in a list.
        Kind::List(Kind::Bytes) => {
            let item = |value: &Json| if value.is_null() { Vec::new() } else { bytes(value) };
            Frame::List(value.as_array().expect("a list").iter().map(|v| Frame::Bin(item(v))).collect())
        }
        Kind::List(item) => Frame::List(value.as_array().expect("a list").iter().map(|v| frame(item, v)).collect()),
        Kind::Map(_, item) => {
            let entries = value.as_object().expect("a map").iter();
            Frame::Map(entries.map(|(key, v)| (key.clone(), frame(item, v))).collect())
        }
    }
}

fn structure(schema: &Struct, value: &Json) -> Frame {
    let fields = value.as_object().expect("a struct");
    let mut entries = Vec::new();
    for field in schema.fields {
        // Gob never leaves out a struct that is no pointer.
        let always = matches!(field.kind, Kind::Struct(inner) if !inner.fields.is_empty());
        let value = match fields.get(field.go) {
            Some(value) => value,
            None if always => &Json::Null,
            None => continue,
        };
        match (field.embedded, frame(&field.kind, value)) {
            (true, Frame::Map(inner)) => entries.extend(inner),
            (_, frame) => {
                entries.push((field.key.to_owned(), frame));
            }
        }
    }
    let known = |name: &String| schema.fields.iter().any(|field| field.go == name);
    assert!(fields.keys().all(known), "{} lacks one of {:?}", schema.name, fields.keys());
    Frame::Map(entries)
}

pub(crate) fn interface(value: &Json) -> Frame {
    if value.is_null() {
        return Frame::Nil;
    }
    let contents = &value["$value"];
    match value["$type"].as_str().expect("a type") {
        "bool" | "string" | "nil" => json(contents),
        "int" | "int64" => Frame::Int(contents.as_i64().expect("an integer").into()),
        "float64" => Frame::float(contents.as_f64().expect("a float")),
        "[]interface {}" if contents.is_null() => Frame::List(Vec::new()),
        "[]interface {}" => Frame::List(contents.as_array().expect("a list").iter().map(interface).collect()),
        "map[string]interface {}" => {
            let entries = contents.as_object().expect("a map").iter();
            Frame::Map(entries.map(|(key, value)| (key.clone(), interface(value))).collect())
        }
        "*model.AppError" => app_error(registered("*model.AppError", contents)),
        "*plugin.ErrorString" => {
            let mut error = Frame::map([("kind", Frame::str("error"))]);
            if let Some(text) = contents["Err"].as_str() {
                *error.at("message") = Frame::str(text);
            }
            if let Some(code) = contents["Code"].as_i64() {
                *error.at("code") = Frame::Int(code.into());
            }
            error
        }
        "[]*model.MessageAttachment" => registered("[]*model.SlackAttachment", contents),
        other => panic!("what is a {other}?"),
    }
}

fn registered(name: &str, value: &Json) -> Frame {
    let (_, kind) = REGISTERED.iter().find(|(known, _)| *known == name).expect("a registered name");
    frame(kind, value)
}

fn app_error(mut frame: Frame) -> Frame {
    *frame.at("kind") = Frame::str("app");
    frame
}

fn json_text(text: &[u8]) -> Frame {
    serde_json::from_slice(text).map_or_else(|_| Frame::Bin(text.to_vec()), |value| json(&value))
}

fn json(value: &Json) -> Frame {
    match value {
        Json::Null => Frame::Nil,
        Json::Bool(value) => Frame::Bool(*value),
        Json::String(text) => Frame::str(text),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Frame::Int(value.into()),
            (None, Some(value)) => Frame::Int(value.into()),
            (None, None) => Frame::float(number.as_f64().expect("a float")),
        },
        Json::Array(items) => Frame::List(items.iter().map(json).collect()),
        Json::Object(entries) => Frame::Map(entries.iter().map(|(key, v)| (key.clone(), json(v))).collect()),
    }
}

fn bytes(value: &Json) -> Vec<u8> {
    BASE64.decode(value["$bytes"].as_str().expect("bytes")).expect("base64")
}
