//! The plugin's Unix socket.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, chmod, chown};
use rustix::rand::{GetRandomFlags, getrandom};

use super::{ENV_SOCKET_DIR, ENV_SOCKET_GROUP, HandshakeError, HandshakeLine};

/// How often a path that exists is answered by another one.
const ATTEMPTS: usize = 100;
/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;
/// Where groups are looked up. Go asks the same file when it is built without cgo, as a static program must.
const GROUP_FILE: &str = "/etc/group";

/// Where the socket may be if the directory for temporary files cannot be used: it may be missing (distroless images), read-only or full.
const FALLBACKS: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];
/// What the names of sockets begin with. Go's are `plugin<random number>`; nobody reads them, and with another name this program knows its own.
const PREFIX: &str = "mmp-plugin";
/// How many entries of a directory are looked at for sockets that were left behind.
const MAX_ENTRIES: usize = 20_000;

/// A listening socket at a fresh path, which only this user can connect to; the path is removed when it is dropped.
#[derive(Debug)]
pub struct PluginListener {
    listener: UnixListener,
    path: PathBuf,
    line: String,
    /// The host has named a group that may connect as well.
    for_group: bool,
}

impl PluginListener {
    /// Listens where the environment says: in `PLUGIN_UNIX_SOCKET_DIR`, or else in the first of `TMPDIR`, `/tmp`, `/var/tmp`, `/dev/shm` and the directory of the executable that will do.
    /// Go stops at `TMPDIR`. The host connects wherever the line says.
    pub fn bind(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HandshakeError> {
        let non_empty = |key: &str| variable(key).filter(|value| !value.is_empty());
        let mut bound = match non_empty(ENV_SOCKET_DIR) {
            Some(dir) => bind_fresh(Path::new(&dir)),
            None => bind_in_first(&candidates(non_empty("TMPDIR"))),
        }?;
        if let Some(group) = non_empty(ENV_SOCKET_GROUP) {
            make_group_writable(&bound.path, &group.to_string_lossy())?;
            bound.for_group = true;
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

    /// Waits for the host, which connects once. Unless the host has named a group, a process of another user than this one or root is turned away with
    /// [`io::ErrorKind::PermissionDenied`]; the next one may be the host.
    pub fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _) = self.listener.accept()?;
        match peer(&stream)? {
            Some(user) if !self.for_group && !is_welcome(user) => {
                let message = format!("a process of the user with the number {user} was turned away");
                Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
            }
            _ => Ok(stream),
        }
    }
}

/// The user at the other end, where the system tells.
fn peer(stream: &UnixStream) -> io::Result<Option<u32>> {
    #[cfg(target_os = "linux")]
    return Ok(Some(rustix::net::sockopt::socket_peercred(stream)?.uid.as_raw()));
    #[cfg(not(target_os = "linux"))]
    return Ok(None);
}

/// The server runs as the same user, or as root.
fn is_welcome(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

impl Drop for PluginListener {
    fn drop(&mut self) {
        // Nothing is lost if the directory was removed before.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The directories to try, in this order.
fn candidates(temporary: Option<OsString>) -> Vec<PathBuf> {
    let executable = std::env::current_exe().ok();
    let last_resort = executable.as_deref().and_then(Path::parent).map(Path::to_owned);
    temporary.map(PathBuf::from).into_iter().chain(FALLBACKS.map(PathBuf::from)).chain(last_resort).collect()
}

/// Binds in the first directory where that works. If there is none, the error is that of the first, which somebody has chosen, and names the others.
fn bind_in_first(dirs: &[PathBuf]) -> Result<PluginListener, HandshakeError> {
    let mut first = None;
    for dir in dirs {
        match bind_fresh(dir) {
            Ok(bound) => return Ok(bound),
            Err(error) => first = first.or(Some(error)),
        }
    }
    let tried: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    Err(HandshakeError::Nowhere { tried: tried.join(", "), first: first.map(Box::new) })
}

/// Binds a path that does not exist. Binding fails if it does, so it is always a new one.
fn bind_fresh(dir: &Path) -> Result<PluginListener, HandshakeError> {
    remove_leftovers(dir);
    let mut attempt = 1;
    loop {
        let path = dir.join(format!("{PREFIX}{}", random_number()));
        let line = HandshakeLine::for_socket(&path)?;
        match listen(&path) {
            Ok(listener) => {
                return Ok(PluginListener { listener, path, line, for_group: false });
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => {
                attempt += 1;
            }
            Err(source) => return Err(HandshakeError::Listen { path, source }),
        }
    }
}

/// A socket that only this user can connect to, whatever the umask is. On Linux a socket gets its mode from the descriptor when it is bound, so it is never open to others, not even for a moment.
fn listen(path: &Path) -> io::Result<UnixListener> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let private = Mode::from_raw_mode(0o600);
    // Other systems refuse this; there the path gets its mode below.
    let _ = rustix::fs::fchmod(&socket, private);
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    let listening = chmod(path, private).and_then(|()| rustix::net::listen(&socket, BACKLOG));
    if let Err(error) = listening {
        // A path that nobody listens at is of no use.
        let _ = std::fs::remove_file(path);
        return Err(error.into());
    }
    Ok(UnixListener::from(socket))
}

/// Removes sockets that plugins left behind that were killed: those of this user with such a name that no process has. What cannot be removed stays: it does no harm.
fn remove_leftovers(dir: &Path) {
    let own = rustix::process::geteuid().as_raw();
    for entry in std::fs::read_dir(dir).into_iter().flatten().take(MAX_ENTRIES).flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).unwrap_or_default();
        let named = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        // This does not follow links.
        let is_own = || entry.metadata().is_ok_and(|data| data.uid() == own && data.file_type().is_socket());
        if named && is_own() && is_abandoned(&entry.path()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether no process has the socket. A datagram socket cannot be connected to one of streams, but is refused in another way if nobody has that at all, and who has it does not notice.
fn is_abandoned(path: &Path) -> bool {
    let asked = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    asked.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
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
    use std::os::unix::fs::PermissionsExt;

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
        let pairs = [(ENV_SOCKET_DIR, "/nonexistent/dir")];
        let error = PluginListener::bind(environment(&pairs)).expect_err("no directory");
        assert!(error.to_string().starts_with("cannot listen on /nonexistent/dir/mmp-plugin"));
        let error = bind_in_first(&["/nonexistent/dir".into(), "/proc".into()]).expect_err("no directory");
        let sentence = error.to_string();
        assert!(sentence.contains("cannot listen on /nonexistent/dir/mmp-plugin"), "{sentence}");
        assert!(sentence.contains("tried: /nonexistent/dir, /proc"), "{sentence}");
    }

    #[test]
    fn another_directory_is_used_if_the_one_for_temporary_files_is_missing() {
        let bound = PluginListener::bind(environment(&[("TMPDIR", "/nonexistent/dir")])).expect("bind");
        assert!(!bound.path().starts_with("/nonexistent"));
        UnixStream::connect(bound.path()).expect("it listens");
        let dir = tempfile::tempdir().expect("a directory");
        let long = dir.path().join("x".repeat(100));
        std::fs::create_dir(&long).expect("make");
        let bound = bind_in_first(&[long, dir.path().to_owned()]).expect("bind");
        assert_eq!(bound.path().parent(), Some(dir.path()));
    }

    #[test]
    fn only_this_user_can_connect() {
        let dir = tempfile::tempdir().expect("a directory");
        let bound = bind_fresh(dir.path()).expect("bind");
        let mode = std::fs::metadata(bound.path()).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let _stream = UnixStream::connect(bound.path()).expect("connect");
        bound.accept().expect("this user is welcome");
        let own = rustix::process::geteuid().as_raw();
        assert!(is_welcome(own) && is_welcome(0) && !is_welcome(own + 1));
    }

    #[test]
    fn sockets_that_were_left_behind_are_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let left = |name: &str| {
            let path = dir.path().join(name);
            drop(UnixListener::bind(&path).expect("bind"));
            path
        };
        let abandoned = left("mmp-plugin123");
        let others = [left("plugin123"), left("mmp-plugin"), left("mmp-pluginx1")];
        std::os::unix::fs::symlink(&others[0], dir.path().join("mmp-plugin5")).expect("link");
        let served = UnixListener::bind(dir.path().join("mmp-plugin4")).expect("bind");
        served.set_nonblocking(true).expect("set");
        let bound = bind_fresh(dir.path()).expect("bind");
        assert!(!abandoned.exists());
        assert!(others.iter().all(|path| path.exists()) && dir.path().join("mmp-plugin5").is_symlink());
        assert!(dir.path().join("mmp-plugin4").exists() && bound.path().exists());
        // Who has a socket does not notice that it was asked for.
        assert_eq!(served.accept().expect_err("nobody").kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn groups_are_found_by_whole_name() {
        let file = "root:x:0:\nstaff:x:50:a,b\nstaffers:x:51:\n";
        assert_eq!(find_group(file, "staff"), Some(50));
        assert_eq!(find_group(file, "sta"), None);
        assert_eq!(find_group("broken\nstaff:x\n", "staff"), None);
    }
}
