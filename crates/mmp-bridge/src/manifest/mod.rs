//! The bundle's `plugin.json`: the keys that the bridge reads (`schema/manifest.schema.json` defines all of them).

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::version::Requirement;

/// How long a worker may take from its start to READY, unless the manifest says otherwise.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// The entry point when the manifest names none.
const ENTRY_POINT: &str = "plugin.py";

/// What is wrong with a manifest. Every message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ManifestError {
    /// There is no bundle around the executable.
    #[error("no plugin.json was found in the directories above {0}: the bridge must be inside a plugin's bundle")]
    NotFound(PathBuf),
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not JSON of the right form.
    #[error("{path}, line {line}, column {column}: {message}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A key has a value that the bridge cannot use.
    #[error("{path}: {key} {message}")]
    Key {
        /// The file.
        path: PathBuf,
        /// The key, from the top.
        key: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
}

/// A bundle whose manifest is right.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    /// The absolute path of the bundle.
    pub(crate) path: PathBuf,
    /// The plugin's id.
    pub(crate) id: String,
    /// What the SDK loads: a file or a module.
    pub(crate) entry_point: String,
    /// Which Python versions the plugin runs on.
    pub(crate) requires_python: Requirement,
    /// A virtual environment inside the bundle, if the manifest names one.
    pub(crate) venv: Option<PathBuf>,
    /// Names of environment variables that the worker gets besides the usual ones.
    pub(crate) environment: Vec<String>,
    /// Whether the plugin uses the server's database driver.
    pub(crate) database: bool,
    /// How long a worker may take from its start to READY.
    pub(crate) start_timeout: Duration,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    id: String,
    #[serde(default)]
    server: Server,
}

#[derive(Debug, Default, Deserialize)]
struct Server {
    #[serde(default)]
    runtime: String,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    database: bool,
    /// The earlier SDK's key: the version that the plugin was written for.
    #[serde(default)]
    python_version: Option<String>,
    #[serde(default)]
    python: Python,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Python {
    entry_point: Option<String>,
    requires_python: Option<String>,
    start_timeout: Option<f64>,
    /// The earlier SDK's keys.
    dependency_mode: Option<String>,
    venv_path: Option<String>,
    /// Used when the bundle is made, not here.
    #[serde(rename = "requirements_path")]
    _requirements_path: Option<String>,
}

impl Bundle {
    /// Finds the bundle that holds `executable` and reads its manifest. The working directory says nothing: it is the server's.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub(crate) fn find(executable: &Path) -> Result<Bundle, ManifestError> {
        let root = executable.ancestors().skip(1).take(6).find(|directory| directory.join("plugin.json").is_file());
        let root = root.ok_or_else(|| ManifestError::NotFound(executable.to_owned()))?;
        Bundle::read(root)
    }

    /// Reads the manifest of the bundle at `root`.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub(crate) fn read(root: &Path) -> Result<Bundle, ManifestError> {
        let path = root.join("plugin.json");
        let text = std::fs::read(&path).map_err(|source| ManifestError::Unreadable { path: path.clone(), source })?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| ManifestError::Malformed {
            path: path.clone(),
            line: error.line(),
            column: error.column(),
            message: without_position(&error.to_string()),
        })?;
        manifest.check(root, &path)
    }
}

impl Manifest {
    fn check(self, root: &Path, path: &Path) -> Result<Bundle, ManifestError> {
        let wrong = |key, message: &str| ManifestError::Key { path: path.to_owned(), key, message: message.to_owned() };
        if self.id.is_empty() {
            return Err(wrong("id", "is missing; every plugin has one, such as com.example.my-plugin"));
        }
        match self.server.runtime.as_str() {
            "python" => {}
            "" => return Err(wrong("server.runtime", "is missing; a plugin in Python says \"python\" here")),
            other => {
                let message = format!("{other:?} is not known to this bridge; it runs \"python\"");
                return Err(wrong("server.runtime", &message));
            }
        }
        let python = self.server.python;
        let entry_point = python.entry_point.unwrap_or_else(|| ENTRY_POINT.to_owned());
        if escapes(&entry_point) {
            return Err(wrong("server.python.entry_point", "must be a file or module inside the bundle"));
        }
        let requires = python.requires_python.or_else(|| self.server.python_version.map(|v| format!(">={v}")));
        let requires_python = Requirement::parse(requires.as_deref().unwrap_or(">=3.10"))
            .map_err(|message| wrong("server.python.requires_python", &message))?;
        let venv = match (python.dependency_mode.as_deref(), python.venv_path) {
            (None | Some("bundled" | "system" | "venv"), Some(venv)) if !escapes(&venv) => Some(root.join(venv)),
            (_, Some(_)) => return Err(wrong("server.python.venv_path", "must be a directory inside the bundle")),
            (Some("venv"), None) => {
                return Err(wrong("server.python.venv_path", "is missing; dependency_mode \"venv\" needs it"));
            }
            (None | Some("bundled" | "system"), None) => None,
            (Some(_), None) => {
                return Err(wrong("server.python.dependency_mode", "must be \"bundled\", \"venv\" or \"system\""));
            }
        };
        let start_timeout = match python.start_timeout {
            None => START_TIMEOUT,
            Some(seconds) if (0.1..=3600.0).contains(&seconds) => Duration::from_secs_f64(seconds),
            Some(_) => return Err(wrong("server.python.start_timeout", "must be between 0.1 and 3600 seconds")),
        };
        if let Some(name) = self.server.env.iter().find(|name| name.to_ascii_uppercase().starts_with("MM_")) {
            let message = format!(
                "names {name}, which belongs to the server's own settings and secrets, and a plugin never gets those: remove it"
            );
            return Err(wrong("server.env", &message));
        }
        Ok(Bundle {
            path: root.to_owned(),
            id: self.id,
            entry_point,
            requires_python,
            venv,
            environment: self.server.env,
            database: self.server.database,
            start_timeout,
        })
    }
}

