//! Frames: the bridge's own link code (`mmp-worker`) on an event loop of one thread, and the SDK's worker behind it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::{Events, Poll};
use mmp_transcode::generated::SCHEMA_HASH;
use mmp_transcode::generated::methods::HOOKS_BY_NAME;
use mmp_worker::connection::{Received, next_frame};
use mmp_worker::directory::PrivateDirectory;
use mmp_worker::dispatch::{Class, Dispatcher, Limits, Need, Place, Queued};
use mmp_worker::frame::{Header, Kind, put_frame};
use mmp_worker::link::{self as worker_link, Identity};
use mmp_worker::messages::{self, Failed, Log, Mode, PROTOCOL, Ready, Role, Welcome};
use mmp_worker::token::Token;

use crate::link::{LIMIT, Link};
use crate::post::{Post, Request, check};
use crate::server::Server;
use crate::venv::Python;

/// As many as the bridge opens.
const SYNC_CONNECTIONS: u32 = 4;

const PLUGIN_ID: &str = "com.example.bench-link";

/// A worker and the connections to it.
pub(crate) struct Frames {
    /// Ends before the link, so that it does not complain about a bridge that has gone.
    server: Server,
    poll: Poll,
    events: Events,
    link: worker_link::Link,
    dispatcher: Dispatcher,
    ready: bool,
    hook: u16,
    need: Need,
    _directory: PrivateDirectory,
}

/// The calls of a batch and their times.
struct Batch<'a> {
    request: &'a Request,
    started: Vec<Instant>,
    took: Vec<Duration>,
}

impl Frames {
    /// Starts the worker with a plugin of `bench/plugins`, and waits until it is ready.
    pub(crate) fn start(python: &Python, plugin: &str) -> Result<Frames> {
        let bundle = python.root.join("bench/plugins").join(plugin);
        let (poll, directory, token) = (Poll::new()?, PrivateDirectory::create()?, Token::random()?);
        let socket = directory.path().join("worker.sock");
        let mut server = Server::start(&mut worker(python, &bundle, &socket))?;
        let welcome = Welcome {
            protocol: PROTOCOL,
            plugin_id: PLUGIN_ID.to_owned(),
            bundle_path: bundle.display().to_string(),
            sync_connections: SYNC_CONNECTIONS,
            worker_index: 0,
            workers: 1,
        };
        let identity = Identity { schema: SCHEMA_HASH, token: token.clone(), welcome };
        let link = worker_link::Link::listen(&socket, 0, identity, poll.registry())?;
        // The worker waits for its token, so it cannot have come too early.
        server.tell(token.reveal())?;
        let name = "MessageWillBePosted";
        let hook = HOOKS_BY_NAME.iter().find(|(hook, _)| *hook == name).context("the schema lacks the hook")?.1;
        let mut frames = Frames {
            server,
            poll,
            events: Events::with_capacity(64),
            link,
            dispatcher: Dispatcher::new(Limits::default()),
            ready: false,
            hook,
            need: Need { mode: Mode::Sync, class: Class::Plain },
            _directory: directory,
        };
        while !frames.ready {
            frames.turn(None)?;
        }
        Ok(frames)
    }

