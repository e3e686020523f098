//! The Rust tables of a fixture, where they are more than a list.

mod support;

use support::Checkout;

fn generated(path: &str) -> String {
    let checkout = Checkout::new("older");
    checkout.write();
    checkout.read(path)
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn tables_of_the_transcoder() {
    let dir = "crates/mmp-transcode/src/generated";
    has(
        &generated(&format!("{dir}/types/u.rs")),
        &[
            "use super::AUDITED;",
            "field(3, \"Kind\", \"kind\", Kind::String)",
            "embedded(4, \"Audited\", \"audited\", Kind::Struct(&AUDITED))",
            "field(5, \"Seen\", \"seen\", Kind::Ptr(&Kind::Time))",
            "field(7, \"Extra\", \"extra\", Kind::Json)",
        ],
    );
    has(
        &generated(&format!("{dir}/types/config.rs")),
        &["field(1, \"SiteURL\", \"SiteURL\", Kind::Ptr(&Kind::String))"],
    );
    has(
        &generated(&format!("{dir}/methods/hooks.rs")),
        &[
            "echo: Some(Echo { result: 0, arg: 1, mode: EchoMode::Prefilled })",
            "nilable(1, 1, \"Request\", Kind::String)",
            "nilable(2, 2, \"c\", Kind::Ptr(&Kind::Struct(&types::CONTEXT)))",
            "streams: &[stream(0, \"ResponseWriterStream\"), stream(3, \"RequestBodyStream\")],",
            "reject: Some(Reject::Reason(1)),",
            "deadline: Deadline::Activation,",
            "deadline: Deadline::Http,",
        ],
    );
    has(&generated(&format!("{dir}/methods/api.rs")), &["results: &[nilable(1, 0, \"dest\", Kind::Json)]"]);
    has(&generated(&format!("{dir}/methods/driver.rs")), &["..method(4096, \"ConnPing\", \"\", Kind::String,"]);
    let attachments =
        r#"{ owner: "Post", field: "Props", key: "attachments", name: "map[string]interface {}", if_fitting: false }"#;
    has(
        &generated(&format!("{dir}/mod.rs")),
        &[attachments, "pub static ANY_TYPES: &[AnyType] = &[];", "Deadline::Result => Some(Duration::from_secs(3)),"],
    );
}

#[test]
fn structs_of_the_models() {
    let dir = "crates/mmp-model/src/generated";
    has(
        &generated(&format!("{dir}/types/p.rs")),
        &[
            "use mmp_gob::{Any, GoString, Map, Ptr, gob_struct};",
            "use super::Config;",
            "    /// Text of Post.\n    pub struct Post (\"Post\") {",
            "        /// Go's `Props`, in JSON `props`.\n        props: Map<GoString, Any> = \"Props\",",
            "        replies: Vec<Ptr<Post>> = \"Replies\",",
        ],
    );
    has(&generated(&format!("{dir}/rpc/driver.rs")), &["pub struct DbErrReturn (\"Z_DbErrReturn\") {"]);
    has(&generated(&format!("{dir}/constants/channel_type.rs")), &["pub const CHANNEL_TYPE_OPEN: &str = \"O\";"]);
    has(&generated(&format!("{dir}/constants/limits.rs")), &["pub const POST_MESSAGE_MAX_RUNES: i64 = 16383;"]);
}
