//! Files that the plugin sees before they are stored.

use mmp_worker::frame::Kind;
use serde_json::json;

use super::http::{nothing_is_open, settled_state};
use super::tests;
use crate::bundle::Bundle;
use crate::host::{Hook, Host, LIMIT, Pulled, Upload};
use crate::processes;
use crate::runner::Test;
use crate::script::{Script, Start};

pub(crate) const TESTS: &[Test] = tests![
    a_file_is_replaced,
    a_file_is_replaced_on_the_async_connection,
    a_file_is_read_as_far_as_the_worker_asks,
    a_file_that_nobody_looks_at,
    a_file_is_rejected,
    a_large_replacement,
    credit_comes_when_the_server_has_taken_the_bytes,
    the_end_of_the_hook_ends_the_replacement,
    the_server_takes_no_replacement,
    the_handler_fails,
    the_handler_fails_in_the_middle_of_a_replacement,
    a_replacement_that_is_broken_off,
    a_result_that_does_not_fit,
    the_worker_dies,
    the_worker_dies_in_the_middle_of_a_replacement,
    uploads_while_there_is_no_worker,
    the_streams_are_dialled_while_the_hook_waits,
    a_worker_that_exceeds_its_credit,
    bytes_behind_the_end_of_a_replacement_are_refused,
    frames_that_break_the_protocol,
    many_uploads_leave_nothing_behind,
];

fn script() -> Script {
    Script::default().with("FileWillBeUploaded")
}

fn started() -> Host {
    Host::active(Bundle::new(&script()))
}

/// An upload that has reached the worker.
fn offered(host: &mut Host, file: &[u8]) -> (Upload, Hook) {
    let upload = host.upload("photo.png", Pulled::new(file.to_vec()));
    (upload, host.hook())
}

/// Ends a hook with the file's info as it came, but for the name.
fn rename(host: &mut Host, hook: Hook, name: &str) {
    let mut info = host.arguments(hook)[1].take();
    info["name"] = name.into();
    host.send_value(hook, Kind::HookReply, &json!([info, ""]));
}

fn unchanged() -> Result<String, String> {
    Ok("photo.png".into())
}

fn a_file_is_replaced() {
    replaced(&script());
}

fn a_file_is_replaced_on_the_async_connection() {
    replaced(&Script::asynchronous().with("FileWillBeUploaded"));
}

fn replaced(script: &Script) {
    let mut host = Host::active(Bundle::new(script));
    let (upload, hook) = offered(&mut host, b"bytes");
    assert_eq!(host.hook_name(hook), "FileWillBeUploaded");
    let arguments = host.arguments(hook);
    assert_eq!(arguments.as_array().unwrap().len(), 2, "the streams are no arguments: {arguments}");
    assert_eq!((&arguments[0]["request_id"], &arguments[1]["name"]), (&json!("request"), &json!("photo.png")));
    host.send_credit(hook, 100);
    assert_eq!(host.streamed(hook, 5), b"bytes");
    assert_eq!(host.stream_end(hook), None);
    host.send(hook, Kind::Data, b"other ");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 6);
    host.send(hook, Kind::Data, b"bytes");
    host.send(hook, Kind::End, &[]);
    rename(&mut host, hook, "drawing.png");
    assert_eq!(host.uploaded(upload), (Ok("drawing.png".into()), b"other bytes".to_vec()));
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

/// The server itself reads the file on where the plugin has left off, so not one byte more may be asked for.
fn a_file_is_read_as_far_as_the_worker_asks() {
    let mut host = started();
    let file: Vec<u8> = (0..400_000_u32).map(|at| (at % 239) as u8).collect();
    let (upload, hook) = offered(&mut host, &file);
    host.settle(hook);
    assert!(host.uploading(upload).file.requests.is_empty());
    for count in [1, 10, 300_000] {
        let from = host.uploading(upload).file.sent;
        host.send_credit(hook, count as u64);
        assert!(host.streamed(hook, count) == file[from..from + count]);
        host.settle(hook);
    }
    let read = &host.uploading(upload).file;
    assert_eq!((read.requests.clone(), read.sent), (vec![1, 10, 300_000], 300_011));
    assert_eq!(host.waiting_frames(hook), []);
    host.reply(hook);
    assert_eq!(host.uploaded(upload), (unchanged(), Vec::new()));
    host.until("the end of the file", LIMIT, |host| host.uploading(upload).file.closed_by_plugin.then_some(()));
    assert_eq!(host.uploading(upload).file.sent, 300_011);
    host.finish();
}

