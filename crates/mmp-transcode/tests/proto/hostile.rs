//! Bytes that nobody sends on purpose: no panic, no overflow of the stack, memory and time in proportion to their length.

use std::time::{Duration, Instant};

use mmp_transcode::generated::types::{POST, POST_METADATA};
use mmp_transcode::generated::{API, HOOKS, api_by_name};
use mmp_transcode::proto;
use mmp_transcode::schema::Method;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::frame::Frame;
use crate::support::generate::Generator;
use crate::wire::{bytes, called, message, number, request, tag};

/// A time in which even a slow machine has done what is linear, and none has done what is quadratic.
const LINEAR: Duration = Duration::from_secs(60);

/// Fields in a hostile message.
const MANY: usize = 1 << 20;

fn prop(value: &[u8]) -> Vec<u8> {
    bytes(1, message(tag(&POST, "props"), &[bytes(1, "x"), bytes(2, value)]))
}

/// A `Value` of lists in each other. The lengths are known from the inside out, so the bytes are built from the end.
fn nested(levels: usize, open: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    (0..levels).fold(number(3, 1), |inner, _| open(inner))
}

#[test]
fn values_nest_about_a_hundred_deep() {
    let list = |inner: Vec<u8>| bytes(8, bytes(1, inner));
    let map = |inner: Vec<u8>| bytes(9, bytes(1, [bytes(1, "k"), bytes(2, inner)].concat()));
    assert!(called("CreatePost", &prop(&nested(90, list))).is_ok());
    assert!(called("CreatePost", &prop(&nested(90, map))).is_ok());
    for levels in [110, 5_000] {
        for deep in [nested(levels, list), nested(levels, map)] {
            let error = called("CreatePost", &prop(&deep)).expect_err("it is too deep").to_string();
            assert!(error.ends_with("nested too deeply"), "{error}");
        }
    }
    let deep = (0..110).fold(Frame::Int(1), |inner, _| Frame::List(vec![inner]));
    let error = request("CreatePost", &[Frame::map([("props", Frame::map([("x", deep)]))])]);
    assert!(error.expect_err("it is too deep").to_string().ends_with("nested too deeply"));
}

#[test]
fn what_one_side_takes_the_other_takes() {
    for levels in 80..120 {
        let deep = (0..levels).fold(Frame::Int(1), |inner, _| Frame::List(vec![inner]));
        let post = Frame::map([("props", Frame::map([("x", deep)]))]);
        let Ok(message) = request("CreatePost", std::slice::from_ref(&post)) else { continue };
        assert_eq!(called("CreatePost", &message).expect("it was taken before"), [post]);
    }
}

#[test]
fn a_type_that_contains_itself_ends_somewhere() {
    let field = mmp_transcode::generated::types::COMMAND_RESPONSE.fields.iter().find(|f| f.key == "extra_responses");
    let extra = field.expect("a field").tag;
    let response = (0..5_000).fold(Vec::new(), |inner, _| bytes(extra, inner));
    let method = mmp_transcode::generated::hook_by_name("ExecuteCommand").expect("a hook");
    let error = proto::results_from_proto(method, &bytes(1, response), &mut Vec::new()).expect_err("it is too deep");
    assert!(error.to_string().ends_with("nested too deeply"));
}

#[test]
fn lengths_that_lie_allocate_nothing() {
    for len in [1 << 20, u64::from(u32::MAX), u64::MAX] {
        let field = [&[0x0a][..], &crate::wire::varint(len)].concat();
        assert!(called("CreatePost", &field).is_err());
        assert!(called("CreatePost", &bytes(1, field)).is_err());
    }
}

#[test]
fn a_million_fields_take_a_moment() {
    let start = Instant::now();
    let id = bytes(tag(&POST, "id"), "a").repeat(MANY);
    assert_eq!(called("CreatePost", &bytes(1, id)).expect("it fits"), [Frame::map([("id", Frame::str("a"))])]);
    let unknown = number(1 << 20, 1).repeat(MANY);
    assert_eq!(called("CreatePost", &bytes(1, unknown)).expect("it fits"), [Frame::map([])]);
    // Messages that merge, on three levels.
    let metadata = message(tag(&POST, "metadata"), &[message(tag(&POST_METADATA, "priority"), &[number(2, 1)])]);
    let found = called("CreatePost", &bytes(1, metadata.repeat(MANY))).expect("it fits");
    let priority = Frame::map([("requested_ack", Frame::Bool(true))]);
    assert_eq!(found, [Frame::map([("metadata", Frame::map([("priority", priority)]))])]);
    assert!(called("CreatePost", &bytes(1, metadata).repeat(MANY)).is_ok());
    assert!(start.elapsed() < LINEAR, "{:?}", start.elapsed());
}

