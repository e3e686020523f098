//! Values at their edges, both ways.

use mmp_transcode::generated::types::{POST, POST_SEARCH_RESULTS, RESULT_CONTAINER};
use mmp_transcode::generated::{api_by_name, hook_by_name};
use mmp_transcode::proto;
use mmp_transcode::schema::{Field, Kind, Struct};

use crate::support::frame::Frame;
use crate::wire::{answered, bytes, called, double, message, number, request, tag};

/// What comes back of a value of a struct.
fn back(schema: &Struct, value: &Frame) -> Frame {
    let (mut message, mut out) = (Vec::new(), Vec::new());
    proto::struct_to_proto(schema, &value.bytes(), &mut message).expect("it fits");
    proto::struct_from_proto(schema, &message, &mut out).expect("it fits");
    Frame::parse(&out)
}

fn props(value: Frame) -> Frame {
    Frame::map([("props", Frame::map([("x", value)]))])
}

#[test]
fn integers_and_floats_keep_their_kind_and_all_bits() {
    for value in [i64::MIN, -129, -33, -1, 0, 1, 127, 128, 255, 256, (1 << 53) + 1, i64::MAX] {
        let value = Frame::Int(value.into());
        assert_eq!(back(&POST, &props(value.clone())), props(value.clone()));
        let post = Frame::map([("create_at", value.clone())]);
        assert_eq!(back(&POST, &post), if value == Frame::Int(0) { Frame::map([]) } else { post });
    }
    for value in [1u64 << 63, u64::MAX] {
        assert_eq!(back(&POST, &props(Frame::Int(value.into()))), props(Frame::Int(value.into())));
    }
    for value in [0.0, -0.0, 5.0, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NAN] {
        assert_eq!(back(&POST, &props(Frame::float(value))), props(Frame::float(value)));
    }
    // An unsigned alternative that fits in a signed one is the same integer.
    let field = message(tag(&POST, "props"), &[bytes(1, "x"), message(2, &[number(4, 5)])]);
    assert_eq!(called("CreatePost", &bytes(1, field)).expect("it fits"), [props(Frame::Int(5))]);
}

#[test]
fn values_nest_in_each_other() {
    let value = Frame::List(vec![
        Frame::Nil,
        Frame::map([]),
        Frame::List(vec![]),
        Frame::str(""),
        Frame::Bin(vec![]),
        Frame::Bin(vec![0, 255]),
        Frame::map([("a", Frame::Nil), ("b", Frame::Bool(false)), ("", Frame::List(vec![Frame::Int(0)]))]),
    ]);
    assert_eq!(back(&POST, &props(value.clone())), props(value.clone()));
    let (mut message, mut out) = (Vec::new(), Vec::new());
    proto::value_to_proto(&value.bytes(), &mut message).expect("it fits");
    proto::value_from_proto(&message, &mut out).expect("it fits");
    assert_eq!(Frame::parse(&out), value);
}

#[test]
fn strings_of_any_length_survive() {
    for len in [0, 1, 31, 32, 127, 128, 255, 256, 16_383, 16_384, 65_535, 65_536, 1 << 21] {
        let text = Frame::Str("x".repeat(len));
        assert_eq!(back(&POST, &props(text.clone())), props(text));
    }
}

#[test]
fn what_is_absent_is_zero_in_an_array_and_nowhere_else() {
    assert_eq!(called("KVSet", &[]).expect("it fits"), [Frame::str(""), Frame::Nil]);
    assert_eq!(called("KVSet", &bytes(2, [])).expect("it fits"), [Frame::str(""), Frame::Nil]);
    assert_eq!(called("CreatePost", &[]).expect("it fits"), [Frame::Nil]);
    assert_eq!(called("CreatePost", &bytes(1, [])).expect("it fits"), [Frame::map([])]);
    assert_eq!(request("KVSet", &[Frame::str(""), Frame::Nil]).expect("it fits"), b"");
    assert_eq!(request("CreatePost", &[Frame::Nil]).expect("it fits"), b"");
    assert_eq!(request("CreatePost", &[Frame::map([])]).expect("it fits"), [0x0a, 0]);
    // Trailing arguments may be missing from a frame.
    assert_eq!(request("KVSet", &[Frame::str("k")]).expect("it fits"), bytes(1, "k"));
}

