//! The bridge's side of the worker link.

use std::path::Path;

use bytes::{Buf as _, BytesMut};
use mmp_transcode::generated::hook_by_name;
use mmp_worker::frame::{self, HEADER, Header, Kind};
use mmp_worker::messages::{self, Failed, Hello, Log, PROTOCOL, Ready, Role, Welcome};
use mmp_worker::token::Token;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

/// A frame that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) method: u16,
    pub(crate) id: u32,
    pub(crate) payload: Vec<u8>,
}

/// One connection of the gateway.
pub(crate) struct Connection {
    stream: UnixStream,
    input: BytesMut,
    /// Lines for the log that came between other frames.
    pub(crate) logged: Vec<Log>,
}

impl Connection {
    /// The next frame, None at the end; LOG is put aside.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.whole() {
                if frame.kind != Kind::Log {
                    return Some(frame);
                }
                self.logged.push(messages::decode(&frame.payload).unwrap());
                continue;
            }
            if self.stream.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    fn whole(&mut self) -> Option<Frame> {
        let header = Header::parse(&self.input).unwrap()?;
        if self.input.len() < HEADER + header.len {
            return None;
        }
        self.input.advance(HEADER);
        let payload = self.input.split_to(header.len).to_vec();
        let Header { kind, flags, method, id, .. } = header;
        Some(Frame { kind, flags, method, id, payload })
    }

    /// The next frame, which must be of this kind.
    pub(crate) async fn expect(&mut self, kind: Kind) -> Frame {
        let frame = self.next().await.unwrap_or_else(|| panic!("the connection ended before {kind:?}"));
        assert_eq!(frame.kind, kind, "{frame:?}");
        frame
    }

    pub(crate) async fn send(&mut self, kind: Kind, flags: u8, method: u16, id: u32, payload: &[u8]) {
        let mut out = Vec::new();
        frame::put_bytes_with(&mut out, kind, flags, method, id, payload);
        self.stream.write_all(&out).await.unwrap();
    }

    /// Calls a hook.
    pub(crate) async fn hook(&mut self, name: &str, id: u32, payload: &[u8]) {
        self.send(Kind::Hook, 0, hook_by_name(name).unwrap().id, id, payload).await;
    }

    /// Sends another frame of a hook.
    pub(crate) async fn of_hook(&mut self, kind: Kind, name: &str, id: u32, payload: &[u8]) {
        self.send(kind, 0, hook_by_name(name).unwrap().id, id, payload).await;
    }

    /// Sends bytes of a hook's stream.
    pub(crate) async fn data(&mut self, name: &str, id: u32, bytes: &[u8]) {
        self.of_hook(Kind::Data, name, id, bytes).await;
    }

    /// The next CREDIT.
    pub(crate) async fn credit(&mut self) -> usize {
        let frame = self.expect(Kind::Credit).await;
        credit_of(&frame.payload)
    }

    /// The next frame that is no CREDIT.
    pub(crate) async fn other(&mut self) -> Frame {
        loop {
            let frame = self.next().await.unwrap();
            if frame.kind != Kind::Credit {
                return frame;
            }
        }
    }

    /// The message of the HOOK_ERROR that must come for this hook.
    pub(crate) async fn failure(&mut self, id: u32) -> String {
        let frame = self.other().await;
        assert_eq!((frame.kind, frame.id), (Kind::HookError, id), "{frame:?}");
        message_of(&frame.payload)
    }
}

/// The number in a CREDIT.
pub(crate) fn credit_of(payload: &[u8]) -> usize {
    use mmp_transcode::msgpack::{Reader, Token};
    let Ok(Token::Int(count)) = Reader::new(payload).token() else { panic!("no number: {payload:x?}") };
    usize::try_from(count).unwrap()
}

/// The payload of an END or HIJACKED with a message.
pub(crate) fn broken(message: &str) -> Vec<u8> {
    let mut payload = b"\x81\xa7message".to_vec();
    mmp_transcode::msgpack::put_str(&mut payload, message);
    payload
}

