//! What the bridge must know to supervise a hook: whether it can refuse what is about to happen, and how long it may take.
//!
//! The first is said in `overrides.toml`, because Go's `(T, string)` does not say what the text is for; the second follows from the
//! shape of the Go method, except for the few hooks that `overrides.toml` lists.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::calls::Slot;
use crate::overrides::Overrides;
use crate::schema::{Basic, Method, Schema, Type};

/// The section `[reject]`: for a hook, how it refuses.
pub type RejectRules = BTreeMap<String, RejectRule>;

/// The section `[deadlines]`: for a kind of hook, its default time and the hooks whose shape does not show that they are of it.
pub type DeadlineRules = BTreeMap<Deadline, DeadlineRule>;

/// One entry of `[reject]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum RejectRule {
    /// A text that is not empty, at this position among the frame's results, refuses.
    Reason(u8),
    /// See [`RejectWord`].
    Word(RejectWord),
}

/// An entry of `[reject]` that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectWord {
    /// Go's error refuses.
    Error,
    /// The hook has a text among its results that is no reason.
    Never,
}

/// How a hook refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// By a text at this position among the frame's results.
    Reason(u8),
    /// By its error.
    Error,
}

/// Which deadline a hook has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deadline {
    /// It is called once on the way to being active, and has what is left of the time for that.
    Activation,
    /// It is called once at the end, and has its share of the time for that.
    Deactivation,
    /// A user waits for the answer to a command.
    Command,
    /// Nobody waits: no result, no stream.
    Event,
    /// The server waits for a result.
    Result,
    /// The server waits for a result, and expects that it takes long.
    Long,
    /// An HTTP request: its streams must move.
    Http,
    /// A file: its streams must move.
    File,
}

impl Deadline {
    /// All of them.
    pub const ALL: [Deadline; 8] = [
        Deadline::Activation,
        Deadline::Deactivation,
        Deadline::Command,
        Deadline::Event,
        Deadline::Result,
        Deadline::Long,
        Deadline::Http,
        Deadline::File,
    ];

    /// The name in `overrides.toml` and in Python.
    pub fn name(self) -> &'static str {
        match self {
            Deadline::Activation => "activation",
            Deadline::Deactivation => "deactivation",
            Deadline::Command => "command",
            Deadline::Event => "event",
            Deadline::Result => "result",
            Deadline::Long => "long",
            Deadline::Http => "http",
            Deadline::File => "file",
        }
    }

    /// The name in Rust.
    pub fn variant(self) -> &'static str {
        match self {
            Deadline::Activation => "Activation",
            Deadline::Deactivation => "Deactivation",
            Deadline::Command => "Command",
            Deadline::Event => "Event",
            Deadline::Result => "Result",
            Deadline::Long => "Long",
            Deadline::Http => "Http",
            Deadline::File => "File",
        }
    }

    /// Whether the default time stands in `overrides.toml`; the other kinds have none of their own.
    fn has_time(self) -> bool {
        matches!(self, Deadline::Command | Deadline::Result | Deadline::Long | Deadline::Http | Deadline::File)
    }

    /// Whether only a list in `overrides.toml` makes a hook one of this kind.
    fn is_listed(self) -> bool {
        matches!(self, Deadline::Activation | Deadline::Deactivation | Deadline::Command | Deadline::Long)
    }
}

/// One entry of `[deadlines]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadlineRule {
    /// The default time.
    pub seconds: Option<u64>,
    /// The hooks that are of this kind whatever their shape.
    #[serde(default)]
    pub hooks: BTreeSet<String>,
}

