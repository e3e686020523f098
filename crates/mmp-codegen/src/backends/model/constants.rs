//! `generated/constants/`: one module per group of constants and per named type that has constants.

use std::collections::{BTreeMap, BTreeSet};

use super::DIR;
use crate::backends::Output;
use crate::backends::rust::{file, literal};
use crate::error::{Error, Result};
use crate::names::{screaming_case, snake_case};
use crate::project::Project;
use crate::schema::{Basic, Constant, Type};

/// A module: what it holds and the Rust type of integers in it.
struct Group<'a> {
    about: String,
    integer: &'static str,
    constants: &'a [Constant],
}

/// All files.
pub(super) fn outputs(project: &Project) -> Result<Vec<Output>> {
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    for (name, constants) in &project.schema.constants {
        let about = format!("Constants: {}.", name.replace('_', " "));
        groups.insert(name.clone(), Group { about, integer: "i64", constants });
    }
    for (name, ty, constants) in project.schema.named().filter(|(_, _, constants)| !constants.is_empty()) {
        let about = format!("The values of `{name}`.");
        let group = Group { about, integer: integer(project.schema.underlying(ty)), constants };
        if groups.insert(snake_case(name), group).is_some() {
            return Err(Error::schema(format!("constants: a group has the name of the type {name}")));
        }
    }
    let mut root = file("Constants, by purpose, by the type they belong to, or by where Mattermost declares them.");
    let mut outputs = Vec::new();
    for (name, group) in &groups {
        root.line(format_args!("pub mod {name};"));
        outputs.push(Output::new(format!("{DIR}/constants/{name}.rs"), module(name, group)?));
    }
    outputs.push(Output::new(format!("{DIR}/constants/mod.rs"), root.finish()));
    Ok(outputs)
}

fn module(name: &str, group: &Group<'_>) -> Result<String> {
    let mut text = file(&group.about);
    let mut seen = BTreeSet::new();
    for constant in group.constants {
        let rust = screaming_case(&constant.name);
        if !seen.insert(rust.clone()) {
            return Err(Error::schema(format!("constants.{name}: {} is there twice", constant.name)));
        }
        let (ty, value) = match &constant.value {
            serde_json::Value::String(text) => ("&str", literal(text)),
            serde_json::Value::Number(number) if number.is_f64() => ("f64", number.to_string()),
            serde_json::Value::Number(number) => (group.integer, number.to_string()),
            serde_json::Value::Bool(value) => ("bool", value.to_string()),
            other => return Err(Error::schema(format!("constants.{name}.{}: {other} is no constant", constant.name))),
        };
        text.line(format_args!("/// Go's `{}`.", constant.name));
        text.line(format_args!("pub const {rust}: {ty} = {value};\n"));
    }
    Ok(text.finish())
}

fn integer(ty: &Type) -> &'static str {
    match ty {
        Type::Basic(Basic::Uint32) => "u32",
        Type::Basic(Basic::Uint | Basic::Uint64) => "u64",
        Type::Basic(Basic::Int32) => "i32",
        _ => "i64",
    }
}
