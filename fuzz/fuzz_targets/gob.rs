//! gob: arbitrary bytes as a stream of values of any type and as Rust types, in one piece and in many, read and skipped; what was read survives being written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mmp_fuzz::{memory, seeds, stream};
use mmp_gob::{
    Any, Bytes, Complex, Cursor, Decoder, Encoder, Error, GoString, Interface, Limits, Map, Ptr, StreamReader, Time,
    TypeId, Types, Url, gob_struct,
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
    Limits { max_message: 1 << 20, max_depth: 64, max_types: 200, max_definition_bytes: 1 << 16, max_count: 1 << 20 };

/// The memory for one byte: an empty `Node` takes one on the wire.
const FACTOR: usize = 4 * size_of::<Node>();

fuzz_target!(init: seeds::write_if_asked("gob"), |data: &[u8]| {
    let whole = memory::in_proportion(data.len(), FACTOR, || every(data, data.len().max(1), stream::tree));
    let skipped = memory::in_proportion(data.len(), 64, || every(data, data.len().max(1), |id, c, types| c.skip(types, id)));
    assert_eq!(whole.len(), skipped.len(), "skipping ends where reading does");
    assert!(whole.iter().zip(&skipped).all(|(read, skip)| read.is_err() || skip.is_ok()), "what can be read can be skipped");
    assert_eq!(format!("{whole:?}"), format!("{:?}", every(data, 7, stream::tree)), "pieces do not matter");
    write_again(whole.into_iter().flatten().collect());
    memory::in_proportion(data.len(), FACTOR, || typed(data));
});

/// What becomes of all values of a stream that arrives in pieces.
fn every<R>(
    data: &[u8],
    piece: usize,
    read: impl Fn(TypeId, &mut Cursor<'_>, &mut Types) -> Result<R, Error>,
) -> Vec<Result<R, Error>> {
    let mut reader = StreamReader::new(LIMITS);
    let mut found = Vec::new();
    for piece in data.chunks(piece) {
        reader.push(piece);
        while let Some(next) = reader.next(&read).transpose() {
            let failed = next.is_err();
            found.push(next);
            if failed && reader.buffered() == 0 {
                // A stream that cannot be read on repeats its error for ever.
                if reader.next(&read).is_err() {
                    return found;
                }
                break;
            }
        }
    }
    found
}

fn typed(data: &[u8]) {
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
    while let Some(value) = reader.next(stream::tree).expect("what was written can be read") {
        found.push(value);
    }
    assert_eq!(found.len(), values.len());
    Some(found)
}
