//! What happens on streams: at the host, at the worker, and when a hook begins.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::yamux::StreamId;
use mmp_worker::frame::{Header, OF_API};

use super::{Address, Inbound, Outbound, Route};
use crate::core::Core;
use crate::hooks::Asker;
use crate::supervisor::Workers;

/// What a raw stream of the host belongs to.
enum Owner<'a> {
    /// A request's body or a file, to the worker.
    Inbound(&'a mut Inbound, &'a mut Workers),
    /// The replacement of a file, to the host.
    Outbound(&'a mut Outbound, &'a mut Workers),
    /// An API call.
    Call,
    /// Nothing any more.
    Nothing,
}

impl Core {
    fn owner_of(&mut self, stream: StreamId) -> Owner<'_> {
        let Core { routes, exchanges, files, workers, now, .. } = self;
        let inbound = match routes.get(stream) {
            Some(Route::HttpBody(id)) => exchanges.get_mut(id).and_then(|exchange| {
                exchange.moved = *now;
                exchange.body.as_mut()
            }),
            Some(Route::File(id)) => files.get_mut(&id).and_then(|streams| {
                streams.moved = Some(*now);
                streams.file.as_mut()
            }),
            Some(Route::Replacement(id)) => {
                let replacement = files.get_mut(&id).and_then(|streams| {
                    streams.moved = Some(*now);
                    streams.replacement.as_mut()
                });
                return replacement.map_or(Owner::Nothing, |replacement| Owner::Outbound(replacement, workers));
            }
            Some(Route::CallBody { .. } | Route::AnswerBody { .. }) => return Owner::Call,
            None => None,
        };
        inbound.map_or(Owner::Nothing, |inbound| Owner::Inbound(inbound, workers))
    }

    /// Bytes came on a raw stream of the host.
    pub(crate) fn stream_data(&mut self, link: &mut HostLink, stream: StreamId, bytes: &[u8]) {
        match self.owner_of(stream) {
            Owner::Inbound(inbound, workers) => inbound.received(link, workers, bytes),
            // The host has nothing to say there; and what comes on a stream that is closed is of no use.
            Owner::Outbound(..) | Owner::Nothing => link.consume(stream, bytes.len()),
            Owner::Call => self.call_stream_data(link, stream, bytes),
        }
    }

    /// The host sends no more on a raw stream.
    pub(crate) fn stream_finished(&mut self, link: &mut HostLink, stream: StreamId) {
        self.stream_over(link, stream, None);
    }

    /// The host has reset a raw stream, or never accepted it: what came is not all.
    pub(crate) fn stream_reset(&mut self, link: &mut HostLink, stream: StreamId) {
        self.stream_over(link, stream, Some("the server broke the stream off"));
    }

    fn stream_over(&mut self, link: &mut HostLink, stream: StreamId, broken: Option<&'static str>) {
        match self.owner_of(stream) {
            Owner::Inbound(inbound, workers) => inbound.over(workers, broken),
            Owner::Outbound(outbound, workers) => outbound.stop(link, workers),
            Owner::Call => self.call_stream_over(link, stream, broken),
            Owner::Nothing => {}
        }
    }

    /// A raw stream of the host takes bytes again.
    pub(crate) fn stream_writable(&mut self, link: &mut HostLink, stream: StreamId) {
        match self.owner_of(stream) {
            Owner::Inbound(inbound, _) => inbound.ask(link),
            Owner::Outbound(outbound, workers) => outbound.pump(link, workers),
            Owner::Call => self.call_stream_writable(link, stream),
            Owner::Nothing => {}
        }
    }

    /// The streams of the hooks that were sent to the worker in this turn begin.
    pub(crate) fn begin_streams(&mut self, link: &mut HostLink) {
        for (id, connection) in std::mem::take(&mut self.started) {
            let Some(hook) = self.hooks.get(&id) else { continue };
            let address = Address { connection, flags: 0, method: hook.method.id, id };
            match hook.asker {
                Asker::Http { exchange } => self.http_started(link, exchange, address),
                _ => self.files_started(link, id, address),
            }
        }
    }

    /// A frame of a stream.
    ///
    /// # Errors
    /// When the worker breaks the protocol.
    pub(crate) fn stream_frame(
        &mut self,
        link: Option<&mut HostLink>,
        connection: usize,
        header: Header,
        payload: &[u8],
    ) -> Result<(), String> {
        let Some(link) = link else { return Ok(()) };
        if header.flags & OF_API != 0 {
            return self.call_stream_frame(link, connection, header, payload);
        }
        // What the worker sent before it heard that a hook is over is of no use any more.
        let runs_here = self.runs_on(header.id, connection);
        let Some(hook) = self.hooks.get(&header.id).filter(|_| runs_here) else { return Ok(()) };
        match hook.asker {
            Asker::Http { exchange } => self.http_frame(link, exchange, header, payload),
            _ => self.file_frame(link, header, payload),
        }
    }
}
