//! PluginHTTP: the request's body to the server and the response's back, and servers that know only whole bodies.

use mmp_gob::GoString;
use mmp_model::{HTTPResponse, rpc};
use mmp_worker::frame::{BODY, Kind};
use serde_json::{Value, json};

use super::api_streams::{nothing_left, stubborn, warm};
use super::tests;
use crate::host::{Arguments, End, Host};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    a_request_and_its_response,
    a_request_and_its_response_on_the_async_connection,
    a_request_without_a_body,
    a_response_is_sent_as_far_as_the_worker_reads,
    credit_in_advance_counts,
    a_response_that_comes_before_the_answer,
    a_large_response_that_comes_before_the_answer,
    a_response_that_is_broken_off,
    no_response,
    a_body_that_goes_on_behind_the_answer,
    a_body_that_is_not_complete_when_the_response_is,
    a_body_that_the_server_still_reads_behind_the_answer,
    a_response_that_nobody_wants,
    the_worker_ends_within_a_response,
    the_plugin_is_stopped_within_a_response,
    requests_that_would_end_the_server,
    an_old_server,
    an_old_server_and_a_large_response,
    an_old_server_and_a_body_that_is_too_large,
    an_old_server_and_calls_that_are_given_up,
];

fn started() -> Host {
    warm(&Script::default())
}

fn request() -> Value {
    json!([{"method": "POST", "url": "/other/path?a=b", "header": {"A": ["b", "c"]}}])
}

fn answered(status: i64) -> rpc::PluginHTTPStreamReturns {
    let header = [(GoString::from("Content-Type"), vec![GoString::from("text/plain")])];
    rpc::PluginHTTPStreamReturns { status_code: status, header: Some(header.into_iter().collect()) }
}

fn answer() -> Value {
    json!([200, {"Content-Type": ["text/plain"]}])
}

fn request_and_response(script: &Script) {
    let mut host = warm(script);
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", BODY, &request());
    host.call_body(call, b"question");
    let served = host.dialled_call();
    let Arguments::Http(arguments) = host.served_arguments(served) else { panic!("another call") };
    let sent = arguments.request.unwrap();
    assert_eq!((sent.method.to_string(), sent.url.unwrap().0.to_string()), ("POST".into(), "/other/path?a=b".into()));
    host.pull(served, 1000);
    assert_eq!(host.body(served, 8), b"question");
    assert_eq!(host.body_end(served), End::Closed);
    host.answer_call(served, &answered(200));
    assert_eq!(host.call_reply(call), answer());
    host.respond(served, b"ans");
    assert_eq!(host.call_streamed(call, 3), b"ans");
    host.respond(served, b"wer");
    host.end_response(served);
    host.close_body(served);
    assert_eq!(host.call_streamed(call, 3), b"wer");
    assert_eq!(host.call_stream_end(call), None);
    assert_eq!(host.response_end(served), End::Closed);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn a_request_and_its_response() {
    request_and_response(&Script::default());
}

fn a_request_and_its_response_on_the_async_connection() {
    request_and_response(&Script::asynchronous());
}

fn a_request_without_a_body() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", 0, &request());
    let served = host.dialled_call();
    let Arguments::Http(arguments) = host.served_arguments(served) else { panic!("another call") };
    assert_eq!(arguments.request_body_stream, 0);
    host.answer_call(served, &answered(200));
    host.end_response(served);
    assert_eq!(host.call_reply(call), answer());
    assert_eq!(host.call_stream_end(call), None);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

/// A call that was answered with 200, and has no body of its own.
fn responding(host: &mut Host) -> (crate::host::Hook, crate::host::ApiCall, crate::host::Served) {
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", 0, &request());
    let served = host.dialled_call();
    host.answer_call(served, &answered(200));
    assert_eq!(host.call_reply(call), answer());
    (hook, call, served)
}

fn a_response_is_sent_as_far_as_the_worker_reads() {
    let mut host = started();
    let (hook, call, served) = responding(&mut host);
    let sent: Vec<u8> = (0..600_000_u32).map(|n| (n % 251) as u8).collect();
    // The whole window of a new stream, but for the number that it began with.
    assert_eq!(host.response_window(served), 262_140);
    host.respond(served, &sent);
    assert_eq!(host.call_streamed(call, 262_140), sent[..262_140]);
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), []);
    // The window of a stream is given back by halves.
    host.call_credit(call, 200_000);
    assert_eq!(host.call_streamed(call, 200_004), sent[262_140..462_144]);
    host.call_credit(call, 262_144);
    assert_eq!(host.call_streamed(call, 137_856), sent[462_144..]);
    host.end_response(served);
    assert_eq!(host.call_stream_end(call), None);
    host.finish();
}

