//! The server's database driver.

use mmp_worker::frame::Kind;
use serde_json::{Value, json};

use super::api_streams::stubborn;
use super::tests;
use crate::bundle::Bundle;
use crate::host::{ApiCall, Hook, Host};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    calls_of_the_driver,
    a_plugin_that_has_not_asked_for_the_database,
    ids_that_would_end_the_server,
    a_column_that_would_end_the_server,
    rows_that_are_closed_while_they_are_read,
    rows_that_are_closed_behind_a_read_that_was_given_up,
    a_call_that_is_given_up_before_its_turn,
    a_close_that_is_given_up_before_its_turn,
    a_connection_that_is_closed_within_a_transaction,
    a_worker_that_leaves_everything_open,
    a_worker_that_ends_within_a_query,
    connections_that_are_given_up,
    the_server_closes_the_drivers_connection,
    nobody_misses_a_driver_that_is_not_used,
    the_plugin_is_stopped_within_a_call,
    the_plugin_is_stopped_before_a_call_has_its_turn,
];

fn started() -> Host {
    started_with(&Script::default())
}

fn started_with(script: &Script) -> Host {
    let bundle = Bundle::new(script);
    let mut manifest = bundle.usual_manifest();
    manifest["server"]["database"] = true.into();
    bundle.manifest(&manifest);
    Host::active(bundle)
}

/// Makes a call; its results.
#[track_caller]
fn called(host: &mut Host, hook: Hook, method: &str, arguments: &Value) -> Value {
    let call = host.api_call(hook, method, 0, arguments);
    host.call_reply(call)
}

/// Makes a call that is refused: the kind and the message.
#[track_caller]
fn refused(host: &mut Host, hook: Hook, method: &str, arguments: &Value) -> (String, String) {
    let call = host.api_call(hook, method, 0, arguments);
    host.call_error(call)
}

fn calls_of_the_driver() {
    let mut host = started();
    let hook = host.relayed();
    let value = json!([{"name": "", "ordinal": 1, "value": "x"}]);
    for (method, arguments, expected, said) in [
        ("Conn", json!([true]), json!(["conn-1"]), "Conn true"),
        ("ConnPing", json!(["conn-1"]), json!([]), "ConnPing conn-1"),
        ("Conn", json!([false]), json!(["conn-2"]), "Conn false"),
        ("ConnQuery", json!(["conn-1", "SELECT 1", value]), json!(["connquery-3"]), "ConnQuery conn-1 SELECT 1 1"),
        ("RowsColumns", json!(["connquery-3"]), json!([["number", "name"]]), "RowsColumns connquery-3"),
        ("RowsNext", json!(["connquery-3", [null, null]]), json!([[7, "seven"]]), "RowsNext connquery-3 2"),
        ("RowsNext", json!(["connquery-3", [null, null]]), json!([[7, "seven"]]), "RowsNext connquery-3 2"),
        (
            "RowsColumnTypeDatabaseTypeName",
            json!(["connquery-3", 1]),
            json!(["INT8"]),
            "RowsColumnTypeDatabaseTypeName connquery-3 1",
        ),
        ("RowsClose", json!(["connquery-3"]), json!([]), "RowsClose connquery-3"),
        ("ConnClose", json!(["conn-1"]), json!([]), "ConnClose conn-1"),
    ] {
        assert_eq!(called(&mut host, hook, method, &arguments), expected, "{method}");
        assert_eq!(host.api.driver.calls.last().map(String::as_str), Some(said));
    }
    assert_eq!(refused(&mut host, hook, "Conn", &json!(["yes"])).0, "invalid");
    // The API is another connection.
    assert_eq!(called(&mut host, hook, "GetServerVersion", &json!([])), json!(["11.6.0"]));
    host.finish();
}

fn a_plugin_that_has_not_asked_for_the_database() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let hook = host.relayed();
    let (kind, message) = refused(&mut host, hook, "Conn", &json!([true]));
    assert_eq!(kind, "missing");
    assert!(message.contains("write \"database\": true into \"server\" in plugin.json"), "{message}");
    host.settle(hook);
    assert_eq!(host.api.driver.calls, Vec::<String>::new());
    host.finish();
}

fn ids_that_would_end_the_server() {
    let mut host = started();
    let hook = host.relayed();
    called(&mut host, hook, "Conn", &json!([true]));
    called(&mut host, hook, "Tx", &json!(["conn-1", {}]));
    called(&mut host, hook, "TxCommit", &json!(["tx-2"]));
    let before = host.api.driver.calls.len();
    let call = host.api_call(hook, "ConnPing", 0, &json!(["other"]));
    let error = host.call_frame(call, Kind::ApiError).value();
    assert_eq!(error, json!({"kind": "error", "message": "driver: bad connection", "code": 6}));
    for (method, arguments) in [
        ("TxCommit", json!(["tx-2"])),
        ("TxRollback", json!(["conn-1"])),
        ("StmtExec", json!(["other", []])),
        ("StmtClose", json!([""])),
        ("RowsNext", json!(["other", [null]])),
        ("RowsClose", json!([null])),
        ("RowsClose", json!([])),
    ] {
        let (kind, message) = refused(&mut host, hook, method, &arguments);
        assert!(kind == "invalid" && message.starts_with(method), "{method}: {kind}: {message}");
    }
    assert_eq!(host.api.driver.calls.len(), before, "none of them reaches the server");
    host.finish();
}

