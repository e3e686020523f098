//! Calls of the plugin's methods, and their results.

use std::time::Duration;

use mmp_gob::{Any, GoString, Gob, Ptr};
use mmp_goplugin::netrpc::ConnError;
use mmp_model::{CommandArgs, Context, Post, rpc};

use super::{Host, LIMIT};

/// A hook's call; the result is fetched by [`Host::wait`].
#[derive(Debug)]
pub(crate) struct Call<R> {
    token: u64,
    result: std::marker::PhantomData<R>,
}

impl<R> Call<R> {
    /// The call with this token.
    pub(super) fn of(token: u64) -> Self {
        Call { token, result: std::marker::PhantomData }
    }

    pub(super) fn token(&self) -> u64 {
        self.token
    }
}

impl Host {
    /// Calls a method of the plugin; the reply is decoded into `reply`, as net/rpc does.
    pub(crate) fn call<A: Gob, R: Gob + Clone + Send>(&mut self, name: &str, arguments: &A, reply: R) -> Call<R> {
        let token = self.api.expect(reply);
        let conn = self.api.hooks.expect("the hooks are dispensed");
        let encoder = &mut self.api.hooks_encoder;
        let called = self.session.link().call(conn, &format!("Plugin.{name}"), token, |out| {
            encoder.encode(arguments, out).unwrap();
            Ok::<(), ConnError>(())
        });
        if let Err(error) = called {
            self.api.fail(token, error.to_string());
        }
        Call { token, result: std::marker::PhantomData }
    }

    /// The result of a call.
    #[track_caller]
    pub(crate) fn wait<R: 'static>(&mut self, call: Call<R>) -> Result<R, String> {
        self.wait_within(call, LIMIT)
    }

    /// The result of a call, which must not take longer.
    #[track_caller]
    pub(crate) fn wait_within<R: 'static>(&mut self, call: Call<R>, limit: Duration) -> Result<R, String> {
        self.until("the result of a hook", limit, |host| host.api.take(call.token))
    }

    /// Whether the result of a call is there.
    pub(crate) fn is_done<R>(&self, call: &Call<R>) -> bool {
        self.api.is_done(call.token)
    }

    /// Asks which hooks the plugin implements.
    #[track_caller]
    pub(crate) fn implemented(&mut self) -> Result<Vec<String>, String> {
        let call = self.call("Implemented", &Empty::default(), Vec::<GoString>::new());
        let names = self.wait(call)?;
        Ok(names.iter().map(GoString::to_string).collect())
    }

    /// Calls OnActivate with the numbers of the API and the database.
    pub(crate) fn ask_to_activate(&mut self) -> Call<rpc::OnActivateReturns> {
        let (api, driver) = self.api.offer(self.session.link());
        let arguments = rpc::OnActivateArgs { api_mux_id: api, driver_mux_id: driver };
        self.call("OnActivate", &arguments, rpc::OnActivateReturns::default())
    }

    /// Activates the plugin; the error is what OnActivate returned, or that of the call.
    #[track_caller]
    pub(crate) fn activate(&mut self) -> Result<(), String> {
        let call = self.ask_to_activate();
        let returned = self.wait(call)?;
        if returned.a.is_nil() { Ok(()) } else { Err(format!("{:?}: {:?}", returned.a.name(), returned.a.value())) }
    }

    /// Calls MessageWillBePosted, which is decoded into the post that was sent, as Mattermost does.
    pub(crate) fn post(&mut self, message: &str) -> Call<rpc::MessageWillBePostedReturns> {
        let post = post(message);
        let arguments = rpc::MessageWillBePostedArgs { a: context(), b: post.clone() };
        self.call("MessageWillBePosted", &arguments, rpc::MessageWillBePostedReturns { a: post, ..Default::default() })
    }

    /// Calls MessageWillBePosted and waits. The post's message, and the reason of a rejection.
    #[track_caller]
    pub(crate) fn posted(&mut self, message: &str) -> (String, String) {
        let call = self.post(message);
        let returned = self.wait(call).unwrap();
        (message_of(&returned.a), returned.b.to_string())
    }

    /// The same for a post with something in its props.
    #[track_caller]
    pub(crate) fn posted_with(&mut self, prop: Any) -> (String, String) {
        let mut post = post("ok");
        if let Some(post) = &mut post {
            post.props = Some([("prop".into(), prop)].into());
        }
        let arguments = rpc::MessageWillBePostedArgs { a: context(), b: post.clone() };
        let reply = rpc::MessageWillBePostedReturns { a: post, ..Default::default() };
        let call = self.call("MessageWillBePosted", &arguments, reply);
        let returned = self.wait(call).unwrap();
        (message_of(&returned.a), returned.b.to_string())
    }

    /// Calls MessageHasBeenPosted.
    pub(crate) fn notify(&mut self, message: &str) -> Call<rpc::MessageHasBeenPostedReturns> {
        let arguments = rpc::MessageHasBeenPostedArgs { a: context(), b: post(message) };
        self.call("MessageHasBeenPosted", &arguments, rpc::MessageHasBeenPostedReturns::default())
    }

    /// Calls MessageWillBeUpdated.
    pub(crate) fn update(&mut self, message: &str) -> Call<rpc::MessageWillBeUpdatedReturns> {
        let arguments = rpc::MessageWillBeUpdatedArgs { a: context(), b: post(message), c: post("before") };
        self.call("MessageWillBeUpdated", &arguments, rpc::MessageWillBeUpdatedReturns::default())
    }

    /// Calls ExecuteCommand.
    pub(crate) fn command(&mut self, command: &str) -> Call<rpc::ExecuteCommandReturns> {
        self.command_of("", command)
    }

    /// Calls ExecuteCommand for a user.
    pub(crate) fn command_of(&mut self, user: &str, command: &str) -> Call<rpc::ExecuteCommandReturns> {
        let command = CommandArgs { user_id: user.into(), command: command.into(), ..CommandArgs::default() };
        let arguments = rpc::ExecuteCommandArgs { a: context(), b: Some(Box::new(command)) };
        let reply = rpc::ExecuteCommandReturns::default();
        self.call("ExecuteCommand", &arguments, reply)
    }

    /// Asks whether the plugin is alive, and waits.
    #[track_caller]
    pub(crate) fn ping(&mut self) {
        self.api.pong = None;
        self.session.ping().unwrap();
        let pong = self.until("a pong", LIMIT, |host| host.api.pong.take());
        assert_eq!(pong, Ok(()));
    }
}

mmp_gob::gob_struct! {
    /// Go's `struct{}`.
    pub struct Empty ("") {
    }
}

pub(super) fn context() -> Ptr<Context> {
    Some(Box::new(Context { request_id: "request".into(), ..Context::default() }))
}

fn post(message: &str) -> Ptr<Post> {
    let post = Post { id: "post".into(), message: message.into(), create_at: 1, ..Post::default() };
    Some(Box::new(post))
}

/// The message of a post; a word in its place if there is none.
pub(crate) fn message_of(post: &Ptr<Post>) -> String {
    post.as_ref().map_or("(nil)".to_owned(), |post| post.message.to_string())
}
