//! The command that shows administrators how the plugin is (`server.status_command` in plugin.json). The bridge answers it by itself, so it works when no worker does.
//!
//! `/<trigger> status` is the bridge's; whatever else follows the trigger is the plugin's, if it has ExecuteCommand.

mod text;

use mmp_gob::{Error as GobError, Limits, Types};
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::{Body, RequestHead};
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::Error as TranscodeError;
use mmp_transcode::generated;
use mmp_transcode::msgpack::{Reader, text_in_map};
use mmp_transcode::schema::Method;
use mmp_worker::messages;
use serde_json::json;

use crate::answers::{Due, ephemeral};
use crate::core::Core;
use crate::own_calls::{OwnCall, Trouble};

const EXECUTE_COMMAND: &str = "ExecuteCommand";
const REGISTER_COMMAND: &str = "RegisterCommand";

/// The word behind the trigger.
const STATUS: &str = "status";

/// What a user reads who may not see the status.
const NOT_PERMITTED: &str = "Only system administrators may see how the plugin is.";

/// What a user reads when the server does not say whether he may.
const UNCERTAIN: &str = "The server could not say whether you may see how the plugin is. Try again in a moment.";

/// The command, if the plugin has one.
#[derive(Debug, Default)]
pub(crate) struct StatusCommand {
    trigger: Option<String>,
    /// Whether the plugin has registered a command with this trigger: then the server keeps its description of it.
    of_plugin: bool,
}

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// The status, for this user.
    Status(String),
    /// Something of the plugin's, with the trigger of the status command.
    Other,
    /// Something with another trigger.
    Elsewhere,
}

impl StatusCommand {
    /// A command with this trigger, or none.
    pub(crate) fn new(trigger: Option<String>) -> StatusCommand {
        StatusCommand { trigger, of_plugin: false }
    }

    /// The hook that the bridge needs for it.
    pub(crate) fn hook(&self) -> Option<&'static str> {
        self.trigger.as_ref().map(|_| EXECUTE_COMMAND)
    }

    /// What is asked for: `arguments` are those of ExecuteCommand. The server compares triggers in lower case.
    fn asked(&self, arguments: &[u8]) -> Asked {
        let Some(trigger) = &self.trigger else { return Asked::Elsewhere };
        let mut reader = Reader::new(arguments);
        let (Ok(_), Ok(_), Ok(command)) = (reader.token(), reader.raw(), reader.raw()) else { return Asked::Elsewhere };
        let text = |key: &str| text_in_map(command, key).ok().flatten().unwrap_or_default();
        let line = text("command");
        let mut words = line.split_whitespace();
        let is_ours =
            words.next().and_then(|word| word.strip_prefix('/')).is_some_and(|w| w.eq_ignore_ascii_case(trigger));
        match (is_ours, words.next(), words.next()) {
            (true, Some(STATUS), None) => Asked::Status(text("user_id")),
            (true, _, _) => Asked::Other,
            (false, _, _) => Asked::Elsewhere,
        }
    }
}

impl Core {
    /// The plugin is active: the server learns of the command, unless the plugin has told it more about it.
    pub(crate) fn register_status_command(&mut self, link: &mut HostLink) {
        let Some(trigger) = self.status.trigger.clone().filter(|_| !self.status.of_plugin) else { return };
        if let Err(trouble) =
            self.call_own(link, REGISTER_COMMAND, &json!([text::command(&trigger)]), OwnCall::StatusCommand)
        {
            self.status_command_registered(Err(trouble));
        }
    }

    /// The server has answered that.
    pub(crate) fn status_command_registered(&mut self, answer: Result<&[u8], Trouble>) {
        if let Err(trouble) = answer {
            self.log_trouble("the status command could not be registered", &trouble);
        }
    }

    /// A worker calls the API: whether it registers this trigger itself.
    pub(crate) fn watch_registrations(&mut self, method: &Method, arguments: &[u8]) {
        let Some(trigger) = &self.status.trigger else { return };
        if method.name != REGISTER_COMMAND {
            return;
        }
        let mut reader = Reader::new(arguments);
        let command = reader.token().ok().and_then(|_| reader.raw().ok()).unwrap_or_default();
        let registered = text_in_map(command, "trigger").ok().flatten();
        self.status.of_plugin |= registered.is_some_and(|other| other.eq_ignore_ascii_case(trigger));
    }

