//! What several tests share.
#![allow(dead_code, reason = "every test uses a part of this")]

pub(crate) mod json;
pub(crate) mod meter;
pub(crate) mod peer;
pub(crate) mod types;

use std::path::PathBuf;

use mmp_gob::{Encoder, Error, Interface, Limits, StreamReader, Value, decode_value};

/// Where the golden values are: `MMP_VECTORS`, which has to exist if it is set, or beside the workspace. None, with a loud message, if they are not
/// there.
pub(crate) fn vectors() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("MMP_VECTORS").map(PathBuf::from) {
        assert!(path.is_file(), "MMP_VECTORS names {}, which is no file", path.display());
        return Some(path);
    }
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors/mattermost-11.6.jsonl"));
    if path.is_file() {
        return Some(path);
    }
    eprintln!("SKIPPED: no golden values at {}; set MMP_VECTORS to a file of them", path.display());
    None
}

/// The next value of a stream with its type, ready to be sent on.
pub(crate) fn next_value(reader: &mut StreamReader) -> Result<Option<Interface>, Error> {
    reader.next(|id, c, types| {
        let value = decode_value(c, types, id)?;
        Ok(Interface { name: "value".into(), shape: types.shape(id)?, value })
    })
}

/// All values of a complete stream.
pub(crate) fn all_values(bytes: &[u8]) -> Result<Vec<Interface>, Error> {
    let mut reader = StreamReader::new(Limits::default());
    reader.push(bytes);
    let mut values = Vec::new();
    while let Some(value) = next_value(&mut reader)? {
        values.push(value);
    }
    if reader.buffered() > 0 { Err(Error::NeedMore) } else { Ok(values) }
}

/// Writes values to a new stream.
pub(crate) fn write_all(values: &[Interface]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    for value in values {
        encoder.encode_interface(value, &mut out).expect("a value that was read can be written");
    }
    out
}

/// The field of a struct, or Nil.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    match value {
        Value::Struct(s) => s.get(name).unwrap_or(&Value::Nil),
        _ => &Value::Nil,
    }
}
