//! Which Python versions a bundle fits: those for which every extension module in it was built.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Result, bail};

use super::contents::PACKAGES;
use super::manifest::{Manifest, PythonWorker, Requirement};
use crate::files;
use crate::python::Python;
use crate::shell::Shell;

/// The minor versions of Python 3 that are looked at.
pub(crate) const MINORS: RangeInclusive<u32> = 10..=14;

/// Whether a requirement allows some version of a series.
pub(crate) fn allows(requirement: &Requirement, minor: u32) -> bool {
    [0, 99].iter().any(|&patch| requirement.allows((3, minor, patch)))
}

/// Says which versions the bundle fits, and fails if there are none.
pub(crate) fn report(
    shell: &Shell,
    python: &Python,
    manifest: &Manifest,
    worker: &PythonWorker,
    bundle: &Path,
) -> Result<()> {
    let names = files::walk(&bundle.join(PACKAGES), &|_| true)?;
    let modules = extensions(names.iter().map(|entry| entry.relative.as_str()), python.minor());
    let fitting: Vec<u32> = MINORS.filter(|minor| modules.values().all(|minors| minors.contains(minor))).collect();
    let wanted: Vec<u32> = MINORS.filter(|&minor| allows(&worker.requires, minor)).collect();
    let both: Vec<u32> = fitting.iter().copied().filter(|minor| wanted.contains(minor)).collect();
    if both.is_empty() {
        bail!(
            "the bundle would fit no Python that server.python.requires_python ({}) allows: its packages are for {}; name another interpreter with --python",
            worker.requires,
            versions(&fitting)
        );
    }
    shell.say(&format!("{} {} for {}: {}", manifest.id, manifest.version, crate::project::platform(), versions(&both)));
    if both != wanted {
        let narrow = modules.iter().filter(|(_, minors)| wanted.iter().any(|minor| !minors.contains(minor)));
        let narrow: Vec<&str> = narrow.map(|(module, _)| module.as_str()).collect();
        shell.say(&format!("note: {} would be allowed; these limit it: {}", versions(&wanted), narrow.join(", ")));
    }
    if worker.requirements.is_some() && both.len() > 1 {
        shell.say(&format!("note: the plugin's dependencies were chosen for Python {}", python.version()));
    }
    Ok(())
}

/// The extension modules among files, each with the minor versions that it is there for. One without a tag is for `current`.
fn extensions<'a>(files: impl Iterator<Item = &'a str>, current: u32) -> BTreeMap<String, Vec<u32>> {
    let mut modules: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for file in files.filter(|file| file.ends_with(".so") && !is_library(file)) {
        let (directory, name) = file.rsplit_once('/').unwrap_or(("", file));
        let mut parts = name.split('.');
        let module = format!("{directory}/{}", parts.next().unwrap_or_default());
        let tag = parts.next().unwrap_or_default();
        let minors = match tag.strip_prefix("cpython-3").and_then(|rest| rest.split('-').next()) {
            Some(minor) => minor.parse().into_iter().collect(),
            None if tag.starts_with("abi3") => MINORS.collect(),
            None => vec![current],
        };
        modules.entry(module).or_default().extend(minors);
    }
    modules
}

/// Wheels carry shared libraries in directories of their own (`numpy.libs`), which have nothing to do with Python's version.
fn is_library(file: &str) -> bool {
    file.split('/').any(|part| part.ends_with(".libs"))
        || file.rsplit('/').next().is_some_and(|name| name.starts_with("lib"))
}

fn versions(minors: &[u32]) -> String {
    match minors {
        [] => "no Python".to_owned(),
        [one] => format!("Python 3.{one}"),
        [first, .., last] if last - first + 1 == minors.len() as u32 => format!("Python 3.{first} to 3.{last}"),
        all => format!("Python {}", all.iter().map(|minor| format!("3.{minor}")).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tags_of_extension_modules_decide() {
        let files = [
            "msgspec/_core.cpython-311-x86_64-linux-gnu.so",
            "msgspec/_core.cpython-313-x86_64-linux-gnu.so",
            "lone/x.so",
            "stable/y.abi3.so",
            "numpy.libs/libopenblas.so",
            "pure/z.py",
        ];
        let modules = extensions(files.into_iter(), 11);
        assert_eq!(modules["msgspec/_core"], [11, 13]);
        assert_eq!(modules["lone/x"], [11]);
        assert_eq!(modules["stable/y"], MINORS.collect::<Vec<_>>());
        assert_eq!(modules.len(), 3);
    }

    #[test]
    fn versions_read_well() {
        assert_eq!(versions(&[10, 11, 12]), "Python 3.10 to 3.12");
        assert_eq!(versions(&[10, 12]), "Python 3.10, 3.12");
        assert_eq!(versions(&[11]), "Python 3.11");
    }

    #[test]
    fn a_patch_release_counts_for_its_series() {
        let requirement = Requirement::parse(">=3.11.4,<3.13").unwrap();
        assert_eq!(MINORS.filter(|&minor| allows(&requirement, minor)).collect::<Vec<_>>(), [11, 12]);
    }
}
