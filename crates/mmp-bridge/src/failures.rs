//! What the host is answered when a handler failed, is late, or cannot be called.

use std::time::Duration;

use mmp_gob::Error as GobError;
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::Body;
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::Error as TranscodeError;
use mmp_transcode::schema::{Deadline, Method, Reject};

use crate::answers::{Due, Raised, ephemeral};
use crate::core::Core;
use crate::files;
use crate::hooks::{Asker, Kept, PendingHook};
use crate::http::COME_BACK;
use crate::log::Level;
use crate::policies::Policies;
use crate::support::GENERATE_SUPPORT_DATA;

/// Why a hook has no answer.
#[derive(Debug)]
pub(crate) enum Failure<'a> {
    /// Its handler raised an exception.
    Raised(&'a Raised<'a>),
    /// It took longer than it may.
    Late(Duration),
    /// Its worker is gone.
    Gone(&'a str),
    /// There is no worker, or none came in time.
    Absent(&'a str),
    /// Too many wait.
    Full,
    /// It waited behind others that wait for each other.
    Stalled,
    /// What the server sent cannot be passed on.
    Unreadable(&'a TranscodeError),
    /// The server cannot take what its handler returned.
    Misfit,
}

impl Failure<'_> {
    /// One sentence for the log, and for hooks with an error result.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Failure::Raised(raised) => raised.message.clone(),
            Failure::Late(limit) => format!("no answer within {} s", limit.as_secs_f64()),
            Failure::Gone(reason) | Failure::Absent(reason) => (*reason).to_owned(),
            Failure::Full => "too many hooks wait for the worker".to_owned(),
            Failure::Stalled => "64 hooks of this plugin wait for API calls and none has moved for seconds, as when hooks fire each other without end".to_owned(),
            Failure::Unreadable(error) => format!("the server's arguments cannot be passed on: {error}"),
            Failure::Misfit => "the handler's result does not fit".to_owned(),
        }
    }

    /// Whether the handler is at fault: it ran, and what it did cannot be the answer.
    fn is_of_handler(&self) -> bool {
        matches!(self, Failure::Raised(_) | Failure::Misfit)
    }
}

/// What is answered instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// These results.
    Results(Vec<u8>),
    /// The hook's error.
    Error,
    /// The bridge's own file for the support packet.
    Files,
    /// The server's own default: as if the plugin did not have the hook.
    Neutral,
}

impl Outcome {
    fn of(method: &Method, failure: &Failure<'_>, policies: &Policies, plugin: &str) -> Outcome {
        match method.reject {
            Some(Reject::Reason(_)) if policies.rejects(method) => {
                if let Some(results) = method.rejection(&refusal(plugin)) {
                    return Outcome::Results(results);
                }
            }
            // An exception is how a handler in Python returns the error; a Go plugin that crashed lets things pass.
            Some(Reject::Error) if !failure.is_of_handler() && !policies.rejects(method) => return Outcome::Neutral,
            _ => {}
        }
        // What the handler raised is its error, as everywhere.
        if method.name == GENERATE_SUPPORT_DATA && !failure.is_of_handler() {
            return Outcome::Files;
        }
        if method.deadline == Deadline::Command && !failure.is_of_handler() {
            return Outcome::Results(apology(failure, plugin));
        }
        if method.error.is_some() { Outcome::Error } else { Outcome::Neutral }
    }

    /// What the log says about it.
    pub(crate) fn description(&self, method: &Method) -> &'static str {
        match self {
            Outcome::Results(_) if method.deadline == Deadline::Command => "the user is told so",
            Outcome::Results(_) => "it is rejected",
            Outcome::Error => "the server gets an error",
            Outcome::Files => "the server gets the bridge's own file",
            Outcome::Neutral => "the server's default is the answer",
        }
    }
}

/// Why something was refused, for users.
fn refusal(plugin: &str) -> String {
    format!(
        "The plugin {plugin} could not check this, so it was refused. Try again, or ask an administrator to look into the server's log."
    )
}

/// A CommandResponse that only the user sees who gave the command.
fn apology(failure: &Failure<'_>, plugin: &str) -> Vec<u8> {
    let what = match failure {
        Failure::Late(limit) => format!("did not answer within {} seconds", limit.as_secs_f64()),
        Failure::Full | Failure::Stalled => "is too busy to answer now".to_owned(),
        Failure::Unreadable(_) => "cannot read this".to_owned(),
        Failure::Raised(_) | Failure::Gone(_) | Failure::Absent(_) | Failure::Misfit => {
            "is not available right now".to_owned()
        }
    };
    let text = format!(
        "The plugin {plugin} {what}. Try again in a moment; if that does not help, ask an administrator to look into the server's log."
    );
    ephemeral(&text)
}

impl Core {
    /// The plugin's id, for users.
    fn plugin_id(&self) -> String {
        self.workers.bundle().map(|bundle| bundle.id.clone()).unwrap_or_default()
    }

