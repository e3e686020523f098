//! The direct message to the administrators that the plugin is degraded.

use serde_json::json;

use super::tests;
use crate::bundle::Bundle;
use crate::host::{Entry, Host, LIMIT};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    the_plugins_bot_tells_the_administrators_once,
    a_bot_is_made_and_failures_are_one_line,
    a_plugin_that_rejects_every_post_lets_the_message_pass,
    the_manifest_turns_it_off,
];

fn host(bundle: Bundle) -> Host {
    let mut host = Host::active(bundle);
    host.api.administration.admins = vec!["one".to_owned(), "two".to_owned()];
    host
}

fn the_plugins_bot_tells_the_administrators_once() {
    let mut script = Script::degrading();
    // It lives for one start, and ends at all that follow.
    let dead = script.start[1].clone();
    script.start.push(dead);
    let mut host = host(Bundle::new(&script));
    host.api.administration.bots = vec!["mine".to_owned()];
    host.degrade();
    let posts = host.posts(2);
    let told = host.logged("the administrators were told that the plugin is degraded");
    assert_eq!((told.level.as_str(), told.fields["told"].as_str()), ("info", "2"));
    let channels: Vec<&str> = posts.iter().map(|post| post.channel.as_str()).collect();
    assert_eq!(channels, ["mine with one", "mine with two"]);
    for post in &posts {
        assert_eq!((post.user.as_str(), post.rejected.as_str()), ("mine", ""));
        assert!(
            post.message.contains("com.example.test") && post.message.contains("it exited with code 1"),
            "{}",
            post.message
        );
        assert_eq!(post.message.matches("```").count(), 2, "{}", post.message);
    }
    let asked = &host.api.administration.bots_asked[0];
    assert_eq!((asked.owner_id.to_string(), asked.per_page), ("com.example.test".to_owned(), 1));
    let asked = &host.api.administration.users_asked[0];
    assert_eq!(
        (asked.role.to_string(), asked.active, asked.page, asked.per_page),
        ("system_admin".to_owned(), true, 0, 50)
    );
    // It recovers and is degraded again: that has been told.
    host.reload("the plugin is not degraded any more");
    host.posted("die");
    host.until("the end of another row of tries", LIMIT, |host| {
        let said = |entry: &Entry| entry.message.contains("it has ended too often");
        (host.entries().into_iter().filter(said).count() == 2).then_some(())
    });
    host.ping();
    assert_eq!(host.api.administration.posts.len(), 2);
    assert_eq!(host.api.administration.called.iter().filter(|name| *name == "GetBots").count(), 1);
    host.finish();
}

fn a_bot_is_made_and_failures_are_one_line() {
    let mut host = host(Bundle::new(&Script::degrading()));
    host.api.administration.failing = vec!["GetDirectChannel"];
    host.degrade();
    let line = host.logged("2 administrators could not be told that the plugin is degraded");
    assert_eq!(line.level, "warn");
    assert!(line.message.contains("GetDirectChannel: ") && line.message.contains("not today"), "{line}");
    let bot = &host.api.administration.created_bots[0];
    assert_eq!(bot.username, "com.example.test-supervisor");
    // The server fills in the plugin as the owner.
    assert_eq!(
        (bot.owner_id.to_string(), bot.display_name.to_string()),
        (String::new(), "Supervisor of com.example.test".to_owned())
    );
    let warned = host.entries().iter().filter(|entry| entry.message.contains("could not be told")).count();
    assert_eq!(warned, 1, "{}", host.report());
    host.ping();
    host.finish();
}

/// The server asks the plugin about its own posts as well.
fn a_plugin_that_rejects_every_post_lets_the_message_pass() {
    let bundle = Bundle::new(&Script::degrading());
    bundle.set_server("hooks", json!({"MessageWillBePosted": {"on_failure": "reject"}}));
    let mut host = host(bundle);
    host.degrade();
    for post in host.posts(2) {
        assert_eq!((post.user.as_str(), post.rejected.as_str()), ("created", ""));
        assert!(post.message.contains("does not stay alive"), "{}", post.message);
    }
    let (_, reason) = host.posted("edit it");
    assert!(reason.contains("could not check this"), "{reason}");
    host.finish();
}

fn the_manifest_turns_it_off() {
    let bundle = Bundle::new(&Script::degrading());
    bundle.set_server("notify_admins", false.into());
    let mut host = host(bundle);
    host.degrade();
    host.until("an answer", LIMIT, |host| (host.posted("edit it").0 == "edit it").then_some(()));
    host.ping();
    assert_eq!(host.api.administration.called, Vec::<String>::new());
    host.finish();
}
