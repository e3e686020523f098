//! Hooks that can refuse what a user does: what they say when they cannot be asked, or do not answer.

use std::time::{Duration, Instant};

use mmp_gob::{Any, gob_struct};
use mmp_model::rpc;
use mmp_worker::messages::{HookOptions, OnFailure};
use serde_json::{Value, json};

use super::deadlines::limited;
use super::tests;
use crate::bundle::Bundle;
use crate::host::{Host, Pulled};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    gates_that_are_left_open,
    gates_that_reject_because_the_worker_said_so,
    gates_that_reject_because_the_manifest_says_so,
    gates_that_reject_what_they_cannot_be_asked,
    gates_that_reject_when_their_results_do_not_fit,
    gates_that_are_left_open_for_what_does_not_fit,
    gates_without_a_worker,
];

/// Every hook that can reject.
const GATES: [&str; 12] = [
    "UserWillLogIn",
    "MessageWillBePosted",
    "MessageWillBeUpdated",
    "ChannelWillBeArchived",
    "ChannelMemberWillBeAdded",
    "TeamMemberWillBeAdded",
    "FileWillBeUploaded",
    "FileWillBeDownloaded",
    "EmailNotificationWillBeSent",
    "NotificationWillBePushed",
    "ConfigurationWillBeSaved",
    "OnSAMLLogin",
];

gob_struct! {
    /// Arguments of no hook: the first is a number where all have a struct or a text.
    struct Unreadable("Z_Args") { a: i64 = "A", b: i64 = "B" }
}

/// Calls all of them at once; why each refused, or nothing if it did not.
#[track_caller]
fn knock(host: &mut Host) -> Vec<(&'static str, String)> {
    knock_with(host, None).into_iter().map(|(gate, reason)| (gate, reason.unwrap())).collect()
}

/// The same with what no worker can be asked, if that is given: the reason may be an error of the call.
#[track_caller]
fn knock_with(host: &mut Host, unreadable: Option<&Unreadable>) -> Vec<(&'static str, Result<String, String>)> {
    macro_rules! calls {
        ($(($name:ident, $arguments:ident, $returns:ident, $reason:expr)),* $(,)?) => {{
            $(let $name = match unreadable {
                None => host.call(stringify!($name), &rpc::$arguments::default(), rpc::$returns::default()),
                Some(arguments) => host.call(stringify!($name), arguments, rpc::$returns::default()),
            };)*
            vec![$((stringify!($name), host.wait($name).map($reason))),*]
        }};
    }
    let error = |error: mmp_gob::Any| if error.is_nil() { String::new() } else { format!("{:?}", error.value()) };
    #[expect(non_snake_case, reason = "these are the names of hooks")]
    let mut reasons = calls![
        (UserWillLogIn, UserWillLogInArgs, UserWillLogInReturns, |r: rpc::UserWillLogInReturns| r.a.to_string()),
        (
            ChannelWillBeArchived,
            ChannelWillBeArchivedArgs,
            ChannelWillBeArchivedReturns,
            |r: rpc::ChannelWillBeArchivedReturns| r.a.to_string()
        ),
        (
            ChannelMemberWillBeAdded,
            ChannelMemberWillBeAddedArgs,
            ChannelMemberWillBeAddedReturns,
            |r: rpc::ChannelMemberWillBeAddedReturns| r.b.to_string()
        ),
        (
            TeamMemberWillBeAdded,
            TeamMemberWillBeAddedArgs,
            TeamMemberWillBeAddedReturns,
            |r: rpc::TeamMemberWillBeAddedReturns| r.b.to_string()
        ),
        (
            FileWillBeDownloaded,
            FileWillBeDownloadedArgs,
            FileWillBeDownloadedReturns,
            |r: rpc::FileWillBeDownloadedReturns| r.a.to_string()
        ),
        (
            EmailNotificationWillBeSent,
            EmailNotificationWillBeSentArgs,
            EmailNotificationWillBeSentReturns,
            |r: rpc::EmailNotificationWillBeSentReturns| r.b.to_string()
        ),
        (
            NotificationWillBePushed,
            NotificationWillBePushedArgs,
            NotificationWillBePushedReturns,
            |r: rpc::NotificationWillBePushedReturns| r.b.to_string()
        ),
        (
            ConfigurationWillBeSaved,
            ConfigurationWillBeSavedArgs,
            ConfigurationWillBeSavedReturns,
            |r: rpc::ConfigurationWillBeSavedReturns| error(r.b)
        ),
        (OnSAMLLogin, OnSAMLLoginArgs, OnSAMLLoginReturns, |r: rpc::OnSAMLLoginReturns| error(r.a)),
    ];
    #[expect(non_snake_case, reason = "these are the names of hooks")]
    let others = match unreadable {
        None => knock_with_contents(host).into_iter().map(|(gate, reason)| (gate, Ok(reason))).collect(),
        Some(_) => calls![
            (
                MessageWillBePosted,
                MessageWillBePostedArgs,
                MessageWillBePostedReturns,
                |r: rpc::MessageWillBePostedReturns| r.b.to_string()
            ),
            (
                MessageWillBeUpdated,
                MessageWillBeUpdatedArgs,
                MessageWillBeUpdatedReturns,
                |r: rpc::MessageWillBeUpdatedReturns| r.b.to_string()
            ),
            (
                FileWillBeUploaded,
                FileWillBeUploadedArgs,
                FileWillBeUploadedReturns,
                |r: rpc::FileWillBeUploadedReturns| r.b.to_string()
            ),
        ],
    };
    reasons.extend(others);
    assert_eq!(reasons.len(), GATES.len());
    reasons
}

