//! The table of the database driver's methods: as that of the API, but structs arrive as dicts, since the SDK has no models of them.

use super::DIR;
use super::source::{bracketed, file, literal};
use super::types::{annotation_with, optional};
use crate::backends::Output;
use crate::calls::Call;
use crate::names::{python_method, screaming_case};
use crate::project::Project;
use crate::schema::{Basic, Type};

/// The table.
pub(super) fn output(project: &Project) -> Output {
    let mut text = file("The methods of the server's database driver: their numbers in frames, and what they return.");
    text.blank();
    text.line("from typing import Any");
    text.blank();
    text.line("from .._method import Method");
    text.blank();
    for call in &project.calls.driver {
        let name = &call.method.name;
        let mut items = vec![call.id.to_string(), literal(name), literal(&python_method(name))];
        let types = result_types(project, call);
        items.extend(types.iter().map(|ty| literal(ty)));
        let result = match types.as_slice() {
            [] => "None".to_owned(),
            [one] => one.clone(),
            many => format!("tuple[{}]", many.join(", ")),
        };
        text.line(bracketed(0, &format!("{}: Method[{result}] = Method(", screaming_case(name)), &items, ")"));
    }
    Output::new(format!("{DIR}/driver.py"), text.finish())
}

/// How the results are decoded: byte slices may be nil.
fn result_types(project: &Project, call: &Call) -> Vec<String> {
    let decoded = |ty: &Type| {
        let annotation = annotation_with(project, ty, &|_| "dict[str, Any]".to_owned());
        if *ty == Type::Basic(Basic::Bytes) { optional(&annotation) } else { annotation }
    };
    call.results.iter().map(|slot| decoded(&slot.ty)).collect()
}
