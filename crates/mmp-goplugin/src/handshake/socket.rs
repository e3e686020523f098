//! The plugin's Unix socket.

use std::ffi::OsString;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, chmod, chown};
use rustix::rand::{GetRandomFlags, getrandom};

use super::{ENV_SOCKET_DIR, ENV_SOCKET_GROUP, HandshakeError, HandshakeLine};

/// How often a path that exists is answered by another one.
const ATTEMPTS: usize = 100;
/// Where groups are looked up. Go asks the same file when it is built without cgo, as a static program must.
const GROUP_FILE: &str = "/etc/group";

/// A listening socket at a fresh path; the path is removed when it is dropped.
#[derive(Debug)]
pub struct PluginListener {
    listener: UnixListener,
    path: PathBuf,
    line: String,
}

impl PluginListener {
    /// Listens where the environment says: `PLUGIN_UNIX_SOCKET_DIR`, else `TMPDIR`, else `/tmp`.
    pub fn bind(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HandshakeError> {
        let non_empty = |key: &str| variable(key).filter(|value| !value.is_empty());
        let dir = non_empty(ENV_SOCKET_DIR)
            .or_else(|| non_empty("TMPDIR"))
            .map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let bound = bind_fresh(&dir)?;
        if let Some(group) = non_empty(ENV_SOCKET_GROUP) {
            make_group_writable(&bound.path, &group.to_string_lossy())?;
        }
        Ok(bound)
    }

    /// What to print on standard output, in one write, to tell the host.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The socket itself, for an event loop.
    pub fn socket(&self) -> &UnixListener {
        &self.listener
    }

    /// Waits for the host, which connects once.
    pub fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().map(|(stream, _)| stream)
    }
}

impl Drop for PluginListener {
    fn drop(&mut self) {
        // Nothing is lost if the directory was removed before.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Binds `plugin<random number>`, the name that Go's `os.CreateTemp` makes. Binding fails if the path exists, so it is always a new one.
fn bind_fresh(dir: &Path) -> Result<PluginListener, HandshakeError> {
    let mut attempt = 1;
    loop {
        let path = dir.join(format!("plugin{}", random_number()));
        let line = HandshakeLine::for_socket(&path)?;
        match UnixListener::bind(&path) {
            Ok(listener) => {
                return Ok(PluginListener { listener, path, line });
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => {
                attempt += 1;
            }
            Err(source) => return Err(HandshakeError::Listen { path, source }),
        }
    }
}

fn random_number() -> u32 {
    let mut bytes = [0; 4];
    // Without random numbers the process id makes the name unlikely to exist, and binding still refuses one that does.
    match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok(4) => u32::from_le_bytes(bytes),
        _ => std::process::id(),
    }
}

/// Gives the socket to a group and lets it read and write: go-plugin's `setGroupWritable`.
fn make_group_writable(path: &Path, group: &str) -> Result<(), HandshakeError> {
    let id = match group.parse() {
        Ok(id) => id,
        Err(_) => {
            let groups = std::fs::read_to_string(GROUP_FILE).unwrap_or_default();
            find_group(&groups, group).ok_or_else(|| HandshakeError::UnknownGroup(group.to_owned()))?
        }
    };
    chown(path, None, Some(Gid::from_raw(id)))
        .and_then(|()| chmod(path, Mode::from_raw_mode(0o660)))
        .map_err(|error| HandshakeError::Group { group: group.to_owned(), source: error.into() })
}

/// Finds a group's number in the text of `/etc/group`: `name:password:number:members`.
fn find_group(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::super::{COOKIE_KEY, COOKIE_VALUE, ENV_CLIENT_CERT, check_environment};
    use super::*;

    fn environment<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |key| {
            let pair = pairs.iter().find(|(name, _)| *name == key);
            pair.map(|(_, value)| OsString::from(value))
        }
    }

    #[test]
    fn without_the_cookie_the_text_says_what_to_do() {
        let error = check_environment(environment(&[(COOKIE_KEY, "x")])).expect_err("wrong cookie");
        assert!(error.to_string().contains("cannot be run by itself"));
        assert!(check_environment(|_| None).is_err());
        assert!(check_environment(environment(&[(COOKIE_KEY, COOKIE_VALUE)])).is_ok());
    }

    #[test]
    fn a_request_for_tls_is_refused() {
        let pairs = [(COOKIE_KEY, COOKIE_VALUE), (ENV_CLIENT_CERT, "-----BEGIN")];
        let error = check_environment(environment(&pairs)).expect_err("TLS");
        assert!(matches!(error, HandshakeError::TlsRequested));
    }

    #[test]
    fn the_socket_is_fresh_and_goes_away() {
        let dir = tempfile::tempdir().expect("a directory");
        let text = dir.path().to_str().expect("UTF-8");
        let pairs = [(ENV_SOCKET_DIR, text), ("TMPDIR", "/nonexistent")];
        let first = PluginListener::bind(environment(&pairs)).expect("bind");
        let second = PluginListener::bind(environment(&pairs)).expect("bind");
        assert_ne!(first.path(), second.path());
        assert!(first.path().starts_with(dir.path()));
        let expected = format!("1|1|unix|{}|netrpc|\n", first.path().display());
        assert_eq!(first.line(), expected);
        UnixStream::connect(first.path()).expect("it listens");
        let path = first.path().to_owned();
        drop(first);
        assert!(!path.exists());
    }

    #[test]
    fn a_group_by_number_may_write() {
        let dir = tempfile::tempdir().expect("a directory");
        let text = dir.path().to_str().expect("UTF-8");
        let own = std::fs::metadata(dir.path()).expect("metadata").gid();
        let group = own.to_string();
        let pairs = [("TMPDIR", text), (ENV_SOCKET_GROUP, group.as_str())];
        let bound = PluginListener::bind(environment(&pairs)).expect("bind");
        let metadata = std::fs::metadata(bound.path()).expect("metadata");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o660);
        assert_eq!(metadata.gid(), own);
    }

    #[test]
    fn an_unknown_group_is_an_error_and_leaves_no_socket() {
        let dir = tempfile::tempdir().expect("a directory");
        let text = dir.path().to_str().expect("UTF-8");
        let pairs = [("TMPDIR", text), (ENV_SOCKET_GROUP, "no such group")];
        let error = PluginListener::bind(environment(&pairs)).expect_err("unknown");
        assert_eq!(error.to_string(), "failed to find gid from \"no such group\"");
        assert_eq!(std::fs::read_dir(dir.path()).expect("dir").count(), 0);
    }

    #[test]
    fn a_directory_that_does_not_exist_is_named() {
        let error = PluginListener::bind(environment(&[("TMPDIR", "/nonexistent/dir")])).expect_err("no directory");
        assert!(error.to_string().starts_with("cannot listen on /nonexistent/dir/plugin"));
    }

    #[test]
    fn groups_are_found_by_whole_name() {
        let file = "root:x:0:\nstaff:x:50:a,b\nstaffers:x:51:\n";
        assert_eq!(find_group(file, "staff"), Some(50));
        assert_eq!(find_group(file, "sta"), None);
        assert_eq!(find_group("broken\nstaff:x\n", "staff"), None);
    }
}
