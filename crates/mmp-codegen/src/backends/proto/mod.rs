//! Protobuf: the plugin API, the hooks and the database driver as gRPC services, with a message for every model.

mod comments;
mod driver;
mod file;
mod fixed;
mod groups;
mod message;
mod methods;
mod models;
mod services;
mod streams;
mod types;

use self::groups::Groups;
use self::models::Models;
use crate::backends::{Backend, Output};
use crate::error::Result;
use crate::project::Project;

/// Where the files are, seen from the root of the checkout.
pub(crate) const DIR: &str = "proto/mattermost/plugin/v1";

/// See the module.
pub(super) struct Proto;

impl Backend for Proto {
    fn name(&self) -> &'static str {
        "proto"
    }

    fn outputs(&self, project: &Project) -> Result<Vec<Output>> {
        let models = Models::place(project)?;
        let groups = Groups::load(project)?;
        let mut files = fixed::files(project, &models)?;
        files.extend(models.files(project)?);
        files.extend(methods::files(project, &models, &groups)?);
        files.push(driver::file(project, &models)?);
        message::check_names(&files)?;
        files.extend(services::files(project, &groups));
        Ok(files.into_iter().map(file::File::output).collect())
    }
}
