//! Connections that a program takes over.

use bytes::Bytes;
use mmp_worker::frame::{BUFFERED, FLUSH, Kind};

use crate::bridge::broken;
use crate::messages::{data, end, field, number, one, opened};
use crate::program::{Handlers, hook};
use crate::setup::Setup;

const HTTP: &str = "ServeHTTP";
const REQUEST: &[u8] = b"\x93\x80\x80\x80";

/// `ServeHTTPResponse.hijack`.
fn hijack() -> Bytes {
    one(4, b"")
}

#[tokio::test]
async fn a_connection_is_taken_over() {
    let handlers = Handlers::implementing(&[HTTP]).stream(&hook(HTTP), |mut call, answers| async move {
        assert_eq!(opened(&call.messages.message().await?.unwrap()).0, 1);
        let mut expect = async |tag: u8, value: &[u8]| {
            let found = opened(&call.messages.message().await.unwrap().unwrap());
            assert_eq!((found.0, &found.1[..]), (tag, value));
        };
        expect(3, b"").await;
        answers.send(Ok(hijack())).await.unwrap();
        expect(4, b"").await;
        expect(2, b"ping").await;
        answers.send(Ok(data(b"pong", false, true))).await.unwrap();
        let time = [number(1, 5), number(2, 7)].concat();
        answers.send(Ok(one(5, &[number(1, 1), field(2, &time)].concat()))).await.unwrap();
        // The deadline passes, which is not the end.
        expect(3, &field(1, b"i/o timeout")).await;
        answers.send(Ok(one(5, &number(1, 1)))).await.unwrap();
        expect(2, b"more").await;
        expect(3, b"").await;
        answers.send(Ok(end(""))).await.unwrap();
        Ok(())
    });
    let (mut setup, _program) = Setup::ready("taken_over", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(HTTP, 3, REQUEST).await;
    hooks.of_hook(Kind::End, HTTP, 3, &[]).await;
    assert_eq!(hooks.other().await.kind, Kind::Hijack);
    hooks.of_hook(Kind::Hijacked, HTTP, 3, &[]).await;
    hooks.data(HTTP, 3, b"ping").await;
    let part = hooks.other().await;
    assert_eq!((part.kind, part.flags, &part.payload[..]), (Kind::Data, BUFFERED, &b"pong"[..]));
    let deadline = hooks.other().await;
    let expected = b"\x92\x01\xd7\xff\x00\x00\x00\x1c\x00\x00\x00\x05";
    assert_eq!((deadline.kind, &deadline.payload[..]), (Kind::Deadline, &expected[..]));
    hooks.of_hook(Kind::End, HTTP, 3, &broken("i/o timeout")).await;
    assert_eq!(hooks.other().await.payload, b"\x92\x01\xc0");
    hooks.data(HTTP, 3, b"more").await;
    hooks.of_hook(Kind::End, HTTP, 3, &[]).await;
    let over = hooks.other().await;
    assert_eq!((over.kind, over.payload.len()), (Kind::End, 0));
    assert_eq!(hooks.other().await.kind, Kind::HookReply);
}

#[tokio::test]
async fn a_hijack_may_be_refused() {
    let handlers = Handlers::implementing(&[HTTP]).stream(&hook(HTTP), |mut call, answers| async move {
        answers.send(Ok(hijack())).await.unwrap();
        assert_eq!(opened(&call.messages.message().await?.unwrap()).0, 1);
        let (tag, refused) = opened(&call.messages.message().await?.unwrap());
        assert_eq!((tag, opened(&refused).1), (4, Bytes::from_static(b"HTTP/2 has none")));
        answers.send(Ok(data(b"then not", true, false))).await.unwrap();
        Ok(())
    });
    let (mut setup, _program) = Setup::ready("hijack_refused", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(HTTP, 3, REQUEST).await;
    assert_eq!(hooks.other().await.kind, Kind::Hijack);
    hooks.of_hook(Kind::Hijacked, HTTP, 3, &broken("HTTP/2 has none")).await;
    let part = hooks.other().await;
    assert_eq!((part.kind, part.flags), (Kind::Data, FLUSH));
    assert_eq!(hooks.other().await.kind, Kind::HookReply);
}