    /// Why no worker takes a hook.
    pub(crate) fn absence_of_workers(&self) -> String {
        let reason = self.workers.down_reason();
        reason.unwrap_or_else(|| "the plugin's worker is being started again".to_owned())
    }

    /// Why no worker takes this hook.
    pub(crate) fn absence_for(&self, method: &Method) -> String {
        match self.workers.is_removed(method.id) {
            true => "the plugin was loaded anew without this hook".to_owned(),
            false => self.absence_of_workers(),
        }
    }

    /// What is answered to a hook that failed.
    pub(crate) fn outcome_of(&self, method: &Method, failure: &Failure<'_>) -> Outcome {
        Outcome::of(method, failure, &self.workers.policies, &self.plugin_id())
    }

    /// Answers a hook that was sent, or queued, and has no answer of its own.
    pub(crate) fn fail_hook(&mut self, session: &mut PluginSession, id: u32, hook: PendingHook, failure: &Failure<'_>) {
        self.count_hook(&hook, false);
        let method = hook.method;
        let outcome = self.outcome_of(method, failure);
        self.log_failure(&hook, failure, outcome.description(method));
        if self.files_failed(session.link(), id) {
            // A part of the replacement has reached the server, which would store it in place of the file.
            self.answer(session, hook, &files::refusal());
            return;
        }
        let (conn, seq) = match hook.asker {
            Asker::Host { conn, seq } => (conn, seq),
            Asker::Nobody => return,
            Asker::Http { exchange } => return self.fail_http(session.link(), exchange, failure),
            asker => return self.own_hook_answered(session, hook.worker, asker, method, Some(&failure.sentence())),
        };
        if let Outcome::Results(results) = outcome {
            self.answer(session, hook, &results);
            return;
        }
        let Some((link, types)) = session.link_and_types(conn) else { return };
        let due = Due { conn, seq, method, sent: hook.kept.as_ref().map(Kept::sent) };
        match (outcome, failure) {
            (Outcome::Files, failure) => self.reply_own_file(link, types, due, &failure.sentence()),
            (Outcome::Error, Failure::Raised(raised)) => {
                self.reply_failure(link, types, due, &raised.message, raised.app);
            }
            (Outcome::Error, failure) => self.reply_failure(link, types, due, &failure.sentence(), None),
            (_, _) => self.reply_neutral(link, types, due),
        }
    }

    fn log_failure(&mut self, hook: &PendingHook, failure: &Failure<'_>, answered_with: &str) {
        let name = hook.method.name;
        let answered = match hook.asker {
            Asker::Host { .. } => format!("; {answered_with}"),
            _ => String::new(),
        };
        match (failure, hook.asker) {
            // That is told in another way.
            (_, Asker::Activation { .. } | Asker::Restart | Asker::CatchUp | Asker::Deactivation) => {}
            (Failure::Raised(raised), asker) => {
                // That a client leaves is no fault.
                let level = if self.client_has_left(asker) { Level::Debug } else { Level::Error };
                self.log.push_any(level, format!("{name}: the plugin's handler failed: {}", raised.message), &[]);
            }
            // The worker's end has a line of its own, for all its hooks.
            (Failure::Gone(_), _) => {}
            (Failure::Absent(_), Asker::Http { .. }) => self.log_unserved(hook.method, failure, COME_BACK),
            (Failure::Absent(_), _) => self.log_unserved(hook.method, failure, answered_with),
            (failure, _) => self.log.push_any(Level::Error, format!("{name}: {}{answered}", failure.sentence()), &[]),
        }
    }

    /// Answers a hook that no worker can take.
    pub(crate) fn answer_without_worker(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        seq: u64,
        method: &'static Method,
        body: Body<'_, '_>,
        failure: &Failure<'_>,
    ) -> Result<(), GobError> {
        let outcome = self.outcome_of(method, failure);
        if matches!(outcome, Outcome::Results(_)) && self.is_notice_due(method) {
            return self.answer_about_notice(link, conn, seq, method, body, &outcome);
        }
        let answered = outcome.description(method);
        let due = Due { conn, seq, method, sent: None };
        match outcome {
            Outcome::Neutral => self.answer_neutral(link, conn, seq, method, body)?,
            Outcome::Error => self.reply_failure(link, body.types, due, &failure.sentence(), None),
            Outcome::Files => self.reply_own_file(link, body.types, due, &failure.sentence()),
            Outcome::Results(results) => {
                if !method.streams.is_empty() {
                    // The host waits for somebody to dial the streams, which only the arguments name.
                    let Body { type_id, cursor, types } = body;
                    if let Err(TranscodeError::Gob(error)) =
                        self.from_hooks.args(method, type_id, cursor, types, &mut Vec::new())
                    {
                        return Err(error);
                    }
                    self.refuse_files(link);
                    self.reply_results(link, types, due, &results);
                } else {
                    self.reply_results(link, body.types, due, &results);
                }
            }
        }
        // Not before: arguments that are not all here are asked about again.
        self.count_unanswered(method, failure, answered);
        Ok(())
    }

