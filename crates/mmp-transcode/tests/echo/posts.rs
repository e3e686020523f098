//! One post: unchanged, changed in its message, changed in its props.

use mmp_gob::{Limits, StreamReader, Value};
use serde_json::json;

use crate::peer::Host;
use crate::support::frame::Frame;
use crate::support::gob::next_value;

const POSTED: &str = "MessageWillBePosted";
const UPDATED: &str = "MessageWillBeUpdated";

#[test]
fn an_unchanged_post_is_left_out_where_the_host_has_it() {
    let mut host = Host::start();
    for scenario in ["plain", "rich", "bytes"] {
        host.reconnect();
        let call = host.call(POSTED, scenario);
        let mut reader = StreamReader::new(Limits::default());
        for results in [None, Some(vec![call.argument()]), Some(vec![Frame::Nil, Frame::str("")])] {
            let payload = results.map(|results| Frame::List(results).bytes()).unwrap_or_default();
            let reply = host.reply(&call, &payload).expect("a reply");
            let Value::Struct(found) = next_value(&mut reader, &reply) else { panic!("no struct") };
            assert!(found.fields.is_empty(), "{found:?}");
            assert_eq!(host.decode(scenario, &reply), json!({"A": call.value["B"]}));
        }
    }
}

#[test]
fn a_rejection_keeps_its_text() {
    let mut host = Host::start();
    let call = host.call(POSTED, "plain");
    let answer = host.answer(&call, Some(&[Frame::Nil, Frame::str("not here")]));
    assert_eq!(answer, json!({"A": call.value["B"], "B": "not here"}));
}

#[test]
fn an_unchanged_update_is_repeated_with_all_go_types() {
    let mut host = Host::start();
    for scenario in ["updated-rich", "updated-bytes"] {
        let call = host.call(UPDATED, scenario);
        let wanted = json!({"A": call.value["B"]});
        assert_eq!(host.answer(&call, None), wanted);
        assert_eq!(host.answer(&call, Some(&[call.argument()])), wanted);
        assert_eq!(host.answer(&call, Some(&[call.argument(), Frame::str("")])), wanted);
    }
}

#[test]
fn nil_rejects_an_update() {
    let mut host = Host::start();
    let call = host.call(UPDATED, "updated-rich");
    assert_eq!(host.answer(&call, Some(&[Frame::Nil, Frame::str("no")])), json!({"B": "no"}));
}

#[test]
fn a_changed_message_leaves_the_props_alone() {
    let mut host = Host::start();
    for (hook, scenario) in [(POSTED, "plain"), (POSTED, "rich"), (UPDATED, "updated-rich")] {
        let call = host.call(hook, scenario);
        let mut post = call.argument();
        *post.at("message") = Frame::str("changed");
        let mut wanted = call.value["B"].clone();
        wanted["Message"] = json!("changed");
        assert_eq!(host.answer(&call, Some(&[post])), json!({"A": wanted}));
    }
}

#[test]
fn a_patch_holds_nothing_but_the_change() {
    let mut host = Host::start();
    let call = host.call(POSTED, "rich");
    let mut post = call.argument();
    *post.at("message") = Frame::str("changed");
    *post.at("props").at("int64") = Frame::Int(7);
    let reply = host.reply(&call, &Frame::List(vec![post]).bytes()).expect("a reply");
    let value = next_value(&mut StreamReader::new(Limits::default()), &reply);
    let Value::Struct(reply) = value else { panic!("no struct") };
    let Some(Value::Struct(post)) = reply.get("A") else { panic!("no post in {reply:?}") };
    let names: Vec<&str> = post.fields.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["Message", "Props"]);
    let Some(Value::Map(props)) = post.get("Props") else { panic!("no props in {post:?}") };
    assert_eq!(props.len(), 1);
}

#[test]
fn changed_props_keep_the_go_types_that_still_fit() {
    let mut host = Host::start();
    let call = host.call(UPDATED, "updated-rich");
    let mut post = call.argument();
    let props = post.at("props");
    *props.at("int8") = Frame::Int(100);
    *props.at("int64") = Frame::Int(-1);
    *props.at("uint32") = Frame::Int(8);
    *props.at("uint64") = Frame::Int(3);
    *props.at("float64") = Frame::float(-0.0);
    *props.at("float32") = Frame::float(0.25);
    *props.at("strings") = Frame::List(vec![Frame::str("b"), Frame::str("c"), Frame::str("")]);
    *props.at("numbers") = Frame::List(vec![Frame::Int(i64::MIN.into())]);
    *props.at("nested").at("deep").at("s") = Frame::str("y");
    *props.at("nested").at("list").item(2) = Frame::str("THREE");
    *props.at("empty").at("now") = Frame::Int(1);
    *props.at("attachments").item(0).at("title") = Frame::str("changed");
    props.remove("bool");
    *props.at("added") = Frame::Int(9);
    let mut wanted = call.value["B"].clone();
    let typed = |name: &str, value: serde_json::Value| json!({"$type": name, "$value": value});
    let props = wanted["Props"].as_object_mut().expect("props");
    props.insert("int8".into(), typed("int8", json!("100")));
    props.insert("int64".into(), typed("int64", json!("-1")));
    props.insert("uint32".into(), typed("uint32", json!("8")));
    props.insert("uint64".into(), typed("uint64", json!("3")));
    props.insert("float64".into(), typed("float64", json!("-0")));
    props.insert("float32".into(), typed("float32", json!("0.25")));
    props.insert("strings".into(), typed("[]string", json!(["b", "c", ""])));
    props.insert("numbers".into(), typed("[]int64", json!(["-9223372036854775808"])));
    props["nested"]["$value"]["deep"]["$value"]["s"] = typed("string", json!("y"));
    props["nested"]["$value"]["list"]["$value"][2] = typed("string", json!("THREE"));
    props["empty"]["$value"] = json!({"now": typed("int", json!("1"))});
    props["attachments"]["$value"][0]["Title"] = json!("changed");
    props.remove("bool");
    props.insert("added".into(), typed("int", json!("9")));
    assert_eq!(host.answer(&call, Some(&[post])), json!({"A": wanted}));
}

