//! OnActivate: the server offers its API and its database, and the plugin starts.

use std::sync::Arc;

use mmp_gob::{Error as GobError, Plans};
use mmp_goplugin::endpoint::{Kind, Link};
use mmp_goplugin::netrpc::Body;
use mmp_goplugin::yamux::StreamId;

use super::calls::Services;
use super::hook_call::{ReplyTo, caught};
use super::log::Level;
use super::shared::Shared;
use crate::error::HookError;
use crate::generated::hooks::Hooks;
use crate::generated::hooks::ON_ACTIVATE;
use crate::model::rpc::{OnActivateArgs, OnActivateReturns};

/// The number of a task that belongs to no hook.
const NO_HOOK: usize = usize::MAX;

/// An activation under way.
pub(crate) struct Activation {
    to: ReplyTo,
}

/// Dials what the server offers, within the five seconds that it waits for that, whether it is needed or not. None if that failed, which is answered.
pub(crate) fn begin(
    services: &mut Services,
    plans: &mut Plans,
    link: &mut Link,
    conn: StreamId,
    seq: u64,
    body: Body<'_, '_>,
    shared: Arc<Shared>,
) -> Result<Option<Activation>, GobError> {
    let mut offered = OnActivateArgs::default();
    plans.decode(body.cursor, body.types, body.type_id, &mut offered)?;
    match (link.dial(offered.api_mux_id, Kind::Client), link.dial(offered.driver_mux_id, Kind::Client)) {
        (Ok(api), Ok(driver)) => {
            *services = Services { api: Some(api), driver: Some(driver) };
            Ok(Some(Activation { to: ReplyTo { shared, conn, seq, hook: ON_ACTIVATE } }))
        }
        (Err(error), _) | (_, Err(error)) => {
            link.reply_error(conn, seq, "Plugin.OnActivate", &format!("the server's API cannot be reached: {error}"));
            Ok(None)
        }
    }
}

impl Activation {
    /// Calls OnConfigurationChange and then OnActivate, as Go plugins do; the server does not call the first one here.
    pub(crate) fn run<H: Hooks>(self, plugin: Arc<H>) {
        let shared = Arc::clone(&self.to.shared);
        shared.spawn(NO_HOOK, async move {
            let configured = caught(plugin.on_configuration_change()).await;
            if let Err(error) = configured.unwrap_or_else(|panic| Err(HookError::new(self.to.say_panicked(&*panic)))) {
                self.to.log(Level::Error, format!("OnConfigurationChange failed: {error}"));
            }
            let activated = caught(plugin.on_activate()).await;
            let activated = activated.unwrap_or_else(|panic| Err(HookError::new(self.to.say_panicked(&*panic))));
            if let Err(error) = &activated {
                self.to.log(Level::Error, format!("the plugin cannot be activated: {error}"));
            }
            self.to.send(&OnActivateReturns { a: activated.err().map_or_else(Default::default, HookError::into_any) });
        });
    }
}
