//! The hooks: their names, and the table that decoding and return values are driven by.

use super::DIR;
use super::params::{handler_params, mentions};
use super::settings::Settings;
use super::source::{bracketed, description, docstring, file, literal, tuple, wrap};
use super::types::{annotation, optional};
use crate::backends::Output;
use crate::calls::Call;
use crate::error::{Error, Result};
use crate::handling;
use crate::project::Project;
use crate::schema::{Basic, Type};
use crate::text::Text;

/// The file.
pub(super) fn output(project: &Project, settings: &Settings) -> Result<Output> {
    let mut text = file("Mattermost's hooks.");
    text.blank();
    text.line("from enum import Enum");
    text.blank();
    text.line("from .._hook_spec import HookSpec");
    dismiss_post(&mut text, project)?;
    names(&mut text, project, settings);
    text.blank();
    text.blank();
    text.line("HOOKS: dict[str, HookSpec] = {");
    for call in &project.calls.hooks {
        text.line(entry(project, settings, call)?);
    }
    text.line("}");
    Ok(Output::new(format!("{DIR}/hooks.py"), text.finish()))
}

fn dismiss_post(text: &mut Text, project: &Project) -> Result<()> {
    let group = project.schema.constants.get("hook_results").into_iter().flatten();
    let constant = group.into_iter().find(|constant| constant.name == "DismissPostError");
    let value = constant.map(|constant| super::enums::value(&constant.value));
    let value = value.ok_or_else(|| Error::schema("the constant DismissPostError is missing"))?;
    text.blank();
    text.line(format_args!("DISMISS_POST_ERROR = {value}"));
    text.line("\"\"\"The reason with which `MessageWillBePosted` drops a post without telling its author.\"\"\"");
    Ok(())
}

/// In the order of Mattermost's interface.
fn names(text: &mut Text, project: &Project, settings: &Settings) {
    text.blank();
    text.blank();
    text.line("class HookName(str, Enum):");
    text.line("    \"\"\"The hooks that a plugin may handle; each says what its handler is called with.\"\"\"");
    for method in project.schema.hooks.iter().filter(|method| method.name != "Implemented") {
        let name = &method.name;
        let Some(call) = project.calls.hooks.iter().find(|call| &call.method.name == name) else { continue };
        text.blank();
        text.line(format_args!("    {name} = {}", literal(name)));
        let about = project.docs.hooks.get(name).cloned().unwrap_or_else(|| format!("Mattermost's hook `{name}`."));
        let mut paragraphs = description(4, &mentions(project, &about));
        let params: Vec<String> = handler_params(settings, call).into_iter().map(|(python, _)| python).collect();
        paragraphs.extend(returns(project, settings, call));
        paragraphs.extend(streams(call));
        paragraphs.push(wrap(4, &handling::sentence(&project.overrides, call.deadline)));
        let since = super::docs::since(method);
        paragraphs.push(vec![format!("Handler: `({})`.{since}", [vec!["self".into()], params].concat().join(", "))]);
        docstring(text, 4, &paragraphs);
    }
}

/// What a hook's streams are, as `HookSpec` names it.
fn stream(call: &Call) -> Option<&'static str> {
    let is = |ty: &str| call.method.params.iter().any(|param| param.stream && param.expr == ty);
    match call.method.name.as_str() {
        _ if call.streams.is_empty() => None,
        "ServeMetrics" => Some("metrics"),
        _ if is("ResponseWriter") => Some("http"),
        _ => Some("file"),
    }
}

/// Which classes a handler of a hook with streams is called with.
fn streams(call: &Call) -> Option<Vec<String>> {
    let (module, classes) = match stream(call)? {
        "file" => ("files", "`UploadedFile` and `ReplacementFile`"),
        _ => ("http", "`HTTPResponseWriter` and `HTTPRequest`"),
    };
    let text = format!(
        "A `def` handler is called with {classes} of `mattermost_plugin.{module}`, an `async def` handler with the \
         classes of these names that begin with `Async`."
    );
    Some(wrap(4, &text))
}

/// What a handler may return, as the adapters in `_results.py` take it.
fn returns(project: &Project, settings: &Settings, call: &Call) -> Option<Vec<String>> {
    let (shape, value) = shape(project, call).ok()?;
    let value = value.trim_end_matches(" | None");
    let none = match settings.hooks.get(&call.method.name).map(String::as_str) {
        Some("empty") => "None (an empty answer; the command counts as handled)",
        Some(_) => "None (true)",
        None => "None (no objection, no change)",
    };
    let text = match shape {
        "none" => return None,
        "error" => "None, an exception or an error text".to_owned(),
        "reason" => format!("{none} or a reason"),
        "value" => format!("{none} or `{value}`"),
        "value_reason" => format!("{none}, `{value}`, a reason, or a pair `({value} or None, reason)`"),
        _ => format!("{none}, `{value}`, an exception, or a pair `({value} or None, error)`"),
    };
    Some(wrap(4, &format!("A handler returns {text}.")))
}

fn entry(project: &Project, settings: &Settings, call: &Call) -> Result<String> {
    let name = &call.method.name;
    let params = handler_params(settings, call);
    let mut items = vec![call.id.to_string(), literal(name)];
    let (shape, value) = shape(project, call)?;
    let names: Vec<String> = params.iter().map(|(python, _)| literal(python)).collect();
    let types: Vec<String> = call.args.iter().map(|slot| literal(&argument(project, &slot.ty))).collect();
    items.push(tuple(&names));
    // A request is decoded together with what comes behind it.
    let is_request = stream(call).is_some_and(|stream| stream != "file");
    items.push(tuple(if is_request { &[] } else { &types }));
    items.push(literal(shape));
    if !value.is_empty() {
        items.push(literal(&value));
    }
    if let Some(none) = settings.hooks.get(name) {
        items.push(format!("none={}", literal(none)));
    }
    if let Some(stream) = stream(call) {
        items.push(format!("stream={}", literal(stream)));
    }
    items.push(format!("kind={}", literal(call.deadline.name())));
    if call.reject.is_some() {
        items.push("reject=True".to_owned());
    }
    Ok(bracketed(4, &format!("{}: HookSpec(", literal(name)), &items, "),"))
}

/// How an argument is decoded; byte slices may be nil.
fn argument(project: &Project, ty: &Type) -> String {
    let annotation = annotation(project, ty);
    if annotation == "bytes" { optional(&annotation) } else { annotation }
}

/// What the Go method returns, and the type of the value among its results.
fn shape(project: &Project, call: &Call) -> Result<(&'static str, String)> {
    let value = |at: usize| call.results.get(at).map(|slot| annotation(project, &slot.ty)).unwrap_or_default();
    let text = |at: usize| call.results.get(at).is_some_and(|slot| slot.ty == Type::Basic(Basic::String));
    match (call.results.len(), call.error.is_some()) {
        (0, false) => Ok(("none", String::new())),
        (0, true) => Ok(("error", String::new())),
        (1, false) if text(0) => Ok(("reason", String::new())),
        (1, false) => Ok(("value", value(0))),
        (1, true) => Ok(("value_error", value(0))),
        (2, false) if text(1) => Ok(("value_reason", value(0))),
        _ => Err(Error::schema(format!("hooks.{}: no return adapter has this shape of results", call.method.name))),
    }
}
