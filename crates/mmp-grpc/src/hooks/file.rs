//! FileWillBeUploaded: the file to the program, its replacement and verdict back.

use mmp_transcode::proto;
use mmp_transcode::schema::Method;

use super::Outcome;
use super::failure::{Failure, checked, cut};
use super::messages::{FileResponse, FromFile};
use super::request::RequestStream;
use super::response::ResponseStream;
use crate::frames::HookStreams;
use crate::program::Client;

/// Shows the program one file.
pub(super) async fn run(client: &Client, method: &'static Method, payload: &[u8], streams: HookStreams) -> Outcome {
    let mut start = Vec::new();
    proto::args_to_proto(method, payload, &mut start).map_err(|error| Failure::arguments(&error))?;
    let (sender, receiver) = streams.split();
    let request = RequestStream::new(start, receiver, true);
    let messages = client
        .streaming(super::path(method.name), request)
        .await
        .map_err(|status| Failure::of_status(method, &status))?;
    let mut stream = ResponseStream::new(method, messages);
    let mut ended = false;
    while let Some(FileResponse { message }) = stream.next().await? {
        match message.ok_or_else(|| stream.fault("an empty message"))? {
            FromFile::Data(_) if ended => return Err(stream.fault("data behind the end")),
            FromFile::Data(data) => sender.data(data, 0).await.map_err(|_| Failure::cancelled())?,
            FromFile::End(_) if ended => return Err(stream.fault("a second end")),
            FromFile::End(end) => {
                ended = true;
                let error = client.conceal(cut(&end.error));
                sender.end((!error.is_empty()).then_some(&error));
            }
            FromFile::Result(result) => {
                let mut payload = Vec::new();
                proto::results_from_proto(method, &result, &mut payload)
                    .map_err(|error| Failure::malformed("result", error))?;
                // The result is the verdict, whatever comes behind it, and whether or not the program ends the call.
                stream.leave();
                return checked(payload);
            }
        }
    }
    // Without a result the file stays as it is: the neutral answer.
    Ok(Vec::new())
}
