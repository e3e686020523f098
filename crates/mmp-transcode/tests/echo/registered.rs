//! Values that the server expects under a registered Go type, in API calls.

use serde_json::json;

use crate::peer::Host;
use crate::support::frame::Frame;

#[test]
fn arguments_of_autocompletion_have_the_types_that_the_server_asserts() {
    let mut host = Host::start();
    let argument = |kind: &str, data: Frame| Frame::map([("type", Frame::str(kind)), ("data", data)]);
    let item = Frame::map([("item", Frame::str("a")), ("hint", Frame::str("b"))]);
    let arguments = Frame::List(vec![
        argument("TextInput", Frame::map([("hint", Frame::str("h")), ("pattern", Frame::str(".*"))])),
        argument("StaticList", Frame::map([("possible_arguments", Frame::List(vec![item]))])),
        argument("DynamicList", Frame::map([("fetch_url", Frame::str("/list"))])),
        argument("Other", Frame::map([("x", Frame::Int(1))])),
    ]);
    let data = Frame::map([("trigger", Frame::str("go")), ("arguments", arguments)]);
    let command = Frame::map([("trigger", Frame::str("go")), ("autocomplete_data", data)]);
    let found = host.called("RegisterCommand", "register-command", &[command]);
    let data: Vec<_> = found["A"]["AutocompleteData"]["Arguments"]
        .as_array()
        .expect("arguments")
        .iter()
        .map(|argument| argument["Data"].clone())
        .collect();
    assert_eq!(data[0], json!({"$type": "*mattermost.AutocompleteTextArg", "$value": {"Hint": "h", "Pattern": ".*"}}));
    let items = json!([{"Item": "a", "Hint": "b"}]);
    assert_eq!(
        data[1],
        json!({"$type": "*mattermost.AutocompleteStaticListArg", "$value": {"PossibleArguments": items}})
    );
    assert_eq!(data[2], json!({"$type": "*mattermost.AutocompleteDynamicListArg", "$value": {"FetchURL": "/list"}}));
    let one = json!({"$type": "int", "$value": "1"});
    assert_eq!(data[3], json!({"$type": "map[string]interface {}", "$value": {"x": one}}));
}

/// The `Data` of one argument, given with its keys in this order.
fn data_of(host: &mut Host, entries: Vec<(&str, Frame)>) -> serde_json::Value {
    let argument = Frame::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
    let data = Frame::map([("arguments", Frame::List(vec![argument]))]);
    let found = host.called("RegisterCommand", "register-command", &[Frame::map([("autocomplete_data", data)])]);
    found["A"]["AutocompleteData"]["Arguments"][0]["Data"].clone()
}

#[test]
fn the_type_of_an_argument_decides_and_not_what_its_data_look_like() {
    let mut host = Host::start();
    let nothing = || Frame::Map(Vec::new());
    let text = data_of(&mut host, vec![("type", Frame::str("TextInput")), ("data", nothing())]);
    assert_eq!(text, json!({"$type": "*mattermost.AutocompleteTextArg", "$value": {}}));
    let list = data_of(&mut host, vec![("data", nothing()), ("type", Frame::str("StaticList"))]);
    assert_eq!(list, json!({"$type": "*mattermost.AutocompleteStaticListArg", "$value": {}}));
    let hint = Frame::map([("hint", Frame::str("h"))]);
    let untyped = data_of(&mut host, vec![("data", hint)]);
    let value = json!({"$type": "string", "$value": "h"});
    assert_eq!(untyped, json!({"$type": "map[string]interface {}", "$value": {"hint": value}}));
    let plain = data_of(&mut host, vec![("type", Frame::str("TextInput")), ("data", Frame::str("h"))]);
    assert_eq!(plain, json!({"$type": "string", "$value": "h"}));
}

#[test]
fn options_of_a_property_field_are_options_or_plain_maps() {
    let mut host = Host::start();
    let mut options = |option: Frame| {
        let attrs = Frame::map([("options", Frame::List(vec![option]))]);
        let field = Frame::map([("attrs", attrs)]);
        host.called("CreatePropertyField", "create-property-field", &[field])["A"]["Attrs"]["options"].clone()
    };
    let entries = || Frame::map([("id", Frame::str("i")), ("name", Frame::str("n"))]);
    let typed = options(Frame::map([("data", entries())]));
    assert_eq!(
        typed,
        json!({"$type": "[]*mattermost.PluginPropertyOption", "$value": [{"Data": {"id": "i", "name": "n"}}]})
    );
    assert_eq!(options(entries())["$type"], "[]interface {}");
}

#[test]
fn attachments_of_a_created_post_are_attachments() {
    let mut host = Host::start();
    let attachment = Frame::map([("title", Frame::str("t"))]);
    let props =
        Frame::map([("attachments", Frame::List(vec![attachment.clone()])), ("other", Frame::List(vec![attachment]))]);
    let found = host.called("CreatePost", "create-post", &[Frame::map([("props", props)])]);
    let title = json!({"$type": "string", "$value": "t"});
    assert_eq!(
        found["A"]["Props"],
        json!({
            "attachments": {"$type": "[]*mattermost.MessageAttachment", "$value": [{"Title": "t"}]},
            "other": {"$type": "[]interface {}", "$value": [{"$type": "map[string]interface {}", "$value": {"title": title}}]},
        })
    );
}
