//! The worker's side of hooks that the test deals with itself, frame by frame.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use mmp_transcode::generated;
use mmp_worker::frame::{HEADER, Header, Kind, put_bytes_with};
use rustix::event::{PollFd, PollFlags};
use serde_json::Value;

use super::{Host, LIMIT};
use crate::bundle;
use crate::fake::relay::CALLS;

/// A frame of the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) id: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The payload's msgpack; nil if there is none.
    pub(crate) fn value(&self) -> Value {
        if self.payload.is_empty() { Value::Null } else { rmp_serde::from_slice(&self.payload).unwrap() }
    }

    /// The number of bytes of a CREDIT.
    pub(crate) fn credit(&self) -> usize {
        usize::try_from(self.value().as_u64().expect("a number of bytes")).unwrap()
    }
}

/// A hook that the worker leaves to the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hook(usize);

/// The connections of the fake worker to the test, one for each such hook.
#[derive(Debug)]
pub(crate) struct Relay {
    listener: UnixListener,
    hooks: Vec<Relayed>,
    /// How many of them the test knows of.
    taken: usize,
}

#[derive(Debug)]
struct Relayed {
    stream: Option<UnixStream>,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Its HOOK, once it is here.
    hook: Option<(Header, Vec<u8>)>,
    frames: VecDeque<Frame>,
}

impl Relay {
    /// Listens for the workers of a bundle.
    pub(crate) fn new(bundle: &Path) -> Relay {
        let listener = UnixListener::bind_addr(&bundle::relay_address(bundle)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Relay { listener, hooks: Vec::new(), taken: 0 }
    }

    /// What there may be something to read from, or to write to.
    pub(super) fn descriptors(&self) -> Vec<PollFd<'_>> {
        let listener = PollFd::new(&self.listener, PollFlags::IN);
        let wants =
            |hook: &Relayed| if hook.output.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let streams = self.hooks.iter().filter_map(|hook| Some(PollFd::new(hook.stream.as_ref()?, wants(hook))));
        std::iter::once(listener).chain(streams).collect()
    }

    /// Moves what can be moved.
    pub(super) fn pump(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true).unwrap();
            self.hooks.push(Relayed {
                stream: Some(stream),
                input: Vec::new(),
                output: Vec::new(),
                hook: None,
                frames: VecDeque::new(),
            });
        }
        self.hooks.iter_mut().for_each(Relayed::pump);
    }
}

impl Relayed {
    fn pump(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        while !self.output.is_empty() {
            let Ok(count) = stream.write(&self.output) else { break };
            self.output.drain(..count);
        }
        let mut buffer = [0; 65_536];
        loop {
            match stream.read(&mut buffer) {
                Ok(count) if count > 0 => self.input.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                // The worker is gone, or the hook is over.
                _ => {
                    self.stream = None;
                    break;
                }
            }
        }
        while let Some(header) = Header::parse(&self.input).unwrap()
            && self.input.len() >= HEADER + header.len
        {
            let payload = self.input[HEADER..HEADER + header.len].to_vec();
            self.input.drain(..HEADER + header.len);
            if self.hook.is_none() {
                self.hook = Some((header, payload));
            } else {
                self.frames.push_back(Frame { kind: header.kind, flags: header.flags, id: header.id, payload });
            }
        }
    }
}

impl Host {
    /// Waits for the next hook that reaches the worker.
    #[track_caller]
    pub(crate) fn hook(&mut self) -> Hook {
        let next = self.relay.taken;
        self.relay.taken += 1;
        self.until("a hook at the worker", LIMIT, |host| {
            host.relay.hooks.get(next).and_then(|hook| hook.hook.as_ref()).map(|_| Hook(next))
        })
    }

    /// How many hooks have reached the worker that the test has not looked at.
    pub(crate) fn hooks_waiting(&self) -> usize {
        self.relay.hooks.len() - self.relay.taken
    }

