//! `cargo xtask fuzz`: the targets of `fuzz/` with libFuzzer, for a bounded time.
//!
//! The coverage that libFuzzer goes by is a pass of LLVM, which every compiler has. Only the sanitizers need a nightly one, and they look for faults of unsafe
//! code, of which what is fuzzed has none. So this builds with the project's own compiler; the layout is that of `cargo fuzz`, which adds one.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::files;
use crate::project::{Project, host_triple};
use crate::shell::Shell;

/// The arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The targets; all of them by default.
    targets: Vec<String>,
    /// For how long each of them runs.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// What the random numbers begin with; chosen anew for every run by default. With it, a run does not go on from what earlier ones have found, so that it is the same every time.
    #[arg(long, value_name = "N")]
    seed: Option<u32>,
    /// Run one input, once, and show what comes of it.
    #[arg(long, value_name = "FILE", conflicts_with = "keep")]
    input: Option<PathBuf>,
    /// Afterwards take into `fuzz/corpus` what reaches code that nothing there and no seed reaches.
    #[arg(long)]
    keep: bool,
}

/// What libFuzzer goes by (`cargo fuzz` gives the same): counters for the edges of the code, and the operands of comparisons.
const FLAGS: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];

/// An input is ended that takes longer; all of them are short.
const SECONDS_PER_INPUT: u64 = 10;

/// Inputs are no longer than this: what is found in longer ones is found in shorter ones, too.
const LONGEST: usize = 16 * 1024;

/// Longer inputs are not kept: the checkout stays small, and the fuzzer finds them again from the seeds.
const LONGEST_KEPT: u64 = 2 * 1024;

/// How long loading the inputs, or looking through them, may take besides.
const LOADING: Duration = Duration::from_secs(300);

