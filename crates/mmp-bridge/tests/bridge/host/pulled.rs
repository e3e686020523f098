//! A source that the plugin reads by asking for bytes: Mattermost's `serveIOReader`.

use mmp_goplugin::endpoint::Link;
use mmp_goplugin::yamux::StreamId;

/// The source, and what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Pulled {
    data: Vec<u8>,
    /// How many bytes were sent.
    pub(crate) sent: usize,
    due: u64,
    partial: Vec<u8>,
    /// The requests, in order.
    pub(crate) requests: Vec<i64>,
    pub(crate) stream: Option<StreamId>,
    /// Whether the client is about to send more than `data`.
    pub(crate) open_ended: bool,
    /// Whether requests stay in the stream's window.
    pub(crate) deaf: bool,
    unheard: usize,
    /// Whether this side is closed.
    closed: bool,
    /// Whether the plugin reads no more.
    pub(crate) closed_by_plugin: bool,
}

impl Pulled {
    /// A source with these bytes and then its end.
    pub(crate) fn new(data: Vec<u8>) -> Pulled {
        Pulled { data, ..Pulled::default() }
    }

    /// A source to which more may come.
    pub(crate) fn open_ended(data: Vec<u8>) -> Pulled {
        Pulled { data, open_ended: true, ..Pulled::default() }
    }

    /// More comes from the client.
    pub(crate) fn add(&mut self, link: &mut Link, bytes: &[u8]) {
        self.data.extend_from_slice(bytes);
        self.serve(link);
    }

    /// The client sends no more.
    pub(crate) fn end(&mut self, link: &mut Link) {
        self.open_ended = false;
        self.serve(link);
    }

    /// The plugin asks for bytes.
    pub(crate) fn received(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {
        if self.deaf {
            self.unheard += bytes.len();
        } else {
            link.consume(stream, bytes.len());
        }
        for &byte in bytes {
            self.partial.push(byte);
            if byte < 0x80 {
                let groups = std::mem::take(&mut self.partial).into_iter().rev();
                let zigzag = groups.fold(0_u64, |value, group| value << 7 | u64::from(group & 0x7f));
                let count = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
                self.requests.push(count);
                self.due += u64::try_from(count).expect("no request is negative");
            }
        }
        self.serve(link);
    }

    /// Gives the window of the requests back that came meanwhile.
    pub(crate) fn listen(&mut self, link: &mut Link) {
        self.deaf = false;
        link.consume(self.stream.expect("the plugin has dialled it"), std::mem::take(&mut self.unheard));
    }

    /// Sends what is due. Go's side finds out that the source has ended only when it is asked for more than there is.
    fn serve(&mut self, link: &mut Link) {
        let Some(stream) = self.stream.filter(|_| !self.closed) else { return };
        let left = self.data.len() - self.sent;
        let count = left.min(usize::try_from(self.due).unwrap_or(usize::MAX));
        if count > 0 {
            link.send(stream, &self.data[self.sent..self.sent + count]).unwrap();
            self.sent += count;
            self.due -= count as u64;
        }
        self.close_if_done(link);
    }

    /// The plugin closed the stream.
    pub(crate) fn finished(&mut self, link: &mut Link) {
        self.closed_by_plugin = true;
        self.close_if_done(link);
    }

    /// Closes the stream when it has ended, or the plugin does not want it, but only behind what is being written: in Go, that write comes first.
    pub(crate) fn close_if_done(&mut self, link: &mut Link) {
        let done = self.closed_by_plugin || (self.due > 0 && !self.open_ended);
        if let Some(stream) = self.stream.filter(|_| done && !self.closed)
            && link.session().queued(stream) == 0
        {
            self.closed = true;
            link.close(stream);
        }
    }
}
