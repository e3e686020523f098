//! Messages and frames that do not fit, and what is said about them.

use mmp_transcode::generated::types::POST;
use mmp_transcode::proto;
use mmp_transcode::schema::{Kind, Slot};

use crate::support::frame::Frame;
use crate::wire::{bytes, called, message, number, request, tag, varint};

fn refused(field: &[u8]) -> String {
    called("CreatePost", &bytes(1, field)).expect_err("it does not fit").to_string()
}

fn slot(kind: Kind) -> [Slot; 1] {
    [Slot { tag: 1, field: 0, name: "x", kind, nil_ok: true }]
}

#[test]
fn a_field_has_the_wire_type_of_its_kind() {
    let message_tag = tag(&POST, "message");
    assert_eq!(refused(&number(message_tag, 1)), "post.message: expected bytes with a length, got a varint");
    let create_at = tag(&POST, "create_at");
    assert_eq!(refused(&bytes(create_at, "1")), "post.create_at: expected a varint, got bytes with a length");
    let props = tag(&POST, "props");
    let value = message(props, &[bytes(1, "k"), message(2, &[bytes(3, "1")])]);
    assert_eq!(refused(&value), "post.props.k: expected a varint, got bytes with a length");
    let fixed = [varint(u64::from(create_at) << 3 | 1), vec![0; 8]].concat();
    assert_eq!(refused(&fixed), "post.create_at: expected a varint, got eight bytes");
    assert_eq!(refused(&number(props, 1)), "post.props: expected bytes with a length, got a varint");
}

#[test]
fn strings_are_utf_8() {
    assert_eq!(refused(&bytes(tag(&POST, "message"), [0xff])), "post.message: is not UTF-8");
    let key = message(tag(&POST, "props"), &[bytes(1, [0xc0, 0x80])]);
    assert_eq!(refused(&key), "post.props: is not UTF-8");
    let value = message(tag(&POST, "props"), &[bytes(1, "k"), message(2, &[bytes(6, [0xff])])]);
    assert_eq!(refused(&value), "post.props.k: is not UTF-8");
    let frame = b"\x91\x81\xa7message\xa1\xff";
    let method = mmp_transcode::generated::api_by_name("CreatePost").expect("a method");
    let error = proto::args_to_proto(method, frame, &mut Vec::new()).expect_err("it is no text");
    assert_eq!(error.to_string(), "post.message: is not UTF-8");
}

#[test]
fn what_ends_early_is_refused() {
    let whole = bytes(1, [bytes(tag(&POST, "message"), "text"), number(tag(&POST, "create_at"), 1 << 40)].concat());
    assert!(called("CreatePost", &whole).is_ok());
    for len in 1..whole.len() {
        let error = called("CreatePost", &whole[..len]).expect_err("it is not whole");
        assert_eq!(error.to_string(), "not protobuf: a field ends too early", "{len}");
    }
    assert_eq!(refused(&[0x0a, 5, b'x']), "post: not protobuf: a field ends too early");
}

#[test]
fn groups_are_refused() {
    assert_eq!(refused(&varint(500 << 3 | 3)), "post: not protobuf: a field has the wire type 3");
    assert_eq!(refused(&varint(500 << 3 | 4)), "post: not protobuf: a field has the wire type 4");
    assert_eq!(refused(&[0]), "post: not protobuf: a field has the number 0");
}

#[test]
fn integers_fit_in_gos_type() {
    let read = |kind, value: u64| {
        let mut out = Vec::new();
        proto::slots_from_proto(&slot(kind), &number(1, value), &mut out).map(|()| Frame::parse(&out))
    };
    let list = |value: i128| Frame::List(vec![Frame::Int(value)]);
    for (kind, good, bad, text) in [
        (Kind::Int(8), -128, -129, "x: -129 does not fit in 8 bits"),
        (Kind::Int(16), 32_767, 32_768, "x: 32768 does not fit in 16 bits"),
        (Kind::Uint(8), 255, 256, "x: 256 does not fit in 8 bits"),
        (Kind::Uint(16), 65_535, 65_536, "x: 65536 does not fit in 16 bits"),
    ] {
        assert_eq!(read(kind, good as u64).expect("it fits"), list(good.into()));
        assert_eq!(read(kind, bad as u64).expect_err("it does not fit").to_string(), text);
    }
    // Protobuf's own rule for what does not fit in the field.
    assert_eq!(read(Kind::Int(32), (1 << 32) + 5).expect("it fits"), list(5));
    let write = |kind, value: Frame| {
        proto::slots_to_proto(&slot(kind), &Frame::List(vec![value]).bytes(), &mut Vec::new())
            .map_err(|e| e.to_string())
    };
    assert_eq!(write(Kind::Int(32), Frame::Int(1 << 31)), Err("x: 2147483648 does not fit in 32 bits".to_owned()));
    assert_eq!(write(Kind::Uint(32), Frame::Int(-1)), Err("x: -1 does not fit in 32 bits".to_owned()));
    assert_eq!(
        write(Kind::Int(64), Frame::Int(1 << 63)),
        Err("x: 9223372036854775808 does not fit in 64 bits".to_owned())
    );
    assert!(write(Kind::Float(32), Frame::float(1e300)).is_err_and(|e| e.ends_with("does not fit in a 32-bit float")));
}

#[test]
fn timestamps_have_less_than_a_second_of_nanoseconds() {
    for nanos in [1_000_000_000, (-1i64) as u64] {
        let status = message(2, &[message(4, &[number(2, nanos)])]);
        let field =
            mmp_transcode::generated::types::CUSTOM_STATUS.fields.iter().find(|field| field.key == "expires_at");
        assert_eq!(field.expect("a field").tag, 4);
        let error = called("UpdateUserCustomStatus", &status).expect_err("it is no time").to_string();
        let text = format!("customStatus.expires_at: not protobuf: a timestamp has {} nanoseconds", nanos as i32);
        assert_eq!(error, text);
    }
}

#[test]
fn frames_fit_the_schema() {
    let refused = |arguments: &[Frame]| request("CreatePost", arguments).expect_err("it does not fit").to_string();
    let field = |key: &str, value: Frame| refused(&[Frame::map([(key, value)])]);
    assert_eq!(field("mesage", Frame::str("x")), "post: has no field \"mesage\"");
    assert_eq!(field("message", Frame::Int(1)), "post.message: expected a string, got an integer");
    assert_eq!(
        field("file_ids", Frame::List(vec![Frame::Int(1)])),
        "post.file_ids[0]: expected a string, got an integer"
    );
    assert_eq!(refused(&[Frame::Nil, Frame::Nil]), "2 values for a method that has 1");
    let nil = Frame::map([("embeds", Frame::List(vec![Frame::Nil]))]);
    assert_eq!(field("metadata", nil), "post.metadata.embeds[0]: must not be nil here");
    let time = Frame::map([("x", Frame::Time(1, 0))]);
    assert_eq!(field("props", time), "post.props.x: expected a value, got a time");
}
