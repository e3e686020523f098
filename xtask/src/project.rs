//! The checkout: where things are, and what cargo says about it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::shell::Shell;

/// The checkout.
pub(crate) struct Project {
    /// Its root.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, which also holds what these commands make.
    pub(crate) target: PathBuf,
    /// The workspace's crates.
    pub(crate) packages: Vec<Package>,
}

/// A crate of the workspace, as `cargo metadata` describes it.
#[derive(Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its Cargo.toml.
    #[serde(default)]
    pub(crate) manifest_path: PathBuf,
    /// What it depends on.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency of a crate.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    /// The crate's name.
    pub(crate) name: String,
    /// None, "dev" or "build".
    pub(crate) kind: Option<String>,
    /// Where it is, if it is in this checkout.
    pub(crate) path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

impl Project {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Project> {
        let root = crate::root();
        let mut command = cargo(&root);
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        let text = Shell::terminal().read(&mut command)?;
        let metadata: Metadata = serde_json::from_str(&text).context("cargo metadata")?;
        Ok(Project { root, target: metadata.target_directory, packages: metadata.packages })
    }

    /// A directory below the target directory, which exists.
    pub(crate) fn made(&self, name: &str) -> Result<PathBuf> {
        let directory = self.target.join(name);
        std::fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(directory)
    }

    /// `cargo` in the root.
    pub(crate) fn cargo(&self) -> Command {
        cargo(&self.root)
    }
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// The triple of this machine, which must be one that the bridge runs on.
pub(crate) fn host_triple(shell: &Shell) -> Result<String> {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let text = shell.read(command.arg("-vV")).context("Rust is needed: install it with rustup")?;
    match text.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(triple) if triple.contains("linux") => Ok(triple.to_owned()),
        Some(triple) => bail!("bundles are made on Linux, where Mattermost's servers run; this machine is {triple}"),
        None => bail!("rustc does not tell its host triple"),
    }
}

/// The platform of this machine in the words of `server.executables`: `linux-amd64`.
pub(crate) fn platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}-{architecture}", std::env::consts::OS)
}
