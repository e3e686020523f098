//! The bridge's file in the server's support packet.

use mmp_model::rpc;
use serde_json::Value;

use super::tests;
use crate::bundle::Bundle;
use crate::host::Host;
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    a_plugin_without_a_handler_has_a_file,
    the_files_of_the_plugin_come_first,
    a_handler_without_an_answer_loses_its_own_files_only,
    a_handler_whose_files_do_not_fit_beside_an_error_is_answered,
    a_degraded_plugin_says_why,
];

/// The names and bodies of the files, and the bridge's own as JSON.
#[track_caller]
fn packet(host: &mut Host) -> (Vec<String>, Value) {
    let arguments = rpc::GenerateSupportDataArgs::default();
    let call = host.call("GenerateSupportData", &arguments, rpc::GenerateSupportDataReturns::default());
    let returned = host.wait(call).unwrap();
    assert!(returned.b.is_nil(), "the server would drop the files");
    let files: Vec<_> = returned.a.into_iter().flatten().collect();
    let own = files.last().unwrap();
    assert_eq!(own.filename, "com.example.test/supervisor.json");
    let report = serde_json::from_slice(&own.body).unwrap();
    (files.iter().map(|file| file.filename.to_string()).collect(), report)
}

fn a_plugin_without_a_handler_has_a_file() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    host.posted("edit it");
    host.posted("fail");
    let (files, report) = packet(&mut host);
    assert_eq!(files.len(), 1);
    assert_eq!((&report["plugin_id"], &report["state"]), (&"com.example.test".into(), &"ready".into()));
    assert_eq!(report["bridge_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["interpreter"]["version"], "3.99.1");
    let worker = &report["workers"][0];
    assert_eq!((&worker["index"], &worker["pid"]), (&0.into(), &host.worker().into()));
    assert_eq!((&worker["restarts"], &worker["last_error"]), (&0.into(), &Value::Null));
    let posted = report["hooks"].as_array().unwrap().iter().find(|hook| hook["name"] == "MessageWillBePosted").unwrap();
    assert_eq!((&posted["calls"], &posted["failures"], &posted["late"]), (&2.into(), &1.into(), &0.into()));
    let policy =
        |name: &str| report["policies"].as_array().unwrap().iter().find(|hook| hook["hook"] == name).unwrap().clone();
    assert_eq!(policy("MessageWillBePosted")["timeout_seconds"], 30.0, "as the manifest says");
    assert_eq!(policy("MessageWillBeUpdated")["timeout_seconds"], 5.0);
    assert_eq!(policy("MessageWillBePosted")["on_failure"], "allow");
    assert_eq!(policy("MessageHasBeenPosted")["timeout_seconds"], Value::Null);
    let states: Vec<&str> =
        report["changes"].as_array().unwrap().iter().map(|change| change["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["starting", "loaded", "ready"]);
    assert_eq!(report["settings"]["process_limit"], 256);
    let text = report.to_string();
    assert!(!text.contains("secret") && !text.contains("proxy.example"), "{text}");
    host.finish();
}

fn the_files_of_the_plugin_come_first() {
    let script = Script { on_support: vec!["file com.example.test/own.txt".into()], ..Script::default() };
    let mut host = Host::active(Bundle::new(&script.with("GenerateSupportData")));
    let (files, report) = packet(&mut host);
    assert_eq!(files, ["com.example.test/own.txt", "com.example.test/supervisor.json"]);
    assert_eq!(report["plugin_files_missing"], Value::Null);
    host.finish();
}

fn a_handler_without_an_answer_loses_its_own_files_only() {
    for (command, expected) in [("wrong", "does not fit"), ("die", "signal")] {
        let script = Script { on_support: vec![command.into()], ..Script::default() };
        let mut host = Host::active(Bundle::new(&script.with("GenerateSupportData")));
        let (files, report) = packet(&mut host);
        assert_eq!(files.len(), 1, "{command}");
        let missing = report["plugin_files_missing"].as_str().unwrap();
        assert!(missing.contains(expected), "{command}: {missing}");
        if command != "die" {
            let line = host.logged("GenerateSupportData: ");
            assert_eq!(line.level, "error", "{line}");
        }
        host.finish();
    }
}

fn a_handler_whose_files_do_not_fit_beside_an_error_is_answered() {
    let script = Script { on_support: vec!["mixed".into()], ..Script::default() };
    let mut host = Host::active(Bundle::new(&script.with("GenerateSupportData")));
    let arguments = rpc::GenerateSupportDataArgs::default();
    let call = host.call("GenerateSupportData", &arguments, rpc::GenerateSupportDataReturns::default());
    let returned = host.wait(call).unwrap();
    assert!(format!("{:?}", returned.b).contains("does not fit"), "{:?}", returned.b);
    assert_eq!(host.logged("GenerateSupportData: the handler's result does not fit").level, "error");
    host.finish();
}

fn a_degraded_plugin_says_why() {
    let mut host = Host::active(Bundle::new(&Script::degrading().with("GenerateSupportData")));
    host.degrade();
    let (_, report) = packet(&mut host);
    assert_eq!((&report["state"], &report["workers"][0]["state"]), (&"degraded".into(), &"degraded".into()));
    assert!(report["plugin_files_missing"].as_str().is_some(), "{report}");
    let error = &report["workers"][0]["last_error"];
    assert!(error["what"].as_str().unwrap().contains("it exited with code 1"), "{report}");
    assert!(error["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(report["workers"][0]["restarts"], 6);
    let last = report["changes"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["previous"], &last["state"]), (&"starting".into(), &"degraded".into()));
    host.finish();
}
