//! Decodes arbitrary bytes as values of any type and as Rust types, in one piece and in many; what was decoded has to survive being written again.
//!
//! `cargo +nightly fuzz run decode` in `crates/mmp-gob`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mmp_gob::{
    Any, Bytes, Complex, Decoder, Encoder, Error, GoString, Interface, Limits, Map, Ptr, StreamReader, Time, Url,
    decode_value, gob_struct,
};

gob_struct! {
    struct Node("Node") {
        value: i64 = "Value",
        left: Ptr<Node> = "Left",
        kids: Vec<Node> = "Kids",
        by_name: Map<GoString, Ptr<Node>> = "ByName",
        any: Any = "Any",
        small: i8 = "Small",
        float: f32 = "Float",
        complex: Complex = "Complex",
        bytes: Bytes = "Bytes",
        array: [u16; 3] = "Array",
        time: Time = "Time",
        link: Ptr<Url> = "Link",
    }
}

/// No input of the fuzzer is long enough to need more, and less makes the limits reachable.
const LIMITS: Limits =
    Limits { max_message: 1 << 20, max_depth: 64, max_types: 200, max_definition_bytes: 1 << 16, max_count: 1 << 16 };

fuzz_target!(|data: &[u8]| {
    let whole = values(data, data.len().max(1));
    assert_eq!(format!("{whole:?}"), format!("{:?}", values(data, 7)), "pieces do not matter");
    write_again(whole.into_iter().flatten().collect());

    let mut decoder = Decoder::new(LIMITS);
    decoder.push(data);
    while let Ok(Some(node)) = decoder.decode::<Node>() {
        let mut out = Vec::new();
        // Times with odd offsets and nil pointers in maps can be received but not sent.
        if Encoder::new().encode(&node, &mut out).is_ok() {
            let mut again = Decoder::new(LIMITS);
            again.push(&out);
            assert_eq!(format!("{:?}", again.decode::<Node>()), format!("{:?}", Ok::<_, Error>(Some(node))));
        }
    }
});

/// All values of a stream that arrives in pieces, and the fault that ended it or that one of them had.
fn values(data: &[u8], piece: usize) -> Vec<Result<Interface, Error>> {
    let mut reader = StreamReader::new(LIMITS);
    let mut found = Vec::new();
    for piece in data.chunks(piece) {
        reader.push(piece);
        loop {
            let next = reader.next(|id, c, types| {
                let value = decode_value(c, types, id)?;
                Ok(Interface { name: "v".into(), shape: types.shape(id)?, value })
            });
            match next {
                Ok(None) => break,
                Ok(Some(value)) => found.push(Ok(value)),
                Err(error) => {
                    let ended = found.last().is_some_and(|last| *last == Err(error.clone()));
                    if ended || found.len() > data.len() {
                        return found;
                    }
                    found.push(Err(error));
                }
            }
        }
    }
    found
}

/// Compares by text, since NaN does not equal itself. Zero fields that were sent all the same are left out by the second writing, so that
/// the first result is compared with the third.
fn write_again(values: Vec<Interface>) {
    // A struct whose type has two fields of one name can be received but not sent.
    let Some(once) = rewrite(&values) else { return };
    let twice = rewrite(&once).expect("what was written can be written again");
    assert_eq!(format!("{once:?}"), format!("{twice:?}"));
}

fn rewrite(values: &[Interface]) -> Option<Vec<Interface>> {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    for value in values {
        encoder.encode_interface(value, &mut out).ok()?;
    }
    let limits = Limits { max_types: usize::MAX, max_definition_bytes: usize::MAX, ..LIMITS };
    let mut reader = StreamReader::new(limits);
    reader.push(&out);
    let mut found = Vec::new();
    while let Some(value) = reader
        .next(|id, c, types| {
            let value = decode_value(c, types, id)?;
            Ok(Interface { name: "v".into(), shape: types.shape(id)?, value })
        })
        .expect("what was written can be read")
    {
        found.push(value);
    }
    assert_eq!(found.len(), values.len());
    Some(found)
}
