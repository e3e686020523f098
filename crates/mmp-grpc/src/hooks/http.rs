//! ServeHTTP and ServeMetrics: the request to the program, its response back, and connections that it takes over.

use mmp_transcode::schema::Method;
use mmp_transcode::{msgpack, proto};
use mmp_worker::frame::{BUFFERED, FLUSH, Kind};

use super::Outcome;
use super::failure::{Failure, cut};
use super::messages::{Deadline, FromProgram, HttpResponse, ResponseData};
use super::request::RequestStream;
use super::response::ResponseStream;
use crate::frames::{HookSender, HookStreams};
use crate::program::Client;

/// The hook whose connection can be taken over.
const SERVE_HTTP: &str = "ServeHTTP";

/// The most nanoseconds of a second.
const MAX_NANOS: u32 = 999_999_999;

/// Serves one request.
pub(super) async fn run(client: &Client, method: &'static Method, payload: &[u8], streams: HookStreams) -> Outcome {
    let mut start = Vec::new();
    proto::http_start_to_proto(method, payload, &mut start).map_err(|error| Failure::arguments(&error))?;
    let (sender, receiver) = streams.split();
    let can_hijack = method.name == SERVE_HTTP;
    let request = RequestStream::new(start, receiver, !can_hijack);
    let messages = client
        .streaming(super::path(method.name), request)
        .await
        .map_err(|status| Failure::of_status(method, &status))?;
    let stream = ResponseStream::new(method, messages);
    let mut response = Response { stream, sender, can_hijack, ended: false, broken: None, hijacked: false };
    response.pass_on(client).await?;
    Ok(Vec::new())
}

/// A response on its way to the bridge. The program is read as fast as the bridge gives credit.
struct Response {
    stream: ResponseStream,
    sender: HookSender,
    can_hijack: bool,
    /// Whether the program has ended the body.
    ended: bool,
    /// Why the program has broken the body off, if it has.
    broken: Option<String>,
    /// Whether the program has asked for the connection.
    hijacked: bool,
}

impl Response {
    async fn pass_on(&mut self, client: &Client) -> Result<(), Failure> {
        while let Some(HttpResponse { message }) = self.stream.next().await? {
            match message.ok_or_else(|| self.stream.fault("an empty message"))? {
                FromProgram::Head(head) => self.head(&head)?,
                FromProgram::Data(data) => self.data(data).await?,
                FromProgram::End(end) => self.end(&client.conceal(cut(&end.error)))?,
                FromProgram::Hijack(_) => self.hijack()?,
                FromProgram::Deadline(deadline) => self.deadline(&deadline)?,
            }
        }
        // A failed hook has a line in the log. A connection that was taken over is the handler's own to end.
        match self.broken.take().filter(|_| !self.hijacked) {
            Some(error) => Err(Failure::new(error)),
            None => Ok(()),
        }
    }

    fn head(&self, head: &[u8]) -> Result<(), Failure> {
        let mut payload = Vec::new();
        proto::response_head_from_proto(head, &mut payload).map_err(|error| Failure::malformed("head", error))?;
        self.sender.send(Kind::Head, &payload);
        Ok(())
    }

    async fn data(&self, ResponseData { data, flush, buffered }: ResponseData) -> Result<(), Failure> {
        if self.ended {
            return Err(self.stream.fault("data behind the end"));
        }
        let flags = if flush { FLUSH } else { 0 } | if buffered { BUFFERED } else { 0 };
        self.sender.data(data, flags).await.map_err(|_| Failure::cancelled())
    }

    fn end(&mut self, error: &str) -> Result<(), Failure> {
        if std::mem::replace(&mut self.ended, true) {
            return Err(self.stream.fault("a second end"));
        }
        self.broken = (!error.is_empty()).then(|| error.to_owned());
        self.sender.end(self.broken.as_deref());
        Ok(())
    }

    fn hijack(&mut self) -> Result<(), Failure> {
        if !self.can_hijack {
            return Err(self.stream.fault("hijack, which only ServeHTTP has,"));
        }
        if std::mem::replace(&mut self.hijacked, true) {
            return Err(self.stream.fault("a second hijack"));
        }
        self.sender.send(Kind::Hijack, &[]);
        Ok(())
    }

    fn deadline(&self, deadline: &Deadline) -> Result<(), Failure> {
        if !self.hijacked {
            return Err(self.stream.fault("a deadline without a hijack"));
        }
        let payload = deadline_payload(deadline).ok_or_else(|| self.stream.fault("a deadline that is none"))?;
        self.sender.send(Kind::Deadline, &payload);
        Ok(())
    }
}

/// The payload of DEADLINE: which, and when.
fn deadline_payload(Deadline { which, time }: &Deadline) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    msgpack::put_array_len(&mut out, 2);
    msgpack::put_uint(&mut out, u64::try_from(*which).ok().filter(|which| *which <= 2)?);
    match time {
        None => msgpack::put_nil(&mut out),
        Some(time) => {
            let nanos = u32::try_from(time.nanos).ok().filter(|nanos| *nanos <= MAX_NANOS)?;
            msgpack::put_timestamp(&mut out, time.seconds, nanos);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::messages::Timestamp;
    use super::*;

    #[test]
    fn deadlines_become_frames() {
        let time = |seconds, nanos| Some(Timestamp { seconds, nanos });
        assert_eq!(deadline_payload(&Deadline { which: 0, time: None }).unwrap(), b"\x92\x00\xc0");
        assert_eq!(deadline_payload(&Deadline { which: 1, time: time(5, 0) }).unwrap(), b"\x92\x01\xd6\xff\0\0\0\x05");
        for bad in [
            Deadline { which: 3, time: None },
            Deadline { which: -1, time: None },
            Deadline { which: 0, time: time(1, -1) },
        ] {
            assert_eq!(deadline_payload(&bad), None, "{bad:?}");
        }
    }
}
