//! Methods with streams: the broker numbers are apart, and what travels beside the bytes is positional.

use mmp_transcode::generated::{API, HOOKS, PLUGIN_HTTP_BUFFERED, api_by_name, hook_by_name};
use mmp_transcode::schema::Method;
use mmp_transcode::{Reply, ToGob};
use serde_json::json;

use crate::peer::Host;
use crate::support::frame::Frame;
use crate::support::gob::Incoming;

fn method(name: &str) -> &'static Method {
    hook_by_name(name).or_else(|| api_by_name(name)).expect("a method")
}

#[test]
fn numbers_and_arguments_survive_both_ways() {
    let mut host = Host::start();
    let mut names: Vec<&str> =
        HOOKS.iter().chain(API).filter(|method| !method.streams.is_empty()).map(|method| method.name).collect();
    names.sort_unstable();
    let wanted = ["FileWillBeUploaded", "InstallPlugin", "PluginHTTP", "ServeHTTP", "ServeMetrics", "UploadData"];
    assert_eq!(names, wanted);
    for name in names {
        let (gob, value) = host.filled(method(name), "args");
        let (frame, _) = host.incoming.args(method(name), &gob).expect(name);
        let numbers = host.incoming.from.streams().to_vec();
        let fields = method(name).streams.iter().map(|stream| value[stream.name].to_string());
        let shown: Vec<String> = numbers.iter().map(|number| format!("\"{number}\"")).collect();
        assert_eq!(shown, fields.collect::<Vec<_>>(), "{name}");
        assert!(!numbers.contains(&0), "{name}");
        let mut back = Vec::new();
        host.to.call_with_streams(method(name), &frame, &numbers, &mut back).expect(name);
        assert_eq!(host.read(method(name), "args", &back), value, "{name}");
    }
}

#[test]
fn a_request_comes_before_its_context() {
    let mut host = Host::start();
    let (gob, value) = host.filled(method("ServeHTTP"), "args");
    let (frame, _) = host.incoming.args(method("ServeHTTP"), &gob).expect("a frame");
    let mut arguments = Frame::parse(&frame);
    assert_eq!(arguments.items().len(), 2);
    assert_eq!(*arguments.item(0).at("url"), Frame::str("/a%20b?q=1#f"));
    assert_eq!(*arguments.item(0).at("method"), Frame::str(value["Request"]["Method"].as_str().expect("a method")));
    assert_eq!(*arguments.item(1).at("request_id"), Frame::str(value["Context"]["RequestId"].as_str().expect("an id")));
}

#[test]
fn numbers_that_are_left_out_are_zero() {
    let mut host = Host::start();
    let request = Frame::map([("method", Frame::str("GET")), ("url", Frame::str("/x"))]);
    let payload = Frame::List(vec![request]).bytes();
    let http = method("PluginHTTP");
    for (numbers, first, second) in [(&[7, 9][..], 7, 9), (&[7], 7, 0), (&[0, u32::MAX], 0, u32::MAX), (&[], 0, 0)] {
        let mut gob = Vec::new();
        host.to.call_with_streams(http, &payload, numbers, &mut gob).expect("it fits");
        host.incoming.args(http, &gob).expect("a frame");
        assert_eq!(host.incoming.from.streams(), [first, second]);
        host.incoming = Incoming::default();
        host.to = ToGob::default();
    }
    let mut gob = Vec::new();
    let error = host.to.call_with_streams(http, &payload, &[1, 2, 3], &mut gob).expect_err("too many");
    assert_eq!((error.to_string().as_str(), gob.len()), ("3 values for a method that has 2", 0));
}

#[test]
fn numbers_do_not_need_the_arguments_before_them() {
    let mut host = Host::start();
    let mut gob = Vec::new();
    // A session that is nil would make the server panic.
    let error = host.to.call_with_streams(method("UploadData"), &Frame::List(vec![]).bytes(), &[5], &mut gob);
    assert_eq!(error.expect_err("a nil").to_string(), "us: must not be nil here");
    let mut gob = Vec::new();
    host.to.call_with_streams(method("InstallPlugin"), &Frame::List(vec![]).bytes(), &[6], &mut gob).expect("it fits");
    assert_eq!(host.read(method("InstallPlugin"), "args", &gob), json!({"PluginStreamID": "6"}));
}

#[test]
fn the_numbers_are_those_of_the_last_arguments() {
    let mut host = Host::start();
    let (gob, _) = host.filled(method("ServeHTTP"), "args");
    host.incoming.args(method("ServeHTTP"), &gob).expect("a frame");
    assert_eq!(host.incoming.from.streams().len(), 2);
    let (gob, _) = host.filled(method("OnDeactivate"), "args");
    host.incoming.args(method("OnDeactivate"), &gob).expect("a frame");
    assert!(host.incoming.from.streams().is_empty());
}

#[test]
fn a_status_and_headers_are_results() {
    let mut host = Host::start();
    let (gob, value) = host.filled(method("PluginHTTP"), "results");
    let (frame, kind) = host.incoming.results(method("PluginHTTP"), &gob).expect("results");
    let Frame::List(results) = Frame::parse(&frame) else { panic!("no list") };
    assert_eq!((results.len(), kind), (2, Reply::Results));
    assert_eq!(results[0], Frame::Int(value["StatusCode"].as_str().and_then(|n| n.parse().ok()).expect("a number")));
    let Some((name, values)) = value["Header"].as_object().and_then(|header| header.iter().next()) else {
        panic!("no header")
    };
    let values = values.as_array().into_iter().flatten().filter_map(|text| text.as_str()).map(Frame::str).collect();
    assert_eq!(results[1], Frame::map([(name.as_str(), Frame::List(values))]));
}

#[test]
fn the_buffered_form_has_whole_bodies() {
    let mut host = Host::start();
    let (gob, value) = host.filled(&PLUGIN_HTTP_BUFFERED, "args");
    let (frame, _) = host.incoming.args(&PLUGIN_HTTP_BUFFERED, &gob).expect("a frame");
    let mut back = Vec::new();
    host.to.call(&PLUGIN_HTTP_BUFFERED, &frame, &mut back).expect("it fits");
    assert_eq!(host.read(&PLUGIN_HTTP_BUFFERED, "args", &back), value);
    let (gob, value) = host.filled(&PLUGIN_HTTP_BUFFERED, "results");
    let (frame, kind) = host.incoming.results(&PLUGIN_HTTP_BUFFERED, &gob).expect("results");
    let Frame::List(mut results) = Frame::parse(&frame) else { panic!("no list") };
    let status = value["Response"]["StatusCode"].as_str().and_then(|n| n.parse().ok()).expect("a number");
    assert_eq!((kind, results[0].at("status_code").clone()), (Reply::Results, Frame::Int(status)));
    assert!(matches!(&results[1], Frame::Bin(body) if body.starts_with(&[0]) && body.ends_with(&[255])));
    // A request that is nil would make the server panic.
    let error = host.to.call(&PLUGIN_HTTP_BUFFERED, &Frame::List(vec![Frame::Nil]).bytes(), &mut Vec::new());
    assert_eq!(error.expect_err("a nil").to_string(), "Request: must not be nil here");
}
