//! The one error type of the crate: what is wrong in which file.

use std::path::PathBuf;

/// Shorthand for results with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the generator cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file is not what its name says.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        message: String,
    },
    /// The files of `schema/` contradict each other or lack something; every fault is listed.
    #[error("{}", list(.0))]
    Schema(Vec<String>),
    /// A formatter is missing or refused its input.
    #[error("{tool}: {message}")]
    Format {
        /// The formatter.
        tool: &'static str,
        /// What happened.
        message: String,
    },
}

impl Error {
    /// An [`Error::Schema`] with one fault.
    pub fn schema(fault: impl Into<String>) -> Self {
        Self::Schema(vec![fault.into()])
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn syntax(path: impl Into<PathBuf>, message: impl ToString) -> Self {
        Self::Syntax { path: path.into(), message: message.to_string() }
    }
}

/// Turns a list of faults into a result, so that a check can report all of them at once.
pub(crate) fn no_faults(faults: Vec<String>) -> Result<()> {
    if faults.is_empty() { Ok(()) } else { Err(Error::Schema(faults)) }
}

fn list(faults: &[String]) -> String {
    match faults {
        [one] => one.clone(),
        many => format!("{} faults in the schema:\n  {}", many.len(), many.join("\n  ")),
    }
}
