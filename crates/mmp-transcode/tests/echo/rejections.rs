//! The hooks that can refuse: what Go makes of the refusing and of the neutral answer.

use mmp_transcode::Sent;
use mmp_transcode::generated::HOOKS;
use mmp_transcode::schema::{EchoMode, Method, Reject};
use serde_json::{Value as Json, json};

use crate::peer::Host;
use crate::support::frame::Frame;

/// What Go has after it was answered with `payload`, with every argument filled.
fn answered(host: &mut Host, method: &'static Method, payload: &[u8]) -> Json {
    let (gob, _) = host.filled(method, "args");
    let (frame, kept) = host.incoming.args(method, &gob).expect(method.name);
    let sent = kept.as_ref().map(|kept| Sent { frame: &frame[kept.frame.clone()], gob: &kept.gob, wire: kept.wire });
    let mut reply = Vec::new();
    host.to.reply(method, payload, sent, &mut host.incoming.reader.types, &mut reply).expect(method.name);
    host.read(method, "results", &reply)
}

/// Whether the server refuses, as app/*.go reads the reply: `reason` is the text or the error, `value` what is before it.
fn refuses(method: &Method, reply: &Json) -> bool {
    let at = |position: usize| &reply[["A", "B"][position]];
    match method.reject {
        // UpdatePost: `if newPost == nil`.
        Some(Reject::Reason(_)) if method.name == "MessageWillBeUpdated" => at(0).is_null(),
        // All others: `if rejectionReason != ""`.
        Some(Reject::Reason(position)) => at(usize::from(position)).as_str().is_some_and(|reason| !reason.is_empty()),
        // SaveConfig: `if hookErr != nil`.
        Some(Reject::Error) => !at(method.results.len()).is_null(),
        None => false,
    }
}

fn gates() -> impl Iterator<Item = &'static Method> {
    HOOKS.iter().filter(|method| method.reject.is_some())
}

#[test]
fn every_gate_refuses_with_its_reason_and_nothing_else() {
    let mut host = Host::start();
    for method in gates() {
        let payload = method.rejection("not now").expect("a gate");
        let reply = answered(&mut host, method, &payload);
        assert!(refuses(method, &reply), "{}: {reply}", method.name);
        let error = json!({"$type": "*mattermost.ErrorString", "$value": {"Err": "not now"}});
        let wanted = match method.reject {
            Some(Reject::Reason(0)) => json!({"A": "not now"}),
            Some(Reject::Reason(_)) => json!({"B": "not now"}),
            _ if method.results.is_empty() => json!({"A": error}),
            _ => json!({"B": error}),
        };
        assert_eq!(reply, wanted, "{}", method.name);
    }
}

#[test]
fn no_gate_refuses_with_the_neutral_answer() {
    let mut host = Host::start();
    for method in gates() {
        let reply = answered(&mut host, method, &[]);
        assert!(!refuses(method, &reply), "{}: {reply}", method.name);
    }
}

/// The zero reply is what the server makes of a Go plugin that has crashed.
#[test]
fn the_zero_reply_refuses_an_edit_and_nothing_else() {
    let mut host = Host::start();
    for method in gates() {
        let mut reply = Vec::new();
        host.to.reply_nothing(method, &mut reply).expect(method.name);
        let reply = host.read(method, "results", &reply);
        let rejects_nil = method.echo.is_some_and(|echo| echo.mode == EchoMode::NilRejects);
        assert_eq!(refuses(method, &reply), rejects_nil, "{}: {reply}", method.name);
    }
}

#[test]
fn the_reason_comes_after_nils() {
    let payload = |name: &str, reason: &str| {
        let method = HOOKS.iter().find(|method| method.name == name).expect("a hook");
        method.rejection(reason).map(|payload| Frame::parse(&payload))
    };
    let text = || Frame::str("no");
    assert_eq!(payload("UserWillLogIn", "no"), Some(Frame::List(vec![text()])));
    assert_eq!(payload("OnSAMLLogin", "no"), Some(Frame::List(vec![text()])));
    assert_eq!(payload("MessageWillBePosted", "no"), Some(Frame::List(vec![Frame::Nil, text()])));
    assert_eq!(payload("ConfigurationWillBeSaved", "no"), Some(Frame::List(vec![Frame::Nil, text()])));
    assert_eq!(payload("UserWillLogIn", ""), Some(Frame::List(vec![Frame::str("rejected by the plugin")])));
    assert_eq!(payload("MessageHasBeenPosted", "no"), None);
    assert_eq!(payload("MessagesWillBeConsumed", "no"), None);
}

/// The host has filled the reply with its argument before it reads it.
#[test]
fn a_refusal_leaves_alone_what_the_host_has_filled_in() {
    let mut host = Host::start();
    for (hook, scenario) in [("MessageWillBePosted", "rich"), ("ChannelMemberWillBeAdded", "member")] {
        let call = host.call(hook, scenario);
        let payload = call.method.rejection("no").expect("a gate");
        let reply = host.reply(&call, &payload).expect("it fits");
        assert_eq!(host.decode(scenario, &reply), json!({"A": call.value["B"], "B": "no"}));
    }
}

/// The gates by name: a hook that is added to the schema must be added here by somebody who has read what the server does with it.
#[test]
fn the_gates_are_these() {
    let mut names: Vec<&str> = gates().map(|method| method.name).collect();
    names.sort_unstable();
    let wanted = [
        "ChannelMemberWillBeAdded",
        "ChannelWillBeArchived",
        "ConfigurationWillBeSaved",
        "EmailNotificationWillBeSent",
        "FileWillBeDownloaded",
        "FileWillBeUploaded",
        "MessageWillBePosted",
        "MessageWillBeUpdated",
        "NotificationWillBePushed",
        "OnSAMLLogin",
        "TeamMemberWillBeAdded",
        "UserWillLogIn",
    ];
    assert_eq!(names, wanted);
}
