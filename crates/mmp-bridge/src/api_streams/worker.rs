//! What the worker says of the streams of its calls.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_transcode::msgpack::{Reader, Token};
use mmp_worker::frame::{Header, Kind};

use super::buffered::MAX_COLLECTED;
use super::{Answer, Body, CallKey};
use crate::core::Core;
use crate::streams::credit_of;

impl Core {
    /// A frame of a stream of an API call. What belongs to a call that is over was sent before the worker heard of that, and is of no use any more.
    ///
    /// # Errors
    /// When the worker breaks the protocol.
    pub(crate) fn call_stream_frame(
        &mut self,
        link: &mut HostLink,
        connection: usize,
        header: Header,
        payload: &[u8],
    ) -> Result<(), String> {
        let key = CallKey { connection, id: header.id };
        match header.kind {
            Kind::Data => self.body_data(link, key, payload),
            Kind::End => self.body_end(link, key, payload),
            Kind::Credit => self.answer_credit(link, key, credit_of(payload)?),
            kind => Err(format!("the worker sent {kind:?} for an API call")),
        }
    }

    fn body_data(&mut self, link: &mut HostLink, key: CallKey, bytes: &[u8]) -> Result<(), String> {
        let Some(call) = self.api_streams.calls.get_mut(&key) else { return Ok(()) };
        if call.body_ended {
            return Err("the worker sent more of a stream that it had ended".to_owned());
        }
        let address = call.address();
        match &mut call.body {
            Some(Body::Stream(body)) => body.push(link, &mut self.worker, bytes),
            Some(Body::Collected(body)) if body.len() + bytes.len() <= MAX_COLLECTED => {
                body.extend_from_slice(bytes);
                address.credit(&mut self.worker, bytes.len());
                Ok(())
            }
            Some(Body::Collected(_)) => {
                let message = format!(
                    "{}: this server takes only whole bodies, and the bridge none of more than {} MiB; newer servers take bodies of any size",
                    call.call.method.name,
                    MAX_COLLECTED >> 20
                );
                self.end_call(link, key, "invalid", &message);
                Ok(())
            }
            None => Err("the worker sent DATA for a call that has no stream".to_owned()),
        }
    }

    fn body_end(&mut self, link: &mut HostLink, key: CallKey, payload: &[u8]) -> Result<(), String> {
        let broken = broken_off(payload)?;
        let Some(call) = self.api_streams.calls.get_mut(&key) else { return Ok(()) };
        if call.body_ended {
            return Err("the worker ended a stream twice".to_owned());
        }
        call.body_ended = true;
        match (&mut call.body, broken) {
            (_, Some(message)) => self.end_call(link, key, "invalid", &message),
            (Some(Body::Stream(body)), None) => body.end(link, &mut self.worker),
            (Some(Body::Collected(_)), None) => self.call_buffered(link, key),
            (None, None) => return Err("the worker ended the stream of a call that has none".to_owned()),
        }
        Ok(())
    }

    /// The worker takes more of a response.
    fn answer_credit(&mut self, link: &mut HostLink, key: CallKey, count: u64) -> Result<(), String> {
        let Some(call) = self.api_streams.calls.get_mut(&key) else { return Ok(()) };
        match &mut call.answer {
            Some(Answer::Awaited { credit }) => *credit = credit.saturating_add(count),
            Some(Answer::Stream(answer)) => answer.grant(link, count),
            Some(Answer::Kept(_)) => self.send_kept(link, key, count),
            None => return Err("the worker sent CREDIT for a call whose answer has no stream".to_owned()),
        }
        Ok(())
    }
}

/// Reads the payload of END: why the stream was broken off, if it was.
fn broken_off(payload: &[u8]) -> Result<Option<String>, String> {
    if payload.is_empty() {
        return Ok(None);
    }
    let unreadable = || "an END of the worker cannot be read".to_owned();
    let mut reader = Reader::new(payload);
    let Ok(Token::Map(count)) = reader.token() else { return Err(unreadable()) };
    let mut message = "the plugin broke the stream off".to_owned();
    for _ in 0..count {
        let (Ok(key), Ok(value)) = (reader.token(), reader.raw()) else { return Err(unreadable()) };
        if let (Token::Str(b"message"), Ok(Token::Str(text))) = (key, Reader::new(value).token()) {
            message = String::from_utf8_lossy(text).into_owned();
        }
    }
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_may_say_why_the_stream_is_not_whole() {
        assert_eq!(broken_off(b""), Ok(None));
        assert_eq!(broken_off(b"\x81\xa7message\xa4disk"), Ok(Some("disk".to_owned())));
        assert_eq!(broken_off(b"\x80"), Ok(Some("the plugin broke the stream off".to_owned())));
        assert!(broken_off(b"\xc0").is_err());
        assert!(broken_off(b"\x81\xa7message").is_err());
    }
}
