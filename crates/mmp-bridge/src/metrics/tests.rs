//! The text, read by a strict parser.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The samples by their names and labels.
type Samples = BTreeMap<String, f64>;

/// The labels of a sample.
type Labels = Vec<(String, String)>;

/// Reads the whole text: every family has its HELP, then its TYPE, then all its samples, which are unlike each other, and every histogram is whole and cumulative.
fn parse(text: &str) -> Result<Samples, String> {
    let mut samples = Samples::new();
    let mut families: BTreeSet<&str> = BTreeSet::new();
    let (mut family, mut kind, mut helped) = ("", "", "");
    for line in text.strip_suffix('\n').ok_or("the last line has no end")?.split('\n') {
        let bad = |what: &str| Err(format!("{what}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or("HELP without text")?;
            if !is_name(name) || help.is_empty() || !families.insert(name) {
                return bad("a family that is there already, or has no name");
            }
            helped = name;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            (family, kind) = rest.split_once(' ').ok_or("TYPE without a type")?;
            if family != helped || !["counter", "gauge", "histogram"].contains(&kind) {
                return bad("a type that is none, or without help");
            }
        } else {
            let (name, labels, value) = sample(line)?;
            let suffix = name.strip_prefix(family).ok_or(format!("a sample of another family: {line}"))?;
            let allowed: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            if !allowed.contains(&suffix) || (suffix == "_bucket") != labels.iter().any(|(label, _)| label == "le") {
                return bad("a sample of another type");
            }
            if kind == "counter" && (!name.ends_with("_total") || value < 0.0) {
                return bad("no counter");
            }
            if samples.insert(format!("{name}{labels:?}"), value).is_some() {
                return bad("a sample that is there already");
            }
        }
    }
    Ok(samples)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The name, the labels and the value of a sample.
fn sample(line: &str) -> Result<(&str, Labels, f64), String> {
    let bad = |what: &str| format!("{what}: {line}");
    let end = line.find(['{', ' ']).ok_or_else(|| bad("no value"))?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or_else(|| bad("a label without a value"))?;
            let (value, after) = quoted(after).ok_or_else(|| bad("a value without an end"))?;
            if !is_name(label) || label.contains(':') {
                return Err(bad("no name of a label"));
            }
            labels.push((label.to_owned(), value));
            match after.split_at_checked(1) {
                Some((",", after)) => rest = after,
                Some(("}", after)) => {
                    rest = after;
                    break;
                }
                _ => return Err(bad("no end of the labels")),
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or_else(|| bad("no space"))?;
    let value = if value == "+Inf" { f64::INFINITY } else { value.parse().map_err(|_| bad("no number"))? };
    if is_name(name) { Ok((name, labels, value)) } else { Err(bad("no name")) }
}

/// The text up to the closing quotation mark, and what follows that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('"' | '\\') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}

fn hook(name: &str) -> &'static Method {
    generated::hook_by_name(name).unwrap()
}

#[test]
fn everything_that_was_counted_is_in_the_text() {
    let mut metrics = Metrics { restarts: 3, ..Metrics::default() };
    let posted = hook("MessageWillBePosted");
    metrics.hook(posted, Duration::from_millis(2), true);
    metrics.hook(posted, Duration::from_millis(700), true);
    metrics.hook(posted, Duration::from_secs(31), false);
    metrics.api_call(generated::api_by_name("GetUser").unwrap(), Duration::from_micros(10), true);
    metrics.api_call(generated::driver_by_name("ConnQuery").unwrap(), Duration::from_millis(1), false);
    for status in [Some(200), Some(204), Some(404), Some(999), None] {
        metrics.responded(status);
    }
    let gauges = Gauges {
        worker_up: true,
        workers_ready: 1,
        hooks_running: 2,
        hooks_queued: 7,
        streams: 5,
        ..Gauges::default()
    };
    let text = metrics.render(gauges);
    let samples = parse(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    for (sample, value) in [
        (r#"mattermost_plugin_worker_up[]"#, 1.0),
        (r#"mattermost_plugin_worker_restarts_total[]"#, 3.0),
        (r#"mattermost_plugin_hooks_running[]"#, 2.0),
        (r#"mattermost_plugin_hooks_queued[]"#, 7.0),
        (r#"mattermost_plugin_streams_open[]"#, 5.0),
        (r#"mattermost_plugin_hooks_total[("hook", "MessageWillBePosted"), ("outcome", "ok")]"#, 2.0),
        (r#"mattermost_plugin_hooks_total[("hook", "MessageWillBePosted"), ("outcome", "error")]"#, 1.0),
        (r#"mattermost_plugin_hook_duration_seconds_bucket[("hook", "MessageWillBePosted"), ("le", "0.001")]"#, 0.0),
        (r#"mattermost_plugin_hook_duration_seconds_bucket[("hook", "MessageWillBePosted"), ("le", "1")]"#, 2.0),
        (r#"mattermost_plugin_hook_duration_seconds_bucket[("hook", "MessageWillBePosted"), ("le", "30")]"#, 2.0),
        (r#"mattermost_plugin_hook_duration_seconds_bucket[("hook", "MessageWillBePosted"), ("le", "+Inf")]"#, 3.0),
        (r#"mattermost_plugin_hook_duration_seconds_count[("hook", "MessageWillBePosted")]"#, 3.0),
        (r#"mattermost_plugin_hook_duration_seconds_sum[("hook", "MessageWillBePosted")]"#, 31.702),
        (r#"mattermost_plugin_api_calls_total[("method", "GetUser"), ("outcome", "ok")]"#, 1.0),
        (r#"mattermost_plugin_api_calls_total[("method", "ConnQuery"), ("outcome", "error")]"#, 1.0),
        (r#"mattermost_plugin_api_call_duration_seconds_sum[("method", "GetUser")]"#, 0.00001),
        (r#"mattermost_plugin_http_responses_total[("class", "2xx")]"#, 2.0),
        (r#"mattermost_plugin_http_responses_total[("class", "4xx")]"#, 1.0),
        (r#"mattermost_plugin_http_responses_total[("class", "other")]"#, 1.0),
        (r#"mattermost_plugin_http_responses_total[("class", "hijacked")]"#, 1.0),
    ] {
        assert_eq!(samples.get(sample), Some(&value), "{sample}\n{text}");
    }
}

#[test]
fn several_workers_are_told_apart() {
    let mut metrics = Metrics::default();
    metrics.suppressed("stderr", 3);
    metrics.suppressed("stderr", 4);
    let usage =
        |bytes| Usage { resident_bytes: bytes, processes: 2, cpu: Duration::from_millis(1500), ..Usage::default() };
    let samples = |usage| parse(&metrics.render(Gauges { usage, ..Gauges::default() })).unwrap();
    let one = samples(vec![usage(7)]);
    assert_eq!(one["mattermost_plugin_worker_resident_memory_bytes[]"], 7.0);
    assert_eq!(one["mattermost_plugin_worker_cpu_seconds_total[]"], 1.5);
    assert_eq!(one[r#"mattermost_plugin_output_lines_suppressed_total[("source", "stderr")]"#], 7.0);
    assert_eq!(one[r#"mattermost_plugin_output_lines_suppressed_total[("source", "stdout")]"#], 0.0);
    let two = samples(vec![usage(7), usage(8)]);
    assert_eq!(two[r#"mattermost_plugin_worker_resident_memory_bytes[("worker", "1")]"#], 8.0);
    assert_eq!(two[r#"mattermost_plugin_worker_processes[("worker", "0")]"#], 2.0);
    assert!(!two.contains_key("mattermost_plugin_worker_processes[]"));
}

#[test]
fn histograms_are_cumulative_and_whole() {
    let mut metrics = Metrics::default();
    for millis in 0..100 {
        metrics.hook(hook("ExecuteCommand"), Duration::from_millis(millis * 7), millis % 3 > 0);
    }
    let text = metrics.render(Gauges::default());
    parse(&text).unwrap();
    let bucket = "mattermost_plugin_hook_duration_seconds_bucket{hook=\"ExecuteCommand\"";
    let of_bucket = |line: &&str| line.starts_with(bucket);
    let counts: Vec<u64> =
        text.lines().filter(of_bucket).map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert_eq!(counts.len(), 15);
    assert!(counts.is_sorted());
    assert_eq!(counts.last(), Some(&100));
}

#[test]
fn a_bridge_that_has_just_begun_has_a_text_as_well() {
    let samples = parse(&Metrics::default().render(Gauges::default())).unwrap();
    assert!(samples.keys().any(|name| name.starts_with("mattermost_plugin_bridge_info") && name.contains("version")));
    assert_eq!(samples["mattermost_plugin_worker_up[]"], 0.0);
}

#[test]
fn the_parser_refuses_what_prometheus_does() {
    let good = "# HELP a b\n# TYPE a gauge\na 1\n";
    assert!(parse(good).is_ok());
    for (from, to) in [
        ("a 1\n", "a 1"),
        ("a 1", "b 1"),
        ("a 1", "a one"),
        ("a 1", "a{x=\"y} 1"),
        ("a 1", "a{x=\"y\" 1"),
        ("a 1", "a{0=\"y\"} 1"),
        ("a 1", "a{x=\"\\y\"} 1"),
        ("a 1", "a 1\na 1"),
        ("gauge", "guage"),
        ("gauge", "counter"),
        ("gauge", "histogram"),
        ("# HELP a b\n", ""),
        ("# HELP a b", "# HELP a b\n# HELP a b"),
    ] {
        assert!(parse(&good.replacen(from, to, 1)).is_err(), "{from:?} to {to:?}");
    }
}
