//! What holds for all values and for all bytes.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use mmp_gob::{
    Any, Bytes, Complex, Decoder, Encoder, Error, GoString, Gob, Limits, Map, Ptr, StreamReader, Time, WireField,
    WireType, gob_struct,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::meter::{Meter, peak_of};
use support::types::{GoBox, Inner, Kinds, Narrow, Node};
use support::{all_values, next_value, write_all};

#[global_allocator]
static METER: Meter = Meter;

gob_struct! {
    struct Everything("Everything") {
        kinds: Kinds = "Kinds",
        node: Ptr<Node> = "Node",
        boxes: Vec<GoBox> = "Boxes",
        times: Map<GoString, Time> = "Times",
        any: Any = "Any",
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_260_301),
        ..ProptestConfig::default()
    }
}

fn text() -> impl Strategy<Value = GoString> {
    vec(any::<u8>(), 0..12).prop_map(GoString::from)
}

/// Numbers that compare equal to themselves and survive: gob drops the sign of zero.
fn float() -> impl Strategy<Value = f64> {
    any::<f64>().prop_map(|v| if v.is_nan() || v == 0.0 { 0.0 } else { v })
}

fn kinds() -> impl Strategy<Value = Kinds> {
    let numbers = (any::<bool>(), any::<i64>(), any::<i8>(), any::<i32>(), any::<u16>(), any::<u64>());
    (numbers, float(), float(), text(), vec(any::<u8>(), 0..200), any::<[i64; 3]>(), vec(text(), 0..4)).prop_map(
        |((bool, int64, int8, int32, uint16, uint64), float64, im, string, bytes, array, texts)| Kinds {
            bool,
            int64,
            int8,
            int32,
            uint16,
            uint64,
            float64,
            complex: Complex { re: 0.0, im },
            string,
            bytes: Bytes::from(bytes),
            array,
            texts,
            ..Kinds::default()
        },
    )
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = any::<i64>().prop_map(|value| Node { value, ..Node::default() });
    leaf.prop_recursive(4, 24, 3, |inner| {
        let parts = (
            any::<i64>(),
            prop::option::of(inner.clone()),
            vec(inner.clone(), 0..3),
            prop::option::of(btree_map(text(), inner, 0..3)),
        );
        parts.prop_map(|(value, left, kids, by_name)| Node {
            value,
            left: left.map(Box::new),
            others: kids.iter().cloned().map(|n| Some(Box::new(n))).collect(),
            kids,
            by_name: by_name.map(|m| m.into_iter().map(|(k, v)| (k, Some(Box::new(v)))).collect()),
        })
    })
}

fn anything() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![
        Just(Any::NIL),
        any::<bool>().prop_map(Any::from),
        any::<i64>().prop_map(Any::int),
        any::<i64>().prop_map(Any::from),
        float().prop_map(Any::from),
        text().prop_map(Any::from),
        vec(any::<u8>(), 0..9).prop_map(|v| Any::from(Bytes::from(v))),
        node().prop_map(|n| Any::new("*main.Node", &n).expect("any")),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Any::list),
            btree_map(text(), inner.clone(), 0..4).prop_map(Any::map),
            (text(), inner, any::<i64>()).prop_map(|(name, any, tail)| Any::new(
                "main.Inner",
                &Inner { name, any, tail }
            )
            .expect("any")),
        ]
    })
}

fn time() -> impl Strategy<Value = Time> {
    let offset = prop::option::of((-40_000i32..40_000).prop_filter("an offset that Go can send", |o| o / 60 != -1));
    (any::<i64>(), 0..1_000_000_000u32, offset).prop_map(|(seconds, nanos, offset)| Time { seconds, nanos, offset })
}

fn everything() -> impl Strategy<Value = Everything> {
    let go_box = (any::<i64>(), anything(), text(), vec(any::<i64>(), 0..4));
    let go_box =
        go_box.prop_map(|(before, first, middle, after)| GoBox { before, second: first.clone(), first, middle, after });
    (
        kinds(),
        prop::option::of(node()),
        vec(go_box, 0..3),
        prop::option::of(btree_map(text(), time(), 0..3)),
        anything(),
    )
        .prop_map(|(kinds, node, boxes, times, any)| Everything {
            kinds,
            node: node.map(Box::new),
            boxes,
            times,
            any,
        })
}

