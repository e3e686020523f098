//! A hook that the server calls: reading its arguments, running its handler, sending the reply.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use mmp_gob::{Error as GobError, Gob, Plans};
use mmp_goplugin::endpoint::Link;
use mmp_goplugin::netrpc::Body;
use mmp_goplugin::yamux::StreamId;

use super::calls::{Calls, SendFailure};
use super::log::Level;
use super::shared::{Shared, State};
use crate::generated::hooks::HOOKS;
use crate::streams::Streams;

/// A request of the server's.
pub(crate) struct HookCall<'c, 'a, 'b> {
    pub(crate) name: &'c str,
    pub(crate) seq: u64,
    pub(crate) conn: StreamId,
    pub(crate) link: &'c mut Link,
    pub(crate) body: Body<'a, 'b>,
    pub(crate) plans: &'c mut Plans,
    pub(crate) shared: &'c Arc<Shared>,
    pub(crate) streams: &'c mut Streams,
    pub(crate) calls: &'c mut Calls,
}

/// Where a reply goes.
pub(crate) struct ReplyTo {
    pub(crate) shared: Arc<Shared>,
    pub(crate) conn: StreamId,
    pub(crate) seq: u64,
    /// The position of the hook in [`HOOKS`].
    pub(crate) hook: usize,
}

impl HookCall<'_, '_, '_> {
    /// Reads the arguments. An error has to be passed on: it may be that not all of them are here.
    pub(crate) fn args<A: Gob + Default>(&mut self) -> Result<A, GobError> {
        let mut args = A::default();
        let Body { type_id, cursor, types } = &mut self.body;
        self.plans.decode(cursor, types, *type_id, &mut args)?;
        Ok(args)
    }

    /// Where the reply of the hook at this position of [`HOOKS`] goes.
    pub(crate) fn reply_to(&self, hook: usize) -> ReplyTo {
        ReplyTo { shared: Arc::clone(self.shared), conn: self.conn, seq: self.seq, hook }
    }

    /// Answers with an error, without a handler.
    pub(crate) fn refuse(&mut self, text: &str) {
        let method = format!("Plugin.{}", self.name);
        self.link.reply_error(self.conn, self.seq, &method, text);
    }

    /// Starts a handler. `failed` makes the reply of one that panicked, from the text of the panic.
    pub(crate) fn start<R: Gob + Send>(
        &self,
        hook: usize,
        handler: impl Future<Output = R> + Send + 'static,
        failed: impl FnOnce(String) -> R + Send + 'static,
    ) {
        let to = self.reply_to(hook);
        self.shared.spawn(hook, async move {
            let reply = match caught(handler).await {
                Ok(reply) => reply,
                Err(panic) => failed(to.say_panicked(&*panic)),
            };
            to.send(&reply);
        });
    }
}

impl ReplyTo {
    /// The name of the hook over net/rpc.
    fn method(&self) -> &'static str {
        HOOKS.get(self.hook).map_or("", |hook| hook.rpc)
    }

    /// The hook, by Go's name.
    pub(crate) fn name(&self) -> &'static str {
        HOOKS.get(self.hook).map_or("", |hook| hook.name)
    }

    /// Sends the reply. One that cannot be sent becomes an error reply: the server must get something that it can read.
    pub(crate) fn send<R: Gob>(&self, reply: &R) {
        self.shared.with(|State { session, core, .. }| {
            let (link, encoder) = (session.link(), &mut core.hook_encoder);
            let sent: Result<(), SendFailure> =
                link.reply(self.conn, self.seq, self.method(), |out| Ok(encoder.encode(reply, out)?));
            if let Err(error) = sent {
                let text = format!("{}: the result cannot be sent: {error}", self.method());
                link.reply_error(self.conn, self.seq, self.method(), &text);
                core.log.push(Level::Error, text, Vec::new());
            }
        });
    }

    /// Sends `struct{}`.
    pub(crate) fn send_empty(&self) {
        self.shared.with(|state| state.session.link().reply_empty(self.conn, self.seq, self.method()));
    }

    /// Logs that the handler panicked, and returns the text.
    pub(crate) fn say_panicked(&self, panic: &(dyn Any + Send)) -> String {
        let text = panic_text(panic);
        self.log(Level::Error, format!("the handler of {} panicked: {text}", self.name()));
        text
    }

    /// Writes a line to the server's log.
    pub(crate) fn log(&self, level: Level, text: String) {
        self.shared.log(level, text);
    }
}

/// What a panic was given.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("the handler panicked").to_owned()
}

/// Runs a future to its end or its panic.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}