fn a_column_that_would_end_the_server() {
    let mut host = started();
    let hook = host.relayed();
    called(&mut host, hook, "Conn", &json!([true]));
    called(&mut host, hook, "ConnQuery", &json!(["conn-1", "SELECT 1", []]));
    called(&mut host, hook, "RowsColumns", &json!(["connquery-2"]));
    for index in [2, -1] {
        let arguments = json!(["connquery-2", index]);
        assert_eq!(refused(&mut host, hook, "RowsColumnTypeDatabaseTypeName", &arguments).0, "invalid");
    }
    assert_eq!(host.api.driver.calls.len(), 3);
    host.finish();
}

/// A connection with rows, one of which is being read.
fn reading(host: &mut Host) -> (Hook, ApiCall) {
    let hook = host.relayed();
    called(host, hook, "Conn", &json!([true]));
    called(host, hook, "ConnQuery", &json!(["conn-1", "SELECT 1", []]));
    host.api.driver.holds = true;
    let call = host.api_call(hook, "RowsNext", 0, &json!(["connquery-2", [null, null]]));
    assert_eq!(host.driver_called(3), "RowsNext connquery-2 2");
    (hook, call)
}

/// The server runs what it gets together in any order, and looks the rows up without a check.
fn rows_that_are_closed_while_they_are_read() {
    let mut host = started();
    let (_, next) = reading(&mut host);
    let (closer, reader) = (host.relayed(), host.relayed());
    let close = host.api_call(closer, "RowsClose", 0, &json!(["connquery-2"]));
    host.settle(closer);
    let late = host.api_call(reader, "RowsNext", 0, &json!(["connquery-2", [null, null]]));
    host.settle(reader);
    assert_eq!(host.api.driver.calls.len(), 3, "one call at a time");
    host.release_driver();
    assert_eq!(host.call_reply(next), json!([[7, "seven"]]));
    assert_eq!(host.call_reply(close), json!([]));
    assert_eq!(host.call_error(late).0, "invalid");
    assert_eq!(host.api.driver.calls[3..], ["RowsClose connquery-2"]);
    host.finish();
}

fn rows_that_are_closed_behind_a_read_that_was_given_up() {
    let mut host = started();
    let (hook, next) = reading(&mut host);
    host.call_send(next, Kind::Cancel, &[]);
    let close = host.api_call(hook, "RowsClose", 0, &json!(["connquery-2"]));
    host.settle(hook);
    assert_eq!(host.api.driver.calls.len(), 3);
    host.release_driver();
    assert_eq!(host.call_reply(close), json!([]));
    assert_eq!(host.api.driver.calls[3..], ["RowsClose connquery-2"]);
    host.finish();
}

fn a_call_that_is_given_up_before_its_turn() {
    let mut host = started();
    let (_, next) = reading(&mut host);
    let hook = host.relayed();
    let exec = host.api_call(hook, "ConnPing", 0, &json!(["conn-1"]));
    host.call_send(exec, Kind::Cancel, &[]);
    host.settle(hook);
    host.release_driver();
    host.call_reply(next);
    assert_eq!(called(&mut host, hook, "RowsClose", &json!(["connquery-2"])), json!([]));
    assert_eq!(host.api.driver.calls[3..], ["RowsClose connquery-2"]);
    host.finish();
}

/// The worker takes the rows for closed.
fn a_close_that_is_given_up_before_its_turn() {
    let mut host = started();
    let (_, next) = reading(&mut host);
    let hook = host.relayed();
    let close = host.api_call(hook, "RowsClose", 0, &json!(["connquery-2"]));
    host.call_send(close, Kind::Cancel, &[]);
    host.settle(hook);
    host.release_driver();
    host.call_reply(next);
    assert_eq!(host.driver_called(4), "RowsClose connquery-2");
    assert_eq!(called(&mut host, hook, "ConnClose", &json!(["conn-1"])), json!([]));
    assert_eq!(host.api.driver.calls[4..], ["ConnClose conn-1"]);
    host.finish();
}

/// Otherwise the server's pool would hand it out with the transaction.
fn a_connection_that_is_closed_within_a_transaction() {
    let mut host = started();
    let hook = host.relayed();
    called(&mut host, hook, "Conn", &json!([true]));
    called(&mut host, hook, "Tx", &json!(["conn-1", {}]));
    called(&mut host, hook, "ConnQuery", &json!(["conn-1", "SELECT 1", []]));
    assert_eq!(called(&mut host, hook, "ConnClose", &json!(["conn-1"])), json!([]));
    assert_eq!(host.api.driver.calls[3..], ["RowsClose connquery-3", "TxRollback tx-2", "ConnClose conn-1"]);
    assert_eq!(refused(&mut host, hook, "TxCommit", &json!(["tx-2"])).0, "invalid");
    host.finish();
}

