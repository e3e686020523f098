//! Bytes that nobody sends on purpose: no panic, no overflow of the stack, memory and time in proportion to their length.

use mmp_gob::{Encoder, Limits, StreamReader, gob_struct};
use mmp_transcode::generated::{API, HOOKS, hook_by_name};
use mmp_transcode::schema::Method;
use mmp_transcode::{Error, Sent, ToGob};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::api::{call_raw, reply};
use crate::support::frame::Frame;
use crate::support::gob::Incoming;

/// MessagePack that is mostly well-formed: what random bytes never reach.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let key =
        prop::sample::select(&["id", "message", "props", "attachments", "metadata", "fields", "x", "kind", "text"]);
    let leaf = prop_oneof![
        Just(Frame::Nil),
        any::<bool>().prop_map(Frame::Bool),
        any::<i64>().prop_map(|value| Frame::Int(value.into())),
        any::<u64>().prop_map(|value| Frame::Int(value.into())),
        any::<f64>().prop_map(Frame::float),
        ".{0,5}".prop_map(Frame::Str),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Frame::Bin),
        (any::<i64>(), 0u32..1_000_000_000).prop_map(|(seconds, nanos)| Frame::Time(seconds, nanos)),
    ];
    let tree = leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Frame::List),
            prop::collection::vec((key.clone().prop_map(str::to_owned), inner), 0..6).prop_map(Frame::Map),
        ]
    });
    tree.prop_map(|tree| tree.bytes())
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let array = || {
        prop::collection::vec(value(), 0..4).prop_map(|values: Vec<Vec<u8>>| {
            let mut out = vec![0x90 | values.len() as u8];
            values.iter().for_each(|value| out.extend_from_slice(value));
            out
        })
    };
    let broken = (array(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut bytes, at, byte)| {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes
    });
    prop_oneof![3 => array(), 2 => broken, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

/// The hook whose arguments are the same struct as its results, so that we can write them.
fn consumed() -> &'static Method {
    hook_by_name("MessagesWillBeConsumed").expect("a hook")
}

/// The arguments of that hook: two posts.
fn consumed_args() -> Vec<u8> {
    let attachment = Frame::map([("title", Frame::str("t")), ("ts", Frame::Int(5))]);
    let props = Frame::map([
        ("attachments", Frame::List(vec![attachment])),
        ("x", Frame::List(vec![Frame::Int(1), Frame::map([("message", Frame::float(1.5))])])),
    ]);
    let post = Frame::map([("id", Frame::str("p")), ("message", Frame::str("m")), ("props", props)]);
    let other = Frame::map([("id", Frame::str("q")), ("file_ids", Frame::List(vec![Frame::str("f")]))]);
    reply("MessagesWillBeConsumed", &[Frame::List(vec![post, other])]).expect("it fits")
}

/// Answers the hook with `payload`, if its arguments can be read.
fn echo(args: &[u8], payload: &[u8]) -> Option<Result<Vec<u8>, Error>> {
    let mut incoming = Incoming::default();
    let (frame, kept) = incoming.args(consumed(), args).ok()?;
    let kept = kept?;
    let sent = Sent { frame: &frame[kept.frame.clone()], gob: &kept.gob, wire: kept.wire };
    let mut out = Vec::new();
    let types = &mut incoming.reader.types;
    Some(ToGob::default().reply(consumed(), payload, Some(sent), types, &mut out).map(|()| out))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_payload_is_written_or_refused(payload in payload(), method in 0..API.len()) {
        let mut out = Vec::new();
        let mut to = ToGob::default();
        if to.call(&API[method], &payload, &mut out).is_ok() {
            // What was written, a host can read.
            Incoming::default().args(&API[method], &out).expect("gob");
        } else {
            prop_assert!(out.is_empty());
        }
    }

    #[test]
    fn any_reply_is_written_or_refused(payload in payload(), hook in 0..HOOKS.len()) {
        let mut out = Vec::new();
        let mut types = StreamReader::new(Limits::default()).types;
        let method = &HOOKS[hook];
        if ToGob::default().reply(method, &payload, None, &mut types, &mut out).is_ok() {
            let mut reader = StreamReader::new(Limits::default());
            crate::support::gob::next_value(&mut reader, &out);
        }
    }

    #[test]
    fn any_echo_is_written_or_refused(first in value(), second in value(), id in "[pqr]") {
        let mut payload = vec![0x91, 0x93];
        payload.extend_from_slice(&first);
        payload.extend_from_slice(&Frame::map([("id", Frame::Str(id)), ("message", Frame::str("changed"))]).bytes());
        // Most random values are no posts; as props of one they are.
        payload.extend_from_slice(b"\x82\xa2id\xa1p\xa5props\x81\xa1x");
        payload.extend_from_slice(&second);
        for posts in [&payload[..], &[&[0x91, 0x92], &payload[2 + first.len()..]].concat()] {
            if let Some(Ok(gob)) = echo(&consumed_args(), posts) {
                crate::support::gob::next_value(&mut StreamReader::new(Limits::default()), &gob);
            }
        }
    }

    #[test]
    fn any_damage_to_gob_is_survived(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut gob = consumed_args();
        for (at, byte) in damage {
            let at = at.index(gob.len());
            gob[at] = byte;
        }
        // Whether it can be read, and a post with another message be written, depends on the damage.
        let changed = Frame::map([("id", Frame::str("p")), ("message", Frame::str("changed"))]);
        for payload in [Vec::new(), Frame::List(vec![Frame::List(vec![changed])]).bytes()] {
            if let Some(Ok(gob)) = echo(&gob, &payload) {
                crate::support::gob::next_value(&mut StreamReader::new(Limits::default()), &gob);
            }
        }
    }
}

