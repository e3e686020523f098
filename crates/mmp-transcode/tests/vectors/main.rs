//! Golden values, written by Go's own gob for every RPC struct of Mattermost's plugin interface: each becomes a frame with the stated value, and
//! a frame with that value becomes gob with the stated value again.
//!
//! `MMP_VECTORS` names the file; without it the one beside the repository is used, and its absence is said aloud.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; one that is skipped says so"
)]

mod expected;
mod proto;
mod same;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mmp_gob::{Encoder, Interface, Limits, StreamReader, Value};
use mmp_transcode::generated::{API, DRIVER, HOOKS, PLUGIN_HTTP_BUFFERED};
use mmp_transcode::schema::{Kind, Method, Slot, StreamSlot, Struct};
use mmp_transcode::{Reply, ToGob, msgpack};
use support::frame::Frame;
use support::gob::{Incoming, next_value};

/// RPC structs that no frame carries, and why.
const WITHOUT_FRAME: &[(&str, &str)] = &[("DbInt64ErrReturn", "Mattermost declares it, and no driver method uses it")];

/// Which part of a method a vector is.
#[derive(Debug, Clone, Copy)]
enum Part {
    Args(&'static Method),
    Results(&'static Method),
}

struct Vector {
    name: String,
    variant: String,
    gob: Vec<u8>,
    value: serde_json::Value,
}

fn vectors() -> Option<Vec<Vector>> {
    let given = std::env::var_os("MMP_VECTORS").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/mattermost-11.6.jsonl");
    let text = match (given, std::fs::read_to_string(&beside)) {
        (Some(path), _) => std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
        (None, Ok(text)) => text,
        (None, Err(error)) => {
            println!("SKIPPED: no golden values at {} ({error}); set MMP_VECTORS", beside.display());
            return None;
        }
    };
    let parse = |line: &str| {
        let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let text = |key: &str| json[key].as_str().expect(key).to_owned();
        Vector {
            name: text("type"),
            variant: text("variant"),
            gob: BASE64.decode(text("gob")).expect("base64"),
            value: json["value"].clone(),
        }
    };
    Some(text.lines().map(parse).collect())
}

fn part(name: &str) -> Option<Part> {
    let is = |kind: &Kind| matches!(kind, Kind::Struct(schema) if schema.name == name);
    let mut methods = HOOKS.iter().chain(API).chain(DRIVER).chain([&PLUGIN_HTTP_BUFFERED]);
    methods.find_map(|method| match () {
        () if is(&method.rpc_args) => Some(Part::Args(method)),
        () if is(&method.rpc_returns) => Some(Part::Results(method)),
        () => None,
    })
}

impl Part {
    fn structure(self) -> &'static Struct {
        let (Part::Args(Method { rpc_args: kind, .. }) | Part::Results(Method { rpc_returns: kind, .. })) = self;
        let Kind::Struct(schema) = kind else { panic!("{kind:?} is no struct") };
        schema
    }

    fn slots(self) -> &'static [Slot] {
        match self {
            Part::Args(method) => method.args,
            Part::Results(method) => method.results,
        }
    }

    /// The fields that are numbers of streams.
    fn streams(self) -> &'static [StreamSlot] {
        match self {
            Part::Args(method) => method.streams,
            Part::Results(_) => &[],
        }
    }

    fn error(self) -> Option<&'static Slot> {
        match self {
            Part::Args(_) => None,
            Part::Results(method) => method.error.as_ref(),
        }
    }

    /// The frame of the gob value, and whether it is an error's.
    fn frame(self, gob: &[u8]) -> Result<(Vec<u8>, bool), mmp_transcode::Error> {
        self.frame_of(&mut Incoming::default(), gob)
    }

    fn frame_of(self, incoming: &mut Incoming, gob: &[u8]) -> Result<(Vec<u8>, bool), mmp_transcode::Error> {
        match self {
            Part::Args(method) => incoming.args(method, gob).map(|(frame, _)| (frame, false)),
            Part::Results(method) => incoming.results(method, gob).map(|(frame, reply)| (frame, reply == Reply::Error)),
        }
    }
}

/// The same RPC struct with some fields only.
fn with_fields(gob: &[u8], keep: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut reader = StreamReader::new(Limits::default());
    reader.push(gob);
    let (shape, value) = reader
        .next(|wire, cursor, types| Ok((types.shape(wire)?, mmp_gob::decode_value(cursor, types, wire)?)))
        .expect("gob")
        .expect("a value");
    let Value::Struct(mut structure) = value else { panic!("an RPC struct is a struct") };
    structure.fields.retain(|(name, _)| keep(name));
    let mut out = Vec::new();
    let interface = Interface { name: b""[..].into(), shape, value: Value::Struct(structure) };
    Encoder::new().encode_interface(&interface, &mut out).expect("it was gob before");
    out
}

#[test]
fn every_golden_value_becomes_the_frame_that_says_the_same() {
    let Some(vectors) = vectors() else { return };
    let mut failures = Vec::new();
    let mut without = BTreeSet::new();
    for vector in &vectors {
        let Some(part) = part(&vector.name) else {
            without.insert(vector.name.clone());
            continue;
        };
        if let Err(why) = check_frame(part, vector) {
            failures.push(format!("{} {}: {why}", vector.name, vector.variant));
        }
    }
    report("gob to frame", carried(&vectors), &failures);
    let listed: BTreeSet<String> = WITHOUT_FRAME.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(without, listed, "the structs that no frame carries are listed with a reason");
}

