//! The rules of gob that need no Go to check: merging, mismatches, limits, and what a failed value leaves behind.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use mmp_gob::varint::{put_bytes, put_int, put_uint};
use mmp_gob::{
    Any, Complex, Decoder, Encoder, Error, GoString, Gob, Interface, Limits, Map, Ptr, Shape, StreamReader, Struct,
    Time, Value, WireField, WireType, decode_value, gob_struct, ids,
};
use support::types::{Empty, GoBox, Inner, Leaf, Narrow, Node, Point};
use support::{all_values, next_value, write_all};

gob_struct! {
    struct Left("Left") { a: i64 = "A" }
    struct Right("Right") { b: i64 = "B" }
    struct LeftUint("Left") { a: u64 = "A" }
    struct LeftSmall("Left") { a: i8 = "A" }
    struct HoldsLeft("Holds") { inner: Left = "Inner", n: i64 = "N" }
    struct HoldsRight("Holds") { inner: Right = "Inner", n: i64 = "N" }
    struct HoldsUint("Holds") { inner: LeftUint = "Inner" }
    struct Users("Users") { users: Vec<Ptr<Point>> = "Users", last: Map<GoString, Ptr<Point>> = "Last", any: Any = "Any" }
    struct Settings("Settings") { map: Map<GoString, Point> = "Map", list: Vec<Point> = "List", on: Ptr<Point> = "On", f: f64 = "F" }
}

fn bytes_of<T: Gob>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new().encode(value, &mut out).expect("encodes");
    out
}

fn convert<T: Gob, U: Gob + Default>(value: &T) -> Result<U, Error> {
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(&bytes_of(value));
    decoder.decode().map(|v| v.expect("a whole value"))
}

#[test]
fn kinds_have_to_agree_and_numbers_to_fit() {
    assert!(
        matches!(convert::<_, LeftUint>(&Left { a: 0 }), Err(e) if matches!(e.cause(), Error::KindMismatch { .. })),
        "although absent"
    );
    let error = convert::<_, HoldsUint>(&HoldsLeft::default()).expect_err("a nested mismatch");
    assert_eq!(error.to_string(), "Inner.A: cannot decode int into uint");
    assert_eq!(convert::<_, LeftSmall>(&Left { a: -128 }), Ok(LeftSmall { a: -128 }));
    let error = convert::<_, LeftSmall>(&Left { a: 128 }).expect_err("an overflow");
    assert_eq!(error.to_string(), "A: the number does not fit int8");
    assert_eq!(convert::<_, f32>(&f64::INFINITY), Ok(f32::INFINITY));
    assert_eq!(convert::<_, f32>(&1e300), Err(Error::Overflow("float32")));
    assert!(
        convert::<_, GoString>(&5i64).is_err()
            && convert::<_, Point>(&5i64).is_err()
            && convert::<_, i64>(&Point::default()).is_err()
    );
    assert!(convert::<_, [i64; 2]>(&[1i64, 2, 3]).is_err() && convert::<_, Vec<i64>>(&[1i64, 2]).is_err());
    assert!(convert::<_, Time>(&Leaf::default()).is_err() && convert::<_, mmp_gob::Url>(&Time::default()).is_err());
}

#[test]
fn some_field_has_to_match() {
    assert!(matches!(convert::<_, Right>(&Left { a: 1 }), Err(Error::NoFieldMatched { .. })));
    assert_eq!(convert::<_, Right>(&Empty {}), Ok(Right::default()), "an empty struct decodes into anything");
    assert_eq!(convert::<_, Empty>(&Left { a: 1 }), Ok(Empty {}));
    let nested: HoldsRight =
        convert(&HoldsLeft { inner: Left { a: 1 }, n: 2 }).expect("Go checks this for whole values only");
    assert_eq!(nested, HoldsRight { inner: Right::default(), n: 2 });
}

#[test]
fn decoding_merges() {
    let sent = Settings {
        map: Some([("b".into(), Point { x: 0, y: 5 })].into()),
        list: vec![Point { x: 0, y: 1 }],
        on: Some(Box::new(Point { x: 0, y: 7 })),
        f: -0.0,
    };
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(&bytes_of(&sent));
    let point = |x, y| Point { x, y };
    let mut dst = Settings {
        map: Some([("a".into(), point(1, 1)), ("b".into(), point(2, 2))].into()),
        list: vec![point(3, 3), point(4, 4)],
        on: Some(Box::new(point(6, 6))),
        f: 1.5,
    };
    decoder.decode_into(&mut dst).expect("decodes").expect("a value");
    let expected = Settings {
        map: Some([("a".into(), point(1, 1)), ("b".into(), point(0, 5))].into()),
        list: vec![point(0, 1)],
        on: Some(Box::new(point(6, 7))),
        f: 1.5,
    };
    assert_eq!(
        dst, expected,
        "maps gain and replace keys, lists are replaced, pointees are merged, negative zero is left out"
    );
}

