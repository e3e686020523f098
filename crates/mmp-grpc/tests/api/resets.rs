//! Calls that are given up before the gateway has looked at them, written as HTTP/2's own bytes: a client's library would not send them at all.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::gateway::Gateway;
use crate::support::patience::within;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The reason of a RST_STREAM whose sender does not want the stream any more.
const CANCEL: [u8; 4] = [0, 0, 0, 8];

fn put_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// `POST http://x/y` in HPACK: two indexed fields and two whose names are.
const REQUEST: &[u8] = b"\x83\x86\x04\x02/y\x01\x01x";

#[tokio::test]
async fn calls_that_are_given_up_at_once_are_no_attack() {
    let gateway = Gateway::start();
    let mut stream = UnixStream::connect(gateway.settings.api_socket()).await.unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    put_frame(&mut bytes, SETTINGS, 0, 0, &[]);
    for call in 0..500 {
        put_frame(&mut bytes, HEADERS, END_HEADERS, 2 * call + 1, REQUEST);
        put_frame(&mut bytes, RST_STREAM, 0, 2 * call + 1, &CANCEL);
    }
    put_frame(&mut bytes, PING, 0, 0, b"alive?!?");
    stream.write_all(&bytes).await.unwrap();
    within("the answer to PING", async {
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.expect("the connection is open");
            let [l0, l1, l2, kind, flags, ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
            stream.read_exact(&mut payload).await.expect("the connection is open");
            assert_ne!(kind, GOAWAY, "{}", String::from_utf8_lossy(&payload));
            if (kind, flags) == (PING, ACK) {
                return;
            }
        }
    })
    .await;
}