#[test]
fn changed_props_get_another_type_where_the_old_one_does_not_fit() {
    let mut host = Host::start();
    let call = host.call(UPDATED, "updated-rich");
    let mut post = call.argument();
    let props = post.at("props");
    *props.at("int8") = Frame::Int(128);
    *props.at("uint32") = Frame::Int(-1);
    *props.at("uint64") = Frame::float(1.0);
    *props.at("float32") = Frame::float(1e300);
    *props.at("strings") = Frame::List(vec![Frame::str("b"), Frame::Int(1)]);
    *props.at("nested") = Frame::List(vec![Frame::Nil]);
    *props.at("attachments") = Frame::str("none");
    *props.at("bytes") = Frame::Nil;
    *props.at("nil") = Frame::Int((1i128 << 63) + 1);
    let mut wanted = call.value["B"].clone();
    let typed = |name: &str, value: serde_json::Value| json!({"$type": name, "$value": value});
    let props = wanted["Props"].as_object_mut().expect("props");
    props.insert("int8".into(), typed("int", json!("128")));
    props.insert("uint32".into(), typed("int", json!("-1")));
    props.insert("uint64".into(), typed("float64", json!("1")));
    props.insert("float32".into(), typed("float64", json!("1e+300")));
    props.insert(
        "strings".into(),
        typed("[]interface {}", json!([typed("string", json!("b")), typed("int", json!("1"))])),
    );
    props.insert("nested".into(), typed("[]interface {}", json!([null])));
    props.insert("attachments".into(), typed("string", json!("none")));
    props.insert("bytes".into(), json!(null));
    props.insert("nil".into(), typed("uint64", json!("9223372036854775809")));
    assert_eq!(host.answer(&call, Some(&[post])), json!({"A": wanted}));
}

#[test]
fn a_new_list_of_attachments_has_the_registered_type() {
    let mut host = Host::start();
    let call = host.call(POSTED, "plain");
    let mut post = call.argument();
    let attachment = Frame::map([("title", Frame::str("new")), ("ts", Frame::Int(5))]);
    *post.at("props") = Frame::map([("attachments", Frame::List(vec![attachment]))]);
    let found = host.answer(&call, Some(&[post]));
    let wanted = json!({"$type": "[]*mattermost.MessageAttachment", "$value": [
        {"Title": "new", "Timestamp": {"$type": "int", "$value": "5"}}
    ]});
    assert_eq!(found["A"]["Props"], json!({"attachments": wanted}));
}

#[test]
fn strings_that_are_not_utf8_survive_next_to_a_change() {
    let mut host = Host::start();
    for (hook, scenario) in [(POSTED, "bytes"), (UPDATED, "updated-bytes")] {
        let call = host.call(hook, scenario);
        let mut post = call.argument();
        assert_eq!(*post.at("message"), Frame::str("caf\u{fffd}"));
        *post.at("props").at("fine") = Frame::str("changed");
        *post.at("props").at("list").item(1) = Frame::str("y");
        post.at("file_ids").items().push(Frame::str("third"));
        let mut wanted = call.value["B"].clone();
        wanted["Props"]["fine"]["$value"] = json!("changed");
        wanted["Props"]["list"]["$value"][1]["$value"] = json!("y");
        wanted["FileIds"].as_array_mut().expect("a list").push(json!("third"));
        assert_eq!(host.answer(&call, Some(&[post])), json!({"A": wanted}));
    }
}

#[test]
fn another_order_of_keys_changes_nothing_else() {
    let mut host = Host::start();
    let call = host.call(UPDATED, "updated-rich");
    let post = call.argument().sorted();
    assert_eq!(host.answer(&call, Some(&[post])), json!({"A": call.value["B"]}));
}

#[test]
fn a_value_that_go_split_over_messages_is_kept_in_one_piece() {
    let mut host = Host::start();
    let first = host.call(UPDATED, "updated-rich");
    assert!(host.incoming.definitions > 0, "the types of the props are defined inside the value");
    assert_eq!(host.answer(&first, None), json!({"A": first.value["B"]}));
    host.reconnect();
    let first = host.call(POSTED, "single");
    assert!(host.incoming.definitions > 0, "the type of the attachments is defined inside the value");
    let second = host.call(POSTED, "single");
    assert_eq!(host.incoming.definitions, 0);
    assert_eq!(first.kept, second.kept);
    assert_eq!(first.frame, second.frame);
}

#[test]
fn definitions_are_sent_once_for_all_replies_of_a_stream() {
    let mut host = Host::start();
    let mut lengths = Vec::new();
    for round in 0..200 {
        let call = host.call(UPDATED, "updated-rich");
        let mut post = call.argument();
        *post.at("message") = Frame::str(if round % 2 == 0 { "even" } else { "odd" });
        let payload = Frame::List(vec![post]).bytes();
        let reply = host.reply(&call, &payload).expect("a reply");
        lengths.push(reply.len());
        let found = host.decode("updated-rich", &reply);
        assert_eq!(found["A"]["Props"], call.value["B"]["Props"]);
    }
    let later = &lengths[1..];
    assert!(lengths[0] > 2000 && later.iter().all(|len| *len < 1200), "{lengths:?}");
}
