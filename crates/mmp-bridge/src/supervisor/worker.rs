//! One worker: its process, its link and what is known of it.

use std::collections::VecDeque;
use std::io;
use std::process::{ChildStderr, ChildStdout};
use std::time::{Duration, Instant, SystemTime};

use mio::Registry;
use mmp_worker::dispatch::{Dispatcher, Limits};
use mmp_worker::link::{Identity, Link};
use mmp_worker::messages::{Hello, Mode, PROTOCOL, Ready, Role, Welcome};
use mmp_worker::output::Lines;
use mmp_worker::process::{Output, Process};
use mmp_worker::token::Token;
use mmp_worker::token_bucket::TokenBucket;
use mmp_worker::usage::Usage;

use super::health::Health;
use super::life::{Life, State};
use crate::interpreter::Interpreter;
use crate::manifest::{Bundle, Runtime};
use crate::program::{self, PACKAGES};

/// How many `sync` connections a worker opens at first.
const SYNC_CONNECTIONS: u32 = 4;

/// How many of the last lines of standard error are kept, to say why a worker ended.
const LAST_WORDS: usize = 20;

/// How long a hook waits in the queue for a worker that is being started again.
const RESTART_PATIENCE: Duration = Duration::from_secs(1);

/// How many characters are kept of the names of a worker's SDK and runtime.
const INTRODUCTION: usize = 100;

/// How much longer than the manifest says a worker on gRPC may take: its gateway knows better what it waits for, and says so.
const GATEWAY_PATIENCE: Duration = Duration::from_secs(5);

/// What is left for OnActivate at least, however long the plugin took to load.
const LEAST_ACTIVATION: Duration = Duration::from_secs(5);

/// A worker of the plugin.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Which one it is, from 0.
    pub(crate) index: usize,
    pub(crate) life: Life,
    pub(crate) link: Option<Link>,
    pub(crate) process: Option<Process>,
    pub(crate) stdout: Option<Lines<ChildStdout>>,
    pub(crate) stderr: Option<Lines<ChildStderr>>,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) health: Health,
    /// How it runs each hook, by the hooks' ids; of the last process that said READY.
    modes: Vec<Option<Mode>>,
    last_words: VecDeque<String>,
    /// The process, as it said in its HELLO; 0 if there is none.
    pub(crate) pid: u32,
    /// Whether any process of it was loaded.
    pub(crate) was_loaded: bool,
    /// How long the last one took from its start to READY.
    pub(crate) loading_took: Duration,
    /// How often it was started again.
    pub(crate) restarts: u64,
    /// What limits the lines that it logs.
    pub(crate) log_bucket: TokenBucket,
    /// What it uses, as it was last looked at.
    pub(crate) usage: Usage,
    /// Name and version of its SDK, and of what runs it, as it said in its HELLO.
    pub(crate) sdk: String,
    pub(crate) runtime: String,
    /// Why it ended the last time, or what else went wrong; and when.
    pub(crate) last_error: Option<String>,
    pub(crate) last_error_at: Option<SystemTime>,
    /// The state that the log has last said it is in.
    pub(super) said: &'static str,
    /// Whether the configuration changed while it was brought up.
    pub(crate) config_missed: bool,
    /// A connection that it closed while its process went on: the role, and when.
    pub(crate) lost_connection: Option<(Role, Instant)>,
    /// Whether everything is read that it has said, however far the host is behind.
    pub(crate) read_to_end: bool,
    /// When a connection that could not be accepted is tried again.
    pub(crate) accept_at: Option<Instant>,
    /// Why it is to be killed at the end of this turn.
    pub(crate) failure: Option<String>,
    /// Whether its end is asked for, and no fault.
    pub(crate) reloading: bool,
    /// Whether it is to be loaded anew as soon as it is ready: its files have changed while it was being started.
    pub(crate) reload_wanted: bool,
    /// Why it was told to abort, if it was: it is killed soon if it does not end by itself.
    pub(super) aborted: Option<String>,
}

impl Worker {
    /// A worker that is not started yet.
    pub(super) fn new(index: usize) -> Worker {
        Worker {
            index,
            life: Life::new(),
            link: None,
            process: None,
            stdout: None,
            stderr: None,
            dispatcher: Dispatcher::new(Limits::default()),
            health: Health::default(),
            modes: Vec::new(),
            last_words: VecDeque::new(),
            pid: 0,
            was_loaded: false,
            loading_took: Duration::ZERO,
            restarts: 0,
            log_bucket: TokenBucket::default(),
            usage: Usage::default(),
            sdk: String::new(),
            runtime: String::new(),
            last_error: None,
            last_error_at: None,
            said: State::Waiting.name(),
            config_missed: false,
            lost_connection: None,
            read_to_end: false,
            accept_at: None,
            failure: None,
            reloading: false,
            reload_wanted: false,
            aborted: None,
        }
    }

