//! Values that Go's own gob wrote, read and written again by the generated types.
//!
//! The environment variable `MMP_VECTORS` names the file; without it, `../shared/vectors/mattermost-11.6.jsonl` beside the checkout is
//! taken if it is there. A line is `{"type", "variant", "gob": base64, "value": what Go read from it}`.

mod json;
#[path = "generated/table.rs"]
mod table;

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use json::{Json, same};
use mmp_gob::{Decoder, Encoder, GobStruct, Limits};
use serde_json::Value;

/// Checks one value against what Go read from the same bytes.
pub(crate) type Check = fn(&[u8], &Value) -> Result<(), String>;

/// Decodes, compares, encodes, decodes again and compares again.
pub(crate) fn check<T: GobStruct + Json>(gob: &[u8], expected: &Value) -> Result<(), String> {
    let first: T = decode(gob).map_err(|error| format!("does not decode: {error}"))?;
    same(&first.json(), expected).map_err(|fault| format!("decoded: {fault}"))?;
    let mut bytes = Vec::new();
    Encoder::new().encode(&first, &mut bytes).map_err(|error| format!("does not encode: {error}"))?;
    let second: T = decode(&bytes).map_err(|error| format!("does not decode again: {error}"))?;
    same(&second.json(), expected).map_err(|fault| format!("decoded again: {fault}"))
}

fn decode<T: GobStruct>(gob: &[u8]) -> Result<T, String> {
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(gob);
    let value = decoder.decode().map_err(|error| error.to_string())?;
    value.ok_or_else(|| "the value is not whole".to_owned())
}

#[test]
fn every_golden_value_survives() {
    let Some(path) = vectors() else { return };
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let faults: Vec<String> = lines.iter().enumerate().filter_map(|(at, line)| fault(at + 1, line)).collect();
    say(&format!("golden values: {} of {}", lines.len() - faults.len(), lines.len()));
    assert!(!lines.is_empty(), "{} is empty", path.display());
    assert!(faults.is_empty(), "{} values failed:\n{}", faults.len(), faults.join("\n"));
}

/// The file of vectors; none if nobody named one and the usual one is not there.
fn vectors() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("MMP_VECTORS") {
        return Some(path.into());
    }
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/mattermost-11.6.jsonl");
    if usual.exists() {
        return Some(usual);
    }
    say(&format!("SKIPPED: no golden values; {} is not there and MMP_VECTORS is not set", usual.display()));
    None
}

/// What is wrong with the value in a line.
fn fault(number: usize, line: &str) -> Option<String> {
    let value: Value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => return Some(format!("line {number}: {error}")),
    };
    let (name, variant) = (value["type"].as_str().unwrap_or_default(), value["variant"].as_str().unwrap_or_default());
    let result = BASE64
        .decode(value["gob"].as_str().unwrap_or_default())
        .map_err(|error| error.to_string())
        .and_then(|gob| find(name)?(&gob, &value["value"]));
    result.err().map(|fault| format!("line {number}: {name} ({variant}): {fault}"))
}

fn find(name: &str) -> Result<Check, String> {
    let at = table::CHECKS.binary_search_by_key(&name, |(name, _)| name);
    at.map(|at| table::CHECKS[at].1).map_err(|_| "there is no such type".to_owned())
}

/// The test harness swallows what `println!` prints.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[test]
fn a_wrong_value_is_noticed() {
    let args = mmp_model::rpc::GetUserArgs { a: "ann".into() };
    let mut gob = Vec::new();
    Encoder::new().encode(&args, &mut gob).expect("encodes");
    let check = find("GetUserArgs").expect("is in the table");
    assert_eq!(check(&gob, &serde_json::json!({"A": "ann"})), Ok(()));
    for wrong in [serde_json::json!({"A": "bob"}), serde_json::json!({}), serde_json::json!({"A": "ann", "B": 1})] {
        assert!(check(&gob, &wrong).is_err(), "{wrong}");
    }
    gob.pop();
    assert!(check(&gob, &serde_json::json!({"A": "ann"})).is_err());
}
