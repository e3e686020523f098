//! The same message in a form that protobuf allows and nobody writes: fields out of order, singular ones twice, messages in pieces, numbers not packed,
//! unknown fields between.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};

use crate::support::generate::Generator;
use crate::wire::{bytes, number, varint};

/// A field of the original: its descriptor and its bytes, tag and all, and those of its contents if it has a length.
struct Field<'a> {
    descriptor: FieldDescriptor,
    whole: &'a [u8],
    contents: &'a [u8],
}

fn read_varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn fields<'a>(message: &MessageDescriptor, bytes: &'a [u8]) -> Vec<Field<'a>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let tag = read_varint(bytes, &mut at);
        let mut contents: &[u8] = &[];
        match tag & 7 {
            0 => drop(read_varint(bytes, &mut at)),
            1 => at += 8,
            2 => {
                let len = read_varint(bytes, &mut at) as usize;
                contents = &bytes[at..at + len];
                at += len;
            }
            5 => at += 4,
            other => panic!("wire type {other}"),
        }
        let descriptor = message.get_field((tag >> 3) as u32).expect("a field");
        found.push(Field { descriptor, whole: &bytes[start..at], contents });
    }
    found
}

/// Scrambles a message. What it means, and the order of the items of lists and of the entries of maps, stays the same.
pub(crate) fn message(descriptor: &MessageDescriptor, original: &[u8], generator: &mut Generator) -> Vec<u8> {
    let pieces: Vec<(u32, Vec<Vec<u8>>)> = fields(descriptor, original)
        .iter()
        .map(|field| (field.descriptor.number(), pieces(field, generator)))
        .collect();
    // Fields of one number keep their order; those of different numbers are mixed.
    let mut out = unknown(generator);
    let mut left = pieces;
    while !left.is_empty() {
        let chosen = left[generator.number() as usize % left.len()].0;
        let at = left.iter().position(|(number, _)| *number == chosen).expect("it was chosen");
        let next = left[at].1.remove(0);
        out.extend(next);
        if left[at].1.is_empty() {
            left.remove(at);
        }
        if generator.number().is_multiple_of(8) {
            out.extend(unknown(generator));
        }
    }
    out
}

/// The fields that together mean what one did.
fn pieces(field: &Field<'_>, generator: &mut Generator) -> Vec<Vec<u8>> {
    let descriptor = &field.descriptor;
    let number = descriptor.number();
    let oneof = descriptor.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
    match descriptor.kind() {
        Kind::Message(inner) if descriptor.is_map() => {
            let entry = fields(&inner, field.contents);
            let key = entry.iter().find(|part| part.descriptor.number() == 1).expect("a key").whole;
            let real = bytes(number, message(&inner, field.contents, generator));
            // The same key before, without its value.
            if generator.number().is_multiple_of(3) { vec![bytes(number, key), real] } else { vec![real] }
        }
        Kind::Message(inner) if descriptor.is_list() => {
            vec![bytes(number, message(&inner, field.contents, generator))]
        }
        Kind::Message(inner) => {
            let scrambled = message(&inner, field.contents, generator);
            vec![bytes(number, []), bytes(number, scrambled), bytes(number, unknown(generator))]
        }
        // Another alternative would have to come before, which the message's other fields do not know of.
        _ if oneof => vec![field.whole.to_vec()],
        Kind::String | Kind::Bytes if !descriptor.is_list() => vec![bytes(number, "before"), field.whole.to_vec()],
        kind if descriptor.is_packed() => unpacked(number, &kind, field.contents),
        _ if descriptor.is_list() => vec![field.whole.to_vec()],
        Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
            vec![crate::wire::number(number, 77), field.whole.to_vec()]
        }
        _ => vec![field.whole.to_vec()],
    }
}

/// The first of packed numbers by itself, the others packed.
fn unpacked(number: u32, kind: &Kind, contents: &[u8]) -> Vec<Vec<u8>> {
    assert!(!matches!(kind, Kind::Double | Kind::Float), "no list of floats is in the schema");
    let mut at = 0;
    let first = read_varint(contents, &mut at);
    vec![crate::wire::number(number, first), bytes(number, &contents[at..])]
}

/// Fields that no message has.
fn unknown(generator: &mut Generator) -> Vec<u8> {
    match generator.number() % 4 {
        0 => number(100_000, generator.number()),
        1 => bytes(100_001, "unknown"),
        2 => [varint(100_002 << 3 | 1), vec![1; 8]].concat(),
        _ => [varint(100_003 << 3 | 5), vec![1; 4]].concat(),
    }
}

/// The message as if nobody had put unknown fields between.
pub(crate) fn without_unknown(message: &DynamicMessage) -> DynamicMessage {
    let mut clean = DynamicMessage::new(message.descriptor());
    for (field, value) in message.fields() {
        clean.set_field(&field, clean_value(value));
    }
    clean
}

fn clean_value(value: &Value) -> Value {
    match value {
        Value::Message(message) => Value::Message(without_unknown(message)),
        Value::List(items) => Value::List(items.iter().map(clean_value).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), clean_value(value))).collect())
        }
        value => value.clone(),
    }
}
