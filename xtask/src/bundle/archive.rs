//! The archive: the same bundle gives the same bytes.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use crate::files::{self, Entry};

/// The time of every entry: the beginning of 1980, before which some tools accept none. A server forgets it.
const TIME: u64 = 315_532_800;

/// Writes the files of `directory` into a `.tar.gz` with one top directory, and returns its size.
pub(crate) fn write(directory: &Path, top: &str, archive: &Path) -> Result<u64> {
    if let Some(parent) = archive.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    pack(directory, top, archive).with_context(|| format!("cannot write {}", archive.display()))?;
    Ok(fs::metadata(archive)?.len())
}

fn pack(directory: &Path, top: &str, archive: &Path) -> Result<()> {
    let file = BufWriter::new(File::create(archive)?);
    // Without a time in the gzip header; the operating system's number is the one for "unknown".
    let gzip = GzBuilder::new().mtime(0).operating_system(255).write(file, Compression::default());
    let mut tar = tar::Builder::new(gzip);
    for name in directories(top, directory)? {
        tar.append_data(&mut header(EntryType::Directory, 0o755, 0), name, std::io::empty())?;
    }
    for Entry { relative, path } in files::walk(directory, &|_| true)? {
        let file = File::open(&path)?;
        let mut header = header(EntryType::Regular, files::mode(&path)?, file.metadata()?.len());
        tar.append_data(&mut header, format!("{top}/{relative}"), file)?;
    }
    tar.into_inner()?.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}

/// The top directory and every directory with a file somewhere below it, sorted, each with a slash at its end.
fn directories(top: &str, directory: &Path) -> Result<Vec<String>> {
    let mut all = std::collections::BTreeSet::from([format!("{top}/")]);
    for entry in files::walk(directory, &|_| true)? {
        for (at, _) in entry.relative.match_indices('/') {
            all.insert(format!("{top}/{}", &entry.relative[..=at]));
        }
    }
    Ok(all.into_iter().collect())
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn tree(long: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, mode) in [("plugin.json", 0o600), ("server/bridge", 0o775), (long, 0o640)] {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        directory
    }

    #[test]
    fn the_same_files_make_the_same_archive() {
        let long = format!("server/{}/x.py", "deep/".repeat(40));
        let out = tempfile::tempdir().unwrap();
        let (first, second) = (out.path().join("made/first.tar.gz"), out.path().join("second.tar.gz"));
        let size = write(tree(&long).path(), "com.example", &first).unwrap();
        write(tree(&long).path(), "com.example", &second).unwrap();
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
        assert_eq!(size, fs::metadata(&first).unwrap().len());

        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(&first).unwrap()));
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.mtime().unwrap()), (0, TIME));
            if header.entry_type().is_file() {
                seen.push((entry.path().unwrap().display().to_string(), header.mode().unwrap()));
            } else {
                assert!(header.entry_type().is_dir());
            }
        }
        let normalized = long.replace("//", "/");
        let expected = [("plugin.json", 0o644), ("server/bridge", 0o755), (&normalized, 0o644)];
        let mut expected: Vec<_> = expected.iter().map(|(name, mode)| (format!("com.example/{name}"), *mode)).collect();
        expected.sort();
        assert_eq!(seen, expected);
    }
}
