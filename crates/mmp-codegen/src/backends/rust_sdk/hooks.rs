//! The trait of hooks.

use std::collections::BTreeSet;

use super::convert::Form;
use super::{DIR, docs, method_name};
use crate::backends::Output;
use crate::backends::rust::{file, literal};
use crate::calls::{Call, Slot};
use crate::error::{Error, Result};
use crate::names::rust_field;
use crate::project::Project;
use crate::text::Text;

/// What a handler returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing.
    Nothing,
    /// Nothing, or an error.
    Outcome,
    /// Nothing, or an error that ends the response.
    Served,
    /// A value.
    Value,
    /// A value or an error.
    Fallible,
    /// A changed argument or none, or an error.
    FallibleChange,
    /// A changed list or none.
    Change,
    /// A value or none, and a reason to refuse.
    Decision,
    /// A reason to refuse, or none.
    Verdict,
}

/// What the handler of a hook returns.
pub(super) fn answer(project: &Project, call: &Call) -> Result<Answer> {
    let is_text = |slot: &Slot| Form::new(project, &slot.ty).is_text();
    let is_pointer = |slot: &Slot| Form::new(project, &slot.ty).is_pointer();
    if matches!(call.method.name.as_str(), "ServeHTTP" | "ServeMetrics") {
        return Ok(Answer::Served);
    }
    Ok(match (call.results.as_slice(), call.error.is_some(), call.echo.is_some()) {
        ([], false, _) => Answer::Nothing,
        ([], true, _) => Answer::Outcome,
        ([value, reason], false, _) if is_pointer(value) && is_text(reason) => Answer::Decision,
        ([reason], false, false) if is_text(reason) => Answer::Verdict,
        ([_], true, true) => Answer::FallibleChange,
        ([_], false, true) => Answer::Change,
        ([_], true, false) => Answer::Fallible,
        ([_], false, false) => Answer::Value,
        _ => return Err(Error::schema(format!("{}: the Rust SDK has no form for these results", call.method.name))),
    })
}

impl Answer {
    /// The type, with what a value is.
    pub(super) fn of_type(self, value: &str) -> String {
        match self {
            Answer::Nothing => "()".into(),
            Answer::Outcome | Answer::Served => "Result<(), HookError>".into(),
            Answer::Value => value.into(),
            Answer::Fallible => format!("Result<{value}, HookError>"),
            Answer::FallibleChange => format!("Result<Option<{value}>, HookError>"),
            Answer::Change => format!("Option<{value}>"),
            Answer::Decision => format!("Decision<{value}>"),
            Answer::Verdict => "Decision".into(),
        }
    }

    /// What a handler without an opinion returns.
    fn neutral(self) -> &'static str {
        match self {
            Answer::Nothing => "",
            Answer::Outcome | Answer::Served => "Ok(())",
            Answer::Value => "Default::default()",
            Answer::Fallible => "Ok(Default::default())",
            Answer::FallibleChange => "Ok(None)",
            Answer::Change => "None",
            Answer::Decision | Answer::Verdict => "Decision::accept()",
        }
    }

    /// What the documentation says of it.
    fn about(self) -> &'static str {
        match self {
            Answer::Nothing => "",
            Answer::Outcome => "An error is passed on to the server.",
            Answer::Served => {
                "An error is logged; the client gets the status 500, or a response that breaks off if it has begun."
            }
            Answer::Value => "",
            Answer::Fallible => "An error is passed on to the server.",
            Answer::FallibleChange => "`None` leaves the argument as it is; an error refuses it.",
            Answer::Change => "`None` leaves the list as it is; otherwise it has to be complete.",
            Answer::Decision => "[`Decision`] says whether it passes, is changed, or is refused.",
            Answer::Verdict => "[`Decision`] says whether it passes or is refused.",
        }
    }
}

/// A handler's parameter.
pub(super) struct Param {
    /// The name.
    pub(super) name: String,
    /// The type.
    pub(super) ty: String,
    /// The statement that makes a variable of its own of the RPC struct's field; empty if there is no such field.
    pub(super) take: String,
    /// What is passed.
    pub(super) pass: String,
}

/// The parameters of a handler.
pub(super) fn params(project: &Project, call: &Call, structs: &mut BTreeSet<String>) -> Vec<Param> {
    let special = special_params(call);
    if !special.is_empty() {
        return special;
    }
    let params = call.args.iter().map(|slot| {
        let form = Form::new(project, &slot.ty);
        form.structs(structs);
        let name = if slot.name == "c" { "context".into() } else { rust_field(&slot.name) };
        let field = format!("args.{}", rust_field(&slot.field_name));
        // The user who brought it about, which is nil if nobody did.
        if slot.name == "actor" {
            let (take, pass) = (format!("let {name} = {field};"), format!("{name}.as_deref()"));
            return Param { ty: format!("Option<&{}>", form.owned()), take, pass, name };
        }
        let (ty, pass) = form.borrowed(&name);
        let owned = form.read_wire(&field);
        // A struct stays in its box.
        let owned = if form.is_pointer() { format!("{field}.unwrap_or_default()") } else { owned };
        let annotation = if owned.contains("collect") { format!(": {}", form.owned()) } else { String::new() };
        Param { take: format!("let {name}{annotation} = {owned};"), ty, pass, name }
    });
    params.collect()
}

