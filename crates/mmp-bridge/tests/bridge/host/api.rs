//! The plugin API that the host serves, and the calls that wait for the plugin.

use std::any::Any as StdAny;
use std::collections::{HashMap, VecDeque};

use mmp_gob::{Cursor, Encoder, Error, GoString, Gob, Plans, Ptr, TypeId, Types};
use mmp_goplugin::endpoint::{Handler, Kind, Link};
use mmp_goplugin::host::HostHandler;
use mmp_goplugin::netrpc::{Body, CallError, ConnError, RequestHead};
use mmp_goplugin::yamux::StreamId;
use mmp_model::rpc;

use super::Administration;
use super::driver::Driver;
use super::log::Entry;
use super::served::{End, ServedCalls};
use super::streams::Streams;

type Answer = Result<Box<dyn StdAny>, String>;
type Decode = Box<dyn FnMut(&mut Plans, TypeId, &mut Cursor<'_>, &mut Types) -> Result<Box<dyn StdAny>, Error> + Send>;

/// The events of the session.
#[derive(Default)]
pub(crate) struct Api {
    pub(crate) hooks: Option<StreamId>,
    pub(crate) hooks_encoder: Encoder,
    hooks_plans: Plans,
    waiting: HashMap<u64, Decode>,
    done: HashMap<u64, Answer>,
    next: u64,
    pub(crate) api: Option<StreamId>,
    offered: Option<u32>,
    api_encoder: Encoder,
    pub(super) api_plans: Plans,
    pub(crate) pong: Option<Result<(), String>>,
    pub(crate) logged: Vec<Entry>,
    /// API calls with streams, and the database.
    pub(crate) served: ServedCalls,
    pub(crate) driver: Driver,
    /// HTTP requests and uploads.
    pub(crate) streams: Streams,
    /// Whether KVGet is left unanswered.
    pub(crate) holds: bool,
    /// Whether log calls are left unanswered.
    pub(crate) holds_log: bool,
    /// Those that are.
    held: Vec<(u64, String)>,
    /// Users, bots and commands.
    pub(crate) administration: Administration,
    /// How many calls of KVGet came.
    pub(crate) gets: usize,
    /// Posts that the plugin creates, whose hook is called next.
    created: VecDeque<(u64, Ptr<mmp_model::Post>)>,
    /// The sequence numbers of CreatePost, by the tokens of the hooks that it called.
    creating: HashMap<u64, u64>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Api").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl Api {
    /// A token for a call whose reply is decoded into `reply`.
    pub(crate) fn expect<R: Gob + Clone + Send>(&mut self, reply: R) -> u64 {
        self.next += 1;
        let decode: Decode = Box::new(move |plans, id, cursor, types| {
            let mut reply = reply.clone();
            plans.decode(cursor, types, id, &mut reply)?;
            Ok(Box::new(reply))
        });
        self.waiting.insert(self.next, decode);
        self.next
    }

    /// A call has failed.
    pub(crate) fn fail(&mut self, token: u64, error: String) {
        self.waiting.remove(&token);
        self.done.insert(token, Err(error));
    }

    /// Takes a result.
    pub(crate) fn take<R: 'static>(&mut self, token: u64) -> Option<Result<R, String>> {
        let answer = self.done.remove(&token)?;
        Some(answer.map(|value| *value.downcast::<R>().unwrap()))
    }

    /// Whether a result is there.
    pub(crate) fn is_done(&self, token: u64) -> bool {
        self.done.contains_key(&token)
    }

    /// Numbers for the plugin to dial: that of the API and that of the database.
    pub(crate) fn offer(&mut self, link: &mut Link) -> (u32, u32) {
        let (api, driver) = (link.next_broker_id(), link.next_broker_id());
        link.accept(api, Kind::Server);
        link.accept(driver, Kind::Server);
        self.offered = Some(api);
        self.driver.offered = Some(driver);
        (api, driver)
    }

    /// Calls the hooks of posts that were created, and answers CreatePost when they are through.
    pub(crate) fn answer(&mut self, link: &mut Link) {
        let finished: Vec<(u64, u64)> = self
            .creating
            .iter()
            .filter(|(token, _)| self.done.contains_key(token))
            .map(|(token, seq)| (*token, *seq))
            .collect();
        for (token, seq) in finished {
            self.creating.remove(&token);
            let returned = self.take::<rpc::MessageWillBePostedReturns>(token).unwrap();
            if let Ok(returned) = &returned {
                self.administration.posted(returned);
            }
            let post = returned.map(|returned| returned.a).unwrap_or_default();
            self.reply(link, seq, "CreatePost", &rpc::CreatePostReturns { a: post, b: None });
        }
        while let Some((seq, post)) = self.created.pop_front() {
            let arguments = rpc::MessageWillBePostedArgs { a: super::calls::context(), b: post.clone() };
            let token = self.expect(rpc::MessageWillBePostedReturns { a: post, b: GoString::default() });
            self.creating.insert(token, seq);
            let encoder = &mut self.hooks_encoder;
            let called = link.call(self.hooks.unwrap(), "Plugin.MessageWillBePosted", token, |out| {
                encoder.encode(&arguments, out).unwrap();
                Ok::<(), ConnError>(())
            });
            if let Err(error) = called {
                self.fail(token, error.to_string());
            }
        }
    }

    /// Answers the log calls that were held.
    pub(crate) fn release_log(&mut self, link: &mut Link) {
        self.holds_log = false;
        for (seq, name) in std::mem::take(&mut self.held) {
            self.reply(link, seq, &name, &rpc::LogInfoReturns::default());
        }
    }

    pub(super) fn reply<R: Gob>(&mut self, link: &mut Link, seq: u64, method: &str, reply: &R) {
        let encoder = &mut self.api_encoder;
        // The plugin may be gone; then nobody waits for this.
        let _ = link.reply(self.api.unwrap(), seq, &format!("Plugin.{method}"), |out| {
            encoder.encode(reply, out).unwrap();
            Ok::<(), ConnError>(())
        });
    }

    fn serve(&mut self, link: &mut Link, request: RequestHead<'_>, body: Body<'_, '_>) -> Result<(), Error> {
        let seq = request.seq;
        let name = request.method.trim_start_matches("Plugin.");
        let Body { type_id, cursor, types } = body;
        let served = Body { type_id, cursor: &mut *cursor, types: &mut *types };
        if let Some(taken) = self.served.take(&mut self.api_plans, request, served) {
            return taken;
        }
        match name {
            "GetServerVersion" => self.reply(link, seq, name, &rpc::GetServerVersionReturns { a: "11.6.0".into() }),
            "KVGet" => {
                let mut arguments = rpc::KVGetArgs::default();
                self.api_plans.decode(cursor, types, type_id, &mut arguments)?;
                self.gets += 1;
                if !self.holds {
                    let value = value_of(&arguments.a);
                    self.reply(link, seq, name, &rpc::KVGetReturns { a: value.into(), b: None });
                }
            }
            "LogDebug" | "LogInfo" | "LogWarn" | "LogError" => {
                // The four have the same fields, and gob goes by names.
                let mut arguments = rpc::LogInfoArgs::default();
                self.api_plans.decode(cursor, types, type_id, &mut arguments)?;
                self.log(name, &arguments);
                if self.holds_log {
                    self.held.push((seq, name.to_owned()));
                } else {
                    self.reply(link, seq, name, &rpc::LogInfoReturns::default());
                }
            }
            "CreatePost" => {
                let mut arguments = rpc::CreatePostArgs::default();
                self.api_plans.decode(cursor, types, type_id, &mut arguments)?;
                self.created.push_back((seq, arguments.a));
            }
            _ => {
                let body = Body { type_id, cursor, types };
                return self.administer(link, seq, name, body).unwrap_or_else(|| {
                    link.reply_error(self.api.unwrap(), seq, request.method, &request.refusal("Plugin"));
                    Ok(())
                });
            }
        }
        Ok(())
    }

    fn log(&mut self, name: &str, arguments: &rpc::LogInfoArgs) {
        let text = |value: &mmp_gob::Any| value.get::<GoString>().unwrap().to_string();
        let fields = arguments.b.chunks(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
        let level = name.trim_start_matches("Log").to_lowercase();
        self.logged.push(Entry { level, message: arguments.a.to_string(), fields, through_api: true });
    }
}

/// The value of a key: `size:N` has N bytes.
fn value_of(key: &str) -> Vec<u8> {
    key.strip_prefix("size:").map_or(b"value".to_vec(), |size| vec![b'v'; size.parse().unwrap()])
}

impl Handler for Api {
    fn ready(&mut self, _: &mut Link, stream: StreamId, broker_id: u32) {
        // Numbers of streams that the plugin opened are the host's own.
        if !stream.is_clients() && self.offered == Some(broker_id) {
            self.api = Some(stream);
        }
        if !stream.is_clients() && self.driver.offered == Some(broker_id) {
            self.driver.conn = Some(stream);
        }
        if !stream.is_clients() {
            self.streams.ready(stream, broker_id);
        }
    }

    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), Error> {
        if Some(conn) == self.api {
            return self.serve(link, request, body);
        }
        if Some(conn) == self.driver.conn {
            return self.driver.serve(link, request, body);
        }
        self.streams.request(link, conn, request, body).expect("a call of the API or of a response writer")
    }

    fn response(&mut self, _: &mut Link, _: StreamId, token: u64, body: Body<'_, '_>) -> Result<(), Error> {
        let Body { type_id, cursor, types } = body;
        let decode = self.waiting.get_mut(&token).expect("an answer to a call");
        let value = decode(&mut self.hooks_plans, type_id, cursor, types)?;
        self.waiting.remove(&token);
        self.done.insert(token, Ok(value));
        self.streams.answered(token);
        Ok(())
    }

    fn call_failed(&mut self, _: &mut Link, _: StreamId, token: u64, error: CallError) {
        self.fail(token, error.to_string());
    }

    fn conn_closed(&mut self, link: &mut Link, conn: StreamId, _: ConnError) {
        self.served.ended(conn, End::Reset);
        self.streams.finished(link, conn);
    }

    fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {
        let known = self.served.data(link, stream, bytes) || self.streams.data(link, stream, bytes);
        assert!(known, "bytes on a stream that nobody knows");
    }

    fn writable(&mut self, link: &mut Link, stream: StreamId) {
        self.streams.writable(link, stream);
    }

    fn finished(&mut self, link: &mut Link, stream: StreamId) {
        self.served.ended(stream, End::Closed);
        self.streams.finished(link, stream);
    }
}

impl HostHandler for Api {
    fn dispensed(&mut self, _: &mut Link, conn: StreamId) {
        self.hooks = Some(conn);
    }

    fn dispense_failed(&mut self, _: &mut Link, error: CallError) {
        panic!("the hooks are not dispensed: {error}");
    }

    fn pong(&mut self, _: &mut Link, result: Result<(), CallError>) {
        self.pong = Some(result.map_err(|error| error.to_string()));
    }
}
