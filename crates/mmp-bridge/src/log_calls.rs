//! Lines of the log: from the worker, and on to the host by API calls of the bridge's own.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::msgpack::{Malformed, Reader, Token};
use mmp_transcode::{generated, msgpack};
use mmp_worker::messages;

use crate::core::{AnswerError, Core};
use crate::log::{Level, Line, Room, api_method, level_from_name, write_stderr};
use crate::names;
use crate::pending_calls::PendingCall;

/// No LOG frame is longer that keeps to the protocol.
const LONGEST_FRAME: usize = 64 * 1024;

/// More fields than a line of the watchdog has.
const MANY_FIELDS: usize = 16;

impl Core {
    /// Sends the next line of the log, if none is on its way. Without the API every line goes to standard error.
    pub(crate) fn flush_log(&mut self, link: &mut HostLink) {
        let Some(api) = self.api else {
            self.log.drain_to_stderr();
            return;
        };
        while self.log.in_flight.is_none() {
            let Some(line) = self.log.queue.pop() else { return };
            if self.send_line(link, api, &line) {
                self.log.in_flight = Some(line);
            } else {
                write_stderr(&line);
            }
        }
    }

    fn send_line(&mut self, link: &mut HostLink, api: StreamId, line: &Line) -> bool {
        let Some(method) = generated::api_by_name(api_method(line.level)) else { return false };
        let token = self.calls.insert(PendingCall::Log);
        let payload = log_arguments(line);
        let to_api = &mut self.to_api;
        let called: Result<u64, AnswerError> =
            link.call(api, names::api(method), token, |out| Ok(to_api.call(method, &payload, out)?));
        if called.is_err() {
            self.calls.remove(token);
            return false;
        }
        true
    }

    /// The host could not log a line.
    pub(crate) fn line_refused(&mut self, link: &mut HostLink) {
        if let Some(line) = self.log.in_flight.take() {
            write_stderr(&line);
        }
        self.flush_log(link);
    }

    /// The worker sent a line for the log.
    pub(crate) fn worker_logged(&mut self, connection: usize, payload: &[u8]) {
        if let Some(room) = self.room_of_frame(connection, payload) {
            self.log.queue.push(line_of(payload), room);
        }
    }

    /// The room of the queue for a LOG frame, if it is not too much. The watchdog says most when a plugin is in trouble, which is when it may log a lot, so it does not have to share.
    fn room_of_frame(&mut self, connection: usize, payload: &[u8]) -> Option<Room> {
        let now = self.now;
        let Some(worker) = self.workers.of(connection) else { return Some(Room::Any) };
        if is_of_watchdog(payload) && self.log.watchdog_passes(worker.index, now) {
            return Some(Room::Few);
        }
        worker.log_bucket.take(payload.len(), now).then_some(Room::Any)
    }
}

/// The line in a LOG frame. That one cannot be read is the bridge's own to say, but comes as often as the worker likes.
fn line_of(payload: &[u8]) -> Line {
    match messages::decode::<messages::Log>(payload) {
        Ok(messages::Log(level, message, fields)) => {
            Line { level: level_from_name(&level), message, fields: fields.into_iter().collect() }
        }
        Err(error) => {
            let message = format!("a LOG frame of the worker cannot be read: {error}");
            Line { level: Level::Warn, message, fields: Vec::new() }
        }
    }
}

/// Whether a LOG frame looks as if the SDK's watchdog had sent it (`python/src/mattermost_plugin/_watchdog.py`): it names the SDK as its logger and says for how long something has lasted.
/// This is asked of every frame of a flood, so it is read no further than it has to be.
fn is_of_watchdog(payload: &[u8]) -> bool {
    payload.len() <= LONGEST_FRAME && has_marks_of_watchdog(payload).unwrap_or(false)
}

fn has_marks_of_watchdog(payload: &[u8]) -> Result<bool, Malformed> {
    let mut reader = Reader::new(payload);
    if reader.token()? != Token::Array(3) {
        return Ok(false);
    }
    let (Token::Str(_level), Token::Str(_message)) = (reader.token()?, reader.token()?) else { return Ok(false) };
    let Token::Map(count @ ..=MANY_FIELDS) = reader.token()? else { return Ok(false) };
    let (mut is_of_sdk, mut says_how_long) = (false, false);
    for _ in 0..count {
        let (Token::Str(key), Token::Str(value)) = (reader.token()?, reader.token()?) else { return Ok(false) };
        is_of_sdk |= key == b"logger" && value == b"mattermost_plugin";
        says_how_long |= key == b"seconds";
    }
    Ok(is_of_sdk && says_how_long)
}

/// The arguments of the API's log methods: a message, and keys and values in turn.
fn log_arguments(line: &Line) -> Vec<u8> {
    let mut payload = Vec::new();
    msgpack::put_array_len(&mut payload, 2);
    msgpack::put_str(&mut payload, &line.message);
    msgpack::put_array_len(&mut payload, line.fields.len() * 2);
    for (key, value) in &line.fields {
        msgpack::put_str(&mut payload, key);
        msgpack::put_str(&mut payload, value);
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(fields: &[(&str, &str)]) -> Vec<u8> {
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        rmp_serde::to_vec(&messages::Log("warn".into(), "MessageWillBePosted has been running".into(), fields)).unwrap()
    }

    const MARKS: [(&str, &str); 2] = [("logger", "mattermost_plugin"), ("seconds", "2.5")];

    #[test]
    fn lines_of_the_watchdog_are_known_by_two_fields() {
        let stack = "  File \"plugin.py\", line 1, in helper\n".repeat(100);
        let seen = [("hook", "MessageWillBePosted"), ("handler", "helper"), ("line", "1"), ("stack", &stack)];
        assert!(is_of_watchdog(&frame(&MARKS)));
        assert!(is_of_watchdog(&frame(&[&MARKS[..], &seen].concat())));
        for other in [&MARKS[..1], &MARKS[1..], &[("logger", "plugin"), MARKS[1]], &[]] {
            assert!(!is_of_watchdog(&frame(other)), "{other:?}");
        }
    }

    #[test]
    fn what_is_not_as_the_watchdog_writes_it_is_the_plugins() {
        let names: Vec<String> = (0..MANY_FIELDS).map(|n| format!("field {n}")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert!(!is_of_watchdog(&frame(&[&MARKS[..], &many].concat())));
        assert!(!is_of_watchdog(&frame(&[MARKS[0], MARKS[1], ("stack", &"x".repeat(LONGEST_FRAME))])));
        let whole = frame(&MARKS);
        (0..whole.len()).for_each(|end| assert!(!is_of_watchdog(&whole[..end]), "{end}"));
        assert!(!is_of_watchdog(b"\x93\xa4warn\xa1m\xdf\xff\xff\xff\xff"));
    }

    #[test]
    fn a_frame_that_cannot_be_read_is_told() {
        let line = line_of(b"\x93\x01");
        assert!(line.level == Level::Warn && line.message.starts_with("a LOG frame of the worker cannot be read: "));
    }
}
