//! Calls to the bridge, over whichever connection there is for them.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use mmp_transcode::schema::Method;
use mmp_worker::messages::Role;
use mmp_worker::token::Token;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::call;
use super::connection::{Connection, Duty};
use super::error::CallError;
use super::handshake;
use super::log::Level;
use super::streamed_call::{self, StreamedCall};

/// How many calls an `api` connection may have in flight. The bridge does not read such a connection beyond 256 (`mmp-worker`, `connection.rs`), so that it would not hear of calls that are given up.
const MAX_CALLS: usize = 200;

/// Calls to the bridge; clones share the connection.
#[derive(Debug, Clone)]
pub struct Link(Source);

/// Where the connection comes from.
#[derive(Debug, Clone)]
enum Source {
    /// It is there, and the gateway ends with it.
    Fixed(Connection),
    /// It is made when it is needed.
    OnDemand(Arc<OnDemand>),
}

#[derive(Debug)]
struct OnDemand {
    path: PathBuf,
    token: Token,
    /// What a call holds until it is answered or given up.
    calls: Arc<Semaphore>,
    current: Mutex<Option<Connection>>,
}

impl Link {
    /// Calls over this connection.
    pub fn over(connection: Connection) -> Link {
        Link(Source::Fixed(connection))
    }

    /// Calls over an `api` connection that is made at the first of them.
    pub fn on_demand(path: PathBuf, token: Token) -> Link {
        let calls = Arc::new(Semaphore::new(MAX_CALLS));
        Link(Source::OnDemand(Arc::new(OnDemand { path, token, calls, current: Mutex::default() })))
    }

    /// Calls a method without streams; the results are the payload of API_REPLY. Dropping the future gives the call up.
    ///
    /// # Errors
    /// The bridge's error, or that there is no connection.
    pub async fn call(&self, method: &'static Method, args: &[u8]) -> Result<Bytes, CallError> {
        // Given back behind the CANCEL of a call that is given up.
        let _permit = self.permit().await;
        call::call(&self.connection().await?, method, args).await
    }

    /// Calls a method with streams. `body`: whether the call has one, which `InstallPlugin` and `UploadData` always have.
    ///
    /// # Errors
    /// That there is no connection.
    pub async fn open(&self, method: &'static Method, args: &[u8], body: bool) -> Result<StreamedCall, CallError> {
        let permit = self.permit().await;
        streamed_call::open(&self.connection().await?, method, args, body, permit).await
    }

    /// Writes a line into the server's log. Never waits.
    pub fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        match &self.0 {
            Source::Fixed(connection) => connection.log(level, message, fields),
            Source::OnDemand(source) => source.clone().log(level, message, fields),
        }
    }

    /// Waits until one call more may be in flight.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        match &self.0 {
            Source::Fixed(_) => None,
            // It is never closed.
            Source::OnDemand(source) => source.calls.clone().acquire_owned().await.ok(),
        }
    }

    async fn connection(&self) -> Result<Connection, CallError> {
        match &self.0 {
            Source::Fixed(connection) => Ok(connection.clone()),
            Source::OnDemand(source) => source.connection().await,
        }
    }
}

impl OnDemand {
    async fn connection(&self) -> Result<Connection, CallError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = current.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        let connected = handshake::connect(&self.path, &self.token, Role::Api, Duty::Nothing).await;
        let connection = connected.map_err(|error| CallError::Lost(Arc::from(error.to_string())))?;
        Ok(current.insert(connection).clone())
    }

    /// The line waits for the connection on a task of its own.
    fn log(self: Arc<Self>, level: Level, message: &str, fields: &[(&str, &str)]) {
        let message = message.to_owned();
        let fields: Vec<(String, String)> =
            fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        tokio::spawn(async move {
            // Without a connection there is no log to write to.
            if let Ok(connection) = self.connection().await {
                let fields: Vec<(&str, &str)> =
                    fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
                connection.log(level, &message, &fields);
            }
        });
    }
}
