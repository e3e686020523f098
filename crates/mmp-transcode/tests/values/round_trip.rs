//! What goes in comes out, to the edges of every type.

use mmp_transcode::{Reply, generated};

use crate::api::{back, call, reply, round_trip};
use crate::support::frame::Frame;
use crate::support::gob::Incoming;

fn props(value: Frame) -> Frame {
    Frame::map([("props", Frame::map([("x", value)]))])
}

#[test]
fn integers_reach_to_the_ends_of_64_bits() {
    for value in [i64::MIN, i64::MIN + 1, -129, -33, -1, 1, 127, 128, 255, 256, 1 << 53, (1 << 53) + 1, i64::MAX] {
        let post = Frame::map([("create_at", Frame::Int(value.into()))]);
        assert_eq!(round_trip("CreatePost", &post), post);
        assert_eq!(round_trip("CreatePost", &props(Frame::Int(value.into()))), props(Frame::Int(value.into())));
    }
    for value in [1u64 << 63, u64::MAX] {
        assert_eq!(round_trip("CreatePost", &props(Frame::Int(value.into()))), props(Frame::Int(value.into())));
    }
    let post = Frame::map([("create_at", Frame::Int(0))]);
    assert_eq!(round_trip("CreatePost", &post), Frame::map([]));
}

#[test]
fn floats_keep_their_bits_inside_interfaces() {
    for value in [0.0, -0.0, 1.5, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5.0] {
        assert_eq!(round_trip("CreatePost", &props(Frame::float(value))), props(Frame::float(value)));
    }
}

#[test]
fn strings_of_any_length_arrive() {
    for len in [0, 1, 31, 32, 255, 256, 65_535, 65_536, 1 << 20] {
        let text = Frame::Str("é".repeat(len / 2) + &"x".repeat(len % 2));
        let post = Frame::map([("message", text.clone())]);
        let found = round_trip("CreatePost", &post);
        assert_eq!(found, if len == 0 { Frame::map([]) } else { post });
        assert_eq!(round_trip("CreatePost", &props(text.clone())), props(text));
    }
    let replaced = Frame::map([("message", Frame::str("\u{fffd}"))]);
    assert_eq!(round_trip("CreatePost", &replaced), replaced);
}

#[test]
fn nil_and_empty_containers_are_the_same() {
    for empty in [Frame::Nil, Frame::List(Vec::new())] {
        assert_eq!(round_trip("CreatePost", &Frame::map([("file_ids", empty)])), Frame::map([]));
    }
    for empty in [Frame::Nil, Frame::map([])] {
        assert_eq!(round_trip("CreatePost", &Frame::map([("props", empty)])), Frame::map([]));
    }
    let nested = props(Frame::List(vec![Frame::Nil, Frame::map([]), Frame::List(vec![]), Frame::str("")]));
    assert_eq!(round_trip("CreatePost", &nested), nested);
}

#[test]
fn a_pointer_to_a_zero_value_is_nil_but_one_to_a_struct_is_not() {
    // Gob flattens pointers, so Go itself loses the first.
    let post = Frame::map([("remote_id", Frame::str("")), ("is_following", Frame::Bool(false))]);
    assert_eq!(round_trip("CreatePost", &post), Frame::map([]));
    let post = Frame::map([("metadata", Frame::map([]))]);
    assert_eq!(round_trip("CreatePost", &post), post);
}

#[test]
fn arguments_left_out_are_zero() {
    let gob = call("KVSet", &[Frame::str("key")]).expect("it fits");
    assert_eq!(back("KVSet", &gob), [Frame::str("key"), Frame::Nil]);
    let gob = call("KVSet", &[Frame::str("key"), Frame::Bin(vec![0, 255])]).expect("it fits");
    assert_eq!(back("KVSet", &gob), [Frame::str("key"), Frame::Bin(vec![0, 255])]);
}

#[test]
fn replies_nest_as_deep_as_their_type_does() {
    let mut response = Frame::map([("text", Frame::str("innermost"))]);
    for level in 0..20 {
        response =
            Frame::map([("text", Frame::Str(level.to_string())), ("extra_responses", Frame::List(vec![response]))]);
    }
    let gob = reply("ExecuteCommand", std::slice::from_ref(&response)).expect("it fits");
    let method = generated::hook_by_name("ExecuteCommand").expect("a hook");
    let (frame, kind) = Incoming::default().results(method, &gob).expect("a frame");
    assert_eq!((Frame::parse(&frame).sorted(), kind), (Frame::List(vec![response]).sorted(), Reply::Results));
}

