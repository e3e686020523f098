//! Answers of hooks: results, errors, and the server's default where there is neither.

use mmp_gob::{Error as GobError, Types};
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::Body;
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::msgpack::{self, Reader, Token};
use mmp_transcode::schema::Method;
use mmp_transcode::{Error as TranscodeError, Sent};

use crate::core::{AnswerError, Core};
use crate::hooks::{Asker, Kept, PendingHook};
use crate::log::Level;
use crate::names;
use crate::support::GENERATE_SUPPORT_DATA;

/// A reply that is due to the host: to which request, and what was kept of the argument that the hook's result echoes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due<'a> {
    pub(crate) conn: StreamId,
    pub(crate) seq: u64,
    pub(crate) method: &'static Method,
    pub(crate) sent: Option<Sent<'a>>,
}

/// The text of an error that the worker's handler raised, and the map of an AppError in it.
#[derive(Debug)]
pub(crate) struct Raised<'a> {
    pub(crate) message: String,
    pub(crate) app: Option<&'a [u8]>,
}

impl Core {
    /// Answers with results. False if they do not fit, so that the answer is another one.
    pub(crate) fn answer(&mut self, session: &mut PluginSession, hook: PendingHook, payload: &[u8]) -> bool {
        let (conn, seq) = match hook.asker {
            Asker::Host { conn, seq } => (conn, seq),
            Asker::Http { exchange } => {
                self.http_finished(session.link(), exchange, None);
                return true;
            }
            Asker::Nobody => return true,
            asker => {
                let failure = read_returned_error(payload);
                self.own_hook_answered(session, hook.worker, asker, hook.method, failure.as_deref());
                return true;
            }
        };
        let Some((link, types)) = session.link_and_types(conn) else { return true };
        let due = Due { conn, seq, method: hook.method, sent: hook.kept.as_ref().map(Kept::sent) };
        if hook.method.name == GENERATE_SUPPORT_DATA {
            return self.reply_files(link, types, due, payload);
        }
        self.reply_or_fail(link, types, due, payload)
    }

    /// Answers a hook that no worker can take now with the server's default, for which its arguments are read: the default may repeat one.
    pub(crate) fn answer_neutral(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        seq: u64,
        method: &'static Method,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let Body { type_id, cursor, types } = body;
        let mut frame = Vec::new();
        let kept = match self.from_hooks.args(method, type_id, cursor, types, &mut frame) {
            Ok(kept) => kept,
            Err(TranscodeError::Gob(error)) => return Err(error),
            Err(_) => None,
        };
        if !method.streams.is_empty() {
            self.refuse_files(link);
        }
        let sent =
            kept.as_ref().map(|kept| Sent { frame: &frame[kept.frame.clone()], gob: &kept.gob, wire: kept.wire });
        self.reply_neutral(link, types, Due { conn, seq, method, sent });
        Ok(())
    }

    pub(crate) fn reply(
        &mut self,
        link: &mut HostLink,
        types: &mut Types,
        due: Due<'_>,
        payload: &[u8],
    ) -> Result<(), AnswerError> {
        let Due { conn, seq, method, sent } = due;
        let to_hooks = &mut self.to_hooks;
        link.reply(conn, seq, names::hook(method), |out| Ok(to_hooks.reply(method, payload, sent, types, out)?))
    }

    /// The answer of a hook that failed. A hook that can say an error never gets its neutral answer here, which would mean success: an AppError that does not fit becomes a plain one.
    pub(crate) fn reply_failure(
        &mut self,
        link: &mut HostLink,
        types: &mut Types,
        due: Due<'_>,
        message: &str,
        app: Option<&[u8]>,
    ) {
        let Due { conn, seq, method, .. } = due;
        if method.error.is_none() {
            return self.reply_neutral(link, types, due);
        }
        let name = names::hook(method);
        let to_hooks = &mut self.to_hooks;
        let mut reply = |app: Option<&[u8]>| -> Result<(), AnswerError> {
            link.reply(conn, seq, name, |out| Ok(to_hooks.reply_error(method, message, app, out)?))
        };
        let written = match reply(app) {
            Err(AnswerError::Value(error)) if app.is_some() => {
                let text = format!(
                    "{}: the handler's error does not fit, so only its text is passed on: {error}",
                    method.name
                );
                self.log.push_any(Level::Error, text, &[]);
                reply(None)
            }
            written => written,
        };
        if written.is_err() {
            link.reply_error(conn, seq, name, message);
        }
    }