#[test]
fn an_empty_response_is_the_neutral_answer() {
    assert_eq!(answered("MessageWillBePosted", &[]).expect("it fits"), None);
    assert_eq!(answered("OnActivate", &[]).expect("it fits"), None);
    let rejected = Frame::List(vec![Frame::Nil, Frame::str("no")]);
    assert_eq!(answered("MessageWillBePosted", &bytes(2, "no")).expect("it fits"), Some(rejected));
    let mut out = Vec::new();
    proto::results_to_proto(api_by_name("KVSet").expect("a method"), &[], &mut out).expect("it fits");
    assert_eq!(out, b"");
}

#[test]
fn a_pointer_to_zero_is_not_nil() {
    let post = Frame::map([("remote_id", Frame::str("")), ("is_following", Frame::Bool(false))]);
    assert_eq!(back(&POST, &post), post);
    assert_eq!(back(&POST, &Frame::map([("remote_id", Frame::Nil)])), Frame::map([]));
}

#[test]
fn structs_that_are_no_pointers_are_always_there() {
    let config = called("SaveConfig", &bytes(1, [])).expect("it fits").remove(0);
    let Frame::Map(sections) = config else { panic!("a struct is a map") };
    assert!(sections.len() > 30, "{} sections", sections.len());
    assert!(sections.iter().any(|(name, value)| name == "ServiceSettings" && *value == Frame::map([])));
}

#[test]
fn an_embedded_struct_is_a_message_of_its_own() {
    let results = Frame::map([
        ("order", Frame::List(vec![Frame::str("a")])),
        ("posts", Frame::map([("a", Frame::map([("id", Frame::str("a"))]))])),
        ("matches", Frame::map([("a", Frame::List(vec![Frame::str("word")]))])),
    ]);
    let mut out = Vec::new();
    proto::struct_to_proto(&POST_SEARCH_RESULTS, &results.bytes(), &mut out).expect("it fits");
    assert_eq!(out[0], 0x0a, "the list is the first field");
    assert_eq!(back(&POST_SEARCH_RESULTS, &results), results);
    // Its keys may stand apart; the messages merge.
    let Frame::Map(mut entries) = results.clone() else { panic!("a struct is a map") };
    entries.rotate_left(1);
    assert_eq!(back(&POST_SEARCH_RESULTS, &Frame::Map(entries)), results);
    let matches = Frame::map([("matches", Frame::map([]))]);
    assert_eq!(back(&POST_SEARCH_RESULTS, &matches), Frame::map([]));
}

#[test]
fn times_are_instants() {
    let trip = |time: Frame| {
        let status = Frame::map([("emoji", Frame::str("e")), ("expires_at", time)]);
        let message = request("UpdateUserCustomStatus", &[Frame::str("user"), status]).expect("it fits");
        called("UpdateUserCustomStatus", &message).expect("it fits").remove(1).at("expires_at").clone()
    };
    for (seconds, nanos) in [(0, 0), (-1, 999_999_999), (1 << 34, 1), (253_402_300_799, 5), (i64::MIN, 0)] {
        assert_eq!(trip(Frame::Time(seconds, nanos)), Frame::Time(seconds, nanos));
    }
    assert_eq!(trip(Frame::str("2026-01-31T12:30:00.25+02:00")), Frame::Time(1_769_855_400, 250_000_000));
    assert_eq!(trip(Frame::Time(-62_135_596_800, 0)), Frame::Nil);
    assert_eq!(trip(Frame::Nil), Frame::Nil);
    let status = Frame::map([("emoji", Frame::str("e"))]);
    let message = request("UpdateUserCustomStatus", &[Frame::str("user"), status.clone()]).expect("it fits");
    assert_eq!(called("UpdateUserCustomStatus", &message).expect("it fits")[1], status);
}