#[test]
fn the_fields_of_embedded_structs_stand_among_those_of_their_parent() {
    let category = Frame::map([
        ("id", Frame::str("c")),
        ("sort_order", Frame::Int(3)),
        ("channel_ids", Frame::List(vec![Frame::str("x")])),
    ]);
    let arguments = [Frame::str("user"), Frame::str("team"), category];
    let gob = call("CreateChannelSidebarCategory", &arguments).expect("it fits");
    assert_eq!(back("CreateChannelSidebarCategory", &gob), arguments);
}

#[test]
fn json_is_a_value_and_what_is_not_json_is_bytes() {
    let deep =
        Frame::map([("a", Frame::List(vec![Frame::Int(1), Frame::float(1.5), Frame::Nil, Frame::str("é\"\n")]))]);
    let texts = [Frame::str("text"), Frame::Bool(true), Frame::Int(-5), Frame::float(2.0), deep, Frame::List(vec![])];
    for value in texts.into_iter().chain([Frame::Bin(b"{broken".to_vec()), Frame::Bin(vec![0xff])]) {
        let property = Frame::map([("value", value)]);
        assert_eq!(round_trip("CreatePropertyValue", &property), property);
    }
    // Bytes that are JSON arrive as what they say.
    let property = Frame::map([("value", Frame::Bin(b"[1]".to_vec()))]);
    let wanted = Frame::map([("value", Frame::List(vec![Frame::Int(1)]))]);
    assert_eq!(round_trip("CreatePropertyValue", &property), wanted);
    for nothing in [Frame::Nil, Frame::Bin(Vec::new())] {
        assert_eq!(round_trip("CreatePropertyValue", &Frame::map([("value", nothing)])), Frame::map([]));
    }
}

#[test]
fn times_are_instants() {
    let status = |time: Frame| Frame::map([("emoji", Frame::str("e")), ("expires_at", time)]);
    let trip = |time: Frame| {
        let gob = call("UpdateUserCustomStatus", &[Frame::str("user"), status(time)]).expect("it fits");
        back("UpdateUserCustomStatus", &gob).remove(1)
    };
    let year_1 = -62_135_596_800;
    for (seconds, nanos) in
        [(0, 0), (-1, 999_999_999), (1 << 34, 1), (year_1, 1), (year_1 - 86_400 * 366, 0), (253_402_300_799, 5)]
    {
        assert_eq!(trip(Frame::Time(seconds, nanos)), status(Frame::Time(seconds, nanos)));
    }
    assert_eq!(trip(Frame::str("2026-01-31T12:30:00.25+02:00")), status(Frame::Time(1_769_855_400, 250_000_000)));
    let nothing = Frame::map([("emoji", Frame::str("e"))]);
    for zero in [Frame::Nil, Frame::str("")] {
        assert_eq!(trip(zero), nothing);
    }
    assert_eq!(trip(Frame::Time(year_1, 0)), status(Frame::Nil));
}

#[test]
fn the_keys_of_a_struct_may_come_in_any_order() {
    let post = Frame::map([
        ("message", Frame::str("m")),
        ("id", Frame::str("i")),
        (
            "props",
            Frame::map([(
                "attachments",
                Frame::List(vec![Frame::map([("title", Frame::str("t")), ("id", Frame::Int(1))])]),
            )]),
        ),
        ("create_at", Frame::Int(0)),
        ("update_at", Frame::Int(5)),
    ]);
    let mut wanted = post.clone();
    wanted.remove("create_at");
    assert_eq!(round_trip("CreatePost", &post).sorted(), wanted.sorted());
    let twice = b"\x91\x82\xa7message\xa1a\xa7message\xa1b";
    let gob = crate::api::call_raw("CreatePost", twice).expect("it fits");
    assert_eq!(back("CreatePost", &gob), [Frame::map([("message", Frame::str("b"))])]);
}
