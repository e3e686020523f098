//! Tests of what may be sent, and of what is closed for a worker that is gone.

use mmp_transcode::msgpack::{put_array_len, put_str, put_uint};

use super::handles::{Handles, Refusal};
use super::*;

fn method(name: &str) -> &'static Method {
    generated::driver_by_name(name).unwrap()
}

fn one(id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_array_len(&mut out, 1);
    put_str(&mut out, id);
    out
}

fn column(id: &str, index: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_array_len(&mut out, 2);
    put_str(&mut out, id);
    put_uint(&mut out, index);
    out
}

fn names(count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    put_array_len(&mut out, 1);
    put_array_len(&mut out, count);
    (0..count).for_each(|_| put_str(&mut out, "name"));
    out
}

/// Handles, and the tokens of calls.
#[derive(Default)]
struct Test {
    handles: Handles,
    next: u64,
}

impl Test {
    /// Sends a call; its token.
    fn send(&mut self, name: &str, id: &str) -> Result<u64, Refusal> {
        self.send_with(name, &one(id))
    }

    fn send_with(&mut self, name: &str, arguments: &[u8]) -> Result<u64, Refusal> {
        let permit = self.handles.check(method(name), arguments)?;
        self.next += 1;
        self.handles.sent(self.next, permit, 0);
        Ok(self.next)
    }

    /// Sends a call and answers it with the id.
    #[track_caller]
    fn call(&mut self, name: &str, id: &str, given: &str) {
        let token = self.send(name, id).unwrap();
        assert!(self.handles.knows(token));
        self.handles.over(token, Some(&one(given)), true);
    }

    /// What the bridge closes next.
    fn closes(&mut self, connection: &str) -> Option<(&'static str, String)> {
        let (method, id) = self.handles.next_closing(connection)?;
        self.next += 1;
        self.handles.closing_sent(self.next, connection.to_owned());
        Some((method.name, id))
    }

    /// What it closes after the last answer.
    fn then_closes(&mut self) -> Option<(&'static str, String)> {
        let connection = self.handles.over(self.next, None, true)?;
        self.closes(&connection)
    }

    #[track_caller]
    fn refuses(&self, name: &str, arguments: &[u8], kind: &str, code: u8) {
        let refusal = self.handles.check(method(name), arguments).unwrap_err();
        assert_eq!((refusal.kind, refusal.code), (kind, code), "{name}: {}", refusal.message);
    }
}

/// One connection with a transaction, a statement and rows.
fn open() -> Test {
    let mut test = Test::default();
    let token = test.send_with("Conn", b"\x91\xc3").unwrap();
    assert_eq!(test.handles.over(token, Some(&one("c")), true).as_deref(), Some("c"));
    test.call("Tx", "c", "t");
    test.call("Stmt", "c", "s");
    test.call("StmtQuery", "s", "r");
    test
}

#[test]
fn ids_that_the_server_has_not_handed_out_are_refused() {
    let mut test = open();
    test.refuses("ConnPing", &one("x"), "error", 6);
    for (name, id) in [("TxCommit", "x"), ("StmtExec", "t"), ("RowsNext", "s"), ("StmtClose", "")] {
        test.refuses(name, &one(id), "invalid", 0);
    }
    for arguments in [&b"\x90"[..], b"\x91\xc0", b"\x91\x05", b"\xc0", b""] {
        test.refuses("ConnPing", arguments, "invalid", 0);
        test.refuses("RowsClose", arguments, "invalid", 0);
    }
    test.send("RowsHasNextResultSet", "r").unwrap();
}

#[test]
fn what_is_being_closed_is_closed() {
    let mut test = open();
    test.send("TxCommit", "t").unwrap();
    test.refuses("TxRollback", &one("t"), "invalid", 0);
    test.send("RowsClose", "r").unwrap();
    test.refuses("RowsNext", &one("r"), "invalid", 0);
    test.send("StmtQuery", "s").unwrap();
    test.send("ConnClose", "c").unwrap();
    test.refuses("ConnClose", &one("c"), "error", 6);
    test.refuses("StmtClose", &one("s"), "invalid", 0);
    // Rows of a connection that was closed meanwhile are not known.
    test.handles.over(test.next - 1, Some(&one("late")), true);
    test.refuses("RowsNext", &one("late"), "invalid", 0);
}

