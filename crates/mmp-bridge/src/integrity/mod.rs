//! Whether the bundle's files are those that were uploaded: compared with the list that `cargo xtask bundle` writes, before the first worker is started.
//!
//! The list is not signed: it finds what was changed, lost or added on the way or on the server's machine, not somebody who can rewrite the list as well (`docs/concepts/security.md`).

mod hash;
mod list;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use crate::program::DEVELOPMENT;
use hash::{Files, Hash};
use list::List;

/// Where the list is in a bundle.
pub(crate) const LIST: &str = "server/files.sha256";

/// Only here may no file be that is not in the list. Python imports from here first; elsewhere plugins may write.
const CLOSED: &str = "server";

/// How many files a sentence names.
const NAMED: usize = 3;

/// After so many differences the rest is not looked at.
const ENOUGH: usize = 1000;

/// What came of a check that found nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    /// The bundle has no list: it was made by another tool.
    Unlisted,
    /// Every file is as the list says.
    Unchanged {
        /// How many files there are.
        files: usize,
        /// How many bytes were hashed.
        bytes: u64,
    },
}

/// The bundle is not as it was made. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Tampered {
    /// Some files are not those of the list.
    #[error(
        "the plugin's files are not those of its bundle: {0}; they were changed on the server's machine or did not get there whole, so the plugin is not started: upload it again, or set {DEVELOPMENT}=1 in the server's environment if you change them yourself while you develop it"
    )]
    Files(Differences),
    /// The list itself cannot be used.
    #[error(
        "the list of the plugin's files, {LIST}, cannot be used: {0}; so it is not known whether they are those of the bundle, and the plugin is not started: upload it again, or set {DEVELOPMENT}=1 in the server's environment if you change them yourself while you develop it"
    )]
    List(String),
}

/// The files that are not as the list says: the first few, and how many.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    named: Vec<String>,
    count: usize,
}

impl Differences {
    fn push(&mut self, path: &str, what: impl std::fmt::Display) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(format!("{} {what}", printable(path)));
        }
    }

    fn is_enough(&self) -> bool {
        self.count >= ENOUGH
    }
}

impl std::fmt::Display for Differences {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.named.join(", "))?;
        match self.count - self.named.len() {
            0 => Ok(()),
            _ if self.is_enough() => formatter.write_str(" (and many more)"),
            more => write!(formatter, " (and {more} more)"),
        }
    }
}

/// Compares the files of the bundle at `root` with its list. It reads all of them, so it has no place in the event loop.
///
/// # Errors
/// When they differ, or the list cannot be used.
pub(crate) fn check(root: &Path) -> Result<Checked, Tampered> {
    let mut files = Files::new(root);
    let list = match files.open(LIST).and_then(list::read) {
        Ok(text) => List::parse(&text).map_err(Tampered::List)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Checked::Unlisted),
        Err(error) => return Err(Tampered::List(error.to_string())),
    };
    let mut differences = Differences::default();
    let mut bytes = 0;
    for (path, expected) in list.entries() {
        if differences.is_enough() {
            break;
        }
        match files.hash(path) {
            Ok(Hash { sum, size }) if sum == *expected => bytes += size,
            Ok(_) => differences.push(path, "has another content"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => differences.push(path, "is missing"),
            Err(error) => differences.push(path, format_args!("cannot be read ({error})")),
        }
    }
    find_unlisted(root, &list, &mut differences);
    match differences.count {
        0 => Ok(Checked::Unchanged { files: list.entries().len(), bytes }),
        _ => Err(Tampered::Files(differences)),
    }
}

/// Finds what is in the closed directory and not in the list. A directory that holds nothing of the list is one difference, whatever is in it; so the search is bounded by the list.
fn find_unlisted(root: &Path, list: &List, differences: &mut Differences) {
    let listed: HashSet<&str> = list.entries().iter().map(|(path, _)| path.as_str()).chain([LIST]).collect();
    let parents = listed.iter().flat_map(|path| path.match_indices('/').map(|(at, _)| &path[..at]));
    let directories: HashSet<&str> = parents.collect();
    let mut waiting = vec![CLOSED.to_owned()];
    while let Some(directory) = waiting.pop() {
        let entries = match std::fs::read_dir(root.join(&directory)) {
            Ok(entries) => entries,
            Err(error) => {
                differences.push(&directory, format_args!("cannot be read ({error})"));
                continue;
            }
        };
        for entry in entries {
            if differences.is_enough() {
                return;
            }
            let Ok(entry) = entry else { continue };
            let path = format!("{directory}/{}", entry.file_name().to_string_lossy());
            // This is the type of the entry itself, not of what a link points to.
            let kind = entry.file_type().ok();
            if kind.is_some_and(|kind| kind.is_socket()) {
                // The bridge listens beside its executable if there is no other place; nobody imports a socket.
                continue;
            }
            let is_directory = kind.is_some_and(|kind| kind.is_dir());
            if is_directory && directories.contains(path.as_str()) {
                waiting.push(path);
            } else if is_directory || !listed.contains(path.as_str()) {
                differences.push(&path, "does not belong there");
            }
        }
    }
}

/// A path as it may stand in a sentence: whoever adds a file can call it anything.
fn printable(path: &str) -> String {
    const LONGEST: usize = 200;
    let mut text: String = path.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if path.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}
