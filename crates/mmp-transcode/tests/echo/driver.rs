//! The database driver: every method both ways, bare values among them, and the types that a database's values have in Go.

use mmp_transcode::generated::{DRIVER, driver_by_name};
use mmp_transcode::schema::Method;
use mmp_transcode::{Error, Reply, ToGob};
use serde_json::{Value as Json, json};

use crate::peer::Host;
use crate::support::frame::Frame;

fn method(name: &str) -> &'static Method {
    driver_by_name(name).expect("a method")
}

/// What Go reads as the arguments of a call.
fn called(host: &mut Host, name: &str, arguments: Vec<Frame>) -> Result<Json, Error> {
    let mut gob = Vec::new();
    host.to.call(method(name), &Frame::List(arguments).bytes(), &mut gob)?;
    Ok(host.read(method(name), "args", &gob))
}

/// A value, its type in Go, and what Go shows of it.
fn sql_values() -> Vec<(Frame, Json)> {
    let value = |ty: &str, value: Json| json!({"$type": ty, "$value": value});
    vec![
        (Frame::Int((1 << 60) + 1), value("int64", json!("1152921504606846977"))),
        (Frame::Int(-1), value("int64", json!("-1"))),
        (Frame::float(2.5), value("float64", json!("2.5"))),
        (Frame::float(5.0), value("float64", json!("5"))),
        (Frame::Bool(true), value("bool", json!(true))),
        (Frame::Bool(false), value("bool", json!(false))),
        (Frame::Bin(vec![0, 1, 255]), value("[]uint8", json!("base64:AAH/"))),
        (Frame::str("text"), value("string", json!("text"))),
        (Frame::str(""), value("string", json!(""))),
        (Frame::Nil, Json::Null),
    ]
}

#[test]
fn arguments_of_every_method_arrive_with_their_types() {
    let mut host = Host::start();
    assert_eq!(DRIVER.len(), 20);
    for method in DRIVER {
        let (gob, value) = host.filled(method, "args");
        let (frame, _) = host.incoming.args(method, &gob).expect(method.name);
        let mut back = Vec::new();
        host.to.call(method, &frame, &mut back).expect(method.name);
        assert_eq!(host.read(method, "args", &back), value, "{}", method.name);
    }
}

#[test]
fn results_of_every_method_arrive() {
    let mut host = Host::start();
    for method in DRIVER {
        let (gob, value) = host.filled(method, "results");
        let (frame, kind) = host.incoming.results(method, &gob).expect(method.name);
        assert_eq!(kind, Reply::Results, "{}", method.name);
        let mut back = Vec::new();
        host.to.reply(method, &frame, None, &mut host.incoming.reader.types, &mut back).expect(method.name);
        // A frame does not tell the widths of integers.
        let value: Json = serde_json::from_str(&value.to_string().replace("\"int64\"", "\"int\"")).expect("JSON");
        assert_eq!(host.read(method, "results", &back), value, "{}", method.name);
    }
}

#[test]
fn a_bare_value_is_the_only_position() {
    let mut host = Host::start();
    let (gob, _) = host.filled(method("ConnPing"), "args");
    let (frame, _) = host.incoming.args(method("ConnPing"), &gob).expect("a frame");
    assert_eq!(Frame::parse(&frame), Frame::List(vec![Frame::str("text-1")]));
    let type_name = method("RowsColumnTypeDatabaseTypeName");
    let (gob, _) = host.filled(type_name, "results");
    let (frame, kind) = host.incoming.results(type_name, &gob).expect("a frame");
    assert_eq!((Frame::parse(&frame), kind), (Frame::List(vec![Frame::str("text-1")]), Reply::Results));
    // Unlike a field, a bare value is sent even if it is zero, and an argument that is left out is zero.
    for zero in [vec![Frame::Bool(false)], vec![]] {
        assert_eq!(called(&mut host, "Conn", zero).expect("it fits"), json!(false));
    }
    for zero in [vec![Frame::str("")], vec![]] {
        assert_eq!(called(&mut host, "TxCommit", zero).expect("it fits"), json!(""));
    }
    assert_eq!(called(&mut host, "Conn", vec![Frame::Bool(true)]).expect("it fits"), json!(true));
}

#[test]
fn bare_bytes_are_those_of_go() {
    // Go's own: `gob.NewEncoder(w).Encode(true)`, and the same of "x".
    for (name, argument, bytes) in
        [("Conn", Frame::Bool(true), &[3, 2, 0, 1][..]), ("ConnPing", Frame::str("x"), &[4, 12, 0, 1, b'x'])]
    {
        let mut gob = Vec::new();
        ToGob::default().call(method(name), &Frame::List(vec![argument]).bytes(), &mut gob).expect("it fits");
        assert_eq!(gob, bytes, "{name}");
    }
}

