//! The private directory of the worker link's socket.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::token::Token;

/// A directory that only this user can enter; it goes with this value.
#[derive(Debug)]
pub struct PrivateDirectory(PathBuf);

impl PrivateDirectory {
    /// Makes one in the directory for temporary files, with a name that cannot be guessed.
    ///
    /// # Errors
    /// When it cannot be made; the error names the place.
    pub fn create() -> io::Result<PrivateDirectory> {
        let name = Token::random()?;
        let path = std::env::temp_dir().join(format!("mmp-{}", &name.reveal()[..16]));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot make the private directory {}: {error}", path.display()))
        })?;
        Ok(PrivateDirectory(path))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        // It holds nothing but a socket; what stays behind is found by name and owner.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