/// Reports entries of both sections that contradict the schema or each other.
pub(crate) fn check(overrides: &Overrides, schema: &Schema, faults: &mut Vec<String>) {
    let unknown = |name: &&String| !schema.hooks.iter().any(|hook| hook.name == **name);
    let fault = |section: &str, name: &String| format!("overrides.toml, [{section}]: `{name}` is not in the schema");
    faults.extend(overrides.reject.keys().filter(unknown).map(|name| fault("reject", name)));
    let mut seen = BTreeSet::new();
    for kind in Deadline::ALL {
        let rule = overrides.deadlines.get(&kind).cloned().unwrap_or_default();
        faults.extend(rule.hooks.iter().filter(unknown).map(|name| fault("deadlines", name)));
        let place = format!("overrides.toml, [deadlines]: {}", kind.name());
        if rule.seconds.is_some() != kind.has_time() {
            let needs = if kind.has_time() { "needs `seconds`" } else { "has no `seconds` of its own" };
            faults.push(format!("{place} {needs}"));
        }
        if !rule.hooks.is_empty() && !kind.is_listed() {
            faults.push(format!("{place} follows from a hook's shape and has no list"));
        }
        let twice = rule.hooks.into_iter().filter(|name| !seen.insert(name.clone()));
        faults.extend(twice.map(|name| format!("overrides.toml, [deadlines]: `{name}` is there twice")));
    }
}

/// How a hook refuses. A hook with a text among its results must say what the text is for.
pub(crate) fn reject(
    overrides: &Overrides,
    method: &Method,
    results: &[Slot],
    error: Option<&Slot>,
) -> Result<Option<Reject>, String> {
    let is_text = |slot: &Slot| slot.ty == Type::Basic(Basic::String);
    match overrides.reject.get(&method.name) {
        Some(RejectRule::Reason(at)) => {
            results
                .get(usize::from(*at))
                .filter(|slot| is_text(slot))
                .ok_or_else(|| format!("[reject]: result {at} is no text"))?;
            Ok(Some(Reject::Reason(*at)))
        }
        Some(RejectRule::Word(RejectWord::Error)) if error.is_none() => Err("[reject]: it has no error".to_owned()),
        Some(RejectRule::Word(RejectWord::Error)) => Ok(Some(Reject::Error)),
        Some(RejectRule::Word(RejectWord::Never)) => Ok(None),
        None if results.iter().any(is_text) => {
            Err("it has a text among its results, and [reject] in overrides.toml does not say what for".to_owned())
        }
        None => Ok(None),
    }
}

/// The kind of a hook: the list that names it, or what its shape shows.
pub(crate) fn deadline(overrides: &Overrides, method: &Method) -> Result<Deadline, String> {
    let streams = |ty: Option<&str>| {
        let is = |expr: &str| ty.is_none_or(|ty| ty == expr);
        method.params.iter().any(|param| param.stream && is(&param.expr))
    };
    let listed = overrides.deadlines.iter().find(|(_, rule)| rule.hooks.contains(&method.name));
    let shape = match method.results.is_empty() {
        _ if streams(Some("ResponseWriter")) => Deadline::Http,
        _ if streams(None) => Deadline::File,
        true => Deadline::Event,
        false => Deadline::Result,
    };
    match listed {
        None => Ok(shape),
        Some((kind, _)) if shape == Deadline::Result => Ok(*kind),
        Some((kind, _)) => Err(format!("[deadlines]: it is of the kind {}, not {}", shape.name(), kind.name())),
    }
}

/// What the author of a plugin must know of the time that a hook has, as a sentence; empty where the description says it.
pub(crate) fn sentence(overrides: &Overrides, kind: Deadline) -> String {
    let seconds = overrides.deadlines.get(&kind).and_then(|rule| rule.seconds).unwrap_or_default();
    match kind {
        Deadline::Activation => "It has the time that the manifest gives a plugin to start.".to_owned(),
        Deadline::Deactivation => "It has the time that the server gives a plugin to stop.".to_owned(),
        Deadline::Event => "The server does not wait for it.".to_owned(),
        Deadline::Command | Deadline::Result | Deadline::Long => {
            format!("The server waits {seconds} seconds at most, unless the plugin sets another time.")
        }
        Deadline::Http | Deadline::File => {
            format!("It is given up when nothing has moved for {seconds} seconds, unless the plugin sets another time.")
        }
    }
}