#[test]
fn bare_values_of_another_type_are_refused() {
    let mut host = Host::start();
    let refused = |host: &mut Host, name: &str, arguments: Vec<Frame>| {
        called(host, name, arguments).expect_err("it does not fit").to_string()
    };
    assert_eq!(refused(&mut host, "ConnPing", vec![Frame::Int(1)]), "connID: expected a string, got an integer");
    assert_eq!(refused(&mut host, "ConnPing", vec![Frame::Nil]), "connID: expected a string, got nil");
    let two = vec![Frame::str("a"), Frame::str("b")];
    assert_eq!(refused(&mut host, "ConnPing", two), "2 values for a method that has 1");
    // The stream is as it was.
    assert_eq!(called(&mut host, "ConnPing", vec![Frame::str("fine")]).expect("it fits"), json!("fine"));
}

#[test]
fn parameters_have_the_types_that_drivers_take() {
    let mut host = Host::start();
    let (frames, wanted): (Vec<Frame>, Vec<Json>) = sql_values().into_iter().unzip();
    let named = |value| Frame::map([("ordinal", Frame::Int(1)), ("value", value)]);
    let parameters = Frame::List(frames.into_iter().map(named).collect());
    let found = called(&mut host, "StmtQuery", vec![Frame::str("st"), parameters]).expect("it fits");
    let found: Vec<Json> = found["B"].as_array().expect("a list").iter().map(|item| item["Value"].clone()).collect();
    assert_eq!(found, wanted);
    // Gob knows no registered type of a time, so the server could not decode it.
    let time = Frame::List(vec![named(Frame::Time(1, 0))]);
    let error = called(&mut host, "StmtQuery", vec![Frame::str("st"), time]).expect_err("a time");
    assert_eq!(error.to_string(), "args[0].value: expected a value, got a time");
}

#[test]
fn a_row_is_asked_for_with_nils_and_comes_with_its_types() {
    let mut host = Host::start();
    let next = method("RowsNext");
    for columns in [1, 3, 200] {
        let dest = Frame::List(vec![Frame::Nil; columns]);
        let found = called(&mut host, "RowsNext", vec![Frame::str("rows"), dest]).expect("it fits");
        assert_eq!(found, json!({"A": "rows", "B": vec![Json::Null; columns]}));
    }
    let (gob, _) = host.filled(next, "results");
    let (frame, kind) = host.incoming.results(next, &gob).expect("a row");
    let row = sql_values().into_iter().map(|(frame, _)| frame).collect();
    assert_eq!((Frame::parse(&frame), kind), (Frame::List(vec![Frame::List(row)]), Reply::Results));
}

#[test]
fn the_nils_of_a_row_are_the_bytes_of_go() {
    let mut host = Host::start();
    let next = method("RowsNext");
    let (gob, _) = host.filled(next, "args");
    let (frame, _) = host.incoming.args(next, &gob).expect("a frame");
    assert_eq!(Frame::parse(&frame), Frame::List(vec![Frame::str("rows"), Frame::List(vec![Frame::Nil; 3])]));
    let mut ours = Vec::new();
    host.to.call(next, &frame, &mut ours).expect("it fits");
    // Definitions and type ids differ; the value is at the end: field A, field B, three empty names, the end.
    let value = b"\x01\x04rows\x01\x03\x00\x00\x00\x00";
    assert!(gob.ends_with(value) && ours.ends_with(value), "{gob:?} {ours:?}");
}

#[test]
fn errors_keep_their_codes() {
    let mut host = Host::start();
    for method in DRIVER.iter().filter(|method| method.error.is_some()) {
        for code in 1..=7 {
            let gob = host.failed(method, code);
            let (frame, kind) = host.incoming.results(method, &gob).expect(method.name);
            let wanted = Frame::map([
                ("kind", Frame::str("error")),
                ("code", Frame::Int(code.into())),
                ("message", Frame::str("broken")),
            ]);
            assert_eq!((Frame::parse(&frame), kind), (wanted, Reply::Error), "{}", method.name);
        }
    }
}

#[test]
fn errors_of_postgresql_keep_their_state() {
    let mut host = Host::start();
    let exec = method("ConnExec");
    let gob = host.failed(exec, 0);
    let (frame, kind) = host.incoming.results(exec, &gob).expect("an error");
    let wanted = Frame::map([
        ("kind", Frame::str("error")),
        ("id", Frame::str("23505")),
        ("message", Frame::str("duplicate key")),
        ("detailed_error", Frame::str("Key (id)=(1) already exists.")),
    ]);
    assert_eq!((Frame::parse(&frame).sorted(), kind), (wanted.sorted(), Reply::Error));
}
