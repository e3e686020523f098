//! The bridge's only thread that does work: one loop over the host's socket, the worker's sockets and its output.
//!
//! Every hop to another thread would cost more than transcoding a post does, so a frame is written by the turn of the loop that read the host's request, and a reply by the one that read the worker's.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::process::{ChildStderr, ChildStdout};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use mmp_goplugin::handshake::PluginListener;
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::SessionError;
use mmp_worker::connection::Received;
use mmp_worker::link::LISTENER;
use mmp_worker::output::Lines;

use crate::core::{Core, End};
use crate::interpreter::{self, Interpreter, NoInterpreter};
use crate::log::Level;
use crate::manifest::Runtime;
use crate::worker::Worker;

const HOST_LISTENER: Token = Token(0);
const HOST: Token = Token(1);
const LIFELINE: Token = Token(2);
const STDOUT: Token = Token(3);
const STDERR: Token = Token(4);
const WAKER: Token = Token(5);

/// How often one connection of the worker is read in a turn.
const READS: usize = 16;

/// How much is read from the host at once.
const READ: usize = 256 * 1024;

/// The server waits 2 s for the process to end after Quit; the worker gets most of that.
const STOP_PATIENCE: Duration = Duration::from_millis(1500);

/// The sockets and the state behind them.
#[derive(Debug)]
pub(crate) struct EventLoop {
    poll: Poll,
    listener: PluginListener,
    host: Option<Host>,
    core: Core,
    stdout: Option<Lines<ChildStdout>>,
    stderr: Option<Lines<ChildStderr>>,
    found: mpsc::Receiver<Result<Interpreter, NoInterpreter>>,
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
    /// Sets everything up and starts looking for an interpreter, which takes some milliseconds and must not keep the host waiting.
    pub(crate) fn new(listener: PluginListener, worker: Worker) -> anyhow::Result<EventLoop> {
        let poll = Poll::new().context("cannot make an event queue")?;
        listener.socket().set_nonblocking(true)?;
        poll.registry().register(&mut SourceFd(&listener.socket().as_raw_fd()), HOST_LISTENER, Interest::READABLE)?;
        let mut core = Core::new(worker, Instant::now());
        if let Some(Err(sentence)) = core.worker.verdict() {
            core.log_unloadable(&sentence, &[]);
        }
        core.worker.listen(poll.registry()).context("cannot listen for the worker")?;
        let (sender, found) = mpsc::channel();
        let mut kept_waker = None;
        let bundle = core.worker.bundle().cloned();
        if let Some((bundle, Runtime::Python(python))) = bundle.map(|bundle| (bundle.clone(), bundle.runtime)) {
            let own = Arc::new(Waker::new(poll.registry(), WAKER)?);
            let waker = Arc::clone(&own);
            // An event of a waker that is dropped is lost, so the loop keeps it as well.
            kept_waker = Some(own);
            std::thread::Builder::new().name("find-python".into()).spawn(move || {
                // If the loop is gone, so is the need for an interpreter.
                let _ = sender.send(interpreter::find(&bundle, &python));
                let _ = waker.wake();
            })?;
        }
        let buffer = vec![0; READ];
        Ok(EventLoop {
            poll,
            listener,
            host: None,
            core,
            stdout: None,
            stderr: None,
            found,
            buffer,
            unfinished: Vec::new(),
            _waker: kept_waker,
        })
    }

    /// Tells the host where to connect: the one line that is ever written to standard output.
    pub(crate) fn shake_hands(&mut self) -> anyhow::Result<()> {
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(self.listener.line().as_bytes())
            .and_then(|()| stdout.flush())
            .context("the server does not read the handshake")
    }

