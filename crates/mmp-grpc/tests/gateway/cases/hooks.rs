//! Hooks without streams.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mmp_transcode::msgpack;
use mmp_worker::frame::Kind;
use tokio::sync::{Semaphore, mpsc};
use tonic::{Code, Status};

use crate::bridge::message_of;
use crate::program::{Guard, HEALTH, Handlers, hook};
use crate::setup::Setup;

/// `RunDataRetention` takes and gives integers.
pub(super) const INTEGERS: &str = "RunDataRetention";

/// The payload `[first, 1]` of its call.
pub(super) fn integers(first: u64) -> Vec<u8> {
    let mut payload = Vec::new();
    msgpack::put_array_len(&mut payload, 2);
    msgpack::put_uint(&mut payload, first);
    msgpack::put_uint(&mut payload, 1);
    payload
}

#[tokio::test]
async fn arguments_and_results_are_passed_on() {
    let handlers = Handlers::implementing(&[INTEGERS]).message(&hook(INTEGERS), |request| {
        assert_eq!(&request[..], b"\x08\x05\x10\x01");
        Ok(Bytes::from_static(b"\x08\x96\x01"))
    });
    let (mut setup, _program) = Setup::ready("arguments_and_results", handlers).await;
    setup.bridge.hooks().hook(INTEGERS, 9, &integers(5)).await;
    let reply = setup.bridge.hooks().expect(Kind::HookReply).await;
    assert_eq!((reply.id, &reply.payload[..]), (9, &b"\x91\xcc\x96"[..]));
}

#[tokio::test]
async fn a_message_without_bytes_is_the_neutral_answer() {
    let handlers = Handlers::implementing(&["MessageWillBePosted", "OnWebSocketConnect"])
        .message(&hook("MessageWillBePosted"), |_| Ok(Bytes::new()))
        .message(&hook("OnWebSocketConnect"), |_| Ok(Bytes::new()));
    let (mut setup, _program) = Setup::ready("neutral", handlers).await;
    for (name, payload) in [("MessageWillBePosted", &b"\x92\x80\x80"[..]), ("OnWebSocketConnect", b"\x92\xa1a\xa1b")] {
        setup.bridge.hooks().hook(name, 1, payload).await;
        let reply = setup.bridge.hooks().expect(Kind::HookReply).await;
        assert_eq!(reply.payload, b"", "{name}");
    }
}

#[tokio::test]
async fn every_call_shows_the_token() {
    let shown: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = |call: &crate::program::Call, shown: &Arc<Mutex<Vec<String>>>| {
        let value = call.metadata.get("authorization").unwrap().to_str().unwrap().to_owned();
        shown.lock().unwrap().push(value);
    };
    let mut handlers = Handlers::default();
    for (path, answer) in
        [(HEALTH.to_owned(), &b"\x08\x01"[..]), (hook("Implemented"), b""), (hook(INTEGERS), b"\x08\x01")]
    {
        let shown = shown.clone();
        handlers = handlers.later(&path, move |call, _| {
            note(&call, &shown);
            std::future::ready(Ok(Bytes::from_static(answer)))
        });
    }
    let streamed = shown.clone();
    handlers = handlers.stream(&hook("ServeHTTP"), move |call, _| {
        note(&call, &streamed);
        std::future::ready(Ok(()))
    });
    let (mut setup, _program) = Setup::ready("shows_the_token", handlers).await;
    setup.bridge.hooks().hook(INTEGERS, 1, &integers(1)).await;
    setup.bridge.hooks().expect(Kind::HookReply).await;
    setup.bridge.hooks().hook("ServeHTTP", 2, b"\x93\x80\x80\x80").await;
    while setup.bridge.hooks().next().await.unwrap().kind != Kind::HookReply {}
    let shown = shown.lock().unwrap();
    assert_eq!(shown.len(), 4);
    let digits = shown[0].strip_prefix("Bearer ").unwrap();
    assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{digits}");
    assert!(shown.iter().all(|value| *value == shown[0]));
    assert_ne!(digits, setup.bridge.token());
}

