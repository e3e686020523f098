//! The direct message to the administrators that the plugin is degraded: once in the life of the bridge.
//!
//! The plugin's own bot sends it, the oldest if there are several, and a new one if there is none. `EnsureBotUser` will not do: it renames the bot that the plugin has made with it, and makes one that a later
//! `EnsureBotUser` of the plugin would rename (`App.EnsureBot` keeps the bot's id for each plugin and patches name and description). `CreateBot` makes the plugin its owner where no other is named.

mod text;

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_transcode::msgpack::text_in_map;
use mmp_transcode::schema::Method;
use mmp_worker::messages;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::Core;
use crate::log::Level;
use crate::own_calls::{OwnCall, Trouble};
pub(crate) use text::{Facts, code_block};

/// The most administrators that are told.
const ADMINS: usize = 50;

const HOOK: &str = "MessageWillBePosted";

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nothing was asked yet.
    Begin,
    /// Which bots the plugin has.
    Bots,
    /// Making one.
    NewBot,
    /// Who is an administrator.
    Admins,
    /// The channel with one of them.
    Channel,
    /// The post in it.
    Post,
}

/// A message under way.
#[derive(Debug)]
pub(crate) struct Notice {
    /// The plugin's id, as the server has it.
    plugin: String,
    message: String,
    step: Step,
    bot: String,
    /// Who is to be told yet; the last one is next.
    left: Vec<String>,
    channel: String,
    told: usize,
    /// Those that could not be told, and why the first one could not.
    missed: usize,
    trouble: Option<Trouble>,
}

/// What comes after an answer.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Another call.
    Call,
    /// Nothing: everybody has been told who can be.
    Done,
    /// Nothing: it cannot go on.
    Failed(Trouble),
}

/// A bot, a user or a channel, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Found {
    id: String,
    user_id: String,
}

impl Notice {
    /// A message that is to be sent.
    fn new(facts: &Facts<'_>) -> Notice {
        Notice {
            // The server turns ids to lower case when it reads a manifest.
            plugin: facts.plugin.to_ascii_lowercase(),
            message: text::message(facts),
            step: Step::Begin,
            bot: String::new(),
            left: Vec::new(),
            channel: String::new(),
            told: 0,
            missed: 0,
            trouble: None,
        }
    }

    /// The method that is called in this step, and its arguments.
    fn call(&self) -> (&'static str, Value) {
        match self.step {
            Step::Begin | Step::Bots => ("GetBots", json!([{"owner_id": self.plugin, "page": 0, "per_page": 1}])),
            Step::NewBot => ("CreateBot", json!([text::bot(&self.plugin)])),
            Step::Admins => {
                ("GetUsers", json!([{"role": "system_admin", "active": true, "page": 0, "per_page": ADMINS}]))
            }
            Step::Channel => ("GetDirectChannel", json!([self.bot, self.left.last()])),
            Step::Post => {
                let post = json!({"user_id": self.bot, "channel_id": self.channel, "message": self.message});
                ("CreatePost", json!([post]))
            }
        }
    }

    /// Takes the answer of the step's call.
    fn take(&mut self, answer: Result<&[u8], Trouble>) -> Next {
        let answer = match answer {
            Err(Trouble::Failed(trouble)) if matches!(self.step, Step::Channel | Step::Post) => {
                self.missed += 1;
                self.trouble.get_or_insert(Trouble::Failed(trouble));
                return self.next_admin();
            }
            Err(trouble) => return Next::Failed(trouble),
            Ok(answer) => answer,
        };
        let next = match self.step {
            Step::Begin => Ok(Next::Call),
            Step::Bots => list(answer).map(|bots| match bots.into_iter().next() {
                Some(bot) => self.has_bot(bot),
                None => self.go(Step::NewBot),
            }),
            Step::NewBot => one(answer).map(|bot| self.has_bot(bot)),
            Step::Admins => list(answer).map(|admins| {
                self.left = admins.into_iter().map(|admin| admin.id).take(ADMINS).collect();
                self.left.reverse();
                if self.left.is_empty() { Next::Done } else { self.go(Step::Channel) }
            }),
            Step::Channel => one(answer).map(|channel| {
                self.channel = channel.id;
                self.go(Step::Post)
            }),
            Step::Post => {
                self.told += 1;
                Ok(self.next_admin())
            }
        };
        next.unwrap_or_else(Next::Failed)
    }

