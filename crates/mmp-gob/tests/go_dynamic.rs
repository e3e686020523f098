//! Streams written by Go, read without knowing their types, written again and read by Go.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use mmp_gob::{Error, Limits, StreamReader, Value, decode_value};
use support::peer::Peer;
use support::{all_values, field, next_value, write_all};

#[test]
fn go_reads_what_was_written_again() {
    let Some(peer) = Peer::get() else { return };
    let written: Vec<_> = peer
        .streams()
        .into_iter()
        .map(|(name, bytes)| {
            let values = all_values(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, write_all(&values))
        })
        .collect();
    peer.check("dynamic", &written);
}

#[test]
fn streams_may_arrive_byte_by_byte() {
    let Some(peer) = Peer::get() else { return };
    for (name, bytes) in peer.streams().iter().filter(|(_, bytes)| bytes.len() < 100_000) {
        let mut reader = StreamReader::new(Limits::default());
        let mut values = Vec::new();
        for byte in bytes {
            reader.push(&[*byte]);
            while let Some(value) = next_value(&mut reader).unwrap_or_else(|e| panic!("{name}: {e}")) {
                values.push(value);
            }
        }
        assert_eq!(values, all_values(bytes).expect("decodes"), "{name}");
        assert_eq!(reader.buffered(), 0, "{name}");
    }
}

/// Reading a value and skipping it take the same bytes and define the same types, whether or not the value is split.
#[test]
fn skipping_equals_reading() {
    let Some(peer) = Peer::get() else { return };
    for (name, bytes) in peer.streams() {
        let (mut reading, mut skipping) = (StreamReader::new(Limits::default()), StreamReader::new(Limits::default()));
        reading.push(&bytes);
        skipping.push(&bytes);
        while next_value(&mut reading).expect("decodes").is_some() {
            let skipped = skipping.next(|id, c, types| {
                c.skip(types, id)?;
                Ok(c.remaining())
            });
            assert_eq!(skipped, Ok(Some(0)), "{name}");
            assert_eq!(skipping.buffered(), reading.buffered(), "{name}");
            assert_eq!(skipping.types.len(), reading.types.len(), "{name}");
        }
        assert_eq!(skipping.buffered(), 0, "{name}");
    }
}

/// A reader that fails, or that stops early, leaves the stream at the next value, also if the value is split and arrives in pieces.
#[test]
fn a_failed_or_unfinished_value_is_passed_over() {
    let Some(peer) = Peer::get() else { return };
    for name in ["splits", "box", "many", "kinds", "scalars"] {
        let bytes = peer.stream(name);
        let wanted = all_values(&bytes).expect("decodes");
        for step in [bytes.len(), 50, 1] {
            let mut reader = StreamReader::new(Limits::default());
            let mut found = Vec::new();
            let mut calls = 0;
            for piece in bytes.chunks(step) {
                reader.push(piece);
                loop {
                    // Every second value is refused or not read at all.
                    let result = match calls % 4 {
                        1 => reader.next(|_, _, _| Err(mmp_gob::Error::Rejected("no".into()))),
                        3 => reader.next(|_, _, _| Ok(None)),
                        _ => next_value(&mut reader).map(|v| v.map(Some)),
                    };
                    match result {
                        Ok(None) => break,
                        Ok(Some(value)) => found.push(value),
                        Err(mmp_gob::Error::Rejected(_)) => found.push(None),
                        Err(e) => panic!("{name}: {e}"),
                    }
                    calls += 1;
                }
            }
            assert_eq!(found.len(), wanted.len(), "{name} in pieces of {step}");
            for (n, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
                assert_eq!(found.as_ref(), (n % 2 == 0).then_some(wanted), "{name} in pieces of {step}, value {n}");
            }
        }
    }
}

#[test]
fn values_are_what_go_sent() {
    let Some(peer) = Peer::get() else { return };
    let kinds = all_values(&peer.stream("kinds")).expect("decodes");
    let first = &kinds[0].value;
    assert_eq!(field(first, "Int64"), &Value::Int(i64::MAX));
    assert_eq!(field(first, "Uint64"), &Value::Uint(u64::MAX));
    assert_eq!(field(first, "Complex"), &Value::Complex(1.0, f64::NEG_INFINITY));
    assert_eq!(field(first, "String"), &Value::String(b"caf\xe9 \xff\xfe \xc3\xa9 \0".as_slice().into()));
    assert_eq!(field(first, "Octets"), &Value::List([1, 0, 255, 4].map(Value::Uint).to_vec()));

    let pointers = all_values(&peer.stream("pointers")).expect("decodes");
    let Value::Struct(sent) = &pointers[0].value else { panic!("a struct") };
    let names: Vec<_> = sent.fields.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["True", "One", "Text", "Point", "Time", "EmptyMap"], "pointers to zero values arrive as nil");

    let maps = all_values(&peer.stream("maps")).expect("decodes");
    assert_eq!(field(&maps[0].value, "Nil"), &Value::Nil);
    assert_eq!(field(&maps[0].value, "Empty"), &Value::Map(Vec::new()));
}

/// A value can be read a second time in the same call, definitions inside it included.
#[test]
fn a_value_can_be_read_twice() {
    let Some(peer) = Peer::get() else { return };
    for (name, bytes) in peer.streams() {
        let mut reader = StreamReader::new(Limits::default());
        reader.push(&bytes);
        let read = |id, c: &mut mmp_gob::Cursor<'_>, types: &mut mmp_gob::Types| {
            let mut second = c.replay();
            let value = decode_value(c, types, id)?;
            assert_eq!((decode_value(&mut second, types, id)?, second.position()), (value, c.position()), "{name}");
            Ok(())
        };
        while reader.next(read).unwrap_or_else(|e| panic!("{name}: {e}")).is_some() {}
        assert_eq!(reader.buffered(), 0, "{name}");
    }
}

/// What is too deep to be read is refused, and nothing of the stream is lost with it: not the types that are defined behind the point where the reader gave up, and not the values that
/// follow. Such may be the props of a post, which any user sends.
#[test]
fn a_value_that_is_too_deep_leaves_its_definitions() {
    let Some(peer) = Peer::get() else { return };
    for stream in peer.deep_streams() {
        for piece in [1, 7, stream.len()] {
            let mut reader = StreamReader::new(Limits::default());
            let mut seen = Vec::new();
            for bytes in stream.chunks(piece) {
                reader.push(bytes);
                while let Some(next) = next_value(&mut reader).transpose() {
                    seen.push(next.map(|interface| interface.value));
                }
            }
            assert_eq!(
                seen.first().and_then(|first| first.as_ref().err()),
                Some(&Error::TooDeep),
                "in pieces of {piece}"
            );
            let [_, Ok(second)] = seen.as_slice() else { panic!("in pieces of {piece}: {:?}", &seen[1..]) };
            let Value::Interface(list) = field(second, "First") else { panic!("{second:?}") };
            assert!(matches!(&list.value, Value::List(items) if items.len() == 1), "{list:?}");
        }
    }
}
