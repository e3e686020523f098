//! Which connections, transactions, statements and rows of the database are open.
//!
//! The server looks ids up without a check: one of a transaction, statement or set of rows that it does not know, and a column that does not exist, end it. So none is sent that it has not
//! handed out, or that is being closed. What a worker leaves open when it ends, or when it closes a connection, is closed in its place, one call after the other, because the server runs calls that it gets together in any order.

use std::collections::HashMap;

use mmp_transcode::generated;
use mmp_transcode::msgpack::{Reader, Token};
use mmp_transcode::schema::Method;

use super::rules::{Kind, rule};

/// Go's number for `driver.ErrBadConn`.
const BAD_CONNECTION: u8 = 6;

/// Why a call is not sent: kind, number and message of API_ERROR.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: &'static str,
    pub(super) code: u8,
    pub(super) message: String,
}

/// A call that may be sent, and what it does.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    method: &'static Method,
    /// The id that it takes.
    id: Option<String>,
    /// The connection that it is for.
    connection: Option<String>,
}

impl Permit {
    /// The connection that the call is for.
    pub(super) fn connection(&self) -> Option<&str> {
        self.connection.as_deref()
    }

    /// Whether the call gives a connection back.
    pub(super) fn closes_connection(&self) -> bool {
        rule(self.method).is_some_and(|rule| rule.ends && rule.takes == Some(Kind::Connection))
    }
}

/// One of the server's connections.
#[derive(Debug, Default)]
struct Connection {
    /// How many calls of the worker's are under way.
    busy: usize,
    /// What is to be closed, because nobody knows its id any more.
    closing: Vec<(Kind, String)>,
    /// Whether such a call is under way.
    is_closing: bool,
    /// Whether the connection itself is to be closed behind them.
    orphaned: bool,
    /// The worker that opened it.
    worker: usize,
}

impl Connection {
    fn is_busy(&self) -> bool {
        self.busy > 0 || self.is_closing
    }
}

/// Something that belongs to a connection.
#[derive(Debug)]
struct Handle {
    connection: String,
    /// How many columns a set of rows has, as far as that was asked for.
    columns: Option<u64>,
}

/// A call that is under way.
#[derive(Debug)]
enum Call {
    OfWorker(Permit, usize),
    /// Closes something of this connection.
    OfBridge(String),
}

/// Everything that is open.
#[derive(Debug, Default)]
pub(super) struct Handles {
    connections: HashMap<String, Connection>,
    others: HashMap<(Kind, String), Handle>,
    /// By the tokens of the calls.
    calls: HashMap<u64, Call>,
}

impl Handles {
    /// Whether a call of the worker's may be sent.
    pub(super) fn check(&self, method: &'static Method, arguments: &[u8]) -> Result<Permit, Refusal> {
        let refused = |message: String| Refusal { kind: "invalid", code: 0, message };
        let name = method.name;
        let rule = rule(method).ok_or_else(|| refused(format!("{name} is not known to this bridge")))?;
        let Some(kind) = rule.takes else { return Ok(Permit { method, id: None, connection: None }) };
        let mut reader = Reader::new(arguments);
        let (Ok(Token::Array(_)), Ok(Token::Str(id))) = (reader.token(), reader.token()) else {
            return Err(refused(format!("{name}: the first argument must be the id of a {}", kind.name())));
        };
        let id = String::from_utf8_lossy(id).into_owned();
        if kind == Kind::Connection {
            if self.connections.get(&id).is_none_or(|connection| connection.orphaned) {
                // What Go's database/sql takes as a reason for another connection.
                return Err(Refusal {
                    kind: "error",
                    code: BAD_CONNECTION,
                    message: "driver: bad connection".to_owned(),
                });
            }
            return Ok(Permit { method, connection: Some(id.clone()), id: Some(id) });
        }
        let Some(handle) = self.others.get(&(kind, id.clone())) else {
            return Err(refused(format!(
                "{name}: there is no {} with this id; it is closed, or its connection is",
                kind.name()
            )));
        };
        if name.starts_with("RowsColumnType") {
            check_column(&mut reader, handle.columns).map_err(|problem| refused(format!("{name}: {problem}")))?;
        }
        Ok(Permit { method, id: Some(id), connection: Some(handle.connection.clone()) })
    }

    /// A call of a worker's was sent: what it closes is gone from now on, whatever the answer will be.
    pub(super) fn sent(&mut self, token: u64, permit: Permit, worker: usize) {
        if let (Some(id), Some(rule)) = (&permit.id, rule(permit.method)) {
            match rule.takes {
                Some(Kind::Connection) if rule.ends => {
                    self.connections.remove(id);
                    self.others.retain(|_, handle| handle.connection != *id);
                }
                Some(kind) if rule.ends => {
                    self.others.remove(&(kind, id.clone()));
                }
                _ if permit.method.name == "RowsNextResultSet" => self.set_columns(id, None),
                _ => {}
            }
        }
        if let Some(connection) = permit.connection.as_ref().and_then(|id| self.connections.get_mut(id)) {
            connection.busy += 1;
        }
        self.calls.insert(token, Call::OfWorker(permit, worker));
    }

    /// A call of the bridge's own was sent.
    pub(super) fn closing_sent(&mut self, token: u64, connection: String) {
        self.calls.insert(token, Call::OfBridge(connection));
    }