    fn go(&mut self, step: Step) -> Next {
        self.step = step;
        Next::Call
    }

    fn has_bot(&mut self, bot: Found) -> Next {
        self.bot = bot.user_id;
        self.go(Step::Admins)
    }

    fn next_admin(&mut self) -> Next {
        self.left.pop();
        self.channel.clear();
        if self.left.is_empty() { Next::Done } else { self.go(Step::Channel) }
    }
}

/// The one result, a list.
fn list(results: &[u8]) -> Result<Vec<Found>, Trouble> {
    let (found,): (Option<Vec<Found>>,) = messages::decode(results).map_err(unreadable)?;
    Ok(found.unwrap_or_default())
}

/// The one result.
fn one(results: &[u8]) -> Result<Found, Trouble> {
    let (found,): (Option<Found>,) = messages::decode(results).map_err(unreadable)?;
    found.ok_or_else(|| Trouble::Failed("the server's answer is empty".to_owned()))
}

fn unreadable(error: impl std::fmt::Display) -> Trouble {
    Trouble::Failed(format!("the server's answer cannot be read: {error}"))
}

impl Core {
    /// Tells the administrators that the plugin is degraded, if they have not been told before.
    pub(crate) fn notify_degraded(&mut self, why: &str) {
        // While another worker takes hooks the plugin does its work, and the log has the rest.
        if self.noticed || !self.workers.is_degraded() {
            return;
        }
        let Some(bundle) = self.workers.bundle().filter(|bundle| bundle.notify_admins) else { return };
        let facts = Facts { plugin: &bundle.id, why, status_command: bundle.status_command.as_deref() };
        self.noticed = true;
        self.notice = Some(Notice::new(&facts));
    }

    /// Begins with the message, if one is to be sent. It is called at the end of every turn.
    pub(crate) fn begin_notice(&mut self, link: &mut HostLink) {
        if self.notice.as_ref().is_some_and(|notice| notice.step == Step::Begin) {
            if let Some(notice) = &mut self.notice {
                notice.step = Step::Bots;
            }
            self.call_for_notice(link);
        }
    }

    fn call_for_notice(&mut self, link: &mut HostLink) {
        let Some((name, arguments)) = self.notice.as_ref().map(Notice::call) else { return };
        if let Err(trouble) = self.call_own(link, name, &arguments, OwnCall::Notice) {
            self.give_notice_up(&trouble);
        }
    }

    /// The host answered a step.
    pub(crate) fn notice_answered(&mut self, link: &mut HostLink, answer: Result<&[u8], Trouble>) {
        let Some(notice) = &mut self.notice else { return };
        match notice.take(answer) {
            Next::Call => self.call_for_notice(link),
            Next::Failed(trouble) => self.give_notice_up(&trouble),
            Next::Done => {
                let Some(Notice { told, missed, trouble, .. }) = self.notice.take() else { return };
                if let Some(trouble) = trouble {
                    self.log_trouble(
                        &format!("{missed} administrators could not be told that the plugin is degraded"),
                        &trouble,
                    );
                }
                let told = told.to_string();
                self.log.push(
                    Level::Info,
                    "the administrators were told that the plugin is degraded",
                    &[("told", &told)],
                );
            }
        }
    }

    fn give_notice_up(&mut self, trouble: &Trouble) {
        self.notice = None;
        // If there is an API later, there may be another try.
        self.noticed = *trouble != Trouble::Gone;
        self.log_trouble("the administrators could not be told that the plugin is degraded", trouble);
    }

    /// Whether a hook that no worker takes may be about this message: the server asks the plugin about its own posts, too.
    pub(crate) fn is_notice_due(&self, method: &Method) -> bool {
        method.name == HOOK && self.notice.as_ref().is_some_and(|notice| notice.step == Step::Post)
    }