#[test]
fn nesting_ends_at_a_limit() {
    for (open, close) in [(&b"\x91"[..], &b"\xc0"[..]), (b"\x81\xa1x", b"\xc0")] {
        for levels in [50, 300, 100_000] {
            let mut payload = b"\x91\x81\xa5props\x81\xa1x".to_vec();
            payload.extend(open.repeat(levels));
            payload.extend_from_slice(close);
            let done = call_raw("CreatePost", &payload);
            assert_eq!(done.is_ok(), levels == 50, "{levels} levels: {:?}", done.map(|gob| gob.len()));
        }
    }
}

#[test]
fn a_recursive_type_ends_at_a_limit() {
    for levels in [60, 10_000] {
        let mut payload = b"\x91\x81\xafextra_responses\x91".to_vec();
        payload.extend(b"\x81\xafextra_responses\x91".repeat(levels));
        payload.push(0x80);
        let mut types = StreamReader::new(Limits::default()).types;
        let mut out = Vec::new();
        let method = hook_by_name("ExecuteCommand").expect("a hook");
        let done = ToGob::default().reply(method, &payload, None, &mut types, &mut out);
        assert_eq!(done.is_ok(), levels == 60, "{levels} levels: {done:?}");
    }
}

#[test]
fn gob_nested_too_deeply_is_refused_and_the_stream_goes_on() {
    // Written by hand: a definition of `struct { A any }` as id 96, and lists in lists in it.
    let mut deep = Vec::new();
    for _ in 0..150 {
        let mut outer = b"\x0e[]interface {}".to_vec();
        outer.extend_from_slice(&[0xff, 0xc4]);
        mmp_gob::varint::put_uint(&mut outer, deep.len() as u64 + 2);
        outer.extend_from_slice(&[0, 1]);
        outer.extend_from_slice(if deep.is_empty() { &[0] } else { &deep });
        deep = outer;
    }
    let mut gob = Vec::new();
    let list = mmp_gob::WireType::Slice { name: "".into(), elem: mmp_gob::ids::INTERFACE };
    list.put_definition(98, &mut gob);
    let map = mmp_gob::WireType::Map { name: "".into(), key: mmp_gob::ids::STRING, elem: mmp_gob::ids::INTERFACE };
    map.put_definition(97, &mut gob);
    let field = mmp_gob::WireField { name: "A".into(), id: 97 };
    mmp_gob::WireType::Struct { name: "".into(), fields: vec![field].into() }.put_definition(96, &mut gob);
    let mut message = vec![0xff, 0xc0, 1, 1, 1, b'x'];
    message.extend_from_slice(&deep);
    message.push(0);
    mmp_gob::varint::put_bytes(&mut gob, &message);
    let plain = [0xff, 0xc0, 1, 1, 1, b'x', 0, 0];
    let method = mmp_transcode::generated::api_by_name("GetPluginConfig").expect("a method");
    let mut incoming = Incoming::default();
    let error = incoming.results(method, &gob).expect_err("too deep").to_string();
    assert_eq!(error, "[0]: nested too deeply");
    let mut next = Vec::new();
    mmp_gob::varint::put_bytes(&mut next, &plain);
    let (frame, _) = incoming.results(method, &next).expect("the stream goes on");
    assert_eq!(Frame::parse(&frame), Frame::List(vec![Frame::map([("x", Frame::Nil)])]));
}

gob_struct! {
    struct Post("Post") { id: mmp_gob::GoString = "Id" }
    struct Slice("Z_MessagesWillBeConsumedArgs") { a: Vec<Post> = "A" }
    struct Array("Z_MessagesWillBeConsumedArgs") { a: [Post; 1] = "A" }
}

/// No Mattermost sends an array where the schema has a slice, and Go refuses one; a list of another length could not be sent back as an array.
#[test]
fn an_array_is_no_slice() {
    let mut stream = Vec::new();
    let post = || Post { id: "x".into() };
    Encoder::new().encode(&Slice { a: vec![post()] }, &mut stream).expect("encodes");
    Incoming::default().args(consumed(), &stream).expect("a slice");
    stream.clear();
    Encoder::new().encode(&Array { a: [post()] }, &mut stream).expect("encodes");
    let error = Incoming::default().args(consumed(), &stream).expect_err("an array").to_string();
    assert!(error.contains("another type than a list"), "{error}");
}
