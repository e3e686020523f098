//! From the list of hooks to an active plugin, and a worker that was started again back to where the last one was.

use mmp_gob::Error as GobError;
use mmp_goplugin::endpoint::{Kind, Link as HostLink};
use mmp_goplugin::netrpc::{Body, ConnError};
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::generated;
use mmp_transcode::schema::Method;
use mmp_worker::protections::{self, Protection};

use crate::core::{AnswerError, Core};
use crate::hooks::Asker;
use crate::http::SERVE_METRICS;
use crate::ids;
use crate::log::Level;
use crate::names;
use crate::policies::ON_DEACTIVATE;
use crate::supervisor::Worker;
use crate::supervisor::life::State;
use crate::support::GENERATE_SUPPORT_DATA;

const IMPLEMENTED: &str = "Plugin.Implemented";
pub(crate) const ON_ACTIVATE: &str = "OnActivate";
pub(crate) const ON_CONFIGURATION_CHANGE: &str = "OnConfigurationChange";

impl Core {
    /// The host asks which hooks the plugin implements. The answer waits until the plugin is loaded: this is the one place where the server waits without a limit.
    pub(crate) fn implemented_asked(&mut self, link: &mut HostLink, conn: StreamId, seq: u64) {
        self.implemented = Some((conn, seq));
        self.answer_implemented(link);
    }

    /// Answers the question if the plugin is loaded, or cannot be: the error's text then reaches the server's log and its list of plugins.
    pub(crate) fn answer_implemented(&mut self, link: &mut HostLink) {
        let Some((conn, seq)) = self.implemented else { return };
        match self.workers.verdict() {
            None => return,
            Some(Ok(hooks)) => {
                let names = hooks.iter().filter_map(|&id| generated::hook(id)).map(|method| method.name);
                let mut names: Vec<&str> = names.collect();
                // The bridge has metrics of its own, a part in every stop and in every support packet, and perhaps a command.
                for own in [SERVE_METRICS, ON_DEACTIVATE, GENERATE_SUPPORT_DATA].into_iter().chain(self.status.hook()) {
                    if !names.contains(&own) {
                        names.push(own);
                    }
                }
                self.workers.announced();
                self.log_gates(&hooks);
                let sent = link.reply(conn, seq, IMPLEMENTED, |out| {
                    put_names(&names, out);
                    Ok::<(), ConnError>(())
                });
                if sent.is_err() {
                    self.log.push(Level::Error, "the list of hooks cannot be sent: the connection is gone", &[]);
                }
            }
            Some(Err(sentence)) => link.reply_error(conn, seq, IMPLEMENTED, &sentence),
        }
        self.implemented = None;
    }

    /// Says which gates stay open when the plugin fails, because nobody has said otherwise.
    fn log_gates(&mut self, hooks: &[u16]) {
        let gates = hooks
            .iter()
            .filter_map(|&id| generated::hook(id))
            .filter(|method| method.reject.is_some() && self.workers.policies.is_unsaid(method));
        let names: Vec<&str> = gates.map(|method| method.name).collect();
        if !names.is_empty() {
            let message = "when a handler of one of these hooks fails, is late or cannot be called, the server goes on as if it had allowed it, as with a Go plugin; on_failure=\"reject\" in @hook or in plugin.json makes it refuse instead, on_failure=\"allow\" keeps it quiet";
            self.log.push(Level::Info, message, &[("hooks", &names.join(", "))]);
        }
    }

    /// The host activates the plugin: the API and the database are dialled within the five seconds that it waits for that, and then the
    /// plugin's own OnConfigurationChange and OnActivate are called, as Go plugins do.
    pub(crate) fn activate(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        seq: u64,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let (api, driver) = read_broker_ids(body)?;
        match (link.dial(api, Kind::Client), link.dial(driver, Kind::Client)) {
            (Ok(api), Ok(driver)) => {
                self.api = Some(api);
                self.refuse_driver_calls("the plugin is being activated again");
                self.driver.dialled(driver);
            }
            (Err(error), _) | (_, Err(error)) => {
                let text = format!("the server's API cannot be reached: {error}");
                link.reply_error(conn, seq, names::hook(on_activate()), &text);
                return Ok(());
            }
        }
        self.deactivated = false;
        self.activate_from(link, 0, conn, seq);
        Ok(())
    }

    /// Calls the plugin's hooks in the first worker from this one on that has any; one worker is activated after the other, so that the first one can prepare what all need.
    fn activate_from(&mut self, link: &mut HostLink, first: usize, conn: StreamId, seq: u64) {
        let asker = Asker::Activation { conn, seq };
        for worker in first..self.workers.len() {
            self.activating = Some(worker);
            if self.bring_up(worker, asker) {
                return;
            }
        }
        let failure = self.workers.down_reason();
        self.finish_activation(link, conn, seq, failure.as_deref());
    }