#[test]
fn json_keeps_null_and_what_is_not_json() {
    for value in [Frame::Nil, Frame::Int(0), Frame::Bin(b"{broken".to_vec()), Frame::List(vec![]), Frame::str("")] {
        let property = Frame::map([("id", Frame::str("i")), ("value", value)]);
        let message = request("CreatePropertyValue", std::slice::from_ref(&property)).expect("it fits");
        assert_eq!(called("CreatePropertyValue", &message).expect("it fits"), [property]);
    }
}

#[test]
fn errors_inside_of_values_keep_their_kind() {
    let app = Frame::map([("kind", Frame::str("app")), ("id", Frame::str("i")), ("status_code", Frame::Int(404))]);
    let plain = Frame::map([("kind", Frame::str("error")), ("code", Frame::Int(2)), ("message", Frame::str("m"))]);
    let postgres = Frame::map([
        ("kind", Frame::str("error")),
        ("id", Frame::str("23505")),
        ("message", Frame::str("twice")),
        ("detailed_error", Frame::str("Key (a)")),
    ]);
    for error in [app, plain, postgres] {
        let container = Frame::map([("last_id_error", error)]);
        let Frame::Map(entries) = back(&RESULT_CONTAINER, &container) else { panic!("a struct is a map") };
        assert_eq!(Frame::Map(entries), container);
    }
    let text = Frame::map([("last_id_error", Frame::str("broken"))]);
    let error = Frame::map([("kind", Frame::str("error")), ("message", Frame::str("broken"))]);
    assert_eq!(back(&RESULT_CONTAINER, &text), Frame::map([("last_id_error", error)]));
}

#[test]
fn errors_of_calls_become_the_details_of_a_status() {
    let map = Frame::map([
        ("kind", Frame::str("app")),
        ("id", Frame::str("some.id")),
        ("message", Frame::str("text")),
        ("status_code", Frame::Int(404)),
        ("where", Frame::str("here")),
        ("code", Frame::Int(0)),
    ]);
    let mut message = Vec::new();
    proto::app_error_to_proto(&map.bytes(), &mut message).expect("it fits");
    for with_kind in [false, true] {
        let mut out = Vec::new();
        proto::app_error_from_proto(&message, with_kind, &mut out).expect("it fits");
        let mut wanted = map.clone();
        wanted.remove("code");
        if !with_kind {
            wanted.remove("kind");
        }
        assert_eq!(Frame::parse(&out), wanted);
    }
    let map = Frame::map([
        ("kind", Frame::str("error")),
        ("message", Frame::str("m")),
        ("id", Frame::str("23505")),
        ("status_code", Frame::Int(500)),
        ("code", Frame::Int(2)),
        ("detailed_error", Frame::str("d")),
    ]);
    let mut message = Vec::new();
    proto::go_error_to_proto(&map.bytes(), &mut message).expect("it fits");
    assert_eq!(message, [bytes(1, "m"), bytes(3, "23505"), number(2, 2), bytes(4, "d")].concat());
}

