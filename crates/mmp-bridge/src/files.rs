//! FileWillBeUploaded: the file to the worker, and its replacement back.

use std::time::Instant;

use mmp_goplugin::endpoint::{Kind as StreamKind, Link as HostLink};
use mmp_goplugin::pull::PullReader;
use mmp_transcode::msgpack;
use mmp_worker::frame::{Header, Kind};

use crate::core::Core;
use crate::log::Level;
use crate::streams::{Address, Inbound, Outbound, Route, Sink, Source, broken_off, credit_of};

/// Why an upload is refused whose replacement was not finished.
const HALF_REPLACED: &str =
    "The file could not be processed. Try again, or ask an administrator to look into the server's log.";

/// The results that refuse an upload: no FileInfo, and the reason.
pub(crate) fn refusal() -> Vec<u8> {
    let mut results = Vec::new();
    msgpack::put_array_len(&mut results, 2);
    msgpack::put_nil(&mut results);
    msgpack::put_str(&mut results, HALF_REPLACED);
    results
}

/// The two streams of one such hook.
#[derive(Debug, Default)]
pub(crate) struct FileStreams {
    pub(crate) file: Option<Inbound>,
    pub(crate) replacement: Option<Outbound>,
    /// Why the worker has broken the replacement off, if it has.
    broken: Option<String>,
    /// When something moved, if anything has.
    pub(crate) moved: Option<Instant>,
}

impl FileStreams {
    /// Since when nothing moves that the plugin is to move, if anything has moved; that is now while it waits for the rest of the file.
    pub(crate) fn idle_since(&self, now: Instant) -> Option<Instant> {
        let awaits_file = self.file.as_ref().is_some_and(Inbound::is_awaited);
        if awaits_file { Some(now) } else { self.moved }
    }
}

impl Core {
    /// The hook was sent to the worker, or waits for it: it is the last one that was.
    pub(crate) fn files_called(&mut self, link: &mut HostLink) {
        let id = self.next_hook.wrapping_sub(1);
        let streams = self.dial_files(link, id);
        self.files.insert(id, streams);
        self.begin_streams(link);
    }

    /// The host waits five seconds for both streams to be dialled, however long the hook has to wait for the worker. Nothing is read from the file yet: the server reads it on, where the hook has left off.
    fn dial_files(&mut self, link: &mut HostLink, id: u32) -> FileStreams {
        let [file, replacement] = *self.from_hooks.streams() else { return FileStreams::default() };
        match (link.dial(file, StreamKind::Raw), link.dial(replacement, StreamKind::Raw)) {
            (Ok(file), Ok(replacement)) => {
                self.routes.insert(file, Route::File(id));
                self.routes.insert(replacement, Route::Replacement(id));
                // Its address is that of the hook, which is not known yet.
                let nowhere = Address { connection: usize::MAX, flags: 0, method: 0, id };
                FileStreams {
                    file: Some(Inbound::new(file, Source::Pull(PullReader::default()), None)),
                    replacement: Some(Outbound::new(Some(replacement), Sink::Plain, nowhere)),
                    broken: None,
                    moved: None,
                }
            }
            (Err(error), _) | (_, Err(error)) => {
                let message = format!("FileWillBeUploaded: the server's file cannot be reached: {error}");
                self.log.push_any(Level::Error, message, &[]);
                FileStreams::default()
            }
        }
    }

    /// The hook whose arguments were read last is answered without the worker: the host waits for the end of the replacement, and would wait five seconds for somebody to dial it.
    pub(crate) fn refuse_files(&mut self, link: &mut HostLink) {
        // The numbers come last among the arguments; where those before them cannot be read, there are none.
        for &number in self.from_hooks.streams().iter().filter(|&&number| number != 0) {
            if let Ok(stream) = link.dial(number, StreamKind::Raw) {
                link.close(stream);
            }
        }
    }

    /// The hook runs at the worker now.
    pub(crate) fn files_started(&mut self, link: &mut HostLink, id: u32, address: Address) {
        let Core { files, workers, .. } = self;
        let Some(streams) = files.get_mut(&id) else { return };
        match &mut streams.file {
            // The worker says how much it wants, and until then that is nothing.
            Some(file) => file.start(link, workers, address, 0),
            None => address.end(workers, Some("the server's file cannot be reached")),
        }
        if let Some(replacement) = &mut streams.replacement {
            replacement.set_address(address);
        }
    }

    /// A frame of one of the streams.
    ///
    /// # Errors
    /// When the worker breaks the protocol.
    pub(crate) fn file_frame(&mut self, link: &mut HostLink, header: Header, payload: &[u8]) -> Result<(), String> {
        let Core { files, workers, now, .. } = self;
        let Some(streams) = files.get_mut(&header.id) else {
            return Err(format!("the worker sent {:?} for a hook that has no stream", header.kind));
        };
        streams.moved = Some(*now);
        match (header.kind, &mut streams.file, &mut streams.replacement) {
            (Kind::Credit, Some(file), _) => file.grant(link, credit_of(payload)?),
            (Kind::Data, _, Some(replacement)) => replacement.push(link, workers, payload)?,
            // The stream stays open until the hook is over: its end would make the part a whole.
            (Kind::End, _, Some(replacement)) => match broken_off(payload)? {
                Some(why) => streams.broken = Some(why),
                None => replacement.end(link, workers),
            },
            (Kind::Credit | Kind::Data | Kind::End, ..) => {}
            (kind, ..) => return Err(format!("the worker sent {kind:?} for a file")),
        }
        Ok(())
    }

    /// Whether the worker has broken the replacement off, although its handler has not failed.
    pub(crate) fn is_half_replaced(&mut self, id: u32) -> bool {
        let Some(why) = self.files.get_mut(&id).and_then(|streams| streams.broken.take()) else { return false };
        let message =
            format!("FileWillBeUploaded: the plugin broke the replacement off, so the file is refused: {why}");
        self.log.push_any(Level::Error, message, &[]);
        true
    }

    /// The hook has failed. True if a part of a replacement has reached the server, or was about to: it would be stored in place of the file, so the file must be refused.
    pub(crate) fn files_failed(&mut self, link: &mut HostLink, id: u32) -> bool {
        let replacement = self.files.get(&id).and_then(|streams| streams.replacement.as_ref());
        let begun = replacement.is_some_and(Outbound::has_begun);
        self.files_finished(link, id);
        begun
    }

    /// The hook is over, before the host gets its answer: what was written of the replacement is all of it.
    pub(crate) fn files_finished(&mut self, link: &mut HostLink, id: u32) {
        let Some(streams) = self.files.remove(&id) else { return };
        if let Some(file) = streams.file {
            self.routes.remove(file.stream());
            file.close(link);
        }
        if let Some(replacement) = streams.replacement {
            if let Some(stream) = replacement.stream() {
                self.routes.remove(stream);
            }
            replacement.finish(link);
        }
    }
}
