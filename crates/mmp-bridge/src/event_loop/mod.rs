//! The bridge's only thread that does work: one loop over the host's socket, the workers' sockets and their output.
//!
//! Every hop to another thread would cost more than transcoding a post does, so a frame is written by the turn of the loop that read the host's request, and a reply by the one that read the worker's.

mod links;
mod output;
mod signals;
mod workers;

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use mmp_goplugin::handshake::PluginListener;
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::SessionError;
use mmp_worker::link;
use mmp_worker::protections::{self, Protection};

use crate::core::{Core, End};
use crate::event_loop::output::Pipe;
use crate::event_loop::signals::Signals;
use crate::log::Level;
use crate::preparation::{self, Prepared, Unprepared};
use crate::supervisor::{Stop, Workers};

pub(crate) use signals::block as block_signals;

const HOST_LISTENER: Token = Token(0);
const HOST: Token = Token(1);
const WAKER: Token = Token(2);
const SIGNALS: Token = Token(3);

/// How often one connection is read, or accepted, in a turn.
const READS: usize = 16;

/// How much is read from the host at once.
const READ: usize = 256 * 1024;

/// The sockets and the state behind them.
#[derive(Debug)]
pub(crate) struct EventLoop {
    poll: Poll,
    listener: PluginListener,
    host: Option<Host>,
    core: Core,
    signals: Signals,
    prepared: mpsc::Receiver<Result<Prepared, Unprepared>>,
    buffer: Vec<u8>,
    /// What still has something to read, although no event will say so: each gets a bounded share of a turn.
    unfinished: Vec<Token>,
    _waker: Option<Arc<Waker>>,
}

/// The connection to the host, which connects once.
#[derive(Debug)]
struct Host {
    stream: UnixStream,
    session: PluginSession,
}

/// What an event says about a socket.
#[derive(Debug, Clone, Copy)]
struct Readiness {
    readable: bool,
    writable: bool,
    /// The peer has closed its end. This is said once, so it must be read for, even if data came with it.
    ended: bool,
}

impl Readiness {
    fn of(event: &mio::event::Event) -> Readiness {
        let ended = event.is_read_closed();
        Readiness { readable: event.is_readable() || ended, writable: event.is_writable(), ended }
    }
}

impl EventLoop {
    /// Sets everything up and starts to check the bundle and to look for an interpreter, which takes some milliseconds and must not keep the host waiting.
    pub(crate) fn new(listener: PluginListener, workers: Workers) -> anyhow::Result<EventLoop> {
        let poll = Poll::new().context("cannot make an event queue")?;
        listener.socket().set_nonblocking(true)?;
        poll.registry().register(&mut SourceFd(&listener.socket().as_raw_fd()), HOST_LISTENER, Interest::READABLE)?;
        let signals = Signals::new()?;
        poll.registry().register(&mut SourceFd(&signals.fd()), SIGNALS, Interest::READABLE)?;
        let mut core = Core::new(workers, Instant::now());
        if let Some(Err(sentence)) = core.workers.verdict() {
            core.log_unloadable(&sentence, &[]);
        }
        core.workers.listen(poll.registry()).context("cannot listen for the worker")?;
        let (sender, prepared) = mpsc::channel();
        let mut kept_waker = None;
        if let Some(bundle) = core.workers.bundle().cloned() {
            let own = Arc::new(Waker::new(poll.registry(), WAKER)?);
            let waker = Arc::clone(&own);
            // An event of a waker that is dropped is lost, so the loop keeps it as well.
            kept_waker = Some(own);
            std::thread::Builder::new().name("prepare".into()).spawn(move || {
                // If the loop is gone, so is the need for a worker.
                let _ = sender.send(preparation::run(&bundle));
                let _ = waker.wake();
            })?;
        }
        let buffer = vec![0; READ];
        Ok(EventLoop {
            poll,
            listener,
            host: None,
            core,
            signals,
            prepared,
            buffer,
            unfinished: Vec::new(),
            _waker: kept_waker,
        })
    }

    /// Tells the host where to connect: the one line that is ever written to standard output.
    pub(crate) fn shake_hands(&mut self) -> anyhow::Result<()> {
        if protections::is_off(Protection::EarlyHandshake) {
            std::thread::sleep(Duration::from_secs(5));
        }
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(self.listener.line().as_bytes())
            .and_then(|()| stdout.flush())
            .context("the server does not read the handshake")
    }

    /// Runs until the host is gone or asks to quit. Returns how it ended.
    pub(crate) fn run(&mut self) -> anyhow::Result<End> {
        let mut events = Events::with_capacity(256);
        loop {
            if let Some(end) = self.core.end.clone() {
                self.shut_down();
                return Ok(end);
            }
            self.wait(&mut events)?;
            self.core.now = Instant::now();
            if let Some(host) = &mut self.host {
                host.session.advance_clock(self.core.now);
            }
            for token in std::mem::take(&mut self.unfinished) {
                self.handle(token, Readiness { readable: true, writable: false, ended: true });
            }
            for event in &events {
                self.handle(event.token(), Readiness::of(event));
            }
            self.after_turn();
        }
    }

