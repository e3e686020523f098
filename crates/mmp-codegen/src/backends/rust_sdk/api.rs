//! The client of the API: a method for each of the server's, in modules by their subject.

use std::collections::{BTreeMap, BTreeSet};

use super::convert::{Arguments, Form};
use super::{DIR, docs, method_name};
use crate::backends::Output;
use crate::backends::rust::{file, literal};
use crate::calls::Call;
use crate::error::{Error, Result};
use crate::names::{rust_field, snake_case};
use crate::project::Project;
use crate::schema::Type;
use crate::text::Text;

/// Methods that are written by hand, because a derived form would be a bad one.
pub(super) const BY_HAND: [&str; 5] = ["LoadPluginConfiguration", "LogDebug", "LogInfo", "LogWarn", "LogError"];

/// Methods for which nil without an error is an answer; elsewhere it is a fault of the server.
pub(super) const NULLABLE: [&str; 10] = [
    "GetLicense",
    "GetCloudLimits",
    "GetPluginStatus",
    "ExecuteSlashCommand",
    "SendEphemeralPost",
    "UpdateEphemeralPost",
    "DeleteGroup",
    "DeleteGroupMember",
    "DeleteGroupSyncable",
    "UploadData",
];

/// Whether the method's body is generated.
pub(super) fn is_derived(call: &Call) -> bool {
    call.streams.is_empty() && !BY_HAND.contains(&call.method.name.as_str())
}

/// All files.
pub(super) fn outputs(project: &Project) -> Result<Vec<Output>> {
    let mut groups: BTreeMap<String, Vec<&Call>> = BTreeMap::new();
    for method in &project.schema.api {
        let Some(call) = project.calls.api.iter().find(|call| call.method.name == method.name) else { continue };
        if is_derived(call) {
            let group = method.tags.first().map_or_else(|| "other".to_owned(), |tag| snake_case(tag));
            groups.entry(group).or_default().push(call);
        }
    }
    let mut root = file("The methods of the API, by their subject.");
    groups.keys().for_each(|group| root.line(format_args!("mod {group};")));
    let mut outputs = vec![Output::new(format!("{DIR}/api/mod.rs"), root.finish())];
    for (group, calls) in &groups {
        outputs.push(module(project, group, calls)?);
    }
    Ok(outputs)
}

fn module(project: &Project, group: &str, calls: &[&Call]) -> Result<Output> {
    let mut body = Text::default();
    let mut structs = BTreeSet::new();
    for call in calls {
        method(&mut body, project, call, &mut structs)?;
    }
    let mut text = file(&format!("API methods: {}.", group.replace('_', " ")));
    imports(&mut text, &body, &structs);
    text.line(format_args!("/// {}.", title(group)));
    text.line("impl Api {");
    text.line(body.finish().trim_end());
    text.line("}");
    Ok(Output::new(format!("{DIR}/api/{group}.rs"), text.finish()))
}

fn title(group: &str) -> String {
    let text = group.replace('_', " ");
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The imports of a module of methods.
pub(super) fn imports(text: &mut Text, body: &Text, structs: &BTreeSet<String>) {
    if body.contains("BTreeMap<") {
        text.line("use std::collections::BTreeMap;\n");
    }
    let gob: Vec<&str> = ["Any", "Bytes", "GoString", "Map", "Ptr"]
        .into_iter()
        .filter(|name| {
            ["<", " "]
                .iter()
                .any(|before| [">", ",", "<", ")"].iter().any(|after| body.contains(&format!("{before}{name}{after}"))))
        })
        .collect();
    if !gob.is_empty() {
        text.line(format_args!("use mmp_gob::{{{}}};\n", gob.join(", ")));
    }
    text.line("use crate::api::Api;");
    let error = if body.contains("Error::") { "Error, " } else { "" };
    text.line(format_args!("use crate::error::{{{error}Method, Result}};"));
    let names: Vec<&str> = structs.iter().map(String::as_str).chain(["rpc"]).collect();
    text.line(format_args!("use crate::model::{{{}}};\n", names.join(", ")));
}

fn method(text: &mut Text, project: &Project, call: &Call, structs: &mut BTreeSet<String>) -> Result<()> {
    let name = &call.method.name;
    let (Type::Named(args), Type::Named(returns)) = (&call.method.rpc.args, &call.method.rpc.returns) else {
        return Err(Error::schema(format!("{name}: the Rust SDK takes RPC structs only")));
    };
    let Arguments { params, fields } = Arguments::of(project, call, structs);
    let fields: Vec<String> = fields.iter().map(|(field, value)| format!("{field}: {value}")).collect();
    let nullable = NULLABLE.contains(&name.as_str());
    let mut types = Vec::new();
    let mut values = Vec::new();
    for slot in &call.results {
        let form = Form::new(project, &slot.ty);
        form.structs(structs);
        let value = format!("reply.{}", rust_field(&slot.field_name));
        match (form.is_pointer(), nullable) {
            (true, true) => {
                types.push(format!("Option<{}>", form.owned()));
                values.push(format!("{value}.map(|value| *value)"));
            }
            (true, false) => {
                types.push(form.owned());
                values.push(format!("*{value}.ok_or(Error::Nothing {{ method: METHOD.name }})?"));
            }
            (false, _) => {
                types.push(form.owned());
                values.push(form.read_wire(&value));
            }
        }
    }
    let about = project.docs.api.get(name);
    docs::write(text, project, call, about, &[]);
    text.line(format_args!(
        "pub async fn {}(&self, {}) -> Result<{}> {{",
        method_name(name),
        params.join(", "),
        tuple(&types)
    ));
    text.line(method_constant(call));
    text.line(format_args!("let args = rpc::{args} {{ {} }};", fields.join(", ")));
    let used = call.error.is_some() || !values.is_empty();
    text.line(format_args!(
        "let {}: rpc::{returns} = self.call(METHOD, &args).await?;",
        if used { "reply" } else { "_" }
    ));
    text.line(check_error(project, call));
    text.line(format_args!("Ok({})", tuple(&values)));
    text.line("}\n");
    Ok(())
}

/// `const METHOD: Method = ...;`
pub(super) fn method_constant(call: &Call) -> String {
    let method = &call.method;
    let rpc = method.rpc_name.as_ref().unwrap_or(&method.name);
    format!(
        "const METHOD: Method = Method {{ name: {}, rpc: {}, since: {} }};",
        literal(&method.name),
        literal(&format!("Plugin.{rpc}")),
        literal(&method.since)
    )
}

/// The statement that returns the server's error.
pub(super) fn check_error(project: &Project, call: &Call) -> String {
    let Some(error) = &call.error else { return String::new() };
    let field = rust_field(&error.field_name);
    if Form::new(project, &error.ty).is_pointer() {
        format!("if let Some(error) = reply.{field} {{ return Err(Error::App(error)); }}")
    } else {
        format!("if let Some(error) = Error::from_any(&reply.{field}) {{ return Err(error); }}")
    }
}

/// No, one or several types or values.
pub(super) fn tuple(items: &[String]) -> String {
    match items {
        [one] => one.clone(),
        many => format!("({})", many.join(", ")),
    }
}