    /// Runs until the host is gone or asks to quit. Returns how it ended.
    pub(crate) fn run(&mut self) -> anyhow::Result<End> {
        if self.core.worker.bundle().is_some_and(|bundle| matches!(bundle.runtime, Runtime::Grpc(_))) {
            self.start_worker();
        }
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
        let deadlines = [session, core.worker.deadline(), core.dispatcher.deadline(), core.lost_connection_deadline()];
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
            LIFELINE => self.worker_exited(None),
            STDOUT => self.read_stdout(),
            STDERR => self.read_stderr(),
            WAKER => self.interpreter_found(),
            LISTENER => self.accept_worker(),
            Token(connection) => {
                if ready.writable
                    && let Some(link) = &mut self.core.worker.link
                {
                    link.writable(connection);
                }
                if ready.readable {
                    self.read_worker(connection, ready.ended);
                }
            }
        }
    }

    /// What is due at the end of every turn: deadlines, queued log lines, and writing everything that was made.
    fn after_turn(&mut self) {
        let now = self.core.now;
        if let Some(sentence) = self.core.worker.overdue(now) {
            self.core.fail_worker(&sentence);
        }
        if self.core.worker.restart_due(now) {
            self.start_worker();
        }
        self.core.check_lost_connection();
        self.core.grow();
        if let Some(host) = &mut self.host {
            self.core.refuse_stalled(&mut host.session);
            host.session.tick(now, &mut self.core);
            self.core.begin_streams(host.session.link());
            self.core.flush_log(host.session.link());
        } else {
            self.core.log.queue.drain_to_stderr();
        }
        if let Some(reason) = self.core.take_worker_failure() {
            self.worker_exited(Some(reason));
        }
        self.write_worker();
        self.write_host();
    }

    fn write_worker(&mut self) {
        let Some(link) = &mut self.core.worker.link else { return };
        let failed = link.flush();
        self.unfinished.extend(link.unchoked().into_iter().map(Token));
        for (connection, error) in failed {
            // A connection that the worker has closed is not worth a word: its end has one.
            let problem = (error.kind() == io::ErrorKind::Other).then(|| error.to_string());
            self.connection_broken(connection, problem);
        }
    }

    fn accept_host(&mut self) {
        if self.host.is_some() {
            return;
        }
        let accepted = self.listener.accept().and_then(|stream| {
            stream.set_nonblocking(true)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut SourceFd(&stream.as_raw_fd()), HOST, interest)?;
            Ok(stream)
        });
        match accepted {
            Ok(stream) => self.host = Some(Host { stream, session: PluginSession::new(self.core.now) }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.core.log.push(Level::Error, format!("the server's connection failed: {error}"), &[]),
        }
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

    fn interpreter_found(&mut self) {
        match self.found.try_recv() {
            Ok(Ok(interpreter)) => {
                self.core.worker.found(interpreter);
                self.start_worker();
            }
            Ok(Err(none)) => {
                let sentence = none.to_string();
                self.core.log_unloadable(&sentence, &[]);
                self.core.worker.give_up(sentence);
                self.answer_implemented();
            }
            Err(_) => {}
        }
    }

    fn start_worker(&mut self) {
        let started = self.core.worker.start(self.core.now).and_then(|output| self.watch(output));
        if let Err(error) = started {
            self.worker_exited(Some(format!("the plugin's worker cannot be started: {error}")));
        }
    }

    fn watch(&mut self, output: Option<mmp_worker::process::Output>) -> io::Result<()> {
        let Some(output) = output else { return Ok(()) };
        let registry = self.poll.registry();
        self.stdout = output.stdout.map(Lines::new).transpose()?;
        self.stderr = output.stderr.map(Lines::new).transpose()?;
        if let Some(pipe) = &self.stdout {
            registry.register(&mut SourceFd(&pipe.fd()), STDOUT, Interest::READABLE)?;
        }
        if let Some(pipe) = &self.stderr {
            registry.register(&mut SourceFd(&pipe.fd()), STDERR, Interest::READABLE)?;
        }
        if let Some(lifeline) = self.core.worker.process.as_mut().and_then(|process| process.lifeline_mut()) {
            registry.register(lifeline, LIFELINE, Interest::READABLE)?;
        }
        Ok(())
    }

    fn accept_worker(&mut self) {
        let Some(link) = &mut self.core.worker.link else { return };
        match link.accept(self.poll.registry()) {
            Ok(0) => {}
            Ok(strangers) => {
                let message = "a process of another user tried to connect to the worker link and was turned away";
                self.core.log.push(Level::Error, message, &[("connections", &strangers.to_string())]);
            }
            Err(error) => self.core.log.push(Level::Error, format!("a worker's connection failed: {error}"), &[]),
        }
    }

    fn read_worker(&mut self, connection: usize, ended: bool) {
        for _ in 0..READS {
            if self.core.worker.link.as_mut().is_some_and(|link| link.is_choked(connection)) {
                return;
            }
            let (input, received) = match self.core.worker.receive(connection) {
                Ok(Some(read)) => read,
                Ok(None) => return,
                Err(_) => return self.connection_closed(connection),
            };
            let used = self.core.frames(self.host.as_mut().map(|host| &mut host.session), connection, input.bytes());
            match used {
                Ok(used) => {
                    if let Some(link) = &mut self.core.worker.link {
                        link.put_back(connection, input, used);
                    }
                }
                Err(problem) => {
                    return self.connection_broken(connection, problem);
                }
            }
            match received {
                Received::Drained => return,
                Received::Short if !ended => return,
                Received::Short | Received::More => {}
                Received::Closed => return self.connection_closed(connection),
            }
        }
        self.unfinished.push(Token(connection));
    }

    fn connection_broken(&mut self, connection: usize, problem: Option<String>) {
        let role = self.core.worker.link.as_mut().and_then(|link| link.get_mut(connection)).and_then(|c| c.role);
        if let Some(problem) = problem {
            self.core.protocol_broken(role, problem);
        }
        self.connection_closed(connection);
    }

    fn connection_closed(&mut self, connection: usize) {
        let role = self.core.worker.link.as_mut().and_then(|link| link.close(connection, self.poll.registry()));
        self.core.connection_closed(self.host.as_mut().map(|host| &mut host.session), connection, role);
    }

    fn read_stdout(&mut self) {
        let log = &mut self.core.log;
        let open =
            self.stdout.as_mut().map(|pipe| pipe.read(|line| log.push(Level::Info, line, &[("source", "stdout")])));
        match open {
            Some(Ok(Received::Drained | Received::Short)) => {}
            Some(Ok(Received::More)) => self.unfinished.push(STDOUT),
            _ => close_pipe(&mut self.stdout, &self.poll),
        }
    }

    fn read_stderr(&mut self) {
        let Core { log, worker, .. } = &mut self.core;
        let open = self.stderr.as_mut().map(|pipe| {
            pipe.read(|line| {
                worker.remember(line);
                log.push(Level::Info, line, &[("source", "stderr")]);
            })
        });
        match open {
            Some(Ok(Received::Drained | Received::Short)) => {}
            Some(Ok(Received::More)) => self.unfinished.push(STDERR),
            _ => close_pipe(&mut self.stderr, &self.poll),
        }
    }

    /// The guard has exited, or the worker is to be treated as if it had.
    fn worker_exited(&mut self, reason: Option<String>) {
        let exit = self.core.worker.process.take().and_then(|mut process| {
            process.kill();
            let exit = process.wait().ok();
            mmp_worker::guard::kill_orphans();
            exit
        });
        // What was written before the end is in the pipes and the sockets still: a FAILED frame, a traceback. A connection that waits to be accepted must not be taken for one of the next worker.
        self.accept_worker();
        self.read_connections();
        self.read_stdout();
        self.read_stderr();
        let reason = reason.or_else(|| self.core.take_worker_failure());
        close_pipe(&mut self.stdout, &self.poll);
        close_pipe(&mut self.stderr, &self.poll);
        if let Some(link) = &mut self.core.worker.link {
            link.close_all(self.poll.registry());
        }
        self.unfinished.clear();
        self.core.worker_ended(self.host.as_mut().map(|host| &mut host.session), exit, reason.as_deref());
        self.answer_implemented();
    }

    fn read_connections(&mut self) {
        let connections: Vec<usize> = self.core.worker.link.as_ref().map(|link| link.ids()).unwrap_or_default();
        for connection in connections {
            self.read_worker(connection, true);
        }
    }

    fn answer_implemented(&mut self) {
        if let Some(host) = &mut self.host {
            self.core.answer_implemented(host.session.link());
        }
    }

    /// Writes what is left to the host, asks the worker to finish and waits for that, then makes sure that nothing of it is left.
    fn shut_down(&mut self) {
        if let Some(host) = &mut self.host {
            self.core.flush_log(host.session.link());
        }
        self.write_host();
        self.core.worker.stopping();
        self.core.refuse_all_calls();
        self.core.worker.ask_to_stop();
        let deadline = Instant::now() + STOP_PATIENCE;
        if let Some(mut process) = self.core.worker.process.take() {
            while matches!(process.try_wait(), Ok(None)) && Instant::now() < deadline {
                self.write_worker();
                self.read_connections();
                self.read_stdout();
                self.read_stderr();
                std::thread::sleep(Duration::from_millis(2));
            }
            process.kill();
            // The guard is gone, or is killing the worker and follows it.
            let _ = process.wait();
        }
        self.read_connections();
        self.read_stdout();
        self.read_stderr();
        self.core.log.queue.drain_to_stderr();
    }
}

fn close_pipe<P: io::Read + std::os::fd::AsFd + std::os::fd::AsRawFd>(pipe: &mut Option<Lines<P>>, poll: &Poll) {
    if let Some(pipe) = pipe.take() {
        // Closing the descriptor ends the registration as well.
        let _ = poll.registry().deregister(&mut SourceFd(&pipe.fd()));
    }
}
