//! What the benchmarks share: the clock, and posts as frames.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::time::{Duration, Instant};

use mmp_transcode::msgpack;

/// Rounds are shorter than a time slice, so that on a busy machine the best of them was not interrupted.
const ROUNDS: usize = 500;
const PER_ROUND: u32 = 500;

/// Whether a benchmark is asked for: `cargo bench -p mmp-transcode -- rich` runs those with `rich` in their names.
pub(crate) fn wanted(what: &str) -> bool {
    std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).all(|part| what.contains(&part))
}

/// The best time of one call.
pub(crate) fn time(mut work: impl FnMut()) -> Duration {
    let round = |_| {
        let start = Instant::now();
        (0..PER_ROUND).for_each(|_| work());
        start.elapsed() / PER_ROUND
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}

/// A key, and what writes its value.
pub(crate) type Entry<'a> = (&'a str, &'a dyn Fn(&mut Vec<u8>));

/// Writes a map.
pub(crate) fn map(out: &mut Vec<u8>, entries: &[Entry<'_>]) {
    msgpack::put_map_len(out, entries.len());
    for (key, value) in entries {
        msgpack::put_str(out, key);
        value(out);
    }
}

pub(crate) fn text(value: &str) -> impl Fn(&mut Vec<u8>) + '_ {
    move |out| msgpack::put_str(out, value)
}

pub(crate) fn int(value: i64) -> impl Fn(&mut Vec<u8>) {
    move |out| msgpack::put_int(out, value)
}

/// A post; `props` writes its props.
pub(crate) fn post(message: &str, props: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    map(
        &mut out,
        &[
            ("id", &text("8cf98yxd4uey7s4e3h8g3wak5p")),
            ("create_at", &int(1_700_000_000_000)),
            ("update_at", &int(1_700_000_000_001)),
            ("user_id", &text("sg74j99ucf9tzf6n16e4umg853")),
            ("channel_id", &text("dk79kh4afr49g5wk4gdm9ci4q5")),
            ("root_id", &text("eg8eccqftwkwfhxgb4b33cn9fw")),
            ("message", &text(message)),
            ("type", &text("")),
            ("props", props),
            ("hashtags", &text("#plain")),
            ("pending_post_id", &text("sg74j99ucf9tzf6n16e4umg853:1700000000000")),
        ],
    );
    out
}

pub(crate) fn rich_props(out: &mut Vec<u8>) {
    let attachments = |out: &mut Vec<u8>| {
        msgpack::put_array_len(out, 2);
        for title in ["first", "second"] {
            let fields = |out: &mut Vec<u8>| {
                msgpack::put_array_len(out, 2);
                for name in ["Severity", "Assignee"] {
                    map(
                        out,
                        &[
                            ("title", &text(name)),
                            ("value", &text("somebody")),
                            ("short", &|out| msgpack::put_bool(out, true)),
                        ],
                    );
                }
            };
            let body = "The quick brown fox jumps over the lazy dog, twice.";
            map(
                out,
                &[
                    ("fallback", &text(body)),
                    ("color", &text("#ff0000")),
                    ("title", &text(title)),
                    ("text", &text(body)),
                    ("fields", &fields),
                    ("ts", &int(1_700_000_000)),
                ],
            );
        }
    };
    let nested =
        |out: &mut Vec<u8>| map(out, &[("a", &int(1)), ("b", &text("text")), ("c", &|out| msgpack::put_f64(out, 2.5))]);
    map(
        out,
        &[
            ("attachments", &attachments),
            ("from_webhook", &text("true")),
            ("override_username", &text("a webhook")),
            ("count", &|out| msgpack::put_f64(out, 42.0)),
            ("nested", &nested),
        ],
    );
}

pub(crate) fn context() -> Vec<u8> {
    let mut out = Vec::new();
    map(
        &mut out,
        &[
            ("session_id", &text("483cbhgw8c6um3xm5ij3dfp1kz")),
            ("request_id", &text("wfywnmo35dnw4iourn39y48n4q")),
            ("ip_address", &text("192.168.17.42")),
            ("accept_language", &text("en-US,en;q=0.5")),
            ("user_agent", &text("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")),
        ],
    );
    out
}

pub(crate) fn array(values: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::put_array_len(&mut out, values.len());
    values.iter().for_each(|value| out.extend_from_slice(value));
    out
}
