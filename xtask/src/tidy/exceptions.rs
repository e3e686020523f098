//! `xtask/tidy.toml`: what the checks let pass, each with its reason.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// The file, and which of its lines were of use.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exceptions {
    /// Beginnings of code spans in documents that look like paths of the checkout and are none.
    #[serde(default)]
    not_paths: BTreeMap<String, String>,
    /// Hand-written files that may be long.
    #[serde(default)]
    long_files: BTreeMap<String, String>,
    #[serde(skip)]
    used: RefCell<BTreeSet<String>>,
}

impl Exceptions {
    /// Reads the file.
    pub(crate) fn read(root: &Path) -> Result<Exceptions> {
        let path = root.join("xtask/tidy.toml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Whether a code span is no path of the checkout. An exception that ends with a slash is for all that begins with it.
    pub(crate) fn is_not_path(&self, span: &str) -> bool {
        let fits = |exception: &&String| {
            span == exception.as_str() || (exception.ends_with('/') && span.starts_with(exception.as_str()))
        };
        self.not_paths.keys().find(fits).is_some_and(|exception| self.note(exception))
    }

    /// Whether a file may be long.
    pub(crate) fn may_be_long(&self, file: &str) -> bool {
        self.long_files.contains_key(file) && self.note(file)
    }

    fn note(&self, exception: &str) -> bool {
        self.used.borrow_mut().insert(exception.to_owned());
        true
    }

    /// Long files that are not long, or not there, any more. Words of documents may come and go.
    pub(crate) fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let unused = self.long_files.keys().filter(|file| !used.contains(*file));
        unused.map(|file| format!("xtask/tidy.toml: {file} is not long; remove it from long_files")).collect()
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Exceptions {
        toml::from_str(text).unwrap()
    }
}
