//! A host that starts the bridge as Mattermost does and drives its session on the test's own thread.

mod administration;
mod api;
mod api_calls;
mod calls;
mod driver;
mod files;
mod http;
mod log;
mod pulled;
mod relay;
mod response_writer;
mod served;
mod start;
mod streams;
mod watch;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mmp_goplugin::host::HostSession;
use mmp_goplugin::yamux::SessionError;
use rustix::event::{PollFd, PollFlags, Timespec};

pub(crate) use administration::Administration;
pub(crate) use api::Api;
pub(crate) use api_calls::ApiCall;
pub(crate) use calls::{Call, message_of};
pub(crate) use files::Upload;
pub(crate) use http::{Exchange, Request, headers};
pub(crate) use log::{Entry, Log};
pub(crate) use pulled::Pulled;
pub(crate) use relay::{Hook, Relay};
pub(crate) use response_writer::{Answer, WriterCall};
pub(crate) use served::{Arguments, End, Served};
pub(crate) use start::Start;

use crate::bundle::Bundle;
use crate::{processes, runner};

/// How long anything may take that has no limit of its own. The machine may be busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A host with one plugin.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) bundle: Bundle,
    child: Child,
    stream: Option<UnixStream>,
    session: HostSession,
    pub(crate) api: Api,
    relay: Relay,
    log: Arc<Mutex<Log>>,
    /// How long the bridge took to its handshake.
    pub(crate) handshake: Duration,
    exit: Option<ExitStatus>,
}

impl Host {
    /// Starts the bridge of a bundle and dispenses its hooks.
    pub(crate) fn start(bundle: Bundle) -> Host {
        Start::new(bundle).run()
    }

    /// Starts a bridge, and activates the plugin.
    pub(crate) fn active(bundle: Bundle) -> Host {
        let mut host = Host::start(bundle);
        host.implemented().unwrap();
        host.activate().unwrap();
        host
    }

    /// The bridge's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Moves bytes both ways, waiting at most `patience` for some to arrive.
    pub(crate) fn pump(&mut self, patience: Duration) {
        let Some(stream) = &mut self.stream else {
            self.relay.pump();
            std::thread::sleep(patience.min(Duration::from_millis(5)));
            return;
        };
        write_pending(stream, &mut self.session);
        let wants =
            if self.session.pending_output().is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let timeout = Timespec::try_from(patience).unwrap();
        // An interrupted wait is a short one.
        let mut descriptors = self.relay.descriptors();
        descriptors.push(PollFd::new(stream, wants));
        let _ = rustix::event::poll(&mut descriptors, Some(&timeout));
        drop(descriptors);
        self.relay.pump();
        let now = Instant::now();
        self.session.advance_clock(now);
        let mut buffer = [0; 65_536];
        let lost = loop {
            match stream.read(&mut buffer) {
                Ok(0) => break Some(SessionError::ConnectionClosed),
                Ok(n) => self.session.receive(&buffer[..n], &mut self.api),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break None,
                Err(error) => break Some(SessionError::ConnectionFailed(error.to_string())),
            }
        };
        self.session.tick(now, &mut self.api);
        self.api.answer(self.session.link());
        write_pending(stream, &mut self.session);
        if let Some(error) = lost {
            self.session.connection_lost(error, &mut self.api);
            self.stream = None;
        }
    }

    /// Moves bytes until `done` has something; `what` says what is waited for.
    #[track_caller]
    pub(crate) fn until<T>(&mut self, what: &str, limit: Duration, mut done: impl FnMut(&mut Host) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(result) = done(self) {
                return result;
            }
            assert!(started.elapsed() < limit, "{what}: not within {limit:?}\n{}", self.report());
            self.pump(Duration::from_millis(5));
        }
    }

    /// How many streams, connections and calls the host has.
    pub(crate) fn live_state(&self) -> usize {
        self.session.live_state()
    }

    /// What is known, for a failed test.
    pub(crate) fn report(&mut self) -> String {
        let processes = processes::of_bundle(self.bundle.path(), 0);
        let log: Vec<String> = self.entries().iter().rev().take(40).rev().map(Entry::to_string).collect();
        format!(
            "bridge: {:?}\nprocesses: {processes:?}\njournal: {:?}\nlog:\n{}",
            self.child.try_wait(),
            self.bundle.journal(),
            log.join("\n")
        )
    }

    /// Asks the plugin to exit; returns the exit code and how long that took.
    #[track_caller]
    pub(crate) fn quit(&mut self) -> (Option<i32>, Duration) {
        let started = Instant::now();
        self.session.quit().unwrap();
        let status = self.until("the end of the bridge", LIMIT, |host| host.child.try_wait().unwrap());
        self.exit = Some(status);
        (status.code(), started.elapsed())
    }

    /// Waits for the bridge's end; its exit code.
    #[track_caller]
    pub(crate) fn ended(&mut self, limit: Duration) -> Option<i32> {
        let status = self.until("the end of the bridge", limit, |host| host.child.try_wait().unwrap());
        self.exit = Some(status);
        status.code()
    }

    /// Closes the connection, as the end of the host's process would.
    pub(crate) fn hang_up(&mut self) {
        self.stream = None;
    }

    /// Answers the log calls that were held.
    pub(crate) fn release_log(&mut self) {
        self.api.release_log(self.session.link());
    }

    /// Closes the API connection alone.
    pub(crate) fn close_api(&mut self) {
        let api = self.api.api.expect("the plugin is active");
        self.session.link().close(api);
    }

    /// Ends the plugin in the usual way and checks that nothing is left and nothing wrong was written.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        if self.exit.is_none() {
            let (code, took) = self.quit();
            assert_eq!(code, Some(0), "{}", self.report());
            assert!(took < Duration::from_secs(3), "{took:?}");
        }
        self.nothing_left(Duration::from_secs(2));
        let log = self.log.lock().unwrap();
        assert_eq!(log.wrong, Vec::<String>::new());
        assert_eq!(log.stdout, Vec::<String>::new(), "nothing but the handshake is written to standard output");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.exit.is_none() && matches!(self.child.try_wait(), Ok(None)) {
            processes::kill(self.child.id());
        }
        // What remains is reaped here or by the guard; a failed test is reported already.
        let _ = self.child.wait();
        runner::unwatch(self.child.id());
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(3) {
            let left = processes::of_bundle(self.bundle.path(), 0);
            if left.is_empty() {
                break;
            }
            if started.elapsed() > Duration::from_secs(2) {
                left.iter().for_each(|process| processes::kill(process.pid));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn write_pending(stream: &mut UnixStream, session: &mut HostSession) {
    while !session.pending_output().is_empty() {
        match stream.write(session.pending_output()) {
            Ok(n) => session.advance_output(n),
            Err(_) => return,
        }
    }
}