    /// Whether a call is one of the driver's.
    pub(super) fn knows(&self, token: u64) -> bool {
        self.calls.contains_key(&token)
    }

    /// The method of a call of the worker's.
    pub(super) fn method_of(&self, token: u64) -> Option<&'static Method> {
        match self.calls.get(&token)? {
            Call::OfWorker(permit, _) => Some(permit.method),
            Call::OfBridge(_) => None,
        }
    }

    /// A call was answered, with these results if it succeeded; `wanted`: the worker gets them. Returns the connection for which something may be closed now.
    pub(super) fn over(&mut self, token: u64, results: Option<&[u8]>, wanted: bool) -> Option<String> {
        let (permit, worker) = match self.calls.remove(&token)? {
            Call::OfBridge(connection) => {
                self.connections.get_mut(&connection)?.is_closing = false;
                return Some(connection);
            }
            Call::OfWorker(permit, worker) => (permit, worker),
        };
        if let Some(connection) = permit.connection.as_ref().and_then(|id| self.connections.get_mut(id)) {
            connection.busy = connection.busy.saturating_sub(1);
        }
        if let (Some(results), "RowsColumns", Some(id)) = (results, permit.method.name, &permit.id) {
            self.set_columns(id, count_of(results));
        }
        match (rule(permit.method)?.gives, results.and_then(id_of)) {
            (Some(Kind::Connection), Some(id)) => {
                self.connections.insert(id.clone(), Connection { orphaned: !wanted, worker, ..Connection::default() });
                Some(id)
            }
            (Some(kind), Some(id)) => {
                let connection = permit.connection?;
                let owner = self.connections.get_mut(&connection)?;
                if wanted && !owner.orphaned {
                    self.others.insert((kind, id), Handle { connection: connection.clone(), columns: None });
                } else {
                    owner.closing.push((kind, id));
                }
                Some(connection)
            }
            _ => permit.connection,
        }
    }

    /// Whether a call for a connection is under way.
    pub(super) fn is_busy(&self, id: &str) -> bool {
        self.connections.get(id).is_some_and(Connection::is_busy)
    }

    /// What is open of a connection is to be closed. False if there is nothing.
    pub(super) fn leave_behind(&mut self, id: &str) -> bool {
        let Some(connection) = self.connections.get_mut(id) else { return false };
        let left = self.others.extract_if(|_, handle| handle.connection == id);
        connection.closing.extend(left.map(|(handle, _)| handle));
        !connection.closing.is_empty()
    }

    /// A worker is gone: everything that it has open is to be closed. Returns its connections.
    pub(super) fn orphan_all(&mut self, worker: usize) -> Vec<String> {
        let mut connections = Vec::new();
        for (id, connection) in self.connections.iter_mut().filter(|(_, connection)| connection.worker == worker) {
            connection.orphaned = true;
            connections.push(id.clone());
        }
        for id in &connections {
            self.leave_behind(id);
        }
        connections
    }

    /// What is to be closed next of a connection, if no call for it is under way: the method and the id.
    pub(super) fn next_closing(&mut self, id: &str) -> Option<(&'static Method, String)> {
        let connection = self.connections.get_mut(id).filter(|connection| !connection.is_busy())?;
        let first = connection.closing.iter().enumerate().min_by_key(|(_, (kind, _))| *kind).map(|(at, _)| at);
        let (kind, closed) = match first {
            Some(at) => connection.closing.swap_remove(at),
            None if connection.orphaned => (Kind::Connection, id.to_owned()),
            None => return None,
        };
        connection.is_closing = true;
        if kind == Kind::Connection {
            self.connections.remove(id);
        }
        Some((generated::driver_by_name(kind.closing())?, closed))
    }

    fn set_columns(&mut self, rows: &str, columns: Option<u64>) {
        if let Some(handle) = self.others.get_mut(&(Kind::Rows, rows.to_owned())) {
            handle.columns = columns;
        }
    }
}

/// Checks the second argument of the methods that tell a column's type.
fn check_column(reader: &mut Reader<'_>, columns: Option<u64>) -> Result<(), String> {
    let index = match reader.token() {
        Ok(Token::Int(index)) => u64::try_from(index).ok(),
        Ok(Token::Uint(index)) => Some(index),
        _ => None,
    };
    match (columns, index) {
        (None, _) => Err("call RowsColumns first, so that it is known how many columns there are".to_owned()),
        (Some(columns), Some(index)) if index < columns => Ok(()),
        (Some(columns), _) => Err(format!("the index of a column must be a number from 0 on and below {columns}")),
    }
}

/// The id among the results.
fn id_of(results: &[u8]) -> Option<String> {
    let mut reader = Reader::new(results);
    match (reader.token(), reader.token()) {
        (Ok(Token::Array(_)), Ok(Token::Str(id))) => Some(String::from_utf8_lossy(id).into_owned()),
        _ => None,
    }
}

/// How many names there are among the results.
fn count_of(results: &[u8]) -> Option<u64> {
    let mut reader = Reader::new(results);
    match (reader.token(), reader.token()) {
        (Ok(Token::Array(_)), Ok(Token::Array(count))) => Some(count as u64),
        _ => None,
    }
}
