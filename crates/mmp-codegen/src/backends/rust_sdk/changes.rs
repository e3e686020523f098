//! What a handler has changed of an argument into which the server merges the reply.

use std::collections::BTreeSet;

use super::DIR;
use crate::backends::Output;
use crate::backends::rust::file;
use crate::error::Result;
use crate::names::rust_field;
use crate::overrides::EchoMode;
use crate::project::Project;
use crate::schema::Type;

/// The file.
pub(super) fn output(project: &Project) -> Result<Output> {
    let mut names = BTreeSet::new();
    for call in &project.calls.hooks {
        let Some(echo) = call.echo.filter(|echo| echo.mode == EchoMode::Prefilled) else { continue };
        if let Some(Type::Ptr(inner)) = call.results.get(usize::from(echo.result)).map(|slot| &slot.ty) {
            names.extend(inner.names().into_iter().map(str::to_owned));
        }
    }
    let mut text = file("Leaves only what is different.");
    text.line("use crate::changes::{Changes, keep};");
    let list: Vec<&str> = names.iter().map(String::as_str).collect();
    text.line(format_args!("use crate::model::{{{}}};\n", list.join(", ")));
    for name in &names {
        text.line(format_args!("impl Changes for {name} {{"));
        text.line("fn keep_changes(&mut self, original: &Self) {");
        for field in project.schema.fields(name).unwrap_or_default() {
            let field = rust_field(&field.name);
            text.line(format_args!("keep(&mut self.{field}, &original.{field});"));
        }
        text.line("}\n}\n");
    }
    Ok(Output::new(format!("{DIR}/changes.rs"), text.finish()))
}
