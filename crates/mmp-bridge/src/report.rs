//! How the plugin is: for the support packet, and for the status command.
//!
//! There is nothing of the environment in it, no arguments of hooks and no configuration. The sentences on ends and errors are those of the log.

use std::time::{Duration, SystemTime};

use mmp_goplugin::hclog;
use mmp_transcode::generated;
use mmp_worker::messages::OnFailure;
use serde::Serialize;

use crate::core::Core;
use crate::manifest::{Bundle, OnDegraded, Runtime};
use crate::metrics::HookTotals;
use crate::supervisor::{Change, Worker};

/// How many characters of an error are told.
const ERROR: usize = 2000;

/// How the plugin is.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) plugin_id: String,
    /// When this was written.
    pub(crate) at: String,
    pub(crate) bridge_version: &'static str,
    /// The version of Mattermost that the bridge knows.
    pub(crate) mattermost_version: &'static str,
    /// Of the whole plugin.
    pub(crate) state: &'static str,
    /// Why it cannot be loaded, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<String>,
    pub(crate) uptime_seconds: f64,
    /// The Python that was chosen; none for a program on gRPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interpreter: Option<InterpreterReport>,
    pub(crate) workers: Vec<WorkerReport>,
    pub(crate) events_dropped: u64,
    /// What became of the hooks, by name.
    pub(crate) hooks: Vec<HookTotals>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<Settings>,
    /// What holds for each hook that the plugin has.
    pub(crate) policies: Vec<PolicyReport>,
    /// The last changes of the workers' states, oldest first.
    pub(crate) changes: Vec<ChangeReport>,
}

/// An interpreter.
#[derive(Debug, Serialize)]
pub(crate) struct InterpreterReport {
    pub(crate) path: String,
    pub(crate) version: String,
}

/// A worker.
#[derive(Debug, Serialize)]
pub(crate) struct WorkerReport {
    pub(crate) index: usize,
    pub(crate) state: &'static str,
    /// 0 if there is no process.
    pub(crate) pid: u32,
    /// What its HELLO said.
    pub(crate) runtime: String,
    pub(crate) sdk: String,
    pub(crate) resident_memory_bytes: u64,
    pub(crate) processes: usize,
    pub(crate) threads: u64,
    pub(crate) cpu_seconds: f64,
    pub(crate) restarts: u64,
    /// From its start to READY.
    pub(crate) loading_seconds: f64,
    pub(crate) hooks_running: usize,
    pub(crate) hooks_queued: usize,
    pub(crate) hooks_overdue: usize,
    pub(crate) last_error: Option<ErrorReport>,
}

/// What went wrong.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorReport {
    pub(crate) at: String,
    pub(crate) what: String,
}

/// What the manifest says, and what holds where it says nothing.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    runtime: &'static str,
    workers: usize,
    start_timeout_seconds: f64,
    memory_limit_bytes: Option<u64>,
    process_limit: u32,
    on_degraded: &'static str,
    notify_admins: bool,
    status_command: Option<String>,
    database: bool,
    grpc: bool,
}

/// What holds for a hook.
#[derive(Debug, Serialize)]
pub(crate) struct PolicyReport {
    hook: &'static str,
    /// None: as long as it likes.
    timeout_seconds: Option<f64>,
    /// None: it cannot reject.
    on_failure: Option<OnFailure>,
}

/// A change of a worker's state.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeReport {
    at: String,
    worker: usize,
    previous: &'static str,
    state: &'static str,
    what: String,
}

impl Core {
    /// How the plugin is, as of now.
    pub(crate) fn report(&self) -> Report {
        let bundle = self.workers.bundle();
        Report {
            plugin_id: bundle.map(|bundle| bundle.id.clone()).unwrap_or_default(),
            at: time(SystemTime::now()),
            bridge_version: env!("CARGO_PKG_VERSION"),
            mattermost_version: generated::MATTERMOST_VERSION,
            state: self.workers.state_name(),
            failed: self.workers.failed().map(str::to_owned),
            uptime_seconds: seconds(self.now.saturating_duration_since(self.began)),
            interpreter: self.workers.interpreter().map(|interpreter| InterpreterReport {
                path: interpreter.path.display().to_string(),
                version: format!("{}.{}.{}", interpreter.version.0, interpreter.version.1, interpreter.version.2),
            }),
            workers: self.workers.iter().map(|worker| self.worker_report(worker)).collect(),
            events_dropped: self.metrics.events_dropped,
            hooks: self.metrics.hook_totals().collect(),
            settings: bundle.map(settings),
            policies: self.policy_reports(),
            changes: self.changes.iter().map(change).collect(),
        }
    }

    fn worker_report(&self, worker: &Worker) -> WorkerReport {
        let usage = worker.usage_now();
        WorkerReport {
            index: worker.index,
            state: worker.life.state().name(),
            pid: worker.pid,
            runtime: worker.runtime.clone(),
            sdk: worker.sdk.clone(),
            resident_memory_bytes: usage.resident_bytes,
            processes: usage.processes,
            threads: usage.threads,
            cpu_seconds: seconds(usage.cpu),
            restarts: worker.restarts,
            loading_seconds: seconds(worker.loading_took),
            hooks_running: worker.dispatcher.running(),
            hooks_queued: worker.dispatcher.queued(),
            hooks_overdue: self.overdue.values().filter(|overdue| overdue.worker == worker.index).count(),
            last_error: worker.last_error.as_ref().map(|what| ErrorReport {
                at: worker.last_error_at.map(time).unwrap_or_default(),
                what: what.chars().take(ERROR).collect(),
            }),
        }
    }

    fn policy_reports(&self) -> Vec<PolicyReport> {
        let methods = generated::HOOKS.iter().filter(|method| self.workers.implements(method.id));
        methods
            .map(|method| PolicyReport {
                hook: method.name,
                timeout_seconds: self.workers.policies.limit(method).map(seconds),
                on_failure: method.reject.map(|_| match self.workers.policies.rejects(method) {
                    true => OnFailure::Reject,
                    false => OnFailure::Allow,
                }),
            })
            .collect()
    }
}

fn settings(bundle: &Bundle) -> Settings {
    Settings {
        runtime: match bundle.runtime {
            Runtime::Python(_) => "python",
            Runtime::Grpc(_) => "grpc",
        },
        workers: bundle.workers(),
        start_timeout_seconds: seconds(bundle.start_timeout),
        memory_limit_bytes: bundle.memory_limit,
        process_limit: bundle.process_limit,
        on_degraded: match bundle.on_degraded {
            OnDegraded::Stay => "stay",
            OnDegraded::Exit => "exit",
        },
        notify_admins: bundle.notify_admins,
        status_command: bundle.status_command.clone(),
        database: bundle.database,
        grpc: bundle.grpc.is_some(),
    }
}

fn change(change: &Change) -> ChangeReport {
    ChangeReport {
        at: time(change.at),
        worker: change.worker,
        previous: change.previous,
        state: change.state,
        what: change.sentence.clone(),
    }
}

fn time(at: SystemTime) -> String {
    hclog::timestamp(at)
}

/// Seconds with three digits behind the point: more are noise.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
