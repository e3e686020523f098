//! The worker's life: found, started, loaded, watched, started again.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use mio::Registry;
use mmp_worker::connection::{Input, Received};
use mmp_worker::directory::PrivateDirectory;
use mmp_worker::link::{Identity, Link};
use mmp_worker::messages::{Failed, Mode, PROTOCOL, Ready, Welcome};
use mmp_worker::process::{Process, describe_exit};
use mmp_worker::token::Token;

use crate::interpreter::Interpreter;
use crate::manifest::{Bundle, Runtime};
use crate::program::{self, PACKAGES};

/// How many `sync` connections a worker opens at first.
const SYNC_CONNECTIONS: u32 = 4;

/// The pauses before a worker is started again: doubled each time, forgotten after a healthy minute.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const HEALTHY: Duration = Duration::from_secs(60);

/// How many of the last lines of standard error are kept, to say why a worker ended.
const LAST_WORDS: usize = 20;

/// How much longer than the manifest says a worker on gRPC may take: its gateway knows better what it waits for, and says so.
const GATEWAY_PATIENCE: Duration = Duration::from_secs(5);

/// Where a worker is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// The interpreter is being looked for.
    Finding,
    /// The process runs and has not said READY.
    Loading { since: Instant },
    /// READY. `active`: the host's hooks reach it.
    Ready { since: Instant, active: bool },
    /// It is gone and will be started again.
    Pausing { until: Instant },
    /// It cannot be loaded, and the host has been told or will be.
    Failed { sentence: String },
    /// The bridge is ending.
    Stopping,
}

/// What the end of a worker means, and why it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It was expected, or has been said already.
    Known(String),
    /// The plugin cannot be loaded.
    ForGood(String),
    /// It will be started again.
    Again(String),
}

/// The worker of this plugin.
#[derive(Debug)]
pub(crate) struct Worker {
    bundle: Option<Bundle>,
    interpreter: Option<Interpreter>,
    pub(crate) link: Option<Link>,
    directory: Option<PrivateDirectory>,
    pub(crate) process: Option<Process>,
    state: State,
    /// What the first READY said: the host knows this list and gets no other.
    declared: Option<Vec<u16>>,
    modes: Vec<Option<Mode>>,
    last_words: VecDeque<String>,
    pause: Duration,
}

impl Worker {
    /// A worker that is not started yet; or one that never will be, because the manifest is wrong.
    pub(crate) fn new(bundle: Result<Bundle, String>) -> Worker {
        let (bundle, state) = match bundle {
            Ok(bundle) => (Some(bundle), State::Finding),
            Err(sentence) => (None, State::Failed { sentence }),
        };
        Worker {
            bundle,
            interpreter: None,
            link: None,
            directory: None,
            process: None,
            state,
            declared: None,
            modes: Vec::new(),
            last_words: VecDeque::new(),
            pause: FIRST_PAUSE,
        }
    }

    /// The bundle, if its manifest is right.
    pub(crate) fn bundle(&self) -> Option<&Bundle> {
        self.bundle.as_ref()
    }

    /// Listens for the worker.
    pub(crate) fn listen(&mut self, registry: &Registry) -> io::Result<()> {
        let Some(bundle) = &self.bundle else { return Ok(()) };
        let directory = PrivateDirectory::create()?;
        let welcome = Welcome {
            protocol: PROTOCOL,
            plugin_id: bundle.id.clone(),
            bundle_path: bundle.path.display().to_string(),
            sync_connections: SYNC_CONNECTIONS,
        };
        let identity = Identity { schema: mmp_transcode::generated::SCHEMA_HASH, token: Token::random()?, welcome };
        self.link = Some(Link::listen(&directory.path().join("worker.sock"), identity, registry)?);
        self.directory = Some(directory);
        Ok(())
    }

    /// The interpreter was found: the worker can be started.
    pub(crate) fn found(&mut self, interpreter: Interpreter) {
        self.interpreter = Some(interpreter);
    }

