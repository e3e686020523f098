//! `cargo xtask gen`: everything that is made from `schema/`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use mmp_codegen::generate::{self, Report, Scope};
use mmp_codegen::{Backend, Project, SchemaPaths, backends};

/// The arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail if a generated file is missing, different, or made by no backend, or a description is missing.
    #[arg(long)]
    check: bool,
    /// Write the files of this backend only, and remove none.
    #[arg(long, value_name = "BACKEND", conflicts_with = "check")]
    only: Option<String>,
    /// The directory of the schema's files.
    #[arg(long, value_name = "DIR")]
    schema: Option<PathBuf>,
    /// Where the generated tree begins; the checkout by default.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let root = crate::root();
    let schema = args.schema.clone().unwrap_or_else(|| root.join("schema"));
    let out = args.out.clone().unwrap_or(root);
    let paths = SchemaPaths::in_dir(&schema);
    let project = Project::load(&paths)?;
    let backends = chosen(args.only.as_deref())?;
    if args.check {
        return check(&generate::check(&out, &paths.lock, &project, &backends)?);
    }
    let scope = if args.only.is_some() { Scope::Only } else { Scope::All };
    let report = generate::write(&out, &paths.lock, &project, &backends, scope)
        .with_context(|| format!("cannot generate into {}", out.display()))?;
    print(&report);
    Ok(ExitCode::SUCCESS)
}

fn chosen(only: Option<&str>) -> Result<Vec<&'static dyn Backend>> {
    let all = backends::all();
    let Some(name) = only else { return Ok(all) };
    let names: Vec<_> = all.iter().map(|backend| backend.name()).collect();
    match all.into_iter().find(|backend| backend.name() == name) {
        Some(backend) => Ok(vec![backend]),
        None => bail!("there is no backend `{name}`; there are {}", names.join(", ")),
    }
}

fn check(findings: &generate::Findings) -> Result<ExitCode> {
    if findings.is_empty() {
        eprintln!("generated files are up to date");
        return Ok(ExitCode::SUCCESS);
    }
    eprint!("{findings}");
    eprintln!("generated files are not up to date; run `cargo xtask gen`");
    Ok(ExitCode::FAILURE)
}

fn print(report: &Report) {
    for (what, names) in [
        ("added", &report.changes.added),
        ("removed", &report.changes.removed),
        ("written", &report.written),
        ("deleted", &report.removed),
        ("warning", &report.warnings),
    ] {
        for name in names {
            eprintln!("{what}: {name}");
        }
    }
    let changes = &report.changes;
    eprintln!(
        "{} files written, {} deleted; {} names added to the schema, {} removed",
        report.written.len(),
        report.removed.len(),
        changes.added.len(),
        changes.removed.len()
    );
}
