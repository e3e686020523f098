//! What a fake worker does; it reads this from its bundle, because the bridge gives it no other environment.

use mmp_worker::messages::HookOptions;
use serde::{Deserialize, Serialize};

/// The whole script.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Script {
    /// What the interpreter says when it is asked for its version; a probe that is told nothing hangs.
    pub(crate) version: Option<String>,
    /// What each worker does at its start, in the order of starts; the last entry holds for all later ones.
    pub(crate) start: Vec<Start>,
    /// The hooks that it has, and whether they are asynchronous.
    pub(crate) hooks: Vec<(String, bool)>,
    /// Ids in READY that no hook has.
    pub(crate) unknown_hooks: Vec<u16>,
    /// What OnActivate does in each worker, as a command of [`crate::fake::commands`].
    pub(crate) on_activate: Vec<String>,
    /// What OnConfigurationChange does in each worker.
    pub(crate) on_configuration_change: Vec<String>,
    /// What GenerateSupportData does in each worker.
    pub(crate) on_support: Vec<String>,
    /// It does not end when it is asked to, nor when standard input ends.
    pub(crate) stubborn: bool,
    /// It starts a process in a session of its own that ignores polite signals and keeps the pipes open.
    pub(crate) grandchild: bool,
    /// Every hook is noted in the journal.
    pub(crate) noted: bool,
    /// It opens no more sync connections than it begins with.
    pub(crate) keeps_to_its_connections: bool,
    /// What hooks do whose arguments hold no command, by their names.
    pub(crate) does: Vec<(String, String)>,
    /// What READY says of hooks beside their modes, by their names.
    pub(crate) options: Vec<(String, HookOptions)>,
    /// How each worker answers PING, in the order of starts.
    pub(crate) pong: Vec<Pong>,
    /// What is different in one of several workers, by their indexes.
    pub(crate) workers: Vec<Differences>,
}

/// What one of several workers does at its own starts; an empty list: what all do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Differences {
    pub(crate) start: Vec<Start>,
    pub(crate) on_activate: Vec<String>,
    pub(crate) on_configuration_change: Vec<String>,
}

/// How a worker answers PING.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Pong {
    /// It is well.
    Well,
    /// It does not.
    Silent,
    /// What runs its hooks has not moved for so many milliseconds.
    Lagging(u64),
    /// The same, and the first answer says that a debugger is attached.
    Debugged(u64),
}

impl Default for Script {
    fn default() -> Self {
        let hooks = ["OnActivate", "OnConfigurationChange", "MessageWillBePosted", "MessageWillBeUpdated"]
            .into_iter()
            .chain(["ExecuteCommand", "MessageHasBeenPosted", "OnDeactivate"]);
        Script {
            version: Some("3.99.1".into()),
            start: vec![Start::Normal],
            hooks: hooks.map(|name| (name.to_owned(), false)).collect(),
            unknown_hooks: Vec::new(),
            on_activate: vec!["ok".into()],
            on_configuration_change: vec!["ok".into()],
            on_support: vec!["ok".into()],
            stubborn: false,
            grandchild: false,
            noted: false,
            keeps_to_its_connections: false,
            does: Vec::new(),
            options: Vec::new(),
            pong: vec![Pong::Well],
            workers: Vec::new(),
        }
    }
}

impl Script {
    /// One that does this at every start.
    pub(crate) fn starting(start: Start) -> Self {
        Script { start: vec![start], ..Script::default() }
    }

    /// One whose worker, once it is killed, ends at every start, often enough to be given up, and lives from then on.
    pub(crate) fn degrading() -> Self {
        let words = "boom `@all` ``` **no**";
        let mut start = vec![Start::Normal];
        start.resize(6, Start::Exit(1, words.into()));
        start.push(Start::Normal);
        Script { start, ..Script::default() }
    }

    /// One whose hooks are all asynchronous.
    pub(crate) fn asynchronous() -> Self {
        let mut script = Script::default();
        script.hooks.iter_mut().for_each(|(_, asynchronous)| *asynchronous = true);
        script
    }

    /// The same with one more hook, as asynchronous as the others.
    pub(crate) fn with(mut self, hook: &str) -> Self {
        let asynchronous = self.hooks.iter().any(|(_, asynchronous)| *asynchronous);
        self.hooks.push((hook.to_owned(), asynchronous));
        self
    }

    /// The same with one more hook, which does this.
    pub(crate) fn doing(mut self, hook: &str, command: &str) -> Self {
        self.does.push((hook.to_owned(), command.to_owned()));
        if self.hooks.iter().any(|(name, _)| name == hook) { self } else { self.with(hook) }
    }

    /// What one of several workers does.
    pub(crate) fn of_worker(mut self, index: usize) -> Self {
        if let Some(differences) = self.workers.get_mut(index).map(std::mem::take) {
            let instead = |list: &mut Vec<String>, other: Vec<String>| {
                if !other.is_empty() {
                    *list = other;
                }
            };
            instead(&mut self.on_activate, differences.on_activate);
            instead(&mut self.on_configuration_change, differences.on_configuration_change);
            if !differences.start.is_empty() {
                self.start = differences.start;
            }
        }
        self
    }

    /// The entry of a list for this start, counted from 0.
    pub(crate) fn of_start<T>(list: &[T], start: usize) -> Option<&T> {
        list.get(start).or(list.last())
    }
}

/// What a worker does at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Start {
    /// What it should.
    Normal,
    /// Writes a line to standard error and exits.
    Exit(i32, String),
    /// Kills itself with a signal, after HELLO.
    Signal(i32),
    /// Connects and says no more.
    Silent,
    /// Never connects.
    Absent,
    /// Sends these bytes instead of HELLO, and stays.
    Bytes(Vec<u8>),
    /// Sends these bytes after HELLO, and stays.
    BytesLater(Vec<u8>),
    /// Shows another token.
    WrongToken,
    /// Has another schema.
    WrongSchema,
    /// Speaks another version.
    WrongProtocol,
    /// Says HELLO again on its control connection.
    HelloTwice,
    /// Opens a second control connection, and is ready then.
    SecondControl,
    /// Calls the API before it is ready.
    CallsFirst,
    /// Is ready twice.
    ReadyTwice,
    /// Has asynchronous hooks and no connection for them.
    NoConnections,
    /// Says FAILED and exits.
    Failed,
}
