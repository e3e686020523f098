//! Every golden value decodes to what Go decoded it to, and survives being written again.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mmp_gob::{Error, Limits, StreamReader};
use serde_json::Value as Json;
use support::{all_values, next_value, vectors, write_all};

/// The lines of the file of golden values.
fn golden() -> Vec<(String, Vec<u8>, Json)> {
    let Some(path) = vectors() else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(path).expect("the golden values can be read");
    let parse = |line: &str| {
        let json: Json = serde_json::from_str(line).expect("every line is JSON");
        let text = |key: &str| json[key].as_str().expect("a text").to_owned();
        let name = format!("{} ({})", text("type"), text("variant"));
        (name, STANDARD.decode(text("gob")).expect("base64"), json["value"].clone())
    };
    text.lines().map(parse).collect()
}

#[test]
fn all_golden_values_decode_to_the_stated_value() {
    let golden = golden();
    let mut failures = Vec::new();
    for (name, bytes, json) in &golden {
        let values = all_values(bytes);
        let result = match values.as_deref() {
            Ok([value]) => support::json::compare(&value.value, json),
            other => Err(format!(": {other:?}")),
        };
        failures.extend(result.err().map(|e| format!("{name}{e}")));
    }
    println!("{} of {} golden values decode to the stated value", golden.len() - failures.len(), golden.len());
    assert!(failures.is_empty(), "{:#?}", &failures[..failures.len().min(10)]);
}

#[test]
fn golden_values_survive_being_written_again() {
    for (name, bytes, _) in golden() {
        let values = all_values(&bytes).expect("decodes");
        assert_eq!(all_values(&write_all(&values)).expect("decodes again"), values, "{name}");
    }
}

#[test]
fn golden_values_arrive_in_pieces() {
    for (name, bytes, json) in golden().iter().step_by(7) {
        let mut reader = StreamReader::new(Limits::default());
        let mut found = None;
        for piece in bytes.chunks(13) {
            assert_eq!(found, None, "{name}: the value came before its end");
            reader.push(piece);
            found = next_value(&mut reader).expect("decodes");
        }
        let found = found.unwrap_or_else(|| panic!("{name}: no value"));
        support::json::compare(&found.value, json).unwrap_or_else(|e| panic!("{name}{e}"));
    }
}

#[test]
fn golden_values_are_skipped_exactly() {
    for (name, bytes, _) in golden() {
        let mut reader = StreamReader::new(Limits::default());
        reader.push(&bytes);
        let left = reader.next(|id, c, types| {
            c.skip(types, id)?;
            Ok(c.remaining())
        });
        assert_eq!((left, reader.buffered()), (Ok::<_, Error>(Some(0)), 0), "{name}");
    }
}
