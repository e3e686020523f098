//! The figures: medians over the rounds, and how many times faster than the better of the two gRPC servers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::link::Variant;
use crate::measure::{CONCURRENT, Measured, Sample};
use crate::post::PAYLOADS;

/// What is written as JSON.
#[derive(Serialize)]
pub(crate) struct Report {
    rounds: usize,
    calls: u32,
    versions: String,
    /// The lowest and the highest load average that was seen.
    load: (f64, f64),
    /// The smallest of all factors of the variants with frames.
    least_times: f64,
    variants: Vec<Figure>,
}

#[derive(Serialize)]
struct Figure {
    name: &'static str,
    resident_mb: f64,
    /// By post and number at once: `plain c=1`.
    cells: BTreeMap<String, Cell>,
}

#[derive(Serialize)]
struct Cell {
    p50_us: f64,
    p99_us: f64,
    rate_per_s: f64,
    server_cpu_us: f64,
    /// The better gRPC server's p50 divided by this one: above 1 is faster.
    p50_times: f64,
    /// This rate divided by the better gRPC server's: above 1 is faster.
    rate_times: f64,
}

impl Report {
    /// Takes the medians.
    pub(crate) fn new(measured: &Measured, calls: u32, versions: String) -> Report {
        let variants = Variant::ALL.iter().zip(&measured.series).map(|(variant, series)| Figure {
            name: variant.name(),
            resident_mb: median(series.resident_kb.iter().map(|kb| kb / 1024.0)),
            cells: cells(measured, *variant),
        });
        let variants: Vec<Figure> = variants.collect();
        let frames = Variant::ALL.iter().zip(&variants).filter(|(variant, _)| !variant.is_grpc());
        let factors =
            frames.flat_map(|(_, figure)| figure.cells.values()).map(|cell| cell.p50_times.min(cell.rate_times));
        let loads = measured.loads.iter().copied();
        Report {
            rounds: measured.loads.len() - 1,
            calls,
            versions,
            load: (loads.clone().fold(f64::MAX, f64::min), loads.fold(0.0, f64::max)),
            least_times: factors.fold(f64::MAX, f64::min),
            variants,
        }
    }

    /// The tables.
    pub(crate) fn render(&self) -> String {
        let mut text = String::from("# Link against link\n\n");
        let (low, high) = self.load;
        let _ = writeln!(text, "- {}", self.versions);
        let _ = writeln!(text, "- load average {low:.1} to {high:.1} on {} processors", processors());
        let _ = writeln!(
            text,
            "- medians of {} interleaved rounds of {} calls; in parentheses: how many times faster than the better of the two gRPC servers",
            self.rounds, self.calls
        );
        for concurrent in CONCURRENT {
            self.table(&mut text, concurrent);
        }
        let _ = writeln!(text, "\nThe smallest factor of frames over all rates and p50s: {:.1}", self.least_times);
        text += "\n## Resident memory of the server in MB\n\n| | |\n|---|---|\n";
        for figure in &self.variants {
            let _ = writeln!(text, "| {} | {:.1} |", figure.name, figure.resident_mb);
        }
        text
    }

    fn table(&self, text: &mut String, concurrent: usize) {
        let heading = match concurrent {
            1 => "One at a time: p50 in us (times) / p99 / server's processor us per call".to_owned(),
            many => {
                format!("{many} at once: calls a second (times) / p50 in us (times) / server's processor us per call")
            }
        };
        let _ =
            write!(text, "\n## {heading}\n\n| | {} |\n|---|{}\n", PAYLOADS.join(" | "), "---|".repeat(PAYLOADS.len()));
        for figure in &self.variants {
            let cell = |payload| figure.cells.get(&key(payload, concurrent)).map(|cell| cell.show(concurrent));
            let cells: Vec<String> = PAYLOADS.into_iter().filter_map(cell).collect();
            let _ = writeln!(text, "| {} | {} |", figure.name, cells.join(" | "));
        }
    }
}

impl Cell {
    fn show(&self, concurrent: usize) -> String {
        let p50 = format!("{:.0} (**{:.1}**)", self.p50_us, self.p50_times);
        match concurrent {
            1 => format!("{p50} / {:.0} / {:.0}", self.p99_us, self.server_cpu_us),
            _ => format!("{:.0} (**{:.1}**) / {p50} / {:.0}", self.rate_per_s, self.rate_times, self.server_cpu_us),
        }
    }
}

fn key(payload: &str, concurrent: usize) -> String {
    format!("{payload} c={concurrent}")
}

fn cells(measured: &Measured, variant: Variant) -> BTreeMap<String, Cell> {
    let mut cells = BTreeMap::new();
    for (payload, name) in PAYLOADS.into_iter().enumerate() {
        for (column, concurrent) in CONCURRENT.into_iter().enumerate() {
            let rounds = |variant: Variant| {
                let at = Variant::ALL.iter().position(|other| *other == variant).unwrap_or_default();
                measured.series[at].cells[payload][column].as_slice()
            };
            let rivals: Vec<&[Sample]> = Variant::ALL.into_iter().filter(|v| v.is_grpc()).map(rounds).collect();
            cells.insert(key(name, concurrent), cell(rounds(variant), &rivals));
        }
    }
    cells
}

/// Ratios are taken within each round, where the machine was in the same mood, to the rival whose median is better.
fn cell(own: &[Sample], rivals: &[&[Sample]]) -> Cell {
    let of = |rounds: &[Sample], figure: fn(&Sample) -> f64| median(rounds.iter().map(figure));
    let times = |slowness: fn(&Sample) -> f64| {
        let better = rivals.iter().min_by(|a, b| of(a, slowness).total_cmp(&of(b, slowness)));
        let pairs = better.into_iter().flat_map(|rival| rival.iter().zip(own));
        median(pairs.map(|(rival, own)| slowness(rival) / slowness(own)))
    };
    Cell {
        p50_us: of(own, |sample| sample.p50_us),
        p99_us: of(own, |sample| sample.p99_us),
        rate_per_s: of(own, |sample| sample.rate),
        server_cpu_us: of(own, |sample| sample.cpu_us),
        p50_times: times(|sample| sample.p50_us),
        rate_times: times(|sample| 1.0 / sample.rate),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        Some(upper) if values.len() % 2 == 1 => *upper,
        Some(upper) => (values[middle - 1] + upper) / 2.0,
        None => f64::NAN,
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(p50_us: f64, rate: f64) -> Sample {
        Sample { p50_us, p99_us: p50_us * 2.0, rate, cpu_us: 10.0 }
    }

    #[test]
    fn times_are_against_the_better_rival_round_by_round() {
        let own = [sample(10.0, 100.0), sample(20.0, 50.0), sample(10.0, 100.0)];
        let slow_to_answer = [sample(90.0, 25.0); 3];
        let low_rate = [sample(50.0, 20.0), sample(100.0, 10.0), sample(60.0, 20.0)];
        let cell = cell(&own, &[&slow_to_answer, &low_rate]);
        assert_eq!((cell.p50_us, cell.rate_per_s), (10.0, 100.0));
        assert_eq!((cell.p50_times, cell.rate_times), (5.0, 4.0));
    }

    #[test]
    fn an_even_number_of_rounds_has_a_median_too() {
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }
}
