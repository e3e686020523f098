//! What happens on streams: at the host, at the worker, and when a hook begins.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::yamux::StreamId;
use mmp_worker::frame::{Header, OF_API};

use super::{Address, Route};
use crate::core::Core;
use crate::hooks::Asker;

impl Core {
    /// Bytes came on a raw stream of the host.
    pub(crate) fn stream_data(&mut self, link: &mut HostLink, stream: StreamId, bytes: &[u8]) {
        let Core { routes, exchanges, files, worker, .. } = self;
        match routes.get(stream) {
            Some(Route::HttpBody(id)) => {
                if let Some(body) = exchanges.get_mut(id).and_then(|exchange| exchange.body.as_mut()) {
                    body.received(link, worker, bytes);
                }
            }
            Some(Route::File(id)) => {
                if let Some(file) = files.get_mut(&id).and_then(|streams| streams.file.as_mut()) {
                    file.received(link, worker, bytes);
                }
            }
            // The host has nothing to say there; and what comes on a stream that is closed is of no use.
            Some(Route::Replacement(_)) | None => link.consume(stream, bytes.len()),
            Some(Route::CallBody { .. } | Route::AnswerBody { .. }) => self.call_stream_data(link, stream, bytes),
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
        let Core { routes, exchanges, files, worker, .. } = self;
        match routes.get(stream) {
            Some(Route::HttpBody(id)) => {
                if let Some(body) = exchanges.get_mut(id).and_then(|exchange| exchange.body.as_mut()) {
                    body.over(worker, broken);
                }
            }
            Some(Route::File(id)) => {
                if let Some(file) = files.get_mut(&id).and_then(|streams| streams.file.as_mut()) {
                    file.over(worker, broken);
                }
            }
            Some(Route::Replacement(id)) => {
                if let Some(replacement) = files.get_mut(&id).and_then(|streams| streams.replacement.as_mut()) {
                    replacement.stop(link, worker);
                }
            }
            Some(Route::CallBody { .. } | Route::AnswerBody { .. }) => self.call_stream_over(link, stream, broken),
            None => {}
        }
    }

    /// A raw stream of the host takes bytes again.
    pub(crate) fn stream_writable(&mut self, link: &mut HostLink, stream: StreamId) {
        let Core { routes, exchanges, files, worker, .. } = self;
        match routes.get(stream) {
            Some(Route::HttpBody(id)) => {
                if let Some(body) = exchanges.get_mut(id).and_then(|exchange| exchange.body.as_mut()) {
                    body.ask(link);
                }
            }
            Some(Route::File(id)) => {
                if let Some(file) = files.get_mut(&id).and_then(|streams| streams.file.as_mut()) {
                    file.ask(link);
                }
            }
            Some(Route::Replacement(id)) => {
                if let Some(replacement) = files.get_mut(&id).and_then(|streams| streams.replacement.as_mut()) {
                    replacement.pump(link, worker);
                }
            }
            Some(Route::CallBody { .. }) => self.call_stream_writable(link, stream),
            Some(Route::AnswerBody { .. }) | None => {}
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
        let runs_here = self.dispatcher.mode_of(header.id).is_some_and(|(_, runs_on)| runs_on == connection);
        let Some(hook) = self.hooks.get(&header.id).filter(|_| runs_here) else { return Ok(()) };
        match hook.asker {
            Asker::Http { exchange } => self.http_frame(link, exchange, header, payload),
            _ => self.file_frame(link, header, payload),
        }
    }
}
