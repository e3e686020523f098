//! The streams of the host's HTTP requests and uploads, and what belongs to which.

use std::collections::HashMap;

use mmp_gob::Error;
use mmp_goplugin::endpoint::{Kind, Link};
use mmp_goplugin::netrpc::{Body, RequestHead};
use mmp_goplugin::yamux::StreamId;

use super::files::Uploading;
use super::http::Serving;

/// What a stream carries, and of which request or upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Writer(usize),
    Body(usize),
    File(usize),
    Replacement(usize),
}

/// All requests and uploads of a host.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    pub(super) exchanges: Vec<Serving>,
    pub(super) uploads: Vec<Uploading>,
    offered: HashMap<u32, Route>,
    routes: HashMap<StreamId, Route>,
}

impl Streams {
    /// A number for the plugin to dial.
    pub(super) fn offer(&mut self, link: &mut Link, route: Route) -> u32 {
        let number = link.next_broker_id();
        link.accept(number, if matches!(route, Route::Writer(_)) { Kind::Server } else { Kind::Raw });
        self.offered.insert(number, route);
        number
    }

    /// The plugin dialled a number.
    pub(super) fn ready(&mut self, stream: StreamId, number: u32) {
        let Some(route) = self.offered.remove(&number) else { return };
        self.routes.insert(stream, route);
        match route {
            Route::Writer(at) => self.exchanges[at].writer.conn = Some(stream),
            Route::Body(at) => self.exchanges[at].body.stream = Some(stream),
            Route::File(at) => self.uploads[at].file.stream = Some(stream),
            Route::Replacement(at) => self.uploads[at].replacement_stream = Some(stream),
        }
    }

    /// A call on the response writer of a request; None if it is for something else.
    pub(super) fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Option<Result<(), Error>> {
        let Some(Route::Writer(at)) = self.routes.get(&conn) else { return None };
        Some(self.exchanges[*at].writer.called(link, request.seq, request.method, body))
    }

    /// Bytes came on a raw stream. False if it is another one.
    pub(super) fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) -> bool {
        match self.routes.get(&stream) {
            Some(Route::Body(at)) => self.exchanges[*at].body.received(link, stream, bytes),
            Some(Route::File(at)) => self.uploads[*at].file.received(link, stream, bytes),
            Some(Route::Replacement(at)) => self.uploads[*at].replaced(link, stream, bytes),
            Some(Route::Writer(_)) | None => return false,
        }
        true
    }

    /// The plugin sends no more on a raw stream, or a connection has ended.
    pub(super) fn finished(&mut self, link: &mut Link, stream: StreamId) {
        match self.routes.get(&stream) {
            Some(Route::Body(at)) => self.exchanges[*at].body.finished(link),
            Some(Route::File(at)) => self.uploads[*at].file.finished(link),
            Some(Route::Replacement(at)) => self.uploads[*at].replacement_ended(link, stream),
            Some(Route::Writer(at)) => self.exchanges[*at].writer.closed = true,
            None => {}
        }
    }

    /// A raw stream takes bytes again.
    pub(super) fn writable(&mut self, link: &mut Link, stream: StreamId) {
        match self.routes.get(&stream) {
            Some(Route::Body(at)) => self.exchanges[*at].body.close_if_done(link),
            Some(Route::File(at)) => self.uploads[*at].file.close_if_done(link),
            Some(Route::Replacement(_) | Route::Writer(_)) | None => {}
        }
    }

    /// A hook was answered.
    pub(super) fn answered(&mut self, token: u64) {
        for exchange in self.exchanges.iter().filter(|exchange| exchange.token == token) {
            let waiting = exchange.writer.waiting();
            assert!(waiting.is_none(), "the request is answered before {waiting:?}");
        }
        for upload in self.uploads.iter_mut().filter(|upload| upload.token == token) {
            upload.answered_after = Some(upload.replacement_ended);
        }
    }
}