/// The payload of a CREDIT.
pub(crate) fn credit(count: usize) -> Vec<u8> {
    let mut payload = Vec::new();
    mmp_transcode::msgpack::put_uint(&mut payload, count as u64);
    payload
}

/// The `message` of a map.
pub(crate) fn message_of(payload: &[u8]) -> String {
    use mmp_transcode::msgpack::{Reader, Token};
    let mut reader = Reader::new(payload);
    let Token::Map(count) = reader.token().unwrap() else { panic!("no map: {payload:x?}") };
    for _ in 0..count {
        let (key, value) = (reader.token().unwrap(), reader.raw().unwrap());
        if let (Token::Str(b"message"), Token::Str(text)) = (key, Reader::new(value).token().unwrap()) {
            return String::from_utf8(text.to_vec()).unwrap();
        }
    }
    panic!("no message: {payload:x?}")
}

/// The listening socket and the two connections of a gateway with hooks.
pub(crate) struct Bridge {
    listener: UnixListener,
    token: Token,
    control: Option<Connection>,
    asynchronous: Option<Connection>,
}

impl Bridge {
    pub(crate) fn listen(path: &Path, token: Token) -> Bridge {
        let listener = UnixListener::bind(path).unwrap();
        Bridge { listener, token, control: None, asynchronous: None }
    }

    /// Accepts a connection, and answers nothing yet.
    pub(crate) async fn accept_silently(&mut self) -> (Connection, Frame) {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut connection = Connection { stream, input: BytesMut::new(), logged: Vec::new() };
        let hello = connection.expect(Kind::Hello).await;
        (connection, hello)
    }

    /// Accepts a connection of this role.
    pub(crate) async fn accept(&mut self, role: Role) -> Connection {
        let (mut connection, hello) = self.accept_silently().await;
        let hello: Hello = messages::decode(&hello.payload).unwrap();
        assert_eq!((hello.protocol, hello.role), (PROTOCOL, role));
        assert_eq!(hello.schema, mmp_transcode::generated::SCHEMA_HASH);
        assert!(self.token.matches(&hello.token));
        let welcome = Welcome {
            protocol: PROTOCOL,
            plugin_id: "com.example.test".to_owned(),
            bundle_path: "/bundle".to_owned(),
            sync_connections: 4,
            worker_index: 2,
            workers: 5,
        };
        connection.send(Kind::Welcome, 0, 0, 0, &messages::encode(&welcome).unwrap()).await;
        connection
    }

    /// Accepts the two connections that a gateway with hooks makes.
    pub(crate) async fn connected(&mut self) {
        self.control = Some(self.accept(Role::Control).await);
        self.asynchronous = Some(self.accept(Role::Async).await);
    }

    pub(crate) fn token(&self) -> String {
        self.token.reveal().to_owned()
    }

    pub(crate) fn control(&mut self) -> &mut Connection {
        self.control.as_mut().unwrap()
    }

    pub(crate) fn hooks(&mut self) -> &mut Connection {
        self.asynchronous.as_mut().unwrap()
    }

    /// Closes the connections.
    pub(crate) fn hang_up(&mut self) {
        self.control = None;
        self.asynchronous = None;
    }

    /// Waits for READY; the names of its hooks.
    pub(crate) async fn ready(&mut self) -> Vec<&'static str> {
        let ready = self.control().expect(Kind::Ready).await;
        let ready: Ready = messages::decode(&ready.payload).unwrap();
        ready.hooks.iter().map(|hook| mmp_transcode::generated::hook(hook.0).unwrap().name).collect()
    }

    /// Waits for FAILED.
    pub(crate) async fn failed(&mut self) -> Failed {
        let failed = self.control().expect(Kind::Failed).await;
        messages::decode(&failed.payload).unwrap()
    }
}
