//! One connection of the worker link: its output, and who waits for what comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mmp_worker::frame::{self, Kind};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::CallError;
use super::address::Address;
use super::control::ServeControl;
use super::credit::Credit;
use super::error::ApiError;
use super::handshake::Place;
use super::hook::{Event, ServeHooks};
use super::log::{self, Level};
use super::output::{HIGH_WATER, Output};

/// What the bridge may send on a connection beside answers.
#[derive(Clone)]
pub enum Duty {
    /// `control`: STOP, PING.
    Control(Arc<dyn ServeControl>),
    /// `async`: hooks.
    Hooks(Arc<dyn ServeHooks>),
    /// `api`: nothing.
    Nothing,
}

impl std::fmt::Debug for Duty {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Duty::Control(_) => "Control",
            Duty::Hooks(_) => "Hooks",
            Duty::Nothing => "Nothing",
        })
    }
}

/// The streams of a hook or a call, as far as frames that come are for them.
#[derive(Debug, Clone)]
pub(super) struct StreamRoute {
    /// What comes. It is bounded by the credit that was given.
    pub(super) events: mpsc::UnboundedSender<Event>,
    /// How much may be sent.
    pub(super) credit: Arc<Credit>,
}

/// An API call that is not over.
#[derive(Debug)]
pub(super) struct CallRoute {
    /// None when it was answered.
    pub(super) answer: Option<oneshot::Sender<Result<Bytes, ApiError>>>,
    /// Whether a body follows the answer.
    pub(super) body_follows: bool,
    pub(super) streams: Option<StreamRoute>,
}

/// A hook that is not answered.
#[derive(Debug)]
pub(super) struct HookRoute {
    /// None when it was cancelled.
    pub(super) cancel: Option<oneshot::Sender<()>>,
    pub(super) streams: Option<StreamRoute>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) output: Output,
    pub(super) calls: HashMap<u32, CallRoute>,
    pub(super) hooks: HashMap<u32, HookRoute>,
    next_call: u32,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There is output to write.
    filled: Notify,
    /// Output was written.
    drained: Notify,
    /// Why the connection is closed, when it is.
    closed: watch::Sender<Option<Arc<str>>>,
    /// What the bridge said in WELCOME.
    place: Place,
}

/// A connection whose handshake is done; clones share it.
#[derive(Debug, Clone)]
pub struct Connection(Arc<Shared>);

impl Connection {
    pub(super) fn new(place: Place) -> Connection {
        Connection(Arc::new(Shared {
            state: Mutex::default(),
            filled: Notify::new(),
            drained: Notify::new(),
            closed: watch::Sender::new(None),
            place,
        }))
    }

    /// Changes the state. The lock is never held across an await.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a frame behind the others.
    pub(super) fn put(&self, address: Address, kind: Kind, flags: u8, payload: &[u8]) {
        self.put_with(|out| address.put(out, kind, flags, payload));
    }

    /// Puts a frame of a hook behind the others, unless the hook is answered: nothing of it may follow its answer.
    pub(super) fn put_of_hook(&self, address: Address, kind: Kind, flags: u8, payload: &[u8]) {
        self.with(|state| {
            if state.hooks.contains_key(&address.id) {
                address.put(&mut state.output.frames, kind, flags, payload);
            }
        });
        self.0.filled.notify_one();
    }

    fn put_with(&self, put: impl FnOnce(&mut Vec<u8>)) {
        if self.is_closed() {
            return;
        }
        self.with(|state| put(&mut state.output.frames));
        self.0.filled.notify_one();
    }

    /// Sends a frame of the handshake.
    pub(crate) fn send(&self, kind: Kind, payload: &[u8]) {
        self.send_with(kind, 0, payload);
    }

    /// Sends a frame about the worker as a whole, with this id.
    pub(super) fn send_with(&self, kind: Kind, id: u32, payload: &[u8]) {
        self.put_with(|out| frame::put_bytes(out, kind, 0, id, payload));
    }

    /// Which of the plugin's workers this is.
    pub fn place(&self) -> Place {
        self.0.place
    }

