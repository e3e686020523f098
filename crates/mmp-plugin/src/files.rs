//! Files that are being uploaded.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use mmp_gob::Error as GobError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::changes::changes;
use crate::generated::hooks::{FILE_WILL_BE_UPLOADED, Hooks};
use crate::model::rpc::{FileWillBeUploadedArgs, FileWillBeUploadedReturns};
use crate::runtime::hook_call::{HookCall, caught};
use crate::streams::{Flow, Stream};

/// Why an upload is refused whose replacement was not finished.
const HALF_REPLACED: &str =
    "The file could not be processed. Try again, or ask an administrator to look into the server's log.";

/// The file that a user uploads. It is read as [`AsyncRead`]; what the handler does not read is not lost.
pub struct FileReader {
    stream: Option<Stream>,
}

/// What takes the place of the file, written as [`AsyncWrite`]. If nothing is written, the file stays as it is.
pub struct FileWriter {
    stream: Option<Stream>,
    begun: bool,
}

impl AsyncRead for FileReader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &self.stream {
            Some(stream) => stream.poll_read(context, target),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for FileWriter {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.begun |= !bytes.is_empty();
        match &self.stream {
            Some(stream) => stream.poll_write(context, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Does nothing: the replacement is complete when the handler returns.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The server waits five seconds for both streams to be dialled, so that is done at once; and it waits for the end of the replacement, so that is closed before the reply.
pub(crate) fn file_will_be_uploaded<H: Hooks>(
    plugin: &Arc<H>,
    call: &mut HookCall<'_, '_, '_>,
) -> Result<(), GobError> {
    let args: FileWillBeUploadedArgs = call.args()?;
    let (shared, link) = (call.shared, &mut *call.link);
    let mut dial = |number, flow| call.streams.dial(link, shared, number, flow).ok();
    let mut file = FileReader { stream: dial(args.uploaded_file_stream, Flow::PullParts) };
    let mut output = FileWriter { stream: dial(args.replacement_file_stream, Flow::Plain), begun: false };
    let (plugin, to) = (Arc::clone(plugin), call.reply_to(FILE_WILL_BE_UPLOADED));
    call.shared.spawn(FILE_WILL_BE_UPLOADED, async move {
        let (context, info) = (args.a.unwrap_or_default(), args.b.unwrap_or_default());
        let handler = plugin.file_will_be_uploaded(&context, &info, &mut file, &mut output);
        let reply = match caught(handler).await {
            Ok(decision) => FileWillBeUploadedReturns {
                a: decision.value.map(|value| Box::new(changes(value, &info))),
                b: decision.reason,
            },
            Err(panic) => {
                to.say_panicked(&*panic);
                // The part that was written would be stored in place of the file.
                let reason = if output.begun { HALF_REPLACED } else { "" };
                FileWillBeUploadedReturns { a: None, b: reason.into() }
            }
        };
        drop((file, output));
        to.send(&reply);
    });
    Ok(())
}