/// Decodes everything in `bytes` twice over, as dynamic values and as `T`; what comes of it does not matter.
///
/// Goes on after faults: a stream has at most as many values, good or bad, as it has bytes.
fn devour<T: Gob + Default>(bytes: &[u8]) {
    let limits = Limits::default();
    let mut reader = StreamReader::new(limits);
    reader.push(bytes);
    (0..=bytes.len()).any(|_| next_value(&mut reader) == Ok(None));
    drop(reader);
    let mut decoder = Decoder::new(limits);
    decoder.push(bytes);
    (0..=bytes.len()).any(|_| matches!(decoder.decode::<T>(), Ok(None)));
}

/// The most memory that decoding `length` bytes may take. A value in memory is a node of 40 bytes or more where the wire has one byte, lists double as
/// they grow, and the type table begins with 32 KiB.
fn allowance(length: usize) -> usize {
    64 * 1024 + 300 * length
}

proptest! {
    #![proptest_config(config(192))]

    #[test]
    fn values_survive_a_round_trip(values in vec(everything(), 1..4), piece in 1usize..64) {
        let mut encoder = Encoder::new();
        let mut bytes = Vec::new();
        for value in &values {
            encoder.encode(value, &mut bytes).expect("encodes");
        }
        let mut decoder = Decoder::new(Limits::default());
        let mut found = Vec::new();
        for piece in bytes.chunks(piece) {
            decoder.push(piece);
            while let Some(value) = decoder.decode::<Everything>().expect("decodes") {
                found.push(value);
            }
        }
        prop_assert_eq!(&found, &values);

        let dynamic = all_values(&bytes).expect("decodes");
        let again = write_all(&dynamic);
        prop_assert_eq!(all_values(&again).expect("decodes again"), dynamic);
        let mut decoder = Decoder::new(Limits::default());
        decoder.push(&again);
        for value in &values {
            let decoded = decoder.decode::<Everything>().expect("decodes");
            prop_assert_eq!(decoded.as_ref(), Some(value));
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..400)) {
        let (peak, ()) = peak_of(|| devour::<Everything>(&bytes));
        prop_assert!(peak <= allowance(bytes.len()), "{} bytes took {}", bytes.len(), peak);
    }

    #[test]
    fn damaged_streams_are_survived(value in everything(), edits in vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..8)) {
        let mut bytes = Vec::new();
        Encoder::new().encode(&value, &mut bytes).expect("encodes");
        for (at, byte, kind) in edits {
            let at = at.index(bytes.len());
            damage(&mut bytes, at, byte, kind);
        }
        let (peak, ()) = peak_of(|| devour::<Everything>(&bytes));
        prop_assert!(peak <= allowance(bytes.len()), "{} bytes took {}", bytes.len(), peak);
    }

    #[test]
    fn definitions_of_any_kind_are_survived(types in vec(wire_type(), 1..12), body in vec(0u8..12, 0..40), id in 64i64..76) {
        let mut bytes = Vec::new();
        for (n, t) in types.iter().enumerate() {
            t.put_definition(64 + n as i32, &mut bytes);
        }
        let mut message = Vec::new();
        mmp_gob::varint::put_int(&mut message, id);
        message.extend(body);
        mmp_gob::varint::put_bytes(&mut bytes, &message);
        let (peak, ()) = peak_of(|| devour::<Node>(&bytes));
        prop_assert!(peak <= allowance(bytes.len()), "{} bytes took {}", bytes.len(), peak);
    }
}

fn damage(bytes: &mut Vec<u8>, at: usize, byte: u8, kind: u8) {
    match kind {
        0 => bytes[at] = byte,
        1 => bytes[at] ^= 1 << (byte & 7),
        2 => bytes.insert(at, byte),
        _ if bytes.len() > 1 => drop(bytes.remove(at)),
        _ => {}
    }
}

/// Definitions that refer to each other at random, in the shapes that decoding a `Node` looks for, too.
fn wire_type() -> impl Strategy<Value = WireType> {
    let id = prop_oneof![1..9i32, 64..76i32];
    let field = (prop::sample::select(vec!["Value", "Left", "Kids", "ByName", "Other"]), id.clone());
    let field = field.prop_map(|(name, id)| WireField { name: name.into(), id });
    prop_oneof![
        vec(field, 0..5).prop_map(|fields| WireType::Struct { name: "S".into(), fields: fields.into() }),
        (id.clone(), 0usize..4).prop_map(|(elem, len)| WireType::Array { name: "".into(), elem, len }),
        id.clone().prop_map(|elem| WireType::Slice { name: "".into(), elem }),
        (id.clone(), id).prop_map(|(key, elem)| WireType::Map { name: "".into(), key, elem }),
        Just(WireType::GobEncoder { name: "Time".into() }),
    ]
}