/// The server's pool gets the connections back clean.
fn a_worker_that_leaves_everything_open() {
    let mut host = started();
    let hook = host.relayed();
    for (method, arguments) in [
        ("Conn", json!([true])),
        ("Tx", json!(["conn-1", {}])),
        ("Stmt", json!(["conn-1", "SELECT 1"])),
        ("StmtQuery", json!(["stmt-3", []])),
        ("Conn", json!([true])),
    ] {
        called(&mut host, hook, method, &arguments);
    }
    host.api.driver.calls.clear();
    host.notify("die");
    host.driver_called(5);
    let calls = host.api.driver.calls.clone();
    let of_first: Vec<&String> = calls.iter().filter(|call| !call.ends_with("conn-5")).collect();
    assert_eq!(of_first, ["RowsClose stmtquery-4", "TxRollback tx-2", "StmtClose stmt-3", "ConnClose conn-1"]);
    assert!(calls.contains(&"ConnClose conn-5".to_owned()), "{calls:?}");
    host.logged("was started again and is active");
    // The next worker begins anew.
    let hook = host.relayed();
    assert_eq!(refused(&mut host, hook, "ConnPing", &json!(["conn-1"])).0, "error");
    assert_eq!(called(&mut host, hook, "Conn", &json!([true])), json!(["conn-6"]));
    host.finish();
}

fn a_worker_that_ends_within_a_query() {
    let mut host = started();
    let hook = host.relayed();
    called(&mut host, hook, "Conn", &json!([true]));
    host.api.driver.holds = true;
    host.api_call(hook, "ConnQuery", 0, &json!(["conn-1", "SELECT 1", []]));
    assert_eq!(host.driver_called(2), "ConnQuery conn-1 SELECT 1 0");
    host.notify("die");
    host.logged("was started again and is active");
    // The connection is in use until the query is through.
    assert_eq!(host.api.driver.calls.len(), 2);
    host.release_driver();
    host.driver_called(4);
    assert_eq!(host.api.driver.calls[2..], ["RowsClose connquery-2", "ConnClose conn-1"]);
    host.finish();
}

fn connections_that_are_given_up() {
    let mut host = started();
    let hook = host.relayed();
    host.api.driver.holds = true;
    let call = host.api_call(hook, "Conn", 0, &json!([true]));
    assert_eq!(host.driver_called(1), "Conn true");
    host.call_send(call, Kind::Cancel, &[]);
    host.settle(hook);
    host.release_driver();
    assert_eq!(host.driver_called(2), "ConnClose conn-1");
    host.finish();
}

fn the_server_closes_the_drivers_connection() {
    let mut host = started();
    let hook = host.relayed();
    called(&mut host, hook, "Conn", &json!([true]));
    host.api.driver.holds = true;
    let call = host.api_call(hook, "ConnPing", 0, &json!(["conn-1"]));
    host.driver_called(2);
    host.close_driver();
    let (kind, message) = host.call_error(call);
    assert!(
        kind == "unavailable" && message.starts_with("ConnPing: the connection to the server"),
        "{kind}: {message}"
    );
    let (kind, message) = refused(&mut host, hook, "Conn", &json!([true]));
    assert!(kind == "unavailable" && message.contains("enabled again to get the database back"), "{kind}: {message}");
    let entry = host.logged("the server closed the connection to its database driver");
    assert_eq!(entry.level, "error");
    // Everything else goes on.
    assert_eq!(called(&mut host, hook, "GetServerVersion", &json!([])), json!(["11.6.0"]));
    host.reply(hook);
    assert_eq!(host.posted("edit it").0, "it");
    let said = host.entries().iter().filter(|entry| entry.message.contains("database driver")).count();
    assert_eq!(said, 1);
    host.finish();
}

fn nobody_misses_a_driver_that_is_not_used() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    host.close_driver();
    host.ping();
    assert_eq!(host.posted("call GetServerVersion").1, "reply of 8 bytes");
    assert!(host.entries().iter().all(|entry| !entry.message.contains("database")), "{}", host.report());
    host.finish();
}

fn the_plugin_is_stopped_within_a_call() {
    let mut host = started_with(&stubborn());
    let hook = host.relayed();
    host.api.driver.holds = true;
    let call = host.api_call(hook, "Conn", 0, &json!([true]));
    host.driver_called(1);
    assert_eq!(host.quit().0, Some(0));
    assert_eq!(host.call_error(call), ("unavailable".to_owned(), "Conn: the plugin is being stopped".to_owned()));
    host.finish();
}

fn the_plugin_is_stopped_before_a_call_has_its_turn() {
    let mut host = started_with(&stubborn());
    reading(&mut host);
    let hook = host.relayed();
    let call = host.api_call(hook, "ConnPing", 0, &json!(["conn-1"]));
    host.settle(hook);
    assert_eq!(host.quit().0, Some(0));
    assert_eq!(host.call_error(call), ("unavailable".to_owned(), "ConnPing: the plugin is being stopped".to_owned()));
    host.finish();
}
