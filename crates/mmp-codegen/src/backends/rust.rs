//! What the Rust backends share: splitting types over files and writing literals.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::Project;
use crate::schema::{Basic, Field, Method, Type};
use crate::text::Text;

/// A file of Rust, begun with the generator's line and its `//!` line.
pub(super) fn file(about: &str) -> Text {
    let mut text = Text::generated("//");
    text.blank();
    text.line(format_args!("//! {about}"));
    text.blank();
    text
}

/// A string literal.
pub(super) fn literal(text: &str) -> String {
    format!("{text:?}")
}

/// The Rust type of a leaf. `u8` has no gob form of its own, because `[]byte` is another type; a wider one sends the same bytes.
pub(super) fn basic_type(basic: Basic) -> &'static str {
    match basic {
        Basic::Bool => "bool",
        Basic::Int | Basic::Int64 => "i64",
        Basic::Int8 => "i8",
        Basic::Int16 => "i16",
        Basic::Int32 => "i32",
        Basic::Uint | Basic::Uint64 => "u64",
        Basic::Uint8 | Basic::Uint16 => "u16",
        Basic::Uint32 => "u32",
        Basic::Float32 => "f32",
        Basic::Float64 => "f64",
        Basic::String => "GoString",
        Basic::Bytes | Basic::Json => "Bytes",
        Basic::Any | Basic::Error => "Any",
        Basic::Time => "Time",
        Basic::Url => "Url",
        Basic::Unit => "()",
    }
}

/// Splits types over modules: one for the configuration's sections, one per first letter for the rest. The split depends on
/// nothing but the name, so a new type moves no other.
pub(super) fn modules<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    is_config: impl Fn(&str) -> bool,
) -> BTreeMap<String, Vec<(&'a str, T)>> {
    let mut modules: BTreeMap<String, Vec<(&'a str, T)>> = BTreeMap::new();
    for (name, item) in items {
        modules.entry(module_of(name, &is_config)).or_default().push((name, item));
    }
    modules
}

/// The module that [`modules`] puts a type into.
pub(super) fn module_of(name: &str, is_config: impl Fn(&str) -> bool) -> String {
    if is_config(name) { "config".into() } else { name.chars().take(1).map(|c| c.to_ascii_lowercase()).collect() }
}

/// A documentation comment, broken into lines of at most 100 characters.
pub(super) fn write_doc(text: &mut Text, indent: &str, doc: &str) {
    let mut line = String::new();
    for word in doc.split_whitespace() {
        if !line.is_empty() && indent.len() + 4 + line.len() + word.len() >= 100 {
            text.line(format_args!("{indent}/// {line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.line(format_args!("{indent}/// {line}"));
}

/// Some of the RPC structs.
pub(super) struct WireModule<'a> {
    /// The module's name.
    pub(super) name: &'static str,
    /// Its `//!` line.
    pub(super) about: &'static str,
    /// The structs, by name.
    pub(super) structs: Vec<(&'a str, &'a [Field])>,
}

/// Splits the RPC structs over modules, by the service that uses them.
pub(super) fn wire_modules(project: &Project) -> Vec<WireModule<'_>> {
    let schema = &project.schema;
    let mut left: BTreeMap<&str, &[Field]> =
        schema.wire.iter().map(|(name, wire)| (name.as_str(), wire.fields.as_slice())).collect();
    let services = [
        ("api", "Arguments and replies of the plugin API.", &schema.api),
        ("hooks", "Arguments and replies of the hooks.", &schema.hooks),
        ("driver", "Arguments and replies of the database driver.", &schema.driver),
    ];
    let mut modules = Vec::new();
    for (name, about, methods) in services {
        let structs = used_by(methods).into_iter().filter_map(|name| left.remove_entry(name)).collect();
        modules.push(WireModule { name, about, structs });
    }
    let about = "Arguments and replies of RPC methods that no interface has.";
    modules.push(WireModule { name: "other", about, structs: left.into_iter().collect() });
    modules.retain(|module| !module.structs.is_empty());
    modules
}

fn used_by(methods: &[Method]) -> BTreeSet<&str> {
    methods.iter().flat_map(|method| [&method.rpc.args, &method.rpc.returns]).flat_map(Type::names).collect()
}

/// Declares modules and re-exports what is in them.
pub(super) fn write_modules<'a>(root: &mut Text, modules: impl Iterator<Item = &'a str> + Clone) {
    for module in modules.clone() {
        root.line(format_args!("mod {module};"));
    }
    root.blank();
    for module in modules {
        root.line(format_args!("pub use {module}::*;"));
    }
}
