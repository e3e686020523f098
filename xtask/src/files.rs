//! Walking and copying trees.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// A regular file of a tree.
pub(crate) struct Entry {
    /// Where it is below the root, with `/` between the parts.
    pub(crate) relative: String,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// All regular files below `root`, sorted; `keep` decides about files and whole directories by their relative path.
///
/// Symbolic links to files count as files. A link to a directory is an error: a server skips it, and following it may never end.
pub(crate) fn walk(root: &Path, keep: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    visit(root, "", keep, &mut found)?;
    found.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok(found)
}

fn visit(directory: &Path, prefix: &str, keep: &dyn Fn(&str) -> bool, found: &mut Vec<Entry>) -> Result<()> {
    let read = || format!("cannot read {}", directory.display());
    for entry in fs::read_dir(directory).with_context(read)? {
        let entry = entry.with_context(read)?;
        let path = entry.path();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            bail!("the name of {} is not UTF-8", path.display());
        };
        let relative = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if !keep(&relative) {
            continue;
        }
        let kind = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.file_type();
        if kind.is_file() {
            found.push(Entry { relative, path });
        } else if kind.is_dir() && entry.file_type()?.is_symlink() {
            bail!("{} is a symbolic link to a directory; put the directory itself there", path.display());
        } else if kind.is_dir() {
            visit(&path, &relative, keep, found)?;
        }
    }
    Ok(())
}

/// Copies files of a tree into another one. Only the executable bit of their modes is kept.
pub(crate) fn copy(root: &Path, into: &Path, keep: &dyn Fn(&str) -> bool) -> Result<()> {
    for entry in walk(root, keep)? {
        put(&entry.path, &into.join(&entry.relative))?;
    }
    Ok(())
}

/// Copies one file, with the directories above it.
pub(crate) fn put(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode(to)?))?;
    Ok(())
}

/// Writes a text into a file, with the directories above it.
pub(crate) fn put_text(to: &Path, text: &str) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::write(to, text).with_context(|| format!("cannot write {}", to.display()))
}

/// The mode that a file has in a bundle: 0755 if it is executable, 0644 if not.
pub(crate) fn mode(path: &Path) -> Result<u32> {
    let executable = fs::metadata(path)?.permissions().mode() & 0o111 != 0;
    Ok(if executable { 0o755 } else { 0o644 })
}

/// Makes an empty directory where another one may have been.
pub(crate) fn empty(directory: &Path) -> Result<()> {
    remove(directory)?;
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))
}

/// Removes a directory, if it is there.
pub(crate) fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_followed_and_links_to_directories_refused() {
        let from = tempfile::tempdir().unwrap();
        let into = tempfile::tempdir().unwrap();
        fs::create_dir(from.path().join("a")).unwrap();
        fs::write(from.path().join("a/run"), "text").unwrap();
        fs::set_permissions(from.path().join("a/run"), fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink("a/run", from.path().join("link")).unwrap();
        copy(from.path(), into.path(), &|name| name != "skipped").unwrap();
        assert!(fs::symlink_metadata(into.path().join("link")).unwrap().is_file());
        assert_eq!(mode(&into.path().join("a/run")).unwrap(), 0o755);
        std::os::unix::fs::symlink("a", from.path().join("loop")).unwrap();
        let error = copy(from.path(), into.path(), &|_| true).unwrap_err().to_string();
        assert!(error.contains("is a symbolic link to a directory"), "{error}");
    }
}