/// The hooks of posts and files, which the server fills in.
#[track_caller]
fn knock_with_contents(host: &mut Host) -> Vec<(&'static str, String)> {
    let upload = host.upload("photo.png", Pulled::new(b"bytes".to_vec()));
    let (post, update) = (host.post("hang"), host.update("hang"));
    let posted = host.wait(post).unwrap();
    let updated = host.wait(update).unwrap();
    // The server takes the update for refused if there is no post, whatever the reason is.
    assert_eq!(updated.a.is_none(), !updated.b.to_string().is_empty(), "{:?}", updated.b);
    let uploaded = host.uploaded(upload).0.err().unwrap_or_default();
    vec![
        ("MessageWillBePosted", posted.b.to_string()),
        ("MessageWillBeUpdated", updated.b.to_string()),
        ("FileWillBeUploaded", uploaded),
    ]
}

/// A worker that answers none of them.
fn hanging() -> Script {
    GATES.into_iter().fold(Script::default(), |script, gate| script.doing(gate, "hang"))
}

fn choices(of_one: &Value) -> Value {
    GATES.into_iter().map(|gate| (gate.to_owned(), of_one.clone())).collect::<serde_json::Map<_, _>>().into()
}

#[track_caller]
fn all_rejected(reasons: &[(&str, String)]) {
    for (gate, reason) in reasons {
        // Those with an error result say what happened.
        let with_error = ["ConfigurationWillBeSaved", "OnSAMLLogin"].contains(gate);
        let said = reason.contains("The plugin com.example.test could not check this, so it was refused.");
        assert!(said || (with_error && !reason.is_empty()), "{gate}: {reason:?}");
    }
}

fn gates_that_are_left_open() {
    let mut host = limited(&hanging(), &choices(&json!({"timeout": 0.5})));
    let line = host.logged("when a handler of one of these hooks fails, is late or cannot be called");
    for gate in GATES {
        assert!(line.fields["hooks"].contains(gate), "{line}");
    }
    for (gate, reason) in knock(&mut host) {
        assert_eq!(reason, "", "{gate}");
    }
    host.finish();
}

