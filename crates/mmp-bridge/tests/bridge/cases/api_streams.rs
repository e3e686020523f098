//! API calls that carry a stream to the server: InstallPlugin and UploadData.

use mmp_model::{FileInfo, Manifest, rpc};
use mmp_worker::frame::{BODY, Kind};
use serde_json::json;

use super::tests;
use crate::bundle::Bundle;
use crate::fake::commands::WAIVE;
use crate::host::{Arguments, End, Host};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    an_upload,
    an_upload_on_the_async_connection,
    an_install,
    a_body_is_sent_as_far_as_the_server_reads,
    a_body_larger_than_the_credit,
    more_than_the_credit_is_refused,
    data_behind_the_end_is_refused,
    the_server_answers_before_the_end,
    the_server_closes_before_the_end,
    a_body_that_is_broken_off,
    a_body_that_is_broken_off_before_it_is_dialled,
    a_call_that_is_cancelled,
    a_call_that_is_cancelled_before_it_is_dialled,
    the_server_never_dials,
    the_server_fails,
    the_worker_ends,
    a_connection_is_closed_within_a_call,
    the_plugin_is_stopped,
    calls_without_the_flag_and_flags_without_a_stream,
    an_id_that_is_in_use,
    two_hundred_uploads,
];

fn started() -> Host {
    warm(&Script::default())
}

/// A plugin that has called the API already, so that nothing but streams is new later on.
pub(super) fn warm(script: &Script) -> Host {
    let mut host = Host::active(Bundle::new(script));
    assert_eq!(host.posted("call GetServerVersion").1, "reply of 8 bytes");
    host
}

/// One whose worker goes on for a while when the plugin is stopped.
pub(super) fn stubborn() -> Script {
    Script { stubborn: true, ..Script::default() }
}

fn uploaded() -> rpc::UploadDataReturns {
    let info = FileInfo { name: "file".into(), ..FileInfo::default() };
    rpc::UploadDataReturns { a: Some(Box::new(info)), ..Default::default() }
}

fn session() -> serde_json::Value {
    json!([{"id": "session", "file_size": 5}])
}

/// Waits until the host has no more streams than before: what the plugin closed, the host closes as well.
#[track_caller]
pub(super) fn nothing_left(host: &mut Host, before: usize) {
    host.until("the end of all streams", crate::host::LIMIT, |host| (host.live_state() <= before).then_some(()));
    assert_eq!(super::metrics::sample(host, "mattermost_plugin_streams_open"), 0.0, "{}", host.report());
}

fn upload(script: &Script) {
    let mut host = warm(script);
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    host.call_body(call, b"hello");
    let served = host.dialled_call();
    let Arguments::Upload(arguments) = host.served_arguments(served) else { panic!("another call") };
    assert_eq!(arguments.a.unwrap().id.to_string(), "session");
    host.pull(served, 100);
    assert_eq!(host.body(served, 5), b"hello");
    assert_eq!(host.body_end(served), End::Closed);
    host.close_body(served);
    host.answer_call(served, &uploaded());
    assert_eq!(host.call_reply(call), json!([{"name": "file"}]));
    host.reply(hook);
    nothing_left(&mut host, before);
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn an_upload() {
    upload(&Script::default());
}

fn an_upload_on_the_async_connection() {
    upload(&Script::asynchronous());
}

fn an_install() {
    let mut host = started();
    let hook = host.relayed();
    let call = host.api_call(hook, "InstallPlugin", BODY, &json!([true]));
    let served = host.dialled_call();
    let Arguments::Install(arguments) = host.served_arguments(served) else { panic!("another call") };
    assert!(arguments.b);
    host.pull(served, 1 << 40);
    host.call_send(call, Kind::Data, b"bun");
    host.body(served, 3);
    host.call_send(call, Kind::Data, b"dle");
    assert_eq!(host.body(served, 6), b"bundle");
    host.call_send(call, Kind::End, &[]);
    assert_eq!(host.body_end(served), End::Closed);
    let manifest = Manifest { id: "other".into(), ..Manifest::default() };
    host.answer_call(served, &rpc::InstallPluginReturns { a: Some(Box::new(manifest)), b: None });
    assert_eq!(host.call_reply(call)[0]["id"], "other");
    host.finish();
}

fn a_body_is_sent_as_far_as_the_server_reads() {
    let mut host = started();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    let served = host.dialled_call();
    let sent: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    host.call_body(call, &sent);
    host.ping();
    assert_eq!(host.pulled(served), 0);
    host.pull(served, 10);
    host.pull(served, 20);
    assert_eq!(host.body(served, 30), sent[..30]);
    host.pull(served, 1_000_000);
    assert_eq!(host.body(served, 100_000), sent);
    assert_eq!(host.body_end(served), End::Closed);
    host.answer_call(served, &uploaded());
    host.call_reply(call);
    host.finish();
}

fn a_body_larger_than_the_credit() {
    let mut host = started();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    let served = host.dialled_call();
    host.pull(served, 1 << 62);
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut at, mut credit) = (0, 131_072);
    while at < sent.len() {
        let count = credit.min(65_536).min(sent.len() - at);
        if count > 0 {
            host.call_send(call, Kind::Data, &sent[at..at + count]);
            at += count;
            credit -= count;
        } else {
            credit += host.call_frame(call, Kind::Credit).credit();
        }
    }
    host.call_send(call, Kind::End, &[]);
    assert_eq!(host.body(served, sent.len()), sent);
    assert_eq!(host.body_end(served), End::Closed);
    host.answer_call(served, &uploaded());
    host.call_reply(call);
    host.finish();
}

