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