#[test]
fn a_nil_element_fails_and_leaves_nothing_behind() {
    let mut encoder = Encoder::new();
    let mut out = vec![9];
    let bad = Users {
        users: vec![Some(Box::default()), None],
        any: Any::new("leaf", &Leaf::default()).expect("any"),
        ..Users::default()
    };
    let error = encoder.encode(&bad, &mut out).expect_err("a nil element");
    assert_eq!((error.cause(), error.to_string().starts_with("Users: ")), (&Error::NilElement, true));
    let bad = Users { any: bad.any, last: Some([("k".into(), None)].into()), ..Users::default() };
    assert!(encoder.encode(&bad, &mut out).is_err());
    assert_eq!(encoder.encode(&Ptr::<Point>::None, &mut out), Err(Error::NilElement));
    assert_eq!(out, [9]);
    let good = Users { users: vec![Some(Box::default())], any: bad.any, ..Users::default() };
    out.clear();
    encoder.encode(&good, &mut out).expect("encodes");
    assert_eq!(out, bytes_of(&good), "as if nothing had happened before");
}

#[test]
fn any_keeps_its_name_and_its_type() {
    let inner = Inner { name: "n".into(), any: Any::list([5.5.into(), Any::NIL, Any::int(3), true.into()]), tail: 4 };
    let any = Any::new("main.Inner", &inner).expect("any");
    let sent = GoBox { first: any.clone(), second: Any::map([("k".into(), any)]), ..GoBox::default() };
    let back: GoBox = convert(&sent).expect("decodes");
    assert_eq!(back, sent);
    assert_eq!(back.first.get(), Ok(inner));
    assert!(back.first.get::<i64>().is_err() && Any::NIL.get::<Inner>().is_err());
}

#[test]
fn a_dynamic_value_has_to_have_the_form_of_its_type() {
    let leaf = Any::new("leaf", &Leaf { n: 1.0 }).expect("any").0.expect("not nil");
    let with = |value| Interface { value, ..(*leaf).clone() };
    let field = |name: &str, value| Value::Struct(Struct { name: "Leaf".into(), fields: vec![(name.into(), value)] });
    let mut out = Vec::new();
    let mut encoder = Encoder::new();
    for bad in
        [Value::Int(1), Value::Nil, Value::List(vec![]), field("M", Value::Float(1.0)), field("N", Value::Int(1))]
    {
        assert!(encoder.encode_interface(&with(bad), &mut out).is_err());
    }
    assert!(out.is_empty());
    encoder.encode_interface(&with(field("N", Value::Float(0.0))), &mut out).expect("a zero field is left out");
    assert_eq!(
        all_values(&out).expect("decodes")[0].value,
        Value::Struct(Struct { name: "Leaf".into(), fields: vec![] })
    );
}

/// Values that come from ever new streams do not make an encoder define their types again.
#[test]
fn equal_types_of_many_streams_are_sent_once() {
    let sent = GoBox {
        first: Any::new("main.Inner", &Inner::default()).expect("any"),
        second: Any::map([]),
        ..GoBox::default()
    };
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    encoder.encode(&sent, &mut out).expect("encodes");
    for _ in 0..100 {
        let echoed: GoBox = convert(&sent).expect("decodes");
        out.clear();
        encoder.encode(&echoed, &mut out).expect("encodes");
        assert!(out.len() < 60, "no definitions: {} bytes", out.len());
    }
}

#[test]
fn offsets_that_go_cannot_express_are_refused() {
    for offset in [-60, -119, i32::MAX, i32::MIN] {
        assert_eq!(
            Time { offset: Some(offset), ..Time::default() }.to_bytes(),
            Err(Error::Opaque("zone offset of a time"))
        );
    }
    for offset in [None, Some(0), Some(-59), Some(59), Some(-120), Some(3601), Some(-3601)] {
        let time = Time { offset, ..Time::from_unix(-1, 5) };
        let bytes = time.to_bytes().expect("can be expressed");
        assert_eq!((Time::from_bytes(&bytes), time.unix()), (Ok(time), -1));
        assert!(Time::from_bytes(&bytes[1..]).is_err() && Time::from_bytes(&[bytes, vec![0, 0]].concat()).is_err());
    }
    assert!(Time::from_bytes(&[]).is_err());
}

