//! The tables of methods: one file a service, and `methods/mod.rs` with the look-ups.

use super::{DIR, kind};
use crate::backends::Output;
use crate::backends::rust::{file, literal};
use crate::calls::{Call, Slot};
use crate::handling::{Deadline, Reject};
use crate::names::screaming_case;
use crate::overrides::EchoMode;
use crate::project::Project;
use crate::schema::Type;
use crate::text::Text;

/// `methods/`.
pub(super) fn outputs(project: &Project) -> Vec<Output> {
    let mut outputs = vec![
        Output::new(format!("{DIR}/methods/mod.rs"), root(project)),
        service(project, "api", "API", "The plugin API, by id.", &project.calls.api),
        service(
            project,
            "hooks",
            "HOOKS",
            "The hooks, by id; `Implemented` is no frame and not here.",
            &project.calls.hooks,
        ),
        service(project, "driver", "DRIVER", "The database driver, by id.", &project.calls.driver),
    ];
    if !project.calls.buffered.is_empty() {
        outputs.push(buffered(project));
    }
    outputs
}

/// The earlier forms of methods that carry streams.
fn buffered(project: &Project) -> Output {
    let mut body = Text::default();
    for call in &project.calls.buffered {
        let name = &call.method.name;
        body.line(format_args!(
            "/// The form of `{name}` that sends whole bodies, for servers without the streaming one."
        ));
        body.line(format_args!("pub static {}_BUFFERED: Method = ", screaming_case(name)));
        write_call(&mut body, project, call);
        body.line(";");
    }
    module("buffered", "Methods that carry streams, as they were before: with whole bodies.", body)
}

fn root(project: &Project) -> String {
    let mut text = file("The methods of every service.");
    if !project.calls.buffered.is_empty() {
        text.line("mod buffered;\npub use buffered::*;\n");
    }
    text.line(LOOKUPS);
    text.finish()
}

const LOOKUPS: &str = "\
mod api;
mod driver;
mod hooks;

pub use api::{API, API_BY_NAME};
pub use driver::{DRIVER, DRIVER_BY_NAME};
pub use hooks::{HOOKS, HOOKS_BY_NAME};

use crate::schema::{Deadline, Kind, Method};

/// The API method of this id.
pub fn api(id: u16) -> Option<&'static Method> {
    by_id(API, id)
}

/// The hook of this id.
pub fn hook(id: u16) -> Option<&'static Method> {
    by_id(HOOKS, id)
}

/// The driver method of this id.
pub fn driver(id: u16) -> Option<&'static Method> {
    by_id(DRIVER, id)
}

/// The API method of this name.
pub fn api_by_name(name: &str) -> Option<&'static Method> {
    by_name(API, API_BY_NAME, name)
}

/// The hook of this name.
pub fn hook_by_name(name: &str) -> Option<&'static Method> {
    by_name(HOOKS, HOOKS_BY_NAME, name)
}

/// The driver method of this name.
pub fn driver_by_name(name: &str) -> Option<&'static Method> {
    by_name(DRIVER, DRIVER_BY_NAME, name)
}

