//! Workers that take more than they may: memory, processes.

use mmp_worker::protections::{self, Protection};
use mmp_worker::usage;

use crate::core::Core;
use crate::log::Level;
use crate::supervisor::Worker;
use crate::supervisor::recycle::DRAIN;

/// Beyond its limit by so much, in percent, a worker is ended at once; until there it may finish what it does.
const AT_ONCE: u64 = 125;

const MIB: u64 = 1 << 20;

/// What a worker may use, with all that it starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of memory.
    pub(super) memory: Option<u64>,
    /// Processes.
    pub(super) processes: u32,
}

/// That a worker uses more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excess {
    reason: String,
    at_once: bool,
}

impl Limits {
    /// What a worker uses too much of, if anything.
    pub(super) fn excess_of(&self, worker: &Worker) -> Option<Excess> {
        self.too_many_processes(worker).or_else(|| self.too_much_memory(worker))
    }

    fn too_many_processes(&self, worker: &Worker) -> Option<Excess> {
        let count = worker.usage.processes;
        if count <= self.processes as usize || protections::is_off(Protection::ProcessLimit) {
            return None;
        }
        let reason = format!(
            "process limit: the plugin's worker has {count} processes, and may have {} (server.process_limit in plugin.json)",
            self.processes
        );
        Some(Excess { reason, at_once: true })
    }

    fn too_much_memory(&self, worker: &Worker) -> Option<Excess> {
        let limit = self.memory?;
        if worker.usage.resident_bytes <= limit || protections::is_off(Protection::MemoryLimit) {
            return None;
        }
        // What processes share was counted for each of them.
        let bytes = worker.guard_pid().and_then(usage::shared_fairly).unwrap_or(worker.usage.resident_bytes);
        (bytes > limit).then(|| Excess {
            reason: format!(
                "memory limit: the plugin's worker uses {} MiB, and may use {} (server.memory_limit_mib in plugin.json)",
                bytes / MIB,
                limit / MIB
            ),
            at_once: bytes > limit / 100 * AT_ONCE,
        })
    }
}

impl Core {
    /// A worker uses more than it may: it is started again, whoever looks at it.
    pub(super) fn exceeded(&mut self, index: usize, excess: &Excess) {
        let Some(worker) = self.workers.get_mut(index) else { return };
        if excess.at_once || !worker.is_ready() {
            // One that is drained has its reason already.
            if excess.at_once || worker.is_starting() {
                worker.fail(&excess.reason);
            }
            return;
        }
        worker.note_error(&excess.reason);
        self.drain_worker(index, DRAIN);
        self.log_state(index, Level::Error, &format!("{}; it is started again when its hooks are done", excess.reason));
    }
}
