//! From the list of hooks to an active plugin, and a worker that was started again back to where the last one was.

use mmp_gob::Error as GobError;
use mmp_goplugin::endpoint::{Kind, Link as HostLink};
use mmp_goplugin::netrpc::{Body, ConnError};
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::generated;
use mmp_transcode::schema::Method;

use crate::core::{AnswerError, Core};
use crate::hooks::Asker;
use crate::http::SERVE_METRICS;
use crate::log::Level;
use crate::names;

const IMPLEMENTED: &str = "Plugin.Implemented";
const ON_ACTIVATE: &str = "OnActivate";
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
        match self.worker.verdict() {
            None => return,
            Some(Ok(hooks)) => {
                let names = hooks.iter().filter_map(|&id| generated::hook(id)).map(|method| method.name);
                let mut names: Vec<&str> = names.collect();
                // The bridge has metrics of its own.
                if !names.contains(&SERVE_METRICS) {
                    names.push(SERVE_METRICS);
                }
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
        let asker = Asker::Activation { conn, seq };
        if !self.call_own_hook(ON_CONFIGURATION_CHANGE, asker) && !self.call_own_hook(ON_ACTIVATE, asker) {
            let failure = self.worker.down_reason();
            self.finish_activation(link, conn, seq, failure.as_deref());
        }
        Ok(())
    }

    /// A hook that the bridge called itself was answered; `failure` is what its handler raised.
    pub(crate) fn own_hook_answered(
        &mut self,
        session: &mut PluginSession,
        asker: Asker,
        method: &Method,
        failure: Option<&str>,
    ) {
        let configured = method.name == ON_CONFIGURATION_CHANGE;
        if configured && let Some(failure) = failure {
            self.log.push(Level::Error, format!("OnConfigurationChange failed: {failure}"), &[]);
        }
        if configured && asker != Asker::CatchUp && self.call_own_hook(ON_ACTIVATE, asker) {
            return;
        }
        let failure = if configured { self.worker.down_reason() } else { failure.map(str::to_owned) };
        match asker {
            Asker::Activation { conn, seq } => {
                let sentence = failure.map(|failure| self.log_inactive(configured, &failure));
                self.finish_activation(session.link(), conn, seq, sentence.as_deref());
            }
            Asker::Restart => self.finish_restart(failure.as_deref()),
            Asker::CatchUp => self.finish_restart(None),
            Asker::Host { .. } | Asker::Http { .. } => {}
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
        self.activated |= failure.is_none();
        let method = on_activate();
        let to_hooks = &mut self.to_hooks;
        let sent: Result<(), AnswerError> = link.reply(conn, seq, names::hook(method), |out| {
            match failure {
                Some(message) => to_hooks.reply_error(method, message, None, out)?,
                None => to_hooks.reply_nothing(method, out)?,
            }
            Ok(())
        });
        if let Err(error) = sent {
            link.reply_error(conn, seq, names::hook(method), &error.to_string());
        }
    }

    /// A worker that was started again is brought up before the host's hooks reach it. Before the first activation there is nothing to catch up with: the host's own is yet to come.
    pub(crate) fn bring_up_restarted(&mut self) {
        if !self.activated {
            self.worker.set_active();
            return;
        }
        // Its own OnConfigurationChange reads whatever changed before.
        self.config_missed = false;
        let asker = Asker::Restart;
        if !self.call_own_hook(ON_CONFIGURATION_CHANGE, asker) && !self.call_own_hook(ON_ACTIVATE, asker) {
            self.finish_restart(None);
        }
    }

    fn finish_restart(&mut self, failure: Option<&str>) {
        match failure {
            None if self.worker.down_reason().is_some() => {}
            None if std::mem::take(&mut self.config_missed)
                && self.call_own_hook(ON_CONFIGURATION_CHANGE, Asker::CatchUp) => {}
            None => {
                self.worker.set_active();
                self.log.push(Level::Info, "the plugin's worker was started again and is active", &[]);
            }
            // The worker may have ended in it, which has been said, and it is to be started again already.
            Some(_) if self.worker.down_reason().is_some() => {}
            Some(failure) => self.fail_worker(&format!("OnActivate failed after a restart: {failure}")),
        }
    }
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
