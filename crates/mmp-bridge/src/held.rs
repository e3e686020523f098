//! API calls that wait in their worker because the host has yet to take those before them.
//!
//! The host takes calls without anything that a worker would have to do first, so this never stands still for long. What a worker does not get rid of stays in its own memory, which has
//! a limit, and not in the bridge's.

use mio::Token;
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_worker::link;

use crate::core::Core;

/// So many bytes may wait for the host.
const MOST: usize = 16 * 1024 * 1024;

impl Core {
    /// Whether the host has yet to take a lot of what it was called with.
    pub(crate) fn is_host_behind(&self, link: &HostLink) -> bool {
        let calls = [self.api, self.driver.conn()].into_iter().flatten();
        calls.map(|conn| link.queued(conn)).sum::<usize>() > MOST
    }

    /// Whether a connection's next call waits. What the worker says besides, such as the answers of hooks, comes through unless it is behind that call.
    pub(crate) fn hold(&mut self, link: Option<&mut HostLink>, connection: usize) -> bool {
        let waits = link.is_some_and(|link| self.is_host_behind(link)) && !self.is_read_to_its_end(connection);
        if waits && !self.held.contains(&connection) {
            self.held.push(connection);
        }
        waits
    }

    fn is_read_to_its_end(&mut self, connection: usize) -> bool {
        self.last_words == Some(connection) || self.workers.of(connection).is_some_and(|worker| worker.read_to_end)
    }

    /// A connection is closed by the worker. Whether anything of it was held back, which is read now.
    pub(crate) fn let_go(&mut self, connection: usize) -> bool {
        let before = self.held.len();
        self.held.retain(|&held| held != connection);
        self.last_words = Some(connection);
        self.held.len() < before
    }

    /// A worker has ended, or is to: what it has said by now is read to its end (`true`), which is not much any more.
    pub(crate) fn hold_nothing(&mut self, index: usize, to_end: bool) {
        self.held.retain(|&connection| link::index_of(Token(connection)) != Some(index));
        if let Some(worker) = self.workers.get_mut(index) {
            worker.read_to_end = to_end;
        }
    }
}