    /// Sends a line for the server's log.
    pub fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        let mut line = Vec::new();
        log::put_line(&mut line, level, message, fields);
        self.send(Kind::Log, &line);
    }

    /// Whether the connection is closed.
    pub fn is_closed(&self) -> bool {
        self.0.closed.borrow().is_some()
    }

    /// Why no answer comes any more.
    pub(super) fn lost(&self) -> CallError {
        let reason = self.0.closed.borrow().clone();
        CallError::Lost(reason.unwrap_or_else(|| Arc::from("the connection to the bridge is gone")))
    }

    /// Waits until the connection is closed; says why.
    pub async fn closed(&self) -> Arc<str> {
        let mut closed = self.0.closed.subscribe();
        match closed.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_else(|| Arc::from("it was closed")),
            // The sender is held by `self`.
            Err(_) => Arc::from("it was closed"),
        }
    }

    /// Closes the connection for this reason: nobody gets an answer, hooks are cancelled, streams end.
    pub(super) fn close(&self, reason: &str) {
        self.0.closed.send_if_modified(|closed| {
            let first = closed.is_none();
            closed.get_or_insert_with(|| Arc::from(reason));
            first
        });
        let (calls, hooks) = self.with(|state| (std::mem::take(&mut state.calls), std::mem::take(&mut state.hooks)));
        let streams = calls.into_values().map(|call| call.streams).chain(hooks.into_values().map(|hook| hook.streams));
        streams.flatten().for_each(|route| route.credit.close());
        self.0.filled.notify_one();
        self.0.drained.notify_waiters();
    }

    /// Waits while too much is not written yet.
    pub(super) async fn room(&self) {
        self.until_pending(HIGH_WATER).await;
    }

    /// Waits until everything is written, or the connection is closed, or this much time has passed.
    pub(crate) async fn flush(&self, patience: Duration) {
        // A bridge that does not read has no use for the rest.
        let _ = tokio::time::timeout(patience, self.until_pending(0)).await;
    }

    /// Waits until no more than so many bytes are not written yet, or the connection is closed.
    async fn until_pending(&self, most: usize) {
        let reached = || self.with(|state| state.output.pending()) <= most || self.is_closed();
        while !reached() {
            let mut drained = std::pin::pin!(self.0.drained.notified());
            // Registered before the state is looked at again, so that no wake-up is missed.
            drained.as_mut().enable();
            if !reached() {
                drained.await;
            }
        }
    }

    /// Ends the connection from this side, when everything is written or this much time has passed.
    pub(crate) async fn end(&self, patience: Duration) {
        self.flush(patience).await;
        self.close("the gateway has ended");
    }

    /// Takes everything that waits to be written. What was taken before is written now.
    pub(super) fn take_output(&self, frames: &mut Vec<u8>) {
        self.with(|state| {
            std::mem::swap(&mut state.output.frames, frames);
            state.output.under_way = frames.len();
        });
        self.0.drained.notify_waiters();
    }

    /// Waits until something waits to be written, or the connection is closed.
    pub(super) async fn until_output(&self) {
        self.0.filled.notified().await;
    }

    /// Registers a call and sends it.
    pub(super) fn begin_call(
        &self,
        method: u16,
        flags: u8,
        args: &[u8],
        call: CallRoute,
    ) -> Result<Address, CallError> {
        // Looked at under the lock, which closing takes, too, so that no call is registered behind it.
        let address = self.with(|state| {
            if self.is_closed() {
                return Err(self.lost());
            }
            state.next_call = state.next_call.wrapping_add(1);
            while state.calls.contains_key(&state.next_call) {
                state.next_call = state.next_call.wrapping_add(1);
            }
            let id = state.next_call;
            state.calls.insert(id, call);
            frame::put_bytes_with(&mut state.output.frames, Kind::ApiCall, flags, method, id, args);
            Ok(Address::of_call(method, id))
        })?;
        self.0.filled.notify_one();
        Ok(address)
    }

    /// Forgets a call; says whether it was still there.
    pub(super) fn forget_call(&self, id: u32) -> bool {
        let call = self.with(|state| state.calls.remove(&id));
        if let Some(streams) = call.as_ref().and_then(|call| call.streams.as_ref()) {
            streams.credit.close();
        }
        call.is_some()
    }

    /// Forgets a hook, which is being answered; None if that was done before.
    pub(super) fn forget_hook(&self, id: u32) -> Option<HookRoute> {
        self.with(|state| state.hooks.remove(&id))
    }
}
