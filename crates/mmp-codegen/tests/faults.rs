//! Every way in which the files of a schema can contradict each other is named.

mod support;

use support::Checkout;

/// Replaces a piece of a file of the older fixture and compares the message.
fn refused(file: &str, from: &str, to: &str, message: &str) {
    let checkout = Checkout::new("older");
    checkout.edit(&format!("schema/{file}"), from, to);
    let fault = checkout.fault();
    assert!(fault.contains(message), "{fault}");
}

#[test]
fn of_types() {
    let json = "mattermost.json";
    refused(json, r#""type": "[]*Post""#, r#""type": "[]*Pots""#, "types.Post.Replies: type `Pots` is not defined");
    refused(json, r#""type": "[]*Post""#, r#""type": "[]*""#, "type expression `[]*`: a name expected");
    refused(
        json,
        r#""Audited": {"kind": "struct", "package": "model", "fields": ["#,
        r#""Audited": {"kind": "named", "package": "model", "type": "int", "constants": []}, "Old": {"kind": "struct", "package": "model", "fields": ["#,
        "types.User.Audited is embedded, but `Audited` is not a struct",
    );
    refused(
        json,
        r#""type": "map[string]any", "constants""#,
        r#""type": "[]StringInterface", "constants""#,
        "types.StringInterface contains itself",
    );
    refused(
        json,
        r#""name": "Where", "json": "-""#,
        r#""name": "Message", "json": "-""#,
        "types.AppError.Message is there twice",
    );
    refused(
        json,
        r#""json": "delete_at""#,
        r#""json": "password""#,
        "types.User: Password and DeleteAt have the same key `password`",
    );
    refused(json, r#""format": 1"#, r#""format": 2"#, "format 2 is unknown");
    refused(json, r#""kind": "named""#, r#""kind": "renamed""#, "unknown variant `renamed`");
}

#[test]
fn of_methods() {
    let json = "mattermost.json";
    refused(
        json,
        r#""args": "GetUserArgs""#,
        r#""args": "GotUserArgs""#,
        "api.GetUser: type `GotUserArgs` is not defined",
    );
    refused(
        json,
        r#""KVGetArgs": {"fields": [{"name": "A", "type": "string"}]}"#,
        r#""KVGetArgs": {"fields": [{"name": "A", "type": "int"}]}"#,
        "api.KVGet: no field of the RPC argument carries the parameter `key`",
    );
    refused(
        json,
        r#""KVGetArgs": {"fields": [{"name": "A", "type": "string"}]}"#,
        r#""KVGetArgs": {"fields": [{"name": "A", "type": "string"}, {"name": "B", "type": "string"}]}"#,
        "api.KVGet: the RPC field `B` carries no parameter or result",
    );
    refused(
        json,
        r#""KVGetReturns": {"fields": [{"name": "A", "type": "bytes"}"#,
        r#""KVGetReturns": {"fields": [{"name": "A", "type": "int"}"#,
        "api.KVGet: no field of the RPC reply carries result 0",
    );
    refused(
        json,
        r#""name": "ServeHTTP", "id": 2"#,
        r#""name": "ServeHTTP", "id": 5"#,
        "hooks.MessageWillBePosted: id 5 is there twice",
    );
    refused(json, r#""name": "ServeHTTP", "id": 2"#, r#""name": "ServeHTTP""#, "hooks.ServeHTTP has no id");
    refused(json, r#""name": "KVGet""#, r#""name": "GetUser""#, "api.GetUser is there twice");
}

#[test]
fn of_overrides() {
    let toml = "overrides.toml";
    refused(toml, "[error_types]", "[errortypes]", "nobody reads the section [errortypes]");
    refused(toml, "MessageWillBePosted", "MessageWillBeEaten", "[echo]: `MessageWillBeEaten` is not in the schema");
    refused(toml, "argument = 1", "argument = 2", "hooks.MessageWillBePosted: the echoed argument does not exist");
    refused(toml, "argument = 1", "argument = 0", "the echoed argument has another type than the result");
    refused(toml, "UploadData.us", "UploadData.them", "[nil_ok.api]: `UploadData.them` is not in the schema");
    refused(
        toml,
        "Post.Props.attachments",
        "Post.Prop.attachments",
        "[any_keys]: `Post.Prop.attachments` is not in the schema",
    );
    refused(toml, "\"map[string]interface {}\"", "\"*model.Other\"", "[any_keys]: `*model.Other` is not in the schema");
    refused(toml, "\"ServiceSettings\"", "\"ServiceSetting\"", "[go_names]: `ServiceSetting` is not in the schema");
    refused(
        toml,
        "RowsNext = { dest = \"B\" }",
        "RowsNext = { dest = \"C\" }",
        "driver.RowsNext: out_params: the RPC reply has no field `C`",
    );
    refused(toml, "mode = \"prefilled\"", "mode = \"refilled\"", "unknown variant `refilled`");
}

#[test]
fn of_how_hooks_are_handled() {
    let toml = "overrides.toml";
    let posted = "[reject]\nMessageWillBePosted = 1";
    let rejects = |entries: &str, message: &str| refused(toml, posted, &format!("[reject]\n{entries}"), message);
    rejects("MessageWillBePosted = 1\nMessageWillBeEaten = 1", "[reject]: `MessageWillBeEaten` is not in the schema");
    rejects(
        "",
        "hooks.MessageWillBePosted: it has a text among its results, and [reject] in overrides.toml does not say what for",
    );
    rejects("MessageWillBePosted = 0", "hooks.MessageWillBePosted: [reject]: result 0 is no text");
    rejects("MessageWillBePosted = 2", "hooks.MessageWillBePosted: [reject]: result 2 is no text");
    rejects("MessageWillBePosted = \"error\"", "hooks.MessageWillBePosted: [reject]: it has no error");
    rejects("MessageWillBePosted = \"sometimes\"", "overrides.toml");
    let kinds = |from: &str, to: &str, message: &str| refused(toml, from, to, message);
    kinds("OnActivate\"] }", "OnActive\"] }", "[deadlines]: `OnActive` is not in the schema");
    kinds("seconds = 6 }", "seconds = 6, hooks = [\"OnActivate\"] }", "[deadlines]: `OnActivate` is there twice");
    kinds(
        "seconds = 6 }",
        "seconds = 6, hooks = [\"ServeHTTP\"] }",
        "hooks.ServeHTTP: [deadlines]: it is of the kind http, not long",
    );
    kinds(
        "seconds = 3 }",
        "seconds = 3, hooks = [\"ServeHTTP\"] }",
        "result follows from a hook's shape and has no list",
    );
    kinds("result = { seconds = 3 }", "", "[deadlines]: result needs `seconds`");
    kinds("activation = { ", "activation = { seconds = 1, ", "[deadlines]: activation has no `seconds` of its own");
    kinds("activation", "activating", "unknown variant `activating`");
}

#[test]
fn of_types_in_interfaces() {
    let refused = |path: &str, by: &str, name: &str, message: &str| {
        let checkout = Checkout::new("older");
        let data = r#"{"name": "Data", "json": "data", "type": "any"}, {"name": "Replies""#;
        checkout.edit("schema/mattermost.json", r#"{"name": "Replies""#, data);
        let rule = format!("[any_types]\n\"{path}\" = {{ by = \"{by}\", types = {{ x = \"{name}\" }} }}\n\n[echo]");
        checkout.edit("schema/overrides.toml", "[echo]", &rule);
        let fault = checkout.fault();
        assert!(fault.contains(message), "{fault}");
    };
    let known = "*model.AppError";
    refused("Post.Props", "Id", known, "[any_types]: `Post.Props` is no field of type `any`");
    refused("Post.Nothing", "Id", known, "[any_types]: `Post.Nothing` is no field of type `any`");
    refused("Post.Data", "Props", known, "[any_types]: `Post.Data`: `Props` is no field with a text");
    refused("Post.Data", "Id", "*model.Other", "[any_types]: `*model.Other` is not in the schema");
}

#[test]
fn of_hook_ids_that_change_their_meaning() {
    let checkout = Checkout::new("older");
    checkout.write();
    checkout.edit("schema/mattermost.json", r#""name": "ServeHTTP", "id": 2"#, r#""name": "ServeHTTP", "id": 3"#);
    assert_eq!(checkout.fault(), "hooks.ServeHTTP: id 3, but lock.toml says 2");
    checkout.use_fixture("older");
    checkout.edit("schema/mattermost.json", r#""name": "ServeHTTP", "id": 2"#, r#""name": "ServeSMTP", "id": 2"#);
    assert_eq!(checkout.fault(), "hooks.ServeSMTP: id 2 belongs to ServeHTTP in lock.toml");
}

#[test]
fn all_faults_are_listed_at_once() {
    let checkout = Checkout::new("older");
    checkout.edit("schema/mattermost.json", r#""type": "[]*Post""#, r#""type": "[]*Pots""#);
    checkout.edit("schema/mattermost.json", r#""type": "*Config""#, r#""type": "*Conf""#);
    assert!(checkout.fault().starts_with("2 faults in the schema:\n  "), "{}", checkout.fault());
}
