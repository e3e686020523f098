//! API calls of the bridge's own: for its message to the administrators, and for the status command.
//!
//! None of them is waited for: the answer goes to whoever made the call, by [`OwnCall`]. Their arguments are small and few, so they are written as JSON values and turned into MessagePack.

use mmp_gob::Error as GobError;
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::{Body, CallError};
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::schema::Method;
use mmp_transcode::{Error as TranscodeError, Reply, generated};
use mmp_worker::messages;
use serde_json::Value;

use crate::answers::read_raised;
use crate::core::{AnswerError, Core};
use crate::log::Level;
use crate::names;
use crate::pending_calls::PendingCall;

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnCall {
    /// A step on the way to the message to the administrators.
    Notice,
    /// The registration of the status command.
    StatusCommand,
    /// Whether a user may see the status: the request for ExecuteCommand that waits for it.
    StatusPermission { conn: StreamId, seq: u64 },
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// There is no API, or none any more.
    #[error("the server's API is gone")]
    Gone,
    /// The server answered with an error, or with something that cannot be read.
    #[error("{0}")]
    Failed(String),
}

impl Core {
    /// Calls a method with an array of arguments.
    ///
    /// # Errors
    /// When the call cannot be sent; then nobody is told of an answer.
    pub(crate) fn call_own(
        &mut self,
        link: &mut HostLink,
        name: &'static str,
        arguments: &Value,
        purpose: OwnCall,
    ) -> Result<(), Trouble> {
        let Some(api) = self.api else { return Err(Trouble::Gone) };
        let method = generated::api_by_name(name).ok_or_else(|| Trouble::Failed(format!("{name} is not known")))?;
        let payload = messages::encode(arguments).map_err(|error| Trouble::Failed(format!("{name}: {error}")))?;
        let token = self.calls.insert(PendingCall::Own { purpose, method });
        let to_api = &mut self.to_api;
        let called: Result<u64, AnswerError> =
            link.call(api, names::api(method), token, |out| Ok(to_api.call(method, &payload, out)?));
        if let Err(error) = called {
            self.calls.remove(token);
            return Err(match error {
                AnswerError::Connection(_) => Trouble::Gone,
                AnswerError::Value(error) => Trouble::Failed(format!("{name}: {error}")),
            });
        }
        Ok(())
    }

    /// The host answered such a call.
    pub(crate) fn own_call_answered(
        &mut self,
        link: &mut HostLink,
        token: u64,
        purpose: OwnCall,
        method: &'static Method,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let Body { type_id, cursor, types } = body;
        let mut results = Vec::new();
        let answer = match self.from_api.results(method, type_id, cursor, types, &mut results) {
            Ok(Reply::Results) => Ok(results.as_slice()),
            Ok(Reply::Error) => Err(Trouble::Failed(format!("{}: {}", method.name, read_raised(&results).message))),
            // The rest of the answer is still to come.
            Err(TranscodeError::Gob(error)) => return Err(error),
            Err(error) => Err(Trouble::Failed(format!("{}: {error}", method.name))),
        };
        self.calls.remove(token);
        self.own_call_over(link, purpose, answer);
        Ok(())
    }

    /// Such a call has no answer.
    pub(crate) fn own_call_refused(
        &mut self,
        link: &mut HostLink,
        purpose: OwnCall,
        method: &'static Method,
        error: &CallError,
    ) {
        let trouble = match error {
            CallError::Connection(_) => Trouble::Gone,
            error => Trouble::Failed(format!("{}: {error}", method.name)),
        };
        self.own_call_over(link, purpose, Err(trouble));
    }

    fn own_call_over(&mut self, link: &mut HostLink, purpose: OwnCall, answer: Result<&[u8], Trouble>) {
        match purpose {
            OwnCall::Notice => self.notice_answered(link, answer),
            OwnCall::StatusCommand => self.status_command_registered(answer),
            OwnCall::StatusPermission { conn, seq } => self.status_permitted(link, conn, seq, answer),
        }
    }

    /// Says that something the bridge wanted from the API came to nothing: in a whisper if the API is gone, as the plugin is being stopped then.
    pub(crate) fn log_trouble(&mut self, what: &str, trouble: &Trouble) {
        let level = if *trouble == Trouble::Gone { Level::Debug } else { Level::Warn };
        self.log.push(level, format!("{what}: {trouble}"), &[]);
    }
}