#[test]
fn depth_is_limited() {
    let chain = |depth: i64| {
        (0..depth).fold(Node::default(), |n, value| Node { value, left: Some(Box::new(n)), ..Node::default() })
    };
    assert!(convert::<_, Node>(&chain(127)).is_ok());
    let deep = bytes_of(&chain(128));
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(&deep);
    assert!(matches!(decoder.decode::<Node>(), Err(e) if *e.cause() == Error::TooDeep));
    let mut reader = StreamReader::new(Limits::default());
    reader.push(&deep);
    assert_eq!(next_value(&mut reader).expect_err("too deep"), Error::TooDeep);
    let mut reader = StreamReader::new(Limits::default());
    reader.push(&deep);
    assert_eq!(reader.next(|id, c, types| c.skip(types, id)), Ok(Some(())), "what is passed over needs no stack");
}

#[test]
fn lengths_are_limited_before_memory_is_taken() {
    let limits = Limits { max_message: 100, max_count: 10, ..Limits::default() };
    let mut reader = StreamReader::new(limits);
    reader.push(&[0xfe, 1, 0]);
    assert_eq!(next_value(&mut reader), Err(Error::MessageTooLong(256)));
    reader.push(&bytes_of(&1i64));
    assert_eq!(next_value(&mut reader), Err(Error::MessageTooLong(256)), "a stream that cannot be followed has ended");
    assert_eq!(reader.buffered(), 0, "and keeps nothing");

    let mut reader = StreamReader::new(limits);
    reader.push(&bytes_of(&vec![1i64; 11]));
    assert_eq!(next_value(&mut reader), Err(Error::TooManyElements(11)));
    reader.push(&bytes_of(&1i64));
    assert_eq!(next_value(&mut reader).expect("goes on").expect("a value").value, Value::Int(1));
}

#[test]
fn faults_of_a_value_leave_the_stream_intact() {
    let message = |body: &[u8]| {
        let mut out = Vec::new();
        put_bytes(&mut out, body);
        out
    };
    let mut reader = StreamReader::new(Limits::default());
    for (body, error) in [
        (&[4, 0][..], Error::Truncated),
        (&[4, 1, 2][..], Error::NonZeroDelta),
        (&[0x80, 0][..], Error::BadUint(0x80)),
        (&[80, 0, 0][..], Error::UndefinedType(40)),
        (&[12, 0, 9, b'x'][..], Error::Truncated),
        (&[16, 0, 0xfe, 0xff, 0xff][..], Error::NameTooLong(65535)),
        (&[16, 0, 1, b'i', 16, 0][..], Error::BadTypeId(8)),
    ] {
        reader.push(&message(body));
        let result = next_value(&mut reader);
        if error == Error::BadUint(0x80) {
            // The type id itself is broken, and with it the stream.
            assert_eq!(result, Err(error));
            reader = StreamReader::new(Limits::default());
            continue;
        }
        assert_eq!(result, Err(error), "{body:?}");
    }
    reader.push(&message(&[]));
    reader.push(&message(&[4, 0, 2]));
    assert_eq!(next_value(&mut reader).expect("goes on").expect("a value").value, Value::Int(1));
    assert_eq!(reader.buffered(), 0);
}

#[test]
fn definitions_are_checked() {
    let definition = |t: &WireType, id| {
        let mut out = Vec::new();
        t.put_definition(id, &mut out);
        out
    };
    let slice = WireType::Slice { name: "".into(), elem: 70 };
    let read = |bytes: &[u8]| {
        let mut reader = StreamReader::new(Limits::default());
        reader.push(bytes);
        next_value(&mut reader)
    };
    assert_eq!(read(&[definition(&slice, 65), definition(&slice, 65)].concat()), Err(Error::DuplicateType(65)));
    assert_eq!(read(&definition(&slice, 5)), Err(Error::BadTypeId(5)));
    let mut extra = definition(&slice, 65);
    extra[0] += 1;
    extra.push(0);
    assert_eq!(read(&extra), Err(Error::TrailingBytes));
    // A list of the type 70, which is nowhere defined.
    let mut value = Vec::new();
    put_int(&mut value, 65);
    put_uint(&mut value, 0);
    put_uint(&mut value, 1);
    value.push(1);
    let mut stream = definition(&slice, 65);
    put_bytes(&mut stream, &value);
    assert_eq!(read(&stream), Err(Error::UndefinedType(70)));
}

