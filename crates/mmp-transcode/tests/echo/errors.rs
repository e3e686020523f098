//! Errors among the results of hooks.

use serde_json::json;

use crate::peer::Host;
use crate::support::frame::Frame;

fn app_error() -> Frame {
    Frame::map([
        ("kind", Frame::str("app")),
        ("id", Frame::str("api.error")),
        ("message", Frame::str("no")),
        ("status_code", Frame::Int(403)),
        ("code", Frame::Int(0)),
    ])
}

#[test]
fn an_app_error_follows_the_results() {
    let mut host = Host::start();
    let call = host.call("ExecuteCommand", "command");
    let response = || Frame::map([("text", Frame::str("hi"))]);
    assert_eq!(host.answer(&call, Some(&[response()])), json!({"A": {"Text": "hi"}}));
    assert_eq!(host.answer(&call, Some(&[response(), Frame::Nil])), json!({"A": {"Text": "hi"}}));
    let error = json!({"Id": "api.error", "Message": "no", "StatusCode": "403"});
    assert_eq!(host.answer(&call, Some(&[Frame::Nil, app_error()])), json!({"B": error}));
    assert_eq!(host.answer(&call, Some(&[response(), app_error()])), json!({"A": {"Text": "hi"}, "B": error}));
    let plain = json!({"Id": "plugin.hook_failed", "Message": "broken", "StatusCode": "500"});
    assert_eq!(host.answer(&call, Some(&[Frame::Nil, Frame::str("broken")])), json!({"B": plain}));
    let number = host.reply(&call, &Frame::List(vec![Frame::Nil, Frame::Int(1)]).bytes()).expect_err("a number");
    assert_eq!(number.to_string(), "[1]: expected an error, got an integer");
    let more = host.reply(&call, &Frame::List(vec![Frame::Nil; 3]).bytes()).expect_err("too many");
    assert_eq!(more.to_string(), "3 values for a method that has 2");
}

#[test]
fn a_go_error_may_be_a_text_or_a_map() {
    let mut host = Host::start();
    let call = host.call("OnActivate", "activate");
    assert_eq!(host.answer(&call, None), json!({}));
    assert_eq!(host.answer(&call, Some(&[Frame::Nil])), json!({}));
    let text = json!({"$type": "*mattermost.ErrorString", "$value": {"Err": "broken"}});
    assert_eq!(host.answer(&call, Some(&[Frame::str("broken")])), json!({"A": text}));
    let map = Frame::map([
        ("extra", Frame::List(vec![Frame::Nil, Frame::Int(1)])),
        ("kind", Frame::str("error")),
        ("message", Frame::str("no rows")),
        ("code", Frame::Int(2)),
    ]);
    let coded = json!({"$type": "*mattermost.ErrorString", "$value": {"Code": "2", "Err": "no rows"}});
    assert_eq!(host.answer(&call, Some(&[map])), json!({"A": coded}));
    let app =
        json!({"$type": "*mattermost.AppError", "$value": {"Id": "api.error", "Message": "no", "StatusCode": "403"}});
    assert_eq!(host.answer(&call, Some(&[app_error()])), json!({"A": app}));
}

#[test]
fn an_error_follows_an_echoed_result() {
    let mut host = Host::start();
    let call = host.call("ConfigurationWillBeSaved", "config");
    let mut config = call.argument();
    *config.at("ServiceSettings").at("ListenAddress") = Frame::str(":80");
    let error = json!({"$type": "*mattermost.ErrorString", "$value": {"Err": "no"}});
    let refused = host.answer(&call, Some(&[config, Frame::str("no")]));
    assert_eq!((&refused["B"], &refused["A"]["ServiceSettings"]["ListenAddress"]), (&error, &json!(":80")));
    assert_eq!(host.answer(&call, Some(&[call.argument(), Frame::str("no")])), json!({"B": error}));
    assert_eq!(host.answer(&call, Some(&[Frame::Nil, Frame::str("no")])), json!({"B": error}));
}

#[test]
fn a_failed_handler_answers_with_the_error_alone() {
    let mut host = Host::start();
    let (command, activate) = (host.call("ExecuteCommand", "command"), host.call("OnActivate", "activate"));
    let posted = host.call("MessageWillBePosted", "plain");
    let app = app_error().bytes();
    let answers = [
        (&command, None, "command", json!({"B": {"Id": "plugin.hook_failed", "Message": "boom", "StatusCode": "500"}})),
        (&command, Some(&*app), "command", json!({"B": {"Id": "api.error", "Message": "no", "StatusCode": "403"}})),
        (&activate, None, "activate", json!({"A": {"$type": "*mattermost.ErrorString", "$value": {"Err": "boom"}}})),
        (&posted, None, "plain", json!({"A": posted.value["B"]})),
    ];
    for (call, app, scenario, wanted) in answers {
        let mut out = Vec::new();
        host.to.reply_error(call.method, "boom", app, &mut out).expect("a reply");
        assert_eq!(host.decode(scenario, &out), wanted);
    }
}