/// Whether a path leaves the bundle.
fn escapes(path: &str) -> bool {
    let path = Path::new(path);
    path.is_absolute() || path.components().any(|part| part == std::path::Component::ParentDir)
}

/// serde_json ends its messages with the position, which is told apart here.
fn without_position(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Bundle, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("plugin.json"), json).unwrap();
        let shown = directory.path().join("plugin.json").display().to_string();
        Bundle::read(directory.path()).map_err(|error| error.to_string().replace(&shown, "plugin.json"))
    }

    #[test]
    fn a_small_manifest_has_sensible_defaults() {
        let bundle = read(r#"{"id": "a.b", "server": {"runtime": "python"}, "unknown": 1}"#).unwrap();
        assert_eq!(bundle.entry_point, "plugin.py");
        assert_eq!(bundle.start_timeout, Duration::from_secs(120));
        assert!(!bundle.database);
        assert!(bundle.requires_python.allows((3, 10, 0)) && !bundle.requires_python.allows((3, 9, 20)));
    }

    #[test]
    fn the_database_is_there_if_it_is_asked_for() {
        for (database, expected) in [("true", true), ("false", false)] {
            let json = format!(r#"{{"id": "a.b", "server": {{"runtime": "python", "database": {database}}}}}"#);
            assert_eq!(read(&json).unwrap().database, expected);
        }
    }

    #[test]
    fn the_earlier_sdks_keys_are_honoured() {
        let bundle = read(
            r#"{"id": "a.b", "server": {"executable": "plugin.py", "runtime": "python", "python_version": "3.11",
                "python": {"dependency_mode": "venv", "venv_path": "venv", "requirements_path": "requirements.txt"}}}"#,
        )
        .unwrap();
        assert!(bundle.venv.unwrap().ends_with("venv"));
        assert!(!bundle.requires_python.allows((3, 10, 9)) && bundle.requires_python.allows((3, 12, 0)));
    }

    #[test]
    fn every_fault_names_the_key_and_what_to_do() {
        let cases = [
            ("{", "plugin.json, line 1, column 1: EOF while parsing an object"),
            (r#"{"server": {"runtime": "python"}}"#, "plugin.json: id is missing"),
            (r#"{"id": "a"}"#, "plugin.json: server.runtime is missing; a plugin in Python says \"python\" here"),
            (r#"{"id": "a", "server": {"runtime": "ruby"}}"#, "plugin.json: server.runtime \"ruby\" is not known"),
            (
                r#"{"id": "a", "server": {"runtime": "python", "python": {"entry_point": "../x.py"}}}"#,
                "plugin.json: server.python.entry_point must be",
            ),
            (
                r#"{"id": "a", "server": {"runtime": "python", "python": {"entrypoint": "x.py"}}}"#,
                "unknown field `entrypoint`",
            ),
            (
                r#"{"id": "a", "server": {"runtime": "python", "python": {"requires_python": "new"}}}"#,
                "plugin.json: server.python.requires_python ",
            ),
            (
                r#"{"id": "a", "server": {"runtime": "python", "env": ["MM_SQLSETTINGS_DATASOURCE"]}}"#,
                "plugin.json: server.env names MM_SQLSETTINGS_DATASOURCE, which",
            ),
            (
                r#"{"id": "a", "server": {"runtime": "python", "database": "yes"}}"#,
                "invalid type: string \"yes\", expected a boolean",
            ),
            (
                r#"{"id": "a", "server": {"runtime": "python", "python": {"start_timeout": 0}}}"#,
                "plugin.json: server.python.start_timeout must",
            ),
            (
                r#"{"id": "a", "server": {"runtime": "python", "python": {"dependency_mode": "venv"}}}"#,
                "plugin.json: server.python.venv_path is missing",
            ),
        ];
        for (json, expected) in cases {
            let error = read(json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