/// The parameters of a hook with streams.
fn special_params(call: &Call) -> Vec<Param> {
    let param =
        |name: &str, ty: &str| Param { name: name.into(), ty: ty.into(), take: String::new(), pass: name.into() };
    let context = || param("context", "&Context");
    match call.method.name.as_str() {
        "ServeHTTP" | "ServeMetrics" => {
            vec![context(), param("request", "Request"), param("response", "&mut Response")]
        }
        "FileWillBeUploaded" => {
            vec![
                context(),
                param("info", "&FileInfo"),
                param("file", "&mut FileReader"),
                param("output", "&mut FileWriter"),
            ]
        }
        _ => Vec::new(),
    }
}

/// The value among the results of a hook.
pub(super) fn value_form<'a>(project: &'a Project, call: &Call) -> Option<Form<'a>> {
    call.results.first().map(|slot| Form::new(project, &slot.ty))
}

/// The file.
pub(super) fn output(project: &Project) -> Result<Output> {
    let mut body = Text::default();
    let mut structs = BTreeSet::from(["Context".to_owned(), "FileInfo".to_owned()]);
    for call in super::hooks(project) {
        method(&mut body, project, call, &mut structs)?;
    }
    let mut text = file("The hooks that a plugin may have.");
    text.line("use crate::decision::Decision;");
    text.line("use crate::error::HookError;");
    text.line("use crate::files::{FileReader, FileWriter};");
    text.line("use crate::http::{Request, Response};");
    let names: Vec<&str> = structs.iter().map(String::as_str).collect();
    text.line(format_args!("use crate::model::{{{}}};\n", names.join(", ")));
    table(&mut text, project);
    text.line(TRAIT_DOCS);
    text.line("pub trait Hooks: Send + Sync + 'static {");
    text.line("    /// The methods of this trait that the plugin has. `#[mmp_plugin::hooks]` before the `impl` block writes it.");
    text.line("    const IMPLEMENTED: &'static [&'static str];\n");
    text.line(body.finish().trim_end());
    text.line("}");
    Ok(Output::new(format!("{DIR}/hooks.rs"), text.finish()))
}

const TRAIT_DOCS: &str = "\
/// What a plugin does when something happens on the server.
///
/// Write the hooks that the plugin is interested in, as `async fn`, and put `#[mmp_plugin::hooks]` before the block: the server calls these and no others.
///
/// Handlers of different events run at the same time, so state that they share needs a lock. A handler may take its time and may block; others go on meanwhile. One that panics
/// does no harm: the panic goes to the server's log, and the server does what it would do without the plugin.";

/// The names of the hooks.
fn table(text: &mut Text, project: &Project) {
    text.line("/// A hook.");
    text.line("#[derive(Debug)]\npub(crate) struct Hook {");
    text.line("    /// Go's name.\n    pub(crate) name: &'static str,");
    text.line("    /// The name over net/rpc.\n    pub(crate) rpc: &'static str,");
    text.line("    /// The method of [`Hooks`].\n    pub(crate) method: &'static str,\n}\n");
    let hooks: Vec<&Call> = super::hooks(project).collect();
    text.line("/// All hooks.");
    text.line(format_args!("pub(crate) const HOOKS: [Hook; {}] = [", hooks.len()));
    for call in &hooks {
        let name = &call.method.name;
        let (rpc, method) = (literal(&format!("Plugin.{name}")), literal(&method_name(name)));
        text.line(format_args!("    Hook {{ name: {}, rpc: {rpc}, method: {method} }},", literal(name)));
    }
    text.line("];\n");
    for name in ["OnActivate", "ServeHTTP", "ServeMetrics", "FileWillBeUploaded", "MessageWillBeUpdated"] {
        let at = hooks.iter().position(|call| call.method.name == name).unwrap_or_default();
        text.line(format_args!("/// The position of `{name}` in [`HOOKS`]."));
        text.line(format_args!("pub(crate) const {}: usize = {at};\n", crate::names::screaming_case(name)));
    }
}

fn method(text: &mut Text, project: &Project, call: &Call, structs: &mut BTreeSet<String>) -> Result<()> {
    let (name, answer) = (&call.method.name, answer(project, call)?);
    let value = value_form(project, call);
    if let Some(value) = &value {
        value.structs(structs);
    }
    let ty = answer.of_type(&value.map(|form| form.owned()).unwrap_or_default());
    let params = params(project, call, structs);
    let about: Vec<&str> = [answer.about()].into_iter().filter(|text| !text.is_empty()).collect();
    docs::write(text, project, call, project.docs.hooks.get(name), &about);
    let list: Vec<String> = params.iter().map(|param| format!("{}: {}", param.name, param.ty)).collect();
    let returned = if ty == "()" { "()".to_owned() } else { ty };
    text.line(format_args!(
        "fn {}(&self, {}) -> impl Future<Output = {returned}> + Send {{",
        method_name(name),
        list.join(", ")
    ));
    let unused: Vec<&str> = params.iter().map(|param| param.name.as_str()).collect();
    match unused.as_slice() {
        [] => {}
        [one] => text.line(format_args!("let _ = {one};")),
        many => text.line(format_args!("let _ = ({});", many.join(", "))),
    }
    text.line(format_args!("async {{ {} }}", answer.neutral()));
    text.line("}\n");
    Ok(())
}