fn by_id(methods: &'static [Method], id: u16) -> Option<&'static Method> {
    methods.binary_search_by_key(&id, |method| method.id).ok().and_then(|at| methods.get(at))
}

fn by_name(methods: &'static [Method], names: &[(&str, u16)], name: &str) -> Option<&'static Method> {
    let at = names.binary_search_by_key(&name, |(name, _)| name).ok()?;
    names.get(at).and_then(|(_, id)| by_id(methods, *id))
}

/// A method without arguments, results and anything special; the tables fill in what it has.
const fn method(id: u16, name: &'static str, since: &'static str, rpc_args: Kind, rpc_returns: Kind) -> Method {
    Method {
        id,
        name,
        rpc: name,
        since,
        rpc_args,
        rpc_returns,
        args: &[],
        results: &[],
        error: None,
        echo: None,
        reject: None,
        deadline: Deadline::Result,
        streams: &[],
    }
}";

fn service(project: &Project, module: &str, table: &str, about: &str, calls: &[Call]) -> Output {
    let mut body = Text::default();
    body.line(format_args!("/// {about}"));
    body.line(format_args!("pub static {table}: &[Method] = &["));
    for call in calls {
        write_call(&mut body, project, call);
        body.line(",");
    }
    body.line("];\n");
    body.line(format_args!("/// The names of [`{table}`], sorted, with their ids."));
    body.line(format_args!("pub static {table}_BY_NAME: &[(&str, u16)] = &["));
    let mut names: Vec<_> = calls.iter().map(|call| (&call.method.name, call.id)).collect();
    names.sort();
    for (name, id) in names {
        body.line(format_args!("({}, {id}),", literal(name)));
    }
    body.line("];");
    self::module(module, about, body)
}

/// A file with what its body needs before it.
fn module(module: &str, about: &str, body: Text) -> Output {
    let mut text = file(about);
    text.line("use super::method;");
    let uses = ["types::", "wire::", "slot(", "nilable(", "stream("].into_iter().filter(|use_of| body.contains(use_of));
    let names: Vec<&str> = uses.map(|use_of| use_of.trim_end_matches([':', '('])).collect();
    text.line(format_args!("use super::super::{{{}}};", names.join(", ")));
    let deadline = if body.contains("Deadline::") { "Deadline, " } else { "" };
    let echo = if body.contains("EchoMode::") { "Echo, EchoMode, " } else { "" };
    let reject = if body.contains("Reject::") { ", Reject" } else { "" };
    text.line(format_args!("use crate::schema::{{{deadline}{echo}Kind, Method{reject}}};\n"));
    text.line(body.finish());
    Output::new(format!("{DIR}/methods/{module}.rs"), text.finish())
}

fn write_call(text: &mut Text, project: &Project, call: &Call) {
    text.line("Method {");
    if let Some(rpc) = &call.method.rpc_name {
        text.line(format_args!("rpc: {},", literal(rpc)));
    }
    if !call.args.is_empty() {
        text.line(format_args!("args: &[{}],", slots(project, &call.args)));
    }
    if !call.results.is_empty() {
        text.line(format_args!("results: &[{}],", slots(project, &call.results)));
    }
    if let Some(error) = &call.error {
        text.line(format_args!("error: Some({}),", slot(project, error)));
    }
    if let Some(echo) = call.echo {
        let mode = match echo.mode {
            EchoMode::Prefilled => "Prefilled",
            EchoMode::NilKeeps => "NilKeeps",
            EchoMode::NilRejects => "NilRejects",
        };
        let (result, arg) = (echo.result, echo.argument);
        text.line(format_args!("echo: Some(Echo {{ result: {result}, arg: {arg}, mode: EchoMode::{mode} }}),"));
    }
    match call.reject {
        Some(Reject::Reason(at)) => text.line(format_args!("reject: Some(Reject::Reason({at})),")),
        Some(Reject::Error) => text.line("reject: Some(Reject::Error),"),
        None => {}
    }
    if call.deadline != Deadline::Result {
        text.line(format_args!("deadline: Deadline::{},", call.deadline.variant()));
    }
    if !call.streams.is_empty() {
        let slots =
            call.streams.iter().map(|stream| format!("stream({}, {})", stream.field, literal(&stream.field_name)));
        text.line(format_args!("streams: &[{}],", slots.collect::<Vec<_>>().join(", ")));
    }
    let method = &call.method;
    text.line(format_args!(
        "..method({}, {}, {}, {}, {}) }}",
        call.id,
        literal(&method.name),
        literal(&method.since),
        rpc_kind(project, &method.rpc.args),
        rpc_kind(project, &method.rpc.returns),
    ));
}

fn slots(project: &Project, slots: &[Slot]) -> String {
    slots.iter().map(|s| slot(project, s)).collect::<Vec<_>>().join(", ")
}

fn slot(project: &Project, slot: &Slot) -> String {
    let helper = if slot.nil_ok { "nilable" } else { "slot" };
    format!("{helper}({}, {}, {}, {})", slot.tag, slot.field, literal(&slot.name), kind(project, &slot.ty, "types::"))
}

fn rpc_kind(project: &Project, ty: &Type) -> String {
    match ty {
        Type::Named(name) if project.schema.wire.contains_key(name) => {
            format!("Kind::Struct(&wire::{})", screaming_case(name))
        }
        bare => kind(project, bare, "types::"),
    }
}
