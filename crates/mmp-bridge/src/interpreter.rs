//! Finding a Python interpreter: in the bundle, then by `MATTERMOST_PLUGIN_PYTHON`, then on the PATH.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::manifest::Bundle;
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
pub(crate) fn find(bundle: &Bundle) -> Result<Interpreter, NoInterpreter> {
    let mut looked_at = Vec::new();
    for candidate in candidates(bundle) {
        match version_of(&candidate) {
            Ok(version) if bundle.requires_python.allows(version) => {
                return Ok(Interpreter { path: candidate, version });
            }
            Ok((major, minor, patch)) => looked_at.push(format!("{} is {major}.{minor}.{patch}", candidate.display())),
            Err(problem) => looked_at.push(format!("{}: {problem}", candidate.display())),
        }
    }
    let looked_at =
        if looked_at.is_empty() { "none is in the bundle or on the PATH".into() } else { looked_at.join("; ") };
    Err(NoInterpreter { requirement: bundle.requires_python.to_string(), looked_at })
}

fn candidates(bundle: &Bundle) -> Vec<PathBuf> {
    let venv = bundle.venv.iter().map(|venv| venv.join("bin/python3"));
    let bundled = BUNDLED.iter().map(|path| bundle.path.join(path));
    let mut found: Vec<PathBuf> = venv.chain(bundled).filter(|path| path.exists()).collect();
    found.extend(std::env::var_os(PYTHON_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path).filter(|path| path.is_absolute()).collect();
    for name in ON_PATH {
        found.extend(directories.iter().map(|directory| directory.join(name)).find(|path| path.is_file()));
    }
    found
}

/// Asks an interpreter for its version. `-I -S` keeps it from running anything else, and it gets an empty environment.
fn version_of(interpreter: &Path) -> Result<Version, String> {
    let mut command = Command::new(interpreter);
    command.args(["-I", "-S", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"]).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if Instant::now() > deadline {
            // It is gone after this; that it may be gone already is no fault.
            let _ = child.kill();
            let _ = child.wait();
            return Err("does not answer".to_owned());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    parse_version(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "does not tell its version".to_owned())
}

/// The names of variables that a worker gets from the server's environment: where things are, languages, time zones, proxies and certificates.
const PASSED: [&str; 25] = [
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

    #[test]
    fn an_interpreter_in_the_bundle_comes_first_and_a_broken_one_is_named() {
        use std::os::unix::fs::PermissionsExt as _;
        let (directory, bundle) =
            bundle(r#"{"id": "a", "server": {"runtime": "python", "python": {"requires_python": ">=3.98"}}}"#);
        let bin = directory.path().join("server/python/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("python3"), "#!/bin/sh\necho 3.99.1\n").unwrap();
        std::fs::set_permissions(bin.join("python3"), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find(&bundle).unwrap().version, (3, 99, 1));
        std::fs::write(bin.join("python3"), "#!/bin/sh\necho 3.9.1\n").unwrap();
        let error = find(&bundle).unwrap_err().to_string();
        assert!(error.starts_with("no Python interpreter >=3.98 was found ("), "{error}");
        assert!(error.contains("python3 is 3.9.1") && error.contains(PYTHON_VARIABLE), "{error}");
    }
}