    /// Whether it is: `arguments` are those of MessageWillBePosted.
    pub(crate) fn is_notice(&self, arguments: &[u8]) -> bool {
        let Some(notice) = &self.notice else { return false };
        let mut reader = mmp_transcode::msgpack::Reader::new(arguments);
        let (Ok(_), Ok(_), Ok(post)) = (reader.token(), reader.raw(), reader.raw()) else { return false };
        let is = |key: &str, value: &str| text_in_map(post, key).is_ok_and(|found| found.as_deref() == Some(value));
        // Nobody but the plugin posts as its bot. The text does not count: another plugin may have changed it before.
        is("user_id", &notice.bot) && is("channel_id", &notice.channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        let mut notice = Notice::new(&Facts { plugin: "com.Example.a", why: "it ended", status_command: None });
        notice.step = Step::Bots;
        notice
    }

    fn results(value: &Value) -> Vec<u8> {
        messages::encode(value).unwrap()
    }

    #[test]
    fn the_plugins_own_bot_tells_every_administrator() {
        let mut notice = notice();
        assert_eq!(notice.call().1[0]["owner_id"], "com.example.a");
        assert_eq!(notice.take(Ok(&results(&json!([[{"user_id": "bot", "id": "", "delete_at": 0}]])))), Next::Call);
        assert_eq!(notice.call().0, "GetUsers");
        assert_eq!(notice.take(Ok(&results(&json!([[{"id": "one"}, {"id": "two"}]])))), Next::Call);
        for (admin, next) in [("one", Next::Call), ("two", Next::Done)] {
            assert_eq!(notice.call(), ("GetDirectChannel", json!(["bot", admin])));
            assert_eq!(notice.take(Ok(&results(&json!([{"id": format!("with {admin}")}])))), Next::Call);
            let (name, post) = notice.call();
            assert_eq!((name, &post[0]["channel_id"]), ("CreatePost", &json!(format!("with {admin}"))));
            assert_eq!(notice.take(Ok(&results(&json!([{}])))), next);
        }
        assert_eq!((notice.told, notice.missed), (2, 0));
    }

    #[test]
    fn a_bot_is_made_where_there_is_none() {
        for none in [json!([[]]), json!([null])] {
            let mut notice = notice();
            assert_eq!(notice.take(Ok(&results(&none))), Next::Call);
            assert_eq!(notice.call().0, "CreateBot");
            assert_eq!(notice.take(Ok(&results(&json!([{"user_id": "new"}])))), Next::Call);
            assert_eq!((notice.bot.as_str(), notice.call().0), ("new", "GetUsers"));
            assert_eq!(notice.take(Ok(&results(&json!([[]])))), Next::Done);
        }
    }

    #[test]
    fn an_administrator_who_cannot_be_told_does_not_keep_the_others_from_it() {
        let failed = || Trouble::Failed("no".to_owned());
        let mut notice = notice();
        notice.take(Ok(&results(&json!([[{"user_id": "bot"}]]))));
        notice.take(Ok(&results(&json!([[{"id": "one"}, {"id": "two"}, {"id": "three"}]]))));
        assert_eq!(notice.take(Err(failed())), Next::Call);
        notice.take(Ok(&results(&json!([{"id": "channel"}]))));
        assert_eq!(notice.take(Err(failed())), Next::Call);
        assert_eq!(notice.call().1[1], "three");
        assert_eq!(notice.take(Err(Trouble::Gone)), Next::Failed(Trouble::Gone));
        assert_eq!((notice.told, notice.missed, notice.trouble), (0, 2, Some(failed())));
    }

    #[test]
    fn without_an_answer_there_is_no_message() {
        let failed = || Trouble::Failed("no".to_owned());
        assert_eq!(notice().take(Err(failed())), Next::Failed(failed()));
        assert!(matches!(notice().take(Ok(b"\x91\xa1x")), Next::Failed(Trouble::Failed(_))));
    }
}