    /// Starts the process. Returns its output pipes.
    pub(crate) fn start(&mut self, now: Instant) -> io::Result<Option<mmp_worker::process::Output>> {
        let (Some(bundle), Some(link)) = (&self.bundle, &mut self.link) else { return Ok(None) };
        let Some(program) = program::of(bundle, self.interpreter.as_ref(), link.path()) else { return Ok(None) };
        let token = Token::random()?;
        let (process, output) = Process::start(&program, &token)?;
        link.renew(token);
        self.process = Some(process);
        self.last_words.clear();
        self.state = State::Loading { since: now };
        Ok(Some(output))
    }

    /// The worker said READY. True if it is a restarted one, which has to be brought up.
    pub(crate) fn ready(&mut self, ready: &Ready, now: Instant) -> bool {
        self.modes.clear();
        for &(id, mode) in &ready.hooks {
            let at = usize::from(id);
            if at >= self.modes.len() {
                self.modes.resize(at + 1, None);
            }
            self.modes[at] = Some(mode);
        }
        let restarted = self.declared.is_some();
        if !restarted {
            self.declared = Some(ready.hooks.iter().map(|(id, _)| *id).collect());
        }
        self.state = State::Ready { since: now, active: !restarted };
        restarted
    }

    /// The host's hooks reach the worker from now on.
    pub(crate) fn set_active(&mut self) {
        if let State::Ready { active, .. } = &mut self.state {
            *active = true;
        }
    }

    /// Whether the process was started and has not said READY.
    pub(crate) fn is_loading(&self) -> bool {
        matches!(self.state, State::Loading { .. })
    }

