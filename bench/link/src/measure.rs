//! The rounds: every variant with a fresh server, in an order that changes.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::link::{Link, Variant};
use crate::post::{PAYLOADS, Request, requests};
use crate::venv::Python;

/// How many calls are made at once, in the two ways of calling.
pub(crate) const CONCURRENT: [usize; 2] = [1, 16];

/// Unmeasured calls before every batch.
const WARM_UP: usize = 200;

/// What one batch of calls showed.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) rate: f64,
    pub(crate) cpu_us: f64,
}

/// Everything measured of one variant.
#[derive(Default)]
pub(crate) struct Series {
    /// By post and number at once (as in [`PAYLOADS`] and [`CONCURRENT`]), and then by round.
    pub(crate) cells: [[Vec<Sample>; CONCURRENT.len()]; PAYLOADS.len()],
    pub(crate) resident_kb: Vec<f64>,
}

/// Everything measured.
#[derive(Default)]
pub(crate) struct Measured {
    /// In the order of [`Variant::ALL`].
    pub(crate) series: [Series; Variant::ALL.len()],
    /// The machine's load average of the last minute, before every round and after the last.
    pub(crate) loads: Vec<f64>,
}

/// Measures.
pub(crate) fn run(python: &Python, rounds: u32, calls: usize) -> Result<Measured> {
    let mut measured = Measured::default();
    for round in 0..rounds {
        measured.loads.push(load()?);
        eprintln!("round {} of {rounds}", round + 1);
        for at in order(round as usize) {
            let variant = Variant::ALL[at];
            visit(variant, python, calls, &mut measured.series[at]).with_context(|| variant.name())?;
        }
    }
    measured.loads.push(load()?);
    Ok(measured)
}

/// The order of a round: it begins elsewhere every second time and goes backwards in between, so that no variant always follows the same one.
fn order(round: usize) -> Vec<usize> {
    let count = Variant::ALL.len();
    let mut order: Vec<usize> = (0..count).map(|at| (at + round / 2) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

fn visit(variant: Variant, python: &Python, calls: usize, series: &mut Series) -> Result<()> {
    let mut link = variant.start(python)?;
    for (cells, request) in series.cells.iter_mut().zip(requests()) {
        for (cell, concurrent) in cells.iter_mut().zip(CONCURRENT) {
            cell.push(batch(link.as_mut(), &request, concurrent, calls)?);
        }
    }
    series.resident_kb.push(link.server().resident_kb()? as f64);
    Ok(())
}

fn batch(link: &mut dyn Link, request: &Request, concurrent: usize, calls: usize) -> Result<Sample> {
    link.calls(request, concurrent, WARM_UP)?;
    let (cpu, start) = (link.server().cpu_ns()?, Instant::now());
    let mut took = link.calls(request, concurrent, calls)?;
    let elapsed = start.elapsed();
    let cpu = link.server().cpu_ns()?.saturating_sub(cpu);
    took.sort_unstable();
    Ok(Sample {
        p50_us: percentile(&took, 50),
        p99_us: percentile(&took, 99),
        rate: calls as f64 / elapsed.as_secs_f64(),
        cpu_us: cpu as f64 / 1000.0 / calls as f64,
    })
}

/// In microseconds, of sorted times.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e6)
}

fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().next().context("an empty loadavg")?.parse()?)
}
