//! Models, wire structs and the registered names.

use std::fmt::Write;

use super::{go_type, imports, output};
use crate::backends::Output;
use crate::backends::rust::modules;
use crate::project::Project;
use crate::schema::{Constant, Field, TypeDef};

/// `types_*.go`.
pub(super) fn outputs(project: &Project) -> Vec<Output> {
    let is_config = |name: &str| project.overrides.go_names.types.contains(name);
    let defs = project.schema.types.iter().map(|(name, def)| (name.as_str(), def));
    let mut outputs = Vec::new();
    for (module, defs) in modules(defs, is_config) {
        let mut code = String::new();
        for (name, def) in defs {
            match def {
                TypeDef::Struct { fields, .. } => write_struct(&mut code, project, name, fields),
                TypeDef::Named { ty, encoding, constants, .. } => {
                    // Writing to a string cannot fail, here and below.
                    let _ =
                        writeln!(code, "// {name} is Mattermost's type of that name.\ntype {name} {}\n", go_type(ty));
                    write_constants(&mut code, name, constants);
                    write_codec(&mut code, name, encoding.as_deref());
                }
            }
            if let Some(field) = project.overrides.error_types.get(name) {
                let _ = writeln!(code, "func (e *{name}) Error() string {{ return e.{field} }}\n");
            }
        }
        outputs.push(output(&format!("types_{module}.go"), format!("package mattermost\n\n{}{code}", imports(&code))));
    }
    outputs
}

/// `wire.go`.
pub(super) fn wire(project: &Project) -> Output {
    let mut code = String::new();
    for (name, wire) in &project.schema.wire {
        write_struct(&mut code, project, name, &wire.fields);
    }
    output("wire.go", format!("package mattermost\n\n{}{code}", imports(&code)))
}

/// `register.go`.
pub(super) fn register(project: &Project) -> Output {
    let mut code = String::from("package mattermost\n\nimport \"encoding/gob\"\n\nfunc init() {\n");
    for entry in &project.schema.registered {
        let _ = writeln!(code, "\tgob.RegisterName({:?}, ({})(nil))", entry.name, go_type(&entry.ty));
    }
    code.push_str("}\n");
    output("register.go", code)
}

fn write_struct(code: &mut String, project: &Project, name: &str, fields: &[Field]) {
    let _ = writeln!(code, "// {name} is Mattermost's type of that name.\ntype {name} struct {{");
    for field in fields {
        if field.embedded {
            let _ = writeln!(code, "\t{}", go_type(&field.ty));
        } else {
            let _ = writeln!(code, "\t{} {} `{}`", field.name, go_type(&field.ty), tags(project, name, field));
        }
    }
    code.push_str("}\n\n");
}

fn tags(project: &Project, owner: &str, field: &Field) -> String {
    let key = format!("key:{:?}", project.key(owner, field));
    if field.json.is_none() && !field.omitempty {
        return key;
    }
    let omit = if field.omitempty { ",omitempty" } else { "" };
    format!("json:\"{}{omit}\" {key}", field.json.as_deref().unwrap_or_default())
}

fn write_constants(code: &mut String, name: &str, constants: &[Constant]) {
    if constants.is_empty() {
        return;
    }
    let _ = writeln!(code, "// The values of {name}.\nconst (");
    for constant in constants {
        let _ = writeln!(code, "\t{} {name} = {}", constant.name, constant.value);
    }
    code.push_str(")\n\n");
}

/// A type that encodes itself is bytes here; it passes them on as they are.
fn write_codec(code: &mut String, name: &str, encoding: Option<&str>) {
    let (encode, decode) = match encoding {
        Some("gob") => ("GobEncode", "GobDecode"),
        Some(_) => ("MarshalBinary", "UnmarshalBinary"),
        None => return,
    };
    let _ = writeln!(
        code,
        "// {encode} returns the bytes.\nfunc (b {name}) {encode}() ([]byte, error) {{ return b, nil }}\n\n\
         // {decode} keeps the bytes.\nfunc (b *{name}) {decode}(bytes []byte) error {{\n\
         *b = append({name}(nil), bytes...)\nreturn nil\n}}\n"
    );
}
