//! The worker link: the private socket, its connections and the handshake on them.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use mio::net::UnixListener;
use mio::{Interest, Registry, Token};

use crate::connection::{Connection, Input, Received};
use crate::frame::{self, Header, Kind};
use crate::messages::{self, Hello, PROTOCOL, Refused, Role, Welcome};
use crate::protections::{Protection, is_off};
use crate::token::Token as Secret;

/// How many bits of a token in the event loop number the connections of one link; those above them say which link it is.
const CONNECTION_BITS: u32 = 32;

/// The token of the listening socket of the link with this index. Its connections have the tokens after it, which are their numbers as well.
pub const fn listener_token(index: usize) -> Token {
    Token((index + 1) << CONNECTION_BITS)
}

/// The index of the link that a token belongs to, if it is one of a link's.
pub const fn index_of(token: Token) -> Option<usize> {
    (token.0 >> CONNECTION_BITS).checked_sub(1)
}

/// What every connection has to show, and is told.
#[derive(Debug)]
pub struct Identity {
    /// The hash of the schema that the bridge was generated from.
    pub schema: &'static str,
    /// The secret of this worker.
    pub token: Secret,
    /// What a worker is told.
    pub welcome: Welcome,
}

/// The listening socket and the connections of one worker.
#[derive(Debug)]
pub struct Link {
    listener: UnixListener,
    listener_token: Token,
    path: PathBuf,
    identity: Identity,
    connections: HashMap<usize, Connection>,
    next: usize,
    dirty: Vec<usize>,
    /// Connections that were not read to their end because they are choked.
    choked: Vec<usize>,
}

impl Link {
    /// Listens at `path`, in a directory that only this user can enter. `index` tells links in one event loop apart.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn listen(path: &Path, index: usize, identity: Identity, registry: &Registry) -> io::Result<Link> {
        use std::os::unix::fs::PermissionsExt as _;
        let mut listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let listener_token = listener_token(index);
        registry.register(&mut listener, listener_token, Interest::READABLE)?;
        let path = path.to_owned();
        let next = listener_token.0 + 1;
        let (dirty, choked) = (Vec::new(), Vec::new());
        Ok(Link { listener, listener_token, path, identity, connections: HashMap::new(), next, dirty, choked })
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a token is that of the listening socket.
    pub fn is_listener(&self, token: Token) -> bool {
        token == self.listener_token
    }

    /// A new worker is about to be started: its secret.
    pub fn renew(&mut self, token: Secret) {
        self.identity.token = token;
    }

