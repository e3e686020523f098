//! The plugin's metrics: what is counted, and its text for ServeMetrics.
//!
//! Counting costs an index and a comparison or two per call: durations are the difference of two turns of the event loop, whose times are known anyway.

mod histogram;
#[cfg(test)]
mod tests;
mod text;

use std::time::Duration;

use mmp_transcode::generated;
use mmp_transcode::schema::Method;
use mmp_worker::usage::Usage;

use crate::core::Core;
use crate::driver::is_driver;
use crate::supervisor::Worker;
use histogram::Histogram;
use text::{Text, Type};

/// The classes of HTTP responses, by the first digit of the status.
const CLASSES: [&str; 7] = ["hijacked", "1xx", "2xx", "3xx", "4xx", "5xx", "other"];

/// Where lines come from that the log has no room for.
const SOURCES: [&str; 3] = ["stdout", "stderr", "log"];

/// What was counted since the bridge began.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    hooks: Family,
    api: Family,
    driver: Family,
    /// How often a worker that had ended was started again.
    pub(crate) restarts: u64,
    /// How many events were lost.
    pub(crate) events_dropped: u64,
    /// Lines that were too many for the log, by [`SOURCES`].
    suppressed: [u64; SOURCES.len()],
    /// HTTP responses by [`CLASSES`].
    responses: [u64; CLASSES.len()],
}

/// What is measured when it is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauges {
    /// What each worker uses.
    pub(crate) usage: Vec<Usage>,
    pub(crate) worker_up: bool,
    pub(crate) workers_ready: usize,
    pub(crate) degraded: bool,
    pub(crate) hooks_overdue: usize,
    pub(crate) hooks_running: usize,
    pub(crate) hooks_queued: usize,
    pub(crate) streams: usize,
}

/// What became of a hook's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct HookTotals {
    /// The hook.
    pub(crate) name: &'static str,
    /// How often it was called and answered, or failed.
    pub(crate) calls: u64,
    /// How often it failed.
    pub(crate) failures: u64,
    /// How often it was late, which is a failure as well.
    pub(crate) late: u64,
}

/// The methods of one service by their ids, from that of the first call on.
#[derive(Debug, Default)]
struct Family {
    series: Vec<Option<Box<Series>>>,
}

/// One method.
#[derive(Debug, Default)]
struct Series {
    name: &'static str,
    succeeded: u64,
    failed: u64,
    late: u64,
    durations: Histogram,
}

impl Family {
    /// Counts a call. `at` is the method's position in its service.
    fn count(&mut self, at: usize, method: &'static Method, took: Duration, ok: bool) {
        let series = self.series_of(at, method);
        if ok {
            series.succeeded += 1;
        } else {
            series.failed += 1;
        }
        series.durations.observe(took);
    }

    fn series_of(&mut self, at: usize, method: &'static Method) -> &mut Series {
        if at >= self.series.len() {
            self.series.resize_with(at + 1, || None);
        }
        let series = self.series[at].get_or_insert_default();
        series.name = method.name;
        series
    }

    fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().flatten().map(Box::as_ref)
    }
}

impl Metrics {
    /// A hook was answered by the worker, or failed.
    pub(crate) fn hook(&mut self, method: &'static Method, took: Duration, ok: bool) {
        self.hooks.count(usize::from(method.id), method, took, ok);
    }

    /// A hook was late; that it failed is counted apart from this.
    pub(crate) fn hook_late(&mut self, method: &'static Method) {
        self.hooks.series_of(usize::from(method.id), method).late += 1;
    }

    /// An API call was answered.
    pub(crate) fn api_call(&mut self, method: &'static Method, took: Duration, ok: bool) {
        if is_driver(method) {
            let first = generated::DRIVER.first().map_or(0, |first| first.id);
            self.driver.count(usize::from(method.id - first), method, took, ok);
        } else {
            self.api.count(usize::from(method.id), method, took, ok);
        }
    }

    /// So many lines of a worker were too many for the log.
    pub(crate) fn suppressed(&mut self, source: &str, lines: u64) {
        if let Some(at) = SOURCES.iter().position(|known| *known == source) {
            self.suppressed[at] += lines;
        }
    }

    /// What became of the hooks so far, by name.
    pub(crate) fn hook_totals(&self) -> impl Iterator<Item = HookTotals> {
        self.hooks.series().map(|series| HookTotals {
            name: series.name,
            calls: series.succeeded + series.failed,
            failures: series.failed,
            late: series.late,
        })
    }

    /// An HTTP request was answered; None: its connection was taken over.
    pub(crate) fn responded(&mut self, status: Option<u16>) {
        let class = usize::from(status.unwrap_or(0) / 100);
        self.responses[class.min(CLASSES.len() - 1)] += 1;
    }

