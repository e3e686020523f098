//! Schema types as Python annotations, and which of them the SDK needs.

use std::collections::BTreeSet;

use crate::calls::{Call, Slot};
use crate::project::Project;
use crate::schema::{Basic, Type};

/// The annotation of a type: pointers may be None, named types are what is beneath them.
pub(super) fn annotation(project: &Project, ty: &Type) -> String {
    annotation_with(project, ty, &|name| name.to_owned())
}

/// As [`annotation`], with the names of structs changed.
pub(super) fn annotation_with(project: &Project, ty: &Type, rename: &dyn Fn(&str) -> String) -> String {
    let item = |ty: &Type| annotation_with(project, not_nil(project, ty), rename);
    match project.schema.underlying(ty) {
        Type::Basic(basic) => basic_annotation(*basic).to_owned(),
        Type::Named(name) => rename(name),
        Type::Ptr(inner) => optional(&annotation_with(project, inner, rename)),
        Type::List(inner) => format!("list[{}]", item(inner)),
        Type::Map(key, value) => format!("dict[{}, {}]", item(key), item(value)),
    }
}

/// The annotation with None added, if it does not have it.
pub(super) fn optional(annotation: &str) -> String {
    if annotation == "Any" || annotation.ends_with(" | None") {
        annotation.to_owned()
    } else {
        format!("{annotation} | None")
    }
}

/// Go's zero value in Python, `None` where Python has none.
pub(super) fn zero(project: &Project, ty: &Type) -> String {
    match project.schema.underlying(ty) {
        Type::Basic(Basic::Bool) => "False".into(),
        Type::Basic(Basic::String | Basic::Url) => "\"\"".into(),
        Type::Basic(Basic::Bytes) => "b\"\"".into(),
        Type::Basic(Basic::Float32 | Basic::Float64) => "0.0".into(),
        Type::Basic(Basic::Time | Basic::Any | Basic::Json | Basic::Error | Basic::Unit) | Type::Ptr(_) => {
            "None".into()
        }
        Type::Basic(_) => "0".into(),
        Type::List(_) => "[]".into(),
        Type::Map(..) => "{}".into(),
        Type::Named(name) => format!("msgspec.field(default_factory={name})"),
    }
}

/// The type without its pointer: elements of lists and maps are never nil, because gob cannot send that.
fn not_nil<'a>(project: &'a Project, ty: &'a Type) -> &'a Type {
    match project.schema.underlying(ty) {
        Type::Ptr(inner) => inner,
        other => other,
    }
}

fn basic_annotation(basic: Basic) -> &'static str {
    match basic {
        Basic::Bool => "bool",
        Basic::Float32 | Basic::Float64 => "float",
        Basic::String | Basic::Url => "str",
        Basic::Bytes => "bytes",
        Basic::Any | Basic::Json | Basic::Error => "Any",
        Basic::Time => "datetime | None",
        Basic::Unit => "None",
        _ => "int",
    }
}

/// The structs that a type needs in its annotation.
pub(super) fn structs_in(project: &Project, ty: &Type) -> BTreeSet<String> {
    let collapsed = project.schema.collapse(ty);
    collapsed.names().into_iter().map(str::to_owned).collect()
}

/// Every struct that an API method or a hook takes or gives, by name.
pub(super) fn needed_structs(project: &Project) -> BTreeSet<String> {
    let mut needed = BTreeSet::from(["AppError".to_owned()]);
    let mut open: Vec<String> = Vec::new();
    for call in project.calls.api.iter().chain(&project.calls.hooks) {
        for slot in slots(call) {
            open.extend(structs_in(project, &slot.ty));
        }
    }
    while let Some(name) = open.pop() {
        if needed.insert(name.clone()) {
            for (_, field) in project.flat_fields(&name) {
                open.extend(structs_in(project, &field.ty));
            }
        }
    }
    needed.retain(|name| project.schema.fields(name).is_some());
    needed
}

/// Every type with a name, but no struct, that an API method, a hook or one of their structs mentions.
pub(super) fn needed_names(project: &Project) -> BTreeSet<String> {
    let slots = project.calls.api.iter().chain(&project.calls.hooks).flat_map(slots).map(|slot| &slot.ty);
    let structs = needed_structs(project);
    let fields = structs.iter().flat_map(|name| project.flat_fields(name)).map(|(_, field)| &field.ty);
    let names = slots.chain(fields).flat_map(Type::names).map(str::to_owned);
    names.filter(|name| project.schema.fields(name).is_none()).collect()
}

fn slots(call: &Call) -> impl Iterator<Item = &Slot> {
    call.args.iter().chain(&call.results)
}