    /// Accepts what waits. Processes of other users are turned away.
    ///
    /// # Errors
    /// Those of the socket. Returns how many were turned away.
    pub fn accept(&mut self, registry: &Registry) -> io::Result<usize> {
        let mut strangers = 0;
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(strangers),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let peer = rustix::net::sockopt::socket_peercred(&stream)?;
            if peer.uid != rustix::process::geteuid() {
                strangers += 1;
                continue;
            }
            let id = self.next;
            self.next += 1;
            registry.register(&mut stream, Token(id), Interest::READABLE | Interest::WRITABLE)?;
            let mut connection = Connection::new(stream);
            connection.peer = u32::try_from(peer.pid.as_raw_nonzero().get()).ok();
            self.connections.insert(id, connection);
        }
    }

    /// The connection with this number.
    pub fn get_mut(&mut self, id: usize) -> Option<&mut Connection> {
        self.connections.get_mut(&id)
    }

    /// The numbers of all connections.
    pub fn ids(&self) -> Vec<usize> {
        self.connections.keys().copied().collect()
    }

    /// The output of a connection; it is written by the next [`Link::flush`].
    pub fn output(&mut self, id: usize) -> Option<&mut Vec<u8>> {
        let connection = self.connections.get_mut(&id)?;
        if !self.dirty.contains(&id) {
            self.dirty.push(id);
        }
        Some(&mut connection.output)
    }

    /// The connection of the role `control`.
    pub fn control(&self) -> Option<usize> {
        self.connections.iter().find(|(_, c)| c.role == Some(Role::Control)).map(|(&id, _)| id)
    }

    /// Reads from a connection and takes its input out. None: the connection is not there.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn receive(&mut self, id: usize) -> io::Result<Option<(Input, Received)>> {
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(None) };
        let received = connection.receive()?;
        Ok(Some((connection.take_input(), received)))
    }

    /// Returns what [`Link::receive`] took out, without the bytes that were used.
    pub fn put_back(&mut self, id: usize, input: Input, used: usize) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.put_back(input, used);
        }
    }

    /// Writes every output that has grown. Returns the connections that failed, and why.
    pub fn flush(&mut self) -> Vec<(usize, io::Error)> {
        let mut failed = Vec::new();
        for id in std::mem::take(&mut self.dirty) {
            if let Some(connection) = self.connections.get_mut(&id)
                && let Err(error) = connection.flush()
            {
                failed.push((id, error));
            }
        }
        failed
    }

    /// Whether a connection is not to be read now; [`Link::unchoked`] says when it is.
    pub fn is_choked(&mut self, id: usize) -> bool {
        let choked = self.connections.get(&id).is_some_and(Connection::is_choked);
        if choked && !self.choked.contains(&id) {
            self.choked.push(id);
        }
        choked
    }

    /// The connections that were choked and can be read on.
    pub fn unchoked(&mut self) -> Vec<usize> {
        let connections = &self.connections;
        let is_free = |id: &mut usize| !connections.get(id).is_some_and(Connection::is_choked);
        self.choked.extract_if(.., is_free).collect()
    }

    /// A connection can be written again.
    pub fn writable(&mut self, id: usize) {
        if self.connections.get(&id).is_some_and(|c| c.pending() > 0) && !self.dirty.contains(&id) {
            self.dirty.push(id);
        }
    }

    /// Answers the first frame of a connection. Returns its role, or what was wrong; the connection is to be closed then.
    ///
    /// # Errors
    /// What the worker has been told.
    pub fn hello(&mut self, id: usize, header: Header, payload: &[u8]) -> Result<(Role, Hello), Refused> {
        let checked = check(header, payload, &self.identity, self.control().is_some());
        let Some(connection) = self.connections.get_mut(&id) else {
            return Err(refused("order", "the connection is gone"));
        };
        let (kind, answer) = match &checked {
            Ok(hello) => {
                connection.role = Some(hello.role);
                (Kind::Welcome, messages::encode(&self.identity.welcome))
            }
            Err(refused) => (Kind::Refused, messages::encode(refused)),
        };
        frame::put_bytes(&mut connection.output, kind, 0, header.id, &answer.unwrap_or_default());
        if checked.is_err() {
            // The connection is closed right after; what the socket does not take now is lost.
            let _ = connection.flush();
        } else {
            self.dirty.push(id);
        }
        checked.map(|hello| (hello.role, hello))
    }

    /// Closes one connection.
    pub fn close(&mut self, id: usize, registry: &Registry) -> Option<Role> {
        let mut connection = self.connections.remove(&id)?;
        // The socket is closed with the connection in any case.
        let _ = registry.deregister(connection.stream_mut());
        connection.role
    }

    /// Closes all connections: the worker is gone.
    pub fn close_all(&mut self, registry: &Registry) {
        for id in self.ids() {
            self.close(id, registry);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The directory is removed by its owner; a socket that stays behind does no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn check(header: Header, payload: &[u8], identity: &Identity, has_control: bool) -> Result<Hello, Refused> {
    if header.kind != Kind::Hello {
        return Err(refused("order", "the first frame of a connection must be HELLO"));
    }
    let hello: Hello =
        messages::decode(payload).map_err(|error| refused("protocol", &format!("HELLO cannot be read: {error}")))?;
    if !identity.token.matches(&hello.token) && !is_off(Protection::LinkAuthentication) {
        return Err(refused("token", "the token is not the one that this worker was given on its standard input"));
    }
    if hello.protocol != PROTOCOL {
        let message = format!(
            "the worker speaks version {} of the frame protocol, the bridge version {PROTOCOL}: bundle the plugin again, so that SDK and bridge are of the same release",
            hello.protocol
        );
        return Err(refused("protocol", &message));
    }
    if hello.schema != identity.schema {
        let message = format!(
            "the worker's SDK ({}) was generated from the schema {}, the bridge from {}: bundle the plugin again, so that SDK and bridge are of the same release",
            hello.sdk, hello.schema, identity.schema
        );
        return Err(refused("schema", &message));
    }
    if (hello.role == Role::Control) == has_control {
        return Err(refused("order", "there must be exactly one control connection, and it must be the first"));
    }
    Ok(hello)
}

fn refused(code: &str, message: &str) -> Refused {
    Refused { code: code.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_tell_links_apart() {
        assert_eq!(index_of(Token(7)), None);
        for index in [0, 1, 63] {
            assert_eq!(index_of(listener_token(index)), Some(index));
            assert_eq!(index_of(Token(listener_token(index).0 + 5)), Some(index));
        }
    }

    fn identity() -> Identity {
        let welcome = Welcome {
            protocol: PROTOCOL,
            plugin_id: "com.example.test".to_owned(),
            bundle_path: "/bundle".to_owned(),
            sync_connections: 4,
            worker_index: 0,
            workers: 1,
        };
        Identity { schema: "schema", token: Secret::random().unwrap(), welcome }
    }

    /// What becomes of a HELLO that was changed so.
    fn said(has_control: bool, change: impl FnOnce(&mut Hello)) -> Result<Role, Refused> {
        let identity = identity();
        let mut hello = Hello {
            protocol: PROTOCOL,
            schema: "schema".to_owned(),
            token: identity.token.reveal().to_owned(),
            role: Role::Control,
            sdk: "sdk 1.0".to_owned(),
            runtime: String::new(),
            pid: 0,
        };
        change(&mut hello);
        let payload = messages::encode(&hello).unwrap();
        let header = Header { len: payload.len(), kind: Kind::Hello, flags: 0, method: 0, id: 0 };
        check(header, &payload, &identity, has_control).map(|hello| hello.role)
    }

    fn code(has_control: bool, change: impl FnOnce(&mut Hello)) -> String {
        said(has_control, change).unwrap_err().code
    }

    #[test]
    fn the_control_connection_comes_first_and_once() {
        assert_eq!(said(false, |_| {}), Ok(Role::Control));
        assert_eq!(code(true, |_| {}), "order");
        for role in [Role::Sync, Role::Async, Role::Api] {
            assert_eq!(code(false, |hello| hello.role = role), "order");
            assert_eq!(said(true, |hello| hello.role = role), Ok(role));
        }
    }

    #[test]
    fn who_is_not_ones_own_worker_is_told_why() {
        assert_eq!(code(false, |hello| hello.token.replace_range(..1, "x")), "token");
        // Whoever does not know the token learns nothing else.
        assert_eq!(code(false, |hello| (hello.token, hello.protocol) = (String::new(), 9)), "token");
        assert_eq!(code(false, |hello| hello.protocol = 9), "protocol");
        assert_eq!(code(false, |hello| hello.schema = "other".to_owned()), "schema");
        let first = Header { len: 0, kind: Kind::Log, flags: 0, method: 0, id: 0 };
        assert_eq!(check(first, b"", &identity(), false).unwrap_err().code, "order");
        let garbage = Header { len: 1, kind: Kind::Hello, flags: 0, method: 0, id: 0 };
        assert_eq!(check(garbage, b"\xc1", &identity(), false).unwrap_err().code, "protocol");
    }
}
