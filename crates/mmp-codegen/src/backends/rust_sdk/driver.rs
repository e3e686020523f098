//! The client of the database driver.

use std::collections::BTreeSet;

use super::convert::{Arguments, Form};
use super::{DIR, api, docs, method_name};
use crate::backends::Output;
use crate::backends::rust::file;
use crate::calls::Call;
use crate::error::Result;
use crate::names::rust_field;
use crate::project::Project;
use crate::schema::{Basic, Type};
use crate::text::Text;

/// The file.
pub(super) fn output(project: &Project) -> Result<Output> {
    let mut body = Text::default();
    let mut structs = BTreeSet::new();
    for call in &project.calls.driver {
        method(&mut body, project, call, &mut structs);
    }
    let mut text = file("The methods of the database driver.");
    text.line("use mmp_gob::{Any, GoString};\n");
    text.line("use crate::driver::Driver;");
    text.line("use crate::error::{Error, Method, Result};");
    let names: Vec<&str> = structs.iter().map(String::as_str).chain(["rpc"]).collect();
    text.line(format_args!("use crate::model::{{{}}};\n", names.join(", ")));
    text.line("/// The methods as they are on the wire. Ids come from the server, and a wrong one can crash it: see [`Driver`].");
    text.line("impl Driver {");
    text.line(body.finish().trim_end());
    text.line("}");
    Ok(Output::new(format!("{DIR}/driver.rs"), text.finish()))
}

/// The Rust type of an RPC argument or reply, struct or bare.
fn rpc_type(project: &Project, ty: &Type) -> String {
    match ty {
        Type::Named(name) if project.schema.wire.contains_key(name) => format!("rpc::{name}"),
        bare => Form::new(project, bare).owned(),
    }
}

fn method(text: &mut Text, project: &Project, call: &Call, structs: &mut BTreeSet<String>) {
    let name = &call.method.name;
    let Arguments { params, fields } = Arguments::of(project, call, structs);
    let args = match (&call.method.rpc.args, fields.as_slice()) {
        (Type::Basic(Basic::String), [(_, expression)]) => format!("let args: GoString = {expression};"),
        (Type::Basic(_), [(_, expression)]) => format!("let args = {expression};"),
        (ty, fields) => {
            let fields: Vec<String> = fields.iter().map(|(field, value)| format!("{field}: {value}")).collect();
            format!("let args = {} {{ {} }};", rpc_type(project, ty), fields.join(", "))
        }
    };
    let mut types = Vec::new();
    let mut values = Vec::new();
    for slot in &call.results {
        let form = Form::new(project, &slot.ty);
        form.structs(structs);
        types.push(form.owned());
        let value =
            if slot.field_name.is_empty() { "reply".into() } else { format!("reply.{}", rust_field(&slot.field_name)) };
        values.push(form.read_wire(&value));
    }
    docs::write(text, project, call, project.docs.driver.get(name), &[]);
    text.line(format_args!(
        "pub async fn {}(&self, {}) -> Result<{}> {{",
        method_name(name),
        params.join(", "),
        api::tuple(&types)
    ));
    text.line(api::method_constant(call));
    text.line(args);
    text.line(format_args!(
        "let reply: {} = self.call(METHOD, &args).await?;",
        rpc_type(project, &call.method.rpc.returns)
    ));
    text.line(api::check_error(project, call));
    text.line(format_args!("Ok({})", api::tuple(&values)));
    text.line("}\n");
}