#[test]
fn the_first_message_of_a_request_has_headers_and_metrics() {
    let headers = Frame::map([("X-A", Frame::List(vec![Frame::str("1"), Frame::str("2")]))]);
    let context = Frame::map([("request_id", Frame::str("r"))]);
    let mut items = vec![Frame::map([("method", Frame::str("GET"))]), context, headers.clone()];
    let header = message(3, &[bytes(1, "X-A"), message(2, &[bytes(1, "1"), bytes(1, "2")])]);
    for (hook, metrics) in [("ServeHTTP", None), ("ServeMetrics", Some("up 1\n"))] {
        items.extend(metrics.map(Frame::str));
        let mut out = Vec::new();
        let method = hook_by_name(hook).expect("a hook");
        proto::http_start_to_proto(method, &Frame::List(items.clone()).bytes(), &mut out).expect("it fits");
        let mut wanted = Vec::new();
        proto::args_to_proto(method, &Frame::List(items[..2].to_vec()).bytes(), &mut wanted).expect("it fits");
        wanted.extend_from_slice(&header);
        wanted.extend(metrics.map(|text| bytes(4, text)).unwrap_or_default());
        assert_eq!(out, wanted, "{hook}");
    }
    let (mut head, mut out) = (Vec::new(), Vec::new());
    let response = Frame::List(vec![Frame::Int(404), headers]).bytes();
    proto::response_head_to_proto(&response, &mut head).expect("it fits");
    proto::response_head_from_proto(&head, &mut out).expect("it fits");
    assert_eq!(out, response);
}

/// What the schema does not have today.
static OTHERS: Struct = Struct {
    index: 0,
    name: "Others",
    fields: &[
        other(3, "double", Kind::Float(64)),
        other(1, "float", Kind::Float(32)),
        other(2, "small", Kind::Int(8)),
        other(7, "numbers", Kind::Map(&Kind::Int(64), &Kind::Bytes)),
        other(5, "floats", Kind::List(&Kind::Float(32))),
        other(6, "times", Kind::List(&Kind::Time)),
    ],
};

const fn other(tag: u32, key: &'static str, kind: Kind) -> Field {
    Field { tag, go: key, key, kind, embedded: false }
}

#[test]
fn kinds_that_no_struct_has_yet_are_there() {
    let whole = Frame::map([
        ("double", Frame::float(1e300)),
        ("float", Frame::float(-2.5)),
        ("small", Frame::Int(-128)),
        ("floats", Frame::List([0.0, 1.5].map(Frame::float).to_vec())),
        ("times", Frame::List(vec![Frame::Nil, Frame::Time(1, 2)])),
    ]);
    assert_eq!(back(&OTHERS, &whole), whole);
    let zero = Frame::map([("double", Frame::float(0.0)), ("float", Frame::float(0.0)), ("small", Frame::Int(0))]);
    assert_eq!(back(&OTHERS, &zero), Frame::map([]));
    // A program may send a zero, and an integer where frames have a float.
    let sent = [double(3, 0.0), number(2, 0), [vec![0x0d], vec![0; 4]].concat()].concat();
    let mut out = Vec::new();
    proto::struct_from_proto(&OTHERS, &sent, &mut out).expect("it fits");
    assert_eq!(Frame::parse(&out), Frame::map([]));
    assert_eq!(back(&OTHERS, &Frame::map([("double", Frame::Int(5))])), Frame::map([("double", Frame::float(5.0))]));
}

#[test]
fn the_keys_of_a_map_may_be_integers() {
    // {"numbers": {-1: bin 7, 300: bin}}
    let frame = b"\x81\xa7numbers\x82\xff\xc4\x01\x07\xcd\x01\x2c\xc4\x00";
    let (mut sent, mut out) = (Vec::new(), Vec::new());
    proto::struct_to_proto(&OTHERS, frame, &mut sent).expect("it fits");
    proto::struct_from_proto(&OTHERS, &sent, &mut out).expect("it fits");
    assert_eq!(out, frame);
    // An entry without a value has an empty one, and of equal keys the last counts, however long they are.
    let entries = [message(7, &[bytes(2, [1])]), message(7, &[vec![0x08, 0x80, 0x00]])].concat();
    out.clear();
    proto::struct_from_proto(&OTHERS, &entries, &mut out).expect("it fits");
    assert_eq!(out, b"\x81\xa7numbers\x81\x00\xc4\x00");
}
