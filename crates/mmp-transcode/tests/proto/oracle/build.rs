//! A frame's value as a message of the other implementation: an independent reading of what the two have in common.

use mmp_transcode::generated::types::APP_ERROR;
use mmp_transcode::schema::{Kind, Slot, Struct};
use prost_reflect::bytes::Bytes;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as Proto, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};

use crate::support::frame::Frame;

/// The arguments or results of a method.
pub(crate) fn positions(message: &MessageDescriptor, slots: &[Slot], values: &[Frame]) -> DynamicMessage {
    let mut built = DynamicMessage::new(message.clone());
    for (slot, value) in slots.iter().zip(values) {
        set(&mut built, slot.tag, &slot.kind, value);
    }
    built
}

/// A struct.
pub(crate) fn structure(message: &MessageDescriptor, schema: &Struct, entries: &[(String, Frame)]) -> DynamicMessage {
    let mut built = DynamicMessage::new(message.clone());
    for field in schema.fields {
        let inner = match &field.kind {
            Kind::Struct(inner) | Kind::Ptr(Kind::Struct(inner)) if field.embedded => inner,
            _ => {
                if let Some((_, value)) = entries.iter().find(|(key, _)| key == field.key) {
                    set(&mut built, field.tag, &field.kind, value);
                }
                continue;
            }
        };
        let of_inner = |(key, _): &&(String, Frame)| inner.fields.iter().any(|field| field.key == *key);
        let inner_entries: Vec<_> = entries.iter().filter(of_inner).cloned().collect();
        if !inner_entries.is_empty() {
            let descriptor = descriptor(&built, field.tag);
            let value = structure(descriptor.kind().as_message().expect("a message"), inner, &inner_entries);
            built.set_field(&descriptor, Value::Message(value));
        }
    }
    built
}

fn descriptor(message: &DynamicMessage, tag: u32) -> FieldDescriptor {
    let descriptor = message.descriptor();
    descriptor.get_field(tag).unwrap_or_else(|| panic!("{} has no field {tag}", descriptor.full_name()))
}

fn set(message: &mut DynamicMessage, tag: u32, kind: &Kind, value: &Frame) {
    let field = descriptor(message, tag);
    let built = field_value(&field, kind, value);
    if let Err(error) = message.try_set_field(&field, built) {
        panic!("{}: {error}", field.full_name());
    }
}

/// A field's value. A pointer to a scalar is `optional`; a pointer to a list has a wrapper.
fn field_value(field: &FieldDescriptor, kind: &Kind, value: &Frame) -> Value {
    match (kind, value) {
        (Kind::List(item), Frame::List(items)) => {
            assert!(field.is_list(), "{}", field.full_name());
            Value::List(items.iter().map(|value| item_value(&field.kind(), item, value)).collect())
        }
        (Kind::Map(_, item), Frame::Map(entries)) => {
            assert!(field.is_map(), "{}", field.full_name());
            let entry = field.kind();
            let target = entry.as_message().expect("an entry").map_entry_value_field().kind();
            let one = |(key, value): &(String, Frame)| (MapKey::String(key.clone()), item_value(&target, item, value));
            Value::Map(entries.iter().map(one).collect())
        }
        (Kind::Ptr(inner), value) => {
            assert!(field.supports_presence(), "{}", field.full_name());
            item_value(&field.kind(), inner, value)
        }
        (kind, value) => item_value(&field.kind(), kind, value),
    }
}

