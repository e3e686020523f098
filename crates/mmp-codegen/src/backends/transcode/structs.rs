//! The statics of the structs: models in `types/`, wire structs in `wire/`.

use std::collections::{BTreeMap, BTreeSet};

use super::{DIR, kind};
use crate::backends::Output;
use crate::backends::rust::{file, literal, module_of, modules, wire_modules, write_modules};
use crate::error::{Result, no_faults};
use crate::names::screaming_case;
use crate::project::Project;
use crate::schema::{Field, Type};
use crate::text::Text;

/// Two Go names of the same SCREAMING_CASE would be one static.
pub(super) fn check_names(project: &Project) -> Result<()> {
    let mut statics: BTreeMap<String, &str> = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, _) in project.schema.structs() {
        if let Some(other) = statics.insert(screaming_case(name), name) {
            faults.push(format!("types.{name} and types.{other} have the same name in Rust"));
        }
    }
    no_faults(faults)
}

/// The paths of all structs, seen from `generated/`, at their indices.
pub(super) fn paths(project: &Project) -> Vec<String> {
    let models = project.schema.structs().map(|(name, _)| format!("types::{}", screaming_case(name)));
    let wire = project.schema.wire.keys().map(|name| format!("wire::{}", screaming_case(name)));
    models.chain(wire).chain(["wire::UNIT".to_owned()]).collect()
}

/// `types/` and `wire/`.
pub(super) fn outputs(project: &Project) -> Vec<Output> {
    let is_config = |name: &str| project.overrides.go_names.types.contains(name);
    let modules = modules(project.schema.structs().enumerate().map(|(i, (name, f))| (name, (i, f))), is_config);
    let mut root = file("The structs of Mattermost's models.");
    write_modules(&mut root, modules.keys().map(String::as_str));
    let mut outputs = wire(project);
    outputs.push(Output::new(format!("{DIR}/types/mod.rs"), root.finish()));
    for (module, structs) in &modules {
        outputs.push(types_module(project, module, structs, is_config));
    }
    outputs
}

fn types_module(
    project: &Project,
    module: &str,
    structs: &[(&str, (usize, &[Field]))],
    is_config: impl Fn(&str) -> bool + Copy,
) -> Output {
    let about = match module {
        "config" => "The sections of the configuration.".to_owned(),
        letter => format!("Models whose names begin with {}.", letter.to_uppercase()),
    };
    let mut text = file(&about);
    let mut body = Text::default();
    let mut foreign = BTreeSet::new();
    for (name, (index, fields)) in structs {
        write_struct(&mut body, project, name, *index, fields, "");
        foreign.extend(fields.iter().flat_map(|field| structs_in(project, &field.ty)));
    }
    foreign.retain(|name| module_of(name, is_config) != module);
    write_imports(&mut text, "super::super", &body);
    if !foreign.is_empty() {
        let names: Vec<String> = foreign.iter().map(|name| screaming_case(name)).collect();
        text.line(format_args!("use super::{{{}}};", names.join(", ")));
    }
    text.line(body.finish());
    Output::new(format!("{DIR}/types/{module}.rs"), text.finish())
}

/// `wire/`.
fn wire(project: &Project) -> Vec<Output> {
    let first = project.schema.structs().count();
    let positions = project.schema.wire.keys().enumerate();
    let indices: BTreeMap<&str, usize> = positions.map(|(at, name)| (name.as_str(), first + at)).collect();
    let modules = wire_modules(project);
    let mut root = file("The argument and reply structs of the RPC services, without Mattermost's `Z_`.");
    write_modules(&mut root, modules.iter().map(|module| module.name));
    root.line("\nuse crate::schema::Struct;\n");
    root.line("/// Go's `struct{}`.");
    let unit = first + indices.len();
    root.line(format_args!("pub static UNIT: Struct = Struct {{ index: {unit}, name: \"\", fields: &[] }};"));
    let mut outputs = vec![Output::new(format!("{DIR}/wire/mod.rs"), root.finish())];
    for module in &modules {
        let mut body = Text::default();
        for (name, fields) in &module.structs {
            let index = indices.get(name).copied().unwrap_or_default();
            write_struct(&mut body, project, name, index, fields, "types::");
        }
        let mut text = file(module.about);
        if body.contains("types::") {
            text.line("use super::super::types;");
        }
        write_imports(&mut text, "super::super", &body);
        text.line(body.finish());
        outputs.push(Output::new(format!("{DIR}/wire/{}.rs", module.name), text.finish()));
    }
    outputs
}

/// Imports what `body` uses of `crate::schema` and of `generated/mod.rs`, which is at `root`.
fn write_imports(text: &mut Text, root: &str, body: &Text) {
    let helpers = [("embedded", "embedded("), ("field", "    field(")];
    let helpers: Vec<&str> = helpers.iter().filter(|(_, call)| body.contains(call)).map(|(name, _)| *name).collect();
    if !helpers.is_empty() {
        text.line(format_args!("use {root}::{{{}}};", helpers.join(", ")));
    }
    let kind = if body.contains("Kind::") { "Kind, " } else { "" };
    text.line(format_args!("use crate::schema::{{{kind}Struct}};"));
}

fn write_struct(text: &mut Text, project: &Project, name: &str, index: usize, fields: &[Field], types: &str) {
    text.blank();
    text.line(format_args!("/// Go's `{name}`."));
    let constant = screaming_case(name);
    let literal_name = literal(name);
    text.line(format_args!(
        "pub static {constant}: Struct = Struct {{ index: {index}, name: {literal_name}, fields: &["
    ));
    let tags = project.lock.fields.get(name);
    for field in fields.iter().filter(|field| !project.schema.is_opaque(&field.ty)) {
        let helper = if field.embedded { "embedded" } else { "field" };
        let key = project.key(name, field);
        let kind = kind(project, &field.ty, types);
        let tag = tags.and_then(|tags| tags.get(&field.name)).copied().unwrap_or_default();
        text.line(format_args!("    {helper}({tag}, {}, {}, {kind}),", literal(&field.name), literal(&key)));
    }
    text.line("] };");
}

/// The names of the structs that a type refers to, through named types too.
fn structs_in(project: &Project, ty: &Type) -> Vec<String> {
    let collapsed = project.schema.collapse(ty);
    collapsed.names().into_iter().map(str::to_owned).collect()
}
