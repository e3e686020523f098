//! Users, bots and commands of the host, as far as the bridge asks for them by itself.

use mmp_gob::{Error, Gob, Ptr};
use mmp_goplugin::endpoint::Link;
use mmp_goplugin::netrpc::Body;
use mmp_model::{AppError, Bot, BotGetOptions, Channel, Command, User, UserGetOptions, rpc};

use super::{Api, Host, LIMIT, message_of};

/// A post that the plugin created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) user: String,
    pub(crate) channel: String,
    pub(crate) message: String,
    /// Why the plugin has rejected it.
    pub(crate) rejected: String,
}

/// What the host has, and what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Administration {
    /// The ids of the plugin's bots.
    pub(crate) bots: Vec<String>,
    /// The ids of the administrators.
    pub(crate) admins: Vec<String>,
    /// The methods that fail.
    pub(crate) failing: Vec<&'static str>,
    /// The names of the methods that were called, in order.
    pub(crate) called: Vec<String>,
    pub(crate) bots_asked: Vec<BotGetOptions>,
    pub(crate) users_asked: Vec<UserGetOptions>,
    pub(crate) created_bots: Vec<Bot>,
    pub(crate) commands: Vec<Command>,
    pub(crate) posts: Vec<Posted>,
}

impl Administration {
    /// The plugin was asked about a post that it created.
    pub(super) fn posted(&mut self, answer: &rpc::MessageWillBePostedReturns) {
        if let Some(post) = &answer.a {
            self.posts.push(Posted {
                user: post.user_id.to_string(),
                channel: post.channel_id.to_string(),
                message: message_of(&answer.a),
                rejected: answer.b.to_string(),
            });
        }
    }

    fn error(&self, name: &str) -> Ptr<AppError> {
        let error =
            AppError { id: "test".into(), message: "not today".into(), status_code: 500, ..AppError::default() };
        self.failing.contains(&name).then(|| Box::new(error))
    }
}

impl Api {
    /// Serves a call. None: the method is not known here.
    pub(super) fn administer(
        &mut self,
        link: &mut Link,
        seq: u64,
        name: &str,
        body: Body<'_, '_>,
    ) -> Option<Result<(), Error>> {
        let known = ["GetBots", "CreateBot", "GetUsers", "GetDirectChannel", "RegisterCommand", "HasPermissionTo"];
        known.contains(&name).then(|| {
            let served = self.serve_administration(link, seq, name, body);
            if served.is_ok() {
                self.administration.called.push(name.to_owned());
            }
            served
        })
    }

    fn serve_administration(&mut self, link: &mut Link, seq: u64, name: &str, body: Body<'_, '_>) -> Result<(), Error> {
        let b = self.administration.error(name);
        match name {
            "GetBots" => {
                let arguments: rpc::GetBotsArgs = self.decoded(body)?;
                self.administration.bots_asked.push(*arguments.a.unwrap());
                let a = self.administration.bots.iter().map(|id| bot(id)).collect();
                self.reply(link, seq, name, &rpc::GetBotsReturns { a, b });
            }
            "CreateBot" => {
                let arguments: rpc::CreateBotArgs = self.decoded(body)?;
                self.administration.created_bots.push(*arguments.a.unwrap());
                self.reply(link, seq, name, &rpc::CreateBotReturns { a: bot("created"), b });
            }
            "GetUsers" => {
                let arguments: rpc::GetUsersArgs = self.decoded(body)?;
                self.administration.users_asked.push(*arguments.a.unwrap());
                let user = |id: &String| Some(Box::new(User { id: id.as_str().into(), ..User::default() }));
                let a = self.administration.admins.iter().map(user).collect();
                self.reply(link, seq, name, &rpc::GetUsersReturns { a, b });
            }
            "GetDirectChannel" => {
                let arguments: rpc::GetDirectChannelArgs = self.decoded(body)?;
                let id = format!("{} with {}", arguments.a, arguments.b);
                let channel = Channel { id: id.as_str().into(), ..Channel::default() };
                self.reply(link, seq, name, &rpc::GetDirectChannelReturns { a: Some(Box::new(channel)), b });
            }
            "RegisterCommand" => {
                let arguments: rpc::RegisterCommandArgs = self.decoded(body)?;
                self.administration.commands.push(*arguments.a.unwrap());
                self.reply(link, seq, name, &rpc::RegisterCommandReturns::default());
            }
            _ => {
                let arguments: rpc::HasPermissionToArgs = self.decoded(body)?;
                assert_eq!(arguments.b.unwrap().id, "manage_system");
                let a = self.administration.admins.contains(&arguments.a.to_string());
                self.reply(link, seq, name, &rpc::HasPermissionToReturns { a });
            }
        }
        Ok(())
    }

    fn decoded<A: Gob + Default>(&mut self, body: Body<'_, '_>) -> Result<A, Error> {
        let Body { type_id, cursor, types } = body;
        let mut arguments = A::default();
        self.api_plans.decode(cursor, types, type_id, &mut arguments).map(|()| arguments)
    }
}

fn bot(id: &str) -> Ptr<Bot> {
    Some(Box::new(Bot { user_id: id.into(), username: "bot".into(), ..Bot::default() }))
}

impl Host {
    /// Waits until the worker has ended so often that it is given up.
    #[track_caller]
    pub(crate) fn degrade(&mut self) {
        crate::processes::kill(self.worker());
        self.logged("it has ended too often, so the plugin is degraded");
    }

    /// Tells the bridge to load the plugin anew, and waits until its worker takes hooks.
    #[track_caller]
    pub(crate) fn reload(&mut self, line: &str) {
        crate::processes::signal(self.pid(), libc::SIGHUP);
        self.logged(line);
    }

    /// Waits until so many posts of the plugin were created.
    #[track_caller]
    pub(crate) fn posts(&mut self, count: usize) -> Vec<Posted> {
        self.until(&format!("{count} posts"), LIMIT, |host| {
            let posts = &host.api.administration.posts;
            (posts.len() >= count).then(|| posts.clone())
        })
    }
}
