//! The workers' processes: started, watched, ended.

use std::io;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Token};
use mmp_worker::link;
use mmp_worker::output::Lines;
use mmp_worker::process::Output;

use super::EventLoop;
use super::output::Pipe;
use crate::log::Level;
use crate::supervisor::Worker;

/// The server waits 2 s for the process to end after Quit; the workers get most of that, and are told to end by a signal half-way.
const STOP_PATIENCE: Duration = Duration::from_millis(1500);
const TERMINATE_AFTER: Duration = Duration::from_millis(700);

impl EventLoop {
    pub(super) fn handle_pipe(&mut self, worker: usize, pipe: Pipe) {
        match pipe {
            Pipe::Lifeline => self.worker_exited(worker, None),
            Pipe::Stdout | Pipe::Stderr => self.read_pipe(worker, pipe),
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
        self.core.hold_nothing(index, true);
        self.read_connections(index);
        self.core.hold_nothing(index, false);
        self.finish_output(index);
        let registry = self.poll.registry();
        let Some(worker) = self.core.workers.get_mut(index) else { return };
        let reason = reason.or_else(|| worker.failure.take());
        if let Some(link) = &mut worker.link {
            link.close_all(registry);
        }
        let is_others = |token: &Token| {
            link::index_of(*token) != Some(index) && Pipe::of(*token).is_none_or(|(worker, _)| worker != index)
        };
        self.unfinished.retain(is_others);
        self.core.worker_ended(self.host.as_mut().map(|host| &mut host.session), index, exit, reason.as_deref());
        self.answer_implemented();
    }

    /// Asks the workers to finish and waits for that, then makes sure that nothing of them is left.
    pub(super) fn stop_workers(&mut self) {
        self.core.stopping();
        (0..self.core.workers.len()).for_each(|index| self.core.hold_nothing(index, true));
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
