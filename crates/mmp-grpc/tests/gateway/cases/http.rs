//! ServeHTTP and ServeMetrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use mmp_worker::frame::{FLUSH, Kind};
use tokio::sync::{Semaphore, mpsc};
use tonic::Status;

use crate::bridge::{broken, credit, credit_of};
use crate::messages::{data, end, head, one, opened};
use crate::program::{Guard, Handlers, hook};
use crate::setup::Setup;

const HTTP: &str = "ServeHTTP";
const METRICS: &str = "ServeMetrics";

/// A hook without streams, to see that others go on.
const PLAIN: &str = "RunDataRetention";

/// The payload of a request: the method, no context, one header that the server has set.
const REQUEST: &[u8] = b"\x93\x81\xa6method\xa3PUT\x80\x81\xa1V\x91\xa1x";

fn http_only() -> Handlers {
    Handlers::implementing(&[HTTP, METRICS, PLAIN]).message(&hook(PLAIN), |_| Ok(Bytes::new()))
}

/// Lets everything happen that can, by calling another hook again and again; gives the frames of the first hook that came meanwhile.
async fn settle(setup: &mut Setup) -> Vec<crate::bridge::Frame> {
    let mut others = Vec::new();
    for id in 1000..1050 {
        setup.bridge.hooks().hook(PLAIN, id, b"\x92\x01\x01").await;
        loop {
            let frame = setup.bridge.hooks().next().await.unwrap();
            if frame.id == id {
                break;
            }
            others.push(frame);
        }
    }
    others
}

