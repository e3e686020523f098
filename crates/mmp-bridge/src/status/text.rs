//! What the status command shows, and what the server knows of it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::STATUS;
use crate::notice::code_block;
use crate::report::{Report, WorkerReport};

const MIB: f64 = 1_048_576.0;

/// The command as the server's model has it. Autocompletion shows it to administrators only.
pub(super) fn command(trigger: &str) -> Value {
    let help = "Shows how the plugin and its workers are";
    let status = json!({"trigger": STATUS, "help_text": help, "role_id": "system_admin"});
    json!({
        "trigger": trigger,
        "auto_complete": true,
        "auto_complete_hint": STATUS,
        "auto_complete_desc": help,
        "autocomplete_data": {
            "trigger": trigger,
            "hint": STATUS,
            "help_text": help,
            "role_id": "system_admin",
            "sub_commands": [status],
        },
    })
}

/// The report as Markdown.
pub(super) fn status(report: &Report) -> String {
    let restarts: u64 = report.workers.iter().map(|worker| worker.restarts).sum();
    let memory: u64 = report.workers.iter().map(|worker| worker.resident_memory_bytes).sum();
    let mut text = format!(
        "#### {}: {}\n\nBridge {} for Mattermost {}, up {}; {} MiB of memory, {restarts} restarts, {} events dropped.\n",
        report.plugin_id,
        report.state,
        report.bridge_version,
        report.mattermost_version,
        duration(report.uptime_seconds),
        mib(memory),
        report.events_dropped,
    );
    // Writing to a string does not fail.
    if let Some(interpreter) = &report.interpreter {
        let _ = writeln!(text, "Python {} (`{}`).", interpreter.version, without_ticks(&interpreter.path));
    }
    if let Some(worker) = report.workers.iter().find(|worker| !worker.sdk.is_empty()) {
        let _ = writeln!(text, "SDK `{}` on `{}`.", without_ticks(&worker.sdk), without_ticks(&worker.runtime));
    }
    text.push_str(
        "\n| worker | state | process | memory | processes | threads | CPU | loaded in | restarts | running | waiting | overdue |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    report.workers.iter().for_each(|worker| put_row(&mut text, worker));
    // The times have one form, so the order of their texts is that of time.
    let errors = report.workers.iter().filter_map(|worker| worker.last_error.as_ref());
    if let Some(error) = errors.max_by(|one, other| one.at.cmp(&other.at)) {
        let _ = write!(text, "\nThe last error, of {}:\n\n{}\n", error.at, code_block(&error.what));
    }
    text
}

fn put_row(text: &mut String, worker: &WorkerReport) {
    let process = if worker.pid == 0 { "none".to_owned() } else { worker.pid.to_string() };
    let _ = writeln!(
        text,
        "| {} | {} | {process} | {} MiB | {} | {} | {:.1} s | {:.1} s | {} | {} | {} | {} |",
        worker.index,
        worker.state,
        mib(worker.resident_memory_bytes),
        worker.processes,
        worker.threads,
        worker.cpu_seconds,
        worker.loading_seconds,
        worker.restarts,
        worker.hooks_running,
        worker.hooks_queued,
        worker.hooks_overdue,
    );
}

fn mib(bytes: u64) -> u64 {
    (bytes as f64 / MIB).round() as u64
}

fn duration(seconds: f64) -> String {
    let minutes = seconds as u64 / 60;
    match minutes {
        0 => format!("{} s", seconds as u64),
        1..60 => format!("{minutes} min"),
        60..1440 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} d {} h", minutes / 1440, minutes / 60 % 24),
    }
}

fn without_ticks(text: &str) -> String {
    text.replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (seconds, text) in
            [(0.4, "0 s"), (59.9, "59 s"), (61.0, "1 min"), (7260.0, "2 h 1 min"), (90_000.0, "1 d 1 h")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
