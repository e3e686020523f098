//! The typed structs of `mmp-model`: models, the structs of the RPC services, constants, and what its golden test needs.

mod constants;
mod golden;
mod structs;

use crate::backends::{Backend, Output};
use crate::error::Result;
use crate::project::Project;

/// See the module.
pub(super) struct Model;

impl Backend for Model {
    fn name(&self) -> &'static str {
        "model"
    }

    fn outputs(&self, project: &Project) -> Result<Vec<Output>> {
        let mut outputs = structs::outputs(project)?;
        outputs.extend(constants::outputs(project)?);
        outputs.push(golden::output(project));
        Ok(outputs)
    }
}

/// Where the library's modules go.
const DIR: &str = "crates/mmp-model/src/generated";