/// How many lines of a target that has found something are shown.
const SHOWN: usize = 60;

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (shell, project) = (Shell::terminal(), Project::load()?);
    if let Some(missing) = missing(&shell) {
        bail!("{missing}");
    }
    let fuzzer = Fuzzer::build(&shell, &project)?;
    let chosen = fuzzer.choose(&args.targets)?;
    if let Some(input) = &args.input {
        let [target] = chosen.as_slice() else { bail!("name the target of the input") };
        shell.run(Command::new(fuzzer.program(target)).arg(input).env("RUST_BACKTRACE", "1"))?;
        return Ok(ExitCode::SUCCESS);
    }
    fuzzer.run_all(&shell, &chosen, Duration::from_secs(args.seconds), args.seed)?;
    if args.keep {
        for target in &chosen {
            fuzzer.keep(&shell, target)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What has to be installed, if it is not there.
pub(crate) fn missing(shell: &Shell) -> Option<&'static str> {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let found = shell.read(Command::new(compiler).arg("--version"));
    found.is_err().then_some("libFuzzer is compiled from C++: install a C++ compiler (`c++`)")
}

/// The targets, built.
pub(crate) struct Fuzzer {
    /// The programs.
    programs: PathBuf,
    /// What is made: seeds, inputs, findings, logs.
    made: PathBuf,
    /// `fuzz/` in the checkout.
    sources: PathBuf,
}

impl Fuzzer {
    /// Builds all targets.
    pub(crate) fn build(shell: &Shell, project: &Project) -> Result<Fuzzer> {
        let (made, sources, triple) = (project.made("fuzz")?, project.root.join("fuzz"), host_triple(shell)?);
        let mut command = project.cargo();
        command.args(["build", "--release", "--locked", "--manifest-path"]).arg(sources.join("Cargo.toml"));
        // With the target named, build scripts and macros are built without the flags.
        command.args(["--target", &triple, "--target-dir"]).arg(&made);
        command.env("RUSTFLAGS", FLAGS.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS");
        shell.run(&mut command)?;
        Ok(Fuzzer { programs: made.join(triple).join("release"), made, sources })
    }

    /// The names of all targets: the files of `fuzz/fuzz_targets`.
    pub(crate) fn all(&self) -> Result<Vec<String>> {
        let files = files::walk(&self.sources.join("fuzz_targets"), &|_| true)?;
        Ok(files.iter().filter_map(|file| Some(file.relative.strip_suffix(".rs")?.to_owned())).collect())
    }

    fn choose(&self, names: &[String]) -> Result<Vec<String>> {
        let all = self.all()?;
        if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
            bail!("there is no target {unknown}; there are: {}", all.join(", "));
        }
        Ok(if names.is_empty() { all } else { names.to_vec() })
    }

    fn program(&self, target: &str) -> PathBuf {
        self.programs.join(target)
    }

    /// A directory of a target, which exists.
    fn made(&self, what: &str, target: &str) -> Result<PathBuf> {
        let directory = self.made.join(what).join(target);
        std::fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(directory)
    }

    /// Where its inputs are, the one for new ones first: those found here, the seeds, and those that are kept.
    fn inputs(&self, shell: &Shell, target: &str) -> Result<Vec<PathBuf>> {
        self.inputs_with(shell, target, self.made("found", target)?)
    }

    /// The same, without what was found by earlier runs.
    fn fresh_inputs(&self, shell: &Shell, target: &str) -> Result<Vec<PathBuf>> {
        let found = self.made("found-with-a-seed", target)?;
        files::empty(&found)?;
        self.inputs_with(shell, target, found)
    }

    fn inputs_with(&self, shell: &Shell, target: &str, found: PathBuf) -> Result<Vec<PathBuf>> {
        let seeds = self.made("seeds", target)?;
        files::empty(&seeds)?;
        // The seeds follow the schema, so they are made anew.
        shell.read(Command::new(self.program(target)).env("MMP_FUZZ_SEEDS", &seeds))?;
        let kept = self.sources.join("corpus").join(target);
        Ok([found, seeds].into_iter().chain(kept.is_dir().then_some(kept)).collect())
    }

    /// Runs targets, as many at a time as there are processors. All run to their end, even if one finds something.
    pub(crate) fn run_all(&self, shell: &Shell, targets: &[String], time: Duration, seed: Option<u32>) -> Result<()> {
        let (queue, failed) = (Mutex::new(targets.iter()), Mutex::new(Vec::new()));
        let worker = || {
            while let Some(target) = next(&queue) {
                if let Err(error) = self.run(shell, target, time, seed) {
                    shell.say(&format!("{target}: {error:#}"));
                    failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(target.clone());
                }
            }
        };
        std::thread::scope(|scope| {
            let count = std::thread::available_parallelism().map_or(1, usize::from).min(targets.len());
            (0..count).for_each(|_| drop(scope.spawn(worker)));
        });
        let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        ensure!(failed.is_empty(), "fuzzing has found something in: {}", failed.join(", "));
        Ok(())
    }

    fn run(&self, shell: &Shell, target: &str, time: Duration, seed: Option<u32>) -> Result<()> {
        let log = self.made("logs", target)?.join("log");
        let logged = Shell::logged(&log, time + LOADING)?;
        let findings = self.made("artifacts", target)?;
        let mut command = Command::new(self.program(target));
        // What it says has to be short; `--input` shows where in the code it happens.
        command.env("RUST_BACKTRACE", "0").arg(format!("-max_total_time={}", time.as_secs()));
        command.arg(format!("-timeout={SECONDS_PER_INPUT}")).arg(format!("-max_len={LONGEST}"));
        command.args(["-rss_limit_mb=2048", "-print_final_stats=1"]).args(seed.map(|seed| format!("-seed={seed}")));
        command.arg(format!("-artifact_prefix={}/", findings.display()));
        let inputs = if seed.is_some() { self.fresh_inputs(&logged, target) } else { self.inputs(&logged, target) };
        let done = logged.run(command.args(inputs?));
        let text = std::fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        if done.is_err() {
            finding(&text).for_each(|line| shell.say(line));
            bail!(
                "it has found something; `cargo xtask fuzz {target} --input FILE` shows it again (everything it wrote: {})",
                log.display()
            );
        }
        shell.say(&summary(target, &text));
        Ok(())
    }

    /// Adds to `fuzz/corpus` the short inputs that reach what nothing there and no seed reaches.
    fn keep(&self, shell: &Shell, target: &str) -> Result<()> {
        let inputs = self.inputs(shell, target)?;
        let [found, seeds, ..] = inputs.as_slice() else { bail!("{target} has no inputs") };
        let kept = self.sources.join("corpus").join(target);
        std::fs::create_dir_all(&kept).with_context(|| format!("cannot make {}", kept.display()))?;
        // libFuzzer adds to its first directory; the seeds must not be among what it adds.
        let reached = self.made("reached", target)?;
        files::empty(&reached)?;
        files::copy(seeds, &reached, &|_| true)?;
        files::copy(&kept, &reached, &|_| true)?;
        let before = names(&reached)?;
        let logged = Shell::logged(&self.made("logs", target)?.join("keep"), LOADING)?;
        // How often code is reached does not count: few inputs are enough then.
        let mut command = Command::new(self.program(target));
        logged.run(command.args(["-merge=1", "-use_counters=0"]).arg(&reached).arg(found))?;
        let mut count = 0;
        for name in names(&reached)?.iter().filter(|name| !before.contains(name)) {
            if std::fs::metadata(reached.join(name))?.len() <= LONGEST_KEPT {
                files::put(&reached.join(name), &kept.join(name))?;
                count += 1;
            }
        }
        shell.say(&format!("{target}: {count} inputs were added to {}", kept.display()));
        Ok(())
    }
}

fn next<'t>(queue: &Mutex<impl Iterator<Item = &'t String>>) -> Option<&'t String> {
    queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next()
}