    /// Whether hooks of the host reach the worker.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.state, State::Ready { active: true, .. })
    }

    /// Whether the plugin told the host that it implements a hook.
    pub(crate) fn implements(&self, id: u16) -> bool {
        self.declared.as_ref().is_some_and(|hooks| hooks.contains(&id))
    }

    /// How the worker runs a hook; None when there is no worker, or this one does not implement it.
    pub(crate) fn mode(&self, id: u16) -> Option<Mode> {
        match self.state {
            State::Ready { .. } => self.modes.get(usize::from(id)).copied().flatten(),
            _ => None,
        }
    }

    /// The hooks, or why there are none; None while the plugin is being loaded.
    pub(crate) fn verdict(&self) -> Option<Result<Vec<u16>, String>> {
        match (&self.state, &self.declared) {
            (State::Failed { sentence }, _) => Some(Err(sentence.clone())),
            (_, Some(hooks)) => Some(Ok(hooks.clone())),
            _ => None,
        }
    }

    /// Why there is no worker, if there is none.
    pub(crate) fn down_reason(&self) -> Option<String> {
        match &self.state {
            State::Ready { .. } => None,
            State::Failed { sentence } => Some(sentence.clone()),
            _ => Some("the plugin's worker is not running".to_owned()),
        }
    }

    /// A line of the worker's standard error.
    pub(crate) fn remember(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if self.last_words.len() == LAST_WORDS {
            self.last_words.pop_front();
        }
        self.last_words.push_back(line.to_owned());
    }

    /// The worker said FAILED: it cannot be loaded.
    pub(crate) fn failed(&mut self, failed: &Failed) -> String {
        let sentence = failed.sentence();
        if self.declared.is_none() {
            self.state = State::Failed { sentence: sentence.clone() };
        }
        sentence
    }

    /// The process is gone, or is being killed.
    pub(crate) fn gone(&mut self, exit: Option<i32>, reason: Option<&str>, now: Instant) -> Gone {
        let why = match (reason, exit) {
            (Some(reason), _) => reason.to_owned(),
            (None, Some(code)) => format!("the plugin's worker ended: {}", describe_exit(code)),
            (None, None) => "the plugin's worker ended".to_owned(),
        };
        match self.state {
            State::Failed { .. } | State::Stopping => return Gone::Known(why),
            State::Ready { since, .. } if now.duration_since(since) >= HEALTHY => self.pause = FIRST_PAUSE,
            _ => {}
        }
        if self.declared.is_none() {
            let hint = if reason.is_none() { self.last_words_hint() } else { String::new() };
            let sentence = format!("{why}{hint}");
            self.state = State::Failed { sentence: sentence.clone() };
            return Gone::ForGood(sentence);
        }
        self.state = State::Pausing { until: now + self.pause };
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Gone::Again(why)
    }

    /// What the worker's standard error ended with, as the end of a sentence.
    fn last_words_hint(&self) -> String {
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

    /// When something has to be done about the worker, and what.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Loading { since } => self.bundle.as_ref().map(|bundle| since + patience(bundle)),
            State::Pausing { until } => Some(until),
            _ => None,
        }
    }

    /// Whether the worker takes longer to load than it may: what to say then.
    pub(crate) fn overdue(&self, now: Instant) -> Option<String> {
        let (State::Loading { since }, Some(bundle)) = (&self.state, &self.bundle) else { return None };
        let limit = bundle.start_timeout;
        (now >= *since + patience(bundle)).then(|| {
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

    /// Whether the pause before a restart is over.
    pub(crate) fn restart_due(&self, now: Instant) -> bool {
        matches!(self.state, State::Pausing { until } if now >= until)
    }

    /// The bridge ends: nothing is started again.
    pub(crate) fn stopping(&mut self) {
        self.state = State::Stopping;
    }

    /// The plugin cannot be loaded, for a reason that has nothing to do with a process.
    pub(crate) fn give_up(&mut self, sentence: String) {
        self.state = State::Failed { sentence };
    }

    /// Asks the worker for more `sync` connections.
    pub(crate) fn open_connections(&mut self, count: usize) {
        self.send_to_control(mmp_worker::frame::Kind::Open, count as u32);
    }

    /// Asks the worker to finish.
    pub(crate) fn ask_to_stop(&mut self) {
        self.send_to_control(mmp_worker::frame::Kind::Stop, 0);
    }

    fn send_to_control(&mut self, kind: mmp_worker::frame::Kind, id: u32) {
        if let Some(link) = &mut self.link
            && let Some(control) = link.control()
            && let Some(out) = link.output(control)
        {
            mmp_worker::frame::put_bytes(out, kind, 0, id, &[]);
        }
    }

    /// Takes a connection's output out to write into it; [`Worker::put_output`] returns it.
    pub(crate) fn take_output(&mut self, connection: usize) -> Vec<u8> {
        let out = self.link.as_mut().and_then(|link| link.output(connection));
        out.map(std::mem::take).unwrap_or_default()
    }

    /// Returns a connection's output. If the connection is gone, what was written is lost with it.
    pub(crate) fn put_output(&mut self, connection: usize, out: Vec<u8>) {
        if let Some(slot) = self.link.as_mut().and_then(|link| link.output(connection)) {
            *slot = out;
        }
    }

    /// Counts an API call of a connection that begins (`true`) or ends.
    pub(crate) fn count_call(&mut self, connection: usize, begins: bool) {
        if let Some(connection) = self.link.as_mut().and_then(|link| link.get_mut(connection)) {
            connection.calls = if begins { connection.calls + 1 } else { connection.calls.saturating_sub(1) };
        }
    }

    /// Reads from a connection.
    pub(crate) fn receive(&mut self, connection: usize) -> io::Result<Option<(Input, Received)>> {
        self.link.as_mut().map_or(Ok(None), |link| link.receive(connection))
    }
}

/// How long a worker may take from its start to READY.
fn patience(bundle: &Bundle) -> Duration {
    match bundle.runtime {
        Runtime::Python(_) => bundle.start_timeout,
        Runtime::Grpc(_) => bundle.start_timeout + GATEWAY_PATIENCE,
    }
}
