//! Values that do not fit, and what is said about them.

use crate::api::{call, call_raw, reply};
use crate::support::frame::Frame;

fn refused(method: &str, arguments: &[Frame]) -> String {
    call(method, arguments).expect_err("it does not fit").to_string()
}

fn field(key: &str, value: Frame) -> String {
    refused("CreatePost", &[Frame::map([(key, value)])])
}

#[test]
fn types_are_not_mixed_up() {
    assert_eq!(field("create_at", Frame::float(5.0)), "post.create_at: expected an integer, got a float");
    assert_eq!(field("create_at", Frame::Bool(true)), "post.create_at: expected an integer, got a bool");
    assert_eq!(field("create_at", Frame::Nil), "post.create_at: expected an integer, got nil");
    assert_eq!(field("is_pinned", Frame::Int(1)), "post.is_pinned: expected a bool, got an integer");
    assert_eq!(field("message", Frame::Bin(vec![1])), "post.message: expected a string, got bytes");
    assert_eq!(field("message", Frame::Nil), "post.message: expected a string, got nil");
    assert_eq!(field("props", Frame::List(vec![])), "post.props: expected a map, got a list");
    assert_eq!(field("file_ids", Frame::str("a")), "post.file_ids: expected a list, got a string");
    assert_eq!(field("metadata", Frame::str("a")), "post.metadata: expected a struct, got a string");
    assert_eq!(refused("CreatePost", &[Frame::Int(1)]), "post: expected a struct, got an integer");
    assert_eq!(refused("KVSet", &[Frame::str("k"), Frame::str("v")]), "value: expected bytes, got a string");
}

#[test]
fn integers_fit_in_64_bits_and_in_narrower_types() {
    let value = Frame::Int(1 << 63);
    assert_eq!(field("create_at", value), "post.create_at: 9223372036854775808 does not fit in 64 bits");
}

#[test]
fn keys_are_those_of_the_schema() {
    assert_eq!(field("mesage", Frame::str("x")), "post: has no field \"mesage\"");
    let attachment = Frame::map([("titel", Frame::str("x"))]);
    let props = Frame::map([("attachments", Frame::List(vec![Frame::map([]), attachment]))]);
    assert_eq!(field("props", props), "post.props.attachments[1]: has no field \"titel\"");
    let numbered = call_raw("CreatePost", b"\x91\x81\x01\x02").expect_err("a number").to_string();
    assert_eq!(numbered, "post: expected a string as key, got an integer");
    let numbered = call_raw("CreatePost", b"\x91\x81\xa5props\x81\x01\x02").expect_err("a number").to_string();
    assert_eq!(numbered, "post.props: expected a string, got an integer");
}

#[test]
fn nil_is_refused_where_go_cannot_send_it_or_would_dereference_it() {
    assert_eq!(refused("CreatePost", &[Frame::Nil]), "post: must not be nil here");
    assert_eq!(refused("CreatePost", &[]), "post: must not be nil here");
    let participants = Frame::List(vec![Frame::map([]), Frame::Nil]);
    assert_eq!(field("participants", participants), "post.participants[1]: must not be nil here");
    let responses = Frame::map([("extra_responses", Frame::List(vec![Frame::Nil]))]);
    let error = reply("ExecuteCommand", &[responses]).expect_err("nil").to_string();
    assert_eq!(error, "[0].extra_responses[0]: must not be nil here");
}

#[test]
fn the_payload_is_one_array_of_at_most_as_many_values() {
    assert_eq!(refused("GetUser", &[Frame::str("a"), Frame::str("b")]), "2 values for a method that has 1");
    let raw = |payload: &[u8]| call_raw("GetUser", payload).expect_err("wrong").to_string();
    assert_eq!(raw(b"\xa1a"), "expected a list of values, got a string");
    assert_eq!(raw(b"\x91\xa1ab"), "not MessagePack: bytes follow the value");
    assert_eq!(raw(b""), "not MessagePack: the value ends too early");
    assert_eq!(raw(b"\x91"), "not MessagePack: the value ends too early");
    assert_eq!(raw(b"\x91\xc1"), "not MessagePack: the byte 0xc1 starts no value");
    assert_eq!(raw(b"\x91\xa5abc"), "not MessagePack: the value ends too early");
    assert_eq!(raw(b"\x91\xdd\xff\xff\xff\xff"), "not MessagePack: the value ends too early");
}

#[test]
fn times_are_checked() {
    let status =
        |time: Frame| refused("UpdateUserCustomStatus", &[Frame::str("user"), Frame::map([("expires_at", time)])]);
    let wrong = "customStatus.expires_at: \"yesterday\" is not a time in RFC 3339 form";
    assert_eq!(status(Frame::str("yesterday")), wrong);
    assert_eq!(status(Frame::Int(1)), "customStatus.expires_at: expected a time, got an integer");
    let payload = b"\x91\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    let error = call_raw("GetUser", payload).expect_err("too many nanoseconds").to_string();
    assert_eq!(error, "not MessagePack: a timestamp is malformed");
}

#[test]
fn interfaces_hold_what_gob_can_name() {
    let props = Frame::map([("when", Frame::Time(1, 0))]);
    assert_eq!(field("props", props), "post.props.when: expected a value, got a time");
    let infinite = Frame::map([("value", Frame::List(vec![Frame::float(f64::NAN)]))]);
    let error = refused("CreatePropertyValue", &[infinite]);
    assert_eq!(error, "value.value: expected a JSON number, got infinity or NaN");
    let bytes = Frame::map([("value", Frame::List(vec![Frame::Bin(vec![1])]))]);
    assert_eq!(refused("CreatePropertyValue", &[bytes]), "value.value: expected a JSON value, got bytes");
}

#[test]
fn what_failed_leaves_the_stream_as_it_was() {
    use mmp_gob::{Limits, StreamReader};
    use mmp_transcode::generated::api_by_name;
    let method = api_by_name("CreatePost").expect("a method");
    let mut to = mmp_transcode::ToGob::default();
    let mut out = Vec::new();
    let wrong = Frame::List(vec![Frame::map([("props", Frame::map([("x", Frame::Time(1, 0))]))])]);
    assert!(to.call(method, &wrong.bytes(), &mut out).is_err());
    assert!(out.is_empty());
    let right = Frame::List(vec![Frame::map([("props", Frame::map([("x", Frame::List(vec![]))]))])]);
    to.call(method, &right.bytes(), &mut out).expect("it fits");
    let mut reader = StreamReader::new(Limits::default());
    crate::support::gob::next_value(&mut reader, &out);
    out.clear();
    to.call(method, &right.bytes(), &mut out).expect("it fits");
    assert!(out.len() < 100, "the definitions went out before");
    crate::support::gob::next_value(&mut reader, &out);
}
