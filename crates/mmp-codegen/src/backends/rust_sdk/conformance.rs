//! The tables of the conformance plugin in Rust: every hook, and every method by its name.

use std::collections::BTreeSet;

use super::convert::Form;
use super::hooks::{Answer, answer, params, value_form};
use super::{api, method_name};
use crate::backends::Output;
use crate::backends::rust::{file, literal};
use crate::calls::{Call, Slot};
use crate::error::Result;
use crate::names::rust_field;
use crate::project::Project;
use crate::schema::{Basic, Type};
use crate::text::Text;

const DIR: &str = "tests/conformance/rust/src/generated";

/// The files.
pub(super) fn outputs(project: &Project) -> Result<Vec<Output>> {
    let mut root = file("What is generated from `schema/`.");
    root.line("mod api;\nmod driver;\nmod hooks;\n");
    root.line("pub(crate) use api::call_api;\npub(crate) use driver::call_driver;");
    Ok(vec![
        Output::new(format!("{DIR}/mod.rs"), root.finish()),
        calls(project, "api", "Api", &project.calls.api),
        calls(project, "driver", "Driver", &project.calls.driver),
        hooks(project)?,
    ])
}

/// Methods by their names.
fn calls(project: &Project, module: &str, client: &str, calls: &[Call]) -> Output {
    let mut text = file(&format!("Calls the methods of `{client}` by their names."));
    if module == "driver" {
        text.line("use mmp_gob::GoString;");
    }
    text.line(format_args!("use mmp_plugin::{client};"));
    text.line("use mmp_plugin::model::rpc;\n");
    text.line("use crate::plan::{Call, Outcome};\n");
    text.line("/// Makes a call.");
    text.line(format_args!(
        "pub(crate) async fn call_{module}({module}: &{client}, call: &Call<'_>) -> Outcome {{\nmatch call.name {{"
    ));
    let derived: Vec<&Call> = calls.iter().filter(|call| module == "driver" || api::is_derived(call)).collect();
    for call in &derived {
        let name = &call.method.name;
        text.line(format_args!("{} => {}({module}, call).await,", literal(name), method_name(name)));
    }
    text.line("other => Err(format!(\"there is no method {other}\")),\n}\n}\n");
    for call in derived {
        caller(&mut text, project, module, client, call);
    }
    Output::new(format!("{DIR}/{module}.rs"), text.finish())
}

fn rpc_type(project: &Project, ty: &Type) -> String {
    match ty {
        Type::Named(name) if project.schema.wire.contains_key(name) => format!("rpc::{name}"),
        bare => Form::new(project, bare).owned(),
    }
}

fn caller(text: &mut Text, project: &Project, module: &str, client: &str, call: &Call) {
    let method = method_name(&call.method.name);
    let returns = rpc_type(project, &call.method.rpc.returns);
    text.line(format_args!("async fn {method}({module}: &{client}, call: &Call<'_>) -> Outcome {{"));
    let args: Vec<String> = call.args.iter().map(|slot| passed(project, slot)).collect();
    let read = if args.is_empty() { "_" } else { "args" };
    text.line(format_args!("let {read}: {} = call.args()?;", rpc_type(project, &call.method.rpc.args)));
    text.line(format_args!("let result = {module}.{method}({}).await;", args.join(", ")));
    let nullable = api::NULLABLE.contains(&call.method.name.as_str());
    let fields: Vec<(String, String)> = call
        .results
        .iter()
        .enumerate()
        .map(|(at, slot)| {
            let value = if call.results.len() == 1 { "value".to_owned() } else { format!("value.{at}") };
            let form = Form::new(project, &slot.ty);
            let converted =
                if form.is_pointer() && nullable { format!("{value}.map(Box::new)") } else { form.to_wire(&value) };
            (rust_field(&slot.field_name), converted)
        })
        .collect();
    let converted = match fields.as_slice() {
        [] => format!("result.map(|()| {returns}::default())"),
        [(field, _)] if field.is_empty() => "result".into(),
        fields => {
            let list: Vec<String> = fields.iter().map(|(field, value)| format!("{field}: {value}")).collect();
            let rest = if call.error.is_some() { ", ..Default::default()" } else { "" };
            format!("result.map(|value| {returns} {{ {}{rest} }})", list.join(", "))
        }
    };
    text.line(format_args!("call.outcome({converted})\n}}\n"));
}

/// An argument out of the RPC struct, as the client takes it.
fn passed(project: &Project, slot: &Slot) -> String {
    let form = Form::new(project, &slot.ty);
    let field =
        if slot.field_name.is_empty() { "args".to_owned() } else { format!("args.{}", rust_field(&slot.field_name)) };
    match (form.is_pointer(), slot.nil_ok, project.schema.collapse(&slot.ty)) {
        (true, true, _) => format!("{field}.map(|value| *value)"),
        (_, _, Type::Basic(Basic::Bytes | Basic::Json)) => field,
        _ => form.read_wire(&field),
    }
}

/// Every hook.
fn hooks(project: &Project) -> Result<Output> {
    let mut body = Text::default();
    let mut structs = BTreeSet::from(["Context".to_owned(), "FileInfo".to_owned()]);
    for call in super::hooks(project) {
        hook(&mut body, project, call, &mut structs)?;
    }
    let mut text = file("Every hook, as `hook.json` says.");
    text.line("use mmp_plugin::http::{Request, Response};");
    let names: Vec<&str> = structs.iter().map(String::as_str).chain(["rpc"]).collect();
    text.line(format_args!("use mmp_plugin::model::{{{}}};", names.join(", ")));
    text.line("use mmp_plugin::{Decision, FileReader, FileWriter, HookError, Hooks};\n");
    text.line("use crate::Conformance;");
    text.line("use crate::told::{Answer, fail};\n");
    text.line("#[mmp_plugin::hooks]\nimpl Hooks for Conformance {");
    text.line(body.finish().trim_end());
    text.line("}");
    Ok(Output::new(format!("{DIR}/hooks.rs"), text.finish()))
}

