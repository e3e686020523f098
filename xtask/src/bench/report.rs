//! `bench/results.md`, from the JSON of `refhost bench`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

/// What `refhost bench` writes. Ratios are to the baseline.
#[derive(Deserialize)]
pub(crate) struct Report {
    baseline: String,
    order: Vec<String>,
    rounds: u32,
    calls: u32,
    concurrent: Vec<u32>,
    workloads: Vec<String>,
    plugins: BTreeMap<String, Figure>,
}

#[derive(Deserialize)]
struct Figure {
    activation_ms: f64,
    memory: Option<Vec<Memory>>,
    cells: BTreeMap<String, Cell>,
}

#[derive(Deserialize)]
struct Memory {
    name: String,
    kb: u64,
}

#[derive(Deserialize)]
struct Cell {
    p50_us: f64,
    p99_us: f64,
    rate_per_s: f64,
    cpu_us_executable: f64,
    cpu_us_children: f64,
    p50_ratio: f64,
    rate_ratio: f64,
}

/// The whole page: hooks and API calls, and HTTP, each an interleaved run of its own.
pub(crate) fn render(report: &Report, http: &Report, machine: &[String]) -> String {
    let mut text = String::from("# Results\n\nWritten by `cargo xtask bench`.\n\n");
    for line in machine {
        let _ = writeln!(text, "- {line}");
    }
    let _ = write!(
        text,
        "- medians of {} interleaved rounds of {} calls; ratios are to {}: below 1 is better for times, above 1 for rates\n\n",
        report.rounds, report.calls, report.baseline
    );
    text += "What the workloads do, and what the figures mean, is said in `go/refhost/README.md`; what the baseline is in `bench/baseline.md`.\n";
    for &concurrent in &report.concurrent {
        table(&mut text, report, concurrent, "");
    }
    for &concurrent in &http.concurrent {
        table(&mut text, http, concurrent, "HTTP, ");
    }
    text += "\n`small` is a text of a few bytes, `down` and `up` a body of 1 MiB, by a real client with keep-alive over loopback; the rates of `down` and `up` are MiB a second, and their processor time is that of 1 MiB.\n";
    text += "\n## Start and memory\n\n| | active after ms | resident memory in MB |\n|---|---|---|\n";
    for (name, figure) in report.in_order() {
        let parts = figure.memory.iter().flatten();
        let parts: Vec<String> = parts.map(|part| format!("{} {:.1}", part.name, part.kb as f64 / 1024.0)).collect();
        let _ = writeln!(text, "| {name} | {:.0} | {} |", figure.activation_ms, parts.join(", "));
    }
    text
}

impl Report {
    fn in_order(&self) -> impl Iterator<Item = (&String, &Figure)> {
        self.order.iter().filter_map(|name| Some((name, self.plugins.get(name)?)))
    }
}

fn table(text: &mut String, report: &Report, concurrent: u32, what: &str) {
    let heading = match concurrent {
        1 => "One at a time: p50 in us (ratio) / p99 / processor us per call, executable + children".to_owned(),
        many => {
            format!("{many} at once: calls a second (ratio) / p50 in us / processor us per call, executable + children")
        }
    };
    let heading = if what.is_empty() { heading } else { format!("{what}{}", heading.to_lowercase()) };
    let _ = write!(text, "\n## {heading}\n\n| | {} |\n", report.workloads.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(report.workloads.len()));
    for (name, figure) in report.in_order() {
        let cell = |workload: &String| match figure.cells.get(&format!("{workload} c={concurrent}")) {
            Some(cell) => cell.show(concurrent),
            None => "-".to_owned(),
        };
        let cells: Vec<String> = report.workloads.iter().map(cell).collect();
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
}

impl Cell {
    fn show(&self, concurrent: u32) -> String {
        let processor = format!("{:.0}+{:.0}", self.cpu_us_executable, self.cpu_us_children);
        match concurrent {
            1 => format!("{:.0} (**{:.2}**) / {:.0} / {processor}", self.p50_us, self.p50_ratio, self.p99_us),
            _ => format!("{:.0} (**{:.2}**) / {:.0} / {processor}", self.rate_per_s, self.rate_ratio, self.p50_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_become_tables() {
        let cell = |p50: f64, ratio: f64| {
            serde_json::json!({"p50_us": p50, "p99_us": 200.4, "rate_per_s": 9000.0, "cpu_us_executable": 30.0,
                               "cpu_us_children": 12.0, "p50_ratio": ratio, "rate_ratio": 0.9})
        };
        let report: Report = serde_json::from_value(serde_json::json!({
            "baseline": "go", "order": ["go", "py"], "rounds": 3, "calls": 100, "concurrent": [1, 16], "workloads": ["plain", "rich"],
            "plugins": {
                "go": {"activation_ms": 20.2, "memory": null, "cells": {"plain c=1": cell(100.0, 1.0)}},
                "py": {"activation_ms": 250.0, "memory": [{"name": "bridge", "kb": 5120}, {"name": "python3", "kb": 20480}],
                       "cells": {"plain c=1": cell(104.6, 1.046), "rich c=16": cell(900.0, 1.5)}},
            },
        }))
        .unwrap();
        let text = render(&report, &report, &["2026-01-02".to_owned(), "a machine".to_owned()]);
        assert!(text.contains("\n## HTTP, one at a time: p50 in us"), "{text}");
        assert!(text.contains("\n## HTTP, 16 at once: calls a second"), "{text}");
        assert!(text.contains("- 2026-01-02\n- a machine\n- medians of 3 interleaved rounds of 100 calls"), "{text}");
        assert!(
            text.contains("| | plain | rich |\n|---|---|---|\n| go | 100 (**1.00**) / 200 / 30+12 | - |\n"),
            "{text}"
        );
        assert!(text.contains("| py | 105 (**1.05**) / 200 / 30+12 | - |\n"), "{text}");
        assert!(text.contains("| py | - | 9000 (**0.90**) / 900 / 30+12 |\n"), "{text}");
        assert!(text.contains("| py | 250 | bridge 5.0, python3 20.0 |\n"), "{text}");
    }
}
