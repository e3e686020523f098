//! The tables of methods and the servers that net/rpc finds the methods on.

use std::fmt::Write;

use super::{go_type, output};
use crate::backends::Output;
use crate::calls::{Call, Slot};
use crate::overrides::EchoMode;
use crate::project::Project;
use crate::schema::Method;

/// `api.go`, `hooks.go`, `driver.go`.
pub(super) fn outputs(project: &Project) -> Vec<Output> {
    let driver = &project.calls.driver;
    vec![
        output("api.go", api(project)),
        output("hooks.go", hooks(project)),
        output("driver.go", service("Driver", "DriverByName", "DriverServer", "the database driver, by id", driver)),
    ]
}

/// The plugin API, and the earlier forms of methods that carry streams, which servers still have. The name of such a form is its own,
/// because its argument has another type.
fn api(project: &Project) -> String {
    let server = "APIServer";
    let mut code = service("API", "APIByName", server, "the plugin API, by id", &project.calls.api);
    for call in &project.calls.buffered {
        let name = &call.method.name;
        let spec = format!("{name}Buffered");
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(code, "// {spec} is the form of {name} that sends whole bodies.");
        let _ = write!(code, "var {spec} = MethodSpec");
        let method = Method { name: spec.clone(), rpc_name: Some(name.clone()), ..call.method.clone() };
        let call = Call { method, ..call.clone() };
        write_spec(&mut code, &call);
        code.push_str("\n\n");
        write_method(&mut code, server, &call.method, &format!("&{spec}"));
    }
    code
}

/// The hooks, and the one that is served but is no frame: `Implemented`.
fn hooks(project: &Project) -> String {
    let server = "HooksServer";
    let about = "the hooks, by id, without Implemented";
    let mut code = service("Hooks", "HookByName", server, about, &project.calls.hooks);
    if let Some(method) = project.schema.hooks.iter().find(|hook| hook.id.is_none()) {
        let name = &method.name;
        let _ = writeln!(code, "// {name} is a hook that is no frame: the bridge answers it.");
        let _ = writeln!(code, "var {name} = MethodSpec{{");
        write_head(&mut code, method);
        code.push_str("}\n\n");
        write_method(&mut code, server, method, &format!("&{name}"));
    }
    code
}

/// The table of a service, and its server.
fn service(table: &str, by_name: &str, server: &str, about: &str, calls: &[Call]) -> String {
    let mut code = String::new();
    let index = format!("{}Names", table.to_lowercase());
    let _ = writeln!(code, "package mattermost\n\n// {table} is {about}.\nvar {table} = []MethodSpec{{");
    for call in calls {
        write_spec(&mut code, call);
        code.push_str(",\n");
    }
    let _ = writeln!(code, "}}\n\nvar {index} = byName({table})\n");
    let _ = writeln!(code, "// {by_name} finds a method by Go's name; nil if there is none.");
    let _ = writeln!(code, "func {by_name}(name string) *MethodSpec {{ return {index}[name] }}\n");
    let _ = writeln!(code, "// {server} passes every method to its handler; register it as \"Plugin\".");
    let _ = writeln!(code, "type {server} struct{{ Handler Handler }}\n");
    for call in calls {
        write_method(&mut code, server, &call.method, &format!("{by_name}({:?})", call.method.name));
    }
    code
}

fn write_method(code: &mut String, server: &str, method: &Method, spec: &str) {
    let rpc = method.rpc_name.as_ref().unwrap_or(&method.name);
    let _ = writeln!(code, "// {rpc} serves the RPC of that name.");
    let _ = writeln!(
        code,
        "func (s *{server}) {rpc}(args *{}, returns *{}) error {{\nreturn s.Handler.Serve({spec}, args, returns)\n}}\n",
        go_type(&method.rpc.args),
        go_type(&method.rpc.returns)
    );
}

fn write_head(code: &mut String, method: &Method) {
    let rpc = method.rpc_name.as_ref().unwrap_or(&method.name);
    let _ = writeln!(code, "Name: {:?}, RPC: {rpc:?}, Since: {:?},", method.name, method.since);
    let _ = writeln!(code, "NewArgs: func() any {{ return new({}) }},", go_type(&method.rpc.args));
    let _ = writeln!(code, "NewReturns: func() any {{ return new({}) }},", go_type(&method.rpc.returns));
}

fn write_spec(code: &mut String, call: &Call) {
    code.push_str("{\n");
    write_head(code, &call.method);
    let _ = writeln!(code, "ID: {},", call.id);
    write_slots(code, "Params", &call.args);
    write_slots(code, "Results", &call.results);
    if let Some(error) = &call.error {
        let _ = writeln!(code, "Error: {:?},", error.field_name);
    }
    if let Some(echo) = call.echo {
        let mode = match echo.mode {
            EchoMode::Prefilled => "Prefilled",
            EchoMode::NilKeeps => "NilKeeps",
            EchoMode::NilRejects => "NilRejects",
        };
        let _ = writeln!(code, "Echo: &Echo{{Result: {}, Argument: {}, Mode: {mode}}},", echo.result, echo.argument);
    }
    if !call.streams.is_empty() {
        code.push_str("Streams: true,\n");
    }
    code.push('}');
}

fn write_slots(code: &mut String, field: &str, slots: &[Slot]) {
    if slots.is_empty() {
        return;
    }
    let slots: Vec<String> = slots.iter().map(slot_literal).collect();
    let _ = writeln!(code, "{field}: []Slot{{{}}},", slots.join(", "));
}

/// A slot without the fields that are zero.
fn slot_literal(slot: &Slot) -> String {
    let name = (!slot.name.is_empty()).then(|| format!("Name: {:?}", slot.name));
    let field = (!slot.field_name.is_empty()).then(|| format!("Field: {:?}", slot.field_name));
    let nil_ok = slot.nil_ok.then(|| "NilOK: true".to_owned());
    format!("{{{}}}", [name, field, nil_ok].into_iter().flatten().collect::<Vec<_>>().join(", "))
}
