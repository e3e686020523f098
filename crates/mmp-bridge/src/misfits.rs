//! Values that do not fit: arguments of the server that cannot be passed on, and results of a handler that the server cannot take. A gate whose author wants it shut when it fails is shut by these, too: what a user sends must not open it.

use std::time::Duration;

use mmp_gob::{Error as GobError, Types};
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::RequestHead;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::Error as TranscodeError;
use mmp_transcode::schema::Method;

use crate::answers::Due;
use crate::core::{AnswerError, Core};
use crate::failures::{Failure, Outcome};
use crate::log::Level;

impl Core {
    /// Answers a hook whose arguments cannot be passed on: what was chosen for its failure, or an error of the call, after which the server goes on as if the plugin did not have the hook.
    pub(crate) fn arguments_refused(
        &mut self,
        link: &mut HostLink,
        types: &mut Types,
        conn: StreamId,
        request: RequestHead<'_>,
        method: &'static Method,
        error: TranscodeError,
    ) -> Result<(), GobError> {
        if let TranscodeError::Gob(error) = &error
            && *error.cause() == GobError::NeedMore
        {
            // Not all of them are here: this is called again when they are.
            return Err(error.clone());
        }
        self.metrics.hook(method, Duration::ZERO, false);
        let failure = Failure::Unreadable(&error);
        let sentence = failure.sentence();
        let outcome = self.outcome_of(method, &failure);
        let message = format!("{}: {}; {}", method.name, sentence, outcome.description(method));
        self.log.push_any(Level::Error, message, &[]);
        if !method.streams.is_empty() {
            self.refuse_files(link);
        }
        let due = Due { conn, seq: request.seq, method, sent: None };
        match (outcome, error) {
            (Outcome::Results(results), _) => self.reply_results(link, types, due, &results),
            (Outcome::Error, _) if self.workers.policies.rejects(method) => {
                self.reply_failure(link, types, due, &sentence, None);
            }
            (_, TranscodeError::Gob(error)) => return Err(error),
            (_, error) => link.reply_error(conn, request.seq, request.method, &error.to_string()),
        }
        Ok(())
    }

    /// Answers with the results of a handler. False if they do not fit: the host gets what was chosen for a failure, an error, or its default instead.
    pub(crate) fn reply_or_fail(
        &mut self,
        link: &mut HostLink,
        types: &mut Types,
        due: Due<'_>,
        results: &[u8],
    ) -> bool {
        let Err(AnswerError::Value(error)) = self.reply(link, types, due, results) else { return true };
        let (outcome, sentence) = (self.outcome_of(due.method, &Failure::Misfit), Failure::Misfit.sentence());
        let message = format!("{}: {sentence}, so {}: {error}", due.method.name, outcome.description(due.method));
        self.log.push_any(Level::Error, message, &[]);
        match outcome {
            Outcome::Results(results) => self.reply_results(link, types, due, &results),
            _ => self.reply_failure(link, types, due, &sentence, None),
        }
        false
    }
}
