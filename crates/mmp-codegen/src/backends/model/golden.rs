//! What the golden test needs to see every struct as JSON, and to find it by name.

use crate::backends::Output;
use crate::backends::rust::{file, literal};
use crate::names::rust_field;
use crate::project::Project;
use crate::schema::Field;

/// `tests/golden/generated/table.rs`.
pub(super) fn output(project: &Project) -> Output {
    let mut text = file("Every struct as JSON, and the check of each RPC struct by name.");
    text.line("use mmp_model::rpc::*;\nuse mmp_model::*;\n");
    text.line("use crate::json::json_structs;\nuse crate::{Check, check};\n");
    text.line("json_structs! {");
    let wire = project.schema.wire.iter().map(|(name, wire)| (name.as_str(), wire.fields.as_slice()));
    for (name, fields) in project.schema.structs().chain(wire.clone()) {
        text.line(format_args!("    {name} {{"));
        for line in lines(fields) {
            text.line(format_args!("        {line}"));
        }
        text.line("    }");
    }
    text.line("}\n");
    text.line("/// The check of each type that vectors name, sorted by name.");
    text.line("pub(crate) static CHECKS: &[(&str, Check)] = &[");
    for (name, _) in wire {
        text.line(format_args!("({}, check::<{name}>),", literal(name)));
    }
    text.line("];");
    Output::new("crates/mmp-model/tests/golden/generated/table.rs", text.finish())
}

/// `rust_name: "GoName",` for all fields, as many a line as fit.
fn lines(fields: &[Field]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for field in fields {
        let item = format!("{}: {},", rust_field(&field.name), literal(&field.name));
        if !line.is_empty() && line.len() + item.len() > 90 {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&item);
    }
    lines.extend((!line.is_empty()).then_some(line));
    lines
}
