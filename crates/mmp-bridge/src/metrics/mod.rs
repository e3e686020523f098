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

use crate::core::Core;
use crate::driver::is_driver;
use histogram::Histogram;
use text::{Text, Type};

/// The classes of HTTP responses, by the first digit of the status.
const CLASSES: [&str; 7] = ["hijacked", "1xx", "2xx", "3xx", "4xx", "5xx", "other"];

/// What was counted since the bridge began.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    hooks: Family,
    api: Family,
    driver: Family,
    /// How often a worker that had ended was started again.
    pub(crate) restarts: u64,
    /// HTTP responses by [`CLASSES`].
    responses: [u64; CLASSES.len()],
}

/// What is measured when it is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gauges {
    pub(crate) worker_up: bool,
    pub(crate) hooks_running: usize,
    pub(crate) hooks_queued: usize,
    pub(crate) streams: usize,
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
    durations: Histogram,
}

impl Family {
    /// Counts a call. `at` is the method's position in its service.
    fn count(&mut self, at: usize, method: &'static Method, took: Duration, ok: bool) {
        if at >= self.series.len() {
            self.series.resize_with(at + 1, || None);
        }
        let series = self.series[at].get_or_insert_default();
        series.name = method.name;
        if ok {
            series.succeeded += 1;
        } else {
            series.failed += 1;
        }
        series.durations.observe(took);
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

    /// An API call was answered.
    pub(crate) fn api_call(&mut self, method: &'static Method, took: Duration, ok: bool) {
        if is_driver(method) {
            let first = generated::DRIVER.first().map_or(0, |first| first.id);
            self.driver.count(usize::from(method.id - first), method, took, ok);
        } else {
            self.api.count(usize::from(method.id), method, took, ok);
        }
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
        put_worker(&mut text, self.restarts, gauges);
        let hooks = || self.hooks.series();
        text.family("mattermost_plugin_hooks_total", Type::Counter, "Hooks that the worker answered, and that failed.");
        put_outcomes(&mut text, "hook", hooks());
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

fn put_worker(text: &mut Text, restarts: u64, gauges: Gauges) {
    text.family("mattermost_plugin_worker_up", Type::Gauge, "Whether the plugin's worker runs and gets hooks.");
    text.sample(&[], u64::from(gauges.worker_up));
    text.family(
        "mattermost_plugin_worker_restarts_total",
        Type::Counter,
        "How often the worker ended and was started again.",
    );
    text.sample(&[], restarts);
    text.family("mattermost_plugin_hooks_running", Type::Gauge, "Hooks that the worker runs now.");
    text.sample(&[], gauges.hooks_running as u64);
    text.family("mattermost_plugin_hooks_queued", Type::Gauge, "Hooks that wait for the worker now.");
    text.sample(&[], gauges.hooks_queued as u64);
    text.family("mattermost_plugin_streams_open", Type::Gauge, "Bodies and files that are being passed on now.");
    text.sample(&[], gauges.streams as u64);
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
            worker_up: self.worker.is_active(),
            hooks_running: self.dispatcher.running(),
            hooks_queued: self.dispatcher.queued(),
            streams: self.routes.len(),
        })
    }
}