/// A name that the wire has once and that every element of a list repeats is not copied for each.
#[test]
fn long_names_are_not_multiplied() {
    let mut bytes = Vec::new();
    let name = "N".repeat(10_000);
    let fields = [WireField { name: name.into(), id: mmp_gob::ids::INT }].into();
    WireType::Struct { name: "S".into(), fields }.put_definition(64, &mut bytes);
    WireType::Slice { name: "".into(), elem: 64 }.put_definition(65, &mut bytes);
    let mut body = Vec::new();
    mmp_gob::varint::put_int(&mut body, 65);
    body.push(0);
    mmp_gob::varint::put_uint(&mut body, 10_000);
    body.extend([1, 2, 0].repeat(10_000));
    mmp_gob::varint::put_bytes(&mut bytes, &body);
    let (peak, values) = peak_of(|| all_values(&bytes));
    assert_eq!(values.expect("decodes").len(), 1);
    assert!(peak <= allowance(bytes.len()), "{} bytes took {peak}", bytes.len());
}

/// The shapes of many types that all refer to each other stay within the bound on definitions.
#[test]
fn shapes_are_not_multiplied() {
    const TYPES: i32 = 3000;
    let mut bytes = Vec::new();
    for n in 0..TYPES {
        let fields = [WireField { name: "F".into(), id: 64 + (n + 1) % TYPES }].into();
        WireType::Struct { name: "".into(), fields }.put_definition(64 + n, &mut bytes);
    }
    WireType::Slice { name: "".into(), elem: mmp_gob::ids::INTERFACE }.put_definition(64 + TYPES, &mut bytes);
    let mut body = Vec::new();
    mmp_gob::varint::put_int(&mut body, i64::from(64 + TYPES));
    body.push(0);
    mmp_gob::varint::put_uint(&mut body, TYPES as u64);
    for n in 0..TYPES {
        body.extend([1, b'i']);
        mmp_gob::varint::put_int(&mut body, i64::from(64 + n));
        body.extend([1, 0]);
    }
    mmp_gob::varint::put_bytes(&mut bytes, &body);
    let (peak, values) = peak_of(|| all_values(&bytes));
    assert_eq!(values, Err(Error::TooManyTypes));
    assert!(peak < 2 * Limits::default().max_definition_bytes, "took {peak}");
}

/// A sender's types may be nested more deeply than any stack allows; compiling a plan for a recursive Rust type stops in time.
#[test]
fn deeply_nested_types_are_refused() {
    let mut bytes = Vec::new();
    for n in 0..10_000 {
        // The last one refers to the first, since nothing may be missing.
        let fields = [WireField { name: "Left".into(), id: 64 + (n + 1) % 10_000 }].into();
        WireType::Struct { name: "".into(), fields }.put_definition(64 + n, &mut bytes);
    }
    bytes.extend([4, 0xff, 0x80, 0, 0]);
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(&bytes);
    assert_eq!(decoder.decode::<Node>().expect_err("too deep").cause(), &Error::TooDeep);
}

/// A reader that lives long keeps only what the stream has defined.
#[test]
fn a_long_stream_does_not_grow() {
    let mut encoder = Encoder::new();
    let mut decoder = Decoder::new(Limits::default());
    let value = Narrow { last: 7, keep: "k".repeat(300).into(), ..Narrow::default() };
    let run = |encoder: &mut Encoder, decoder: &mut Decoder, calls: usize| {
        let mut bytes = Vec::new();
        for _ in 0..calls {
            bytes.clear();
            encoder.encode(&value, &mut bytes).expect("encodes");
            decoder.push(&bytes);
            assert!(decoder.decode::<Narrow>().expect("decodes").is_some());
        }
    };
    run(&mut encoder, &mut decoder, 100);
    let (few, ()) = peak_of(|| run(&mut encoder, &mut decoder, 100));
    let (many, ()) = peak_of(|| run(&mut encoder, &mut decoder, 20_000));
    assert_eq!(few, many);
}
