//! A host that waits for what it asked for.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use mmp_gob::{Decoder, Encoder, Error as GobError, Gob, Limits, Plans, gob_struct};
use mmp_goplugin::endpoint::{Handler, Kind, Link};
use mmp_goplugin::host::{HostHandler, HostSession};
use mmp_goplugin::netrpc::{Body, CallError, ConnError, RequestHead};
use mmp_goplugin::yamux::StreamId;

use crate::api::Api;
use crate::driver::Driver;
use crate::hooks::Plugin;
use crate::model::rpc;
use crate::runtime::core::{Core, End};
use crate::runtime::shared::Shared;
use crate::runtime::{io as leader, standby};
use crate::{Hooks, Start};

gob_struct! {
    /// Go's `struct{}`.
    pub(super) struct Nothing ("") {}
}

/// How long a test waits before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The host's end of the connection, and the plugin's threads.
pub(super) struct Host {
    socket: UnixStream,
    session: HostSession,
    events: Events,
    encoder: Encoder,
    next_token: u64,
    ended: mpsc::Receiver<End>,
    _runtime: tokio::runtime::Runtime,
}

/// What the plugin said.
#[derive(Default)]
struct Events {
    hooks: Option<StreamId>,
    pongs: usize,
    /// Replies as values of their own, because each is read into another type.
    replies: VecDeque<Result<Vec<u8>, String>>,
    plans: Plans,
    api_plans: Plans,
    api_encoder: Encoder,
    version: String,
    log: Vec<String>,
    /// Reads the reply that comes next.
    reader: Option<Box<ReadReply>>,
}

/// Reads a reply and writes it again, on a stream of its own.
type ReadReply = dyn FnMut(&mut Plans, Body<'_, '_>) -> Result<Vec<u8>, GobError>;

impl Handler for Events {
    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let encoder = &mut self.api_encoder;
        let version = rpc::GetServerVersionReturns { a: self.version.as_str().into() };
        if request.method.starts_with("Plugin.Log") {
            let mut args = rpc::LogInfoArgs::default();
            self.api_plans.decode(body.cursor, body.types, body.type_id, &mut args)?;
            self.log.push(args.a.to_string());
            link.reply_empty(conn, request.seq, request.method);
            return Ok(());
        }
        let sent: Result<(), crate::error::SendFailure> =
            link.reply(conn, request.seq, request.method, |out| Ok(encoder.encode(&version, out)?));
        sent.unwrap();
        Ok(())
    }

    fn response(&mut self, _: &mut Link, _: StreamId, _: u64, body: Body<'_, '_>) -> Result<(), GobError> {
        let reader = self.reader.as_mut().expect("a reply is expected");
        let value = reader(&mut self.plans, body)?;
        self.replies.push_back(Ok(value));
        Ok(())
    }

    fn call_failed(&mut self, _: &mut Link, _: StreamId, _: u64, error: CallError) {
        self.replies.push_back(Err(error.to_string()));
    }
}

impl HostHandler for Events {
    fn dispensed(&mut self, _: &mut Link, conn: StreamId) {
        self.hooks = Some(conn);
    }

    fn pong(&mut self, _: &mut Link, result: Result<(), CallError>) {
        result.unwrap();
        self.pongs += 1;
    }
}

impl Host {
    /// A host that has just connected to a plugin, and asked for its hooks.
    pub(super) fn with<H: Hooks>(make: impl FnOnce(Start) -> H) -> Host {
        let (socket, of_plugin) = UnixStream::pair().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let api = Api::unconnected();
        let plugin = Plugin::new(make(Start { api: api.clone(), driver: Driver::new(api.clone()) }));
        let (sender, ended) = mpsc::channel();
        let core = Core::new(Arc::new(plugin), sender);
        let shared = Shared::new(of_plugin, core, runtime.handle().clone()).unwrap();
        api.connect(&shared);
        standby::start(&shared);
        std::thread::spawn(move || leader::lead(&shared, 1));
        let session = HostSession::new(Instant::now()).unwrap();
        let events = Events::default();
        let mut host =
            Host { socket, session, events, encoder: Encoder::new(), next_token: 0, ended, _runtime: runtime };
        host.session.dispense().unwrap();
        host.until(|events| events.hooks.is_some());
        host
    }