    /// All of it as text.
    pub(crate) fn render(&self, gauges: Gauges) -> String {
        let mut text = Text::default();
        let labels = [("version", env!("CARGO_PKG_VERSION")), ("mattermost", generated::MATTERMOST_VERSION)];
        text.family(
            "mattermost_plugin_bridge_info",
            Type::Gauge,
            "The bridge's version, and that of Mattermost which it knows.",
        );
        text.sample(&labels, 1);
        put_worker(&mut text, self.restarts, &gauges);
        put_usage(&mut text, &gauges.usage);
        put_suppressed(&mut text, self.suppressed);
        put_events(&mut text, self.events_dropped);
        let hooks = || self.hooks.series();
        text.family("mattermost_plugin_hooks_total", Type::Counter, "Hooks that the worker answered, and that failed.");
        put_outcomes(&mut text, "hook", hooks());
        text.family(
            "mattermost_plugin_hooks_late_total",
            Type::Counter,
            "Hooks that took longer than they may, and were answered in the worker's place.",
        );
        hooks().for_each(|series| text.sample(&[("hook", series.name)], series.late));
        text.family(
            "mattermost_plugin_hook_duration_seconds",
            Type::Histogram,
            "From the server's call of a hook to its answer.",
        );
        hooks().for_each(|series| text.histogram(("hook", series.name), &series.durations));
        let calls = || self.api.series().chain(self.driver.series());
        text.family(
            "mattermost_plugin_api_calls_total",
            Type::Counter,
            "API and database calls of the plugin by outcome.",
        );
        put_outcomes(&mut text, "method", calls());
        text.family(
            "mattermost_plugin_api_call_duration_seconds",
            Type::Histogram,
            "From the plugin's call to the server's answer.",
        );
        calls().for_each(|series| text.histogram(("method", series.name), &series.durations));
        text.family(
            "mattermost_plugin_http_responses_total",
            Type::Counter,
            "Responses to HTTP requests by class of status.",
        );
        for (class, count) in CLASSES.into_iter().zip(self.responses) {
            text.sample(&[("class", class)], count);
        }
        text.finish()
    }
}

fn put_worker(text: &mut Text, restarts: u64, gauges: &Gauges) {
    text.family("mattermost_plugin_worker_up", Type::Gauge, "Whether the plugin's worker runs and gets hooks.");
    text.sample(&[], u64::from(gauges.worker_up));
    text.family(
        "mattermost_plugin_worker_restarts_total",
        Type::Counter,
        "How often the worker ended and was started again.",
    );
    text.sample(&[], restarts);
    text.family("mattermost_plugin_workers_ready", Type::Gauge, "How many workers get hooks.");
    text.sample(&[], gauges.workers_ready as u64);
    text.family(
        "mattermost_plugin_degraded",
        Type::Gauge,
        "Whether no worker stays alive and the bridge answers in their place.",
    );
    text.sample(&[], u64::from(gauges.degraded));
    text.family(
        "mattermost_plugin_hooks_overdue",
        Type::Gauge,
        "Hooks that workers still run although they were late.",
    );
    text.sample(&[], gauges.hooks_overdue as u64);
    text.family("mattermost_plugin_hooks_running", Type::Gauge, "Hooks that the worker runs now.");
    text.sample(&[], gauges.hooks_running as u64);
    text.family("mattermost_plugin_hooks_queued", Type::Gauge, "Hooks that wait for the worker now.");
    text.sample(&[], gauges.hooks_queued as u64);
    text.family("mattermost_plugin_streams_open", Type::Gauge, "Bodies and files that are being passed on now.");
    text.sample(&[], gauges.streams as u64);
}

/// What the workers use. A label tells them apart only where there are several.
fn put_usage(text: &mut Text, workers: &[Usage]) {
    let mut family = |name, kind, help, put: fn(&mut Text, &[(&str, &str)], &Usage)| {
        text.family(name, kind, help);
        for (index, usage) in workers.iter().enumerate() {
            let index = index.to_string();
            let labels = [("worker", index.as_str())];
            put(text, if workers.len() > 1 { &labels } else { &[] }, usage);
        }
    };
    family(
        "mattermost_plugin_worker_resident_memory_bytes",
        Type::Gauge,
        "Memory of the worker and of all that it has started; 0 while there is none.",
        |text, labels, usage| text.sample(labels, usage.resident_bytes),
    );
    family(
        "mattermost_plugin_worker_cpu_seconds_total",
        Type::Counter,
        "Processor time of the worker and of all that it has started, from its start.",
        |text, labels, usage| text.seconds(labels, usage.cpu),
    );
    family(
        "mattermost_plugin_worker_processes",
        Type::Gauge,
        "Processes that the worker consists of.",
        |text, labels, usage| text.sample(labels, usage.processes as u64),
    );
}

fn put_suppressed(text: &mut Text, suppressed: [u64; SOURCES.len()]) {
    text.family(
        "mattermost_plugin_output_lines_suppressed_total",
        Type::Counter,
        "Lines of the worker's output and log that came too fast and were left out.",
    );
    for (source, lines) in SOURCES.into_iter().zip(suppressed) {
        text.sample(&[("source", source)], lines);
    }
}

fn put_events(text: &mut Text, dropped: u64) {
    text.family(
        "mattermost_plugin_events_dropped_total",
        Type::Counter,
        "Events that no worker got: there was none, or too many waited.",
    );
    text.sample(&[], dropped);
}

fn put_outcomes<'a>(text: &mut Text, label: &str, series: impl Iterator<Item = &'a Series>) {
    for series in series {
        text.sample(&[(label, series.name), ("outcome", "ok")], series.succeeded);
        text.sample(&[(label, series.name), ("outcome", "error")], series.failed);
    }
}

impl Core {
    /// The metrics as text, as of now.
    pub(crate) fn metrics_text(&self) -> String {
        self.metrics.render(Gauges {
            usage: self.workers.iter().map(Worker::usage_now).collect(),
            worker_up: self.workers.is_any_ready(),
            workers_ready: self.workers.iter().filter(|worker| worker.is_ready()).count(),
            degraded: self.workers.is_degraded(),
            hooks_overdue: self.overdue.len(),
            hooks_running: self.workers.iter().map(|worker| worker.dispatcher.running()).sum(),
            hooks_queued: self.workers.iter().map(|worker| worker.dispatcher.queued()).sum(),
            streams: self.routes.len(),
        })
    }
}
