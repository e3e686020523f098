//! Everything that the backends work from, loaded and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::calls::{self, Calls};
use crate::docs::Docs;
use crate::error::{Error, Result, no_faults};
use crate::lock::Lock;
use crate::messages;
use crate::names;
use crate::overrides::Overrides;
use crate::schema::{Field, Schema};

/// Where the files of a schema are.
#[derive(Debug, Clone)]
pub struct SchemaPaths {
    /// `mattermost.json`
    pub schema: PathBuf,
    /// `overrides.toml`
    pub overrides: PathBuf,
    /// `docs.toml`
    pub docs: PathBuf,
    /// `lock.toml`; need not exist.
    pub lock: PathBuf,
}

impl SchemaPaths {
    /// The usual names in one directory.
    pub fn in_dir(dir: &Path) -> Self {
        Self {
            schema: dir.join("mattermost.json"),
            overrides: dir.join("overrides.toml"),
            docs: dir.join("docs.toml"),
            lock: dir.join("lock.toml"),
        }
    }
}

/// A loaded and checked schema with all that belongs to it.
#[derive(Debug, Clone)]
pub struct Project {
    /// `mattermost.json`
    pub schema: Schema,
    /// `overrides.toml`
    pub overrides: Overrides,
    /// `docs.toml`
    pub docs: Docs,
    /// `lock.toml` as it was read.
    pub earlier_lock: Lock,
    /// `lock.toml` as it must be for this schema.
    pub lock: Lock,
    /// How every method maps to frames.
    pub calls: Calls,
    /// What both sides of the worker link compare: 32 hex digits.
    pub hash: String,
}

impl Project {
    /// Loads and checks the files.
    pub fn load(paths: &SchemaPaths) -> Result<Self> {
        let json = read(&paths.schema)?;
        let fault = |e: serde_json::Error| Error::syntax(&paths.schema, e);
        let schema: Schema = serde_json::from_str(&json).map_err(fault)?;
        schema.check()?;
        let overrides = read(&paths.overrides)?;
        let overrides = Overrides::parse(&overrides).map_err(|e| Error::syntax(&paths.overrides, e))?;
        overrides.check(&schema)?;
        let docs: Docs = toml::from_str(&read_or_empty(&paths.docs)?).map_err(|e| Error::syntax(&paths.docs, e))?;
        let earlier_lock = Lock::parse(&read_or_empty(&paths.lock)?).map_err(|e| Error::syntax(&paths.lock, e))?;
        let mut lock = earlier_lock.updated(&schema)?;
        let mut calls = calls::plan(&schema, &overrides, &lock)?;
        // What frames do not depend on is not in the hash.
        let frames_lock = lock.to_toml();
        messages::name(&schema, &overrides, &mut calls)?;
        earlier_lock.update_messages(&calls, &mut lock)?;
        messages::number(&mut calls, &lock);
        // A canonical form: the hash must not depend on layout.
        let canonical: serde_json::Value = serde_json::from_str(&json).map_err(fault)?;
        let hash = hash(&[&canonical.to_string(), &frames_lock, &overrides.hashed()]);
        let project = Self { schema, overrides, docs, earlier_lock, lock, calls, hash };
        project.check_keys()?;
        Ok(project)
    }

    /// The fields of a struct in frames, each with the struct that declares it: those of embedded structs stand among its own.
    pub fn flat_fields<'a>(&'a self, owner: &'a str) -> Vec<(&'a str, &'a Field)> {
        let mut flat = Vec::new();
        for field in self.schema.fields(owner).unwrap_or_default() {
            match self.schema.embedded_struct(field) {
                Some(inner) => flat.extend(self.flat_fields(inner)),
                None => flat.push((owner, field)),
            }
        }
        flat
    }

    /// No two fields of a struct may have the same key.
    fn check_keys(&self) -> Result<()> {
        let mut faults = Vec::new();
        for (name, _) in self.schema.structs() {
            let mut seen = BTreeMap::new();
            for (owner, field) in self.flat_fields(name) {
                let key = self.key(owner, field);
                if let Some(other) = seen.insert(key.clone(), &field.name) {
                    faults.push(format!("types.{name}: {other} and {} have the same key `{key}`", field.name));
                }
            }
        }
        no_faults(faults)
    }

    /// The key of a field of the struct `owner` in frames.
    pub fn key(&self, owner: &str, field: &Field) -> String {
        names::key(field, self.overrides.go_names.types.contains(owner))
    }
}

fn hash(parts: &[&str]) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part);
    }
    sha.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(Error::io(path))
}

fn read_or_empty(path: &Path) -> Result<String> {
    if path.exists() { read(path) } else { Ok(String::new()) }
}
