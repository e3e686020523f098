//! Files that the host offers to the plugin when they are uploaded.

use mmp_gob::Ptr;
use mmp_goplugin::endpoint::Link;
use mmp_goplugin::yamux::StreamId;
use mmp_model::{FileInfo, rpc};

use super::Host;
use super::calls::{Call, context};
use super::pulled::Pulled;
use super::streams::Route;

/// An upload that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Upload(usize);

/// Its state.
#[derive(Debug)]
pub(crate) struct Uploading {
    pub(super) token: u64,
    pub(crate) file: Pulled,
    pub(super) replacement_stream: Option<StreamId>,
    /// What the plugin has written in place of the file.
    pub(crate) replacement: Vec<u8>,
    pub(crate) replacement_ended: bool,
    /// Whether the plugin may fill the window only once.
    pub(crate) slow: bool,
    /// Whether the replacement had ended when the hook was answered.
    pub(super) answered_after: Option<bool>,
}

impl Uploading {
    pub(super) fn replaced(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {
        assert!(!self.replacement_ended);
        self.replacement.extend_from_slice(bytes);
        if !self.slow {
            link.consume(stream, bytes.len());
        }
    }

    pub(super) fn replacement_ended(&mut self, link: &mut Link, stream: StreamId) {
        self.replacement_ended = true;
        link.close(stream);
    }
}

/// What the host has of a file before it is stored.
pub(crate) fn file_info(name: &str) -> Ptr<FileInfo> {
    Some(Box::new(FileInfo { id: "file".into(), name: name.into(), size: 5, ..FileInfo::default() }))
}

impl Host {
    /// Calls FileWillBeUploaded, whose result is decoded into the info that was sent, as Mattermost does.
    pub(crate) fn upload(&mut self, name: &str, file: Pulled) -> Upload {
        let streams = &mut self.api.streams;
        let at = streams.uploads.len();
        let link = self.session.link();
        let arguments = rpc::FileWillBeUploadedArgs {
            a: context(),
            b: file_info(name),
            uploaded_file_stream: streams.offer(link, Route::File(at)),
            replacement_file_stream: streams.offer(link, Route::Replacement(at)),
        };
        let reply = rpc::FileWillBeUploadedReturns { a: file_info(name), ..Default::default() };
        let call = self.call("FileWillBeUploaded", &arguments, reply);
        self.api.streams.uploads.push(Uploading {
            token: call.token(),
            file,
            replacement_stream: None,
            replacement: Vec::new(),
            replacement_ended: false,
            slow: false,
            answered_after: None,
        });
        Upload(at)
    }

    /// The state of an upload.
    pub(crate) fn uploading(&mut self, upload: Upload) -> &mut Uploading {
        &mut self.api.streams.uploads[upload.0]
    }

    /// Takes what the plugin has written so far out of the stream's window.
    pub(crate) fn consume_replacement(&mut self, upload: Upload) {
        let uploading = &mut self.api.streams.uploads[upload.0];
        uploading.slow = false;
        let (stream, count) = (uploading.replacement_stream.unwrap(), uploading.replacement.len());
        self.session.link().consume(stream, count);
    }

    /// Stops taking the replacement.
    pub(crate) fn refuse_replacement(&mut self, upload: Upload) {
        let stream = self.uploading(upload).replacement_stream.unwrap();
        self.session.link().reset(stream);
    }

    /// Whether both streams of an upload are dialled.
    pub(crate) fn is_dialled(&mut self, upload: Upload) -> bool {
        let uploading = self.uploading(upload);
        uploading.file.stream.is_some() && uploading.replacement_stream.is_some()
    }

    /// Waits for the answer alone; the file's name.
    #[track_caller]
    pub(crate) fn info_of(&mut self, upload: Upload) -> String {
        let call = Call::<rpc::FileWillBeUploadedReturns>::of(self.uploading(upload).token);
        self.wait(call).unwrap().a.map_or("(nil)".into(), |info| info.name.to_string())
    }

    /// Waits for the answer and for the end of the replacement, as the server does: the file's name, or the reason of a rejection, and the replacement.
    #[track_caller]
    pub(crate) fn uploaded(&mut self, upload: Upload) -> (Result<String, String>, Vec<u8>) {
        let call = Call::<rpc::FileWillBeUploadedReturns>::of(self.uploading(upload).token);
        let returned = self.wait(call).unwrap();
        assert_eq!(self.uploading(upload).answered_after, Some(true), "the replacement ends before the answer");
        let reason = returned.b.to_string();
        let result = if reason.is_empty() {
            Ok(returned.a.map_or("(nil)".into(), |info| info.name.to_string()))
        } else {
            Err(reason)
        };
        (result, self.uploading(upload).replacement.clone())
    }
}
