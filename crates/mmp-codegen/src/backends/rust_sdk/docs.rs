//! Descriptions as documentation comments.

use crate::backends::rust::write_doc;
use crate::calls::Call;
use crate::names::snake_case;
use crate::project::Project;
use crate::text::Text;

use super::method_name;

/// A description with the methods and hooks that it mentions under their names in Rust.
fn mentions(project: &Project, text: &str) -> String {
    let known = |part: &str| {
        let methods = project.schema.api.iter().chain(&project.schema.hooks).chain(&project.schema.driver);
        methods.into_iter().any(|method| method.name == part)
    };
    let parts = text.split('`').enumerate().map(|(at, part)| match part {
        "DismissPostError" => "Decision::dismiss".to_owned(),
        _ if at % 2 == 1 && known(part) => method_name(part),
        _ => part.to_owned(),
    });
    // Rust's documentation takes brackets for links and angles for HTML.
    parts.collect::<Vec<_>>().join("`").replace('<', "&lt;").replace('[', "\\[")
}

/// Writes an item of a list, whose further lines are indented.
fn write_item(text: &mut Text, item: &str) {
    let mut lines = Text::default();
    write_doc(&mut lines, "    ", item);
    let lines = lines.finish();
    for (at, line) in lines.lines().enumerate() {
        let indented = line.replacen("/// ", "///   ", usize::from(at > 0));
        text.line(indented);
    }
}

/// Writes the documentation of a method: what it does, its parameters, its version.
pub(super) fn write(text: &mut Text, project: &Project, call: &Call, about: Option<&String>, extra: &[&str]) {
    let name = &call.method.name;
    let about = about.cloned().unwrap_or_else(|| format!("Mattermost's `{name}`."));
    write_doc(text, "    ", &mentions(project, &about));
    for paragraph in extra {
        text.line("    ///");
        write_doc(text, "    ", paragraph);
    }
    let described: Vec<(String, &str)> = call
        .method
        .params
        .iter()
        .filter_map(|param| {
            let shown = if param.name == "c" { "context".into() } else { snake_case(&param.name) };
            Some((shown, project.docs.param(name, &param.name)?))
        })
        .collect();
    if !described.is_empty() {
        text.line("    ///");
        for (param, about) in described {
            write_item(text, &format!("- `{param}`: {}", mentions(project, about)));
        }
    }
    text.line("    ///");
    let since = if call.method.since.is_empty() { String::new() } else { format!(", since {}", call.method.since) };
    text.line(format_args!("    /// Mattermost's `{name}`{since}."));
}
