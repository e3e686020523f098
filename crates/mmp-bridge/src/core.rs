//! What the bridge knows, and what it does when the host says something.

use std::collections::HashMap;
use std::time::Instant;

use mmp_gob::Error as GobError;
use mmp_goplugin::broker::BrokerError;
use mmp_goplugin::endpoint::{Handler, Link as HostLink};
use mmp_goplugin::netrpc::{Body, CallError, ConnError, RequestHead};
use mmp_goplugin::plugin::PluginHandler;
use mmp_goplugin::yamux::{SessionError, StreamId};
use mmp_transcode::{FromGob, ToGob};

use crate::activation::Broadcast;
use crate::api_streams::ApiStreams;
use crate::deadlines::Deadlines;
use crate::driver::Driver;
use crate::files::FileStreams;
use crate::hooks::PendingHook;
use crate::http::Exchanges;
use crate::log::{Level, Log};
use crate::metrics::Metrics;
use crate::names::SERVICE;
use crate::notice::Notice;
use crate::pending_calls::PendingCalls;
use crate::rationed::Rationed;
use crate::status::StatusCommand;
use crate::streams::Routes;
use crate::supervisor::health::Overdue;
use crate::supervisor::{Changes, Stop, Workers};

/// Why an answer could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// The connection to the host is gone.
    #[error(transparent)]
    Connection(#[from] ConnError),
    /// The values do not fit.
    #[error(transparent)]
    Value(#[from] mmp_transcode::Error),
}

impl AnswerError {
    /// The kind of API_ERROR for a call that failed so.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            AnswerError::Connection(_) => "unavailable",
            AnswerError::Value(_) => "invalid",
        }
    }
}

/// Everything but the host's session and the event loop's sockets.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) workers: Workers,
    pub(crate) log: Log,
    /// The hooks that workers have, or that wait for one, by their ids there.
    pub(crate) hooks: HashMap<u32, PendingHook>,
    pub(crate) next_hook: u32,
    /// When something is due for them.
    pub(crate) deadlines: Deadlines,
    /// The hooks that were answered in a worker's place, while it still runs them.
    pub(crate) overdue: HashMap<u32, Overdue>,
    /// The hooks that all workers answer together.
    pub(crate) broadcasts: HashMap<u32, Broadcast>,
    /// The events that were lost, and the hooks that were answered because no worker was there.
    pub(crate) dropped: Rationed,
    pub(crate) unserved: Rationed,
    /// The workers' connections whose next API call waits for the host.
    pub(crate) held: Vec<usize>,
    /// The connection that was closed last: none of its calls waits.
    pub(crate) last_words: Option<usize>,
    /// The calls to the host that wait for an answer.
    pub(crate) calls: PendingCalls,
    /// Hook arguments, API results, hook results and API arguments: each direction of each stream has types of its own.
    pub(crate) from_hooks: FromGob,
    pub(crate) from_api: FromGob,
    pub(crate) to_hooks: ToGob,
    pub(crate) to_api: ToGob,
    /// HTTP requests under way, and the files of FileWillBeUploaded.
    pub(crate) exchanges: Exchanges,
    pub(crate) files: HashMap<u32, FileStreams>,
    /// API calls with streams.
    pub(crate) api_streams: ApiStreams,
    /// The host's raw streams.
    pub(crate) routes: Routes,
    /// Hooks with streams that a connection was found for in this turn, and which one.
    pub(crate) started: Vec<(u32, usize)>,
    pub(crate) metrics: Metrics,
    /// The connections that OnActivate named.
    pub(crate) api: Option<StreamId>,
    pub(crate) driver: Driver,
    /// Whether the host has activated the plugin: a worker that is started again afterwards is brought up by the bridge.
    pub(crate) activated: bool,
    /// The host has deactivated it, or is doing so: no worker comes back, and none gets hooks that was not activated.
    pub(crate) deactivated: bool,
    /// The host is activating it, and this worker's turn it is.
    pub(crate) activating: Option<usize>,
    /// The stop that the host has asked for.
    pub(crate) stop: Option<Stop>,
    /// Where the host calls hooks.
    pub(crate) hooks_conn: Option<StreamId>,
    /// The host waits for the list of hooks: connection and sequence number.
    pub(crate) implemented: Option<(StreamId, u64)>,
    /// The message to the administrators that is under way, and whether there was one.
    pub(crate) notice: Option<Notice>,
    pub(crate) noticed: bool,
    /// The command that shows how the plugin is.
    pub(crate) status: StatusCommand,
    /// What became of the workers lately.
    pub(crate) changes: Changes,
    /// When the bridge began.
    pub(crate) began: Instant,
    /// The time, as of the current turn of the event loop.
    pub(crate) now: Instant,
    /// Why the bridge is to end, once its output is written.
    pub(crate) end: Option<End>,
}