fn a_file_that_nobody_looks_at() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, &[0; 1_000_000]);
    host.reply(hook);
    assert_eq!(host.uploaded(upload), (unchanged(), Vec::new()));
    assert!(host.uploading(upload).file.requests.is_empty());
    host.finish();
}

fn a_file_is_rejected() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, b"bytes");
    host.send_value(hook, Kind::HookReply, &json!([null, "no photos"]));
    assert_eq!(host.uploaded(upload), (Err("no photos".into()), Vec::new()));
    // As in Go, what was written before is written.
    let (upload, hook) = offered(&mut host, b"bytes");
    host.send(hook, Kind::Data, b"half");
    host.send_value(hook, Kind::HookReply, &json!([null, "no photos"]));
    assert_eq!(host.uploaded(upload), (Err("no photos".into()), b"half".to_vec()));
    host.finish();
}

/// A worker that passes the file on as it comes, larger than every window and credit.
fn a_large_replacement() {
    let mut host = started();
    let file: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 233) as u8).collect();
    let (upload, hook) = offered(&mut host, &file);
    host.send_credit(hook, 65_536);
    let (mut credit, mut ended, mut unsent) = (131_072, false, Vec::new());
    while !ended || !unsent.is_empty() {
        let frame = host.frame(hook);
        match frame.kind {
            Kind::Data => {
                host.send_credit(hook, frame.payload.len() as u64);
                unsent.extend(frame.payload);
            }
            Kind::End => ended = true,
            Kind::Credit => credit += frame.credit(),
            kind => panic!("{kind:?}"),
        }
        while credit > 0 && !unsent.is_empty() {
            let part: Vec<u8> = unsent.drain(..unsent.len().min(credit).min(65_536)).collect();
            credit -= part.len();
            host.send(hook, Kind::Data, &part);
        }
    }
    host.reply(hook);
    let (result, replacement) = host.uploaded(upload);
    assert_eq!(result, unchanged());
    assert!(replacement == file);
    host.finish();
}

fn credit_comes_when_the_server_has_taken_the_bytes() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, b"");
    host.uploading(upload).slow = true;
    fill_window(&mut host, hook);
    host.send(hook, Kind::Data, &[2; 65_536]);
    host.send(hook, Kind::Data, &[2; 65_536]);
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), []);
    host.consume_replacement(upload);
    let mut credit = 0;
    while credit < 131_072 {
        credit += host.expect(hook, Kind::Credit).credit();
    }
    assert_eq!(credit, 131_072);
    host.reply(hook);
    let (result, replacement) = host.uploaded(upload);
    assert_eq!((result, replacement.len()), (unchanged(), WINDOW + 131_072));
    host.finish();
}

/// What yamux lets the bridge send before the server takes any of it. The number that was dialled has four bytes of it.
const WINDOW: usize = 262_144 - 4;

fn fill_window(host: &mut Host, hook: Hook) {
    for part in [65_536, 65_536, 65_536, 65_532] {
        host.send(hook, Kind::Data, &vec![1; part]);
        assert_eq!(host.expect(hook, Kind::Credit).credit(), part);
    }
}

/// A worker need not say END: nothing can follow. What is in the bridge then is still sent.
fn the_end_of_the_hook_ends_the_replacement() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, b"");
    host.send(hook, Kind::Data, &[1; 131_072]);
    host.reply(hook);
    let (result, replacement) = host.uploaded(upload);
    assert_eq!((result, replacement.len()), (unchanged(), 131_072));
    host.finish();
}

