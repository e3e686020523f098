//! Finding a Python interpreter: in the bundle, then by `MATTERMOST_PLUGIN_PYTHON`, then on the PATH.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mmp_worker::guard;
use mmp_worker::limits::Limits;

use crate::manifest::{Bundle, Python};
use crate::version::{Version, parse_version};

/// The environment variable with which an administrator names an interpreter.
pub(crate) const PYTHON_VARIABLE: &str = "MATTERMOST_PLUGIN_PYTHON";

/// Where an interpreter may be inside a bundle.
const BUNDLED: [&str; 4] =
    ["server/python/bin/python3", "server/python/bin/python", "venv/bin/python3", ".venv/bin/python3"];

/// Names on the PATH, newest first; `python3` comes first because it is what the administrator chose.
const ON_PATH: [&str; 7] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

/// How long an interpreter may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long all of them may take together: the server learns within five seconds that there is none.
const ALL_PATIENCE: Duration = Duration::from_secs(4);

/// An interpreter that satisfies the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// Its path.
    pub(crate) path: PathBuf,
    /// Its version.
    pub(crate) version: Version,
}

/// No interpreter will do. The message says what was looked at and what to do.
#[derive(Debug, thiserror::Error)]
#[error(
    "no Python interpreter {requirement} was found ({looked_at}): install Python on the server's machine, name an interpreter in {PYTHON_VARIABLE}, or put one into the bundle"
)]
pub(crate) struct NoInterpreter {
    requirement: String,
    looked_at: String,
}

/// Finds the first interpreter that satisfies the bundle's requirement.
///
/// # Errors
/// When there is none.
pub(crate) fn find(bundle: &Bundle, python: &Python) -> Result<Interpreter, NoInterpreter> {
    let mut looked_at = Vec::new();
    let deadline = Instant::now() + ALL_PATIENCE;
    // One interpreter may be there under several names, and is worth one remark.
    let mut note = |remark: String| {
        if !looked_at.contains(&remark) {
            looked_at.push(remark);
        }
    };
    for candidate in candidates(bundle, python) {
        let patience = deadline.saturating_duration_since(Instant::now()).min(PATIENCE);
        match ask(&candidate, bundle, patience) {
            Ok(interpreter) if python.requires.allows(interpreter.version) => return Ok(interpreter),
            Ok(Interpreter { version: (major, minor, patch), .. }) => {
                note(format!("{} is {major}.{minor}.{patch}", candidate.display()));
            }
            Err(problem) => note(format!("{} {problem}", candidate.display())),
        }
    }
    let looked_at =
        if looked_at.is_empty() { "none is in the bundle or on the PATH".into() } else { looked_at.join("; ") };
    Err(NoInterpreter { requirement: python.requires.to_string(), looked_at })
}

/// Whether the interpreter that is tried first is a part of the bundle.
pub(crate) fn is_bundled(bundle: &Bundle, python: &Python) -> bool {
    bundled(bundle, python).next().is_some()
}

/// The interpreters in the bundle.
fn bundled(bundle: &Bundle, python: &Python) -> impl Iterator<Item = PathBuf> {
    let venv = python.venv.iter().map(|venv| venv.join("bin/python3"));
    let bundled = BUNDLED.iter().map(|path| bundle.path.join(path));
    venv.chain(bundled).filter(|path| path.exists())
}

fn candidates(bundle: &Bundle, python: &Python) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = bundled(bundle, python).collect();
    found.extend(std::env::var_os(PYTHON_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path).filter(|path| path.is_absolute()).collect();
    for name in ON_PATH {
        found.extend(directories.iter().map(|directory| directory.join(name)).find(|path| path.is_file()));
    }
    found
}