/// A worker may give all credit at once.
fn credit_in_advance_counts() {
    let mut host = started();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", 0, &request());
    host.call_credit(call, 1 << 30);
    host.settle(hook);
    let served = host.dialled_call();
    host.answer_call(served, &answered(200));
    assert_eq!(host.call_reply(call), answer());
    let sent = vec![7; 3_000_000];
    host.respond(served, &sent);
    assert_eq!(host.call_streamed(call, sent.len()), sent);
    host.end_response(served);
    assert_eq!(host.call_stream_end(call), None);
    host.finish();
}

fn a_response_that_comes_before_the_answer() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", 0, &request());
    let served = host.dialled_call();
    host.respond(served, &[1; 1000]);
    host.end_response(served);
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), []);
    host.answer_call(served, &answered(200));
    assert_eq!(host.call_reply(call), answer());
    assert_eq!(host.call_streamed(call, 1000), [1; 1000]);
    assert_eq!(host.call_stream_end(call), None);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

/// Whatever the worker has given credit for, the bridge keeps no more of it than a window until the worker can take it.
fn a_large_response_that_comes_before_the_answer() {
    let mut host = started();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", 0, &request());
    host.call_credit(call, 1 << 30);
    let served = host.dialled_call();
    let sent = vec![7; 3_000_000];
    host.respond(served, &sent);
    host.settle(hook);
    assert_eq!(host.response_window(served), 0, "the rest waits at the server");
    host.answer_call(served, &answered(200));
    assert_eq!(host.call_reply(call), answer());
    assert_eq!(host.call_streamed(call, sent.len()), sent);
    host.end_response(served);
    assert_eq!(host.call_stream_end(call), None);
    host.finish();
}

