//! The docstrings of the client's methods.

use super::params::mentions;
use super::source::{description, docstring, wrap};
use crate::calls::Call;
use crate::project::Project;
use crate::schema::Method;
use crate::text::Text;

/// The docstring of a method none of whose parameters is an option struct.
pub(super) fn document(text: &mut Text, project: &Project, call: &Call, params: &[(String, String)], returns: &str) {
    document_with(text, project, call, params, returns, &[]);
}

/// The docstring: description, parameters, result, errors, and the call behind it.
pub(super) fn document_with(
    text: &mut Text,
    project: &Project,
    call: &Call,
    params: &[(String, String)],
    returns: &str,
    unfolded: &[String],
) {
    let name = &call.method.name;
    let about = project.docs.api.get(name).cloned().unwrap_or_else(|| format!("Mattermost's API method `{name}`."));
    let mut paragraphs = description(8, &mentions(project, &about));
    for structure in unfolded {
        paragraphs.push(wrap(8, &format!("The keyword arguments are the fields of `{structure}`.")));
    }
    if !params.is_empty() {
        let mut lines = vec!["Args:".to_owned()];
        for (name, doc) in params {
            lines.extend(entry(&format!("{name}: {doc}")));
        }
        paragraphs.push(lines);
    }
    if !returns.is_empty() {
        paragraphs.push([vec!["Returns:".to_owned()], entry(returns)].concat());
    }
    if call.error.is_some() || name == "LoadPluginConfiguration" {
        paragraphs.push(
            ["Raises:", "    PluginAPIError: The call failed; the subclass says why."].map(str::to_owned).to_vec(),
        );
    }
    paragraphs.push(vec![format!("Mattermost's name: `{name}`.{}", since(&call.method))]);
    docstring(text, 8, &paragraphs);
}

fn entry(text: &str) -> Vec<String> {
    let lines = wrap(16, text);
    lines.iter().enumerate().map(|(at, line)| format!("{}{line}", if at == 0 { "    " } else { "        " })).collect()
}

/// What a result is, for the section on it.
pub(super) fn returns(result: &str) -> String {
    let model = result.trim_end_matches(" | None");
    let none = if result.ends_with(" | None") { ", or None" } else { "" };
    match model {
        "None" => String::new(),
        "bool" => "Whether it is so, or was done.".to_owned(),
        "str" => "A text.".to_owned(),
        "int" => "A number.".to_owned(),
        "bytes" => format!("The bytes{none}."),
        "dict[str, Any]" | "dict[str, str]" => "The values by name.".to_owned(),
        "list[str]" => "The texts.".to_owned(),
        other if other.starts_with("list[") => format!("A list of `{}`.", &other[5..other.len() - 1]),
        other => format!("A `{other}`{none}."),
    }
}

/// The minimum server version, as a sentence.
pub(super) fn since(method: &Method) -> String {
    if method.since.is_empty() { String::new() } else { format!(" Minimum server version: {}.", method.since) }
}
