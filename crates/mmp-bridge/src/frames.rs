//! What the worker says: frames, one after the other, on each of its connections.

use std::time::{Duration, Instant};

use mmp_goplugin::plugin::PluginSession;
use mmp_transcode::generated;
use mmp_worker::connection::next_frame;
use mmp_worker::frame::{Header, Kind, OF_API};
use mmp_worker::messages::{Failed, Mode, Ready, Role};

use crate::core::Core;
use crate::log::Level;
use crate::worker::Gone;

/// How long a worker may take to end after it has closed a connection.
const CLOSING: Duration = Duration::from_secs(1);

/// Why a connection is to be closed: what to log, or nothing if it has been said.
type Close = Option<String>;

impl Core {
    /// Takes every whole frame of a connection's input. Returns how many bytes that were.
    pub(crate) fn frames(
        &mut self,
        mut session: Option<&mut PluginSession>,
        connection: usize,
        input: &[u8],
    ) -> Result<usize, Close> {
        let mut at = 0;
        loop {
            let frame = next_frame(input, at).map_err(|error| Some(format!("the worker link: {error}")))?;
            let Some((header, payload)) = frame else { return Ok(at) };
            at = payload.end;
            self.frame(session.as_deref_mut(), connection, header, &input[payload])?;
            if self.worker.link.as_mut().is_some_and(|link| link.is_choked(connection)) {
                return Ok(at);
            }
        }
    }

    fn frame(
        &mut self,
        session: Option<&mut PluginSession>,
        connection: usize,
        header: Header,
        payload: &[u8],
    ) -> Result<(), Close> {
        let role = self.worker.link.as_mut().and_then(|link| link.get_mut(connection)).map(|c| c.role);
        let Some(role) = role else { return Err(None) };
        let Some(role) = role else { return self.hello(connection, header, payload) };
        match (header.kind, role, session) {
            (Kind::HookReply, Role::Sync | Role::Async, Some(session)) => {
                self.hook_answered(session, connection, header.id, payload);
            }
            (Kind::HookError, Role::Sync | Role::Async, Some(session)) => {
                self.hook_failed(session, connection, header.id, payload);
            }
            (Kind::ApiCall, Role::Sync | Role::Async | Role::Api, session) => {
                self.api_called(session.map(PluginSession::link), connection, header, payload);
            }
            (Kind::Cancel, Role::Sync | Role::Async | Role::Api, session) if header.flags & OF_API != 0 => {
                self.call_cancelled(session.map(PluginSession::link), connection, header.id);
            }
            (
                Kind::Data | Kind::Credit | Kind::End | Kind::Head | Kind::Hijack | Kind::Deadline,
                Role::Sync | Role::Async | Role::Api,
                session,
            ) => {
                self.stream_frame(session.map(PluginSession::link), connection, header, payload).map_err(Some)?;
            }
            (Kind::Log, _, session) => {
                self.worker_logged(payload);
                // At once, so that the line is on its way before the answer of the hook that wrote it.
                if let Some(session) = session {
                    self.flush_log(session.link());
                }
            }
            (Kind::Ready, Role::Control, session) => self.worker_ready(session, payload)?,
            (Kind::Failed, Role::Control, _) => self.worker_failed_to_load(payload)?,
            (kind, role, _) => {
                return Err(Some(format!("the worker sent {kind:?} on a connection of the role {role}")));
            }
        }
        Ok(())
    }

    fn hello(&mut self, connection: usize, header: Header, payload: &[u8]) -> Result<(), Close> {
        let Some(link) = &mut self.worker.link else { return Err(None) };
        match link.hello(connection, header, payload) {
            Ok((Role::Sync, _)) => {
                self.dispatcher.connected(connection, Mode::Sync);
                self.dispatch_queued();
            }
            Ok((Role::Async, _)) => {
                self.dispatcher.connected(connection, Mode::Async);
                self.dispatch_queued();
            }
            Ok((Role::Control, hello)) => {
                let fields =
                    [("runtime", hello.runtime.as_str()), ("sdk", &hello.sdk), ("pid", &hello.pid.to_string())];
                self.log.push(Level::Debug, "the plugin's worker is connected", &fields);
            }
            Ok((Role::Api, _)) => {}
            Err(refused) => {
                return Err(Some(format!("a connection to the worker link was refused: {}", refused.message)));
            }
        }
        Ok(())
    }

    fn worker_ready(&mut self, session: Option<&mut PluginSession>, payload: &[u8]) -> Result<(), Close> {
        let ready: Ready = mmp_worker::messages::decode(payload)
            .map_err(|error| Some(format!("the worker's READY cannot be read: {error}")))?;
        self.check_ready(&ready)?;
        if self.worker.ready(&ready, self.now) {
            self.bring_up_restarted();
        } else if let Some(session) = session {
            self.answer_implemented(session.link());
        }
        Ok(())
    }