    /// The host calls ExecuteCommand of a plugin with a status command.
    pub(crate) fn command_called(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        request: RequestHead<'_>,
        method: &'static Method,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let Body { type_id, cursor, types } = body;
        let start = cursor.clone();
        let mut arguments = Vec::new();
        let asked = match self.from_hooks.args(method, type_id, cursor, types, &mut arguments) {
            Ok(_) => self.status.asked(&arguments),
            // The rest of the arguments is still to come.
            Err(TranscodeError::Gob(error)) => return Err(error),
            // What cannot be read is refused where that is done for all hooks.
            Err(_) => Asked::Elsewhere,
        };
        match asked {
            Asked::Status(user) => self.status_asked(link, conn, request.seq, &user),
            Asked::Other if !self.workers.implements(method.id) => {
                let trigger = self.status.trigger.clone().unwrap_or_default();
                self.reply_text(
                    link,
                    conn,
                    request.seq,
                    &format!("This command knows one thing: `/{trigger} {STATUS}`."),
                );
            }
            _ => {
                let body = Body { type_id, cursor: &mut start.replay(), types };
                return self.plugins_hook_called(link, conn, request, method, body);
            }
        }
        Ok(())
    }

    /// Asks the server whether a user may see the status. The answer to the command follows that.
    fn status_asked(&mut self, link: &mut HostLink, conn: StreamId, seq: u64, user: &str) {
        let arguments = json!([user, {"id": "manage_system"}]);
        let purpose = OwnCall::StatusPermission { conn, seq };
        if let Err(trouble) = self.call_own(link, "HasPermissionTo", &arguments, purpose) {
            self.status_permitted(link, conn, seq, Err(trouble));
        }
    }

    /// The server has answered that.
    pub(crate) fn status_permitted(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        seq: u64,
        answer: Result<&[u8], Trouble>,
    ) {
        let permitted = answer.and_then(|results| {
            let read = messages::decode::<(bool,)>(results);
            read.map_err(|error| Trouble::Failed(format!("the server's answer cannot be read: {error}")))
        });
        let text = match permitted {
            Ok((true,)) => text::status(&self.report()),
            Ok((false,)) => NOT_PERMITTED.to_owned(),
            Err(trouble) => {
                self.log_trouble("the status command could not be answered", &trouble);
                UNCERTAIN.to_owned()
            }
        };
        self.reply_text(link, conn, seq, &text);
    }

    /// Answers a command with a text for its user alone.
    fn reply_text(&mut self, link: &mut HostLink, conn: StreamId, seq: u64, text: &str) {
        let Some(method) = generated::hook_by_name(EXECUTE_COMMAND) else { return };
        // The host's own types are needed for results that echo an argument, and this is none.
        self.reply_results(
            link,
            &mut Types::new(Limits::default()),
            Due { conn, seq, method, sent: None },
            &ephemeral(text),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Asked {
        let arguments = json!([{"request_id": "r"}, {"user_id": "u", "command": line}]);
        StatusCommand::new(Some("my-plugin".to_owned())).asked(&messages::encode(&arguments).unwrap())
    }

    #[test]
    fn only_the_status_is_the_bridges() {
        for line in ["/my-plugin status", "/My-Plugin  status "] {
            assert_eq!(asked(line), Asked::Status("u".to_owned()), "{line}");
        }
        for line in ["/my-plugin", "/my-plugin statuses", "/my-plugin status now", "/my-plugin STATUS"] {
            assert_eq!(asked(line), Asked::Other, "{line}");
        }
        for line in ["/my-plugins status", "my-plugin status", "", "/ status"] {
            assert_eq!(asked(line), Asked::Elsewhere, "{line}");
        }
        assert_eq!(StatusCommand::default().asked(b"\x90"), Asked::Elsewhere);
    }

    #[test]
    fn there_is_no_hook_without_a_command() {
        assert_eq!(StatusCommand::default().hook(), None);
        assert_eq!(StatusCommand::new(Some("a".to_owned())).hook(), Some(EXECUTE_COMMAND));
    }
}