    /// Listens for the process at `socket`.
    pub(super) fn listen(&mut self, bundle: &Bundle, socket: &std::path::Path, registry: &Registry) -> io::Result<()> {
        let welcome = Welcome {
            protocol: PROTOCOL,
            plugin_id: bundle.id.clone(),
            bundle_path: bundle.path.display().to_string(),
            sync_connections: SYNC_CONNECTIONS,
            worker_index: self.index as u32,
            workers: bundle.workers() as u32,
        };
        let identity = Identity { schema: mmp_transcode::generated::SCHEMA_HASH, token: Token::random()?, welcome };
        self.link = Some(Link::listen(socket, self.index, identity, registry)?);
        Ok(())
    }

    /// Starts the process. Returns its output pipes; None if there is nothing to start yet.
    pub(super) fn start(
        &mut self,
        bundle: &Bundle,
        interpreter: Option<&Interpreter>,
        now: Instant,
    ) -> io::Result<Option<Output>> {
        let Some(link) = &mut self.link else { return Ok(None) };
        let Some(program) = program::of(bundle, interpreter, self.index, link.path()) else { return Ok(None) };
        let token = Token::random()?;
        let (process, output) = Process::start(&program, &token)?;
        link.renew(token);
        self.process = Some(process);
        self.pid = 0;
        self.last_words.clear();
        self.health = Health::default();
        // What it needs counts from its first moment; PING comes when it has said who it is.
        self.health.watch(now);
        self.aborted = None;
        self.usage = Usage::default();
        self.life.started(now);
        Ok(Some(output))
    }

    /// READY: how it runs its hooks.
    pub(super) fn loaded(&mut self, ready: &Ready, now: Instant) {
        self.modes.clear();
        for hook in &ready.hooks {
            let at = usize::from(hook.0);
            if at >= self.modes.len() {
                self.modes.resize(at + 1, None);
            }
            self.modes[at] = Some(hook.1);
        }
        if let State::Starting { since } = self.life.state() {
            self.loading_took = now.saturating_duration_since(since);
        }
        self.was_loaded = true;
        self.life.loaded(now);
    }

    /// What is left of the time for activation, which the loading is a part of.
    pub(crate) fn activation_limit(&self, bundle: &Bundle) -> Duration {
        bundle.start_timeout.saturating_sub(self.loading_took).max(LEAST_ACTIVATION.min(bundle.start_timeout))
    }

    /// How it runs a hook, or ran it before it ended; None if it does not implement it.
    pub(crate) fn mode(&self, id: u16) -> Option<Mode> {
        self.modes.get(usize::from(id)).copied().flatten()
    }

    /// Asks it to say where it is and to end.
    pub(super) fn abort(&mut self, bundle: &Bundle, reason: &str) -> bool {
        let behind_gateway = bundle.grpc.is_some();
        let told = self.process.as_ref().is_some_and(|process| process.abort(behind_gateway));
        self.aborted = told.then(|| reason.to_owned());
        told
    }

    /// Whether the process was started and has not said READY.
    pub(crate) fn is_starting(&self) -> bool {
        matches!(self.life.state(), State::Starting { .. })
    }

