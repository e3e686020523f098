//! How long one value takes through the transcoder: `cargo bench -p mmp-transcode`. The best of several rounds is printed, with the bytes of gob and frame.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints and may stop")]

mod common;

use std::hint::black_box;
use std::time::Duration;

use common::{array, context, int, map, post, rich_props, text, time, wanted};
use mmp_gob::{Limits, StreamReader, TypeId};
use mmp_transcode::generated::{api_by_name, hook_by_name};
use mmp_transcode::schema::Method;
use mmp_transcode::{FromGob, Sent, ToGob, msgpack};

fn line(what: &str, took: Duration, gob: usize, frame: usize) {
    println!("{what:<34} {:>7.3} us   gob {gob:>5} B   frame {frame:>5} B", took.as_secs_f64() * 1e6);
}

/// A stream on which the types are defined, and one more message on it.
fn stream(method: &'static Method, payload: &[u8]) -> (StreamReader, Vec<u8>) {
    let (mut to, mut gob) = (ToGob::default(), Vec::new());
    let mut reader = StreamReader::new(Limits::default());
    to.call(method, payload, &mut gob).expect("it fits");
    reader.push(&gob);
    reader.next(|wire, cursor, types| cursor.skip(types, wire)).expect("gob").expect("a value");
    gob.clear();
    to.call(method, payload, &mut gob).expect("it fits");
    (reader, gob)
}

/// One way from gob to a frame.
type Convert = fn(&mut FromGob, &'static Method, TypeId, &mut mmp_gob::Cursor<'_>, &mut mmp_gob::Types, &mut Vec<u8>);

fn from_gob(what: &str, method: &'static Method, mut reader: StreamReader, gob: &[u8], convert: Convert) {
    let (mut from, mut frame) = (FromGob::default(), Vec::new());
    let mut once = || {
        frame.clear();
        reader.push(black_box(gob));
        let done = reader.next(|wire, cursor, types| {
            convert(&mut from, method, wire, cursor, types, &mut frame);
            Ok(())
        });
        black_box(done).expect("gob").expect("a value");
    };
    once();
    if !wanted(what) {
        return;
    }
    let took = time(once);
    line(what, took, gob.len(), frame.len());
}

fn to_gob(what: &str, frame: usize, mut write: impl FnMut(&mut Vec<u8>)) {
    let mut out = Vec::new();
    write(&mut out);
    out.clear();
    write(&mut out);
    if !wanted(what) {
        return;
    }
    let len = out.len();
    let took = time(|| {
        out.clear();
        write(&mut out);
        black_box(&out);
    });
    line(what, took, len, frame);
}

fn main() {
    let message = "x".repeat(120);
    let plain = post(&message, &|out| map(out, &[]));
    let rich = post(&message, &rich_props);
    for (name, old) in [("plain", &plain), ("rich", &rich)] {
        hook(name, old);
    }
    let get = api_by_name("GetUser").expect("a method");
    let mut user = Vec::new();
    msgpack::put_str(&mut user, "sg74j99ucf9tzf6n16e4umg853");
    let (payload, mut to) = (array(&[&user]), ToGob::default());
    to_gob("GetUser arguments", payload.len(), |out| to.call(get, &payload, out).expect("it fits"));
    get_user_reply(get);
}

/// The way of a post to the worker and back, with another message.
fn hook(name: &str, old: &[u8]) {
    let posted = hook_by_name("MessageWillBePosted").expect("a hook");
    let updated = hook_by_name("MessageWillBeUpdated").expect("a hook");
    let args = array(&[&context(), old]);
    let (reader, gob) = stream(posted, &args);
    from_gob(&format!("{name} post, arguments"), posted, reader, &gob, |from, method, wire, cursor, types, out| {
        from.args(method, wire, cursor, types, out).expect("a frame");
    });
    for (method, what) in [(posted, "patched"), (updated, "whole")] {
        let args = if method.id == posted.id { args.clone() } else { array(&[&context(), old, old]) };
        let (mut reader, gob) = stream(method, &args);
        reader.push(&gob);
        let (mut from, mut frame) = (FromGob::default(), Vec::new());
        let kept = reader
            .next(|wire, cursor, types| Ok(from.args(method, wire, cursor, types, &mut frame).expect("a frame")))
            .expect("gob")
            .expect("a value")
            .expect("a post");
        let sent = Sent { frame: &frame[kept.frame.clone()], gob: &kept.gob, wire: kept.wire };
        let (unchanged, changed) = (array(&[sent.frame]), array(&[&replaced(sent.frame)]));
        let mut to = ToGob::default();
        for (payload, how) in [(&changed, "message changed"), (&unchanged, "unchanged")] {
            to_gob(&format!("{name} post, {what}, {how}"), payload.len(), |out| {
                to.reply(method, payload, Some(sent), &mut reader.types, out).expect("it fits");
            });
        }
    }
}

/// The post with another message of the same length.
fn replaced(frame: &[u8]) -> Vec<u8> {
    let mut changed = frame.to_vec();
    let at = changed.windows(20).position(|part| part == [b'x'; 20]).expect("the message");
    // The byte before may be the length, which is an x too.
    changed[at + 1] = b'y';
    changed
}

fn get_user_reply(method: &'static Method) {
    let mut user = Vec::new();
    map(
        &mut user,
        &[
            ("id", &text("sg74j99ucf9tzf6n16e4umg853")),
            ("create_at", &int(1_700_000_000_000)),
            ("update_at", &int(1_700_000_000_001)),
            ("username", &text("somebody")),
            ("email", &text("somebody@example.com")),
            ("nickname", &text("nick")),
            ("first_name", &text("Some")),
            ("last_name", &text("Body")),
            ("roles", &text("system_user")),
            ("notify_props", &|out| {
                map(out, &[("desktop", &text("all")), ("email", &text("true")), ("push", &text("mention"))])
            }),
            ("locale", &text("en")),
            ("timezone", &|out| map(out, &[("useAutomaticTimezone", &text("true")), ("manualTimezone", &text(""))])),
        ],
    );
    let (mut to, mut gob) = (ToGob::default(), Vec::new());
    let mut reader = StreamReader::new(Limits::default());
    let payload = array(&[&user]);
    let mut types = StreamReader::new(Limits::default()).types;
    to.reply(method, &payload, None, &mut types, &mut gob).expect("it fits");
    reader.push(&gob);
    reader.next(|wire, cursor, types| cursor.skip(types, wire)).expect("gob").expect("a value");
    gob.clear();
    to.reply(method, &payload, None, &mut types, &mut gob).expect("it fits");
    from_gob("GetUser reply", method, reader, &gob, |from, method, wire, cursor, types, out| {
        from.results(method, wire, cursor, types, out).expect("a frame");
    });
}
