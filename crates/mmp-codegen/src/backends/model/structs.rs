//! `generated/mod.rs`, the models and the RPC structs, in the form of `gob_struct!`.

use std::collections::BTreeSet;

use super::DIR;
use crate::backends::Output;
use crate::backends::rust::{basic_type, file, literal, modules, wire_modules, write_doc, write_modules};
use crate::error::{Result, no_faults};
use crate::names::rust_field;
use crate::project::Project;
use crate::schema::{Field, Schema, Type, TypeDef};
use crate::text::Text;

/// All files but the constants.
pub(super) fn outputs(project: &Project) -> Result<Vec<Output>> {
    check_fields(project)?;
    let mut outputs = vec![Output::new(format!("{DIR}/mod.rs"), root(project))];
    outputs.extend(models(project));
    outputs.extend(rpc(project));
    Ok(outputs)
}

fn root(project: &Project) -> String {
    let mut text = file("What is generated from `schema/`.");
    text.line("pub mod constants;\npub mod rpc;\npub(crate) mod types;\n");
    text.line("/// The hash that both sides of the worker link compare.");
    text.line(format_args!("pub const SCHEMA_HASH: &str = {};\n", literal(&project.hash)));
    text.line("/// The Mattermost version that the types describe.");
    text.line(format_args!("pub const MATTERMOST_VERSION: &str = {};", literal(&project.schema.mattermost)));
    text.finish()
}

fn models(project: &Project) -> Vec<Output> {
    let is_config = |name: &str| project.overrides.go_names.types.contains(name);
    let mut root = file("Mattermost's models.");
    let modules = modules(project.schema.structs(), is_config);
    write_modules(&mut root, modules.keys().map(String::as_str));
    let mut outputs = vec![Output::new(format!("{DIR}/types/mod.rs"), root.finish())];
    for (module, structs) in &modules {
        let about = match module.as_str() {
            "config" => "The sections of the configuration.".to_owned(),
            letter => format!("Models whose names begin with {}.", letter.to_uppercase()),
        };
        let docs = |name: &str| project.docs.type_text(name);
        outputs.push(module_file(project, &format!("types/{module}.rs"), &about, structs, docs));
    }
    outputs
}

/// The RPC structs, by the service that uses them.
fn rpc(project: &Project) -> Vec<Output> {
    let mut root = file("The argument and reply structs of the RPC services, without Mattermost's `Z_`.");
    let modules = wire_modules(project);
    write_modules(&mut root, modules.iter().map(|module| module.name));
    let mut outputs = vec![Output::new(format!("{DIR}/rpc/mod.rs"), root.finish())];
    outputs.extend(modules.iter().map(|module| rpc_file(project, module.name, module.about, &module.structs)));
    outputs
}

fn rpc_file(project: &Project, module: &str, about: &str, structs: &[(&str, &[Field])]) -> Output {
    module_file(project, &format!("rpc/{module}.rs"), about, structs, |name| format!("Go's `Z_{name}`."))
}

/// A file of structs. The formatter leaves the inside of a macro alone, so it is written as it shall look.
fn module_file(
    project: &Project,
    path: &str,
    about: &str,
    structs: &[(&str, &[Field])],
    docs: impl Fn(&str) -> String,
) -> Output {
    let wire = path.starts_with("rpc/");
    let mut body = Text::default();
    let mut foreign = BTreeSet::new();
    for (name, fields) in structs {
        body.line("gob_struct! {");
        write_doc(&mut body, "    ", &docs(name));
        let tag = if wire { format!("Z_{name}") } else { (*name).to_owned() };
        body.line(format_args!("    pub struct {name} ({}) {{", literal(&tag)));
        for field in *fields {
            body.line(format_args!("        /// {}", field_doc(field)));
            let ty = rust_type(&project.schema, &field.ty);
            body.line(format_args!("        {}: {ty} = {},", rust_field(&field.name), literal(&field.name)));
            foreign.extend(project.schema.collapse(&field.ty).names().into_iter().map(str::to_owned));
        }
        body.line("    }\n}\n");
    }
    foreign.retain(|name| !structs.iter().any(|(own, _)| own == name) && project.schema.fields(name).is_some());
    let mut text = file(about);
    write_imports(&mut text, &body, &foreign, if wire { "crate::generated::types" } else { "super" });
    text.line(body.finish().trim_end());
    Output::new(format!("{DIR}/{path}"), text.finish())
}

fn write_imports(text: &mut Text, body: &Text, foreign: &BTreeSet<String>, types: &str) {
    const NAMES: [&str; 9] = ["Any", "BinaryMarshaled", "Bytes", "GoString", "GobEncoded", "Map", "Ptr", "Time", "Url"];
    let used: Vec<&str> = NAMES
        .into_iter()
        .filter(|name| [": ", "<", ", "].iter().any(|before| has_word(body, before, name)))
        .chain(["gob_struct"])
        .collect();
    text.line(format_args!("use mmp_gob::{{{}}};\n", used.join(", ")));
    if !foreign.is_empty() {
        let names: Vec<&str> = foreign.iter().map(String::as_str).collect();
        text.line(format_args!("use {types}::{{{}}};\n", names.join(", ")));
    }
}

/// Whether a field's type has the name in it: the end of the word is where a type can go on.
fn has_word(body: &Text, before: &str, name: &str) -> bool {
    [" =", "<", ">", ","].iter().any(|after| body.contains(&format!("{before}{name}{after}")))
}

fn field_doc(field: &Field) -> String {
    let name = &field.name;
    match field.json.as_deref() {
        _ if field.embedded => format!("Go's embedded `{name}`."),
        Some("-") => format!("Go's `{name}`, which JSON leaves out."),
        Some(json) if !json.is_empty() => format!("Go's `{name}`, in JSON `{json}`."),
        _ => format!("Go's `{name}`."),
    }
}

/// The Rust type of a field.
fn rust_type(schema: &Schema, ty: &Type) -> String {
    match ty {
        Type::Basic(basic) => basic_type(*basic).to_owned(),
        Type::Named(name) => match schema.types.get(name) {
            Some(TypeDef::Named { encoding: Some(encoding), .. }) if encoding == "gob" => "GobEncoded".into(),
            Some(TypeDef::Named { encoding: Some(_), .. }) => "BinaryMarshaled".into(),
            Some(TypeDef::Named { ty, .. }) => rust_type(schema, ty),
            _ => name.clone(),
        },
        Type::Ptr(inner) => format!("Ptr<{}>", rust_type(schema, inner)),
        Type::List(inner) => format!("Vec<{}>", rust_type(schema, inner)),
        Type::Map(key, value) => format!("Map<{}, {}>", rust_type(schema, key), rust_type(schema, value)),
    }
}

/// Two fields of a struct must not have the same name in Rust.
fn check_fields(project: &Project) -> Result<()> {
    let mut faults = Vec::new();
    let wire = project.schema.wire.iter().map(|(name, wire)| (name.as_str(), wire.fields.as_slice()));
    for (name, fields) in project.schema.structs().chain(wire) {
        let mut seen = BTreeSet::new();
        for field in fields.iter().filter(|field| !seen.insert(rust_field(&field.name))) {
            faults.push(format!("{name}.{}: another field has the same name in Rust", field.name));
        }
    }
    no_faults(faults)
}