fn more_than_the_credit_is_refused() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    let served = host.dialled_call();
    for _ in 0..3 {
        host.call_send(call, Kind::Data, &[0; 65_536]);
    }
    host.logged("the worker sent more of a stream than it had credit for");
    assert_eq!(host.body_end(served), End::Reset);
    host.noted("start", 2);
    host.logged("was started again and is active");
    nothing_left(&mut host, before);
    host.finish();
}

fn data_behind_the_end_is_refused() {
    let mut host = started();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    host.call_body(call, b"hello");
    host.call_send(call, Kind::Data, b"more");
    host.logged("the worker sent more of a stream that it had ended");
    host.noted("start", 2);
    host.finish();
}

/// What the worker sends before it knows of the answer has no effect, and the reader does not take the part for the whole.
fn the_server_answers_before_the_end() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    host.call_send(call, Kind::Data, b"hel");
    let served = host.dialled_call();
    host.pull(served, 100);
    host.body(served, 3);
    host.answer_call(served, &uploaded());
    host.call_reply(call);
    assert_eq!(host.body_end(served), End::Reset);
    host.call_send(call, Kind::Data, &[0; 65_536]);
    host.call_body(call, &[0; 131_072]);
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), []);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn the_server_closes_before_the_end() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    let served = host.dialled_call();
    host.call_send(call, Kind::Data, &[0; 1000]);
    host.settle(hook);
    host.close_body(served);
    // The worker need not wait for credit any more, whatever it sends.
    assert_eq!(host.call_frame(call, Kind::Credit).credit(), 1000);
    for _ in 0..10 {
        host.call_send(call, Kind::Data, &[0; 65_536]);
        assert_eq!(host.call_frame(call, Kind::Credit).credit(), 65_536);
    }
    host.answer_call(served, &uploaded());
    host.call_reply(call);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn a_body_that_is_broken_off() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    let served = host.dialled_call();
    host.pull(served, 100);
    host.call_send(call, Kind::Data, b"hel");
    host.body(served, 3);
    host.call_send(call, Kind::End, &rmp_serde::to_vec(&json!({"message": "the disk is gone"})).unwrap());
    assert_eq!(host.call_error(call), ("invalid".to_owned(), "the disk is gone".to_owned()));
    assert_eq!(host.body_end(served), End::Reset);
    // The server's answer comes too late.
    host.answer_call(served, &uploaded());
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), []);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn a_body_that_is_broken_off_before_it_is_dialled() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    host.call_send(call, Kind::End, b"\x80");
    assert_eq!(host.call_error(call).1, "the plugin broke the stream off");
    let served = host.dialled_call();
    assert_eq!(host.body_end(served), End::Reset);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn a_call_that_is_cancelled() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    let served = host.dialled_call();
    host.call_send(call, Kind::Data, b"hel");
    host.call_send(call, Kind::Cancel, &[]);
    assert_eq!(host.body_end(served), End::Reset);
    host.answer_call(served, &uploaded());
    // The id may be used again.
    let call = host.api_call(hook, "GetServerVersion", 0, &json!([]));
    assert_eq!(host.call_reply(call), json!(["11.6.0"]));
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn a_call_that_is_cancelled_before_it_is_dialled() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    host.call_body(call, b"hello");
    host.call_send(call, Kind::Cancel, &[]);
    host.settle(hook);
    let served = host.dialled_call();
    assert_eq!(host.body_end(served), End::Reset);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn the_server_never_dials() {
    // It may dial as late as the hook's own deadline would be.
    let bundle = Bundle::new(&Script::default());
    bundle.set_server("hooks", json!({"MessageWillBePosted": {"timeout": 30}}));
    let mut host = Host::active(bundle);
    assert_eq!(host.posted("call GetServerVersion").1, "reply of 8 bytes");
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    host.call_body(call, b"hello");
    let served = host.served_call();
    let (kind, message) = host.call_error(call);
    assert_eq!(kind, "unavailable");
    assert_eq!(message, "UploadData: the server has not opened the call's stream: timeout waiting for accept");
    assert_eq!(host.logged("the server has not opened the call's stream").level, "warn");
    host.answer_call(served, &uploaded());
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), []);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn the_server_fails() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "InstallPlugin", BODY, &json!([false]));
    host.call_send(call, Kind::Data, b"no bundle");
    let served = host.dialled_call();
    let error = mmp_model::AppError { message: "no".into(), status_code: 400, ..Default::default() };
    host.answer_call(served, &rpc::InstallPluginReturns { a: None, b: Some(Box::new(error)) });
    assert_eq!(host.call_error(call), ("app".to_owned(), "no".to_owned()));
    assert_eq!(host.body_end(served), End::Reset);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn the_worker_ends() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    host.call_send(call, Kind::Data, b"hel");
    let served = host.dialled_call();
    host.pull(served, 100);
    host.body(served, 3);
    host.notify("die");
    assert_eq!(host.body_end(served), End::Reset);
    host.logged("was started again and is active");
    host.answer_call(served, &uploaded());
    nothing_left(&mut host, before);
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn a_connection_is_closed_within_a_call() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.post("desert");
    let served = host.dialled_call();
    host.pull(served, 100);
    assert_eq!(host.body(served, 3), b"hel");
    std::fs::write(host.bundle.path().join(WAIVE), "").unwrap();
    assert_eq!(host.body_end(served), End::Reset);
    host.wait(hook).unwrap();
    host.answer_call(served, &uploaded());
    nothing_left(&mut host, before);
    host.finish();
}

