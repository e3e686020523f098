//! What has to be done before the first worker is started, beside the event loop: the bundle's files are checked, and an interpreter is looked for.

use crate::integrity::{self, Checked, Tampered};
use crate::interpreter::{self, Interpreter, NoInterpreter};
use crate::manifest::{Bundle, Runtime};
use crate::program;

/// All is there to start a worker with.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The interpreter, for a worker that needs one.
    pub(crate) interpreter: Option<Interpreter>,
    /// What is known of the bundle's files; None: they were not checked, because plugins are being developed on this server.
    pub(crate) checked: Option<Checked>,
}

/// Why no worker can be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unprepared {
    /// The bundle is not as it was made.
    #[error(transparent)]
    Tampered(#[from] Tampered),
    /// No interpreter will do.
    #[error(transparent)]
    NoInterpreter(#[from] NoInterpreter),
}

impl Prepared {
    /// What is worth a line in the log.
    pub(crate) fn sentence(&self) -> String {
        match self.checked {
            None => format!("the bundle's files are not checked, because {} is 1", program::DEVELOPMENT),
            Some(Checked::Unlisted) => {
                format!("the bundle's files are not checked, because it has no {}", integrity::LIST)
            }
            Some(Checked::Unchanged { files, bytes }) => {
                format!("the bundle's {files} files ({bytes} bytes) are as {} says", integrity::LIST)
            }
        }
    }
}

/// Checks the bundle's files and finds an interpreter, both at the same time; but an interpreter that is a part of the bundle is not run before it was checked.
///
/// # Errors
/// When the files are not those of the bundle, or there is no interpreter.
pub(crate) fn run(bundle: &Bundle) -> Result<Prepared, Unprepared> {
    let check = || match program::in_development() {
        true => Ok(None),
        false => integrity::check(&bundle.path).map(Some),
    };
    let Runtime::Python(python) = &bundle.runtime else {
        return Ok(Prepared { interpreter: None, checked: check()? });
    };
    let (checked, found) = if interpreter::is_bundled(bundle, python) {
        (check()?, interpreter::find(bundle, python))
    } else {
        std::thread::scope(|scope| {
            let checking = std::thread::Builder::new().name("check-files".into()).spawn_scoped(scope, check);
            let found = interpreter::find(bundle, python);
            let checked = match checking.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(checked)) => checked?,
                // Without a thread it is done here.
                Err(_) => check()?,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
            };
            Ok::<_, Tampered>((checked, found))
        })?
    };
    Ok(Prepared { interpreter: Some(found?), checked })
}
