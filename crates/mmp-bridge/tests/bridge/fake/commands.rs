//! What a hook of the fake worker does: the first word of the post's message, or of the command, says it.

use std::fmt::Write as _;
use std::time::Duration;

use mmp_transcode::generated;
use mmp_transcode::msgpack::{put_array_len, put_bin, put_map_len, put_nil, put_str, put_uint};
use mmp_worker::frame::{BODY, Header, KIND_AT, Kind, OF_API, put_bytes, put_bytes_with};
use mmp_worker::messages::Role;
use serde_json::Value;

use super::connection::Connection;
use super::life::Worker;
use super::{GRANDCHILD, PARENT, note, sleep_for_long, start_and_forget};
use crate::script::Script;

/// The file in the bundle at which calls are given up.
pub(crate) const WAIVE: &str = "waive";

/// How an API call ended: API_REPLY or API_ERROR, and the payload.
pub(crate) type Outcome = (Kind, Vec<u8>);

/// A connection as a hook sees it.
pub(crate) trait Caller {
    fn send(&mut self, kind: Kind, method: u16, id: u32, payload: &[u8]);
    fn bytes(&mut self, bytes: &[u8]);
    fn call(&mut self, method: u16, payload: &[u8]) -> Outcome;
    fn close(&mut self);
}

impl Caller for Connection {
    fn send(&mut self, kind: Kind, method: u16, id: u32, payload: &[u8]) {
        Connection::send(self, kind, method, id, payload);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        Connection::bytes(self, bytes);
    }

    fn call(&mut self, method: u16, payload: &[u8]) -> Outcome {
        self.send(Kind::ApiCall, method, 7, payload);
        loop {
            let Some((header, payload)) = self.next() else { std::process::exit(9) };
            if header.id == 7 && matches!(header.kind, Kind::ApiReply | Kind::ApiError) {
                return (header.kind, payload);
            }
        }
    }

    fn close(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
    }
}

/// Runs a hook and answers it.
pub(crate) fn run_hook(worker: &Worker, caller: &mut dyn Caller, header: Header, payload: &[u8]) {
    let name = generated::hook(header.method).unwrap().name;
    let line = line_of(worker, header, payload);
    worker.note_hook(name, &line);
    let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
    let mut hook = Hook { worker, caller, header, payload, answered: false };
    hook.obey(word, rest);
    if !hook.answered {
        hook.reply(&[]);
    }
}

/// What a hook is to do.
pub(crate) fn line_of(worker: &Worker, header: Header, payload: &[u8]) -> String {
    let script = &worker.script;
    let Some(name) = generated::hook(header.method).map(|method| method.name) else { return String::new() };
    match name {
        "OnActivate" => Script::of_start(&script.on_activate, worker.start).cloned().unwrap_or_default(),
        "OnConfigurationChange" => {
            Script::of_start(&script.on_configuration_change, worker.start).cloned().unwrap_or_default()
        }
        "GenerateSupportData" => Script::of_start(&script.on_support, worker.start).cloned().unwrap_or_default(),
        _ => {
            let done = script.does.iter().find(|(hook, _)| hook == name);
            done.map_or_else(|| command_of(payload), |(_, command)| command.clone())
        }
    }
}

/// The message of the post, or the command line, of a hook.
fn command_of(payload: &[u8]) -> String {
    let arguments: Value = rmp_serde::from_slice(payload).unwrap();
    let text =
        |argument: &Value| ["message", "command"].iter().find_map(|key| Some(argument.get(key)?.as_str()?.to_owned()));
    arguments.as_array().and_then(|list| list.iter().skip(1).find_map(text)).unwrap_or_default()
}

struct Hook<'a> {
    worker: &'a Worker,
    caller: &'a mut dyn Caller,
    header: Header,
    payload: &'a [u8],
    answered: bool,
}

