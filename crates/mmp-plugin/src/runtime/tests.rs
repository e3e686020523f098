//! A plugin and a host in one process, with a socket between them.

mod host;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use host::Host;

use crate::model::rpc;
use crate::model::{Context, Post};
use crate::runtime::core::End;
use crate::{Api, Decision, HookError, Hooks, Start};

/// More lines of the log than wait for the server.
const FLOOD: usize = 10_000;

/// Does what the message of a post says.
struct Plugin {
    api: Api,
    /// What a handler that blocks waits for.
    released: Mutex<Receiver<()>>,
}

#[mmp_plugin_macros::hooks]
impl Hooks for Plugin {
    async fn on_activate(&self) -> Result<(), HookError> {
        let version = self.api.get_server_version().await?;
        if version == "old" { Err(HookError::new("the server is too old")) } else { Ok(()) }
    }

    // It is compiled out, so it must not be listed either.
    #[cfg(any())]
    async fn on_deactivate(&self) -> Result<(), HookError> {
        Ok(())
    }

    async fn message_will_be_posted(&self, _context: &Context, post: &Post) -> Decision<Post> {
        match post.message.as_str() {
            "block" => {
                self.released.lock().unwrap().recv().unwrap();
                Decision::reject("released")
            }
            "panic" => panic!("as the post says"),
            "flood" => {
                (0..FLOOD).for_each(|number| self.api.log_info(format!("line {number}"), &[]));
                panic!("behind a flood")
            }
            "call" => Decision::reject(self.api.get_server_version().await.unwrap()),
            "change" => Decision::change(Post { message: "changed".into(), ..post.clone() }),
            _ => Decision::accept(),
        }
    }

    async fn message_will_be_updated(&self, _context: &Context, new_post: &Post, _old: &Post) -> Decision<Post> {
        assert_ne!(new_post.message, "panic");
        Decision::accept()
    }
}

fn plugin() -> (Host, Sender<()>) {
    let (sender, released) = channel();
    let host = Host::with(|start: Start| Plugin { api: start.api, released: Mutex::new(released) });
    (host, sender)
}

fn posted(message: &str) -> rpc::MessageWillBePostedArgs {
    let post = Post { id: "p".into(), message: message.into(), hashtags: "#a".into(), ..Post::default() };
    rpc::MessageWillBePostedArgs { a: Some(Box::default()), b: Some(Box::new(post)) }
}

#[test]
fn the_server_is_told_which_hooks_there_are() {
    let (mut host, _) = plugin();
    let names: Vec<mmp_gob::GoString> = host.call("Implemented", &host::Nothing {}).unwrap();
    assert_eq!(names, ["OnActivate", "MessageWillBePosted", "MessageWillBeUpdated"]);
    let missing = host.call::<_, rpc::OnInstallReturns>("OnInstall", &rpc::OnInstallArgs::default());
    assert_eq!(missing.unwrap_err(), "Hook OnInstall called but not implemented.");
}

#[test]
fn the_plugin_is_activated_and_says_why_not() {
    let (mut host, _) = plugin();
    host.activate("11.6.0");
    let (mut host, _) = plugin();
    let error = host.try_activate("old").a;
    assert_eq!(crate::Error::from_any(&error).unwrap().to_string(), "the server is too old");
}

#[test]
fn only_what_was_changed_is_sent() {
    let (mut host, _) = plugin();
    host.activate("11.6.0");
    let reply: rpc::MessageWillBePostedReturns = host.call("MessageWillBePosted", &posted("change")).unwrap();
    assert_eq!(*reply.a.unwrap(), Post { message: "changed".into(), ..Post::default() });
    let reply: rpc::MessageWillBePostedReturns = host.call("MessageWillBePosted", &posted("pass")).unwrap();
    assert_eq!(reply, rpc::MessageWillBePostedReturns::default());
}

#[test]
fn an_edit_without_an_opinion_is_repeated() {
    let (mut host, _) = plugin();
    host.activate("11.6.0");
    for message in ["edited", "panic"] {
        let post = posted(message).b;
        let args = rpc::MessageWillBeUpdatedArgs { a: None, b: post.clone(), c: None };
        let reply: rpc::MessageWillBeUpdatedReturns = host.call("MessageWillBeUpdated", &args).unwrap();
        assert_eq!(reply.a, post);
    }
}

#[test]
fn a_handler_may_call_the_api_and_may_panic() {
    let (mut host, _) = plugin();
    host.activate("11.6.0");
    let reply: rpc::MessageWillBePostedReturns = host.call("MessageWillBePosted", &posted("panic")).unwrap();
    assert_eq!(reply, rpc::MessageWillBePostedReturns::default());
    let reply: rpc::MessageWillBePostedReturns = host.call("MessageWillBePosted", &posted("call")).unwrap();
    assert_eq!(reply.b, "11.6.0");
    assert!(host.log().iter().any(|line| line == "the handler of MessageWillBePosted panicked: as the post says"));
}

#[test]
fn what_the_sdk_says_survives_a_flood() {
    let (mut host, _) = plugin();
    host.activate("11.6.0");
    let reply: rpc::MessageWillBePostedReturns = host.call("MessageWillBePosted", &posted("flood")).unwrap();
    assert_eq!(reply, rpc::MessageWillBePostedReturns::default());
    let told = "the handler of MessageWillBePosted panicked: behind a flood";
    let started = Instant::now();
    while !host.log().iter().any(|line| line == told) {
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", host.log().last());
        host.ping();
    }
    let passed = host.log().iter().filter(|line| line.starts_with("line ")).count();
    assert!(passed < FLOOD, "the flood was one that the queue does not hold");
}

#[test]
fn handlers_that_block_hold_up_neither_pings_nor_others() {
    let (mut host, release) = plugin();
    host.activate("11.6.0");
    // The first one blocks the leader; the others find the hook to be slow.
    let blocked: Vec<u64> = (0..3).map(|_| host.begin("MessageWillBePosted", &posted("block"))).collect();
    host.ping();
    let reply: rpc::MessageWillBePostedReturns = host.call("MessageWillBePosted", &posted("change")).unwrap();
    assert!(reply.a.is_some());
    host.ping();
    blocked.iter().for_each(|_| release.send(()).unwrap());
    for _ in blocked {
        let reply: rpc::MessageWillBePostedReturns = host.next_reply().unwrap();
        assert_eq!(reply.b, "released");
    }
}

#[test]
fn the_plugin_ends_when_it_is_asked_to_and_when_the_host_is_gone() {
    let (mut host, _) = plugin();
    host.activate("11.6.0");
    host.quit();
    assert_eq!(host.end(), End::Quit);
    let (host, _) = plugin();
    assert_eq!(host.end(), End::HostGone);
}
