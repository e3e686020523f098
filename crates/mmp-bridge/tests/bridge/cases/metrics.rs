//! The bridge's own metrics, which ServeMetrics has without the plugin's doing.

use mmp_worker::frame::BODY;
use serde_json::json;

use super::tests;
use crate::bundle::Bundle;
use crate::host::{Host, LIMIT, Request, WriterCall};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] =
    tests![what_happened_is_counted, what_the_worker_uses, a_worker_that_is_down, the_plugin_gets_the_bridges_metrics];

/// The metrics as a client gets them from a plugin that has no handler for them.
#[track_caller]
fn fetch(host: &mut Host) -> String {
    let exchange = host.serve_by("ServeMetrics", Request::get("/metrics"));
    let calls = host.response(exchange);
    let [WriterCall::SyncHeader(headers), WriterCall::Write(body)] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!(headers["Content-Type"], ["text/plain; version=0.0.4; charset=utf-8"]);
    String::from_utf8(body.clone()).unwrap()
}

/// One sample, by its name and labels.
#[track_caller]
pub(super) fn sample(host: &mut Host, name: &str) -> f64 {
    value(&fetch(host), name).unwrap_or_else(|| panic!("no {name}"))
}

/// The same; None if it is not there.
#[track_caller]
pub(super) fn sample_or_none(host: &mut Host, name: &str) -> Option<f64> {
    value(&fetch(host), name)
}

fn value(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

fn what_happened_is_counted() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    host.posted("edit it");
    host.posted("sleep 20");
    host.posted("fail");
    host.posted("wrong");
    host.posted("call KVGet key");
    host.posted("call GetUser me");
    let hook = host.relayed();
    host.api_call(hook, "UploadData", BODY, &json!([{"id": "session"}]));
    let served = host.dialled_call();
    host.pull(served, 1);
    host.settle(hook);
    let text = fetch(&mut host);
    for (name, expected) in [
        (r#"mattermost_plugin_hooks_total{hook="MessageWillBePosted",outcome="ok"}"#, 4.0),
        (r#"mattermost_plugin_hooks_total{hook="MessageWillBePosted",outcome="error"}"#, 2.0),
        (r#"mattermost_plugin_hooks_total{hook="OnActivate",outcome="ok"}"#, 1.0),
        (r#"mattermost_plugin_hook_duration_seconds_bucket{hook="MessageWillBePosted",le="+Inf"}"#, 6.0),
        (r#"mattermost_plugin_hook_duration_seconds_count{hook="MessageWillBePosted"}"#, 6.0),
        (r#"mattermost_plugin_api_calls_total{method="KVGet",outcome="ok"}"#, 1.0),
        (r#"mattermost_plugin_api_calls_total{method="GetUser",outcome="error"}"#, 1.0),
        (r#"mattermost_plugin_api_call_duration_seconds_count{method="KVGet"}"#, 1.0),
        ("mattermost_plugin_worker_up", 1.0),
        ("mattermost_plugin_worker_restarts_total", 0.0),
        ("mattermost_plugin_hooks_running", 1.0),
        ("mattermost_plugin_hooks_queued", 0.0),
        ("mattermost_plugin_workers_ready", 1.0),
        ("mattermost_plugin_degraded", 0.0),
        (r#"mattermost_plugin_output_lines_suppressed_total{source="stdout"}"#, 0.0),
        ("mattermost_plugin_streams_open", 1.0),
        (r#"mattermost_plugin_http_responses_total{class="2xx"}"#, 0.0),
    ] {
        assert_eq!(value(&text, name), Some(expected), "{name}\n{text}");
    }
    let slow = r#"mattermost_plugin_hook_duration_seconds_bucket{hook="MessageWillBePosted",le="0.01"}"#;
    assert!(value(&text, slow).unwrap() < 6.0, "{text}");
    let sum = r#"mattermost_plugin_hook_duration_seconds_sum{hook="MessageWillBePosted"}"#;
    assert!((0.02..20.0).contains(&value(&text, sum).unwrap()), "{text}");
    assert_eq!(sample(&mut host, r#"mattermost_plugin_http_responses_total{class="2xx"}"#), 1.0);
    host.finish();
}

/// Measured once a second.
fn what_the_worker_uses() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let memory = "mattermost_plugin_worker_resident_memory_bytes";
    host.until("the worker's memory", LIMIT, |host| (sample(host, memory) > 100_000.0).then_some(()));
    assert_eq!(sample(&mut host, "mattermost_plugin_worker_processes"), 1.0);
    assert!(sample(&mut host, "mattermost_plugin_worker_cpu_seconds_total") < 60.0);
    host.posted("print 300000");
    let lines = r#"mattermost_plugin_output_lines_suppressed_total{source="stdout"}"#;
    host.until("lines that are left out", LIMIT, |host| (sample(host, lines) > 1000.0).then_some(()));
    host.finish();
}

fn a_worker_that_is_down() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    host.posted("die");
    host.logged("it is started again");
    host.logged("was started again and is active");
    assert_eq!(sample(&mut host, "mattermost_plugin_worker_restarts_total"), 1.0);
    assert_eq!(sample(&mut host, "mattermost_plugin_worker_up"), 1.0);
    assert_eq!(sample(&mut host, r#"mattermost_plugin_hooks_total{hook="MessageWillBePosted",outcome="error"}"#), 1.0);
    host.finish();
}

fn the_plugin_gets_the_bridges_metrics() {
    let mut host = Host::active(Bundle::new(&Script::default().with("ServeMetrics")));
    host.posted("edit it");
    let exchange = host.serve_by("ServeMetrics", Request::get("/metrics"));
    let hook = host.hook();
    assert_eq!(host.hook_name(hook), "ServeMetrics");
    let arguments = host.arguments(hook);
    let text = arguments[3].as_str().unwrap();
    let posted = r#"mattermost_plugin_hooks_total{hook="MessageWillBePosted",outcome="ok"}"#;
    assert_eq!(value(text, posted), Some(1.0), "{text}");
    host.reply(hook);
    host.response(exchange);
    host.finish();
}
