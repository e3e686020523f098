//! Streams written by Go, read into Rust types, written again and read by Go.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use mmp_gob::{Any, Bytes, Complex, Decoder, Encoder, GoString, Gob, Limits, Map, Ptr, Time, Value};
use support::peer::Peer;
use support::types::{Empty, GoBox, Inner, Kinds, Leaf, Maps, Narrow, Node, Point, Pointers, Times, Wide};

/// A stream from Go and what is written of it.
struct Echo {
    decoder: Decoder,
    encoder: Encoder,
    out: Vec<u8>,
}

impl Echo {
    fn new(bytes: &[u8]) -> Self {
        let mut decoder = Decoder::new(Limits::default());
        decoder.push(bytes);
        Self { decoder, encoder: Encoder::new(), out: Vec::new() }
    }

    /// Reads a value and writes it again.
    fn next<T: Gob + Default>(&mut self) -> T {
        let value: T = self.decoder.decode().expect("decodes").expect("another value");
        self.encoder.encode(&value, &mut self.out).expect("encodes");
        value
    }

    fn finish(self) -> Vec<u8> {
        assert_eq!(self.decoder.reader.buffered(), 0, "the whole stream has been read");
        self.out
    }
}

/// Echoes a stream of values of one type and lets Go check it.
fn echo<T: Gob + Default>(name: &str, look: impl Fn(&[T])) {
    let Some(peer) = Peer::get() else { return };
    let mut echo = Echo::new(&peer.stream(name));
    let mut values = Vec::new();
    while echo.decoder.reader.buffered() > 0 {
        values.push(echo.next::<T>());
    }
    look(&values);
    peer.check(&format!("typed-{name}"), &[(name.to_owned(), echo.finish())]);
}

#[test]
fn kinds() {
    echo("kinds", |values: &[Kinds]| {
        let first = &values[0];
        assert_eq!((first.int8, first.int64, first.uint64), (i8::MIN, i64::MAX, u64::MAX));
        assert_eq!(first.complex, Complex { re: 1.0, im: f64::NEG_INFINITY });
        assert_eq!(first.string.as_bytes(), b"caf\xe9 \xff\xfe \xc3\xa9 \0");
        assert_eq!(first.bytes, Bytes::from(vec![0, 255, 128]));
        assert_eq!((first.array, first.octets), ([0, 1 << 40, -5], [1, 0, 255, 4]));
        assert_eq!(values[1], Kinds::default());
    });
}

#[test]
fn recursive_types() {
    echo("node", |values: &[Node]| {
        let root = &values[0];
        assert_eq!((root.value, root.kids[1].value, values[1].left.is_none()), (3, -3, true));
        assert_eq!(root.by_name.as_ref().and_then(|m| m.get("one")).and_then(|n| n.as_ref()).map(|n| n.value), Some(2));
    });
    echo("chain", |values: &[Node]| {
        let mut node = Some(&values[0]);
        for depth in (0..=60).rev() {
            assert_eq!(node.map(|n| n.value), Some(depth));
            node = node.and_then(|n| n.left.as_deref());
        }
    });
}

#[test]
fn pointers_and_maps() {
    echo("pointers", |values: &[Pointers]| {
        let v = &values[0];
        let expected = Pointers {
            yes: Some(Box::new(true)),
            one: Some(Box::new(1)),
            text: Some(Box::new(Some(Box::new("t".into())))),
            point: Some(Box::default()),
            time: Some(Box::default()),
            empty_map: Some(Box::new(Some([].into()))),
            ..Pointers::default()
        };
        assert_eq!(*v, expected);
    });
    echo("maps", |values: &[Maps]| {
        let v = &values[0];
        assert_eq!((&v.nil, &v.empty), (&None, &Some([].into())));
        assert_eq!(v.any_keys, Some([(Point { x: 1, y: 2 }, false)].into()));
    });
}

#[test]
fn interfaces() {
    echo("box", |values: &[GoBox]| {
        let inner: Inner = values[0].first.get().expect("an Inner");
        assert_eq!((inner.name, inner.tail), ("inner".into(), 9));
        assert_eq!(inner.any.name(), Some(&GoString::from("*main.Deep")));
        assert_eq!(values[0].after, [1, 2, 3]);
        assert_eq!(values[3].second.get::<Leaf>(), Ok(Leaf { n: 1.0 }));
    });
    echo("boxes", |_: &[GoBox]| {});
    echo("splits", |values: &[Vec<Any>]| {
        assert_eq!(values[0].len(), 208);
        assert_eq!(values[0][1], "two".into());
        assert_eq!(values[1], ["again".into()]);
    });
    echo("interface", |values: &[Any]| {
        assert_eq!(values[..2], ["text".into(), Any::NIL]);
    });
}