#[test]
fn columns_are_told_only_of_those_that_exist() {
    let mut test = open();
    let name = "RowsColumnTypeDatabaseTypeName";
    test.refuses(name, &column("r", 0), "invalid", 0);
    let token = test.send("RowsColumns", "r").unwrap();
    test.handles.over(token, Some(&names(2)), true);
    test.send_with(name, &column("r", 1)).unwrap();
    test.refuses(name, &column("r", 2), "invalid", 0);
    test.refuses(name, b"\x92\xa1r\xff", "invalid", 0);
    test.refuses(name, &one("r"), "invalid", 0);
    // The next set has others.
    test.send("RowsNextResultSet", "r").unwrap();
    test.refuses(name, &column("r", 0), "invalid", 0);
}

#[test]
fn a_worker_that_is_gone_leaves_nothing_open() {
    let mut test = open();
    assert_eq!(test.closes("c"), None);
    assert_eq!(test.handles.orphan_all(0), ["c"]);
    test.refuses("ConnPing", &one("c"), "error", 6);
    assert_eq!(test.closes("c"), Some(("RowsClose", "r".into())));
    assert_eq!(test.closes("c"), None, "one after the other");
    assert_eq!(test.then_closes(), Some(("TxRollback", "t".into())));
    assert_eq!(test.then_closes(), Some(("StmtClose", "s".into())));
    assert_eq!(test.then_closes(), Some(("ConnClose", "c".into())));
    assert_eq!(test.then_closes(), None);
    assert!(test.handles.orphan_all(0).is_empty());
}

#[test]
fn calls_of_a_worker_that_is_gone_are_waited_for() {
    let mut test = open();
    let conn = test.send_with("Conn", b"\x91\xc3").unwrap();
    let query = test.send("ConnQuery", "c").unwrap();
    test.handles.orphan_all(0);
    assert_eq!(test.closes("c"), None);
    // The rows of the query come first, and the connection that was just made goes at once.
    assert_eq!(test.handles.over(query, Some(&one("q")), false).as_deref(), Some("c"));
    let first = test.closes("c").unwrap();
    assert_eq!(first.0, "RowsClose");
    let second = test.then_closes().unwrap();
    assert_eq!(second.0, "RowsClose");
    assert_ne!(first.1, second.1);
    assert_eq!(test.handles.over(conn, Some(&one("new")), false).as_deref(), Some("new"));
    assert_eq!(test.closes("new"), Some(("ConnClose", "new".into())));
}

#[test]
fn what_a_call_returned_that_was_given_up_is_closed() {
    let mut test = open();
    let query = test.send("ConnQuery", "c").unwrap();
    assert_eq!(test.handles.over(query, Some(&one("q")), false).as_deref(), Some("c"));
    assert_eq!(test.closes("c"), Some(("RowsClose", "q".into())));
    assert_eq!(test.then_closes(), None);
    // The connection and the rest are the worker's still.
    test.send("TxCommit", "t").unwrap();
    let failed = test.send("ConnQuery", "c").unwrap();
    assert_eq!(test.handles.over(failed, None, true).as_deref(), Some("c"));
    assert_eq!(test.closes("c"), None);
}

#[test]
fn every_absence_says_what_to_do() {
    let method = method("ConnQuery");
    let said = |driver: &Driver| driver.absence(method);
    let (kind, message) = said(&Driver::new(false));
    assert!(kind == "missing" && message.contains("\"database\": true"), "{message}");
    let (kind, message) = said(&Driver::new(true));
    assert!(kind == "unavailable" && message.contains("before the plugin is activated"), "{message}");
    let (kind, message) = said(&Driver { lost: true, ..Driver::new(true) });
    assert!(kind == "unavailable" && message.contains("enabled again"), "{message}");
}

#[test]
fn the_drivers_methods_are_told_from_those_of_the_api() {
    assert!(generated::DRIVER.iter().all(is_driver));
    assert!(!generated::API.iter().any(is_driver));
}
