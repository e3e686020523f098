//! Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;
use std::time::Duration;

use super::histogram::Histogram;

/// What a family of samples is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Counter,
    Gauge,
    Histogram,
}

/// A text that grows by one family after the other. Writing to a string does not fail.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    family: &'static str,
}

impl Text {
    /// Begins a family. The help has no line break and no backslash.
    pub(super) fn family(&mut self, name: &'static str, kind: Type, help: &str) {
        let kind = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        };
        self.family = name;
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A sample of the family.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: u64) {
        self.line("", labels, value);
    }

    /// A sample that is a time, in seconds.
    pub(super) fn seconds(&mut self, labels: &[(&str, &str)], time: Duration) {
        self.line("", labels, time.as_secs_f64());
    }

    /// All samples of a histogram.
    pub(super) fn histogram(&mut self, label: (&str, &str), histogram: &Histogram) {
        for (bound, count) in histogram.buckets() {
            self.line("_bucket", &[label, ("le", bound)], count);
        }
        self.line("_sum", &[label], histogram.sum());
        self.line("_count", &[label], histogram.count());
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let Text { out, family } = self;
        let _ = write!(out, "{family}{suffix}");
        for (at, (name, text)) in labels.iter().enumerate() {
            let _ = write!(out, "{}{name}=\"{}\"", if at == 0 { '{' } else { ',' }, escaped(text));
        }
        let _ = writeln!(out, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.out
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut text = Text::default();
        text.family("a", Type::Gauge, "Help.");
        text.sample(&[], 1);
        text.sample(&[("b", "x\"y\\z\n"), ("c", "d")], 2);
        assert_eq!(text.finish(), "# HELP a Help.\n# TYPE a gauge\na 1\na{b=\"x\\\"y\\\\z\\n\",c=\"d\"} 2\n");
    }
}
