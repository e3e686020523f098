//! What the workers write on standard output and standard error, for the server's log.

use std::os::fd::AsRawFd as _;

use mio::unix::SourceFd;
use mio::{Registry, Token};
use mmp_worker::connection::Received;
use mmp_worker::link;
use mmp_worker::output::{Item, Lines};

use super::EventLoop;
use crate::core::Core;
use crate::log::{Level, Log};
use crate::metrics::Metrics;
use crate::supervisor::Worker;

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
    pub(super) fn read_pipe(&mut self, index: usize, pipe: Pipe) {
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
    pub(super) fn finish_output(&mut self, index: usize) {
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
}

/// A line of a worker's output, or how many there were too many, for the server's log.
fn log_output(log: &mut Log, metrics: &mut Metrics, source: &'static str, item: Item<'_>) {
    match item {
        Item::Line { text, cut: 0 } => log.push_any(Level::Info, text, &[("source", source)]),
        Item::Line { text, cut } => {
            log.push_any(Level::Info, text, &[("source", source), ("bytes_cut", &cut.to_string())]);
        }
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