    /// Calls the first of a worker's own hooks. False if it has none.
    fn bring_up(&mut self, worker: usize, asker: Asker) -> bool {
        self.call_own_hook(worker, ON_CONFIGURATION_CHANGE, asker) || self.call_own_hook(worker, ON_ACTIVATE, asker)
    }

    /// A hook that the bridge called itself was answered; `failure` is what its handler raised.
    pub(crate) fn own_hook_answered(
        &mut self,
        session: &mut PluginSession,
        worker: usize,
        asker: Asker,
        method: &Method,
        failure: Option<&str>,
    ) {
        match asker {
            Asker::Deactivation => return self.deactivated(session, failure),
            Asker::Broadcast { id } => return self.broadcast_answered(session.link(), id, failure),
            _ => {}
        }
        let now = self.now;
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.health.begin_anew(now);
        }
        let configured = method.name == ON_CONFIGURATION_CHANGE;
        if configured && let Some(failure) = failure {
            self.log.push(Level::Error, format!("OnConfigurationChange failed: {failure}"), &[]);
        }
        if configured && asker != Asker::CatchUp && self.call_own_hook(worker, ON_ACTIVATE, asker) {
            return;
        }
        let is_up = self.workers.get(worker).is_some_and(Worker::is_up);
        // One that has ended in it will not be called any more, and why it has is known.
        let down = (!is_up).then(|| failure.map_or_else(|| self.absence_of_workers(), str::to_owned));
        let failure = if configured { down } else { failure.map(str::to_owned) };
        match (asker, failure) {
            (Asker::Activation { conn, seq }, Some(failure)) => {
                let sentence = self.log_inactive(configured, &failure);
                self.finish_activation(session.link(), conn, seq, Some(&sentence));
            }
            (Asker::Activation { conn, seq }, None) => self.activate_from(session.link(), worker + 1, conn, seq),
            (Asker::Restart, failure) => self.finish_restart(worker, failure.as_deref()),
            (Asker::CatchUp, _) => self.finish_restart(worker, None),
            _ => {}
        }
    }

    /// Says in the server's log, too, why the plugin is not activated.
    fn log_inactive(&mut self, configured: bool, failure: &str) -> String {
        let sentence = if configured {
            failure.to_owned()
        } else {
            format!("OnActivate failed: {failure}; remove the cause and enable the plugin again")
        };
        self.log.push(Level::Error, format!("the plugin cannot be activated: {sentence}"), &[]);
        sentence
    }

    fn finish_activation(&mut self, link: &mut HostLink, conn: StreamId, seq: u64, failure: Option<&str>) {
        self.activating = None;
        self.activated |= failure.is_none();
        let method = on_activate();
        match failure {
            Some(message) if !protections::is_off(Protection::ActivationError) => {
                self.reply_own_error(link, conn, seq, method, message);
            }
            _ => self.reply_nothing(link, conn, seq, method),
        }
        if failure.is_none() {
            self.register_status_command(link);
            self.reload_wanted();
        }
    }

    /// Answers one of the bridge's own requests with an error.
    pub(crate) fn reply_own_error(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        seq: u64,
        method: &'static Method,
        message: &str,
    ) {
        let (to_hooks, name) = (&mut self.to_hooks, names::hook(method));
        let sent: Result<(), AnswerError> =
            link.reply(conn, seq, name, |out| Ok(to_hooks.reply_error(method, message, None, out)?));
        if let Err(error) = sent {
            link.reply_error(conn, seq, name, &error.to_string());
        }
    }

    /// A worker that was started again is brought up before the host's hooks reach it. Before the first activation there is nothing to catch up with: the host's own is yet to come.
    pub(crate) fn bring_up_restarted(&mut self, worker: usize) {
        if self.deactivated {
            // It was just not quick enough to be away when the plugin was stopped.
            if let Some(worker) = self.workers.get_mut(worker) {
                worker.life.stop();
                worker.fail("the plugin is being stopped");
            }
            return;
        }
        if let Some(worker) = self.workers.get_mut(worker) {
            // Its own OnConfigurationChange reads whatever changed before.
            worker.config_missed = false;
        }
        // Nor is there if its turn in the host's activation is still to come, for which it is ready.
        let must = self.activated || self.activating.is_some_and(|current| worker < current);
        if !must || !self.bring_up(worker, Asker::Restart) {
            self.finish_restart(worker, None);
        }
    }

    fn finish_restart(&mut self, index: usize, failure: Option<&str>) {
        let Some(worker) = self.workers.get_mut(index) else { return };
        // It may have ended in it, which has been said, and it is to be started again already.
        if !matches!(worker.life.state(), State::Loaded { .. }) {
            return;
        }
        if let Some(failure) = failure {
            worker.fail(&format!("OnActivate failed after a restart: {failure}"));
            return;
        }
        if std::mem::take(&mut worker.config_missed)
            && self.call_own_hook(index, ON_CONFIGURATION_CHANGE, Asker::CatchUp)
        {
            return;
        }
        self.worker_ready_again(index);
    }

    fn worker_ready_again(&mut self, index: usize) {
        let now = self.now;
        let was_degraded = self.workers.is_degraded();
        let Some(worker) = self.workers.get_mut(index) else { return };
        worker.life.ready(now);
        let sentence = if was_degraded {
            "the plugin's worker was started again and is active; the plugin is not degraded any more"
        } else {
            "the plugin's worker was started again and is active"
        };
        self.log_state(index, Level::Info, sentence);
        self.resume_worker(index);
        self.reload_wanted();
    }

    /// The host says that the configuration changed. Several workers are all told, and the host is answered when all have answered. False if there is only one, which is asked like for any other hook.
    pub(crate) fn configuration_changed(&mut self, conn: StreamId, seq: u64) -> bool {
        if self.workers.len() < 2 {
            return false;
        }
        self.configuration_missed(None);
        let id = ids::unused(&self.broadcasts, 0);
        self.broadcasts.insert(id, Broadcast { conn, seq, left: 0, failure: None });
        let ready: Vec<usize> = self.workers.iter().filter(|worker| worker.is_ready()).map(|one| one.index).collect();
        let asker = Asker::Broadcast { id };
        let left = ready.into_iter().filter(|&one| self.call_own_hook(one, ON_CONFIGURATION_CHANGE, asker)).count();
        if left == 0 {
            return self.broadcasts.remove(&id).is_none();
        }
        if let Some(broadcast) = self.broadcasts.get_mut(&id) {
            broadcast.left = left;
        }
        true
    }

    /// A worker, or each that is not ready, has not heard of a change; when it is up it is told.
    pub(crate) fn configuration_missed(&mut self, index: Option<usize>) {
        let missed = |worker: &&mut Worker| index.map_or(!worker.is_ready(), |index| index == worker.index);
        self.workers.iter_mut().filter(missed).for_each(|worker| worker.config_missed = true);
    }

    fn broadcast_answered(&mut self, link: &mut HostLink, id: u32, failure: Option<&str>) {
        let Some(broadcast) = self.broadcasts.get_mut(&id) else { return };
        broadcast.left = broadcast.left.saturating_sub(1);
        if let Some(failure) = failure {
            broadcast.failure.get_or_insert_with(|| failure.to_owned());
        }
        if broadcast.left > 0 {
            return;
        }
        let Some(Broadcast { conn, seq, failure, .. }) = self.broadcasts.remove(&id) else { return };
        let Some(method) = generated::hook_by_name(ON_CONFIGURATION_CHANGE) else { return };
        match failure {
            None => self.reply_nothing(link, conn, seq, method),
            Some(failure) => self.reply_own_error(link, conn, seq, method, &failure),
        }
    }
}