fn names(directory: &Path) -> Result<Vec<String>> {
    Ok(files::walk(directory, &|_| true)?.into_iter().map(|file| file.relative).collect())
}

/// What is shown of a log: from the panic on, or the end.
fn finding(log: &str) -> impl Iterator<Item = &str> {
    let end = log.lines().count().saturating_sub(SHOWN);
    let panic = log.lines().position(|line| line.contains(" panicked at "));
    log.lines().skip(panic.unwrap_or(end)).take(SHOWN)
}

/// What libFuzzer says at the end, in a line.
fn summary(target: &str, log: &str) -> String {
    let after = |text: &str, word: &str| -> Option<String> {
        Some(text.split_once(word)?.1.split_whitespace().next()?.to_owned())
    };
    let runs = after(log, "stat::number_of_executed_units:").unwrap_or_default();
    let coverage = log.lines().rev().find_map(|line| after(line, " cov: ")).unwrap_or_default();
    format!("{target}: {runs} inputs, {coverage} edges")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_finding_is_shown_from_its_panic_on() {
        let log = format!("{}thread 'main' panicked at a.rs:\nno\n{}", "#1\n".repeat(100), "more\n".repeat(100));
        let shown: Vec<_> = super::finding(&log).collect();
        assert_eq!((shown.len(), shown[1]), (super::SHOWN, "no"));
        assert_eq!(super::finding("ALARM\ntimeout").collect::<Vec<_>>(), ["ALARM", "timeout"]);
    }

    #[test]
    fn what_was_done_is_found_in_the_log() {
        let log = "#2 INITED cov: 7 ft: 8 corp: 1/1b\n#9 DONE   cov: 1717 ft: 2 corp: 3/4b\nDone 9 runs in 1 second(s)\n\
                   stat::number_of_executed_units: 9\nstat::average_exec_per_sec:     6475\n";
        assert_eq!(super::summary("gob", log), "gob: 9 inputs, 1717 edges");
    }
}