#[test]
fn many_entries_and_items_take_a_moment() {
    let start = Instant::now();
    let props = tag(&POST, "props");
    let same = message(props, &[bytes(1, "k")]).repeat(MANY / 4);
    let found = called("CreatePost", &bytes(1, same)).expect("it fits");
    assert_eq!(found, [Frame::map([("props", Frame::map([("k", Frame::Nil)]))])]);
    let different: Vec<u8> = (0..MANY / 16).flat_map(|n| message(props, &[bytes(1, n.to_string())])).collect();
    let mut out = Vec::new();
    let method = api_by_name("CreatePost").expect("a method");
    proto::args_from_proto(method, &bytes(1, different), &mut out).expect("it fits");
    // Two lists in each other's way, neither of which is read again for every item of the other.
    let pair = [bytes(tag(&POST, "file_ids"), "f"), bytes(tag(&POST, "filenames"), "g")].concat();
    out.clear();
    proto::args_from_proto(method, &bytes(1, pair.repeat(MANY / 4)), &mut out).expect("it fits");
    // Every level of a value comes in two pieces.
    let value = (0..40).fold(number(3, 1), |inner, _| {
        let piece = bytes(8, bytes(1, inner));
        [bytes(8, []), piece, bytes(8, bytes(1, vec![0x18, 1]))].concat()
    });
    assert!(called("CreatePost", &prop(&value)).is_ok());
    assert!(start.elapsed() < LINEAR, "{:?}", start.elapsed());
}

fn methods() -> impl Strategy<Value = &'static Method> {
    prop_oneof![(0..API.len()).prop_map(|at| &API[at]), (0..HOOKS.len()).prop_map(|at| &HOOKS[at])]
}

/// Edits of a message that was well-formed.
#[derive(Debug, Clone)]
enum Edit {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (any::<prop::sample::Index>(), 1usize..8).prop_map(|(at, len)| Edit::Remove(at, len)),
        (any::<prop::sample::Index>(), 1usize..30).prop_map(|(at, len)| Edit::Repeat(at, len)),
    ]
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Edit::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Edit::Remove(at, len) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + len).min(bytes.len()));
            }
            Edit::Repeat(at, len) => {
                let at = at.index(bytes.len());
                let copy = bytes[at..(at + len).min(bytes.len())].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
}

/// Whether a message is refused, or becomes a frame that survives another round.
fn stable(method: &Method, message: &[u8]) -> Result<(), TestCaseError> {
    let (mut frame, mut again, mut back) = (Vec::new(), Vec::new(), Vec::new());
    if proto::args_from_proto(method, message, &mut frame).is_err() {
        return Ok(());
    }
    if proto::args_to_proto(method, &frame, &mut again).is_err() {
        return Err(TestCaseError::fail("the frame is not one"));
    }
    proto::args_from_proto(method, &again, &mut back).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(frame, back);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, rng_seed: RngSeed::Fixed(5), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edited_messages_are_refused_or_become_frames(method in methods(), seed: u64, edits in prop::collection::vec(edit(), 1..6)) {
        let mut generator = Generator(seed);
        let frame = Frame::List(method.args.iter().map(|slot| generator.value(&slot.kind, 1)).collect()).bytes();
        let mut message = Vec::new();
        proto::args_to_proto(method, &frame, &mut message).expect("it fits");
        edits.iter().for_each(|edit| edit.apply(&mut message));
        stable(method, &message)?;
    }

    #[test]
    fn any_bytes_are_refused_or_become_frames(method in methods(), message in prop::collection::vec(any::<u8>(), 0..60)) {
        stable(method, &message)?;
    }

    #[test]
    fn edited_frames_are_refused_or_become_messages(method in methods(), seed: u64, edits in prop::collection::vec(edit(), 1..6)) {
        let mut generator = Generator(seed);
        let mut frame = Frame::List(method.args.iter().map(|slot| generator.value(&slot.kind, 1)).collect()).bytes();
        edits.iter().for_each(|edit| edit.apply(&mut frame));
        let mut message = Vec::new();
        if proto::args_to_proto(method, &frame, &mut message).is_ok() {
            proto::args_from_proto(method, &message, &mut Vec::new()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        }
    }
}
