//! Every method with a value in every field, and every echo with every field changed in turn.

use mmp_gob::{Limits, StreamReader, Types};
use mmp_transcode::generated::{API, DRIVER, HOOKS};
use mmp_transcode::schema::{EchoMode, Kind, Method, Slot};
use mmp_transcode::{Reply, Sent, ToGob};

use crate::support::frame::Frame;
use crate::support::generate::Generator;
use crate::support::gob::Incoming;

fn methods() -> impl Iterator<Item = &'static Method> {
    HOOKS.iter().chain(API).chain(DRIVER).filter(|method| matches!(method.rpc_args, Kind::Struct(_)))
}

fn no_types() -> Types {
    StreamReader::new(Limits::default()).types
}

fn values(generator: &mut Generator, slots: &[Slot]) -> Frame {
    Frame::List(slots.iter().map(|slot| generator.value(&slot.kind, 0)).collect())
}

#[test]
fn the_arguments_and_results_of_every_method_arrive_as_they_were_sent() {
    let (mut to, mut incoming) = (ToGob::default(), Incoming::default());
    let mut generator = Generator(1);
    let mut count = 0;
    for method in methods() {
        for _ in 0..3 {
            let (args, results) = (values(&mut generator, method.args), values(&mut generator, method.results));
            let mut gob = Vec::new();
            to.call(method, &args.bytes(), &mut gob).unwrap_or_else(|e| panic!("{}: {e}", method.name));
            let (frame, _) = incoming.args(method, &gob).unwrap_or_else(|e| panic!("{}: {e}", method.name));
            assert_eq!(Frame::parse(&frame), args, "{}", method.name);
            if !matches!(method.rpc_returns, Kind::Struct(_)) {
                continue;
            }
            gob.clear();
            to.reply(method, &results.bytes(), None, &mut no_types(), &mut gob)
                .unwrap_or_else(|e| panic!("{}: {e}", method.name));
            let (frame, kind) = incoming.results(method, &gob).unwrap_or_else(|e| panic!("{}: {e}", method.name));
            assert_eq!((Frame::parse(&frame), kind), (results, Reply::Results), "{}", method.name);
            count += 1;
        }
    }
    assert!(count > 3 * 280, "{count} results");
}

#[test]
fn every_error_arrives_as_it_was_sent() {
    let (mut to, mut incoming) = (ToGob::default(), Incoming::default());
    let app = Frame::map([
        ("kind", Frame::str("app")),
        ("id", Frame::str("some.id")),
        ("message", Frame::str("text")),
        ("detailed_error", Frame::str("details")),
        ("request_id", Frame::str("request")),
        ("status_code", Frame::Int(404)),
        ("where", Frame::str("here")),
        ("skip_translation", Frame::Bool(true)),
    ]);
    let plain =
        Frame::map([("kind", Frame::str("error")), ("code", Frame::Int(2)), ("message", Frame::str("no rows"))]);
    let mut count = 0;
    for method in methods() {
        let Some(slot) = &method.error else { continue };
        let errors = if matches!(slot.kind, Kind::Error) { vec![&app, &plain] } else { vec![&app] };
        for error in errors {
            let Frame::List(mut results) = values(&mut Generator(count), method.results) else { panic!("no list") };
            results.push(error.clone());
            let mut gob = Vec::new();
            to.reply(method, &Frame::List(results).bytes(), None, &mut no_types(), &mut gob).expect("it fits");
            let (frame, kind) = incoming.results(method, &gob).expect("a frame");
            assert_eq!((&Frame::parse(&frame), kind), (error, Reply::Error), "{}", method.name);
            count += 1;
        }
    }
    assert!(count > 200, "{count} errors");
}

#[test]
fn every_field_of_an_echoed_value_can_be_changed_alone() {
    let mut generator = Generator(7);
    let mut changes = 0;
    for method in HOOKS {
        let Some(echo) = method.echo else { continue };
        let slot = &method.args[usize::from(echo.arg)];
        let Kind::Ptr(Kind::Struct(_)) = slot.kind else { continue };
        let args = values(&mut generator, method.args);
        let (mut host, mut incoming) = (ToGob::default(), Incoming::default());
        let mut gob = Vec::new();
        host.call(method, &args.bytes(), &mut gob).expect("it fits");
        let (frame, kept) = incoming.args(method, &gob).expect("a frame");
        let kept = kept.expect("the argument");
        let sent = Sent { frame: &frame[kept.frame.clone()], gob: &kept.gob, wire: kept.wire };
        let old = Frame::parse(sent.frame);
        let Frame::Map(new) = generator.value(&slot.kind, 0) else { panic!("no struct") };
        let (mut to, mut back) = (ToGob::default(), Incoming::default());
        for (key, value) in new {
            let mut returned = old.clone();
            *returned.at(&key) = value.clone();
            let changed = returned != old;
            let mut gob = Vec::new();
            let payload = Frame::List(vec![returned.clone()]).bytes();
            to.reply(method, &payload, Some(sent), &mut incoming.reader.types, &mut gob)
                .unwrap_or_else(|e| panic!("{} {key}: {e}", method.name));
            let Frame::List(mut results) = Frame::parse(&back.results(method, &gob).expect("a frame").0) else {
                panic!("no list")
            };
            let found = results.swap_remove(usize::from(echo.result));
            match echo.mode {
                _ if !changed => {}
                EchoMode::Prefilled => check_patch(method, &key, found, &value),
                EchoMode::NilKeeps | EchoMode::NilRejects => assert_eq!(found, returned, "{} {key}", method.name),
            }
            changes += u32::from(changed);
        }
    }
    assert!(changes > 80, "{changes} changes");
}

/// A patch has the changed field and no other.
fn check_patch(method: &Method, key: &str, patch: Frame, value: &Frame) {
    let Frame::Map(fields) = patch else { panic!("{} {key}: {patch:?}", method.name) };
    let [(name, found)] = &*fields else { panic!("{} {key}: {fields:?}", method.name) };
    assert_eq!(name, key);
    assert!(is_part(found, value), "{} {key}: {found:?}", method.name);
}

/// Whether a patch says nothing that the new value does not. Structs and maps that were there before have only what is new.
fn is_part(patch: &Frame, value: &Frame) -> bool {
    match (patch, value) {
        (Frame::Map(patch), Frame::Map(value)) => {
            patch.iter().all(|(key, part)| value.iter().any(|(other, whole)| key == other && is_part(part, whole)))
        }
        _ => patch == value,
    }
}
