//! Writes the outputs of all backends, or compares them with the checkout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::backends::{Backend, Output};
use crate::error::{Error, Result};
use crate::format::format;
use crate::lock::Changes;
use crate::project::Project;
use crate::text::GENERATED;

/// Directories of these names hold generated files and nothing else.
const GENERATED_DIRS: [&str; 2] = ["generated", "_gen"];

/// The same for these directories, seen from the root: protobuf's packages name their directories.
const GENERATED_PATHS: [&str; 1] = ["proto/mattermost"];

/// Directories that are not searched for generated ones.
const SKIPPED_DIRS: [&str; 5] = ["target", "node_modules", "__pycache__", "venv", "fixtures"];

/// What [`write`] did.
#[derive(Debug, Default)]
pub struct Report {
    /// What the schema has gained and lost since the last run.
    pub changes: Changes,
    /// Files that were written because they were missing or different.
    pub written: Vec<String>,
    /// Files that were removed because no backend makes them any more.
    pub removed: Vec<String>,
    /// What [`check`] refuses and only a person can mend: descriptions that are missing, strange files.
    pub warnings: Vec<String>,
}

/// What [`check`] found; all empty if the checkout is up to date.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Files that a backend makes and the checkout lacks.
    pub missing: Vec<String>,
    /// Files that differ from what a backend makes.
    pub changed: Vec<String>,
    /// Files in generated directories that no backend makes.
    pub unlisted: Vec<String>,
    /// Descriptions that are missing or superfluous.
    pub docs: Vec<String>,
}

impl Findings {
    /// Whether the checkout is up to date.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn compare(&mut self, path: &Path, name: &str, contents: &str) -> Result<()> {
        match current(path)? {
            None => self.missing.push(name.to_owned()),
            Some(bytes) if bytes != contents.as_bytes() => self.changed.push(name.to_owned()),
            Some(_) => {}
        }
        Ok(())
    }
}

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (what, names) in [
            ("missing", &self.missing),
            ("changed", &self.changed),
            ("not made by any backend", &self.unlisted),
            ("description", &self.docs),
        ] {
            for name in names {
                writeln!(f, "{what}: {name}")?;
            }
        }
        Ok(())
    }
}

/// What [`write`] is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every backend of the tree: a generated file that none of them makes is removed.
    All,
    /// Some of them: nothing is removed.
    Only,
}

/// Brings the tree under `root` and the lock file up to date.
pub fn write(root: &Path, lock: &Path, project: &Project, backends: &[&dyn Backend], scope: Scope) -> Result<Report> {
    let outputs = outputs(root, project, backends)?;
    let mut report = Report {
        changes: project.lock.changes_since(&project.earlier_lock),
        warnings: project.docs.faults(&project.schema, &project.calls),
        ..Report::default()
    };
    report.put(lock, "lock.toml", &project.lock.to_toml())?;
    for output in &outputs {
        report.put(&root.join(&output.path), &output.path, &output.contents)?;
    }
    if scope == Scope::Only {
        return Ok(report);
    }
    for path in unlisted(root, &outputs)? {
        if is_ours(&root.join(&path))? {
            std::fs::remove_file(root.join(&path)).map_err(Error::io(&path))?;
            report.removed.push(path);
        } else {
            report.warnings.push(format!("{path} is in a directory of generated files, but not one of them; move it"));
        }
    }
    Ok(report)
}

impl Report {
    /// Writes a file unless it is already as it must be.
    fn put(&mut self, path: &Path, name: &str, contents: &str) -> Result<()> {
        if current(path)?.as_deref() != Some(contents.as_bytes()) {
            store(path, contents)?;
            self.written.push(name.to_owned());
        }
        Ok(())
    }
}

/// Compares the tree under `root` and the lock file with what [`write`] would make of them, and changes nothing.
pub fn check(root: &Path, lock: &Path, project: &Project, backends: &[&dyn Backend]) -> Result<Findings> {
    let outputs = outputs(root, project, backends)?;
    let mut findings = Findings { docs: project.docs.faults(&project.schema, &project.calls), ..Findings::default() };
    findings.compare(lock, "lock.toml", &project.lock.to_toml())?;
    for output in &outputs {
        findings.compare(&root.join(&output.path), &output.path, &output.contents)?;
    }
    findings.unlisted = unlisted(root, &outputs)?;
    Ok(findings)
}

/// The outputs of the backends, formatted; two of the same path are a fault.
fn outputs(root: &Path, project: &Project, backends: &[&dyn Backend]) -> Result<Vec<Output>> {
    let mut outputs = Vec::new();
    for backend in backends {
        outputs.extend(backend.outputs(project)?);
    }
    let mut paths = BTreeSet::new();
    let outside = |output: &&Output| !is_in_generated(&output.path);
    if let Some(output) = outputs.iter().find(outside) {
        return Err(Error::schema(format!("{} is not in a directory of generated files", output.path)));
    }
    if let Some(twice) = outputs.iter().find(|output| !paths.insert(output.path.clone())) {
        return Err(Error::schema(format!("two backends make {}", twice.path)));
    }
    format(root, &mut outputs)?;
    Ok(outputs)
}

/// Whether a file, by its path seen from the root, is in a directory of generated files.
fn is_in_generated(path: &str) -> bool {
    let Some((dir, _)) = path.rsplit_once('/') else { return false };
    let below = |root: &&str| dir.strip_prefix(*root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    dir.split('/').any(|part| GENERATED_DIRS.contains(&part)) || GENERATED_PATHS.iter().any(below)
}

/// Whether the file says of itself that the generator wrote it.
fn is_ours(path: &Path) -> Result<bool> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(first).contains(GENERATED))
}

fn current(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path)(error)),
    }
}

fn store(path: &Path, contents: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
    }
    std::fs::write(path, contents).map_err(Error::io(path))
}

/// Files in generated directories that are not among the outputs, sorted.
fn unlisted(root: &Path, outputs: &[Output]) -> Result<Vec<String>> {
    let listed: BTreeSet<&str> = outputs.iter().map(|output| output.path.as_str()).collect();
    let mut found = Vec::new();
    collect(root, root, &mut found)?;
    found.retain(|path| is_in_generated(path) && !listed.contains(path.as_str()));
    found.sort();
    Ok(found)
}

fn collect(root: &Path, dir: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(dir).map_err(Error::io(dir))? {
        let entry = entry.map_err(Error::io(dir))?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // A link could lead out of the checkout, and nothing that is generated is one.
        let kind = entry.file_type().map_err(Error::io(&path))?;
        if kind.is_dir() {
            if !name.starts_with('.') && !SKIPPED_DIRS.contains(&name.as_ref()) {
                collect(root, &path, found)?;
            }
        } else {
            found.push(relative(root, path));
        }
    }
    Ok(())
}

fn relative(root: &Path, path: PathBuf) -> String {
    path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/")
}
