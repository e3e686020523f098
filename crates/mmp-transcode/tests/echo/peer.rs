//! Go's side: a program that writes arguments with Go's own gob and reads the replies.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mmp_transcode::generated::{PLUGIN_HTTP_BUFFERED, api_by_name, hook_by_name};
use mmp_transcode::schema::Method;
use mmp_transcode::{Error, KeptArg, Sent, ToGob};
use serde_json::{Value as Json, json};

use crate::support::frame::Frame;
use crate::support::gob::Incoming;

/// Long enough for a loaded machine; a peer that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection of a Go host, and our two transcoders at its other end.
pub(crate) struct Host {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<String>,
    pub(crate) incoming: Incoming,
    pub(crate) to: ToGob,
}

/// A hook that the host has called.
pub(crate) struct Call {
    pub(crate) method: &'static Method,
    scenario: String,
    /// The arguments as the host describes them.
    pub(crate) value: Json,
    /// The arguments as the worker gets them.
    pub(crate) frame: Vec<u8>,
    pub(crate) kept: KeptArg,
}

impl Call {
    /// The argument that the result echoes, as the worker gets it.
    pub(crate) fn argument(&self) -> Frame {
        Frame::parse(self.sent().frame)
    }

    pub(crate) fn sent(&self) -> Sent<'_> {
        Sent { frame: &self.frame[self.kept.frame.clone()], gob: &self.kept.gob, wire: self.kept.wire }
    }
}

impl Host {
    pub(crate) fn start() -> Host {
        let mut child = Command::new(program())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Go peer can be started");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (lines, answers) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        Host { child, stdin, answers, incoming: Incoming::default(), to: ToGob::default() }
    }

    /// The host calls a hook.
    pub(crate) fn call(&mut self, hook: &str, scenario: &str) -> Call {
        let method = hook_by_name(hook).expect("a hook");
        let answer = self.ask(&json!({"op": "args", "scenario": scenario})).expect("arguments");
        let (frame, kept) = self.incoming.args(method, &gob_of(&answer)).expect("a frame");
        let kept = kept.unwrap_or(KeptArg { frame: 0..0, gob: Vec::new(), wire: 0 });
        Call { method, scenario: scenario.to_owned(), value: answer["value"].clone(), frame, kept }
    }

    /// What the host has after the worker answered with `results`; None is the empty payload.
    pub(crate) fn answer(&mut self, call: &Call, results: Option<&[Frame]>) -> Json {
        let payload = results.map(|results| Frame::List(results.to_vec()).bytes()).unwrap_or_default();
        let reply = self.reply(call, &payload).expect("the results fit");
        self.decode(&call.scenario, &reply)
    }

    /// The bytes of a reply.
    pub(crate) fn reply(&mut self, call: &Call, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        let sent = (call.kept.wire != 0).then(|| call.sent());
        self.to.reply(call.method, payload, sent, &mut self.incoming.reader.types, &mut out)?;
        Ok(out)
    }

    /// What Go reads from a reply, or from the arguments of an API call.
    pub(crate) fn decode(&mut self, scenario: &str, gob: &[u8]) -> Json {
        let request = json!({"op": "reply", "scenario": scenario, "gob": BASE64.encode(gob)});
        self.ask(&request).expect("Go can decode it")["value"].clone()
    }

    /// What the host gets as the arguments of an API call.
    pub(crate) fn called(&mut self, method: &str, scenario: &str, arguments: &[Frame]) -> Json {
        let method = api_by_name(method).expect("a method");
        let mut out = Vec::new();
        self.to.call(method, &Frame::List(arguments.to_vec()).bytes(), &mut out).expect("the arguments fit");
        self.decode(scenario, &out)
    }

    /// The argument or reply ("args", "results") of any method with a value in every field, as Go writes and describes it.
    pub(crate) fn filled(&mut self, method: &Method, part: &str) -> (Vec<u8>, Json) {
        let answer = self.ask(&json!({"op": "filled", "method": go_name(method), "part": part})).expect("a value");
        (gob_of(&answer), answer["value"].clone())
    }

    /// The reply of a method that failed with an error of this code; 0 is an error of PostgreSQL.
    pub(crate) fn failed(&mut self, method: &Method, code: i64) -> Vec<u8> {
        let answer = self.ask(&json!({"op": "failed", "method": go_name(method), "code": code})).expect("a reply");
        gob_of(&answer)
    }

    /// What Go reads as the argument or reply of a method.
    pub(crate) fn read(&mut self, method: &Method, part: &str, gob: &[u8]) -> Json {
        let request = json!({"op": "read", "method": go_name(method), "part": part, "gob": BASE64.encode(gob)});
        self.ask(&request).expect("Go can decode it")["value"].clone()
    }

    /// New streams in both directions.
    pub(crate) fn reconnect(&mut self) {
        self.ask(&json!({"op": "open"})).expect("an answer");
        self.incoming = Incoming::default();
        self.to = ToGob::default();
    }

    fn ask(&mut self, request: &Json) -> Result<Json, String> {
        writeln!(self.stdin, "{request}").expect("the Go peer reads");
        let line = self.answers.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            // Without its end the peer would outlive a test that panics here.
            let killed = self.child.kill();
            panic!("the Go peer did not answer within {PATIENCE:?} ({error}; killed: {killed:?}): {request}");
        });
        let answer: Json = serde_json::from_str(&line).expect("JSON");
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It ends by itself when its input does; a peer that hangs is ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gob_of(answer: &Json) -> Vec<u8> {
    BASE64.decode(answer["gob"].as_str().expect("gob")).expect("base64")
}

/// The name of a method in Go's tables, where the earlier form of a method has a name of its own.
fn go_name(method: &Method) -> String {
    if std::ptr::eq(method, &PLUGIN_HTTP_BUFFERED) {
        format!("{}Buffered", method.name)
    } else {
        method.name.to_owned()
    }
}

/// Builds the Go program, once.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("transcode-peer");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go"))
            .status()
            .expect("the tests need Go");
        assert!(built.success(), "the Go peer does not build");
        program
    })
}
