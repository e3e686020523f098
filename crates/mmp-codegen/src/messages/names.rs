//! The names of the fields.

use std::collections::BTreeMap;

use super::{Settings, request_fields, response_fields};
use crate::calls::{Call, Calls, Slot};
use crate::error::{Result, no_faults};
use crate::names::snake_case;
use crate::overrides::Overrides;
use crate::schema::{Schema, Type};

/// Names every argument and result, or reports all that have no name, no good one, or that of another.
pub(crate) fn name(schema: &Schema, overrides: &Overrides, calls: &mut Calls) -> Result<()> {
    let settings = &overrides.proto;
    let mut faults = unknown(schema, settings);
    for call in calls.api.iter_mut().chain(&mut calls.hooks).chain(&mut calls.driver) {
        let method = call.method.name.clone();
        for slot in &mut call.args {
            slot.field_in_proto = param(overrides, &method, &slot.name);
        }
        if let Err(fault) = name_results(schema, settings, &method, &mut call.results) {
            faults.push(fault);
        }
        check(call, &mut faults);
    }
    no_faults(faults)
}

/// Go's name in snake_case, without tearing apart what `words` holds together.
pub(crate) fn field_name(settings: &Settings, go: &str) -> String {
    let mut go = go.to_owned();
    for (word, written) in &settings.words {
        go = go.replace(word, written);
    }
    snake_case(&go)
}

/// A request's field has the name of the parameter in Python, unless it has one for protobuf.
fn param(overrides: &Overrides, method: &str, param: &str) -> String {
    let path = format!("{method}.{param}");
    if let Some(name) = overrides.proto.params.get(&path) {
        return name.clone();
    }
    let python = overrides.sections.get("python").and_then(|python| python.get("params"));
    let python = python.and_then(|params| params.get(&path)?.get("name")?.as_str());
    match (python, param) {
        (Some(name), _) => name.to_owned(),
        (None, "c") => "context".to_owned(),
        (None, param) => field_name(&overrides.proto, param),
    }
}

fn name_results(schema: &Schema, settings: &Settings, method: &str, results: &mut [Slot]) -> Result<(), String> {
    if let Some(names) = settings.results.get(method) {
        if names.len() != results.len() {
            let (names, results) = (names.len(), results.len());
            return Err(format!(
                "overrides.toml, [proto.results]: {names} names for the {results} results of {method}"
            ));
        }
        for (slot, name) in results.iter_mut().zip(names) {
            slot.field_in_proto.clone_from(name);
        }
        return Ok(());
    }
    for slot in results {
        slot.field_in_proto = match (slot.name.as_str(), by_type(schema, settings, &slot.ty)) {
            ("", Some(name)) => name,
            ("", None) => {
                return Err(format!("{method}: a result of type `{}` needs a name in [proto.results]", slot.ty));
            }
            (go, _) => field_name(settings, go),
        };
    }
    Ok(())
}

/// The name that a model lends to a result; several of them are its plural.
fn by_type(schema: &Schema, settings: &Settings, ty: &Type) -> Option<String> {
    match schema.underlying(ty) {
        Type::Named(name) => {
            Some(settings.result_types.get(name).cloned().unwrap_or_else(|| field_name(settings, name)))
        }
        Type::Ptr(inner) => by_type(schema, settings, inner).filter(|_| !matches!(**inner, Type::List(_))),
        Type::List(inner) => match schema.underlying(inner) {
            Type::Named(_) | Type::Ptr(_) => by_type(schema, settings, inner).map(|name| plural(&name)),
            _ => None,
        },
        _ => None,
    }
}

fn plural(name: &str) -> String {
    match name.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if name.ends_with('s') => format!("{name}es"),
        _ => format!("{name}s"),
    }
}

/// Entries that name nothing.
fn unknown(schema: &Schema, settings: &Settings) -> Vec<String> {
    let methods = || schema.api.iter().chain(&schema.hooks).chain(&schema.driver);
    let mut faults = Vec::new();
    let mut strange = |section: &str, name: &str| {
        faults.push(format!("overrides.toml, [proto.{section}]: `{name}` is not in the schema"));
    };
    for path in settings.params.keys() {
        let known = methods().any(|method| {
            path.strip_prefix(&method.name)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|param| method.params.iter().any(|known| known.name == param))
        });
        if !known {
            strange("params", path);
        }
    }
    for name in settings.results.keys().filter(|name| !methods().any(|method| method.name == **name)) {
        strange("results", name);
    }
    for name in settings.empty.keys().filter(|name| !schema.hooks.iter().any(|hook| hook.name == **name)) {
        strange("empty", name);
    }
    for name in settings.result_types.keys().filter(|name| !schema.types.contains_key(*name)) {
        strange("result_types", name);
    }
    faults
}

fn check(call: &Call, faults: &mut Vec<String>) {
    for (message, fields) in [("request", request_fields(call)), ("response", response_fields(call))] {
        check_fields(&format!("{message}.{}", call.method.name), &fields, faults);
    }
}

/// Reports names that protobuf or its JSON form would refuse: what is no word in snake_case, and two of one name.
pub(crate) fn check_fields(place: &str, fields: &[String], faults: &mut Vec<String>) {
    let mut seen = BTreeMap::new();
    for name in fields {
        let words = name.split('_').all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
        if !words || !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.contains("__") || name.ends_with('_') {
            faults.push(format!("{place}: `{name}` is no name of a protobuf field"));
        }
        if let Some(other) = seen.insert(name.replace('_', ""), name) {
            faults.push(format!("{place}: `{other}` and `{name}` have the same name in protobuf or its JSON form"));
        }
    }
}