fn gates_that_reject_because_the_worker_said_so() {
    let options = HookOptions { timeout: Some(0.5), on_failure: Some(OnFailure::Reject) };
    let options = GATES.map(|gate| (gate.to_owned(), options)).to_vec();
    let mut host = Host::active(Bundle::new(&Script { options, ..hanging() }));
    all_rejected(&knock(&mut host));
    let unsaid = "when a handler of one of these hooks fails";
    assert!(!host.entries().iter().any(|entry| entry.message.contains(unsaid)), "{}", host.report());
    host.finish();
}

fn gates_that_reject_because_the_manifest_says_so() {
    let mut host = limited(&hanging(), &choices(&json!({"timeout": 0.5, "on_failure": "reject"})));
    all_rejected(&knock(&mut host));
    host.finish();
}

/// A user who sends what the plugin cannot be asked about must not get past it.
fn gates_that_reject_what_they_cannot_be_asked() {
    let mut host = limited(&hanging(), &choices(&json!({"on_failure": "reject"})));
    let reasons = knock_with(&mut host, Some(&Unreadable { a: 1, b: 2 }));
    let reasons: Vec<_> = reasons.into_iter().map(|(gate, reason)| (gate, reason.unwrap())).collect();
    all_rejected(&reasons);
    for gate in GATES {
        let line = host.logged(&format!("{gate}: the server's arguments cannot be passed on: "));
        assert_eq!(line.level, "error");
    }
    // Lists in lists, as a user may put them into the props of a post: no worker gets them, and the connection goes on.
    let (reason, said) = (host.posted_with(nested(300)).1, "could not check this, so it was refused");
    assert!(reason.contains(said), "{reason:?}");
    host.logged("MessageWillBePosted: the server's arguments cannot be passed on: post.props: nested too deeply");
    host.finish();
}

/// So many lists in each other.
fn nested(levels: usize) -> Any {
    (0..levels).fold(Any::int(1), |inner, _| Any::list([inner]))
}

fn gates_that_reject_when_their_results_do_not_fit() {
    let script = GATES.into_iter().fold(Script::default(), |script, gate| script.doing(gate, "garbage"));
    let mut host = limited(&script, &choices(&json!({"on_failure": "reject"})));
    let login = host.call("UserWillLogIn", &rpc::UserWillLogInArgs::default(), rpc::UserWillLogInReturns::default());
    let saved = rpc::ConfigurationWillBeSavedArgs::default();
    let saved = host.call("ConfigurationWillBeSaved", &saved, rpc::ConfigurationWillBeSavedReturns::default());
    let saved = host.wait(saved).unwrap().b;
    all_rejected(&[
        ("UserWillLogIn", host.wait(login).unwrap().a.to_string()),
        ("MessageWillBePosted", host.posted("garbage").1),
        ("ConfigurationWillBeSaved", format!("{:?}", saved.value())),
    ]);
    host.logged("UserWillLogIn: the handler's result does not fit, so it is rejected: ");
    host.logged("ConfigurationWillBeSaved: the handler's result does not fit, so the server gets an error: ");
    host.finish();
}

/// Where nobody asked for a refusal, the server is told that the call failed, and goes on as if the plugin did not have the hook.
fn gates_that_are_left_open_for_what_does_not_fit() {
    let script = GATES.into_iter().fold(Script::default(), |script, gate| script.doing(gate, "ok"));
    let mut host = limited(&script, &json!({}));
    for (gate, reason) in knock_with(&mut host, Some(&Unreadable { a: 1, b: 2 })) {
        assert!(reason.is_err(), "{gate}: {reason:?}");
    }
    assert_eq!(host.posted_with(nested(90)), ("ok".to_owned(), String::new()));
    host.finish();
}

/// The worker is started again for a longer time than anybody waits.
fn gates_without_a_worker() {
    let script = Script { start: vec![crate::script::Start::Normal, crate::script::Start::Silent], ..hanging() };
    let mut host = limited(&script, &choices(&json!({"on_failure": "reject"})));
    crate::processes::kill(host.worker());
    host.noted("start ", 2);
    let started = Instant::now();
    all_rejected(&knock(&mut host));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    host.finish();
}
