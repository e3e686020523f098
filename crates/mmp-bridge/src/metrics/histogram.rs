//! How long calls took.

use std::time::Duration;

/// The upper bounds of the buckets in nanoseconds, and as they are written in seconds.
const BOUNDS: [(u64, &str); 14] = [
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
    (30_000_000_000, "30"),
];

/// Durations by bucket.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// How many durations are above the bound before and not above this one; the last ones are above all.
    counts: [u64; BOUNDS.len() + 1],
    sum_nanos: u64,
}

impl Histogram {
    /// Counts a duration.
    pub(super) fn observe(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| nanos <= bound.0).unwrap_or(BOUNDS.len());
        self.counts[bucket] += 1;
        self.sum_nanos = self.sum_nanos.saturating_add(nanos);
    }

    /// The bounds, and how many durations are not above each: Prometheus' buckets are cumulative.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let bounds = BOUNDS.iter().map(|bound| bound.1).chain(["+Inf"]);
        let mut sum = 0;
        bounds.zip(self.counts).map(move |(bound, count)| {
            sum += count;
            (bound, sum)
        })
    }

    /// How many durations were counted.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum in seconds.
    #[allow(clippy::cast_precision_loss, reason = "a sum in seconds is a float in this format")]
    pub(super) fn sum(&self) -> f64 {
        self.sum_nanos as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_their_own_bucket() {
        let mut histogram = Histogram::default();
        for millis in [0, 1, 2, 30_000, 30_001] {
            histogram.observe(Duration::from_millis(millis));
        }
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets[..2], [("0.001", 2), ("0.0025", 3)]);
        assert_eq!(buckets[12..], [("10", 3), ("30", 4), ("+Inf", 5)]);
        assert_eq!(histogram.count(), 5);
        assert!((histogram.sum() - 60.004).abs() < 1e-9, "{}", histogram.sum());
    }

    #[test]
    fn the_bounds_ascend_and_are_what_they_say() {
        assert!(BOUNDS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(BOUNDS.iter().all(|(nanos, text)| text.parse::<f64>().unwrap() * 1e9 == *nanos as f64));
    }
}
