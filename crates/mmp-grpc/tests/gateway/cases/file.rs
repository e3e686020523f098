//! FileWillBeUploaded.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mmp_worker::frame::Kind;
use tonic::Status;

use crate::bridge::broken;
use crate::messages::{end, field, one, opened};
use crate::program::{Handlers, hook};
use crate::setup::Setup;

const FILE: &str = "FileWillBeUploaded";

/// `[context, info]`.
const ARGUMENTS: &[u8] = b"\x92\x80\x81\xa4name\xa5a.txt";

/// `FileWillBeUploadedResult` that refuses the file.
fn refusal() -> Bytes {
    one(1, &field(2, b"no"))
}

#[tokio::test]
async fn a_file_is_looked_at_and_replaced() {
    let handlers = Handlers::implementing(&[FILE]).stream(&hook(FILE), |mut call, answers| async move {
        let (tag, start) = opened(&call.messages.message().await?.unwrap());
        assert_eq!((tag, start.windows(5).any(|part| part == b"a.txt")), (1, true));
        let (_, part) = opened(&call.messages.message().await?.unwrap());
        let replacement = part.to_ascii_uppercase();
        assert_eq!(opened(&call.messages.message().await?.unwrap()), (3, Bytes::new()));
        assert!(call.messages.message().await?.is_none(), "nothing can follow the file");
        answers.send(Ok(one(2, &replacement))).await.unwrap();
        answers.send(Ok(end(""))).await.unwrap();
        answers.send(Ok(refusal())).await.unwrap();
        Ok(())
    });
    let (mut setup, _program) = Setup::ready("looked_at", handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(FILE, 6, ARGUMENTS).await;
    assert_eq!(hooks.credit().await, 65_536);
    hooks.data(FILE, 6, b"text").await;
    hooks.of_hook(Kind::End, FILE, 6, &[]).await;
    let part = hooks.other().await;
    assert_eq!((part.kind, part.id, &part.payload[..]), (Kind::Data, 6, &b"TEXT"[..]));
    assert_eq!(hooks.other().await.kind, Kind::End);
    let reply = hooks.other().await;
    assert_eq!((reply.kind, &reply.payload[..]), (Kind::HookReply, &b"\x92\xc0\xa2no"[..]));
}

/// What a program answers, and which frames of the hook the bridge gets.
async fn answers(test: &'static str, messages: Vec<Bytes>, status: Result<(), Status>) -> Vec<(Kind, Vec<u8>)> {
    let answer = Arc::new(Mutex::new(Some((messages, status))));
    let handlers = Handlers::implementing(&[FILE]).stream(&hook(FILE), move |_, answers| {
        let (messages, status) = answer.lock().unwrap().take().unwrap();
        async move {
            for message in messages {
                if answers.send(Ok(message)).await.is_err() {
                    break;
                }
            }
            status
        }
    });
    let (mut setup, _program) = Setup::ready(test, handlers).await;
    let hooks = setup.bridge.hooks();
    hooks.hook(FILE, 6, ARGUMENTS).await;
    let mut frames = Vec::new();
    loop {
        let frame = hooks.other().await;
        frames.push((frame.kind, frame.payload));
        if matches!(frame.kind, Kind::HookReply | Kind::HookError) {
            return frames;
        }
    }
}

#[tokio::test]
async fn nothing_at_all_and_an_empty_result_are_the_neutral_answer() {
    let neutral = [(Kind::HookReply, Vec::new())];
    assert_eq!(answers("nothing_at_all", vec![], Ok(())).await, neutral);
    assert_eq!(answers("empty_result", vec![one(1, b"")], Ok(())).await, neutral);
}

/// The result is the verdict, even of a program that goes on, fails afterwards or never ends the call.
#[tokio::test]
async fn nothing_behind_the_result_takes_it_back() {
    let refused = [(Kind::HookReply, b"\x92\xc0\xa2no".to_vec())];
    for (behind, status) in [
        (vec![one(2, b"x")], Ok(())),
        (vec![one(1, b"")], Ok(())),
        (vec![Bytes::from_static(b"\xff")], Ok(())),
        (vec![], Err(Status::internal("it broke"))),
    ] {
        assert_eq!(answers("behind_the_result", [vec![refusal()], behind].concat(), status).await, refused);
    }
    let handlers = Handlers::implementing(&[FILE]).stream(&hook(FILE), |_, answers| async move {
        answers.send(Ok(refusal())).await.unwrap();
        std::future::pending().await
    });
    let (mut setup, _program) = Setup::ready("never_ends", handlers).await;
    setup.bridge.hooks().hook(FILE, 6, ARGUMENTS).await;
    let reply = setup.bridge.hooks().other().await;
    assert_eq!((reply.kind, reply.payload), refused[0]);
}

/// A handler that still has something to do behind its result is not cancelled.
#[tokio::test]
async fn a_program_may_end_the_call_in_its_own_time() {
    let (proceed, tell) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (waiting, told) = (proceed.clone(), tell.clone());
    let handlers = Handlers::implementing(&[FILE]).stream(&hook(FILE), move |_, answers| {
        let (waiting, tell) = (waiting.clone(), tell.clone());
        async move {
            answers.send(Ok(refusal())).await.unwrap();
            waiting.notified().await;
            tell.notify_one();
            Ok(())
        }
    });
    let (mut setup, _program) = Setup::ready("own_time", handlers).await;
    setup.bridge.hooks().hook(FILE, 6, ARGUMENTS).await;
    assert_eq!(setup.bridge.hooks().other().await.kind, Kind::HookReply);
    proceed.notify_one();
    told.notified().await;
}

#[tokio::test]
async fn a_replacement_may_be_broken_off() {
    let frames = answers("broken_off", vec![one(2, b"half"), end("disk full")], Ok(())).await;
    assert_eq!(frames[..2], [(Kind::Data, b"half".to_vec()), (Kind::End, broken("disk full"))]);
    assert_eq!(frames[2].0, Kind::HookReply, "the bridge knows that the replacement is not whole");
}

#[tokio::test]
async fn what_goes_wrong_fails_the_hook() {
    for (messages, status, words) in [
        (vec![one(2, b"half")], Err(Status::internal("it broke")), "it broke"),
        (vec![end(""), one(2, b"x")], Ok(()), "data behind the end"),
        (vec![end(""), end("")], Ok(()), "a second end"),
        (vec![Bytes::new()], Ok(()), "an empty message"),
        (vec![one(1, b"\x12\x01\xff")], Ok(()), "the worker's result cannot be read"),
    ] {
        let frames = answers("what_goes_wrong", messages, status).await;
        let (kind, payload) = frames.last().unwrap();
        assert_eq!(*kind, Kind::HookError);
        let message = crate::bridge::message_of(payload);
        assert!(message.contains(words), "{message}");
    }
}
