//! A connection of the fake worker, blocking.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;

use mmp_worker::frame::{HEADER, Header, Kind, put_bytes};
use mmp_worker::messages::{Hello, PROTOCOL, Role, encode};

/// Where frames come from and go to.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: UnixStream,
}

impl Connection {
    /// Connects, without a word.
    pub(crate) fn silent() -> Connection {
        let path = std::env::var_os("MATTERMOST_PLUGIN_WORKER_SOCKET").unwrap();
        Connection { stream: UnixStream::connect(path).unwrap() }
    }

    /// Connects, says HELLO and reads the answer.
    pub(crate) fn open(role: Role, token: &str) -> Connection {
        let mut connection = Connection::silent();
        connection.hello(&hello(role, token));
        connection.next();
        connection
    }

    /// Says HELLO.
    pub(crate) fn hello(&mut self, hello: &Hello) {
        self.send(Kind::Hello, 0, 0, &encode(hello).unwrap());
    }

    /// Sends a frame. The bridge may be gone; then there is nothing left to do.
    pub(crate) fn send(&mut self, kind: Kind, method: u16, id: u32, payload: &[u8]) {
        let mut out = Vec::new();
        put_bytes(&mut out, kind, method, id, payload);
        self.bytes(&out);
    }

    /// Sends bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.stream.write_all(bytes).is_err() {
            std::process::exit(9);
        }
    }

    /// The next frame; None when the bridge has closed the connection.
    pub(crate) fn next(&mut self) -> Option<(Header, Vec<u8>)> {
        let mut head = [0; HEADER];
        self.stream.read_exact(&mut head).ok()?;
        let header = Header::parse(&head).unwrap().unwrap();
        let mut payload = vec![0; header.len];
        self.stream.read_exact(&mut payload).ok()?;
        Some((header, payload))
    }

    /// Another handle for the same socket.
    pub(crate) fn twin(&self) -> io::Result<Connection> {
        Ok(Connection { stream: self.stream.try_clone()? })
    }
}

/// A HELLO that is right.
pub(crate) fn hello(role: Role, token: &str) -> Hello {
    Hello {
        protocol: PROTOCOL,
        schema: mmp_transcode::generated::SCHEMA_HASH.to_owned(),
        token: token.to_owned(),
        role,
        sdk: "fake 1.0".to_owned(),
        runtime: "Fake 3.99.1".to_owned(),
        pid: std::process::id(),
    }
}