impl Hook<'_> {
    fn reply(&mut self, results: &[u8]) {
        self.answered = true;
        self.caller.send(Kind::HookReply, self.header.method, self.header.id, results);
    }

    fn obey(&mut self, word: &str, rest: &str) {
        match word {
            "edit" => self.edit(rest),
            "big" => self.edit(&"x".repeat(rest.parse().unwrap())),
            "reject" => self.reject(rest),
            "nil" => self.reply(b"\x92\xc0\xa0"),
            "file" => self.file(rest),
            "register" => self.register(rest),
            "fail" => self.fail(rest, false),
            "app" => self.fail(rest, true),
            "misfit" => self.misfit(rest),
            "wrong" => self.reply(b"\x93\x01\x02\x03"),
            "mixed" => self.reply(b"\x92\x05\xa9disk full"),
            "garbage" => self.reply(b"\xc1\xc1"),
            "twice" => (0..2).for_each(|_| self.reply(&[])),
            "unknown" => self.caller.send(Kind::HookReply, self.header.method, self.header.id + 1000, &[]),
            "hang" => sleep_for_long(),
            "sleep" => std::thread::sleep(Duration::from_millis(rest.parse().unwrap())),
            "die" => raise(libc::SIGKILL),
            "exit" => std::process::exit(rest.parse().unwrap()),
            "farewell" => {
                std::thread::sleep(Duration::from_millis(300));
                self.caller.send(Kind::Log, 0, 0, &log_line("info", "farewell"));
                self.caller.close();
                note(&self.worker.bundle, "closed");
                sleep_for_long();
            }
            "close" => {
                self.caller.close();
                sleep_for_long();
            }
            "raw" => {
                self.caller.bytes(rest.as_bytes());
                sleep_for_long();
            }
            "nest" => self.nest(rest.parse().unwrap()),
            "call" => self.call(rest),
            "bigcall" => self.call(&format!("KVGet {}", "k".repeat(rest.parse().unwrap()))),
            "pipeline" => self.pipeline(rest.parse().unwrap()),
            "waive" => self.waive(rest.parse().unwrap()),
            "desert" => self.desert(),
            "heap" => self.heap(rest.parse().unwrap()),
            "pile" => self.pile(rest.parse().unwrap()),
            "allocate" => allocate(rest.parse().unwrap()),
            "spawn" => (0..rest.parse().unwrap()).for_each(|_| start_and_forget(GRANDCHILD)),
            "print" => print(&mut std::io::stdout().lock(), "printed", rest.parse().unwrap()),
            "log" => self.log(rest.parse().unwrap()),
            "flood" => self.flood(rest.parse().unwrap()),
            "watchdog" => self.watchdog(rest.parse().unwrap()),
            "orphan" => {
                let executable = std::env::current_exe().unwrap();
                std::process::Command::new(executable).arg(PARENT).status().unwrap();
            }
            "environment" => self.environment(),
            "slowly" => self.slowly(rest),
            _ => {}
        }
    }

    /// Returns the post with another message.
    fn edit(&mut self, message: &str) {
        let mut arguments: Value = rmp_serde::from_slice(self.payload).unwrap();
        let mut post = arguments[1].take();
        post["message"] = message.into();
        let mut out = Vec::new();
        put_array_len(&mut out, 2);
        out.extend(rmp_serde::to_vec(&post).unwrap());
        put_str(&mut out, "");
        self.reply(&out);
    }

    fn reject(&mut self, reason: &str) {
        let mut out = Vec::new();
        put_array_len(&mut out, 2);
        put_nil(&mut out);
        put_str(&mut out, reason);
        self.reply(&out);
    }

    /// Registers a slash command.
    fn register(&mut self, trigger: &str) {
        let mut out = Vec::new();
        put_array_len(&mut out, 1);
        put_map_len(&mut out, 2);
        for (key, value) in [("trigger", trigger), ("description", "of the plugin")] {
            put_str(&mut out, key);
            put_str(&mut out, value);
        }
        self.caller.call(api("RegisterCommand"), &out);
    }

    /// Returns a file for the support packet.
    fn file(&mut self, name: &str) {
        let mut out = Vec::new();
        put_array_len(&mut out, 1);
        put_array_len(&mut out, 1);
        put_map_len(&mut out, 2);
        put_str(&mut out, "filename");
        put_str(&mut out, name);
        put_str(&mut out, "body");
        put_bin(&mut out, b"of the plugin");
        self.reply(&out);
    }

    /// Rejects the post in a frame that is sent byte by byte.
    fn slowly(&mut self, reason: &str) {
        let mut payload = Vec::new();
        put_array_len(&mut payload, 2);
        put_nil(&mut payload);
        put_str(&mut payload, reason);
        let mut frame = Vec::new();
        put_bytes(&mut frame, Kind::HookReply, self.header.method, self.header.id, &payload);
        self.answered = true;
        frame.iter().for_each(|byte| {
            self.caller.bytes(&[*byte]);
            std::thread::yield_now();
        });
    }

    fn fail(&mut self, message: &str, app: bool) {
        let mut out = Vec::new();
        put_map_len(&mut out, 1 + usize::from(app));
        put_str(&mut out, "message");
        put_str(&mut out, message);
        if app {
            put_str(&mut out, "app");
            put_map_len(&mut out, 5);
            for (key, value) in [("kind", "app"), ("id", "test.failed"), ("message", message), ("where", "here")] {
                put_str(&mut out, key);
                put_str(&mut out, value);
            }
            put_str(&mut out, "status_code");
            put_uint(&mut out, 418);
        }
        self.answered = true;
        self.caller.send(Kind::HookError, self.header.method, self.header.id, &out);
    }

    /// Fails with an AppError whose status is a text.
    fn misfit(&mut self, message: &str) {
        let mut out = Vec::new();
        put_map_len(&mut out, 2);
        put_str(&mut out, "message");
        put_str(&mut out, message);
        put_str(&mut out, "app");
        put_map_len(&mut out, 2);
        for (key, value) in [("message", "the AppError's own"), ("status_code", "418")] {
            put_str(&mut out, key);
            put_str(&mut out, value);
        }
        self.answered = true;
        self.caller.send(Kind::HookError, self.header.method, self.header.id, &out);
    }

    /// Creates a post, at which the host calls this hook again, and so on.
    fn nest(&mut self, depth: u32) {
        if depth > 0 {
            let mut out = Vec::new();
            put_array_len(&mut out, 1);
            put_map_len(&mut out, 1);
            put_str(&mut out, "message");
            put_str(&mut out, &format!("nest {}", depth - 1));
            self.caller.call(api("CreatePost"), &out);
        }
    }

    /// Calls an API method with strings, and rejects the post with what came of it.
    fn call(&mut self, rest: &str) {
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default();
        let arguments: Vec<&str> = words.collect();
        let mut out = Vec::new();
        put_array_len(&mut out, arguments.len());
        arguments.iter().for_each(|argument| put_str(&mut out, argument));
        let id = name.parse().unwrap_or_else(|_| api(name));
        let (kind, payload) = self.caller.call(id, &out);
        let mut said = String::new();
        if kind == Kind::ApiReply {
            write!(said, "reply of {} bytes", payload.len()).unwrap();
        } else {
            let error: Value = rmp_serde::from_slice(&payload).unwrap();
            write!(said, "{}: {}", error["kind"].as_str().unwrap(), error["message"].as_str().unwrap()).unwrap();
        }
        if self.worker.script.noted {
            note(&self.worker.bundle, &format!("called: {said}"));
        }
        self.reject(&said);
    }

    /// Makes calls whose answers it never reads.
    fn pile(&mut self, count: u32) {
        let mut out = Vec::new();
        put_array_len(&mut out, 1);
        put_str(&mut out, "size:65536");
        (0..count).for_each(|id| self.caller.send(Kind::ApiCall, api("KVGet"), id, &out));
        sleep_for_long();
    }

    /// Makes calls of 1 MiB and reads no answer.
    fn heap(&mut self, count: u32) {
        let mut out = Vec::new();
        put_array_len(&mut out, 1);
        put_str(&mut out, &"k".repeat(1 << 20));
        (0..count).for_each(|id| self.caller.send(Kind::ApiCall, api("KVGet"), id, &out));
    }

    /// Makes a call, gives it up when the bundle holds the file that says so, and runs on.
    fn waive(&mut self, id: u32) {
        let mut out = Vec::new();
        put_array_len(&mut out, 1);
        put_str(&mut out, "key");
        self.caller.send(Kind::ApiCall, api("KVGet"), id, &out);
        while !self.worker.bundle.join(WAIVE).exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut cancel = Vec::new();
        put_bytes(&mut cancel, Kind::Cancel, api("KVGet"), id, &[]);
        // The flags come behind the kind.
        cancel[KIND_AT + 1] = OF_API;
        self.caller.bytes(&cancel);
        sleep_for_long();
    }

    /// Makes a call with a stream on a connection of its own, which it closes in the middle of that when the bundle holds the file that says so.
    fn desert(&mut self) {
        let mut api = Connection::open(Role::Api, &self.worker.token);
        let mut frames = Vec::new();
        put_bytes_with(&mut frames, Kind::ApiCall, BODY, self::api("UploadData"), 1, b"\x91\x80");
        put_bytes_with(&mut frames, Kind::Data, OF_API, self::api("UploadData"), 1, b"hel");
        api.bytes(&frames);
        while !self.worker.bundle.join(WAIVE).exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Makes calls first and reads all the answers then.
    fn pipeline(&mut self, count: u32) {
        let mut out = Vec::new();
        put_array_len(&mut out, 1);
        put_str(&mut out, "key");
        (1..count).for_each(|id| self.caller.send(Kind::ApiCall, api("KVGet"), 1000 + id, &out));
        // The answer to the last call comes behind those to the others.
        self.caller.call(api("KVGet"), &out);
    }

    fn log(&mut self, count: u32) {
        for number in 0..count {
            self.caller.send(Kind::Log, 0, 0, &log_line("warn", &format!("line {number}")));
        }
    }

    /// Logs in every way that there is.
    fn flood(&mut self, count: u32) {
        print(&mut std::io::stdout().lock(), "printed", count);
        print(&mut std::io::stderr().lock(), "complained", count);
        self.log(count);
    }

    /// Logs what the SDK's watchdog could have said.
    fn watchdog(&mut self, count: u32) {
        for number in 0..count {
            let message = format!("hangs {number}");
            let line = log_line_with("warn", &message, &[("logger", "mattermost_plugin"), ("seconds", "2.5")]);
            self.caller.send(Kind::Log, 0, 0, &line);
        }
    }

    fn environment(&mut self) {
        let variables: serde_json::Map<String, Value> =
            std::env::vars().map(|(name, value)| (name, value.into())).collect();
        let command = std::fs::read_to_string("/proc/self/cmdline").unwrap();
        let said = serde_json::json!({
            "variables": variables,
            "directory": std::env::current_dir().unwrap(),
            "command": command,
            "pid": std::process::id(),
        });
        self.reject(&said.to_string());
    }
}

/// The id of an API method.
pub(crate) fn api(name: &str) -> u16 {
    generated::api_by_name(name).unwrap().id
}

/// The payload of LOG.
pub(crate) fn log_line(level: &str, message: &str) -> Vec<u8> {
    log_line_with(level, message, &[("@message", "a field of this name is no message")])
}

fn log_line_with(level: &str, message: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    put_array_len(&mut out, 3);
    put_str(&mut out, level);
    put_str(&mut out, message);
    put_map_len(&mut out, fields.len());
    for (key, value) in fields {
        put_str(&mut out, key);
        put_str(&mut out, value);
    }
    out
}

/// Takes so many MiB of memory for good.
fn allocate(mebibytes: usize) {
    std::mem::forget(vec![1_u8; mebibytes << 20]);
}

fn print(output: &mut dyn std::io::Write, word: &str, count: u32) {
    for number in 0..count {
        writeln!(output, "{word} {number}").unwrap();
    }
    output.flush().unwrap();
}

/// Ends this process by a signal.
pub(crate) fn raise(signal: i32) {
    // SAFETY: raise touches no memory.
    unsafe { libc::raise(signal) };
}
