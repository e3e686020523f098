//! The Rust SDK (`mmp-plugin`): the trait of hooks and how they are called, the client of the API and of the database driver, and the conformance plugin's tables.

mod api;
mod changes;
mod conformance;
mod convert;
mod dispatch;
mod docs;
mod driver;
mod hooks;

use super::{Backend, Output};
use crate::calls::Call;
use crate::error::Result;
use crate::names::rust_field;
use crate::project::Project;

/// Where the files are.
const DIR: &str = "crates/mmp-plugin/src/generated";

/// The backend.
pub(super) struct RustSdk;

impl Backend for RustSdk {
    fn name(&self) -> &'static str {
        "Rust SDK"
    }

    fn outputs(&self, project: &Project) -> Result<Vec<Output>> {
        let mut outputs = vec![root()];
        outputs.extend(api::outputs(project)?);
        outputs.push(driver::output(project)?);
        outputs.push(hooks::output(project)?);
        outputs.push(dispatch::output(project)?);
        outputs.push(changes::output(project)?);
        outputs.extend(conformance::outputs(project)?);
        Ok(outputs)
    }
}

fn root() -> Output {
    let mut text = super::rust::file("What is generated from `schema/`.");
    for module in ["api", "changes", "dispatch", "driver", "hooks"] {
        text.line(format_args!("pub(crate) mod {module};"));
    }
    Output::new(format!("{DIR}/mod.rs"), text.finish())
}

/// The hooks in the order of Mattermost's interface, without `Implemented`.
fn hooks(project: &Project) -> impl Iterator<Item = &Call> {
    let by_name = |name: &str| project.calls.hooks.iter().find(|call| call.method.name == name);
    project.schema.hooks.iter().filter_map(move |method| by_name(&method.name))
}

/// The method's name in Rust.
fn method_name(go: &str) -> String {
    rust_field(go)
}
