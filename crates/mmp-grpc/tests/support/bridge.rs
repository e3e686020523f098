//! The bridge's end of the worker link, played by a test: frames go in and out one by one.

use std::path::Path;

use bytes::Bytes;
use mmp_worker::frame::{self, HEADER, Header, Kind};
use mmp_worker::messages::{self, Hello, PROTOCOL, Role, Welcome};
use mmp_worker::token::Token;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::patience::within;

/// A listening bridge.
pub(crate) struct Bridge {
    listener: UnixListener,
    token: Token,
}

/// One connection of the gateway.
pub(crate) struct Connection {
    /// What it is for.
    pub(crate) role: Role,
    frames: mpsc::UnboundedReceiver<Frame>,
    out: Out,
}

/// Where frames to the gateway go; clones write to the same connection.
#[derive(Clone)]
pub(crate) struct Out(mpsc::UnboundedSender<Vec<u8>>);

/// A frame of the gateway's.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) method: u16,
    pub(crate) id: u32,
    pub(crate) payload: Bytes,
}

impl Bridge {
    /// Listens at this path for whoever shows this token.
    pub(crate) fn listen(path: &Path, token: Token) -> Bridge {
        Bridge { listener: UnixListener::bind(path).expect("the socket can be bound"), token }
    }

    /// Waits for a connection and welcomes it.
    pub(crate) async fn accept(&self) -> Connection {
        within("a connection to the bridge", async {
            let (mut stream, _) = self.listener.accept().await.expect("a connection");
            let hello = read_frame(&mut stream).await.expect("a frame");
            assert_eq!(hello.kind, Kind::Hello);
            let hello: Hello = messages::decode(&hello.payload).expect("HELLO can be read");
            assert!(self.token.matches(&hello.token), "the token is the worker's");
            let (input, output) = stream.into_split();
            let (sender, frames) = mpsc::unbounded_channel();
            let (out, outgoing) = mpsc::unbounded_channel();
            tokio::spawn(read_frames(input, sender));
            tokio::spawn(write_frames(output, outgoing));
            let connection = Connection { role: hello.role, frames, out: Out(out) };
            connection.out.send(Kind::Welcome, 0, 0, 0, &welcome());
            connection
        })
        .await
    }
}

impl Connection {
    /// The next frame; None when the gateway has closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        within("a frame", self.frames.recv()).await
    }

    /// The next frame, which must be of this kind.
    pub(crate) async fn expect(&mut self, kind: Kind) -> Frame {
        let frame = self.next().await.unwrap_or_else(|| panic!("the connection ended, and no {kind:?} came"));
        assert_eq!(frame.kind, kind, "{frame:?}");
        frame
    }

    /// A frame that is there already.
    pub(crate) fn try_next(&mut self) -> Option<Frame> {
        self.frames.try_recv().ok()
    }

    /// Where answers go.
    pub(crate) fn out(&self) -> Out {
        self.out.clone()
    }
}

impl Out {
    /// Sends a frame.
    pub(crate) fn send(&self, kind: Kind, flags: u8, method: u16, id: u32, payload: &[u8]) {
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        frame::put_bytes_with(&mut bytes, kind, flags, method, id, payload);
        // A gateway that is gone takes no frames, and the test finds that out elsewhere.
        let _ = self.0.send(bytes);
    }

    /// Answers a call.
    pub(crate) fn answer(&self, call: &Frame, kind: Kind, payload: &[u8]) {
        self.send(kind, 0, call.method, call.id, payload);
    }
}

fn welcome() -> Vec<u8> {
    let welcome = Welcome {
        protocol: PROTOCOL,
        plugin_id: "com.example.test".to_owned(),
        bundle_path: "/nowhere".to_owned(),
        sync_connections: 0,
        worker_index: 0,
        workers: 1,
    };
    messages::encode(&welcome).expect("WELCOME can be written")
}

async fn read_frames(mut input: OwnedReadHalf, frames: mpsc::UnboundedSender<Frame>) {
    while let Some(frame) = read_frame(&mut input).await {
        if frames.send(frame).is_err() {
            return;
        }
    }
}

async fn read_frame(input: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<Frame> {
    let mut head = [0; HEADER];
    input.read_exact(&mut head).await.ok()?;
    let Header { len, kind, flags, method, id } = Header::parse(&head).expect("a header").expect("a whole header");
    let mut payload = vec![0; len];
    input.read_exact(&mut payload).await.ok()?;
    Some(Frame { kind, flags, method, id, payload: payload.into() })
}

async fn write_frames(mut output: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = frames.recv().await {
        if output.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
