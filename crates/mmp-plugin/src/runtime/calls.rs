//! Calls to the server: the API, the database driver, and the response writers of HTTP requests, each a net/rpc connection of its own.

use std::collections::HashMap;

use mmp_gob::{Encoder, Error as GobError, Gob, Plans};
use mmp_goplugin::endpoint::Link;
use mmp_goplugin::netrpc::{Body, CallError, ConnError};
use mmp_goplugin::yamux::StreamId;
use tokio::sync::oneshot;

pub(crate) use crate::error::SendFailure;

/// The gob state of a connection on which this side calls.
#[derive(Default)]
struct Client {
    encoder: Encoder,
    plans: Plans,
}

/// Which connections there are, and which calls wait.
#[derive(Default)]
pub(crate) struct Calls {
    clients: HashMap<StreamId, Client>,
    services: Services,
    waiting: HashMap<u64, Box<dyn Waiting>>,
    next_token: u64,
}

/// The connections that OnActivate named.
#[derive(Default, Clone, Copy)]
pub(crate) struct Services {
    pub(crate) api: Option<StreamId>,
    pub(crate) driver: Option<StreamId>,
}

/// A call that waits for its answer.
trait Waiting: Send {
    /// Reads the answer; an error that is not the last word leaves no trace.
    fn answered(&mut self, plans: &mut Plans, body: Body<'_, '_>) -> Result<(), GobError>;
    /// There is no answer.
    fn failed(&mut self, error: CallError);
}

struct Typed<R>(Option<oneshot::Sender<Result<R, CallError>>>);

impl<R: Gob + Default + Send> Waiting for Typed<R> {
    fn answered(&mut self, plans: &mut Plans, body: Body<'_, '_>) -> Result<(), GobError> {
        let mut reply = R::default();
        plans.decode(body.cursor, body.types, body.type_id, &mut reply)?;
        self.finish(Ok(reply));
        Ok(())
    }

    fn failed(&mut self, error: CallError) {
        self.finish(Err(error));
    }
}

impl<R> Typed<R> {
    fn finish(&mut self, result: Result<R, CallError>) {
        if let Some(sender) = self.0.take() {
            // Whoever asked may have lost interest.
            let _ = sender.send(result);
        }
    }
}

/// The answer that a call waits for.
pub(crate) type Answer<R> = oneshot::Receiver<Result<R, CallError>>;

impl Calls {
    /// The services that OnActivate named.
    pub(crate) fn services(&self) -> Services {
        self.services
    }

    pub(crate) fn api_mut(&mut self) -> &mut Services {
        &mut self.services
    }

    /// Sends a call. The connection must be one of [`mmp_goplugin::endpoint::Kind::Client`].
    pub(crate) fn call<A: Gob, R: Gob + Default + Send>(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        method: &str,
        args: &A,
    ) -> Result<Answer<R>, SendFailure> {
        let client = self.clients.entry(conn).or_default();
        let token = self.next_token;
        link.call(conn, method, token, |out| Ok::<(), SendFailure>(client.encoder.encode(args, out)?))?;
        self.next_token += 1;
        let (sender, answer) = oneshot::channel();
        self.waiting.insert(token, Box::new(Typed::<R>(Some(sender))));
        Ok(answer)
    }

    pub(crate) fn answered(&mut self, conn: StreamId, token: u64, body: Body<'_, '_>) -> Result<(), GobError> {
        let Some(waiting) = self.waiting.get_mut(&token) else { return Ok(()) };
        let client = self.clients.entry(conn).or_default();
        waiting.answered(&mut client.plans, body)?;
        self.waiting.remove(&token);
        Ok(())
    }

    pub(crate) fn failed(&mut self, token: u64, error: CallError) {
        if let Some(mut waiting) = self.waiting.remove(&token) {
            waiting.failed(error);
        }
    }

    /// Forgets a connection that this side has closed.
    pub(crate) fn forget(&mut self, conn: StreamId) {
        self.clients.remove(&conn);
    }

    /// Forgets a connection. True if it was the API's.
    pub(crate) fn closed(&mut self, conn: StreamId) -> bool {
        self.clients.remove(&conn);
        if self.services.driver == Some(conn) {
            self.services.driver = None;
        }
        let was_api = self.services.api == Some(conn);
        if was_api {
            self.services.api = None;
        }
        was_api
    }
}

impl From<SendFailure> for CallError {
    fn from(failure: SendFailure) -> Self {
        match failure {
            SendFailure::Connection(error) => CallError::Connection(error),
            SendFailure::Value(error) => CallError::Decode(error),
        }
    }
}

/// The error of a call whose connection went without a word.
pub(crate) fn lost() -> CallError {
    CallError::Connection(ConnError::Shutdown)
}