/// A hook of the host's that every worker answers.
#[derive(Debug)]
pub(crate) struct Broadcast {
    conn: StreamId,
    seq: u64,
    /// How many have not answered.
    left: usize,
    /// What the first handler raised.
    failure: Option<String>,
}

fn on_activate() -> &'static Method {
    generated::hook_by_name(ON_ACTIVATE).unwrap_or(&generated::HOOKS[0])
}

/// `struct { APIMuxId, DriverMuxId uint32 }`.
fn read_broker_ids(body: Body<'_, '_>) -> Result<(u32, u32), GobError> {
    let Body { type_id, cursor, types } = body;
    let definition = std::sync::Arc::clone(types.find(type_id)?);
    let mmp_gob::WireType::Struct { fields, .. } = &*definition else {
        return Err(GobError::KindMismatch { expected: "struct".into(), found: types.describe(type_id) });
    };
    let (mut api, mut driver) = (0, 0);
    let mut index = -1;
    while let Some(next) = cursor.field(index)? {
        index = next;
        let field = fields.get(index as usize).ok_or(GobError::FieldRange(index))?;
        let target = match &*field.name {
            "APIMuxId" => &mut api,
            "DriverMuxId" => &mut driver,
            _ => {
                cursor.skip(types, field.id)?;
                continue;
            }
        };
        *target = u32::try_from(cursor.uint()?).map_err(|_| GobError::Overflow("uint32"))?;
    }
    Ok((api, driver))
}

/// A value message that holds a list of strings: its definition, and its items.
fn put_names(names: &[&str], out: &mut Vec<u8>) {
    /// The id of `[]string` on the hooks stream; below those that the transcoder gives out.
    const STRINGS: mmp_gob::TypeId = 64;
    let definition = mmp_gob::WireType::Slice { name: "".into(), elem: mmp_gob::ids::STRING };
    definition.put_definition(STRINGS, out);
    let mut body = Vec::new();
    mmp_gob::varint::put_int(&mut body, i64::from(STRINGS));
    body.push(0);
    mmp_gob::varint::put_uint(&mut body, names.len() as u64);
    names.iter().for_each(|name| mmp_gob::varint::put_bytes(&mut body, name.as_bytes()));
    mmp_gob::varint::put_bytes(out, &body);
}
