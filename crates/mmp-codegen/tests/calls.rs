//! How methods become frames: the shapes that differ from letters by position.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod support;

use mmp_codegen::calls::{Call, Slot};
use mmp_codegen::{Deadline, Reject};
use support::Checkout;

fn call(name: &str) -> Call {
    let project = Checkout::new("older").load().unwrap();
    let calls = project.calls.api.into_iter().chain(project.calls.hooks).chain(project.calls.driver);
    calls.into_iter().find(|call| call.method.name == name).unwrap_or_else(|| panic!("{name} is no frame"))
}

/// `name field type`, with `?` where nil may be sent.
fn shown(slots: &[Slot]) -> Vec<String> {
    let nil = |slot: &Slot| if slot.nil_ok { "?" } else { "" };
    slots.iter().map(|slot| format!("{} {} {}{}", slot.name, slot.field, slot.ty, nil(slot))).collect()
}

#[test]
fn letters_by_position() {
    let call = call("GetUser");
    assert_eq!(shown(&call.args), ["userID 0 string"]);
    assert_eq!(shown(&call.results), [" 0 *User?"]);
    assert_eq!(call.error.map(|slot| slot.field), Some(1));
}

/// The fields of the stream numbers.
fn streams(call: &Call) -> Vec<(u16, &str)> {
    call.streams.iter().map(|stream| (stream.field, stream.field_name.as_str())).collect()
}

#[test]
fn streams_are_apart_and_what_travels_beside_them_is_positional() {
    let upload = call("UploadData");
    assert_eq!(shown(&upload.args), ["us 0 *UploadSession?"]);
    assert_eq!(streams(&upload), [(1, "PluginStreamID")]);
    let serve = call("ServeHTTP");
    assert_eq!(shown(&serve.args), ["Request 1 string?", "c 2 *Context?"]);
    assert_eq!(streams(&serve), [(0, "ResponseWriterStream"), (3, "RequestBodyStream")]);
    assert!(serve.results.is_empty());
}

#[test]
fn numbers_of_services_are_neither_arguments_nor_streams() {
    let call = call("OnActivate");
    assert!(call.args.is_empty() && call.results.is_empty() && call.streams.is_empty());
    assert_eq!(call.error.map(|slot| slot.field), Some(0));
}

#[test]
fn bare_values() {
    let call = call("ConnPing");
    assert_eq!(shown(&call.args), ["connID 0 string"]);
    assert_eq!(call.args[0].field_name, "");
}

#[test]
fn results_through_parameters() {
    let load = call("LoadPluginConfiguration");
    assert!(load.args.is_empty() && load.error.is_none());
    assert_eq!(shown(&load.results), ["dest 0 json?"]);
    let next = call("RowsNext");
    assert_eq!(shown(&next.args), ["rowsID 0 string", "dest 1 []any"]);
    assert_eq!(shown(&next.results), ["dest 1 []any?"]);
    assert_eq!(next.error.map(|slot| slot.field), Some(0));
}

#[test]
fn echoes_and_variadics() {
    let posted = call("MessageWillBePosted");
    assert_eq!(posted.echo.map(|echo| (echo.result, echo.argument)), Some((0, 1)));
    assert_eq!(shown(&posted.results), [" 0 *Post?", " 1 string"]);
    assert!(call("LogDebug").args[1].variadic);
}

#[test]
fn how_hooks_are_handled() {
    let handled = |name: &str| (call(name).deadline, call(name).reject);
    assert_eq!(handled("OnActivate"), (Deadline::Activation, None));
    assert_eq!(handled("ServeHTTP"), (Deadline::Http, None));
    assert_eq!(handled("MessageWillBePosted"), (Deadline::Result, Some(Reject::Reason(1))));
    // An API method without a result is no event.
    assert_eq!(handled("LogDebug"), (Deadline::Result, None));
    let newer = Checkout::new("newer").load().unwrap();
    let reaction = newer.calls.hooks.iter().find(|call| call.method.name == "ReactionHasBeenAdded");
    assert_eq!(reaction.map(|call| call.deadline), Some(Deadline::Event));
    let checkout = Checkout::new("newer");
    checkout.edit("schema/overrides.toml", "MessageWillBePosted = 1", "MessageWillBePosted = \"never\"");
    let posted =
        checkout.load().unwrap().calls.hooks.into_iter().find(|call| call.method.name == "MessageWillBePosted");
    assert_eq!(posted.map(|call| call.reject), Some(None));
}

#[test]
fn implemented_is_no_frame() {
    let project = Checkout::new("older").load().unwrap();
    assert_eq!(project.schema.hooks.len(), project.calls.hooks.len() + 1);
}