#[test]
fn large_values() {
    let Some(peer) = Peer::get() else { return };
    let mut echo = Echo::new(&peer.stream("large"));
    let large: GoBox = echo.next();
    assert_eq!((large.middle.len(), large.after.len()), (1 << 20, 100_000));
    assert_eq!(echo.next::<GoString>(), "after");
    peer.check("typed-large", &[("large".into(), echo.finish())]);
}

#[test]
fn times_and_urls() {
    echo("times", |values: &[Times]| {
        let v = &values[0];
        assert_eq!((v.utc.unix(), v.utc.nanos, v.utc.offset), (1_772_368_200, 123_456_789, None));
        assert_eq!([v.east.offset, v.west.offset, v.lmt.offset], [Some(7200), Some(-12600), Some(1172)]);
        assert_eq!(v.east.unix(), v.utc.unix());
        assert_eq!((v.zero, v.list[0]), (Time::default(), Time::default()));
        assert_eq!(v.place.0, "https://example.com/a%20b");
        assert_eq!(v.link.as_ref().map(|u| u.0.clone()), Some("".into()));
    });
}

#[test]
fn whole_values_that_are_not_structs() {
    let Some(peer) = Peer::get() else { return };
    let mut echo = Echo::new(&peer.stream("scalars"));
    assert_eq!((echo.next::<bool>(), echo.next::<bool>()), (false, true));
    assert_eq!((echo.next::<i64>(), echo.next::<i8>(), echo.next::<u32>()), (0, -77, 1 << 31));
    assert_eq!((echo.next::<f64>(), echo.next::<Complex>().im), (2.5, 1.0));
    assert_eq!((echo.next::<GoString>(), echo.next::<Ptr<GoString>>()), ("".into(), Some(Box::new("text".into()))));
    assert_eq!(echo.next::<Bytes>().as_bytes(), [1]);
    assert_eq!((echo.next::<Vec<i64>>(), echo.next::<Vec<GoString>>()), (vec![], vec!["a".into(), "".into()]));
    assert_eq!(echo.next::<Map<GoString, i64>>(), Some([("a".into(), 1)].into()));
    assert_eq!((echo.next::<[bool; 2]>(), echo.next::<Empty>()), ([true, false], Empty {}));
    assert_eq!((echo.next::<Time>().unix(), echo.next::<Point>()), (5, Point::default()));
    peer.check("typed-scalars", &[("scalars".into(), echo.finish())]);
}

#[test]
fn many_values_on_one_stream() {
    let Some(peer) = Peer::get() else { return };
    let mut echo = Echo::new(&peer.stream("many"));
    for _ in 0..50 {
        assert_eq!(echo.next::<Point>(), Point { x: 1, y: 2 });
        assert_eq!(echo.next::<GoBox>().before, 1);
        assert_eq!(echo.next::<GoString>(), "s");
        assert_eq!(echo.next::<Node>().value, 1);
        assert_eq!(echo.next::<Vec<Point>>().len(), 2);
    }
    peer.check("typed-many", &[("many".into(), echo.finish())]);
}

/// Fields that the reader does not know are skipped, the types that are defined inside them are kept, and Go can skip them in what Rust writes.
#[test]
fn unknown_fields() {
    echo("wide", |values: &[Wide]| {
        assert_eq!((&values[0].base.id, values[0].last), (&"id".into(), 65535));
        assert_eq!(values[0], values[2]);
    });
    let Some(peer) = Peer::get() else { return };
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(&peer.stream("wide"));
    let mut narrow = Narrow { new: "mine".into(), ..Narrow::default() };
    decoder.decode_into(&mut narrow).expect("decodes");
    assert_eq!(narrow, Narrow { last: 65535, keep: "kept".into(), new: "mine".into() });
    decoder.decode_into(&mut narrow).expect("decodes");
    assert_eq!(
        narrow,
        Narrow { last: 3, keep: "kept".into(), new: "mine".into() },
        "what was not sent keeps its value"
    );
    let wide: Wide = decoder.decode().expect("decodes").expect("a third value");
    assert_eq!(wide.keep, "kept");
    let Value::Struct(inner) = wide.skipped.value() else { panic!("a struct") };
    assert_eq!(inner.get("Name"), Some(&Value::String("skipped".into())));
}
