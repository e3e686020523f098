//! The connections of the workers' links: accepted, read, written, closed.

use std::io;
use std::time::Duration;

use mio::Token;
use mmp_worker::connection::Received;

use super::{EventLoop, READS, Readiness};
use crate::log::Level;

/// How long after a connection could not be accepted it is tried again.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

impl EventLoop {
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

    pub(super) fn accept_worker(&mut self, index: usize) {
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
    pub(super) fn not_finished(&mut self, token: Token) {
        if !self.unfinished.contains(&token) {
            self.unfinished.push(token);
        }
    }

    /// Writes what was made for the workers.
    pub(super) fn write_workers(&mut self) {
        let (mut failed, mut unchoked) = (Vec::new(), Vec::new());
        for worker in self.core.workers.iter_mut() {
            let Some(link) = &mut worker.link else { continue };
            failed.extend(link.flush());
            unchoked.extend(link.unchoked().into_iter().map(Token));
        }
        unchoked.into_iter().for_each(|token| self.not_finished(token));
        for (connection, error) in failed {
            // A connection that the worker has closed is not worth a word: its end has one.
            let problem = (error.kind() == io::ErrorKind::Other).then(|| error.to_string());
            self.connection_broken(connection, problem);
        }
    }

    /// Goes on with the connections whose calls waited for the host, another one first each time.
    pub(super) fn read_held(&mut self) {
        let Some(host) = &mut self.host else { return };
        if self.core.held.is_empty() || self.core.is_host_behind(host.session.link()) {
            return;
        }
        let mut held = std::mem::take(&mut self.core.held);
        held.rotate_left(1);
        held.into_iter().for_each(|connection| self.not_finished(Token(connection)));
    }

    fn read_worker(&mut self, connection: usize, ended: bool) {
        for _ in 0..READS {
            let Some(worker) = self.core.workers.of(connection) else { return };
            if worker.is_choked(connection) {
                return;
            }
            if self.core.held.contains(&connection) {
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
                Received::Closed => {
                    self.read_rest(connection);
                    return self.connection_closed(connection);
                }
            }
        }
        self.not_finished(Token(connection));
    }

    /// What a connection that is closed has said and was held back.
    fn read_rest(&mut self, connection: usize) {
        if !self.core.let_go(connection) {
            return;
        }
        if let Some(Ok(Some((input, _)))) = self.core.workers.of(connection).map(|worker| worker.receive(connection)) {
            // Nothing can be answered to it any more, not even that it makes no sense.
            let _ = self.core.frames(self.host.as_mut().map(|host| &mut host.session), connection, input.bytes());
        }
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

    pub(super) fn read_connections(&mut self, index: usize) {
        let link = self.core.workers.get(index).and_then(|worker| worker.link.as_ref());
        let connections: Vec<usize> = link.map(|link| link.ids()).unwrap_or_default();
        for connection in connections {
            self.read_worker(connection, true);
        }
    }
}