/// Asks an interpreter for its version and for its own path, which differ from what was started where that is a wrapper (pyenv's shims take a tenth of a second every time).
/// `-I -S` keeps it from running anything else; it gets the environment that the worker will get.
///
/// It runs behind a guard, as a worker does: one that hangs is gone for certain when the patience is over, or when the bridge ends, and so is whatever it has started.
fn ask(interpreter: &Path, bundle: &Bundle, patience: Duration) -> Result<Interpreter, String> {
    const QUESTION: &str = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.executable)";
    if patience.is_zero() {
        return Err("was not asked, because others took too long".to_owned());
    }
    let command = ["-I", "-S", "-c", QUESTION].map(OsString::from);
    let command: Vec<OsString> = std::iter::once(interpreter.as_os_str().to_owned()).chain(command).collect();
    let environment = environment(bundle, std::env::vars_os());
    let (mut child, mut lifeline) = guard::spawn(&command, &Limits::default(), &environment, &bundle.path)
        .map_err(|error| format!("cannot be run: {error}"))?;
    drop(child.stdin.take());
    let asked = lifeline.set_read_timeout(Some(patience)).and_then(|()| lifeline.read(&mut [0]));
    drop(lifeline);
    child.wait().map_err(|error| error.to_string())?;
    if asked.is_err() {
        return Err("does not answer".to_owned());
    }
    let answer = read_some(child.stdout.take());
    let mut lines = answer.lines();
    let Some(version) = lines.next().and_then(parse_version) else {
        let said = read_some(child.stderr.take());
        return Err(no_version(interpreter, said.lines().next().unwrap_or_default()));
    };
    let own = lines.next().map(PathBuf::from).filter(|path| path.is_absolute() && path.exists());
    Ok(Interpreter { path: own.unwrap_or_else(|| interpreter.to_owned()), version })
}

/// What is said of an interpreter that did not tell its version, but wrote `said`. The guard's own words, that it cannot be run, say enough.
fn no_version(interpreter: &Path, said: &str) -> String {
    match said.strip_prefix(&*interpreter.to_string_lossy()).map(str::trim_start) {
        Some(reason) if reason.starts_with("cannot be run") => reason.to_owned(),
        _ if said.is_empty() => "does not tell its version".to_owned(),
        _ => format!("does not tell its version: {said}"),
    }
}

/// Reads the beginning of what a process wrote that is gone.
fn read_some(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What cannot be read is as good as not said.
        let _ = pipe.take(4096).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The names of variables that a worker gets from the server's environment: where things are, languages, time zones, proxies and certificates, and the SDK's own level of logging.
const PASSED: [&str; 26] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TZ",
    "TZDIR",
    "LANG",
    "LANGUAGE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "FTP_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "ftp_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "LD_LIBRARY_PATH",
    "MATTERMOST_PLUGIN_LOG_LEVEL",
];

/// The part of the server's environment that a worker gets. The rest stays behind: it holds the database's password, among other secrets.
pub(crate) fn environment(
    bundle: &Bundle,
    server: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    let passed = |name: &str| {
        PASSED.contains(&name) || name.starts_with("LC_") || bundle.environment.iter().any(|extra| extra == name)
    };
    let never = |name: &str| name.to_ascii_uppercase().starts_with("MM_");
    server.filter(|(name, _)| name.to_str().is_some_and(|name| passed(name) && !never(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(json: &str) -> (tempfile::TempDir, Bundle) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("plugin.json"), json).unwrap();
        let bundle = Bundle::read(directory.path()).unwrap();
        (directory, bundle)
    }

    #[test]
    fn secrets_stay_behind() {
        let (_directory, bundle) = bundle(r#"{"id": "a", "server": {"runtime": "python", "env": ["OPENAI_API_KEY"]}}"#);
        let server = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("MM_SQLSETTINGS_DATASOURCE", "postgres://user:secret@db"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("OPENAI_API_KEY", "k"),
            ("https_proxy", "http://proxy"),
        ];
        let kept = environment(&bundle, server.iter().map(|(k, v)| (OsString::from(k), OsString::from(v))));
        let names: Vec<_> = kept.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(names, ["PATH", "LC_ALL", "OPENAI_API_KEY", "https_proxy"]);
    }
}
