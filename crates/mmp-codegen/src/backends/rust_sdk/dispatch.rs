//! How a request of the server's becomes a call of a handler, and what that returns a reply.

use std::collections::BTreeSet;

use super::hooks::{Answer, answer, params, value_form};
use super::{DIR, method_name};
use crate::backends::Output;
use crate::backends::rust::{file, literal};
use crate::calls::Call;
use crate::error::Result;
use crate::names::rust_field;
use crate::overrides::EchoMode;
use crate::project::Project;
use crate::text::Text;

/// Hooks that need more than their arguments and results, and what starts them.
const SPECIAL: [(&str, &str); 4] = [
    ("ServeHTTP", "crate::http::serve(plugin, call, HttpHook::Http)"),
    ("ServeMetrics", "crate::http::serve(plugin, call, HttpHook::Metrics)"),
    ("FileWillBeUploaded", "crate::files::file_will_be_uploaded(plugin, call)"),
    ("MessageWillBeUpdated", "crate::hooks::message_will_be_updated(plugin, call)"),
];

/// The file.
pub(super) fn output(project: &Project) -> Result<Output> {
    let mut text = file("Calls the handlers.");
    text.line("use std::sync::Arc;\n");
    text.line("use mmp_gob::Error as GobError;\n");
    text.line("use crate::changes::changes;");
    text.line("use crate::error::HookError;");
    text.line("use crate::http::HttpHook;");
    text.line("use crate::generated::hooks::Hooks;");
    text.line("use crate::model::{Post, rpc};");
    text.line("use crate::runtime::hook_call::HookCall;\n");
    text.line("/// Starts the handler of the hook that the server calls. `Ok(false)`: there is no such hook.");
    text.line("pub(crate) fn dispatch<H: Hooks>(plugin: &Arc<H>, call: &mut HookCall<'_, '_, '_>) -> Result<bool, GobError> {");
    text.line("match call.name {");
    for (at, hook) in super::hooks(project).enumerate() {
        let name = &hook.method.name;
        if name == "OnActivate" {
            continue;
        }
        match SPECIAL.iter().find(|(special, _)| special == name) {
            Some((_, start)) => text.line(format_args!("{} => {start}?,", literal(name))),
            None => text.line(format_args!("{} => {}(plugin, call, {at})?,", literal(name), method_name(name))),
        }
    }
    text.line("_ => return Ok(false),\n}\nOk(true)\n}\n");
    for hook in super::hooks(project) {
        let name = hook.method.name.as_str();
        if name != "OnActivate" && !SPECIAL.iter().any(|(special, _)| *special == name) {
            function(&mut text, project, hook)?;
        }
    }
    Ok(Output::new(format!("{DIR}/dispatch.rs"), text.finish()))
}

fn function(text: &mut Text, project: &Project, call: &Call) -> Result<()> {
    let method = method_name(&call.method.name);
    let (args, returns) = (&call.method.rpc.args, &call.method.rpc.returns);
    let params = params(project, call, &mut BTreeSet::new());
    text.line(format_args!(
        "fn {method}<H: Hooks>(plugin: &Arc<H>, call: &mut HookCall<'_, '_, '_>, hook: usize) -> Result<(), GobError> {{"
    ));
    text.line(format_args!("let {}: rpc::{args} = call.args()?;", if params.is_empty() { "_" } else { "args" }));
    text.line("let plugin = Arc::clone(plugin);");
    text.line("call.start(hook, async move {");
    params.iter().for_each(|param| text.line(&param.take));
    let passed: Vec<&str> = params.iter().map(|param| param.pass.as_str()).collect();
    let called = format!("plugin.{method}({}).await", passed.join(", "));
    reply(text, project, call, &called, &format!("rpc::{returns}"))?;
    text.line(format_args!("}}, {});", failed(project, call, &format!("rpc::{returns}"))));
    text.line("Ok(())\n}\n");
    Ok(())
}

/// The statements that make the reply of what the handler returns.
fn reply(text: &mut Text, project: &Project, call: &Call, called: &str, returns: &str) -> Result<()> {
    let field = |at: usize| call.results.get(at).map(|slot| rust_field(&slot.field_name)).unwrap_or_default();
    let to_wire = |value: &str| value_form(project, call).map(|form| form.to_wire(value)).unwrap_or_default();
    let value = field(0);
    match answer(project, call)? {
        Answer::Served | Answer::Nothing => {
            text.line(format_args!("{called};"));
            text.line(format_args!("{returns} {{}}"));
        }
        Answer::Outcome => {
            text.line(format_args!("match {called} {{ Ok(()) => {returns}::default(),"));
            text.line(format_args!("Err(error) => {}, }}", error_reply(project, call, returns)));
        }
        Answer::Value => {
            text.line(format_args!("let value = {called};"));
            text.line(format_args!("{returns} {{ {value}: {} }}", to_wire("value")));
        }
        kind @ (Answer::Fallible | Answer::FallibleChange) => {
            let converted = if kind == Answer::Fallible { to_wire("value") } else { "value.map(Box::new)".into() };
            text.line(format_args!("match {called} {{"));
            text.line(format_args!("Ok(value) => {returns} {{ {value}: {converted}, ..Default::default() }},"));
            text.line(format_args!("Err(error) => {}, }}", error_reply(project, call, returns)));
        }
        Answer::Change => {
            text.line(format_args!("let changed: Option<Vec<Post>> = {called};"));
            text.line(format_args!(
                "{returns} {{ {value}: changed.map(|value| {}).unwrap_or_default() }}",
                to_wire("value")
            ));
        }
        Answer::Decision => {
            text.line(format_args!("let decision = {called};"));
            let prefilled = call.echo.filter(|echo| echo.mode == EchoMode::Prefilled);
            let changed = match prefilled.and_then(|echo| call.args.get(usize::from(echo.argument))) {
                Some(argument) => format!("|value| Box::new(changes(value, &{}))", rust_field(&argument.name)),
                None => "Box::new".into(),
            };
            text.line(format_args!(
                "{returns} {{ {value}: decision.value.map({changed}), {}: decision.reason }}",
                field(1)
            ));
        }
        Answer::Verdict => {
            text.line(format_args!("let decision = {called};"));
            text.line(format_args!("{returns} {{ {value}: decision.reason }}"));
        }
    }
    Ok(())
}

/// The reply of a handler that failed.
fn error_reply(project: &Project, call: &Call, returns: &str) -> String {
    let Some(error) = &call.error else { return format!("{returns}::default()") };
    let form = super::convert::Form::new(project, &error.ty);
    let converted = if form.is_pointer() { "Some(Box::new(error.into_app()))" } else { "error.into_any()" };
    let rest = if call.results.is_empty() { "" } else { ", ..Default::default()" };
    format!("{returns} {{ {}: {converted}{rest} }}", rust_field(&error.field_name))
}

/// What makes the reply of a handler that panicked.
fn failed(project: &Project, call: &Call, returns: &str) -> String {
    match call.error {
        None => format!("|_| {returns}::default()"),
        Some(_) => format!("|panic| {{ let error = HookError::new(panic); {} }}", error_reply(project, call, returns)),
    }
}