/// Go compiles the whole type before it reads a value, so that it refuses what no value has used yet.
#[test]
fn a_type_with_a_part_that_is_not_defined_is_refused_even_if_no_value_has_it() {
    let fields = [WireField { name: "A".into(), id: 2 }, WireField { name: "B".into(), id: 66 }];
    let mut definitions = Vec::new();
    WireType::Struct { name: "T".into(), fields: fields.into() }.put_definition(65, &mut definitions);
    let value = |id: i64| {
        let mut value = Vec::new();
        put_int(&mut value, id);
        value.extend([1, 2, 0]);
        value
    };
    let read = |parts: &[&[u8]]| {
        let mut reader = StreamReader::new(Limits::default());
        parts.iter().for_each(|part| reader.push(part));
        next_value(&mut reader).map(|value| value.map(|value| value.value))
    };
    let mut alone = Vec::new();
    put_bytes(&mut alone, &value(65));
    assert_eq!(read(&[&definitions, &alone]), Err(Error::UndefinedType(66)));
    // The same in an interface: type 8, a zero byte, the name, the concrete type, the length of the value.
    let mut inside = vec![16, 0, 1, b't'];
    put_int(&mut inside, 65);
    inside.extend([3, 1, 2, 0]);
    let mut message = Vec::new();
    put_bytes(&mut message, &inside);
    assert_eq!(read(&[&definitions, &message]), Err(Error::UndefinedType(66)));
    // And all is well once it is there.
    let mut missing = Vec::new();
    WireType::Slice { name: "".into(), elem: 2 }.put_definition(66, &mut missing);
    assert!(read(&[&definitions, &missing, &alone]).is_ok_and(|value| value.is_some()));
    assert!(read(&[&definitions, &missing, &message]).is_ok_and(|value| value.is_some()));
}

/// No Go type has two fields of one name; a stream may define one all the same. Its values can be read, and are not sent on: which of the fields a value has would be a guess.
#[test]
fn two_fields_of_one_name_are_not_sent_on() {
    let fields = [6, 3, 2].map(|id| WireField { name: "C".into(), id });
    let mut definition = Vec::new();
    WireType::Struct { name: "T".into(), fields: fields.into() }.put_definition(65, &mut definition);
    for contents in [&[1, 1, b'x', 1, 0, 1, 28, 0][..], &[1, 1, b'x', 2, 28, 0], &[2, 5, 0], &[0]] {
        let mut body = Vec::new();
        put_int(&mut body, 65);
        body.extend(contents);
        let mut stream = definition.clone();
        put_bytes(&mut stream, &body);
        let values = all_values(&stream).expect("reads");
        let (mut encoder, mut out) = (Encoder::new(), Vec::new());
        assert!(matches!(encoder.encode_interface(&values[0], &mut out), Err(Error::Shape(_))), "{contents:?}");
        assert!(out.is_empty());
    }
}

/// A type may be a list of itself, and a cycle of types without any struct does not trap anybody.
#[test]
fn types_without_a_bottom_end() {
    let mut stream = Vec::new();
    WireType::Slice { name: "".into(), elem: 66 }.put_definition(65, &mut stream);
    WireType::Slice { name: "".into(), elem: 65 }.put_definition(66, &mut stream);
    let mut value = Vec::new();
    put_int(&mut value, 65);
    value.extend([0, 1, 2, 0, 0]);
    put_bytes(&mut stream, &value);
    let values = all_values(&stream).expect("decodes");
    let empty = || Value::List(vec![]);
    assert_eq!(values[0].value, Value::List(vec![Value::List(vec![empty(), empty()])]));
    assert_eq!(all_values(&write_all(&values)).expect("decodes again")[0].value, values[0].value);
}

/// The reader is asked at most twice for a value, however many messages it is split over and however they arrive.
#[test]
fn a_split_value_is_read_twice_at_most() {
    let Some(peer) = support::peer::Peer::get() else { return };
    let bytes = peer.stream("splits");
    let mut reader = StreamReader::new(Limits::default());
    let mut calls = Vec::new();
    let mut count = 0;
    for byte in &bytes {
        reader.push(&[*byte]);
        let read = reader.next(|id, c, types| {
            count += 1;
            decode_value(c, types, id)
        });
        if read.expect("decodes").is_some() {
            calls.push(std::mem::take(&mut count));
        }
    }
    assert_eq!(calls, [2, 1], "the first value is split, the second is not");
}

#[test]
fn narrow_values_survive_values_in_between() {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    for n in 0..10 {
        encoder.encode(&Narrow { last: n, ..Narrow::default() }, &mut out).expect("encodes");
        encoder.encode(&Complex { re: 1.0, im: f64::from(n) }, &mut out).expect("encodes");
    }
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(&out);
    for n in 0..10 {
        assert_eq!(decoder.decode::<Narrow>().expect("decodes").map(|v| v.last), Some(n));
        assert_eq!(decoder.decode::<Complex>().expect("decodes").map(|v| v.im), Some(f64::from(n)));
    }
    assert_eq!(decoder.decode::<Narrow>(), Ok(None));
}

#[test]
fn builtin_shapes_are_the_builtin_types() {
    assert!(Shape::builtin(ids::FIRST_USER).is_none() && Shape::builtin(0).is_none() && Shape::builtin(-1).is_none());
    assert_eq!(Shape::builtin(ids::STRING).map(|s| s.root()), Some(ids::STRING));
}