    /// A worker is ready once, after it has opened the connections that its hooks need.
    fn check_ready(&mut self, ready: &Ready) -> Result<(), Close> {
        if !self.worker.is_loading() {
            return Err(Some("the worker sent READY twice".to_owned()));
        }
        for (mode, name) in [(Mode::Sync, "sync"), (Mode::Async, "async")] {
            if ready.hooks.iter().any(|hook| hook.1 == mode) && self.dispatcher.connections(mode) == 0 {
                return Err(Some(format!("the worker is ready and has {name} hooks, but no {name} connection")));
            }
        }
        let unknown: Vec<String> = ready
            .hooks
            .iter()
            .filter(|hook| generated::hook(hook.0).is_none())
            .map(|hook| hook.0.to_string())
            .collect();
        if !unknown.is_empty() {
            let message = "the worker's READY names hooks that do not exist";
            self.log.push(Level::Warn, message, &[("ids", &unknown.join(", "))]);
        }
        Ok(())
    }

    fn worker_failed_to_load(&mut self, payload: &[u8]) -> Result<(), Close> {
        let failed: Failed = mmp_worker::messages::decode(payload)
            .map_err(|error| Some(format!("the worker's FAILED cannot be read: {error}")))?;
        let sentence = self.worker.failed(&failed);
        let fields = [("code", failed.code.as_str()), ("traceback", failed.traceback.trim_end())];
        self.log_unloadable(&sentence, &fields);
        self.fail_worker(&sentence);
        Ok(())
    }

    /// Says in the server's log, too, what the server is told when it asks for the hooks.
    pub(crate) fn log_unloadable(&mut self, sentence: &str, fields: &[(&str, &str)]) {
        self.log.push(Level::Error, format!("the plugin cannot be loaded: {sentence}"), fields);
    }

    /// The worker broke the protocol on a connection, which is closed. While the plugin is being loaded, and on a connection that the worker cannot do without, that ends the worker.
    pub(crate) fn protocol_broken(&mut self, role: Option<Role>, problem: String) {
        if self.worker.is_loading() || matches!(role, Some(Role::Control | Role::Sync | Role::Async)) {
            self.fail_worker(&problem);
        } else {
            self.log.push(Level::Error, problem, &[]);
        }
    }

    /// The worker is of no use any more: it is killed at the end of this turn, and started again if the plugin was loaded once.
    pub(crate) fn fail_worker(&mut self, reason: &str) {
        self.worker_failure.get_or_insert_with(|| reason.to_owned());
    }

    /// Why the worker is to be killed, if it is.
    pub(crate) fn take_worker_failure(&mut self) -> Option<String> {
        self.worker_failure.take()
    }

    /// A connection is gone. Without its control, sync or async connections a worker is not whole; usually its process has ended, which is known in a moment.
    pub(crate) fn connection_closed(
        &mut self,
        session: Option<&mut PluginSession>,
        connection: usize,
        role: Option<Role>,
    ) {
        self.calls.abandon(|c, _| c == connection);
        self.forget_driver_calls(|call| call.connection == connection);
        if let Some(session) = session {
            self.drop_call_streams(session.link(), Some(connection));
        }
        if let Some(role @ (Role::Control | Role::Sync | Role::Async)) = role {
            self.lost_connection.get_or_insert((role, self.now));
        }
    }

    /// When a worker that has closed a connection must have ended.
    pub(crate) fn lost_connection_deadline(&self) -> Option<Instant> {
        self.lost_connection.map(|(_, at)| at + CLOSING)
    }

    /// Kills a worker that has closed a connection and goes on.
    pub(crate) fn check_lost_connection(&mut self) {
        if let Some((role, at)) = self.lost_connection
            && self.now >= at + CLOSING
        {
            self.lost_connection = None;
            self.fail_worker(&format!("the plugin's worker closed its {role} connection"));
        }
    }

    /// The process has ended: its hooks are answered, and it is started again if the plugin was loaded once.
    pub(crate) fn worker_ended(
        &mut self,
        mut session: Option<&mut PluginSession>,
        exit: Option<i32>,
        reason: Option<&str>,
    ) {
        self.lost_connection = None;
        self.worker_failure = None;
        self.calls.abandon(|_, _| true);
        if let Some(session) = &mut session {
            self.drop_call_streams(session.link(), None);
            self.close_database(session.link());
        }
        let why = match self.worker.gone(exit, reason, self.now) {
            Gone::Known(why) => why,
            Gone::ForGood(why) => {
                self.log_unloadable(&why, &[]);
                why
            }
            Gone::Again(why) => {
                self.metrics.restarts += 1;
                self.log.push(Level::Error, format!("{why}; it is started again"), &[]);
                why
            }
        };
        self.worker_lost(session, &why);
    }
}