    /// Results of the bridge's own making.
    pub(crate) fn reply_results(&mut self, link: &mut HostLink, types: &mut Types, due: Due<'_>, results: &[u8]) {
        if let Err(error) = self.reply(link, types, due, results) {
            self.log.push_any(Level::Error, format!("{}: an answer cannot be written: {error}", due.method.name), &[]);
            self.reply_neutral(link, types, due);
        }
    }

    /// The answer of a hook without results.
    pub(crate) fn reply_nothing(&mut self, link: &mut HostLink, conn: StreamId, seq: u64, method: &'static Method) {
        let (to_hooks, name) = (&mut self.to_hooks, names::hook(method));
        let sent: Result<(), AnswerError> = link.reply(conn, seq, name, |out| Ok(to_hooks.reply_nothing(method, out)?));
        if let Err(error) = sent {
            link.reply_error(conn, seq, name, &error.to_string());
        }
    }

    /// The neutral answer; an error reply if even that cannot be written.
    pub(crate) fn reply_neutral(&mut self, link: &mut HostLink, types: &mut Types, due: Due<'_>) {
        if let Err(error) = self.reply(link, types, due, &[]) {
            link.reply_error(due.conn, due.seq, names::hook(due.method), &error.to_string());
        }
    }
}

/// The results of ExecuteCommand that only the user sees who gave the command. The text is Markdown and nothing else: the server would look for Slack's own forms in it.
pub(crate) fn ephemeral(text: &str) -> Vec<u8> {
    let mut results = Vec::new();
    msgpack::put_array_len(&mut results, 1);
    let mark = msgpack::begin_map(&mut results);
    msgpack::put_str(&mut results, "response_type");
    msgpack::put_str(&mut results, "ephemeral");
    msgpack::put_str(&mut results, "text");
    msgpack::put_str(&mut results, text);
    msgpack::put_str(&mut results, "skip_slack_parsing");
    msgpack::put_bool(&mut results, true);
    msgpack::end_map(&mut results, mark, 3);
    results
}

/// Reads the error among the results of a hook that has no other: nil, a text, or a map like that of HOOK_ERROR. An empty payload is none.
fn read_returned_error(payload: &[u8]) -> Option<String> {
    let mut reader = Reader::new(payload);
    let Ok(Token::Array(1)) = reader.token() else { return None };
    let error = reader.raw().ok()?;
    match Reader::new(error).token() {
        Ok(Token::Str(text)) => Some(String::from_utf8_lossy(text).into_owned()),
        Ok(Token::Map(_)) => Some(read_raised(error).message),
        _ => None,
    }
}

/// Reads HOOK_ERROR.
pub(crate) fn read_raised(payload: &[u8]) -> Raised<'_> {
    let mut raised = Raised { message: "the handler failed".to_owned(), app: None };
    let mut reader = Reader::new(payload);
    let Ok(Token::Map(count)) = reader.token() else { return raised };
    for _ in 0..count {
        let (Ok(key), Ok(value)) = (reader.token(), reader.raw()) else { break };
        match (key, Reader::new(value).token()) {
            (Token::Str(b"message"), Ok(Token::Str(text))) => {
                raised.message = String::from_utf8_lossy(text).into_owned();
            }
            (Token::Str(b"app"), Ok(Token::Map(_))) => raised.app = Some(value),
            _ => {}
        }
    }
    raised
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_returned_is_read() {
        let returned = |payload: &[u8]| read_returned_error(payload);
        assert_eq!(returned(b""), None);
        assert_eq!(returned(b"\x91\xc0"), None);
        assert_eq!(returned(b"\x91\xa4none").as_deref(), Some("none"));
        assert_eq!(returned(b"\x91\x82\xa4kind\xa5error\xa7message\xa4gone").as_deref(), Some("gone"));
        assert_eq!(returned(b"\x91\x82\xa4kind"), None, "it is cut off");
    }
}