    /// Exchanges bytes until something has happened.
    fn until(&mut self, happened: impl Fn(&Events) -> bool) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            self.session.tick(Instant::now(), &mut self.events);
            while !self.session.pending_output().is_empty() {
                let count = self.socket.write(self.session.pending_output()).unwrap();
                self.session.advance_output(count);
            }
            if happened(&self.events) {
                return;
            }
            let count = self.socket.read(&mut buffer).expect("the plugin says nothing");
            assert!(count > 0, "the plugin is gone");
            self.session.receive(&buffer[..count], &mut self.events);
        }
    }

    /// Calls a hook without waiting for the reply.
    pub(super) fn begin<A: Gob>(&mut self, hook: &str, args: &A) -> u64 {
        let conn = self.events.hooks.unwrap();
        let (encoder, token) = (&mut self.encoder, self.next_token);
        self.next_token += 1;
        let sent: Result<u64, crate::error::SendFailure> =
            self.session.link().call(conn, &format!("Plugin.{hook}"), token, |out| Ok(encoder.encode(args, out)?));
        sent.unwrap();
        token
    }

    /// The next reply that comes, of whatever call.
    pub(super) fn next_reply<R: Gob + Default>(&mut self) -> Result<R, String> {
        self.events.reader = Some(Box::new(|plans, body| {
            let mut reply = R::default();
            plans.decode(body.cursor, body.types, body.type_id, &mut reply)?;
            let mut bytes = Vec::new();
            Encoder::new().encode(&reply, &mut bytes)?;
            Ok(bytes)
        }));
        self.until(|events| !events.replies.is_empty());
        let bytes = self.events.replies.pop_front().unwrap()?;
        let mut decoder = Decoder::new(Limits::default());
        decoder.push(&bytes);
        Ok(decoder.decode().unwrap().unwrap())
    }

    /// Calls a hook.
    pub(super) fn call<A: Gob, R: Gob + Default>(&mut self, hook: &str, args: &A) -> Result<R, String> {
        self.begin(hook, args);
        self.next_reply()
    }

    /// Activates the plugin; `version` is what the API says of the server.
    pub(super) fn try_activate(&mut self, version: &str) -> rpc::OnActivateReturns {
        version.clone_into(&mut self.events.version);
        let link = self.session.link();
        let args = rpc::OnActivateArgs { api_mux_id: link.next_broker_id(), driver_mux_id: link.next_broker_id() };
        link.accept(args.api_mux_id, Kind::Server);
        link.accept(args.driver_mux_id, Kind::Server);
        self.call("OnActivate", &args).unwrap()
    }

    pub(super) fn activate(&mut self, version: &str) {
        assert!(self.try_activate(version).a.is_nil());
    }

    /// Asks whether the plugin is alive, and waits for its word.
    pub(super) fn ping(&mut self) {
        let before = self.events.pongs;
        self.session.ping().unwrap();
        self.until(|events| events.pongs > before);
    }

    pub(super) fn quit(&mut self) {
        let asked: Result<(), ConnError> = self.session.quit();
        asked.unwrap();
        while !self.session.pending_output().is_empty() {
            let count = self.socket.write(self.session.pending_output()).unwrap();
            self.session.advance_output(count);
        }
    }

    /// What was logged so far.
    pub(super) fn log(&self) -> Vec<String> {
        self.events.log.clone()
    }

    /// Closes the connection, and waits for the plugin to end.
    pub(super) fn end(self) -> End {
        let Host { socket, ended, .. } = self;
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        ended.recv_timeout(PATIENCE).unwrap()
    }
}
