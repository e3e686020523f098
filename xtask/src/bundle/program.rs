//! The program that the server starts: the bridge, or a plugin in Rust. One static file, because a server's container may have no libgcc and another libc.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::project::Project;
use crate::shell::Shell;

const STATIC: &str = "-C target-feature=+crt-static";

/// A program of the workspace.
#[derive(Clone, Copy)]
pub(crate) struct Program<'a> {
    /// Its package.
    pub(crate) package: &'a str,
    /// Its file.
    pub(crate) name: &'a str,
}

/// The bridge.
pub(crate) const BRIDGE: Program = Program { package: "mmp-bridge", name: "mattermost-plugin-bridge" };

/// How a program is built.
#[derive(Clone, Copy)]
pub(crate) struct Profile<'a> {
    /// With debug information and checks.
    pub(crate) debug: bool,
    /// Cargo features, separated by commas.
    pub(crate) features: &'a str,
}

/// Builds a program and returns its path.
pub(crate) fn build(shell: &Shell, project: &Project, program: Program, triple: &str, how: Profile) -> Result<PathBuf> {
    let mut command = project.cargo();
    command.args(["build", "--quiet", "--package", program.package, "--target", triple, "--features", how.features]);
    if !how.debug {
        command.arg("--release");
    }
    // Flags for all targets would win over those for one target, so they are moved there.
    let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", triple.replace('-', "_").to_uppercase());
    let given = [std::env::var("RUSTFLAGS").ok(), std::env::var(&variable).ok()].into_iter().flatten();
    let flags: Vec<String> = given.chain([STATIC.to_owned()]).collect();
    command.env(variable, flags.join(" ")).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    shell.run(&mut command).with_context(|| format!("{} does not build", program.package))?;

    let profile = if how.debug { "debug" } else { "release" };
    let executable = project.target.join(triple).join(profile).join(program.name);
    let bytes = std::fs::read(&executable).with_context(|| format!("cannot read {}", executable.display()))?;
    if needs_a_loader(&bytes) {
        bail!("{} is not linked statically and would not start in every container", relative(project, &executable));
    }
    Ok(executable)
}

fn relative(project: &Project, path: &Path) -> String {
    path.strip_prefix(&project.root).unwrap_or(path).display().to_string()
}

/// Whether a 64-bit little-endian ELF file names a dynamic loader: has a program header of the type PT_INTERP (3).
fn needs_a_loader(elf: &[u8]) -> bool {
    let number = |at: usize, size: usize| {
        let bytes = elf.get(at..at + size)?;
        bytes.iter().rev().try_fold(0usize, |all, &byte| all.checked_mul(256)?.checked_add(usize::from(byte)))
    };
    let (Some(table), Some(size), Some(count)) = (number(0x20, 8), number(0x36, 2), number(0x38, 2)) else {
        return true;
    };
    (0..count).any(|index| number(table.saturating_add(index * size), 4).is_none_or(|kind| kind == 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_is_told_apart() {
        let mut elf = vec![0; 0x40 + 2 * 56];
        elf[0x20] = 0x40;
        elf[0x36] = 56;
        elf[0x38] = 2;
        elf[0x40] = 1;
        elf[0x40 + 56] = 2;
        assert!(!needs_a_loader(&elf));
        elf[0x40 + 56] = 3;
        assert!(needs_a_loader(&elf));
        assert!(needs_a_loader(&elf[..0x50]));
        assert!(needs_a_loader(b"#!/bin/sh"));
    }
}