/// How the bridge ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The host asked for it.
    Quit,
    /// The host is gone.
    HostGone,
    /// The bridge cannot do its work any more; the server's health check starts it again.
    Broken,
}

impl Core {
    pub(crate) fn new(workers: Workers, now: Instant) -> Core {
        let driver = Driver::new(workers.bundle().is_some_and(|bundle| bundle.database));
        let status = StatusCommand::new(workers.bundle().and_then(|bundle| bundle.status_command.clone()));
        Core {
            workers,
            log: Log::default(),
            hooks: HashMap::new(),
            next_hook: 0,
            deadlines: Deadlines::default(),
            overdue: HashMap::new(),
            broadcasts: HashMap::new(),
            held: Vec::new(),
            last_words: None,
            dropped: Rationed::default(),
            unserved: Rationed::default(),
            calls: PendingCalls::default(),
            from_hooks: FromGob::default(),
            from_api: FromGob::default(),
            to_hooks: ToGob::default(),
            to_api: ToGob::default(),
            exchanges: Exchanges::default(),
            files: HashMap::new(),
            api_streams: ApiStreams::default(),
            routes: Routes::default(),
            started: Vec::new(),
            metrics: Metrics::default(),
            api: None,
            driver,
            activated: false,
            deactivated: false,
            activating: None,
            stop: None,
            hooks_conn: None,
            implemented: None,
            notice: None,
            noticed: false,
            status,
            changes: Changes::default(),
            began: now,
            now,
            end: None,
        }
    }
}

impl Handler for Core {
    fn request(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let Some(name) = request.method.strip_prefix(SERVICE) else {
            link.reply_error(conn, request.seq, request.method, &request.refusal("Plugin"));
            return Ok(());
        };
        match name {
            "Implemented" => self.implemented_asked(link, conn, request.seq),
            "OnActivate" => self.activate(link, conn, request.seq, body)?,
            _ => self.hook_called(link, conn, request, name, body)?,
        }
        Ok(())
    }

    fn response(
        &mut self,
        link: &mut HostLink,
        _conn: StreamId,
        token: u64,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        self.call_answered(link, token, body)
    }

    fn call_failed(&mut self, link: &mut HostLink, _conn: StreamId, token: u64, error: CallError) {
        self.call_refused(link, token, &error);
    }

    fn ready(&mut self, link: &mut HostLink, stream: StreamId, broker_id: u32) {
        // The host opened it, so the number is one of those that calls were given; the others were dialled here.
        if stream.is_clients() {
            self.call_stream_ready(link, stream, broker_id);
        }
    }

    fn accept_failed(&mut self, link: &mut HostLink, broker_id: u32, error: BrokerError) {
        self.call_stream_missed(link, broker_id, &error);
    }

    fn data(&mut self, link: &mut HostLink, stream: StreamId, bytes: &[u8]) {
        self.stream_data(link, stream, bytes);
    }

    fn finished(&mut self, link: &mut HostLink, stream: StreamId) {
        self.stream_finished(link, stream);
    }

    fn writable(&mut self, link: &mut HostLink, stream: StreamId) {
        self.stream_writable(link, stream);
    }

    fn conn_closed(&mut self, link: &mut HostLink, conn: StreamId, error: ConnError) {
        if self.routes.get(conn).is_some() {
            return self.stream_reset(link, conn);
        }
        if self.end.is_some() || link.session().closed().is_some() {
            return;
        }
        let lost = if self.is_driver_conn(conn) {
            return self.driver_closed(&error);
        } else if Some(conn) == self.api {
            "API"
        } else if Some(conn) == self.hooks_conn {
            "hooks"
        } else {
            return;
        };
        // The host dials and serves each of these once; there is no way to get it back but to be started again.
        self.api = self.api.filter(|api| *api != conn);
        let message = format!(
            "the server closed the {lost} connection of this plugin ({error}); the plugin ends, and the server's health check starts it again"
        );
        self.log.push(Level::Error, message, &[]);
        self.end = Some(End::Broken);
    }

    fn closed(&mut self, _error: SessionError) {
        self.end.get_or_insert(End::HostGone);
    }
}

impl PluginHandler for Core {
    fn hooks_connected(&mut self, _link: &mut HostLink, conn: StreamId) {
        self.hooks_conn = Some(conn);
    }

    fn quit(&mut self, _link: &mut HostLink) {
        self.end.get_or_insert(End::Quit);
    }
}
