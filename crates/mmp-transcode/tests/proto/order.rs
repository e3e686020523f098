//! Fields in any order, several times, in pieces: what protobuf allows, frames have in one form.

use mmp_transcode::generated::types::{POST, POST_METADATA};

use crate::support::frame::Frame;
use crate::wire::{bytes, called, double, message, number, tag};

/// The post that `CreatePost` reads from these fields of it.
fn post(fields: &[Vec<u8>]) -> Frame {
    called("CreatePost", &message(1, fields)).expect("it fits").remove(0)
}

fn text(key: &str, value: &str) -> Vec<u8> {
    bytes(tag(&POST, key), value)
}

/// An entry of a post's props.
fn prop(key: &str, value: &[Vec<u8>]) -> Vec<u8> {
    message(tag(&POST, "props"), &[bytes(1, key), message(2, value)])
}

#[test]
fn fields_come_in_any_order() {
    let found = post(&[text("message", "m"), number(tag(&POST, "create_at"), 5), text("id", "i")]);
    let wanted = [("id", Frame::str("i")), ("create_at", Frame::Int(5)), ("message", Frame::str("m"))];
    assert_eq!(found, Frame::map(wanted));
}

#[test]
fn the_last_of_several_counts() {
    assert_eq!(post(&[text("id", "a"), text("message", "m"), text("id", "b")]).at("id"), &Frame::str("b"));
    // A zero that follows a value is a zero.
    assert_eq!(post(&[text("id", "a"), text("id", "")]), Frame::map([]));
}

#[test]
fn the_items_of_a_list_may_stand_apart() {
    let found = post(&[text("file_ids", "a"), text("id", "i"), text("file_ids", "b"), text("file_ids", "c")]);
    let ids = Frame::List(["a", "b", "c"].map(Frame::str).to_vec());
    assert_eq!(found, Frame::map([("id", Frame::str("i")), ("file_ids", ids)]));
}

#[test]
fn numbers_come_packed_or_not() {
    let slot = |kind| [mmp_transcode::schema::Slot { tag: 1, field: 0, name: "numbers", kind, nil_ok: true }];
    let read = |kind, fields: &[Vec<u8>]| {
        let mut out = Vec::new();
        mmp_transcode::proto::slots_from_proto(&slot(kind), &fields.concat(), &mut out).map(|()| Frame::parse(&out))
    };
    use mmp_transcode::schema::Kind;
    let wanted = Frame::List(vec![Frame::List([1, -1, 300, 4, 5].map(Frame::Int).to_vec())]);
    let negative = (-1i64) as u64;
    let packed = [vec![1], crate::wire::varint(negative), crate::wire::varint(300)].concat();
    let fields = [bytes(1, packed), number(1, 4), bytes(1, []), bytes(1, [5])];
    assert_eq!(read(Kind::List(&Kind::Int(64)), &fields).expect("it fits"), wanted);
    let floats = Frame::List(vec![Frame::List([1.5, -2.0, 0.0].map(Frame::float).to_vec())]);
    let packed = [1.5f64.to_le_bytes(), (-2.0f64).to_le_bytes()].concat();
    assert_eq!(read(Kind::List(&Kind::Float(64)), &[bytes(1, packed), double(1, 0.0)]).expect("it fits"), floats);
    let bools = Frame::List(vec![Frame::List([true, false].map(Frame::Bool).to_vec())]);
    assert_eq!(read(Kind::List(&Kind::Bool), &[bytes(1, [7, 0])]).expect("it fits"), bools);
    let refused = |kind, field| read(kind, &[field]).expect_err("it is malformed").to_string();
    let remainder = refused(Kind::List(&Kind::Float(32)), bytes(1, [0; 7]));
    assert_eq!(remainder, "numbers: not protobuf: packed numbers have a remainder");
    assert_eq!(refused(Kind::List(&Kind::Int(64)), bytes(1, [0x80])), "numbers: not protobuf: a field ends too early");
}

