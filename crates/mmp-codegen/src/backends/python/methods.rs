//! The table of API methods: their numbers in frames, their names, and how their results are decoded.

use std::collections::BTreeSet;

use super::DIR;
use super::models::Models;
use super::settings::Settings;
use super::source::{bracketed, file, literal};
use super::types::{annotation, optional, structs_in};
use crate::backends::Output;
use crate::calls::Call;
use crate::names::{python_method, screaming_case};
use crate::project::Project;
use crate::schema::Type;

/// The table.
pub(super) fn output(project: &Project, settings: &Settings, models: &Models) -> Output {
    let mut text = file("The API methods: their numbers in frames, and what they return.");
    text.blank();
    text.line("from typing import TYPE_CHECKING, Any");
    text.blank();
    text.line("from .._method import Method");
    text.blank();
    text.line("if TYPE_CHECKING:");
    let used: BTreeSet<String> = project
        .calls
        .api
        .iter()
        .flat_map(|call| call.results.iter().flat_map(|slot| structs_in(project, &slot.ty)))
        .collect();
    for line in models.imports(4, ".models.", &used) {
        text.line(line);
    }
    text.blank();
    for call in &project.calls.api {
        let mut items =
            vec![call.id.to_string(), literal(&call.method.name), literal(&python_method(&call.method.name))];
        let types: Vec<String> = result_types(project, call);
        items.extend(types.iter().map(|ty| literal(ty)));
        if settings.results.nullable.contains(&call.method.name) || types == ["Any"] {
            items.push("nullable=True".into());
        } else if types == ["bytes | None"] {
            items.push("empty=b\"\"".into());
        }
        let name = screaming_case(&call.method.name);
        let result = result(project, settings, call);
        text.line(bracketed(0, &format!("{name}: Method[{result}] = Method("), &items, ")"));
    }
    Output::new(format!("{DIR}/methods.py"), text.finish())
}

/// How the results are decoded: pointers and byte slices may be nil.
fn result_types(project: &Project, call: &Call) -> Vec<String> {
    let decoded = |ty: &Type| {
        let annotation = annotation(project, ty);
        if annotation == "bytes" { optional(&annotation) } else { annotation }
    };
    call.results.iter().map(|slot| decoded(&slot.ty)).collect()
}

/// What the method returns in Python.
pub(super) fn result(project: &Project, settings: &Settings, call: &Call) -> String {
    if call.method.name == "LoadPluginConfiguration" {
        return "Any".into();
    }
    let types = result_types(project, call);
    let nullable = settings.results.nullable.contains(&call.method.name);
    match types.as_slice() {
        [] => "None".into(),
        [one] if nullable => optional(one),
        [one] => one.strip_suffix(" | None").unwrap_or(one).to_owned(),
        many => format!("tuple[{}]", many.join(", ")),
    }
}
