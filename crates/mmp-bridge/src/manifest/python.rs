//! `server.python`: how a worker in Python is started.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::server::escapes;
use crate::version::Requirement;

/// The entry point when the manifest names none.
const ENTRY_POINT: &str = "plugin.py";

/// More processes than this help no plugin.
const MOST_WORKERS: usize = 64;

/// A worker in Python.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    /// What the SDK loads: a file or a module.
    pub(crate) entry_point: String,
    /// Which versions the plugin runs on.
    pub(crate) requires: Requirement,
    /// A virtual environment inside the bundle, if the manifest names one.
    pub(crate) venv: Option<PathBuf>,
    /// How many processes share the hooks.
    pub(crate) workers: usize,
}

/// The keys of `server.python`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    entry_point: Option<String>,
    requires_python: Option<String>,
    pub(super) start_timeout: Option<f64>,
    workers: Option<usize>,
    /// The earlier SDK's keys.
    dependency_mode: Option<String>,
    venv_path: Option<String>,
    /// Used when the bundle is made, not here.
    #[serde(rename = "requirements_path")]
    _requirements_path: Option<String>,
}

/// The key that is wrong, and what to do.
type Wrong = (&'static str, String);

impl Keys {
    /// `python_version` is the earlier SDK's key: the version that the plugin was written for.
    pub(super) fn check(self, root: &Path, python_version: Option<&str>) -> Result<Python, Wrong> {
        let entry_point = self.entry_point.unwrap_or_else(|| ENTRY_POINT.to_owned());
        if escapes(&entry_point) {
            return Err(("server.python.entry_point", "must be a file or module inside the bundle".to_owned()));
        }
        let requires = self.requires_python.or_else(|| python_version.map(|v| format!(">={v}")));
        let requires = Requirement::parse(requires.as_deref().unwrap_or(">=3.10"))
            .map_err(|message| ("server.python.requires_python", message))?;
        let venv = venv(root, self.dependency_mode.as_deref(), self.venv_path)?;
        let workers = self.workers.unwrap_or(1);
        if !(1..=MOST_WORKERS).contains(&workers) {
            return Err(("server.python.workers", format!("must be between 1 and {MOST_WORKERS}")));
        }
        Ok(Python { entry_point, requires, venv, workers })
    }
}

fn venv(root: &Path, mode: Option<&str>, path: Option<String>) -> Result<Option<PathBuf>, Wrong> {
    let wrong = |key, message: &str| Err((key, message.to_owned()));
    match (mode, path) {
        (None | Some("bundled" | "system" | "venv"), Some(venv)) if !escapes(&venv) => Ok(Some(root.join(venv))),
        (_, Some(_)) => wrong("server.python.venv_path", "must be a directory inside the bundle"),
        (Some("venv"), None) => wrong("server.python.venv_path", "is missing; dependency_mode \"venv\" needs it"),
        (None | Some("bundled" | "system"), None) => Ok(None),
        (Some(_), None) => wrong("server.python.dependency_mode", "must be \"bundled\", \"venv\" or \"system\""),
    }
}
