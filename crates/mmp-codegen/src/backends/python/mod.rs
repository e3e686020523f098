//! Python: the SDK's models, hooks, constants and the API clients for threads and asyncio.

mod client;
mod docs;
mod driver;
mod enums;
mod hooks;
mod methods;
mod models;
mod params;
mod settings;
mod source;
mod types;

use self::models::Models;
use self::settings::Settings;
use self::source::{file, literal};
use crate::backends::{Backend, Output};
use crate::error::Result;
use crate::project::Project;

const DIR: &str = "python/src/mattermost_plugin/_gen";

/// The Python backend.
#[derive(Debug)]
pub(super) struct Python;

impl Backend for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn outputs(&self, project: &Project) -> Result<Vec<Output>> {
        let settings = Settings::load(project)?;
        let models = Models::place(project, &settings)?;
        let mut outputs = vec![
            Output::new(format!("{DIR}/__init__.py"), package()),
            Output::new(format!("{DIR}/schema.py"), schema(project)),
            hooks::output(project, &settings)?,
            methods::output(project, &settings, &models),
            driver::output(project),
        ];
        outputs.extend(models.outputs(project, &settings));
        outputs.extend(enums::outputs(project, &settings)?);
        outputs.extend(client::outputs(project, &settings, &models));
        Ok(outputs)
    }
}

fn package() -> String {
    let mut text = crate::text::Text::generated("#");
    text.line("\"\"\"Generated code.\"\"\"");
    text.finish()
}

fn schema(project: &Project) -> String {
    let mut text = file("The schema that the generated code was made from.");
    text.blank();
    text.line("from typing import Final");
    text.blank();
    text.line(format_args!("SCHEMA_HASH: Final = {}", literal(&project.hash)));
    text.line("\"\"\"What bridge and worker compare when they meet.\"\"\"");
    text.blank();
    text.line(format_args!("MATTERMOST_VERSION: Final = {}", literal(&project.schema.mattermost)));
    text.line("\"\"\"The Mattermost version that the schema describes.\"\"\"");
    text.finish()
}