    fn wait(&mut self, events: &mut Events) -> anyhow::Result<()> {
        let session = self.host.as_ref().and_then(|host| host.session.next_deadline());
        let core = &self.core;
        let stop = core.stop.as_ref().map(Stop::deadline);
        let deadlines = [session, core.workers.deadline(), core.deadlines.next(), core.rationed_deadline(), stop];
        let timeout = deadlines.into_iter().flatten().min().map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = if self.unfinished.is_empty() { timeout } else { Some(Duration::ZERO) };
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error).context("waiting for events failed"),
            _ => Ok(()),
        }
    }

    fn handle(&mut self, token: Token, ready: Readiness) {
        match token {
            HOST_LISTENER => self.accept_host(),
            HOST if ready.readable => self.read_host(ready.ended),
            HOST => {}
            WAKER => self.prepared(),
            SIGNALS => {
                if self.signals.read() {
                    self.core.reload();
                }
            }
            token if link::index_of(token).is_some() => self.handle_link(token, ready),
            token => {
                if let Some((worker, pipe)) = Pipe::of(token) {
                    self.handle_pipe(worker, pipe);
                }
            }
        }
    }

    /// What is due at the end of every turn: deadlines, queued log lines, and writing everything that was made.
    fn after_turn(&mut self) {
        let now = self.core.now;
        self.core.check_loading();
        self.restart_workers();
        self.accept_again();
        self.core.check_lost_connections();
        self.core.check_health();
        self.core.check_draining();
        self.core.grow();
        self.report_suppressed();
        self.core.report_rationed(false);
        if let Some(host) = &mut self.host {
            self.core.check_deadlines(&mut host.session);
            self.core.refuse_stalled(&mut host.session);
            self.core.advance_stop(&mut host.session);
            host.session.tick(now, &mut self.core);
            self.core.begin_streams(host.session.link());
            self.core.begin_notice(host.session.link());
            self.core.flush_log(host.session.link());
        } else {
            self.core.log.drain_to_stderr();
        }
        self.end_failed_workers();
        if let Some(host) = &mut self.host {
            // Hooks that have moved to another worker, whose streams begin in the turn in which it gets them.
            self.core.begin_streams(host.session.link());
            // What the end of a worker had said does not wait for the next turn, which may be far.
            self.core.flush_log(host.session.link());
        }
        self.write_workers();
        self.write_host();
        self.read_held();
    }

    /// Accepts the server, which connects once. Whoever else connects is turned away.
    fn accept_host(&mut self) {
        // Whoever connects again and again gets a part of a turn only.
        for _ in 0..READS {
            let problem = match self.listener.accept() {
                Ok(stream) if self.host.is_none() => match self.watch_host(stream) {
                    Ok(()) => continue,
                    Err(error) => format!("the server's connection failed: {error}"),
                },
                Ok(_) => {
                    "a second connection to the plugin's socket was turned away: the server connects once".to_owned()
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => format!("the server's connection failed: {error}"),
            };
            self.core.log.push(Level::Error, problem, &[]);
        }
        self.unfinished.push(HOST_LISTENER);
    }

    fn watch_host(&mut self, stream: UnixStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut SourceFd(&stream.as_raw_fd()), HOST, interest)?;
        self.host = Some(Host { stream, session: PluginSession::new(self.core.now) });
        Ok(())
    }

    fn read_host(&mut self, ended: bool) {
        let Some(host) = &mut self.host else { return };
        loop {
            match host.stream.read(&mut self.buffer) {
                Ok(0) => return host.session.connection_lost(SessionError::ConnectionClosed, &mut self.core),
                Ok(n) => {
                    host.session.receive(&self.buffer[..n], &mut self.core);
                    if n < self.buffer.len() && !ended {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    return host
                        .session
                        .connection_lost(SessionError::ConnectionFailed(error.to_string()), &mut self.core);
                }
            }
        }
    }

    fn write_host(&mut self) {
        let Some(host) = &mut self.host else { return };
        while !host.session.pending_output().is_empty() {
            match host.stream.write(host.session.pending_output()) {
                Ok(n) => host.session.advance_output(n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    return host
                        .session
                        .connection_lost(SessionError::ConnectionFailed(error.to_string()), &mut self.core);
                }
            }
        }
    }

    /// The bundle is checked and an interpreter found, or the plugin cannot be started.
    fn prepared(&mut self) {
        match self.prepared.try_recv() {
            Ok(Ok(prepared)) => {
                self.core.log.push(Level::Debug, prepared.sentence(), &[]);
                if let Some(interpreter) = prepared.interpreter {
                    self.core.workers.found(interpreter);
                }
                self.start_workers();
            }
            Ok(Err(reason)) => {
                let sentence = reason.to_string();
                self.core.log_unloadable(&sentence, &[]);
                self.core.give_up(&sentence);
                self.answer_implemented();
            }
            Err(_) => {}
        }
    }

    fn answer_implemented(&mut self) {
        if let Some(host) = &mut self.host {
            self.core.answer_implemented(host.session.link());
        }
    }

    /// Writes what is left to the host, and ends the workers.
    fn shut_down(&mut self) {
        self.core.report_rationed(true);
        // The host does not log any more over a connection that it has given up: the reason why a plugin could not be activated would be lost.
        self.core.log.drain_to_stderr();
        self.write_host();
        self.core.refuse_all_calls();
        self.stop_workers();
        self.core.log.drain_to_stderr();
    }
}
