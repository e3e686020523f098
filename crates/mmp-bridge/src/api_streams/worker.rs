//! What the worker says of the streams of its calls.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_worker::frame::{Header, Kind};

use super::buffered::MAX_COLLECTED;
use super::{Answer, Body, CallKey};
use crate::core::Core;
use crate::streams::{broken_off, credit_of};

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
            Some(Body::Stream(body)) => body.push(link, &mut self.workers, bytes),
            Some(Body::Collected(body)) if body.len() + bytes.len() <= MAX_COLLECTED => {
                body.extend_from_slice(bytes);
                address.credit(&mut self.workers, bytes.len());
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
            (Some(Body::Stream(body)), None) => body.end(link, &mut self.workers),
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
