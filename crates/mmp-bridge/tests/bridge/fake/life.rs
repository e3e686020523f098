//! The fake worker from its start to its end.

use std::io::{BufRead as _, Read as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use mmp_transcode::generated;
use mmp_worker::frame::Kind;
use mmp_worker::messages::{self, DeclaredHook, Failed, Mode, Ready, Role, encode};

use super::connection::{Connection, hello};
use super::relay::Relays;
use super::{GRANDCHILD, asynchronous, commands, note, sleep_for_long, start_and_forget};
use crate::script::{Pong, Script, Start};

/// What the threads of a worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) bundle: std::path::PathBuf,
    pub(crate) script: Script,
    /// How many processes of this worker there were before this one.
    pub(crate) start: usize,
    pub(crate) token: String,
    /// Which one of several it is.
    pub(crate) index: Option<usize>,
}

impl Worker {
    /// Notes what a hook does, if hooks are to be noted.
    pub(crate) fn note_hook(&self, name: &str, line: &str) {
        if self.script.noted {
            let index = self.index.map(|index| format!("{index}: ")).unwrap_or_default();
            note(&self.bundle, &format!("{index}{name} {line}"));
        }
    }
}

/// Which one of several workers this process is.
fn index() -> Option<usize> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<usize>().ok();
    let count = number("MATTERMOST_PLUGIN_WORKERS")?;
    number("MATTERMOST_PLUGIN_WORKER_INDEX").filter(|_| count > 1)
}

