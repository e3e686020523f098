//! Lists of posts, configurations and members.

use serde_json::{Value as Json, json};

use crate::peer::Host;
use crate::support::frame::Frame;

#[test]
fn posts_are_matched_by_their_ids() {
    let mut host = Host::start();
    let call = host.call("MessagesWillBeConsumed", "consumed");
    let mut list = call.argument();
    let mut new = Frame::map([("id", Frame::str("new")), ("message", Frame::str("hi"))]);
    *new.at("props") = Frame::map([("n", Frame::Int(1))]);
    let Frame::List(posts) = &mut list else { panic!("no list") };
    let removed = posts.remove(1);
    assert_eq!(posts.len(), 3);
    posts.reverse();
    *posts[2].at("message") = Frame::str("changed");
    posts.insert(1, new);
    let old = &call.value["A"];
    let mut changed = old[0].clone();
    changed["Message"] = json!("changed");
    let new = json!({"Id": "new", "Message": "hi", "Props": {"n": {"$type": "int", "$value": "1"}}});
    let wanted = json!({"A": [old[3], new, old[2], changed]});
    assert_eq!(host.answer(&call, Some(&[list])), wanted);
    assert_ne!(removed, Frame::Nil);
}

#[test]
fn unchanged_posts_are_left_out() {
    let mut host = Host::start();
    let call = host.call("MessagesWillBeConsumed", "consumed");
    for results in [None, Some(vec![call.argument()]), Some(vec![Frame::Nil])] {
        assert_eq!(host.answer(&call, results.as_deref()), json!({}));
    }
}

#[test]
fn an_empty_list_is_nil_to_go() {
    let mut host = Host::start();
    let call = host.call("MessagesWillBeConsumed", "consumed");
    // Gob does not tell them apart, so neither could a Go plugin.
    assert_eq!(host.answer(&call, Some(&[Frame::List(Vec::new())])), json!({}));
}

#[test]
fn a_nil_among_posts_is_refused() {
    let mut host = Host::start();
    let call = host.call("MessagesWillBeConsumed", "consumed");
    let mut list = call.argument();
    *list.item(2) = Frame::Nil;
    let error = host.reply(&call, &Frame::List(vec![list]).bytes()).expect_err("nil");
    assert_eq!(error.to_string(), "[0][2]: must not be nil here");
    assert_eq!(host.answer(&call, None), json!({}), "the stream goes on");
}

#[test]
fn one_changed_setting_leaves_the_others_as_they_were() {
    let mut host = Host::start();
    let call = host.call("ConfigurationWillBeSaved", "config");
    assert_eq!(host.answer(&call, None), json!({}));
    let mut config = call.argument();
    *config.at("ServiceSettings").at("ListenAddress") = Frame::str(":80");
    *config.at("PluginSettings").at("Plugins").at("com.example").at("limit") = Frame::Int(6);
    let mut wanted: Json = call.value["A"].clone();
    wanted["ServiceSettings"]["ListenAddress"] = json!(":80");
    wanted["PluginSettings"]["Plugins"]["com.example"]["limit"]["$value"] = json!("6");
    assert_eq!(host.answer(&call, Some(&[config])), json!({"A": wanted}));
}

#[test]
fn a_changed_entry_of_a_plain_map_is_merged_by_the_host() {
    let mut host = Host::start();
    let call = host.call("ChannelMemberWillBeAdded", "member");
    let mut member = call.argument();
    *member.at("notify_props").at("email") = Frame::str("all");
    let mut wanted = call.value["B"].clone();
    wanted["NotifyProps"]["email"] = json!("all");
    assert_eq!(host.answer(&call, Some(&[member])), json!({"A": wanted}));
}