    fn count_unanswered(&mut self, method: &'static Method, failure: &Failure<'_>, answered: &str) {
        match failure {
            // It has been counted where no room was found.
            Failure::Full => {
                let message = format!("{}: {}; {answered}", method.name, failure.sentence());
                self.log.push_any(Level::Error, message, &[]);
            }
            _ => {
                self.metrics.hook(method, Duration::ZERO, false);
                self.log_unserved(method, failure, answered);
            }
        }
    }

    /// The server asks the plugin about a post, which may be the bridge's own message that the plugin is degraded: this one is let pass by a plugin that would refuse it.
    fn answer_about_notice(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        seq: u64,
        method: &'static Method,
        body: Body<'_, '_>,
        outcome: &Outcome,
    ) -> Result<(), GobError> {
        let Body { type_id, cursor, types } = body;
        let start = cursor.clone();
        let mut arguments = Vec::new();
        if let Err(TranscodeError::Gob(error)) = self.from_hooks.args(method, type_id, cursor, types, &mut arguments) {
            return Err(error);
        }
        match outcome {
            Outcome::Results(results) if !self.is_notice(&arguments) => {
                self.reply_results(link, types, Due { conn, seq, method, sent: None }, results);
                Ok(())
            }
            _ => {
                let body = Body { type_id, cursor: &mut start.replay(), types };
                self.answer_neutral(link, conn, seq, method, body)
            }
        }
    }

    /// An event is lost, and said to be.
    pub(crate) fn drop_event(&mut self, method: &'static Method, why: &str) {
        self.metrics.events_dropped += 1;
        if let Some(count) = self.dropped.happened(self.now) {
            let message = format!("{}: an event was dropped: {why}", method.name);
            self.log.push(Level::Error, message, &[("events_dropped", &count.to_string())]);
        }
    }

    /// A hook was answered because no worker is there to do it.
    pub(crate) fn log_unserved(&mut self, method: &Method, failure: &Failure<'_>, answered: &str) {
        if let Some(count) = self.unserved.happened(self.now) {
            let message = format!("{}: {}; {answered}", method.name, failure.sentence());
            self.log.push(Level::Error, message, &[("hooks", &count.to_string())]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::Choice;
    use mmp_transcode::generated;
    use mmp_worker::messages::OnFailure;

    fn outcome(name: &str, failure: &Failure<'_>, reject: bool) -> Outcome {
        let method = generated::hook_by_name(name).unwrap();
        let on_failure = Some(if reject { OnFailure::Reject } else { OnFailure::Allow });
        let policies = Policies::new(&[(method.id, Choice { timeout: None, on_failure })]);
        Outcome::of(method, failure, &policies, "com.example.a")
    }

    #[test]
    fn a_gate_lets_pass_or_rejects_as_its_author_chose() {
        let raised = Raised { message: "no".to_owned(), app: None };
        for failure in
            [Failure::Raised(&raised), Failure::Late(Duration::from_secs(5)), Failure::Gone("x"), Failure::Full]
        {
            assert_eq!(outcome("UserWillLogIn", &failure, false), Outcome::Neutral);
            let Outcome::Results(results) = outcome("UserWillLogIn", &failure, true) else { panic!("{failure:?}") };
            assert!(results.starts_with(b"\x91\xd9"), "a reason and nothing else");
            let Outcome::Results(results) = outcome("MessageWillBePosted", &failure, true) else {
                panic!("{failure:?}")
            };
            assert!(results.starts_with(b"\x92\xc0\xd9"), "no post, and a reason");
        }
    }

    #[test]
    fn a_gate_with_an_error_tells_an_exception_from_an_accident() {
        let raised = Raised { message: "no".to_owned(), app: None };
        assert_eq!(outcome("ConfigurationWillBeSaved", &Failure::Raised(&raised), false), Outcome::Error);
        assert_eq!(outcome("ConfigurationWillBeSaved", &Failure::Full, false), Outcome::Neutral);
        assert_eq!(outcome("ConfigurationWillBeSaved", &Failure::Full, true), Outcome::Error);
    }

    #[test]
    fn a_command_is_answered_with_a_sentence_for_its_user() {
        let Outcome::Results(results) = outcome("ExecuteCommand", &Failure::Gone("a secret of the plugin"), false)
        else {
            panic!()
        };
        let text = String::from_utf8_lossy(&results);
        assert!(text.contains("The plugin com.example.a is not available right now."), "{text}");
        assert!(!text.contains("secret"));
        let raised = Raised { message: "no".to_owned(), app: None };
        assert_eq!(outcome("ExecuteCommand", &Failure::Raised(&raised), false), Outcome::Error);
    }
}