    /// One turn of the event loop: everything that has arrived is taken, everything that there is to say is sent.
    fn turn(&mut self, mut batch: Option<&mut Batch<'_>>) -> Result<()> {
        if let Some((connection, error)) = self.link.flush().first() {
            bail!("connection {connection} cannot be written: {error}");
        }
        self.poll.poll(&mut self.events, Some(LIMIT))?;
        if self.events.is_empty() {
            bail!("the worker was silent for {} s", LIMIT.as_secs());
        }
        let arrived: Vec<_> = self.events.iter().map(|event| (event.token(), event.is_read_closed())).collect();
        for (token, closed) in arrived {
            if token == worker_link::listener_token(0) {
                self.link.accept(self.poll.registry())?;
            } else {
                self.link.writable(token.0);
                self.receive(token.0, closed, batch.as_deref_mut())?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, connection: usize, closed: bool, mut batch: Option<&mut Batch<'_>>) -> Result<()> {
        loop {
            let Some((input, received)) = self.link.receive(connection)? else { return Ok(()) };
            let mut used = 0;
            while let Some((header, payload)) = next_frame(input.bytes(), used)? {
                used = payload.end;
                self.frame(connection, header, &input.bytes()[payload], batch.as_deref_mut())?;
            }
            self.link.put_back(connection, input, used);
            match received {
                Received::Drained => return Ok(()),
                Received::Short if !closed => return Ok(()),
                Received::Short | Received::More => {}
                Received::Closed => bail!("the worker closed connection {connection}"),
            }
        }
    }

    fn frame(&mut self, from: usize, header: Header, payload: &[u8], batch: Option<&mut Batch<'_>>) -> Result<()> {
        match (header.kind, batch) {
            (Kind::HookReply, Some(batch)) => self.answered(header.id, payload, batch),
            (Kind::Hello, _) => self.hello(from, header, payload),
            (Kind::Ready, _) => self.loaded(&messages::decode(payload)?),
            (Kind::Failed, _) => bail!("the plugin: {}", messages::decode::<Failed>(payload)?.sentence()),
            (Kind::Log, _) => {
                let Log(level, message, _) = messages::decode(payload)?;
                eprintln!("{level}: {message}");
                Ok(())
            }
            (kind, _) => bail!("the worker sent {kind:?}"),
        }
    }

    fn hello(&mut self, from: usize, header: Header, payload: &[u8]) -> Result<()> {
        match self.link.hello(from, header, payload) {
            Ok((Role::Sync, _)) => self.dispatcher.connected(from, Mode::Sync),
            Ok((Role::Async, _)) => self.dispatcher.connected(from, Mode::Async),
            Ok(_) => {}
            Err(refused) => bail!("{}", refused.message),
        }
        Ok(())
    }

    fn loaded(&mut self, ready: &Ready) -> Result<()> {
        let hook = ready.hooks.iter().find(|hook| hook.0 == self.hook);
        self.need.mode = hook.context("the plugin does not handle the hook")?.1;
        self.ready = true;
        Ok(())
    }

    /// Sends a hook to the connection that the bridge would choose, or puts it into its queue.
    fn call(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        let id = u32::try_from(batch.started.len())?;
        batch.started.push(Instant::now());
        let arguments = (&batch.request.context, &batch.request.post);
        let (hook, need) = (self.hook, self.need);
        let write = |out: &mut Vec<u8>| {
            put_frame(out, Kind::Hook, hook, id, |out| rmp_serde::encode::write_named(out, &arguments))
        };
        match self.dispatcher.place(need, None) {
            Place::Connection(connection) => {
                write(self.link.output(connection).context("the connection is gone")?)?;
                self.dispatcher.started(id, need, None, connection);
            }
            Place::Queue => {
                let mut frame = Vec::new();
                write(&mut frame)?;
                self.dispatcher.enqueue(Queued { id, need, frame, since: Instant::now(), lane: None });
            }
            Place::Full => bail!("the queue is full"),
        }
        Ok(())
    }

    fn answered(&mut self, id: u32, payload: &[u8], batch: &mut Batch<'_>) -> Result<()> {
        let (post, _reason): (Option<Post>, String) = rmp_serde::from_slice(payload)?;
        let started = batch.started.get(id as usize).context("an answer to no call")?;
        batch.took.push(started.elapsed());
        check(batch.request, post.as_ref())?;
        self.dispatcher.finished(id);
        while let Some((queued, connection)) = self.dispatcher.dequeue() {
            self.link.output(connection).context("the connection is gone")?.extend_from_slice(&queued.frame);
            self.dispatcher.started(queued.id, queued.need, queued.lane, connection);
        }
        Ok(())
    }
}

impl Link for Frames {
    fn server(&self) -> &Server {
        &self.server
    }

    fn calls(&mut self, request: &Request, concurrent: usize, count: usize) -> Result<Vec<Duration>> {
        let mut batch = Batch { request, started: Vec::with_capacity(count), took: Vec::with_capacity(count) };
        while batch.took.len() < count {
            while batch.started.len() < count && batch.started.len() - batch.took.len() < concurrent {
                self.call(&mut batch)?;
            }
            self.turn(Some(&mut batch))?;
        }
        Ok(batch.took)
    }
}

/// The SDK's worker, with what the bridge gives it.
fn worker(python: &Python, bundle: &Path, socket: &Path) -> Command {
    let mut command = python.command();
    command.args(["-m", "mattermost_plugin"]).current_dir(bundle);
    command.env("MATTERMOST_PLUGIN_WORKER_SOCKET", socket).env("MATTERMOST_PLUGIN_ID", PLUGIN_ID);
    command.env("MATTERMOST_PLUGIN_PATH", bundle).env("MATTERMOST_PLUGIN_ENTRY_POINT", "plugin.py");
    command
}
