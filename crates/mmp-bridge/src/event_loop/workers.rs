//! The event loop's workers: their pipes, their connections, their ends.

use std::io;
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use mmp_worker::connection::Received;
use mmp_worker::link;
use mmp_worker::output::{Item, Lines};
use mmp_worker::process::Output;

use super::{EventLoop, READS, Readiness};
use crate::core::Core;
use crate::log::{Level, Log};
use crate::metrics::Metrics;
use crate::supervisor::Worker;

/// The server waits 2 s for the process to end after Quit; the workers get most of that, and are told to end by a signal half-way.
const STOP_PATIENCE: Duration = Duration::from_millis(1500);
const TERMINATE_AFTER: Duration = Duration::from_millis(700);

/// How long after a connection could not be accepted it is tried again.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

/// A pipe of a worker's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pipe {
    Lifeline,
    Stdout,
    Stderr,
}

impl Pipe {
    const ALL: [Pipe; 3] = [Pipe::Lifeline, Pipe::Stdout, Pipe::Stderr];
    /// The tokens of pipes begin here, behind those of the loop itself and below those of the links.
    const FIRST: usize = 16;

    pub(super) fn token(self, worker: usize) -> Token {
        Token(Pipe::FIRST + worker * Pipe::ALL.len() + self as usize)
    }

    /// The worker and the pipe that a token belongs to, if it is one of these.
    pub(super) fn of(token: Token) -> Option<(usize, Pipe)> {
        if link::index_of(token).is_some() {
            return None;
        }
        let number = token.0.checked_sub(Pipe::FIRST)?;
        Some((number / Pipe::ALL.len(), Pipe::ALL[number % Pipe::ALL.len()]))
    }
}

impl EventLoop {
    pub(super) fn handle_pipe(&mut self, worker: usize, pipe: Pipe) {
        match pipe {
            Pipe::Lifeline => self.worker_exited(worker, None),
            Pipe::Stdout | Pipe::Stderr => self.read_pipe(worker, pipe),
        }
    }

    /// A socket of a worker's link is ready.
    pub(super) fn handle_link(&mut self, token: Token, ready: Readiness) {
        let Some(worker) = self.core.workers.of(token.0) else { return };
        if worker.is_listener(token) {
            let index = worker.index;
            return self.accept_worker(index);
        }
        if ready.writable
            && let Some(link) = &mut worker.link
        {
            link.writable(token.0);
        }
        if ready.readable {
            self.read_worker(token.0, ready.ended);
        }
    }

    /// Starts every worker that has no process yet.
    pub(super) fn start_workers(&mut self) {
        (0..self.core.workers.len()).for_each(|index| self.start_worker(index));
    }

    /// Starts those again whose pause is over.
    pub(super) fn restart_workers(&mut self) {
        let now = self.core.now;
        for index in 0..self.core.workers.len() {
            if self.core.workers.get(index).is_some_and(|worker| worker.life.is_restart_due(now)) {
                self.start_worker(index);
            }
        }
    }

    fn start_worker(&mut self, index: usize) {
        let started = self.core.workers.start(index, self.core.now).and_then(|output| {
            let Some(output) = output else { return Ok(()) };
            self.core.log_state(index, Level::Debug, "the plugin's worker is started");
            self.watch(index, output)
        });
        if let Err(error) = started {
            self.worker_exited(index, Some(format!("the plugin's worker cannot be started: {error}")));
        }
    }

    fn watch(&mut self, index: usize, output: Output) -> io::Result<()> {
        let Some(worker) = self.core.workers.get_mut(index) else { return Ok(()) };
        let registry = self.poll.registry();
        worker.stdout = output.stdout.map(Lines::new).transpose()?;
        worker.stderr = output.stderr.map(Lines::new).transpose()?;
        if let Some(pipe) = &worker.stdout {
            registry.register(&mut SourceFd(&pipe.fd()), Pipe::Stdout.token(index), Interest::READABLE)?;
        }
        if let Some(pipe) = &worker.stderr {
            registry.register(&mut SourceFd(&pipe.fd()), Pipe::Stderr.token(index), Interest::READABLE)?;
        }
        if let Some(lifeline) = worker.process.as_mut().and_then(|process| process.lifeline_mut()) {
            registry.register(lifeline, Pipe::Lifeline.token(index), Interest::READABLE)?;
        }
        Ok(())
    }

