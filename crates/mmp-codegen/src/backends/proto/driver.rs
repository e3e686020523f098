//! `driver.proto`: everything of the database driver.

use super::file::File;
use super::methods;
use super::models::Models;
use crate::error::{Result, no_faults};
use crate::project::Project;

/// The name of the file.
pub(super) const FILE: &str = "driver";

/// The file.
pub(super) fn file(project: &Project, models: &Models) -> Result<File> {
    let mut file = File::new(FILE, "The server's own database: models, requests and responses of the driver.");
    models.add_to(project, &mut file)?;
    let mut faults = Vec::new();
    for call in &project.calls.driver {
        if let Err(fault) = methods::add(project, models, &mut file, call, &mut faults) {
            faults.push(format!("{}: {fault}", call.method.name));
        }
    }
    no_faults(faults)?;
    Ok(file)
}
