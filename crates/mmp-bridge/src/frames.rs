//! What the worker says: frames, one after the other, on each of its connections.

use mmp_goplugin::plugin::PluginSession;
use mmp_transcode::generated;
use mmp_worker::connection::{MAX_HELLO, next_frame};
use mmp_worker::frame::{Header, Kind, OF_API};
use mmp_worker::messages::{Failed, Mode, Pong, Ready, Role};
use mmp_worker::protections::{self, Protection};

use crate::core::Core;
use crate::log::Level;

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
            let Some((header, payload)) = frame else {
                self.check_first_frame(connection, &input[at..])?;
                return Ok(at);
            };
            if header.kind == Kind::ApiCall && self.hold(session.as_deref_mut().map(PluginSession::link), connection) {
                return Ok(at);
            }
            at = payload.end;
            self.frame(session.as_deref_mut(), connection, header, &input[payload])?;
            if self.workers.of(connection).is_some_and(|worker| worker.is_choked(connection)) {
                return Ok(at);
            }
        }
    }

    /// A connection that has not said HELLO is anybody's, and gets no memory for anything longer.
    fn check_first_frame(&mut self, connection: usize, begun: &[u8]) -> Result<(), Close> {
        // Nearly always nothing is left of the input, so that is looked at first.
        let mut is_unknown = || self.workers.of(connection).is_some_and(|worker| worker.role(connection) == Some(None));
        match Header::parse(begun) {
            Ok(Some(header)) if header.len > MAX_HELLO && is_unknown() => Err(Some(format!(
                "the worker link: the first frame of a connection has {} bytes, which no HELLO has",
                header.len
            ))),
            _ => Ok(()),
        }
    }

    fn frame(
        &mut self,
        session: Option<&mut PluginSession>,
        connection: usize,
        header: Header,
        payload: &[u8],
    ) -> Result<(), Close> {
        let role = self.workers.of(connection).and_then(|worker| worker.role(connection));
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
                self.worker_logged(connection, payload);
                // At once, so that the line is on its way before the answer of the hook that wrote it.
                if let Some(session) = session {
                    self.flush_log(session.link());
                }
            }
            (Kind::Ready, Role::Control, session) => self.worker_loaded(session, connection, payload)?,
            (Kind::Failed, Role::Control, _) => self.worker_failed_to_load(connection, payload)?,
            (Kind::Pong, Role::Control, _) => self.worker_well(connection, header.id, payload)?,
            (kind, role, _) => {
                return Err(Some(format!("the worker sent {kind:?} on a connection of the role {role}")));
            }
        }
        Ok(())
    }

    fn hello(&mut self, connection: usize, header: Header, payload: &[u8]) -> Result<(), Close> {
        let Some(worker) = self.workers.of(connection) else { return Err(None) };
        let Some(link) = &mut worker.link else { return Err(None) };
        match link.hello(connection, header, payload) {
            Ok((Role::Sync, _)) => {
                worker.dispatcher.connected(connection, Mode::Sync);
                self.dispatch_queued();
            }
            Ok((Role::Async, _)) => {
                worker.dispatcher.connected(connection, Mode::Async);
                self.dispatch_queued();
            }
            Ok((Role::Control, hello)) => {
                worker.introduced(&hello);
                let (index, pid) = (worker.index.to_string(), hello.pid.to_string());
                let fields =
                    [("runtime", hello.runtime.as_str()), ("sdk", &hello.sdk), ("pid", &pid), ("worker", &index)];
                self.log.push(Level::Debug, "the plugin's worker is connected", &fields);
            }
            Ok((Role::Api, _)) => {}
            Err(refused) => {
                return Err(Some(format!("a connection to the worker link was refused: {}", refused.message)));
            }
        }
        Ok(())
    }

    fn worker_loaded(
        &mut self,
        session: Option<&mut PluginSession>,
        connection: usize,
        payload: &[u8],
    ) -> Result<(), Close> {
        let ready: Ready = mmp_worker::messages::decode(payload)
            .map_err(|error| Some(format!("the worker's READY cannot be read: {error}")))?;
        let index = self.check_ready(connection, &ready)?;
        let unknown = self.workers.unknown_to_host(&ready);
        let restarted = self.workers.loaded(index, &ready, self.now);
        self.log_state(index, Level::Debug, "the plugin is loaded");
        if !unknown.is_empty() {
            let message = "the plugin was loaded anew with hooks that it did not have before: the server asks for the list of hooks only when it starts a plugin, so disable and enable the plugin to have them called";
            self.log.push(Level::Warn, message, &[("hooks", &unknown.join(", "))]);
        }
        if restarted {
            self.bring_up_restarted(index);
            return Ok(());
        }
        let now = self.now;
        if let Some(worker) = self.workers.get_mut(index) {
            worker.life.ready(now);
        }
        self.log_state(index, Level::Debug, "the plugin's worker takes hooks");
        if let Some(session) = session {
            self.answer_implemented(session.link());
        }
        Ok(())
    }

    /// A worker is ready once, after it has opened the connections that its hooks need. Returns which one it is.
    fn check_ready(&mut self, connection: usize, ready: &Ready) -> Result<usize, Close> {
        let Some(worker) = self.workers.of(connection) else { return Err(None) };
        if !worker.is_starting() {
            return Err(Some("the worker sent READY twice".to_owned()));
        }
        for (mode, name) in [(Mode::Sync, "sync"), (Mode::Async, "async")] {
            if ready.hooks.iter().any(|hook| hook.1 == mode) && worker.dispatcher.connections(mode) == 0 {
                return Err(Some(format!("the worker is ready and has {name} hooks, but no {name} connection")));
            }
        }
        let index = worker.index;
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
        Ok(index)
    }

    fn worker_failed_to_load(&mut self, connection: usize, payload: &[u8]) -> Result<(), Close> {
        if protections::is_off(Protection::LoadReport) {
            return Ok(());
        }
        let failed: Failed = mmp_worker::messages::decode(payload)
            .map_err(|error| Some(format!("the worker's FAILED cannot be read: {error}")))?;
        let sentence = failed.sentence();
        let fields = [("code", failed.code.as_str()), ("traceback", failed.traceback.trim_end())];
        self.log_unloadable(&sentence, &fields);
        if !self.workers.is_announced() {
            self.give_up(&sentence);
        }
        if let Some(worker) = self.workers.of(connection) {
            worker.fail(&sentence);
        }
        Ok(())
    }

    /// The worker says how it is.
    fn worker_well(&mut self, connection: usize, number: u32, payload: &[u8]) -> Result<(), Close> {
        let pong: Pong = mmp_worker::messages::decode(payload)
            .map_err(|error| Some(format!("the worker's PONG cannot be read: {error}")))?;
        if let Some(worker) = self.workers.of(connection) {
            worker.health.pong(number, pong);
        }
        Ok(())
    }

    /// Says in the server's log, too, what the server is told when it asks for the hooks.
    pub(crate) fn log_unloadable(&mut self, sentence: &str, fields: &[(&str, &str)]) {
        self.log.push(Level::Error, format!("the plugin cannot be loaded: {sentence}"), fields);
    }
}