    fn accept_worker(&mut self, index: usize) {
        let Some(link) = self.core.workers.get_mut(index).and_then(|worker| worker.link.as_mut()) else { return };
        match link.accept(self.poll.registry()) {
            Ok(0) => {}
            Ok(strangers) => {
                let message = "a process of another user tried to connect to the worker link and was turned away";
                self.core.log.push(Level::Error, message, &[("connections", &strangers.to_string())]);
            }
            Err(error) => {
                self.core.log.push(Level::Error, format!("a worker's connection failed: {error}"), &[]);
                if let Some(worker) = self.core.workers.get_mut(index) {
                    worker.accept_at = Some(self.core.now + ACCEPT_AGAIN);
                }
            }
        }
    }

    /// Accepts what could not be accepted a moment ago, as when the process had too many descriptors: nobody tells of it again.
    pub(super) fn accept_again(&mut self) {
        for index in 0..self.core.workers.len() {
            let Some(worker) = self.core.workers.get_mut(index) else { continue };
            if worker.accept_at.is_some_and(|at| at <= self.core.now) {
                worker.accept_at = None;
                self.accept_worker(index);
            }
        }
    }

    /// Goes on with this in the next turn.
    fn not_finished(&mut self, token: Token) {
        if !self.unfinished.contains(&token) {
            self.unfinished.push(token);
        }
    }

    /// Writes what was made for the workers.
    pub(super) fn write_workers(&mut self) {
        let mut failed = Vec::new();
        for worker in self.core.workers.iter_mut() {
            let Some(link) = &mut worker.link else { continue };
            failed.extend(link.flush());
            self.unfinished.extend(link.unchoked().into_iter().map(Token));
        }
        for (connection, error) in failed {
            // A connection that the worker has closed is not worth a word: its end has one.
            let problem = (error.kind() == io::ErrorKind::Other).then(|| error.to_string());
            self.connection_broken(connection, problem);
        }
    }

