//! `server/files.sha256`: the hash of every file of a bundle, for the bridge and for `sha256sum -c`.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::files::{self, Entry};

/// Where the list is in a bundle. The bridge looks for it there (`crates/mmp-bridge/src/integrity`).
const LIST: &str = "server/files.sha256";

/// Writes the list of the bundle in `directory`: lines of sha256sum(1), sorted by path, for every file but the list.
pub(crate) fn write(directory: &Path) -> Result<()> {
    let mut list = String::new();
    for Entry { relative, path } in files::walk(directory, &|relative| relative != LIST)? {
        // sha256sum writes these in a form of its own, which no name in a bundle is worth.
        if relative.contains(['\\', '\n', '\r']) {
            bail!("the name of the file {relative:?} has a backslash or a line break: give it another one");
        }
        let hash = hash(&path).with_context(|| format!("cannot read {}", path.display()))?;
        writeln!(list, "{hash}  {relative}")?;
    }
    let path = directory.join(LIST);
    files::put_text(&path, &list)
}

fn hash(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn bundle(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            files::put_text(&directory.path().join(name), text).unwrap();
        }
        directory
    }

    #[test]
    fn sha256sum_takes_the_list() {
        let bundle = bundle(&[("plugin.json", "{}"), ("server/bridge", "x"), ("server/a b/é.py", ""), (LIST, "old")]);
        write(bundle.path()).unwrap();
        let check = || Command::new("sha256sum").args(["--strict", "-c", LIST]).current_dir(bundle.path()).output();
        let seen = String::from_utf8(check().unwrap().stdout).unwrap();
        assert_eq!(seen, "plugin.json: OK\nserver/a b/é.py: OK\nserver/bridge: OK\n");
        std::fs::write(bundle.path().join("server/bridge"), "y").unwrap();
        assert!(!check().unwrap().status.success());
    }

    #[test]
    fn a_name_that_needs_another_form_is_refused() {
        for name in ["server/a\\b", "server/a\nb"] {
            let error = write(bundle(&[(name, "")]).path()).unwrap_err().to_string();
            assert!(error.contains("has a backslash or a line break"), "{error}");
        }
    }
}
