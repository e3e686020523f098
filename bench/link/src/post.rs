//! The hook call that is measured: the same for every link, and the same posts as in the benchmark of whole plugins (`go/refhost`).

use anyhow::{Result, ensure};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

/// Generated from `proto/hooks.proto`.
#[allow(missing_docs, unreachable_pub, reason = "generated code")]
mod generated {
    tonic::include_proto!("benchlink");
}
pub(crate) use generated::{Context, MessageWillBePostedRequest as Request, Post, hooks_client};

/// What the handlers append to the message.
const MARK: &str = " (seen)";

/// The kinds of posts.
pub(crate) const PAYLOADS: [&str; 2] = ["plain", "rich"];

/// The calls with the posts of [`PAYLOADS`].
pub(crate) fn requests() -> [Request; PAYLOADS.len()] {
    [plain(), rich()]
}

/// Whether a field has its zero value, so that it is left out.
pub(crate) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Makes sure that a handler has done its work and nothing was lost on the way.
pub(crate) fn check(sent: &Request, answered: Option<&Post>) -> Result<()> {
    let (Some(sent), Some(answered)) = (&sent.post, answered) else { anyhow::bail!("the answer holds no post") };
    let mut wanted = sent.clone();
    wanted.message += MARK;
    ensure!(*answered == wanted, "the answer is not the changed post: {answered:?}");
    Ok(())
}

/// A post of 300 characters.
fn plain() -> Request {
    let context = Context {
        session_id: "session".into(),
        request_id: "request".into(),
        ip_address: "127.0.0.1".into(),
        ..Context::default()
    };
    let user = "useruseruseruseruseruser01";
    let post = Post {
        id: "postpostpostpostpostpost01".into(),
        create_at: 1_700_000_000_123,
        update_at: 1_700_000_000_123,
        user_id: user.into(),
        channel_id: "chanchanchanchanchanchan01".into(),
        message: message(),
        pending_post_id: format!("{user}:1700000000123"),
        ..Post::default()
    };
    Request { context: Some(context), post: Some(post) }
}

/// The first word tells the handlers of `bench/plugins` to change the message.
fn message() -> String {
    let mut text = String::from("bench:edit ");
    text += &"The quick brown fox jumps over the lazy dog. ".repeat(8);
    text.truncate(300);
    text
}

/// The same with an attachment and nested props.
fn rich() -> Request {
    let mut request = plain();
    if let Some(post) = &mut request.post {
        post.root_id = "rootrootrootrootrootroot01".into();
        post.hashtags = "#one #two".into();
        post.file_ids = vec!["filefilefilefilefilefile01".into(), "filefilefilefilefilefile02".into()];
        post.props = Some(props());
    }
    request
}

fn props() -> Struct {
    let inner = object([("key", text("value")), ("ratio", number(0.5))]);
    let items = [text("a"), number(2.0), value(Kind::BoolValue(true)), value(Kind::NullValue(0))];
    let nested = object([("list", list(items)), ("inner", value(Kind::StructValue(inner)))]);
    object([
        ("from_webhook", text("true")),
        ("override_username", text("builder")),
        ("count", number(12.0)),
        ("nested", value(Kind::StructValue(nested))),
        ("attachments", list([value(Kind::StructValue(attachment()))])),
    ])
}

fn attachment() -> Struct {
    let field = |title, content| {
        let short = value(Kind::BoolValue(true));
        value(Kind::StructValue(object([("title", text(title)), ("value", text(content)), ("short", short)])))
    };
    object([
        ("id", number(1.0)),
        ("fallback", text("Build 1234 passed")),
        ("color", text("#36a64f")),
        ("pretext", text("Continuous integration")),
        ("author_name", text("builder")),
        ("title", text("Build 1234")),
        ("title_link", text("https://ci.example.com/1234")),
        ("text", text("All **412** tests passed in 3 minutes.")),
        ("fields", list([field("Branch", "main"), field("Duration", "3 m 12 s")])),
        ("footer", text("ci.example.com")),
        ("ts", number(1_700_000_000.0)),
    ])
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Struct {
    Struct { fields: entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect() }
}

fn list<const N: usize>(values: [Value; N]) -> Value {
    value(Kind::ListValue(ListValue { values: values.to_vec() }))
}

fn text(text: &str) -> Value {
    value(Kind::StringValue(text.to_owned()))
}

fn number(number: f64) -> Value {
    value(Kind::NumberValue(number))
}

fn value(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}
