//! The tables of `mmp-transcode`: what the bridge knows of Mattermost's types and methods.

mod methods;
mod structs;

use crate::backends::rust::{file, literal};
use crate::backends::{Backend, Output};
use crate::error::Result;
use crate::handling::Deadline;
use crate::names::screaming_case;
use crate::project::Project;
use crate::schema::{Basic, Type};
use crate::text::Text;

const DIR: &str = "crates/mmp-transcode/src/generated";

/// See the module.
pub(super) struct Transcode;

impl Backend for Transcode {
    fn name(&self) -> &'static str {
        "transcode"
    }

    fn outputs(&self, project: &Project) -> Result<Vec<Output>> {
        structs::check_names(project)?;
        let mut outputs = vec![root(project)];
        outputs.extend(structs::outputs(project));
        outputs.extend(methods::outputs(project));
        Ok(outputs)
    }
}

/// `generated/mod.rs`.
fn root(project: &Project) -> Output {
    let mut text = file("The tables generated from `schema/`; see `crate::schema` for what they mean.");
    text.line("pub mod methods;\npub mod types;\npub mod wire;\n");
    text.line("use std::time::Duration;\n");
    text.line("use crate::schema::{AnyKey, AnyType, Deadline, Field, Kind, Slot, StreamSlot, Struct};\n");
    let buffered =
        project.calls.buffered.iter().map(|call| format!(", {}_BUFFERED", screaming_case(&call.method.name)));
    text.line(format_args!(
        "pub use methods::{{API, DRIVER, HOOKS, api, api_by_name, driver, driver_by_name, hook, hook_by_name{}}};\n",
        buffered.collect::<String>(),
    ));
    text.line("/// The hash that both sides of the worker link compare.");
    text.line(format_args!("pub const SCHEMA_HASH: &str = {};\n", literal(&project.hash)));
    text.line("/// The Mattermost version that the tables describe.");
    text.line(format_args!("pub const MATTERMOST_VERSION: &str = {};\n", literal(&project.schema.mattermost)));
    text.line("/// Every struct, at its index.");
    text.line("pub static STRUCTS: &[&Struct] = &[");
    for path in structs::paths(project) {
        text.line(format_args!("&{path},"));
    }
    text.line("];\n");
    text.line("/// The names under which concrete types travel in interface values, sorted.");
    text.line("pub static REGISTERED: &[(&str, Kind)] = &[");
    let mut registered: Vec<_> = project.schema.registered.iter().collect();
    registered.sort_by(|a, b| a.name.cmp(&b.name));
    for entry in registered {
        text.line(format_args!("({}, {}),", literal(&entry.name), kind(project, &entry.ty, "types::")));
    }
    text.line("];\n");
    any_keys(&mut text, project);
    any_types(&mut text, project);
    default_deadline(&mut text, project);
    text.line(HELPERS);
    Output::new(format!("{DIR}/mod.rs"), text.finish())
}

/// `ANY_KEYS`.
fn any_keys(text: &mut Text, project: &Project) {
    text.line("/// Keys of maps of `any` whose values travel under a registered name.");
    text.line("pub static ANY_KEYS: &[AnyKey] = &[");
    let overrides = &project.overrides;
    for (keys, if_fitting) in [(&overrides.any_keys, false), (&overrides.any_keys_if_fitting, true)] {
        for (path, name) in keys {
            let mut parts = path.splitn(3, '.').map(literal);
            let mut part = || parts.next().unwrap_or_default();
            text.line(format_args!(
                "AnyKey {{ owner: {}, field: {}, key: {}, name: {}, if_fitting: {if_fitting} }},",
                part(),
                part(),
                part(),
                literal(name),
            ));
        }
    }
    text.line("];\n");
}

/// `ANY_TYPES`.
fn any_types(text: &mut Text, project: &Project) {
    text.line("/// Interfaces whose registered type another field of the same struct names.");
    text.line("pub static ANY_TYPES: &[AnyType] = &[");
    for (path, rule) in &project.overrides.any_types {
        let (owner, field) = path.split_once('.').unwrap_or_default();
        let key = project.schema.fields(owner).into_iter().flatten().find(|field| field.name == rule.by);
        let key = key.map(|field| project.key(owner, field)).unwrap_or_default();
        let types: Vec<String> =
            rule.types.iter().map(|(value, name)| format!("({}, {})", literal(value), literal(name))).collect();
        text.line(format_args!(
            "AnyType {{ owner: {}, field: {}, by: {}, types: &[{}] }},",
            literal(owner),
            literal(field),
            literal(&key),
            types.join(", "),
        ));
    }
    text.line("];\n");
}