#[tokio::test]
async fn a_status_is_the_failure_of_the_hook_alone() {
    let statuses: Arc<Mutex<Option<Status>>> = Arc::default();
    let next = statuses.clone();
    let handlers = Handlers::implementing(&[INTEGERS])
        .message(&hook(INTEGERS), move |_| Err(next.lock().unwrap().clone().unwrap()));
    let (mut setup, _program) = Setup::ready("a_status", handlers).await;
    let details = mmp_grpc::rpc_status::encode(Code::NotFound, "x", "AppError", Bytes::from_static(b"\xff\xff"));
    for (id, (status, message)) in [
        (Status::internal("it broke"), "it broke"),
        (Status::new(Code::Unknown, ""), "the worker answered with the status Unknown and no message"),
        (
            Status::unimplemented("Method not found!"),
            "the worker does not implement RunDataRetention, although Implemented names it",
        ),
        (Status::with_details(Code::NotFound, "gone", details), "gone (the AppError in its details cannot be read:"),
        // Longer than most header limits, and than a frame.
        (Status::internal("é".repeat(20_000)), "éééé"),
        (Status::internal("x".repeat(4_000_000)), "xxxx"),
    ]
    .into_iter()
    .enumerate()
    {
        *statuses.lock().unwrap() = Some(status);
        setup.bridge.hooks().hook(INTEGERS, id as u32, &integers(1)).await;
        let found = setup.bridge.hooks().failure(id as u32).await;
        assert!(found.starts_with(message), "{found:.200}");
    }
}

#[tokio::test]
async fn an_app_error_comes_with_its_fields() {
    // AppError's fields are numbered by the generator, so the message is made by the table.
    let map = b"\x84\xa2id\xa5app.x\xa7message\xa4gone\xabstatus_code\xcd\x01\x94\xa5where\xa4here";
    let mut message = Vec::new();
    mmp_transcode::proto::app_error_to_proto(map, &mut message).unwrap();
    let details = mmp_grpc::rpc_status::encode(Code::NotFound, "gone", "AppError", Bytes::from(message));
    let status = Status::with_details(Code::NotFound, "gone", details);
    let handlers =
        Handlers::implementing(&["ExecuteCommand"]).message(&hook("ExecuteCommand"), move |_| Err(status.clone()));
    let (mut setup, _program) = Setup::ready("an_app_error", handlers).await;
    setup.bridge.hooks().hook("ExecuteCommand", 1, b"\x92\x80\x80").await;
    let frame = setup.bridge.hooks().expect(Kind::HookError).await;
    assert_eq!(message_of(&frame.payload), "gone");
    let mut reader = msgpack::Reader::new(&frame.payload);
    assert_eq!(reader.token(), Ok(msgpack::Token::Map(2)));
    for _ in 0..3 {
        reader.raw().unwrap();
    }
    assert_eq!(reader.raw().map(<[u8]>::to_vec).map(|app| fields(&app)), Ok(fields(map)));
}

