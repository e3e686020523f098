//! API calls that the test makes in place of the worker, inside a hook that is left to it.

use mmp_transcode::generated;
use mmp_worker::frame::{Kind, OF_API};
use serde_json::Value;

use super::relay::{Frame, Hook};
use super::{Host, LIMIT};
use crate::fake::relay::CALLS;

/// A call; a hook has one at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApiCall {
    pub(crate) hook: Hook,
    method: u16,
    id: u32,
}

impl Host {
    /// A hook that is left to the test and does nothing by itself.
    #[track_caller]
    pub(crate) fn relayed(&mut self) -> Hook {
        self.post("relay");
        self.hook()
    }

    /// Calls a method of the API or of the database driver.
    pub(crate) fn api_call(&mut self, hook: Hook, method: &str, flags: u8, arguments: &Value) -> ApiCall {
        let found = generated::api_by_name(method).or_else(|| generated::driver_by_name(method));
        let method = found.expect("a method of this name").id;
        let id = CALLS + self.header_of(hook).id;
        self.send_frame(hook, Kind::ApiCall, flags, method, id, &rmp_serde::to_vec(arguments).unwrap());
        ApiCall { hook, method, id }
    }

    /// Sends a frame of one of its streams, or CANCEL.
    pub(crate) fn call_send(&mut self, call: ApiCall, kind: Kind, payload: &[u8]) {
        self.send_frame(call.hook, kind, OF_API, call.method, call.id, payload);
    }

    /// Sends a whole stream, as far as there is credit at first, and its end.
    pub(crate) fn call_body(&mut self, call: ApiCall, bytes: &[u8]) {
        bytes.chunks(65_536).for_each(|piece| self.call_send(call, Kind::Data, piece));
        self.call_send(call, Kind::End, &[]);
    }

    /// Gives credit for the stream to the worker.
    pub(crate) fn call_credit(&mut self, call: ApiCall, count: u64) {
        self.call_send(call, Kind::Credit, &rmp_serde::to_vec(&count).unwrap());
    }

    /// Waits for the next frame of a call, which must be of this kind.
    #[track_caller]
    pub(crate) fn call_frame(&mut self, call: ApiCall, kind: Kind) -> Frame {
        let frame = self.frame(call.hook);
        let flags = if matches!(kind, Kind::ApiReply | Kind::ApiError) { 0 } else { OF_API };
        assert_eq!((frame.kind, frame.flags, frame.id), (kind, flags, call.id), "{frame:?}\n{}", self.report());
        frame
    }

    /// Waits for API_REPLY, passing over the credit that comes before it.
    #[track_caller]
    pub(crate) fn call_reply(&mut self, call: ApiCall) -> Value {
        self.skip_credit(call);
        self.call_frame(call, Kind::ApiReply).value()
    }

    /// Waits for API_ERROR, passing over the credit that comes before it: its kind and message.
    #[track_caller]
    pub(crate) fn call_error(&mut self, call: ApiCall) -> (String, String) {
        self.skip_credit(call);
        let error = self.call_frame(call, Kind::ApiError).value();
        (error["kind"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
    }

    #[track_caller]
    fn skip_credit(&mut self, call: ApiCall) {
        while self.until("a frame of a call", LIMIT, |host| host.waiting_frames(call.hook).first().copied())
            == Kind::Credit
        {
            self.call_frame(call, Kind::Credit);
        }
    }

    /// Waits for so many bytes of the stream to the worker.
    #[track_caller]
    pub(crate) fn call_streamed(&mut self, call: ApiCall, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let frame = self.call_frame(call, Kind::Data);
            assert!((1..=262_144).contains(&frame.payload.len()), "a DATA of {} bytes", frame.payload.len());
            bytes.extend(frame.payload);
        }
        assert_eq!(bytes.len(), count);
        bytes
    }

    /// Waits for the end of the stream to the worker; the message, if it was broken off.
    #[track_caller]
    pub(crate) fn call_stream_end(&mut self, call: ApiCall) -> Option<String> {
        let end = self.call_frame(call, Kind::End).value();
        if end.is_null() { None } else { Some(end["message"].as_str().expect("a message").to_owned()) }
    }
}
