//! Servers of other versions: their types have more fields, or fewer, or have them in another order.

use serde_json::json;

use crate::peer::Host;
use crate::support::frame::Frame;

const UPDATED: &str = "MessageWillBeUpdated";

#[test]
fn fields_that_the_schema_does_not_know_are_repeated() {
    let mut host = Host::start();
    let call = host.call(UPDATED, "newer");
    let mut argument = call.argument();
    let known = ["id", "create_at", "user_id", "channel_id", "message", "props", "metadata"];
    let Frame::Map(entries) = &argument else { panic!("no map") };
    assert_eq!(entries.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), known);
    assert_eq!(host.answer(&call, None), json!({"A": call.value["B"]}));
    *argument.at("message") = Frame::str("changed");
    *argument.at("props").at("m") = Frame::Int(2);
    *argument.at("metadata").at("embeds").item(0).at("url") = Frame::str("https://c");
    // A key that this host's post does not have is dropped.
    *argument.at("hashtags") = Frame::str("#new");
    let mut wanted = call.value["B"].clone();
    wanted["Message"] = json!("changed");
    wanted["Props"]["m"] = json!({"$type": "int", "$value": "2"});
    wanted["Metadata"]["Embeds"][0]["URL"] = json!("https://c");
    assert_eq!(host.answer(&call, Some(&[argument])), json!({"A": wanted}));
}

#[test]
fn an_item_that_moved_takes_no_unknown_fields_from_another() {
    let mut host = Host::start();
    let call = host.call(UPDATED, "newer");
    let mut argument = call.argument();
    let embed = Frame::map([("type", Frame::str("image")), ("url", Frame::str("https://new"))]);
    argument.at("metadata").at("embeds").items().insert(0, embed);
    let mut wanted = call.value["B"].clone();
    let embeds = wanted["Metadata"]["Embeds"].as_array_mut().expect("embeds");
    embeds.insert(0, json!({"Type": "image", "URL": "https://new"}));
    assert_eq!(host.answer(&call, Some(&[argument])), json!({"A": wanted}));
}

#[test]
fn a_host_with_fewer_fields_gets_those_that_it_has() {
    let mut host = Host::start();
    let call = host.call(UPDATED, "older");
    assert_eq!(host.answer(&call, None), json!({"A": call.value["B"]}));
    let mut argument = call.argument();
    *argument.at("message") = Frame::str("changed");
    *argument.at("metadata") = Frame::map([("priority", Frame::Nil)]);
    let mut wanted = call.value["B"].clone();
    wanted["Message"] = json!("changed");
    assert_eq!(host.answer(&call, Some(&[argument])), json!({"A": wanted}));
}