fn a_response_that_is_broken_off() {
    let mut host = started();
    let before = host.live_state();
    let (hook, call, served) = responding(&mut host);
    host.respond(served, b"ans");
    host.call_streamed(call, 3);
    host.reset_response(served);
    assert_eq!(host.call_stream_end(call).as_deref(), Some("the server broke the response off"));
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

/// The server leaves the stream of a response that does not exist open for ever.
fn no_response() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", BODY, &request());
    host.call_body(call, b"question");
    let served = host.dialled_call();
    host.close_body(served);
    host.answer_call(served, &rpc::PluginHTTPStreamReturns::default());
    assert_eq!(host.call_reply(call), json!([0, {}]));
    assert_eq!(host.call_stream_end(call), None);
    assert_eq!(host.response_end(served), End::Reset);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

/// As with a Go plugin: the other one may answer while it reads.
fn a_body_that_goes_on_behind_the_answer() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", BODY, &request());
    host.call_send(call, Kind::Data, b"ques");
    let served = host.dialled_call();
    host.pull(served, 1000);
    assert_eq!(host.body(served, 4), b"ques");
    host.answer_call(served, &answered(200));
    assert_eq!(host.call_reply(call), answer());
    host.respond(served, b"ans");
    assert_eq!(host.call_streamed(call, 3), b"ans");
    host.call_body(call, b"tion");
    assert_eq!(host.body(served, 8), b"question");
    assert_eq!(host.body_end(served), End::Closed);
    assert_eq!(host.call_frame(call, Kind::Credit).credit(), 4);
    host.respond(served, b"wer");
    host.end_response(served);
    assert_eq!(host.call_streamed(call, 3), b"wer");
    assert_eq!(host.call_stream_end(call), None);
    host.close_body(served);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

/// Whoever reads on must not take the part for the whole.
fn a_body_that_is_not_complete_when_the_response_is() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", BODY, &request());
    host.call_send(call, Kind::Data, b"ques");
    let served = host.dialled_call();
    host.pull(served, 1000);
    host.body(served, 4);
    host.answer_call(served, &answered(413));
    assert_eq!(host.call_reply(call), json!([413, {"Content-Type": ["text/plain"]}]));
    host.end_response(served);
    assert_eq!(host.call_stream_end(call), None);
    assert_eq!(host.body_end(served), End::Reset);
    host.call_body(call, b"tion");
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn a_body_that_the_server_still_reads_behind_the_answer() {
    let mut host = started();
    let before = host.live_state();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", BODY, &request());
    host.call_body(call, &[7; 100_000]);
    let served = host.dialled_call();
    host.settle(hook);
    host.answer_call(served, &answered(200));
    assert_eq!(host.call_reply(call), answer());
    host.pull(served, 200_000);
    assert_eq!(host.body(served, 100_000), [7; 100_000]);
    assert_eq!(host.body_end(served), End::Closed);
    host.end_response(served);
    host.close_body(served);
    assert_eq!(host.call_stream_end(call), None);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn a_response_that_nobody_wants() {
    let mut host = started();
    let before = host.live_state();
    let (hook, call, served) = responding(&mut host);
    host.respond(served, &[0; 400_000]);
    host.call_send(call, Kind::Cancel, &[]);
    assert_eq!(host.response_end(served), End::Reset);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn the_worker_ends_within_a_response() {
    let mut host = started();
    let before = host.live_state();
    let (_, call, served) = responding(&mut host);
    host.respond(served, b"ans");
    host.call_streamed(call, 3);
    host.notify("die");
    assert_eq!(host.response_end(served), End::Reset);
    host.logged("was started again and is active");
    nothing_left(&mut host, before);
    host.finish();
}

fn the_plugin_is_stopped_within_a_response() {
    let mut host = warm(&stubborn());
    let (_, call, served) = responding(&mut host);
    host.respond(served, b"ans");
    host.call_streamed(call, 3);
    assert_eq!(host.quit().0, Some(0));
    let said = host.call_stream_end(call);
    assert_eq!(said.as_deref(), Some("PluginHTTP: the plugin is being stopped, and the rest does not come"));
    host.finish();
}

/// The server checks neither the URL nor the headers.
fn requests_that_would_end_the_server() {
    let mut host = started();
    let hook = host.relayed();
    for request in [json!([{"method": "GET"}]), json!([{"url": ""}]), json!([{"url": null}]), json!([null]), json!([])]
    {
        let call = host.api_call(hook, "PluginHTTP", 0, &request);
        let (kind, message) = host.call_error(call);
        assert!(kind == "invalid" && message.starts_with("PluginHTTP: "), "{request}: {kind}: {message}");
    }
    for is_old in [false, true] {
        host.api.served.is_old = is_old;
        for request in [json!([{"url": "/a"}]), json!([{"header": {}, "url": "/a"}])] {
            let call = host.api_call(hook, "PluginHTTP", 0, &request);
            let served = host.served_call();
            let sent = match host.served_arguments(served) {
                Arguments::Http(arguments) => arguments.request,
                Arguments::Buffered(arguments) => arguments.request,
                other => panic!("{other:?}"),
            };
            let header = sent.unwrap().header.expect("a map that is not nil");
            assert_eq!(header.len(), 1, "{request}");
            host.call_send(call, Kind::Cancel, &[]);
        }
    }
    host.finish();
}

fn old_server() -> Host {
    let mut host = started();
    host.api.served.is_old = true;
    host
}

fn whole(status: i64, body: &[u8]) -> rpc::PluginHTTPReturns {
    let response = HTTPResponse {
        status: format!("{status} OK").as_str().into(),
        status_code: status,
        proto: "HTTP/1.1".into(),
        header: answered(status).header,
        ..HTTPResponse::default()
    };
    rpc::PluginHTTPReturns { response: Some(Box::new(response)), response_body: body.to_vec().into() }
}

/// The body that the old form was called with.
fn whole_body(arguments: Arguments) -> Vec<u8> {
    let Arguments::Buffered(arguments) = arguments else { panic!("another call") };
    assert_eq!(arguments.request.unwrap().method.to_string(), "POST");
    arguments.request_body.into_bytes()
}

fn an_old_server() {
    let mut host = old_server();
    let before = host.live_state();
    let hook = host.relayed();
    // At first the server is asked for the streaming form, and then not any more.
    for round in 0..3 {
        let call = host.api_call(hook, "PluginHTTP", BODY, &request());
        if round == 1 {
            host.call_send(call, Kind::Data, &[1; 65_536]);
            host.call_send(call, Kind::Data, &[2; 65_536]);
            let mut credit = 0;
            while credit < 131_072 {
                credit += host.call_frame(call, Kind::Credit).credit();
            }
            assert_eq!(host.served_calls_waiting(), 0);
            host.call_body(call, &[3; 1000]);
        } else {
            host.call_body(call, b"question");
        }
        let served = host.served_call();
        let arguments = host.served_arguments(served);
        let expected =
            if round == 1 { [vec![1; 65_536], vec![2; 65_536], vec![3; 1000]].concat() } else { b"question".to_vec() };
        assert!(whole_body(arguments) == expected, "round {round}");
        host.answer_call(served, &whole(200, b"answer"));
        assert_eq!(host.call_reply(call), answer());
        assert_eq!(host.call_streamed(call, 6), b"answer");
        assert_eq!(host.call_stream_end(call), None);
    }
    // Neither body.
    let call = host.api_call(hook, "PluginHTTP", 0, &request());
    let served = host.served_call();
    let arguments = host.served_arguments(served);
    assert_eq!(whole_body(arguments), b"");
    host.answer_call(served, &whole(200, b""));
    assert_eq!(host.call_reply(call), answer());
    assert_eq!(host.call_stream_end(call), None);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}

fn an_old_server_and_a_large_response() {
    let mut host = old_server();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", 0, &request());
    let served = host.served_call();
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    host.answer_call(served, &whole(200, &sent));
    assert_eq!(host.call_reply(call), answer());
    assert_eq!(host.call_streamed(call, 262_144), sent[..262_144]);
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), []);
    host.call_credit(call, 1000);
    assert_eq!(host.call_streamed(call, 1000), sent[262_144..263_144]);
    host.call_credit(call, 1 << 40);
    assert_eq!(host.call_streamed(call, 736_856), sent[263_144..]);
    assert_eq!(host.call_stream_end(call), None);
    host.finish();
}

fn an_old_server_and_a_body_that_is_too_large() {
    let mut host = old_server();
    let hook = host.relayed();
    let call = host.api_call(hook, "PluginHTTP", BODY, &request());
    let piece = vec![0; 65_536];
    // 100 MiB, of which the bridge never owes the credit for more than two pieces.
    for sent in 0..1600 {
        host.call_send(call, Kind::Data, &piece);
        if sent > 0 {
            host.call_frame(call, Kind::Credit);
        }
    }
    host.call_send(call, Kind::Data, &piece);
    let (kind, message) = host.call_error(call);
    assert_eq!(kind, "invalid");
    assert!(message.contains("none of more than 100 MiB"), "{message}");
    host.call_body(call, b"x");
    host.settle(hook);
    assert_eq!(host.served_calls_waiting(), 0);
    host.finish();
}

fn an_old_server_and_calls_that_are_given_up() {
    let mut host = old_server();
    let before = host.live_state();
    let hook = host.relayed();
    for known in [false, true] {
        let call = host.api_call(hook, "PluginHTTP", BODY, &request());
        host.call_send(call, Kind::Data, b"ques");
        assert_eq!(host.call_frame(call, Kind::Credit).credit(), 4, "{known}");
        host.call_send(call, Kind::Cancel, &[]);
        host.settle(hook);
        let call = host.api_call(hook, "PluginHTTP", BODY, &request());
        host.call_send(call, Kind::End, &rmp_serde::to_vec(&json!({"message": "gone"})).unwrap());
        assert_eq!(host.call_error(call), ("invalid".to_owned(), "gone".to_owned()));
    }
    assert_eq!(host.served_calls_waiting(), 0);
    let call = host.api_call(hook, "PluginHTTP", BODY, &request());
    host.call_body(call, b"question");
    let served = host.served_call();
    host.answer_call(served, &rpc::PluginHTTPReturns::default());
    assert_eq!(host.call_reply(call), json!([0, {}]));
    assert_eq!(host.call_stream_end(call), None);
    host.reply(hook);
    nothing_left(&mut host, before);
    host.finish();
}