    /// Whether hooks of the host reach it. One that has closed a connection is about to end, or to be ended.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.life.state(), State::Ready { .. }) && self.lost_connection.is_none()
    }

    /// Whether a process runs that has said READY, so that the bridge's own hooks reach it.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.life.state(), State::Loaded { .. } | State::Ready { .. } | State::Draining { .. })
    }

    /// Whether it is worth waiting for: it is not ready, but will be soon. A hook that comes while the worker itself waits for the server may be one that the server waits for, so that is no time to wait.
    pub(crate) fn is_coming(&self) -> bool {
        match self.life.state() {
            State::Starting { .. } | State::Restarting { .. } => !self.life.is_degraded() && self.was_loaded,
            State::Draining { .. } => true,
            State::Ready { .. } => self.lost_connection.is_some(),
            State::Loaded { .. } => !self.life.is_degraded() && !self.dispatcher.has_waiting(),
            _ => false,
        }
    }

    /// Whether somebody who waits for an answer should wait for it: it comes, and not only some time.
    pub(crate) fn is_coming_soon(&self, now: Instant) -> bool {
        self.is_coming() && self.life.is_back_soon(now)
    }

    /// How long a hook waits for it while it takes none: until it has finished what it does, if it is drained, and then as long as a start takes.
    pub(crate) fn patience(&self, now: Instant) -> Duration {
        let drained = match self.life.state() {
            State::Draining { until } => until.saturating_duration_since(now),
            _ => Duration::ZERO,
        };
        drained + RESTART_PATIENCE
    }

    /// The worker has introduced itself. What it says of itself is for people, and cut to what they read.
    pub(crate) fn introduced(&mut self, hello: &Hello) {
        let cut = |text: &str| text.chars().take(INTRODUCTION).collect();
        self.pid = hello.pid;
        (self.sdk, self.runtime) = (cut(&hello.sdk), cut(&hello.runtime));
    }

    /// Something is wrong with it.
    pub(crate) fn note_error(&mut self, reason: &str) {
        self.last_error = Some(reason.to_owned());
        self.last_error_at = Some(SystemTime::now());
    }

    /// The same for an event, which nobody waits for, so that it can wait for whatever the worker waits for.
    pub(crate) fn is_coming_for_events(&self) -> bool {
        let loaded = matches!(self.life.state(), State::Loaded { .. });
        self.is_coming() || (loaded && !self.life.is_degraded())
    }

    /// A line of its standard error.
    pub(crate) fn remember(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if self.last_words.len() == LAST_WORDS {
            self.last_words.pop_front();
        }
        self.last_words.push_back(line.to_owned());
    }

    /// What its standard error ended with, as the end of a sentence on a worker that could not be loaded.
    pub(super) fn last_words_hint(&self) -> String {
        match self.last_words.back() {
            Some(line) if line.contains("No module named mattermost_plugin") => {
                format!(
                    " ({line}): the SDK is not in the bundle; make the bundle with `cargo xtask bundle`, which puts it into {PACKAGES}"
                )
            }
            Some(line) => format!(" before the plugin was loaded; its last words: {line}"),
            None => {
                " before the plugin was loaded, without a word: look for what ends the process while the plugin is imported, such as os._exit, a crash in a package's native code, or too little memory"
                    .to_owned()
            }
        }
    }

    /// When something has to be done about it that is a matter of its life.
    pub(super) fn deadline(&self, bundle: &Bundle) -> Option<Instant> {
        match self.life.state() {
            State::Starting { since } => Some(since + patience(bundle)),
            State::Draining { until } => Some(until),
            _ => self.life.restart_at(),
        }
    }

    /// Whether it takes longer to load than it may: what to say then.
    pub(super) fn overdue(&self, bundle: &Bundle, now: Instant) -> Option<String> {
        let State::Starting { since } = self.life.state() else { return None };
        let limit = bundle.start_timeout;
        (now >= since + patience(bundle)).then(|| {
            let advice = match bundle.runtime {
                Runtime::Python(_) => {
                    "move slow work out of the import and __init__, or raise server.python.start_timeout in plugin.json"
                }
                Runtime::Grpc(_) => "move slow work behind the start, or raise server.start_timeout in plugin.json",
            };
            let unit = if limit == Duration::from_secs(1) { "second" } else { "seconds" };
            format!("the plugin was not loaded within {} {unit}: {advice}", limit.as_secs_f64())
        })
    }

    /// It is of no use any more: it is killed at the end of this turn.
    pub(crate) fn fail(&mut self, reason: &str) {
        self.failure.get_or_insert_with(|| reason.to_owned());
    }

    /// What it uses; nothing while there is no process.
    pub(crate) fn usage_now(&self) -> Usage {
        if self.process.is_some() { self.usage } else { Usage::default() }
    }

    /// Tells its processes to end, by SIGTERM.
    pub(crate) fn terminate(&mut self) {
        if let Some(process) = &mut self.process {
            process.terminate();
        }
    }

    /// The process id of its guard, if it has one.
    pub(crate) fn guard_pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::guard_pid)
    }

    /// When it is to be said how much of its output was suppressed.
    pub(super) fn output_deadline(&self) -> Option<Instant> {
        let stdout = self.stdout.as_ref().and_then(Lines::deadline);
        let stderr = self.stderr.as_ref().and_then(Lines::deadline);
        [stdout, stderr, self.log_bucket.deadline()].into_iter().flatten().min()
    }
}

/// How long a worker may take from its start to READY.
fn patience(bundle: &Bundle) -> Duration {
    match bundle.runtime {
        Runtime::Python(_) => bundle.start_timeout,
        Runtime::Grpc(_) => bundle.start_timeout + GATEWAY_PATIENCE,
    }
}
