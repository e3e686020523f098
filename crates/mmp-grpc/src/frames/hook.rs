//! A hook that the bridge has called, and its streams.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use mmp_transcode::msgpack;
use mmp_transcode::schema::Method;
use mmp_worker::frame::Kind;
use tokio::sync::{mpsc, oneshot};

use super::address::Address;
use super::connection::{Connection, HookRoute, StreamRoute};
use super::credit::{Credit, Gone};
use super::{FIRST_CREDIT, MAX_DATA, payload};

/// Runs hooks.
pub trait ServeHooks: Send + Sync {
    /// A hook is called. It must be begun at once, on a task of its own.
    fn called(&self, hook: Hook);
}

/// What comes on a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Bytes.
    Data(Bytes),
    /// The end: complete, or broken off for this reason.
    End(Option<String>),
    /// The answer to HIJACK: done, or not for this reason.
    Hijacked(Option<String>),
}

/// A hook that is to be answered. One that is dropped without an answer fails.
#[derive(Debug)]
pub struct Hook {
    connection: Connection,
    method: &'static Method,
    id: u32,
    /// The array of the arguments.
    pub payload: Bytes,
    cancelled: oneshot::Receiver<()>,
    streams: Option<HookStreams>,
    answered: bool,
}

/// The streams of a hook: what comes, and what may be sent until the hook is answered.
#[derive(Debug)]
pub struct HookStreams {
    connection: Connection,
    address: Address,
    credit: Arc<Credit>,
    events: mpsc::UnboundedReceiver<Event>,
}

/// Sends frames of a hook's stream to the bridge.
#[derive(Debug, Clone)]
pub struct HookSender {
    connection: Connection,
    address: Address,
    credit: Arc<Credit>,
}

/// Takes what comes on a hook's stream from the bridge.
#[derive(Debug)]
pub struct HookReceiver {
    connection: Connection,
    address: Address,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Hook {
    /// A hook has come: from here on it can be cancelled, and its streams have a place to go.
    pub(super) fn begin(connection: &Connection, method: &'static Method, id: u32, payload: Bytes) -> Hook {
        let (cancel, cancelled) = oneshot::channel();
        let address = Address::of_hook(method.id, id);
        let (streams, route) = if method.streams.is_empty() {
            (None, None)
        } else {
            let (sender, events) = mpsc::unbounded_channel();
            let credit = Arc::new(Credit::new(FIRST_CREDIT));
            let route = StreamRoute { events: sender, credit: credit.clone() };
            (Some(HookStreams { connection: connection.clone(), address, credit, events }), Some(route))
        };
        connection.with(|state| state.hooks.insert(id, HookRoute { cancel: Some(cancel), streams: route }));
        Hook { connection: connection.clone(), method, id, payload, cancelled, streams, answered: false }
    }

    /// Answers a hook that this side does not know.
    pub(super) fn refuse_unknown(connection: &Connection, method: u16, id: u32) {
        let message = format!("the gateway does not know the hook {method}");
        connection.put(Address::of_hook(method, id), Kind::HookError, 0, &failure(&message, None));
    }

    /// Which hook it is.
    pub fn method(&self) -> &'static Method {
        self.method
    }

    /// The streams, once, of a hook that has some.
    pub fn take_streams(&mut self) -> Option<HookStreams> {
        self.streams.take()
    }

    /// Waits until the bridge does not want the results any more, or is gone.
    pub async fn cancelled(&mut self) {
        // The other end is dropped only when the connection is closed.
        let _ = (&mut self.cancelled).await;
    }

    /// Waits while too much is not written yet.
    pub async fn room(&self) {
        self.connection.room().await;
    }

    /// Answers with the array of the results, or with nothing: the neutral answer.
    pub fn reply(mut self, results: &[u8]) {
        self.answer(Kind::HookReply, results);
    }

    /// Answers that the hook failed; `app` is an AppError as a map.
    pub fn fail(mut self, message: &str, app: Option<&[u8]>) {
        self.answer(Kind::HookError, &failure(message, app));
    }

    fn answer(&mut self, kind: Kind, payload: &[u8]) {
        self.answered = true;
        if let Some(route) = self.connection.forget_hook(self.id) {
            route.streams.iter().for_each(|streams| streams.credit.close());
            self.connection.put(Address::of_hook(self.method.id, self.id), kind, 0, payload);
        }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        if !self.answered {
            self.answer(Kind::HookError, &failure("the gateway has given the hook up", None));
        }
    }
}

fn failure(message: &str, app: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::put_map_len(&mut out, 1 + usize::from(app.is_some()));
    msgpack::put_str(&mut out, "message");
    msgpack::put_str(&mut out, message);
    if let Some(app) = app {
        msgpack::put_str(&mut out, "app");
        out.extend_from_slice(app);
    }
    out
}

impl HookStreams {
    /// The two directions, to be driven at the same time.
    pub fn split(self) -> (HookSender, HookReceiver) {
        let HookStreams { connection, address, credit, events } = self;
        let sender = HookSender { connection: connection.clone(), address, credit };
        (sender, HookReceiver { connection, address, events })
    }
}

impl HookSender {
    /// Sends bytes in frames that the bridge takes, as it gives credit for them. The last one carries the flags, which are
    /// [`mmp_worker::frame::FLUSH`] and [`mmp_worker::frame::BUFFERED`]; without bytes it is sent only if it has flags.
    ///
    /// # Errors
    /// When the hook is over.
    pub async fn data(&self, mut bytes: Bytes, flags: u8) -> Result<(), Gone> {
        if bytes.is_empty() {
            if flags != 0 {
                self.connection.put_of_hook(self.address, Kind::Data, flags, &[]);
            }
            return Ok(());
        }
        while !bytes.is_empty() {
            let count = self.credit.take(bytes.len().min(MAX_DATA)).await?;
            let part = bytes.split_to(count);
            // BUFFERED holds for every part, FLUSH for the last.
            let kept = if bytes.is_empty() { flags } else { flags & mmp_worker::frame::BUFFERED };
            self.connection.put_of_hook(self.address, Kind::Data, kept, &part);
            self.connection.room().await;
        }
        Ok(())
    }

    /// Ends the stream: complete, or broken off for this reason.
    pub fn end(&self, broken: Option<&str>) {
        self.send(Kind::End, &broken.map(payload::broken_off).unwrap_or_default());
    }

    /// Sends another frame of the hook: HEAD, HIJACK, DEADLINE.
    pub fn send(&self, kind: Kind, payload: &[u8]) {
        self.connection.put_of_hook(self.address, kind, 0, payload);
    }
}

impl HookReceiver {
    /// What comes next; None when the connection is lost.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// The same for those who poll.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_recv(context)
    }

    /// The bridge may send so many bytes more.
    pub fn grant(&self, bytes: usize) {
        if bytes > 0 {
            self.connection.put_of_hook(self.address, Kind::Credit, 0, &payload::credit(bytes));
        }
    }
}