    fn read_worker(&mut self, connection: usize, ended: bool) {
        for _ in 0..READS {
            let Some(worker) = self.core.workers.of(connection) else { return };
            if worker.is_choked(connection) {
                return;
            }
            let (input, received) = match worker.receive(connection) {
                Ok(Some(read)) => read,
                Ok(None) => return,
                Err(_) => return self.connection_closed(connection),
            };
            let used = self.core.frames(self.host.as_mut().map(|host| &mut host.session), connection, input.bytes());
            match used {
                Ok(used) => {
                    if let Some(link) = self.core.workers.of(connection).and_then(|worker| worker.link.as_mut()) {
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
        self.not_finished(Token(connection));
    }

    fn connection_broken(&mut self, connection: usize, problem: Option<String>) {
        let role = self.core.workers.of(connection).and_then(|worker| worker.role(connection)).flatten();
        if let Some(problem) = problem {
            self.core.protocol_broken(connection, role, problem);
        }
        self.connection_closed(connection);
    }

    fn connection_closed(&mut self, connection: usize) {
        let registry = self.poll.registry();
        let link = self.core.workers.of(connection).and_then(|worker| worker.link.as_mut());
        let role = link.and_then(|link| link.close(connection, registry));
        self.core.connection_closed(self.host.as_mut().map(|host| &mut host.session), connection, role);
    }

    fn read_pipe(&mut self, index: usize, pipe: Pipe) {
        let Core { log, metrics, workers, now, .. } = &mut self.core;
        let Some(worker) = workers.get_mut(index) else { return };
        let read = match pipe {
            Pipe::Stdout => {
                worker.stdout.as_mut().map(|lines| lines.read(*now, |item| log_output(log, metrics, "stdout", item)))
            }
            _ => {
                let mut lines = worker.stderr.take();
                let read = lines.as_mut().map(|lines| lines.read(*now, |item| log_stderr(log, metrics, worker, item)));
                worker.stderr = lines;
                read
            }
        };
        match read {
            Some(Ok(Received::Drained | Received::Short)) => {}
            Some(Ok(Received::More)) => self.not_finished(pipe.token(index)),
            _ => close_pipe(worker, pipe, self.poll.registry()),
        }
    }

    /// Says how many lines of output were too many, when a flood has ended.
    pub(super) fn report_suppressed(&mut self) {
        let Core { log, metrics, workers, now, .. } = &mut self.core;
        for worker in workers.iter_mut() {
            if let Some(lines) = &mut worker.stdout {
                lines.report(*now, |item| log_output(log, metrics, "stdout", item));
            }
            if let Some(lines) = &mut worker.stderr {
                lines.report(*now, |item| log_output(log, metrics, "stderr", item));
            }
            if let Some(suppressed) = worker.log_bucket.suppressed(*now) {
                log_output(log, metrics, "log", Item::Suppressed(suppressed));
            }
        }
    }

    /// Gives the pipes of a worker up that has ended, with what is left in them.
    fn finish_output(&mut self, index: usize) {
        self.read_pipe(index, Pipe::Stdout);
        self.read_pipe(index, Pipe::Stderr);
        let Core { log, metrics, workers, now, .. } = &mut self.core;
        let Some(worker) = workers.get_mut(index) else { return };
        if let Some(lines) = &mut worker.stdout {
            lines.finish(*now, |item| log_output(log, metrics, "stdout", item));
        }
        if let Some(mut lines) = worker.stderr.take() {
            lines.finish(*now, |item| log_stderr(log, metrics, worker, item));
            worker.stderr = Some(lines);
        }
        if let Some(suppressed) = worker.log_bucket.finish() {
            log_output(log, metrics, "log", Item::Suppressed(suppressed));
        }
        close_pipe(worker, Pipe::Stdout, self.poll.registry());
        close_pipe(worker, Pipe::Stderr, self.poll.registry());
    }

    /// Ends the workers that are of no use any more.
    pub(super) fn end_failed_workers(&mut self) {
        // The end of one may be that of others before it.
        while let Some((index, reason)) = self.core.workers.next_failed() {
            self.worker_exited(index, Some(reason));
        }
    }

    /// The guard of a worker has exited, or the worker is to be treated as if it had.
    fn worker_exited(&mut self, index: usize, reason: Option<String>) {
        let Some(worker) = self.core.workers.get_mut(index) else { return };
        let exit = worker.process.take().and_then(|mut process| {
            process.kill();
            process.wait().ok()
        });
        // The guards of the other workers are children as well.
        let alive: Vec<u32> = self.core.workers.iter().filter_map(Worker::guard_pid).collect();
        mmp_worker::guard::kill_orphans(&alive);
        // What was written before the end is in the pipes and the sockets still: a FAILED frame, a traceback. A connection that waits to be accepted must not be taken for one of the next process.
        self.accept_worker(index);
        self.read_connections(index);
        self.finish_output(index);
        let registry = self.poll.registry();
        let Some(worker) = self.core.workers.get_mut(index) else { return };
        let reason = reason.or_else(|| worker.failure.take());
        if let Some(link) = &mut worker.link {
            link.close_all(registry);
        }
        self.unfinished.retain(|&token| {
            link::index_of(token) != Some(index) && Pipe::of(token).is_none_or(|(worker, _)| worker != index)
        });
        self.core.worker_ended(self.host.as_mut().map(|host| &mut host.session), index, exit, reason.as_deref());
        self.answer_implemented();
    }

    fn read_connections(&mut self, index: usize) {
        let link = self.core.workers.get(index).and_then(|worker| worker.link.as_ref());
        let connections: Vec<usize> = link.map(|link| link.ids()).unwrap_or_default();
        for connection in connections {
            self.read_worker(connection, true);
        }
    }

    /// Asks the workers to finish and waits for that, then makes sure that nothing of them is left.
    pub(super) fn stop_workers(&mut self) {
        self.core.stopping();
        self.core.workers.iter_mut().for_each(Worker::ask_to_stop);
        let begin = Instant::now();
        let mut terminated = false;
        while begin.elapsed() < STOP_PATIENCE && self.is_any_process_left() {
            self.write_workers();
            self.read_everything();
            if begin.elapsed() >= TERMINATE_AFTER && !std::mem::replace(&mut terminated, true) {
                self.core.workers.iter_mut().for_each(Worker::terminate);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        for worker in self.core.workers.iter_mut() {
            if let Some(process) = &mut worker.process {
                process.kill();
            }
        }
        for worker in self.core.workers.iter_mut() {
            if let Some(mut process) = worker.process.take() {
                // The guard is gone, or is killing the worker and follows it.
                let _ = process.wait();
            }
        }
        // A guard that was killed meanwhile has left its family to this process.
        mmp_worker::guard::kill_orphans(&[]);
        for index in 0..self.core.workers.len() {
            self.read_connections(index);
            self.finish_output(index);
        }
    }

    fn is_any_process_left(&mut self) -> bool {
        self.core.workers.iter_mut().filter_map(|worker| worker.process.as_mut()).any(|process| {
            // One that cannot be waited for is killed, in any case.
            matches!(process.try_wait(), Ok(None))
        })
    }

    fn read_everything(&mut self) {
        for index in 0..self.core.workers.len() {
            // An exit handler may be the first on its thread to call the API, and has to hear that this is over.
            self.accept_worker(index);
            self.read_connections(index);
            self.read_pipe(index, Pipe::Stdout);
            self.read_pipe(index, Pipe::Stderr);
        }
    }
}

/// A line of a worker's output, or how many there were too many, for the server's log.
fn log_output(log: &mut Log, metrics: &mut Metrics, source: &'static str, item: Item<'_>) {
    match item {
        Item::Line { text, cut: 0 } => log.push(Level::Info, text, &[("source", source)]),
        Item::Line { text, cut } => log.push(Level::Info, text, &[("source", source), ("bytes_cut", &cut.to_string())]),
        Item::Suppressed(suppressed) => {
            metrics.suppressed(source, suppressed.lines);
            log.push(Level::Warn, suppressed.to_string(), &[("source", source)]);
        }
    }
}

/// The same for standard error, whose last lines may say why the worker ended.
fn log_stderr(log: &mut Log, metrics: &mut Metrics, worker: &mut Worker, item: Item<'_>) {
    if let Item::Line { text, .. } = item {
        worker.remember(text);
    }
    log_output(log, metrics, "stderr", item);
}

fn close_pipe(worker: &mut Worker, pipe: Pipe, registry: &Registry) {
    let fd = match pipe {
        Pipe::Stdout => worker.stdout.as_ref().map(Lines::fd),
        Pipe::Stderr => worker.stderr.as_ref().map(Lines::fd),
        Pipe::Lifeline => None,
    };
    if let Some(fd) = fd {
        // Closing the descriptor ends the registration as well.
        let _ = registry.deregister(&mut SourceFd(&fd.as_raw_fd()));
    }
    match pipe {
        Pipe::Stdout => worker.stdout = None,
        Pipe::Stderr => worker.stderr = None,
        Pipe::Lifeline => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_have_tokens_of_their_own() {
        for worker in [0, 1, 63] {
            for pipe in Pipe::ALL {
                assert_eq!(Pipe::of(pipe.token(worker)), Some((worker, pipe)));
            }
            assert_eq!(Pipe::of(link::listener_token(worker)), None);
        }
        assert_eq!(Pipe::of(Token(3)), None);
    }
}