/// `default_deadline`.
fn default_deadline(text: &mut Text, project: &Project) {
    text.line("/// How long a hook of this kind may take when nothing else is said; None where the bridge's own times apply, or none.");
    text.line("pub const fn default_deadline(kind: Deadline) -> Option<Duration> {\nmatch kind {");
    let rules = &project.overrides.deadlines;
    let seconds = |kind: &Deadline| rules.get(kind).and_then(|rule| rule.seconds);
    let (timed, free): (Vec<_>, Vec<_>) = Deadline::ALL.into_iter().partition(|kind| seconds(kind).is_some());
    for kind in timed {
        let seconds = seconds(&kind).unwrap_or_default();
        text.line(format_args!("Deadline::{} => Some(Duration::from_secs({seconds})),", kind.variant()));
    }
    let free: Vec<String> = free.into_iter().map(|kind| format!("Deadline::{}", kind.variant())).collect();
    text.line(format_args!("{} => None,\n}}\n}}\n", free.join(" | ")));
}

/// Short forms that keep the tables at a line an entry.
const HELPERS: &str = "\
const fn field(tag: u32, go: &'static str, key: &'static str, kind: Kind) -> Field {
    Field { tag, go, key, kind, embedded: false }
}

const fn embedded(tag: u32, go: &'static str, key: &'static str, kind: Kind) -> Field {
    Field { tag, go, key, kind, embedded: true }
}

/// An argument or result that must not be a nil pointer.
const fn slot(tag: u32, field: u16, name: &'static str, kind: Kind) -> Slot {
    Slot { tag, field, name, kind, nil_ok: false }
}

/// An argument or result that may be a nil pointer.
const fn nilable(tag: u32, field: u16, name: &'static str, kind: Kind) -> Slot {
    Slot { tag, field, name, kind, nil_ok: true }
}

/// The number of a stream.
const fn stream(field: u16, name: &'static str) -> StreamSlot {
    StreamSlot { field, name }
}";

/// The `Kind` expression of a type; `types` is the path to the statics of the models.
fn kind(project: &Project, ty: &Type, types: &str) -> String {
    match project.schema.underlying(ty) {
        Type::Basic(basic) => basic_kind(*basic).to_owned(),
        Type::Named(name) => format!("Kind::Struct(&{types}{})", screaming_case(name)),
        Type::Ptr(inner) => format!("Kind::Ptr(&{})", kind(project, inner, types)),
        Type::List(inner) => format!("Kind::List(&{})", kind(project, inner, types)),
        Type::Map(key, value) => {
            format!("Kind::Map(&{}, &{})", kind(project, key, types), kind(project, value, types))
        }
    }
}

fn basic_kind(basic: Basic) -> &'static str {
    match basic {
        Basic::Bool => "Kind::Bool",
        Basic::Int | Basic::Int64 => "Kind::Int(64)",
        Basic::Int8 => "Kind::Int(8)",
        Basic::Int16 => "Kind::Int(16)",
        Basic::Int32 => "Kind::Int(32)",
        Basic::Uint | Basic::Uint64 => "Kind::Uint(64)",
        Basic::Uint8 => "Kind::Uint(8)",
        Basic::Uint16 => "Kind::Uint(16)",
        Basic::Uint32 => "Kind::Uint(32)",
        Basic::Float32 => "Kind::Float(32)",
        Basic::Float64 => "Kind::Float(64)",
        Basic::String => "Kind::String",
        Basic::Bytes => "Kind::Bytes",
        Basic::Any => "Kind::Any",
        Basic::Error => "Kind::Error",
        Basic::Time => "Kind::Time",
        Basic::Url => "Kind::Url",
        Basic::Json => "Kind::Json",
        Basic::Unit => "Kind::Struct(&wire::UNIT)",
    }
}