fn the_server_takes_no_replacement() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, b"bytes");
    host.settle(hook);
    host.refuse_replacement(upload);
    host.ping();
    for _ in 0..10 {
        host.send(hook, Kind::Data, &[1; 65_536]);
        assert_eq!(host.expect(hook, Kind::Credit).credit(), 65_536, "it is dropped");
    }
    host.send_credit(hook, 5);
    assert_eq!(host.streamed(hook, 5), b"bytes", "the file can still be read");
    host.reply(hook);
    assert_eq!(host.info_of(upload), "photo.png");
    host.finish();
}

fn the_handler_fails() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, b"bytes");
    host.fail(hook, "KeyError: 'size'");
    assert_eq!(host.uploaded(upload), (unchanged(), Vec::new()));
    host.logged("FileWillBeUploaded: the plugin's handler failed: KeyError: 'size'");
    host.finish();
}

/// The server would store the part in place of the file.
fn the_handler_fails_in_the_middle_of_a_replacement() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, b"bytes");
    host.send(hook, Kind::Data, b"by");
    host.fail(hook, "KeyError: 'size'");
    let refused = host.uploaded(upload).0.unwrap_err();
    assert!(refused.starts_with("The file could not be processed"), "{refused}");
    host.logged("FileWillBeUploaded: the plugin's handler failed: KeyError: 'size'");
    host.finish();
}

/// The same of a handler that says so and does not fail.
fn a_replacement_that_is_broken_off() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, b"bytes");
    host.send(hook, Kind::Data, b"by");
    host.send_value(hook, Kind::End, &json!({"message": "the source is gone"}));
    rename(&mut host, hook, "drawing.png");
    let refused = host.uploaded(upload).0.unwrap_err();
    assert!(refused.starts_with("The file could not be processed"), "{refused}");
    host.logged("the plugin broke the replacement off, so the file is refused: the source is gone");
    host.finish();
}

fn the_worker_dies_in_the_middle_of_a_replacement() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, b"bytes");
    host.send(hook, Kind::Data, b"by");
    host.settle(hook);
    processes::kill(host.worker());
    let refused = host.uploaded(upload).0.unwrap_err();
    assert!(refused.starts_with("The file could not be processed"), "{refused}");
    host.finish();
}

fn a_result_that_does_not_fit() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, b"bytes");
    host.send_value(hook, Kind::HookReply, &json!([5, "", "", ""]));
    assert_eq!(host.uploaded(upload), (unchanged(), Vec::new()));
    host.logged("FileWillBeUploaded: the handler's result does not fit");
    host.finish();
}

fn the_worker_dies() {
    let mut host = started();
    let before = settled_state(&mut host);
    let (reading, hook) = offered(&mut host, b"bytes");
    host.send_credit(hook, 3);
    host.streamed(hook, 3);
    let (idle, _) = offered(&mut host, b"bytes");
    processes::kill(host.worker());
    assert_eq!(host.uploaded(reading), (unchanged(), Vec::new()));
    assert_eq!(host.uploaded(idle), (unchanged(), Vec::new()));
    nothing_is_open(&mut host, before);
    host.logged("started again and is active");
    let (upload, hook) = offered(&mut host, b"bytes");
    host.reply(hook);
    assert_eq!(host.uploaded(upload), (unchanged(), Vec::new()));
    host.finish();
}

/// The server waits for the end of the replacement, and five seconds for somebody to dial it, in the middle of an upload.
fn uploads_while_there_is_no_worker() {
    let mut host = Host::active(Bundle::new(&Script { start: vec![Start::Normal, Start::Silent], ..script() }));
    processes::kill(host.worker());
    host.noted("start ", 2);
    let before = settled_state(&mut host);
    let upload = host.upload("photo.png", Pulled::new(b"bytes".to_vec()));
    assert_eq!(host.uploaded(upload), (unchanged(), Vec::new()));
    assert!(host.is_dialled(upload));
    assert!(host.uploading(upload).file.requests.is_empty());
    nothing_is_open(&mut host, before);
    host.finish();
}