#[tokio::test]
async fn a_request_and_its_response_are_passed_on() {
    let handlers = http_only().stream(&hook(HTTP), |mut call, answers| async move {
        let (tag, start) = opened(&call.messages.message().await?.unwrap());
        assert_eq!((tag, start.windows(3).any(|part| part == b"PUT")), (1, true));
        let (tag, body) = opened(&call.messages.message().await?.unwrap());
        assert_eq!((tag, &body[..]), (2, &b"abc"[..]));
        // An end without an error is a message without bytes.
        assert_eq!(opened(&call.messages.message().await?.unwrap()), (3, Bytes::new()));
        for answer in [head(201, "X", "a"), data(b"hel", false, false), data(b"lo", true, false), end("")] {
            answers.send(Ok(answer)).await.unwrap();
        }
        Ok(())
    });
    let (mut setup, _program) = Setup::ready("request_and_response", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(HTTP, 3, REQUEST).await;
    assert_eq!(hooks.credit().await, 65_536);
    hooks.data(HTTP, 3, b"abc").await;
    assert_eq!(hooks.credit().await, 3);
    hooks.of_hook(Kind::End, HTTP, 3, &[]).await;
    let answer = hooks.expect(Kind::Head).await;
    assert_eq!((answer.id, &answer.payload[..]), (3, &b"\x92\xcc\xc9\x81\xa1X\x91\xa1a"[..]));
    let part = hooks.expect(Kind::Data).await;
    assert_eq!((part.flags, &part.payload[..]), (0, &b"hel"[..]));
    let part = hooks.expect(Kind::Data).await;
    assert_eq!((part.flags, &part.payload[..]), (FLUSH, &b"lo"[..]));
    assert_eq!(hooks.expect(Kind::End).await.payload, b"");
    assert_eq!(hooks.expect(Kind::HookReply).await.payload, b"");
}

#[tokio::test]
async fn a_request_that_is_not_read_may_be_answered() {
    let handlers = http_only().stream(&hook(HTTP), |_, answers| async move {
        // A flush without bytes, and no end: that of the call is enough.
        answers.send(Ok(data(b"", true, false))).await.unwrap();
        answers.send(Ok(data(b"", false, false))).await.unwrap();
        Ok(())
    });
    let (mut setup, _program) = Setup::ready("not_read", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(HTTP, 3, REQUEST).await;
    let part = hooks.other().await;
    assert_eq!((part.kind, part.flags, part.payload.len()), (Kind::Data, FLUSH, 0));
    assert_eq!(hooks.other().await.kind, Kind::HookReply);
}

#[tokio::test]
async fn a_large_part_goes_in_pieces_and_a_broken_body_is_said() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let handlers = http_only().stream(&hook(HTTP), move |mut call, _| {
        let tell = tell.clone();
        async move {
            while let Some(message) = call.messages.message().await? {
                let (tag, value) = opened(&message);
                let _ = tell.send((tag, value.len(), value));
                if tag == 3 {
                    break;
                }
            }
            Ok(())
        }
    });
    let (mut setup, _program) = Setup::ready("in_pieces", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(HTTP, 3, REQUEST).await;
    hooks.data(HTTP, 3, &[7; 150_000]).await;
    hooks.of_hook(Kind::End, HTTP, 3, &broken("the client left")).await;
    assert_eq!(hooks.other().await.kind, Kind::HookReply);
    assert_eq!(told.recv().await.unwrap().0, 1);
    for length in [65_536, 65_536, 150_000 - 2 * 65_536] {
        let (tag, found, _) = told.recv().await.unwrap();
        assert_eq!((tag, found), (2, length));
    }
    let (tag, _, error) = told.recv().await.unwrap();
    assert_eq!((tag, opened(&error).1), (3, Bytes::from_static(b"the client left")));
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_program() {
    const PARTS: usize = 200;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let handlers = http_only().stream(&hook(HTTP), move |_, answers| {
        let counter = counter.clone();
        async move {
            for _ in 0..PARTS {
                answers.send(Ok(data(&[1; 65_536], false, false))).await.unwrap();
                counter.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }
    });
    let (mut setup, _program) = Setup::ready("client_does_not_read", handlers).await;
    setup.bridge.hooks().hook(HTTP, 3, REQUEST).await;
    let mut frames = settle(&mut setup).await;
    frames.retain(|frame| frame.kind == Kind::Data);
    let mut received: usize = frames.iter().map(|frame| frame.payload.len()).sum();
    assert_eq!(received, 131_072, "the first credit and no more");
    let stopped_at = sent.load(Ordering::Relaxed);
    assert!(stopped_at < PARTS / 4, "{stopped_at} parts were sent");
    while received < PARTS * 65_536 {
        setup.bridge.hooks().of_hook(Kind::Credit, HTTP, 3, &credit(100_000)).await;
        let mut expected = 100_000.min(PARTS * 65_536 - received);
        while expected > 0 {
            let part = setup.bridge.hooks().expect(Kind::Data).await;
            assert!(part.payload.len() <= 65_536);
            received += part.payload.len();
            expected -= part.payload.len();
        }
    }
    setup.bridge.hooks().expect(Kind::HookReply).await;
}

#[tokio::test]
async fn a_program_that_does_not_read_stops_the_client() {
    const TOTAL: usize = 16 * 1024 * 1024;
    let gate = Arc::new(Semaphore::new(0));
    let open = gate.clone();
    let handlers = http_only().stream(&hook(HTTP), move |mut call, _| {
        let gate = open.clone();
        async move {
            let _held = gate.acquire().await;
            let mut received = 0;
            while let Some(message) = call.messages.message().await? {
                let (tag, value) = opened(&message);
                received += if tag == 2 { value.len() } else { 0 };
                if tag == 3 {
                    break;
                }
            }
            assert_eq!(received, TOTAL);
            Ok(())
        }
    });
    let (mut setup, _program) = Setup::ready("program_does_not_read", handlers).await;
    setup.bridge.hooks().hook(HTTP, 3, REQUEST).await;
    let (mut sent, mut granted) = (0, setup.bridge.hooks().credit().await);
    // Sends what is asked for until nothing more is.
    while granted > sent {
        let part = vec![2; (granted - sent).min(65_536)];
        setup.bridge.hooks().data(HTTP, 3, &part).await;
        sent += part.len();
        let credits = settle(&mut setup).await;
        granted += credits.iter().map(|frame| credit_of(&frame.payload)).sum::<usize>();
    }
    assert!(granted < TOTAL / 2, "{granted} bytes were asked for");
    gate.add_permits(1);
    while sent < TOTAL {
        if granted == sent {
            granted += setup.bridge.hooks().credit().await;
        }
        let part = vec![2; (granted - sent).min(65_536).min(TOTAL - sent)];
        setup.bridge.hooks().data(HTTP, 3, &part).await;
        sent += part.len();
    }
    setup.bridge.hooks().of_hook(Kind::End, HTTP, 3, &[]).await;
    let over = setup.bridge.hooks().other().await;
    assert_eq!(over.kind, Kind::HookReply, "{over:?}");
}

#[tokio::test]
async fn a_status_breaks_the_response_off() {
    let handlers = http_only()
        .stream(&hook(HTTP), |_, answers| async move {
            answers.send(Ok(head(200, "X", "a"))).await.unwrap();
            answers.send(Ok(end("the disk is full"))).await.unwrap();
            Err(Status::internal("it broke"))
        })
        .stream(&hook(METRICS), |_, _| async { Err(Status::unimplemented("no")) });
    let (mut setup, _program) = Setup::ready("breaks_off", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(HTTP, 3, REQUEST).await;
    assert_eq!(hooks.other().await.kind, Kind::Head);
    assert_eq!(hooks.other().await.payload, broken("the disk is full"));
    assert_eq!(hooks.failure(3).await, "it broke");
    hooks.hook(METRICS, 4, b"\x94\x80\x80\x80\xa0").await;
    let message = hooks.failure(4).await;
    assert_eq!(message, "the worker does not implement ServeMetrics, although Implemented names it");
}

/// The bridge logs failed hooks, and breaks their responses off.
#[tokio::test]
async fn an_end_with_an_error_fails_the_hook() {
    let long = "\u{e9}".repeat(50_000);
    let answer = long.clone();
    let handlers = http_only()
        .stream(&hook(HTTP), |_, answers| async move {
            answers.send(Ok(data(b"half", false, false))).await.unwrap();
            answers.send(Ok(end("the disk is full"))).await.unwrap();
            Ok(())
        })
        .stream(&hook(METRICS), move |_, answers| {
            let answer = answer.clone();
            async move {
                answers.send(Ok(end(&answer))).await.unwrap();
                Ok(())
            }
        });
    let (mut setup, _program) = Setup::ready("end_with_an_error", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(HTTP, 3, REQUEST).await;
    assert_eq!(hooks.other().await.payload, b"half");
    assert_eq!(hooks.other().await.payload, broken("the disk is full"));
    assert_eq!(hooks.failure(3).await, "the disk is full");
    hooks.hook(METRICS, 4, b"\x94\x80\x80\x80\xa0").await;
    let cut = &long[..65_536];
    assert_eq!(hooks.other().await.payload, broken(cut), "a frame holds no more");
    assert_eq!(hooks.failure(4).await, cut);
}

/// A program that shows its metadata in an error does not bring the token into the server's log.
#[tokio::test]
async fn the_token_is_not_told() {
    fn metadata(call: &crate::program::Call) -> String {
        call.metadata.get("authorization").unwrap().to_str().unwrap().to_owned()
    }
    let hidden = format!("Bearer {}", "*".repeat(64));
    let handlers = http_only()
        .stream(&hook(HTTP), |call, answers| async move {
            answers.send(Ok(end(&metadata(&call)))).await.unwrap();
            Ok(())
        })
        .later(&hook(PLAIN), |call, _| async move { Err(Status::unauthenticated(metadata(&call))) });
    let (mut setup, _program) = Setup::ready("token_is_not_told", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(HTTP, 3, REQUEST).await;
    assert_eq!(hooks.other().await.payload, broken(&hidden));
    assert_eq!(hooks.failure(3).await, hidden);
    hooks.hook(PLAIN, 4, b"\x92\x01\x01").await;
    assert_eq!(hooks.failure(4).await, hidden);
}

#[tokio::test]
async fn a_connection_that_was_taken_over_may_end_with_an_error() {
    let handlers = http_only().stream(&hook(HTTP), |_, answers| async move {
        answers.send(Ok(one(4, b""))).await.unwrap();
        answers.send(Ok(end("the peer is silent"))).await.unwrap();
        Ok(())
    });
    let (mut setup, _program) = Setup::ready("taken_over_and_ended", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(HTTP, 3, REQUEST).await;
    assert_eq!(hooks.other().await.kind, Kind::Hijack);
    assert_eq!(hooks.other().await.payload, broken("the peer is silent"));
    assert_eq!(hooks.other().await.kind, Kind::HookReply);
}

#[tokio::test]
async fn the_request_of_metrics_ends_with_its_body() {
    let handlers = http_only().stream(&hook(METRICS), |mut call, answers| async move {
        let (tag, start) = opened(&call.messages.message().await?.unwrap());
        assert_eq!((tag, start.ends_with(&[4 << 3 | 2, 5, b'u', b'p', b' ', b'1', b'\n'])), (1, true));
        assert_eq!(opened(&call.messages.message().await?.unwrap()).0, 3);
        assert!(call.messages.message().await?.is_none(), "nothing can follow the body");
        answers.send(Ok(data(b"up 2\n", false, false))).await.unwrap();
        Ok(())
    });
    let (mut setup, _program) = Setup::ready("request_of_metrics", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(METRICS, 4, b"\x94\x80\x80\x80\xa5up 1\n").await;
    hooks.of_hook(Kind::End, METRICS, 4, &[]).await;
    assert_eq!(hooks.other().await.payload, b"up 2\n");
    assert_eq!(hooks.other().await.kind, Kind::HookReply);
}

#[tokio::test]
async fn what_a_program_must_not_send_fails_the_hook() {
    let deadline = one(5, b"\x08\x01");
    let cases: Vec<(&str, Vec<Bytes>, &str)> = vec![
        (HTTP, vec![Bytes::new()], "an empty message in its answer to ServeHTTP"),
        (HTTP, vec![end(""), data(b"x", false, false)], "data behind the end"),
        (HTTP, vec![end(""), end("")], "a second end"),
        (HTTP, vec![deadline.clone()], "a deadline without a hijack"),
        (HTTP, vec![one(4, b""), one(4, b"")], "a second hijack"),
        (HTTP, vec![one(4, b""), one(5, b"\x08\x07")], "a deadline that is none"),
        (METRICS, vec![one(4, b"")], "hijack, which only ServeHTTP has, in its answer to ServeMetrics"),
        (HTTP, vec![Bytes::from_static(b"\xff\xff")], "the worker's message cannot be read"),
        (HTTP, vec![one(1, b"\x12\x03\x0a\x01\xff")], "the worker's head cannot be read"),
    ];
    let current: Arc<std::sync::Mutex<Vec<Bytes>>> = Arc::default();
    let mut handlers = http_only();
    for name in [HTTP, METRICS] {
        let answer = current.clone();
        handlers = handlers.stream(&hook(name), move |_, answers| {
            let messages = answer.lock().unwrap().clone();
            async move {
                for message in messages {
                    if answers.send(Ok(message)).await.is_err() {
                        break;
                    }
                }
                Ok(())
            }
        });
    }
    let (mut setup, _program) = Setup::ready("must_not_send", handlers).await;
    for (id, (name, messages, words)) in cases.into_iter().enumerate() {
        *current.lock().unwrap() = messages;
        let hooks = setup.bridge.hooks();
        hooks.hook(name, id as u32, if name == HTTP { REQUEST } else { b"\x94\x80\x80\x80\xa0" }).await;
        let failed = loop {
            let frame = hooks.other().await;
            if matches!(frame.kind, Kind::HookError | Kind::HookReply) {
                break frame;
            }
        };
        assert_eq!((failed.kind, failed.id), (Kind::HookError, id as u32), "{words}");
        let message = crate::bridge::message_of(&failed.payload);
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_call() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let handlers = http_only().stream(&hook(HTTP), move |_, answers| {
        let guard = Guard(tell.clone());
        async move {
            let _guard = guard;
            // More than the bridge takes.
            while answers.send(Ok(data(&[1; 65_536], false, false))).await.is_ok() {}
            Ok(())
        }
    });
    let (mut setup, _program) = Setup::ready("client_leaves", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(HTTP, 3, REQUEST).await;
    assert_eq!(hooks.other().await.kind, Kind::Data);
    hooks.of_hook(Kind::Cancel, HTTP, 3, &[]).await;
    while hooks.other().await.kind == Kind::Data {}
    let rest = settle(&mut setup).await;
    assert_eq!(rest, [], "nothing of a hook follows its answer");
    assert_eq!(told.recv().await, Some("gone"), "the program's call has ended");
}