#[test]
fn messages_that_come_in_pieces_are_merged() {
    let metadata = tag(&POST, "metadata");
    let priority = tag(&POST_METADATA, "priority");
    let priorities = |fields: &[Vec<u8>]| message(metadata, &[message(priority, fields)]);
    let found = post(&[
        priorities(&[bytes(1, "urgent")]),
        text("id", "i"),
        priorities(&[number(2, 1)]),
        message(metadata, &[]),
        priorities(&[bytes(1, "important")]),
    ]);
    let priority = Frame::map([("priority", Frame::str("important")), ("requested_ack", Frame::Bool(true))]);
    let wanted = Frame::map([("id", Frame::str("i")), ("metadata", Frame::map([("priority", priority)]))]);
    assert_eq!(found, wanted);
    // The request itself is a message, too.
    let halves = [message(1, &[text("id", "i")]), message(1, &[text("message", "m")])].concat();
    let wanted = Frame::map([("id", Frame::str("i")), ("message", Frame::str("m"))]);
    assert_eq!(called("CreatePost", &halves).expect("it fits"), [wanted]);
}

#[test]
fn the_last_alternative_of_a_value_counts() {
    let item = |text: &str| message(1, &[bytes(6, text)]);
    let list = |texts: &[&str]| message(8, &texts.iter().map(|text| item(text)).collect::<Vec<_>>());
    let read = |value: &[Vec<u8>]| post(&[prop("x", value)]).at("props").at("x").clone();
    assert_eq!(read(&[number(3, 1), bytes(6, "text")]), Frame::str("text"));
    // The same one twice is merged, but not with what stood before another.
    let merged = Frame::List(["b", "c"].map(Frame::str).to_vec());
    assert_eq!(read(&[list(&["a"]), number(2, 1), list(&["b"]), list(&["c"])]), merged);
    assert_eq!(read(&[list(&["a"]), number(1, 0)]), Frame::Nil);
    assert_eq!(read(&[]), Frame::Nil);
    // Alternatives of a later version are unknown fields.
    assert_eq!(read(&[number(3, 7), bytes(15, "?")]), Frame::Int(7));
}

#[test]
fn of_two_entries_with_one_key_the_last_counts() {
    for others in [0, 3, 15, 16, 17, 100] {
        let others: Vec<Vec<u8>> = (0..others).map(|n| prop(&format!("k{n}"), &[number(3, n)])).collect();
        let mut fields = vec![prop("x", &[number(3, 1)])];
        fields.extend(others.iter().cloned());
        fields.extend([prop("x", &[bytes(6, "new")]), prop("y", &[number(3, 3)]), prop("y", &[number(3, 4)])]);
        let mut found = post(&fields);
        let Frame::Map(entries) = found.at("props") else { panic!("props are a map") };
        assert_eq!(entries.len(), others.len() + 2);
        assert_eq!(entries[0], ("x".to_owned(), Frame::str("new")));
        assert_eq!(entries[others.len() + 1], ("y".to_owned(), Frame::Int(4)));
    }
}

#[test]
fn an_entry_may_lack_its_key_or_its_value() {
    let props = tag(&POST, "props");
    let found = post(&[message(props, &[message(2, &[number(3, 1)])]), message(props, &[bytes(1, "k")])]);
    assert_eq!(found, Frame::map([("props", Frame::map([("", Frame::Int(1)), ("k", Frame::Nil)]))]));
    // Its value may come before its key, and in pieces.
    let pieces = [message(2, &[number(3, 1)]), bytes(1, "old"), bytes(1, "new"), message(2, &[bytes(6, "t")])];
    assert_eq!(post(&[message(props, &pieces)]), Frame::map([("props", Frame::map([("new", Frame::str("t"))]))]));
}

#[test]
fn unknown_fields_are_passed_over() {
    let unknown =
        [number(500, 7), bytes(501, "x"), double(502, 1.0), [crate::wire::varint(503 << 3 | 5), vec![0; 4]].concat()];
    let mut fields = unknown.to_vec();
    fields.push(text("id", "i"));
    fields.extend(unknown);
    assert_eq!(post(&fields), Frame::map([("id", Frame::str("i"))]));
}

#[test]
fn an_attachment_in_props_is_a_value_like_any_other() {
    let attachment = message(9, &[message(1, &[bytes(1, "title"), message(2, &[bytes(6, "t")])])]);
    let found = post(&[prop("attachments", &[message(8, &[bytes(1, attachment)])])]);
    let wanted = Frame::List(vec![Frame::map([("title", Frame::str("t"))])]);
    assert_eq!(found, Frame::map([("props", Frame::map([("attachments", wanted)]))]));
}
