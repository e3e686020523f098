//! The payloads of the handshake (`docs/reference/frames.md`, section 3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version of the protocol that this crate speaks.
pub const PROTOCOL: u32 = 2;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The worker's first connection: its life.
    Control,
    /// One hook at a time, on a thread of its own.
    Sync,
    /// Many hooks at once, on an event loop.
    Async,
    /// API calls from outside hooks.
    Api,
}

impl std::fmt::Display for Role {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Role::Control => "control",
            Role::Sync => "sync",
            Role::Async => "async",
            Role::Api => "api",
        })
    }
}

/// The first frame of a connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol's version.
    pub protocol: u32,
    /// The hash of the schema that the worker's SDK was generated from.
    pub schema: String,
    /// The token that only the bridge and its worker know.
    pub token: String,
    /// What the connection is for.
    pub role: Role,
    /// Name and version of the SDK.
    #[serde(default)]
    pub sdk: String,
    /// Name and version of what runs it.
    #[serde(default)]
    pub runtime: String,
    /// The worker's process id.
    #[serde(default)]
    pub pid: u32,
}

/// The bridge's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol's version.
    pub protocol: u32,
    /// The plugin's id.
    pub plugin_id: String,
    /// The absolute path of the bundle.
    pub bundle_path: String,
    /// How many `sync` connections to open.
    pub sync_connections: u32,
    /// Which of the plugin's workers this is, from 0.
    #[serde(default)]
    pub worker_index: u32,
    /// How many workers the plugin has.
    #[serde(default = "one")]
    pub workers: u32,
}

fn one() -> u32 {
    1
}

/// The bridge's other answer; it closes the connection afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// `protocol`, `schema`, `token`, `role` or `order`.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// How the handler of a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// On a thread of its own.
    Sync,
    /// On the event loop.
    Async,
}

/// The plugin is loaded and implements these hooks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// The hooks.
    pub hooks: Vec<DeclaredHook>,
}

/// A hook that the plugin implements: its method id, how its handler runs, and what its author has chosen for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DeclaredHook(pub u16, pub Mode, #[serde(default)] pub HookOptions);

impl DeclaredHook {
    /// A hook without choices of its own.
    pub fn new(id: u16, mode: Mode) -> DeclaredHook {
        DeclaredHook(id, mode, HookOptions::default())
    }
}

/// What the author has chosen for a hook; the rest is by its kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookOptions {
    /// How many seconds it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
    /// What is answered when it has no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
}

/// What is answered for a hook that can reject, when its handler fails, is late or cannot be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The server goes on, as without the plugin.
    Allow,
    /// What the hook was asked about is rejected.
    Reject,
}

/// How a worker is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pong {
    /// For how many milliseconds what runs the hooks has not answered: an event loop, or the program behind the gateway.
    pub lag_ms: u64,
    /// Whether a debugger is attached, which may stop everything for as long as it likes.
    pub debugger: bool,
}

/// The plugin could not be loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failed {
    /// What kind of fault.
    pub code: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do, in one sentence.
    pub hint: String,
    /// Where, if there is a place.
    pub file: String,
    /// The line in it; 0 for none.
    pub line: u32,
    /// The traceback, for the log.
    pub traceback: String,
}

impl Failed {
    /// One line: what is wrong, where, and what to do.
    pub fn sentence(&self) -> String {
        let mut text = self.message.trim().trim_end_matches('.').to_owned();
        if !self.file.is_empty() {
            text.push_str(" (");
            text.push_str(&self.file);
            if self.line > 0 {
                text.push_str(&format!(", line {}", self.line));
            }
            text.push(')');
        }
        if !self.hint.is_empty() {
            text.push_str(": ");
            text.push_str(self.hint.trim());
        }
        text.replace(['\n', '\r'], " ")
    }
}

/// A line for the server's log: level, message, fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log(pub String, pub String, #[serde(default)] pub BTreeMap<String, String>);

/// Reads a payload.
///
/// # Errors
/// When it is not what the kind of the frame promises.
pub fn decode<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, rmp_serde::decode::Error> {
    rmp_serde::from_slice(payload)
}

/// Writes a payload as a map with named fields.
///
/// # Errors
/// Never for the types of this module.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line() {
        let failed = Failed {
            message: "No module named 'requests'.".into(),
            hint: "Add it to requirements.txt and bundle again.".into(),
            file: "plugin.py".into(),
            line: 3,
            ..Failed::default()
        };
        assert_eq!(
            failed.sentence(),
            "No module named 'requests' (plugin.py, line 3): Add it to requirements.txt and bundle again."
        );
    }

    #[test]
    fn ready_is_pairs_of_id_and_mode() {
        let ready: Ready = decode(b"\x81\xa5hooks\x92\x92\x05\xa4sync\x92\x00\xa5async").unwrap();
        assert_eq!(ready.hooks, [DeclaredHook::new(5, Mode::Sync), DeclaredHook::new(0, Mode::Async)]);
    }

    #[test]
    fn ready_may_hold_the_authors_choices() {
        let ready: Ready = decode(
            b"\x81\xa5hooks\x91\x93\x05\xa4sync\x82\xa7timeout\xcb\x40\x04\x00\x00\x00\x00\x00\x00\xaaon_failure\xa6reject",
        )
        .unwrap();
        let options = HookOptions { timeout: Some(2.5), on_failure: Some(OnFailure::Reject) };
        assert_eq!(ready.hooks, [DeclaredHook(5, Mode::Sync, options)]);
        assert_eq!(decode::<Ready>(&encode(&ready).unwrap()).unwrap(), ready);
    }
}
