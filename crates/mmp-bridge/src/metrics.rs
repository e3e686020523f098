//! The plugin's metrics in Prometheus' text format.

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {}

impl Metrics {
    /// All of it as text.
    pub(crate) fn render(&self) -> String {
        String::new()
    }
}