fn the_plugin_is_stopped() {
    let mut host = warm(&stubborn());
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", BODY, &session());
    host.dialled_call();
    let (code, _) = host.quit();
    assert_eq!(code, Some(0));
    assert_eq!(host.call_error(call), ("unavailable".to_owned(), "UploadData: the plugin is being stopped".to_owned()));
    host.finish();
}

fn calls_without_the_flag_and_flags_without_a_stream() {
    let mut host = started();
    let hook = host.relayed();
    let call = host.api_call(hook, "UploadData", 0, &session());
    let needed = "UploadData needs a stream, so the call must have the flag BODY";
    assert_eq!(host.call_error(call), ("invalid".to_owned(), needed.to_owned()));
    let call = host.api_call(hook, "GetServerVersion", BODY, &json!([]));
    assert_eq!(host.call_error(call).1, "GetServerVersion has no stream, so the call cannot have the flag BODY");
    // Arguments that do not fit leave no stream behind.
    let call = host.api_call(hook, "UploadData", BODY, &json!([null]));
    let (kind, message) = host.call_error(call);
    assert!(kind == "invalid" && message.starts_with("UploadData: "), "{kind}: {message}");
    host.call_body(call, b"hello");
    host.settle(hook);
    assert_eq!(host.served_calls_waiting(), 0);
    host.finish();
}

fn an_id_that_is_in_use() {
    let mut host = started();
    let hook = host.relayed();
    host.api_call(hook, "UploadData", BODY, &session());
    let call = host.api_call(hook, "UploadData", BODY, &session());
    let (kind, message) = host.call_error(call);
    assert!(kind == "invalid" && message.contains("is that of another call"), "{kind}: {message}");
    host.finish();
}

fn two_hundred_uploads() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    for number in 0..200 {
        let call = host.api_call(hook, "UploadData", BODY, &session());
        host.call_send(call, Kind::Data, b"hel");
        if number % 3 == 0 {
            host.call_send(call, Kind::Cancel, &[]);
            host.dialled_call();
            host.settle(hook);
            continue;
        }
        let served = host.dialled_call();
        host.pull(served, 5);
        if number % 3 == 1 {
            host.call_body(call, b"lo");
            assert_eq!(host.body(served, 5), b"hello");
            host.close_body(served);
        }
        host.answer_call(served, &uploaded());
        host.call_reply(call);
    }
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}