/// Lives.
pub(crate) fn live(bundle: &Path, script: Script) -> ExitCode {
    let index = index();
    let script = index.map_or_else(|| script.clone(), |index| script.clone().of_worker(index));
    let mark = index.map_or("start ".to_owned(), |index| format!("start of {index} "));
    let before = std::fs::read_to_string(bundle.join("journal")).unwrap_or_default();
    let start = before.lines().filter(|line| line.starts_with(&mark)).count();
    note(bundle, &format!("{mark}{}", std::process::id()));
    if script.grandchild {
        start_and_forget(GRANDCHILD);
    }
    let mut token = String::new();
    std::io::stdin().lock().read_line(&mut token).unwrap();
    if !script.stubborn {
        std::thread::spawn(|| {
            // What is read does not matter: nothing is sent after the token, and the end means that the bridge is gone.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
    }
    let worker = Worker { bundle: bundle.to_owned(), script, start, token: token.trim().to_owned(), index };
    let behaviour = Script::of_start(&worker.script.start, start).cloned().unwrap_or(Start::Normal);
    begin(&Arc::new(worker), &behaviour)
}

fn begin(worker: &Arc<Worker>, behaviour: &Start) -> ExitCode {
    let token = &worker.token;
    match behaviour {
        Start::Exit(code, words) => {
            eprintln!("{words}");
            std::process::exit(*code);
        }
        Start::Absent => return stay(),
        Start::Bytes(bytes) => {
            let mut connection = Connection::silent();
            connection.bytes(bytes);
            return stay();
        }
        Start::WrongToken => return introduce(|hello| hello.token = "0".repeat(64), token),
        Start::WrongSchema => return introduce(|hello| hello.schema = "another".into(), token),
        Start::WrongProtocol => return introduce(|hello| hello.protocol = 99, token),
        _ => {}
    }
    let mut control = Connection::open(Role::Control, token);
    match behaviour {
        Start::Signal(signal) => commands::raise(*signal),
        Start::Silent => return stay(),
        Start::BytesLater(bytes) => {
            control.bytes(bytes);
            return stay();
        }
        Start::HelloTwice => {
            control.hello(&hello(Role::Control, token));
            return stay();
        }
        Start::SecondControl => {
            let (header, _) = {
                let mut second = Connection::silent();
                second.hello(&hello(Role::Control, token));
                second.next().unwrap()
            };
            note(&worker.bundle, &format!("second control: {:?}", header.kind));
            return stay();
        }
        Start::Failed => {
            control.send(Kind::Failed, 0, 0, &encode(&failure()).unwrap());
            std::process::exit(1);
        }
        Start::NoConnections => {
            ready(worker, &mut control);
            return stay();
        }
        _ => {}
    }
    connect(worker);
    if *behaviour == Start::CallsFirst {
        let mut api = Connection::open(Role::Api, token);
        let (kind, said) = commands::Caller::call(&mut api, commands::api("GetServerVersion"), b"\x90");
        note(&worker.bundle, &format!("called: {kind:?} {}", String::from_utf8_lossy(&said)));
    }
    ready(worker, &mut control);
    if *behaviour == Start::ReadyTwice {
        ready(worker, &mut control);
    }
    obey(worker, &mut control)
}

fn introduce(change: impl FnOnce(&mut mmp_worker::messages::Hello), token: &str) -> ExitCode {
    let mut hello = hello(Role::Control, token);
    change(&mut hello);
    let mut connection = Connection::silent();
    connection.hello(&hello);
    stay()
}

fn stay() -> ExitCode {
    sleep_for_long();
    ExitCode::SUCCESS
}

fn failure() -> Failed {
    Failed {
        code: "import".into(),
        message: "No module named 'requests'.".into(),
        hint: "Add it to requirements.txt and bundle again.".into(),
        file: "plugin.py".into(),
        line: 3,
        traceback: "Traceback (most recent call last):\n  File \"plugin.py\", line 3".into(),
    }
}

fn connect(worker: &Arc<Worker>) {
    if worker.script.hooks.iter().any(|(_, asynchronous)| !asynchronous) {
        (0..4).for_each(|_| open_sync(worker));
    }
    if worker.script.hooks.iter().any(|(_, asynchronous)| *asynchronous) {
        asynchronous::open(worker);
    }
}

fn open_sync(worker: &Arc<Worker>) {
    let mut connection = Connection::open(Role::Sync, &worker.token);
    let worker = Arc::clone(worker);
    std::thread::spawn(move || {
        let relays = Relays::default();
        while let Some((header, payload)) = connection.next() {
            if header.kind != Kind::Hook {
                relays.pass_on(header, &payload);
                continue;
            }
            let mut twin = connection.twin().unwrap();
            if !relays.take(&worker, header, &payload, move |frame| twin.bytes(frame)) {
                commands::run_hook(&worker, &mut connection, header, &payload);
            }
        }
    });
}

fn ready(worker: &Worker, control: &mut Connection) {
    let mode = |asynchronous| if asynchronous { Mode::Async } else { Mode::Sync };
    let known = worker.script.hooks.iter();
    let known = known.map(|(name, asynchronous)| (generated::hook_by_name(name).unwrap().id, mode(*asynchronous)));
    let unknown = worker.script.unknown_hooks.iter().map(|id| (*id, Mode::Sync));
    let options = |id| {
        let chosen = |(name, _): &&(String, _)| generated::hook_by_name(name).is_some_and(|method| method.id == id);
        worker.script.options.iter().find(chosen).map(|(_, options)| *options).unwrap_or_default()
    };
    let hooks = known.chain(unknown).map(|(id, mode)| DeclaredHook(id, mode, options(id))).collect();
    control.send(Kind::Ready, 0, 0, &encode(&Ready { hooks }).unwrap());
}

fn pong(worker: &Worker, control: &mut Connection, id: u32, pings: u32) {
    let (lag_ms, debugger) = match Script::of_start(&worker.script.pong, worker.start) {
        Some(Pong::Silent) => return,
        Some(Pong::Lagging(lag)) => (*lag, false),
        Some(Pong::Debugged(lag)) => (*lag, pings == 1),
        Some(Pong::Well) | None => (0, false),
    };
    control.send(Kind::Pong, 0, id, &encode(&messages::Pong { lag_ms, debugger }).unwrap());
}

/// Does what the bridge asks for, until it closes the connection.
fn obey(worker: &Arc<Worker>, control: &mut Connection) -> ExitCode {
    let mut pings = 0;
    while let Some((header, _)) = control.next() {
        match header.kind {
            Kind::Open if worker.script.keeps_to_its_connections => {}
            Kind::Open => (0..header.id).for_each(|_| open_sync(worker)),
            Kind::Ping => {
                pings += 1;
                pong(worker, control, header.id, pings);
            }
            Kind::Stop => {
                note(&worker.bundle, "stop");
                if !worker.script.stubborn {
                    control.send(Kind::Log, 0, 0, &commands::log_line("info", "goodbye"));
                    return ExitCode::SUCCESS;
                }
            }
            _ => {}
        }
    }
    if worker.script.stubborn { stay() } else { ExitCode::SUCCESS }
}