    /// The name of a hook.
    pub(crate) fn hook_name(&self, hook: Hook) -> &'static str {
        generated::hook(self.header_of(hook).method).unwrap().name
    }

    /// The arguments of a hook.
    pub(crate) fn arguments(&self, hook: Hook) -> Value {
        rmp_serde::from_slice(&self.relay.hooks[hook.0].hook.as_ref().unwrap().1).unwrap()
    }

    pub(crate) fn header_of(&self, hook: Hook) -> Header {
        self.relay.hooks[hook.0].hook.as_ref().unwrap().0
    }

    /// Waits for the bridge's next frame of a hook.
    #[track_caller]
    pub(crate) fn frame(&mut self, hook: Hook) -> Frame {
        self.until("a frame for the worker", LIMIT, |host| host.relay.hooks[hook.0].frames.pop_front())
    }

    /// Waits for the bridge's next frame of a hook, which must be of this kind and belong to it.
    #[track_caller]
    pub(crate) fn expect(&mut self, hook: Hook, kind: Kind) -> Frame {
        let frame = self.frame(hook);
        assert_eq!((frame.kind, frame.flags), (kind, 0), "{frame:?}\n{}", self.report());
        frame
    }

    /// The frames that have come for a hook and were not looked at.
    pub(crate) fn waiting_frames(&self, hook: Hook) -> Vec<Kind> {
        self.relay.hooks[hook.0].frames.iter().map(|frame| frame.kind).collect()
    }

    /// Waits for so many bytes of the stream to the worker.
    #[track_caller]
    pub(crate) fn streamed(&mut self, hook: Hook, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let frame = self.expect(hook, Kind::Data);
            assert!((1..=262_144).contains(&frame.payload.len()), "a DATA of {} bytes", frame.payload.len());
            bytes.extend(frame.payload);
        }
        assert_eq!(bytes.len(), count);
        bytes
    }

    /// Waits for the end of the stream to the worker; the message, if it was broken off.
    #[track_caller]
    pub(crate) fn stream_end(&mut self, hook: Hook) -> Option<String> {
        let end = self.expect(hook, Kind::End).value();
        if end.is_null() { None } else { Some(end["message"].as_str().expect("a message").to_owned()) }
    }

    /// Sends a frame of a hook as the worker does.
    pub(crate) fn send(&mut self, hook: Hook, kind: Kind, payload: &[u8]) {
        self.send_with(hook, kind, 0, payload);
    }

    /// The same with flags.
    pub(crate) fn send_with(&mut self, hook: Hook, kind: Kind, flags: u8, payload: &[u8]) {
        let Header { method, id, .. } = self.header_of(hook);
        self.send_frame(hook, kind, flags, method, id, payload);
    }

    pub(super) fn send_frame(&mut self, hook: Hook, kind: Kind, flags: u8, method: u16, id: u32, payload: &[u8]) {
        put_bytes_with(&mut self.relay.hooks[hook.0].output, kind, flags, method, id, payload);
    }

    /// Sends a frame whose payload is one value of msgpack.
    pub(crate) fn send_value(&mut self, hook: Hook, kind: Kind, value: &Value) {
        self.send(hook, kind, &rmp_serde::to_vec(value).unwrap());
    }

    /// Sends the status and the headers of a response.
    pub(crate) fn send_head(&mut self, hook: Hook, status: i64, headers: &Value) {
        self.send_value(hook, Kind::Head, &serde_json::json!([status, headers]));
    }

    /// Gives the bridge credit.
    pub(crate) fn send_credit(&mut self, hook: Hook, count: u64) {
        self.send_value(hook, Kind::Credit, &count.into());
    }

    /// Ends a hook with an empty answer.
    pub(crate) fn reply(&mut self, hook: Hook) {
        self.send(hook, Kind::HookReply, &[]);
    }

    /// Ends a hook as one whose handler failed.
    pub(crate) fn fail(&mut self, hook: Hook, message: &str) {
        self.send_value(hook, Kind::HookError, &serde_json::json!({ "message": message }));
    }

    /// Makes an API call inside a hook and waits for its answer: everything that was sent before has been dealt with then, and what it brought about at the host has arrived there.
    #[track_caller]
    pub(crate) fn settle(&mut self, hook: Hook) {
        let id = CALLS + self.header_of(hook).id;
        let method = generated::api_by_name("GetServerVersion").unwrap().id;
        self.send_frame(hook, Kind::ApiCall, 0, method, id, b"\x90");
        self.until("the answer to an API call", LIMIT, |host| {
            let frames = &mut host.relay.hooks[hook.0].frames;
            let at = frames.iter().position(|frame| frame.kind == Kind::ApiReply && frame.id == id)?;
            frames.remove(at)
        });
    }

    /// Whether the worker's connection of a hook is gone.
    #[track_caller]
    pub(crate) fn worker_left(&mut self, hook: Hook) {
        self.until("the end of the worker", LIMIT, |host| host.relay.hooks[hook.0].stream.is_none().then_some(()));
    }
}
