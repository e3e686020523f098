//! `cargo xtask bundle DIR`: a plugin, packed for the server's upload.

mod archive;
mod checksums;
mod contents;
mod fits;
mod manifest;
mod own_build;
mod packages;
mod program;
mod schema;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::files;
use crate::project::{self, Project};
use crate::python::{Python, Requirement};
use crate::shell::Shell;
pub(crate) use checksums::write as list_files;
use manifest::{Kind, Manifest, PythonWorker};
use program::{BRIDGE, Profile, Program};

/// The server refuses larger uploads, unless its FileSettings.MaxFileSize was raised.
const UPLOAD_LIMIT: u64 = 100 << 20;

/// The bridge's feature with which its protections can be switched off.
const UNPROTECTED: &str = "unprotected";

/// The arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The plugin's directory, with its plugin.json.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The archive; dist/<id>-<version>.tar.gz by default.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Use a bridge with debug information and checks, which is larger and slower.
    #[arg(long)]
    debug: bool,
    /// The interpreter whose version the dependencies are for.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

/// How a bundle is made.
pub(crate) struct Options {
    /// Where the archive goes; none is made otherwise.
    pub(crate) archive: Option<Archive>,
    /// A bridge with debug information and checks.
    pub(crate) debug: bool,
    /// The interpreter; `python3` by default.
    pub(crate) python: Option<PathBuf>,
    /// A bridge whose protections can be switched off, for tests of faults.
    pub(crate) unprotected: bool,
}

/// Where an archive goes.
pub(crate) enum Archive {
    /// This file.
    File(PathBuf),
    /// `<id>-<version>.tar.gz` in this directory.
    In(PathBuf),
}

impl Options {
    /// Only the unpacked bundle, as a server has it after the upload.
    pub(crate) fn unpacked() -> Options {
        Options { archive: None, debug: false, python: None, unprotected: false }
    }
}

/// A finished bundle.
pub(crate) struct Bundle {
    /// The archive, if one was asked for.
    pub(crate) archive: Option<PathBuf>,
    /// The unpacked bundle: `target/bundles/<id>`.
    pub(crate) directory: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let project = Project::load()?;
    let archive = match &args.out {
        Some(file) => Archive::File(file.clone()),
        None => Archive::In(PathBuf::from("dist")),
    };
    let options =
        Options { archive: Some(archive), debug: args.debug, python: args.python.clone(), unprotected: false };
    let shell = Shell::terminal();
    shell.say("building the bridge and fetching packages; the first time takes a minute or two");
    let bundle = build(&shell, &project, &args.dir, &options)?;
    if let Some(archive) = &bundle.archive {
        println!("{}", archive.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the bundle of the plugin in `dir`.
pub(crate) fn build(shell: &Shell, project: &Project, dir: &Path, options: &Options) -> Result<Bundle> {
    let manifest = Manifest::read(project, dir, &project::platform())?;
    let bundles = project.made("bundles")?;
    let directory = bundles.join(&manifest.id);
    let staging = bundles.join(format!(".{}.partial", manifest.id));
    files::empty(&staging)?;
    let plan = Plan { shell, project, options, manifest: &manifest, dir, staging: &staging };
    match &manifest.kind {
        Kind::Python(worker) => plan.python(worker)?,
        Kind::Grpc => plan.grpc()?,
        Kind::Native { package } => plan.native(package)?,
    }
    checksums::write(&staging)?;
    files::remove(&directory)?;
    std::fs::rename(&staging, &directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let archive = match &options.archive {
        Some(place) => Some(pack(shell, &manifest, &directory, place)?),
        None => None,
    };
    Ok(Bundle { archive, directory })
}

/// How the parts of a bundle come together in the directory `staging`.
struct Plan<'a> {
    shell: &'a Shell,
    project: &'a Project,
    options: &'a Options,
    manifest: &'a Manifest,
    dir: &'a Path,
    staging: &'a Path,
}

impl Plan<'_> {
    /// The bridge, the plugin's files, the SDK and the plugin's packages.
    fn python(&self, worker: &PythonWorker) -> Result<()> {
        let Plan { shell, project, manifest, staging, .. } = *self;
        let python = interpreter(shell, worker, self.options.python.as_deref())?;
        contents::plugin(self.dir, staging)?;
        manifest.check_files(staging)?;
        // Most of the time goes into the compiler; pip waits for the network meanwhile.
        let (executable, packages) = std::thread::scope(|scope| {
            let packages = scope.spawn(|| packages::vendor(shell, project, &python, worker, staging));
            let executable = self.put(BRIDGE);
            let packages = packages.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (executable, packages)
        });
        executable?;
        packages?;
        contents::precompile(shell, &python, staging)?;
        fits::report(shell, &python, manifest, worker, staging)
    }

    /// The bridge, and what the plugin's own build leaves.
    fn grpc(&self) -> Result<()> {
        contents::plugin(self.dir, self.staging)?;
        own_build::run(self.shell, self.project, self.dir, self.staging, self.options.python.as_deref())?;
        self.manifest.check_files(self.staging)?;
        self.put(BRIDGE)
    }

    /// The plugin's own program, and what it may have beside it.
    fn native(&self, package: &str) -> Result<()> {
        contents::assets(self.dir, self.staging)?;
        self.manifest.check_files(self.staging)?;
        self.put(Program { package, name: package })
    }

    /// Builds a program and puts it where the server looks for it.
    fn put(&self, program: Program) -> Result<()> {
        let triple = project::host_triple(self.shell)?;
        let features = if self.options.unprotected && program.name == BRIDGE.name { UNPROTECTED } else { "" };
        let profile = Profile { debug: self.options.debug, features };
        let executable = program::build(self.shell, self.project, program, &triple, profile)?;
        files::put(&executable, &self.staging.join(&self.manifest.executable))
    }
}

/// The interpreter for pip and for the bytecode: one that the manifest allows, because the plugin's syntax may need it.
fn interpreter(shell: &Shell, worker: &PythonWorker, named: Option<&Path>) -> Result<Python> {
    let text = format!("{} (server.python.requires_python in plugin.json)", worker.requires);
    let allows = |version| version >= (3, 10, 0) && worker.requires.allows(version);
    Python::find(shell, named, Requirement { text: &text, allows: &allows })
}

fn pack(shell: &Shell, manifest: &Manifest, directory: &Path, place: &Archive) -> Result<PathBuf> {
    let path = match place {
        Archive::File(file) => file.clone(),
        Archive::In(parent) => parent.join(format!("{}-{}.tar.gz", manifest.id, manifest.version)),
    };
    let size = archive::write(directory, &manifest.id, &path)?;
    shell.say(&format!("{}: {:.1} MiB", path.display(), mebibytes(size)));
    if size > UPLOAD_LIMIT {
        shell.say(&format!(
            "warning: a server accepts uploads up to {:.0} MiB unless its FileSettings.MaxFileSize is raised",
            mebibytes(UPLOAD_LIMIT)
        ));
    }
    Ok(path)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