fn check_frame(part: Part, vector: &Vector) -> Result<(), String> {
    let error = part.error().map(|slot| &part.structure().fields[usize::from(slot.field)]);
    let failed = error.is_some_and(|field| !vector.value[field.go].is_null());
    let mut incoming = Incoming::default();
    let (frame, is_error) = part.frame_of(&mut incoming, &vector.gob).map_err(|e| e.to_string())?;
    if let Part::Args(_) = part {
        let number = |stream: &StreamSlot| vector.value[stream.name].as_u64().unwrap_or(0);
        let wanted: Vec<u64> = part.streams().iter().map(number).collect();
        if !incoming.from.streams().iter().copied().map(u64::from).eq(wanted.iter().copied()) {
            return Err(format!("streams {:?}, not {wanted:?}", incoming.from.streams()));
        }
    }
    if is_error != failed {
        return Err(format!("is it an error? {is_error}"));
    }
    if let (Some(field), true) = (error, failed) {
        differ(&frame, expected::error(&field.kind, &vector.value[field.go]))?;
        let rest = with_fields(&vector.gob, |name| name != field.go);
        let (frame, is_error) = part.frame(&rest).map_err(|e| e.to_string())?;
        if is_error {
            return Err("without its error it still is one".to_owned());
        }
        return differ(&frame, expected::positions(part.structure(), part.slots(), &vector.value));
    }
    differ(&frame, expected::positions(part.structure(), part.slots(), &vector.value))
}

fn differ(found: &[u8], wanted: Frame) -> Result<(), String> {
    let (found, wanted) = (Frame::parse(found).sorted(), wanted.sorted());
    if found == wanted { Ok(()) } else { Err(format!("\n  found  {found:?}\n  wanted {wanted:?}")) }
}

#[test]
fn every_frame_becomes_gob_that_says_the_same() {
    let Some(vectors) = vectors() else { return };
    // One stream for everything, as the bridge has one for each direction: definitions are sent once.
    let mut to = ToGob::default();
    let mut reader = StreamReader::new(Limits::default());
    let mut failures = Vec::new();
    for vector in &vectors {
        let Some(part) = part(&vector.name) else { continue };
        if let Err(why) = check_gob(part, vector, &mut to, &mut reader) {
            failures.push(format!("{} {}: {why}", vector.name, vector.variant));
        }
    }
    report("frame to gob", carried(&vectors), &failures);
}

fn check_gob(part: Part, vector: &Vector, to: &mut ToGob, reader: &mut StreamReader) -> Result<(), String> {
    let schema = part.structure();
    let error = part.error().map(|slot| &schema.fields[usize::from(slot.field)]);
    let carried = |name: &str| {
        let field = schema.fields.iter().position(|field| field.go == name);
        let slots = part.slots().iter().chain(part.error()).map(|slot| slot.field);
        slots.chain(part.streams().iter().map(|stream| stream.field)).any(|at| Some(usize::from(at)) == field)
    };
    let results = with_fields(&vector.gob, |name| error.is_none_or(|field| field.go != name));
    let mut incoming = Incoming::default();
    let (mut frame, _) = part.frame_of(&mut incoming, &results).map_err(|e| e.to_string())?;
    let (alone, failed) = part.frame(&vector.gob).map_err(|e| e.to_string())?;
    if failed {
        let Frame::List(items) = Frame::parse(&frame) else { return Err("no list of results".to_owned()) };
        let mut longer = Vec::new();
        msgpack::put_array_len(&mut longer, items.len() + 1);
        longer.extend_from_slice(&frame[1..]);
        longer.extend_from_slice(&alone);
        frame = longer;
    }
    let mut gob = Vec::new();
    let done = match part {
        Part::Args(method) => to.call_with_streams(method, &frame, incoming.from.streams(), &mut gob),
        Part::Results(method) => to.reply(method, &frame, None, &mut reader.types, &mut gob),
    };
    if let (Part::Args(_), Some(slot)) = (part, dereferenced_nil(part, &vector.value)) {
        // The server would panic; the value says nil, so the only right answer is to refuse it.
        let refused = done.is_err_and(|error| error.to_string() == format!("{}: must not be nil here", slot.name));
        return if refused { Ok(()) } else { Err(format!("{} is nil and was not refused", slot.name)) };
    }
    done.map_err(|error| error.to_string())?;
    let found = next_value(reader, &gob);
    let json: serde_json::Map<_, _> = match &vector.value {
        serde_json::Value::Object(fields) => {
            fields.iter().filter(|(name, _)| carried(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
        }
        other => return Err(format!("{other} is no struct")),
    };
    same::same_struct(schema, &json.into(), &found)
}

/// How many of the values belong to a struct that frames carry.
fn carried(vectors: &[Vector]) -> usize {
    vectors.iter().filter(|vector| part(&vector.name).is_some()).count()
}

/// The first argument that is nil where the server dereferences it.
fn dereferenced_nil(part: Part, value: &serde_json::Value) -> Option<&'static Slot> {
    let nil = |slot: &&Slot| value[part.structure().fields[usize::from(slot.field)].go].is_null();
    part.slots().iter().filter(|slot| !slot.nil_ok && matches!(slot.kind, Kind::Ptr(_))).find(nil)
}

fn report(what: &str, total: usize, failures: &[String]) {
    for failure in failures.iter().take(10) {
        println!("{}", failure.chars().take(1500).collect::<String>());
    }
    println!("{what}: {} of {total}", total - failures.len());
    assert!(failures.is_empty(), "{what}: {} of {total} differ", failures.len());
}