/// The entries of a map, in the order of their keys.
fn fields(map: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut reader = msgpack::Reader::new(map);
    let Ok(msgpack::Token::Map(count)) = reader.token() else { panic!("no map") };
    let mut fields: Vec<_> =
        (0..count).map(|_| (reader.raw().unwrap().to_vec(), reader.raw().unwrap().to_vec())).collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn what_cannot_be_read_names_its_place() {
    let handlers = Handlers::implementing(&["MessageWillBePosted", "UserWillLogIn"])
        .message(&hook("UserWillLogIn"), |_| Ok(Bytes::from_static(b"\x0a\x02\xff\xfe")))
        .message(&hook("MessageWillBePosted"), |_| Ok(Bytes::from_static(b"\x0a\x05x")));
    let (mut setup, _program) = Setup::ready("names_its_place", handlers).await;
    for (id, name) in [(1, "UserWillLogIn"), (2, "MessageWillBePosted")] {
        setup.bridge.hooks().hook(name, id, b"\x92\x80\x80").await;
        let message = setup.bridge.hooks().failure(id).await;
        assert!(message.starts_with("the worker's answer cannot be read: "), "{message}");
    }
    // The bridge's own arguments.
    setup.bridge.hooks().hook("UserWillLogIn", 3, b"\x92\x80").await;
    let message = setup.bridge.hooks().failure(3).await;
    assert!(message.starts_with("the arguments cannot be passed on: "), "{message}");
}

#[tokio::test]
async fn a_hook_that_is_cancelled_is_answered_and_its_call_ends() {
    let (began, mut seen) = mpsc::unbounded_channel();
    let handlers = Handlers::implementing(&[INTEGERS]).later(&hook(INTEGERS), move |_, _| {
        let guard = Guard(began.clone());
        let _ = began.send("began");
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    });
    let (mut setup, _program) = Setup::ready("cancelled", handlers).await;
    setup.bridge.hooks().hook(INTEGERS, 4, &integers(1)).await;
    assert_eq!(seen.recv().await, Some("began"));
    setup.bridge.hooks().of_hook(Kind::Cancel, INTEGERS, 4, &[]).await;
    assert_eq!(setup.bridge.hooks().failure(4).await, "the hook was cancelled");
    assert_eq!(seen.recv().await, Some("gone"));
    // Nothing more of it comes, and a second CANCEL is of no use.
    setup.bridge.hooks().of_hook(Kind::Cancel, INTEGERS, 4, &[]).await;
    setup.bridge.hooks().send(Kind::Hook, 0, 999, 5, &[]).await;
    assert_eq!(setup.bridge.hooks().failure(5).await, "the gateway does not know the hook 999");
}

#[tokio::test]
async fn a_thousand_hooks_run_at_once() {
    const COUNT: u64 = 1000;
    let gate = Arc::new(Semaphore::new(0));
    let (began, mut seen) = mpsc::unbounded_channel();
    let open = gate.clone();
    let handlers = Handlers::implementing(&[INTEGERS]).later(&hook(INTEGERS), move |_, request| {
        let _ = began.send(());
        let gate = open.clone();
        async move {
            let _held = gate.acquire().await;
            Ok(request)
        }
    });
    let (mut setup, _program) = Setup::ready("a_thousand_hooks", handlers).await;
    for id in 0..COUNT {
        setup.bridge.hooks().hook(INTEGERS, id as u32, &integers(id)).await;
    }
    // The server takes 200 at once on a connection; none waits for the end of another.
    for _ in 0..COUNT {
        seen.recv().await.unwrap();
    }
    gate.add_permits(1);
    let mut answered = vec![false; COUNT as usize];
    for _ in 0..COUNT {
        let reply = setup.bridge.hooks().expect(Kind::HookReply).await;
        let mut expected = Vec::new();
        msgpack::put_array_len(&mut expected, 1);
        msgpack::put_uint(&mut expected, u64::from(reply.id));
        assert_eq!(reply.payload, expected);
        assert!(!std::mem::replace(&mut answered[reply.id as usize], true));
    }
}

#[tokio::test]
async fn large_messages_are_passed_on_up_to_the_limit() {
    let handlers = Handlers::implementing(&["UserWillLogIn"]).message(&hook("UserWillLogIn"), |request| {
        let size = if request.len() > 100_000 { 900_000 } else { 2_000_000 };
        let mut answer = b"\x0a".to_vec();
        prost::encoding::encode_varint(size, &mut answer);
        answer.resize(answer.len() + size as usize, b'x');
        Ok(Bytes::from(answer))
    });
    let (mut setup, _program) = Setup::ready("large_messages", handlers).await;
    let mut payload = b"\x92\x80\x81\xa8username".to_vec();
    msgpack::put_str(&mut payload, &"u".repeat(700_000));
    setup.bridge.hooks().hook("UserWillLogIn", 1, &payload).await;
    let reply = setup.bridge.hooks().expect(Kind::HookReply).await;
    assert_eq!(reply.payload.len(), 1 + 5 + 900_000);
    setup.bridge.hooks().hook("UserWillLogIn", 2, b"\x92\x80\x80").await;
    let message = setup.bridge.hooks().failure(2).await;
    assert!(message.starts_with("the worker's answer is larger than the gateway takes"), "{message}");
    assert!(message.contains(&setup.max_message.to_string()), "{message}");
}
