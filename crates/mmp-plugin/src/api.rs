//! The client of the plugin API.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use mmp_gob::Gob;
use serde::de::DeserializeOwned;

use crate::error::{Error, Method, Result};
use crate::model::rpc;
use crate::runtime::calls::{Services, lost};
use crate::runtime::log::Level;
use crate::runtime::shared::{Shared, State};
use crate::testing::FakeServer;

/// Mattermost's plugin API.
///
/// A plugin gets it when it is [started](crate::Start), and may copy it wherever it is needed. It answers from the plugin's activation on, in `on_configuration_change` and
/// `on_activate` already; before that, and when the server is gone, calls fail with [`Error::Unavailable`].
///
/// The server checks no permissions here: a plugin may do everything. What the server refuses comes back as [`Error::App`].
///
/// ```
/// # async fn greet(api: &mmp_plugin::Api, user_id: &str) -> mmp_plugin::Result<String> {
/// let user = api.get_user(user_id).await?;
/// api.log_info("somebody is greeted", &[("user", &user.username)]);
/// Ok(format!("Hello, @{}!", user.username))
/// # }
/// ```
#[derive(Clone)]
pub struct Api {
    server: Server,
}

/// Who answers.
#[derive(Clone)]
enum Server {
    /// The server, once it has connected.
    Real(Arc<OnceLock<Weak<Shared>>>),
    /// A test.
    Fake(FakeServer),
}

/// Which of the server's services is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Api,
    Driver,
}

impl Api {
    pub(crate) fn unconnected() -> Api {
        Api { server: Server::Real(Arc::default()) }
    }

    pub(crate) fn fake(server: FakeServer) -> Api {
        Api { server: Server::Fake(server) }
    }

    pub(crate) fn connect(&self, shared: &Arc<Shared>) {
        if let Server::Real(server) = &self.server {
            // There is one connection only.
            let _ = server.set(Arc::downgrade(shared));
        }
    }

    /// The connection to the server.
    pub(crate) fn shared(&self, method: Method) -> Result<Arc<Shared>> {
        let shared = match &self.server {
            Server::Real(server) => server.get().and_then(Weak::upgrade),
            Server::Fake(_) => None,
        };
        shared.ok_or_else(|| unavailable(method))
    }

    /// Calls a method of the API.
    pub(crate) async fn call<A: Gob, R: Gob + Default + Send>(&self, method: Method, args: &A) -> Result<R> {
        self.call_service(Service::Api, method, args).await
    }

    /// Calls a method of one of the services.
    pub(crate) async fn call_service<A: Gob, R: Gob + Default + Send>(
        &self,
        service: Service,
        method: Method,
        args: &A,
    ) -> Result<R> {
        if let Server::Fake(server) = &self.server {
            return server.call(method, args);
        }
        let answer = self.shared(method)?.with(|State { session, core, .. }| {
            let Services { api, driver } = core.calls.services();
            let conn = if service == Service::Api { api } else { driver };
            conn.map(|conn| core.calls.call(session.link(), conn, method.rpc, args))
        });
        match answer {
            None => Err(unavailable(method)),
            Some(Err(failure)) => Err(Error::from_call(failure.into(), method)),
            Some(Ok(answer)) => {
                let answer = answer.await.unwrap_or_else(|_| Err(lost()));
                answer.map_err(|error| Error::from_call(error, method))
            }
        }
    }

    /// Reads the plugin's settings, as an administrator left them and completed with the defaults of the manifest's settings schema, into a type of the plugin's. Their keys arrive in lower case.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Settings {
    ///     greeting: String,
    /// }
    ///
    /// # async fn read(api: &mmp_plugin::Api) -> mmp_plugin::Result<()> {
    /// let settings: Settings = api.load_plugin_configuration().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Mattermost's `LoadPluginConfiguration`, since 5.2.
    pub async fn load_plugin_configuration<T: DeserializeOwned>(&self) -> Result<T> {
        const METHOD: Method =
            Method { name: "LoadPluginConfiguration", rpc: "Plugin.LoadPluginConfiguration", since: "5.2" };
        let args = rpc::LoadPluginConfigurationArgsArgs::default();
        let reply: rpc::LoadPluginConfigurationArgsReturns = self.call(METHOD, &args).await?;
        serde_json::from_slice(&reply.a).map_err(|error| Error::Configuration(error.to_string()))
    }

    /// Writes to the server's log: for whoever looks for a fault. The server writes such lines only if it is told to.
    pub fn log_debug(&self, message: impl AsRef<str>, fields: &[(&str, &dyn fmt::Display)]) {
        self.log(Level::Debug, message.as_ref(), fields);
    }

    /// Writes to the server's log what happened. Lines keep their order, and nobody waits for them.
    ///
    /// ```
    /// # fn log(api: &mmp_plugin::Api, count: u32) {
    /// api.log_info("done", &[("count", &count), ("how", &"well")]);
    /// # }
    /// ```
    pub fn log_info(&self, message: impl AsRef<str>, fields: &[(&str, &dyn fmt::Display)]) {
        self.log(Level::Info, message.as_ref(), fields);
    }

    /// Writes to the server's log what somebody should look at.
    pub fn log_warn(&self, message: impl AsRef<str>, fields: &[(&str, &dyn fmt::Display)]) {
        self.log(Level::Warn, message.as_ref(), fields);
    }

    /// Writes to the server's log what went wrong.
    pub fn log_error(&self, message: impl AsRef<str>, fields: &[(&str, &dyn fmt::Display)]) {
        self.log(Level::Error, message.as_ref(), fields);
    }

    fn log(&self, level: Level, message: &str, fields: &[(&str, &dyn fmt::Display)]) {
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), value.to_string())).collect();
        match &self.server {
            Server::Fake(server) => server.log(message, fields),
            Server::Real(server) => match server.get().and_then(Weak::upgrade) {
                Some(shared) => shared.with(|state| state.core.log.push(level, message, fields)),
                None => crate::runtime::log::write_stderr(&crate::runtime::log::Line {
                    level,
                    message: message.to_owned(),
                    fields,
                }),
            },
        }
    }
}

fn unavailable(method: Method) -> Error {
    let reason = "the server is not there before the plugin is activated, or after it was stopped";
    Error::Unavailable { method: method.name, reason: reason.to_owned() }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}