fn the_streams_are_dialled_while_the_hook_waits() {
    let mut host = Host::active(Bundle::new(&Script { keeps_to_its_connections: true, ..script() }));
    let running: Vec<_> = (0..4)
        .map(|_| {
            host.post("relay");
            host.hook()
        })
        .collect();
    let upload = host.upload("photo.png", Pulled::new(b"bytes".to_vec()));
    host.until("both streams", LIMIT, |host| host.is_dialled(upload).then_some(()));
    host.settle(running[0]);
    assert_eq!(host.hooks_waiting(), 0, "the hook waits");
    host.reply(running[0]);
    let hook = host.hook();
    host.send_credit(hook, 100);
    assert_eq!(host.streamed(hook, 5), b"bytes");
    host.send(hook, Kind::Data, b"other");
    host.reply(hook);
    assert_eq!(host.uploaded(upload), (unchanged(), b"other".to_vec()));
    running[1..].iter().for_each(|hook| host.reply(*hook));
    host.finish();
}

fn a_worker_that_exceeds_its_credit() {
    let mut host = started();
    let (upload, hook) = offered(&mut host, b"");
    host.uploading(upload).slow = true;
    fill_window(&mut host, hook);
    host.send(hook, Kind::Data, &[1; 131_072]);
    host.settle(hook);
    host.send(hook, Kind::Data, b"x");
    host.logged("the worker sent more of a stream than it had credit for; it is started again");
    host.consume_replacement(upload);
    assert_eq!(host.info_of(upload), "photo.png");
    host.logged("started again and is active");
    host.finish();
}

/// Whether they reach the server or not would depend on how fast it is.
fn bytes_behind_the_end_of_a_replacement_are_refused() {
    let mut host = started();
    let (_, hook) = offered(&mut host, b"");
    host.send(hook, Kind::Data, b"by");
    host.send(hook, Kind::End, &[]);
    host.send(hook, Kind::Data, b"tes");
    host.logged("the worker sent more of a stream that it had ended; it is started again");
    host.finish();
}

fn frames_that_break_the_protocol() {
    let bad = |kind: Kind, reason: &str| {
        let mut host = started();
        let (upload, hook) = offered(&mut host, b"");
        host.send(hook, kind, b"\x92\xcc\xc8\x80");
        assert_eq!(host.uploaded(upload), (unchanged(), Vec::new()));
        host.logged(&format!("{reason}; it is started again"));
        host.finish();
    };
    bad(Kind::Head, "the worker sent Head for a file");
    bad(Kind::Hijack, "the worker sent Hijack for a file");
    bad(Kind::Deadline, "the worker sent Deadline for a file");
    bad(Kind::Credit, "a CREDIT of the worker cannot be read");
    let mut host = started();
    let post = host.post("relay");
    let hook = host.hook();
    host.send(hook, Kind::Data, b"x");
    host.wait(post).unwrap();
    host.logged("the worker sent Data for a hook that has no stream; it is started again");
    host.finish();
}

fn many_uploads_leave_nothing_behind() {
    let mut host = Host::active(Bundle::new(&Script::asynchronous().with("FileWillBeUploaded")));
    let before = settled_state(&mut host);
    for _ in 0..5 {
        let uploads: Vec<_> = (0..100).map(|_| host.upload("photo.png", Pulled::open_ended(vec![1; 1000]))).collect();
        let hooks: Vec<_> = uploads.iter().map(|_| host.hook()).collect();
        for &hook in &hooks {
            host.send_credit(hook, 2000);
            host.streamed(hook, 1000);
            host.send(hook, Kind::Data, b"other");
        }
        hooks.iter().for_each(|&hook| host.reply(hook));
        for &upload in &uploads {
            assert_eq!(host.uploaded(upload), (unchanged(), b"other".to_vec()));
        }
    }
    nothing_is_open(&mut host, before);
    host.finish();
}
