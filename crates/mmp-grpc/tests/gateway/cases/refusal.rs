//! Calls that the program's HTTP/2 refuses before the program has seen them.

use bytes::Bytes;
use mmp_worker::frame::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::hooks::{INTEGERS, integers};
use super::loss::failing_until;
use crate::program::{Handlers, Program, hook};
use crate::setup::Setup;

const PREFACE: usize = 24;
const HEADERS: u8 = 1;

/// RST_STREAM of stream 1 with REFUSED_STREAM, and with INTERNAL_ERROR.
const REFUSED: &[u8] = b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x07";
const INTERNAL: &[u8] = b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x02";

/// GOAWAY with NO_ERROR whose last stream is none, and stream 1.
const NONE_TAKEN: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
const ONE_TAKEN: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\0";

/// Takes a connection and answers its first request with these frames.
async fn refuse(listener: &UnixListener, frames: &[&[u8]]) -> UnixStream {
    let mut stream = loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The gateway also looks whether anybody listens, and says nothing then.
        if stream.read_exact(&mut [0; PREFACE]).await.is_ok() {
            break stream;
        }
    };
    // SETTINGS without any.
    stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await.unwrap();
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await.unwrap();
        if header[3] == HEADERS {
            break;
        }
    }
    stream.write_all(&frames.concat()).await.unwrap();
    stream
}

/// A gateway whose program has ended its connections, and listens again here.
async fn reconnecting(test: &'static str) -> (Setup, UnixListener) {
    let (mut setup, program) = Setup::ready(test, Handlers::implementing(&[INTEGERS])).await;
    let socket = setup.directory.path().join("hooks.sock");
    drop(program);
    failing_until(&mut setup, "does not listen").await;
    std::fs::remove_file(&socket).unwrap();
    (setup, UnixListener::bind(socket).unwrap())
}

#[tokio::test]
async fn a_hook_that_the_program_has_not_begun_is_sent_again() {
    for frames in [&[REFUSED, ONE_TAKEN][..], &[NONE_TAKEN]] {
        let (mut setup, listener) = reconnecting("not_begun").await;
        setup.bridge.hooks().hook(INTEGERS, 1, &integers(1)).await;
        let _refused = refuse(&listener, frames).await;
        let handlers = Handlers::default().message(&hook(INTEGERS), |_| Ok(Bytes::from_static(b"\x08\x03")));
        let _program = Program::on(listener, handlers, 100);
        let reply = setup.bridge.hooks().expect(Kind::HookReply).await;
        assert_eq!((reply.id, &reply.payload[..]), (1, &b"\x91\x03"[..]));
    }
}

#[tokio::test]
async fn a_hook_is_sent_again_once_and_not_if_it_may_have_begun() {
    for (first, second) in [(&[REFUSED, ONE_TAKEN][..], Some(&[NONE_TAKEN][..])), (&[INTERNAL], None)] {
        let (mut setup, listener) = reconnecting("sent_again_once").await;
        setup.bridge.hooks().hook(INTEGERS, 1, &integers(1)).await;
        let _first = refuse(&listener, first).await;
        let _second = match second {
            Some(second) => Some(refuse(&listener, second).await),
            None => None,
        };
        let message = setup.bridge.hooks().failure(1).await;
        assert!(message.starts_with("the connection to the worker failed: "), "{message}");
    }
}
