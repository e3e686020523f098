//! Starting the bridge: environment, handshake, connection.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use mmp_goplugin::handshake::{Address, HOST_ENVIRONMENT, HandshakeLine};
use mmp_goplugin::host::HostSession;

use super::{Api, Host, LIMIT, Log, Relay};
use crate::bundle::Bundle;
use crate::runner;

/// A start with a certain environment.
#[derive(Debug)]
pub(crate) struct Start {
    bundle: Bundle,
    variables: Vec<(OsString, OsString)>,
    /// A line of the journal that the host waits for before it connects.
    after: Option<&'static str>,
}

impl Start {
    /// The environment of a server: secrets, languages, proxies, and a PATH on which nothing is.
    pub(crate) fn new(bundle: Bundle) -> Start {
        let nothing = bundle.path().join("nothing").into_os_string();
        let temporary = bundle.temporary().as_os_str().to_owned();
        let mut variables: Vec<(OsString, OsString)> = vec![("PATH".into(), nothing), ("TMPDIR".into(), temporary)];
        for (name, value) in HOST_ENVIRONMENT.iter().chain(&[
            ("MM_SQLSETTINGS_DATASOURCE", "postgres://mattermost:secret@db/mattermost"),
            ("AWS_SECRET_ACCESS_KEY", "secret too"),
            ("HTTPS_PROXY", "http://proxy.example:3128"),
            ("LC_ALL", "C.UTF-8"),
        ]) {
            variables.push((name.into(), value.into()));
        }
        Start { bundle, variables, after: None }
    }

    /// Adds a variable.
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Start {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Connects only when the worker has noted this line.
    pub(crate) fn after(mut self, line: &'static str) -> Start {
        self.after = Some(line);
        self
    }

    /// Starts the bridge and dispenses its hooks.
    pub(crate) fn run(self) -> Host {
        let Start { bundle, variables, after } = self;
        let relay = Relay::new(bundle.path());
        let started = Instant::now();
        let mut command = Command::new(bundle.bridge());
        command.env_clear().envs(variables).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        runner::watch(child.id());
        let log = Arc::new(Mutex::new(Log::default()));
        let (sender, receiver) = mpsc::channel();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let shared = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            if let Some(line) = lines.next() {
                // A test that has ended by now does not need it.
                let _ = sender.send((line, started.elapsed()));
            }
            lines.for_each(|line| shared.lock().unwrap().stdout.push(line));
        });
        let shared = Arc::clone(&log);
        std::thread::spawn(move || {
            let lines = BufReader::new(stderr).lines().map_while(Result::ok);
            lines.for_each(|line| shared.lock().unwrap().stderr_line(&line));
        });
        let line = receiver.recv_timeout(LIMIT);
        let (line, handshake) = line.unwrap_or_else(|_| panic!("no handshake; log: {:?}", log.lock().unwrap()));
        let Ok(HandshakeLine { address: Address::Unix(path) }) = HandshakeLine::parse(&line) else {
            panic!("not a handshake: {line}");
        };
        let noted = |line: &str| bundle.journal().iter().any(|noted| noted.starts_with(line));
        while after.is_some_and(|line| !noted(line)) {
            assert!(started.elapsed() < LIMIT, "{after:?} is not in the journal {:?}", bundle.journal());
            std::thread::sleep(Duration::from_millis(5));
        }
        let stream = UnixStream::connect(path).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut session = HostSession::new(Instant::now()).unwrap();
        session.dispense().unwrap();
        let stream = Some(stream);
        let mut host = Host { bundle, child, stream, session, api: Api::default(), relay, log, handshake, exit: None };
        host.until("the hooks to be dispensed", LIMIT, |host| host.api.hooks.map(|_| ()));
        host
    }
}