/// A single value, in which a list or map has a wrapper.
fn item_value(target: &Proto, kind: &Kind, value: &Frame) -> Value {
    match (kind, value, target) {
        (Kind::Ptr(inner), value, target) => item_value(target, inner, value),
        (Kind::Bool, Frame::Bool(value), Proto::Bool) => Value::Bool(*value),
        (Kind::Int(64), Frame::Int(value), Proto::Int64) => Value::I64(*value as i64),
        // `ResponseHead` has a status of 32 bits.
        (Kind::Int(_), Frame::Int(value), Proto::Int32) => Value::I32(*value as i32),
        (Kind::Uint(64), Frame::Int(value), Proto::Uint64) => Value::U64(*value as u64),
        (Kind::Uint(8..=32), Frame::Int(value), Proto::Uint32) => Value::U32(*value as u32),
        (Kind::Float(32), Frame::Float(bits), Proto::Float) => Value::F32(f64::from_bits(*bits) as f32),
        (Kind::Float(64), Frame::Float(bits), Proto::Double) => Value::F64(f64::from_bits(*bits)),
        (Kind::String | Kind::Url, Frame::Str(text), Proto::String) => Value::String(text.clone()),
        (Kind::Bytes, Frame::Bin(bytes), Proto::Bytes) => Value::Bytes(Bytes::from(bytes.clone())),
        (Kind::Any | Kind::Json, value, Proto::Message(message)) => Value::Message(any(message, value)),
        (Kind::Time, Frame::Time(seconds, nanos), Proto::Message(message)) => {
            assert_eq!(message.full_name(), "google.protobuf.Timestamp");
            let mut built = DynamicMessage::new(message.clone());
            built.set_field_by_number(1, Value::I64(*seconds));
            built.set_field_by_number(2, Value::I32(*nanos as i32));
            Value::Message(built)
        }
        (Kind::Error, Frame::Map(entries), Proto::Message(message)) => Value::Message(error(message, entries)),
        (Kind::Struct(schema), Frame::Map(entries), Proto::Message(message)) => {
            Value::Message(structure(message, schema, entries))
        }
        (Kind::List(_) | Kind::Map(..), value, Proto::Message(message)) => {
            assert_eq!(message.fields().len(), 1, "{} is a wrapper", message.full_name());
            let mut built = DynamicMessage::new(message.clone());
            set(&mut built, 1, kind, value);
            Value::Message(built)
        }
        (kind, value, target) => panic!("{value:?} of {kind:?} as {target:?}"),
    }
}

fn any(message: &MessageDescriptor, value: &Frame) -> DynamicMessage {
    assert_eq!(message.full_name(), "mattermost.plugin.v1.Value");
    let mut built = DynamicMessage::new(message.clone());
    let wrapped = |name: &str, value| {
        let field = message.get_field_by_name(name).expect("an alternative");
        let mut inner = DynamicMessage::new(field.kind().as_message().expect("a wrapper").clone());
        // A field that was set to nothing differs from one that was not.
        if !matches!(&value, Value::List(items) if items.is_empty())
            && !matches!(&value, Value::Map(items) if items.is_empty())
        {
            inner.set_field_by_name("values", value);
        }
        Value::Message(inner)
    };
    let (name, value) = match value {
        Frame::Nil => ("null_value", Value::EnumNumber(0)),
        Frame::Bool(value) => ("bool_value", Value::Bool(*value)),
        Frame::Int(value) => match i64::try_from(*value) {
            Ok(value) => ("int_value", Value::I64(value)),
            Err(_) => ("uint_value", Value::U64(*value as u64)),
        },
        Frame::Float(bits) => ("double_value", Value::F64(f64::from_bits(*bits))),
        Frame::Str(text) => ("string_value", Value::String(text.clone())),
        Frame::Bin(bytes) => ("bytes_value", Value::Bytes(Bytes::from(bytes.clone()))),
        Frame::Time(..) => panic!("no value is a time"),
        Frame::List(items) => {
            let items = items.iter().map(|item| Value::Message(any(message, item))).collect();
            ("list_value", wrapped("list_value", Value::List(items)))
        }
        Frame::Map(entries) => {
            let one =
                |(key, value): &(String, Frame)| (MapKey::String(key.clone()), Value::Message(any(message, value)));
            ("map_value", wrapped("map_value", Value::Map(entries.iter().map(one).collect())))
        }
    };
    built.set_field_by_name(name, value);
    built
}

fn error(message: &MessageDescriptor, entries: &[(String, Frame)]) -> DynamicMessage {
    let mut built = DynamicMessage::new(message.clone());
    let app = entries.contains(&("kind".to_owned(), Frame::str("app")));
    let field = message.get_field_by_name(if app { "app" } else { "error" }).expect("an alternative");
    let target = field.kind().as_message().expect("a message").clone();
    let inner = if app {
        structure(&target, &APP_ERROR, entries)
    } else {
        let mut inner = DynamicMessage::new(target);
        let names = [("message", "message"), ("code", "code"), ("id", "sqlstate"), ("detailed_error", "detail")];
        for (key, name) in names {
            match entries.iter().find(|(known, _)| known == key) {
                Some((_, Frame::Int(value))) => inner.set_field_by_name(name, Value::I32(*value as i32)),
                Some((_, Frame::Str(text))) => inner.set_field_by_name(name, Value::String(text.clone())),
                _ => {}
            }
        }
        inner
    };
    built.set_field(&field, Value::Message(inner));
    built
}
