//! How long it takes to read and write the arguments of a hook: `cargo bench -p mmp-gob`.

#![allow(clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a program for people")]

use std::hint::black_box;
use std::time::Instant;

use mmp_gob::{Any, Decoder, Encoder, GoString, Limits, Map, Ptr, StreamReader, decode_value, gob_struct};

gob_struct! {
    /// Who calls.
    pub struct Context("Context") {
        session_id: GoString = "SessionId",
        request_id: GoString = "RequestId",
        ip_address: GoString = "IPAddress",
        accept_language: GoString = "AcceptLanguage",
        user_agent: GoString = "UserAgent",
    }

    /// A post, most of whose fields stay empty.
    pub struct Post("Post") {
        id: GoString = "Id",
        create_at: i64 = "CreateAt",
        update_at: i64 = "UpdateAt",
        edit_at: i64 = "EditAt",
        delete_at: i64 = "DeleteAt",
        is_pinned: bool = "IsPinned",
        user_id: GoString = "UserId",
        channel_id: GoString = "ChannelId",
        root_id: GoString = "RootId",
        original_id: GoString = "OriginalId",
        message: GoString = "Message",
        message_source: GoString = "MessageSource",
        kind: GoString = "Type",
        props: Map<GoString, Any> = "Props",
        hashtags: GoString = "Hashtags",
        filenames: Vec<GoString> = "Filenames",
        file_ids: Vec<GoString> = "FileIds",
        pending_post_id: GoString = "PendingPostId",
        has_reactions: bool = "HasReactions",
        remote_id: Ptr<GoString> = "RemoteId",
        reply_count: i64 = "ReplyCount",
        last_reply_at: i64 = "LastReplyAt",
        participants: Vec<Ptr<Post>> = "Participants",
        is_following: Ptr<bool> = "IsFollowing",
    }

    /// The arguments.
    pub struct Args("Z_MessageWillBePostedArgs") {
        a: Ptr<Context> = "A",
        b: Ptr<Post> = "B",
    }
}

fn plain() -> Args {
    let id = |c: &str| GoString::from(c.repeat(26));
    let context = Context {
        session_id: id("s"),
        request_id: id("r"),
        ip_address: "192.168.178.23".into(),
        accept_language: "en-US,en;q=0.9,de;q=0.8".into(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
            .into(),
    };
    let post = Post {
        create_at: 1_772_368_200_123,
        update_at: 1_772_368_200_123,
        user_id: id("u"),
        channel_id: id("c"),
        root_id: id("t"),
        message: "Could somebody look at the build? It has been red since the morning. ".repeat(3).into(),
        pending_post_id: "uuuuuuuuuuuuuuuuuuuuuuuuuu:1772368200123".into(),
        props: Some([("disable_group_highlight".into(), true.into())].into()),
        ..Post::default()
    };
    Args { a: Some(Box::new(context)), b: Some(Box::new(post)) }
}

fn rich() -> Args {
    let mut args = plain();
    let fields = (0..6).map(|n| {
        Any::map([
            ("title".into(), "Branch".into()),
            ("value".into(), Any::from(f64::from(n))),
            ("short".into(), true.into()),
        ])
    });
    let attachment =
        Any::map([("text".into(), "A longer text ".repeat(10).as_str().into()), ("fields".into(), Any::list(fields))]);
    if let Some(post) = &mut args.b {
        post.props =
            Some([("attachments".into(), Any::list([attachment])), ("from_webhook".into(), "true".into())].into());
    }
    args
}

/// The best of several rounds, in nanoseconds a call.
fn measure(name: &str, mut f: impl FnMut()) {
    const CALLS: u32 = 20_000;
    let best = (0..15).map(|_| {
        let start = Instant::now();
        (0..CALLS).for_each(|_| f());
        start.elapsed() / CALLS
    });
    println!("{name:<32} {:>8} ns", best.min().unwrap_or_default().as_nanos());
}

fn run(name: &str, args: &Args) {
    let mut encoder = Encoder::new();
    let (mut first, mut message) = (Vec::new(), Vec::new());
    encoder.encode(args, &mut first).expect("encodes");
    encoder.encode(args, &mut message).expect("encodes");
    println!("{name}: {} bytes, {} with definitions", message.len(), first.len());

    let mut out = Vec::new();
    measure("  encode", || {
        out.clear();
        encoder.encode(black_box(args), &mut out).expect("encodes");
    });

    let mut decoder = Decoder::new(Limits::default());
    decoder.push(&first);
    assert!(decoder.decode::<Args>().expect("decodes").as_ref() == Some(args));
    measure("  decode", || {
        decoder.push(&message);
        black_box(decoder.decode::<Args>().expect("decodes"));
    });

    let mut reader = StreamReader::new(Limits::default());
    reader.push(&first);
    measure("  decode, dynamic", || {
        reader.push(&message);
        black_box(reader.next(|id, c, types| decode_value(c, types, id)).expect("decodes"));
    });
    measure("  skip", || {
        reader.push(&message);
        black_box(reader.next(|id, c, types| c.skip(types, id)).expect("decodes"));
    });
}

fn main() {
    run("plain post", &plain());
    run("rich post", &rich());
}