fn hook(text: &mut Text, project: &Project, call: &Call, structs: &mut BTreeSet<String>) -> Result<()> {
    let (name, kind) = (&call.method.name, answer(project, call)?);
    let value = value_form(project, call);
    if let Some(value) = &value {
        value.structs(structs);
    }
    let params = params(project, call, structs);
    let list: Vec<String> = params.iter().map(|param| format!("{}: {}", param.name, param.ty)).collect();
    let ty = kind.of_type(&value.map(|form| form.owned()).unwrap_or_default());
    let arrow = if ty == "()" { String::new() } else { format!(" -> {ty}") };
    text.line(format_args!("async fn {}(&self, {}){arrow} {{", method_name(name), list.join(", ")));
    match name.as_str() {
        "ServeHTTP" | "ServeMetrics" => {
            text.line(format_args!("self.serve({}, context, request, response).await\n}}\n", literal(name)));
            return Ok(());
        }
        "FileWillBeUploaded" => {
            text.line("self.upload(context, info, file, output).await\n}\n");
            return Ok(());
        }
        "ExecuteCommand" => {
            text.line("if let Some(text) = self.run_plan(&args.command).await {");
            text.line("return Ok(CommandResponse { text: text.into(), ..Default::default() });\n}");
        }
        _ => {}
    }
    received(text, project, call);
    arms(text, project, call, kind);
    Ok(())
}

/// The arguments in the RPC struct again.
fn received(text: &mut Text, project: &Project, call: &Call) {
    let fields: Vec<String> = call
        .args
        .iter()
        .map(|slot| {
            let name = if slot.name == "c" { "context".into() } else { rust_field(&slot.name) };
            let form = Form::new(project, &slot.ty);
            let value = match project.schema.collapse(&slot.ty) {
                _ if slot.name == "actor" => format!("{name}.map(|value| Box::new(value.clone()))"),
                Type::Basic(Basic::String) => format!("{name}.into()"),
                Type::Basic(_) => name,
                Type::List(inner) if matches!(*inner, Type::Ptr(_)) => {
                    format!("{name}.iter().map(|item| Some(Box::new(item.clone()))).collect()")
                }
                Type::List(_) => format!("{name}.to_vec()"),
                _ => form.to_wire(&format!("{name}.clone()")),
            };
            format!("{}: {value}", rust_field(&slot.field_name))
        })
        .collect();
    let rest = if call.method.name == "OnActivate" { "..Default::default()" } else { "" };
    text.line(format_args!("let args = rpc::{} {{ {} {rest} }};", call.method.rpc.args, fields.join(", ")));
}

fn arms(text: &mut Text, project: &Project, call: &Call, kind: Answer) {
    let (name, returns) = (&call.method.name, &call.method.rpc.returns);
    let field = |at: usize| call.results.get(at).map(|slot| rust_field(&slot.field_name)).unwrap_or_default();
    let value =
        value_form(project, call).map(|form| form.read_wire(&format!("returns.{}", field(0)))).unwrap_or_default();
    let pointer = format!("returns.{}.map(|value| *value)", field(0));
    let (given, neutral) = match kind {
        Answer::Nothing => (String::new(), String::new()),
        Answer::Outcome | Answer::Served => ("Ok(())".into(), "Ok(())".to_owned()),
        Answer::Value => (value, "Default::default()".into()),
        Answer::Fallible => (format!("Ok({value})"), "Ok(Default::default())".into()),
        Answer::FallibleChange => (format!("Ok({pointer})"), "Ok(None)".into()),
        Answer::Change => (format!("Some({value})"), "None".into()),
        Answer::Decision => {
            (format!("Decision {{ value: {pointer}, reason: returns.{} }}", field(1)), "Decision::accept()".into())
        }
        Answer::Verdict => {
            (format!("Decision {{ value: None, reason: returns.{} }}", field(0)), "Decision::accept()".into())
        }
    };
    let ignores = matches!(kind, Answer::Nothing | Answer::Outcome);
    text.line(format_args!("match self.answer::<_, rpc::{returns}>({}, &args).await {{", literal(name)));
    let pattern = if ignores { "_" } else { "returns" };
    text.line(format_args!("Answer::Returns({pattern}) => {{ {given} }}"));
    if let Some(argument) = call.echo.and_then(|echo| call.args.get(usize::from(echo.argument))) {
        let argument = rust_field(&argument.name);
        let wrap = |value: &str| match kind {
            Answer::FallibleChange => format!("Ok(Some({value}))"),
            Answer::Change => format!("Some({value})"),
            _ => format!("Decision::change({value})"),
        };
        let copy = if kind == Answer::Change { format!("{argument}.to_vec()") } else { format!("{argument}.clone()") };
        text.line(format_args!("Answer::Echo => {},", wrap(&copy)));
        if call.results.first().is_some_and(|slot| slot.ty.to_string() == "*Post") {
            let changed = format!("Post {{ message: message.into(), ..{argument}.clone() }}");
            text.line(format_args!("Answer::Change(message) => {},", wrap(&changed)));
        }
    }
    let failed = if call.error.is_some() { "Err(error)" } else { "fail(&error)" };
    text.line(format_args!("Answer::Fails(error) => {failed},"));
    text.line(format_args!("_ => {{ {neutral} }}\n}}\n}}\n"));
}
