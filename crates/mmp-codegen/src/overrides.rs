//! `schema/overrides.toml`: what the source tree does not say.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::error::{Result, no_faults};
use crate::handling::{self, DeadlineRules, RejectRules};
use crate::messages;
use crate::schema::{Basic, Method, Schema, Type};

/// The sections that the generator reads. Others belong to the extractor (`types`, ...) or to one backend, which reads them from
/// [`Overrides::sections`].
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Overrides {
    /// Types whose fields keep Go's names.
    #[serde(default)]
    pub go_names: GoNames,
    /// Keys of maps of `any` whose values travel under a registered name: `Struct.Field.key` to the name.
    #[serde(default)]
    pub any_keys: BTreeMap<String, String>,
    /// The same for values that also have another form: only those that have no other keys than the type's are meant.
    #[serde(default)]
    pub any_keys_if_fitting: BTreeMap<String, String>,
    /// Fields of `any` that hold a registered struct: `Struct.Field` to the rule that says which.
    #[serde(default)]
    pub any_types: BTreeMap<String, AnyType>,
    /// Hooks of which a result is an argument, possibly changed.
    #[serde(default)]
    pub echo: BTreeMap<String, Echo>,
    /// Hooks that can refuse what is about to happen, and how.
    #[serde(default)]
    pub reject: RejectRules,
    /// The kinds of hooks: their default times, and the hooks whose shape does not show that they are of it.
    #[serde(default)]
    pub deadlines: DeadlineRules,
    /// Pointer parameters that may be nil: `Method.param`.
    #[serde(default)]
    pub nil_ok: NilOk,
    /// Fields of replies whose kind in frames is not the one on the wire: method, field, type.
    #[serde(default)]
    pub result_kinds: BTreeMap<String, BTreeMap<String, Type>>,
    /// Parameters through which a method gives a result: method, parameter, field of the reply.
    #[serde(default)]
    pub out_params: BTreeMap<String, BTreeMap<String, String>>,
    /// Types that implement Go's `error`, and the field that is the text.
    #[serde(default)]
    pub error_types: BTreeMap<String, String>,
    /// Names and files of the protobuf form.
    #[serde(default)]
    pub proto: messages::Settings,
    /// The whole file.
    #[serde(skip)]
    pub sections: toml::Table,
}

/// See [`Overrides::any_types`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnyType {
    /// The field of the same struct, by Go's name, whose value says which type it is.
    pub by: String,
    /// That field's values, and the registered names that belong to them. With any other value the field holds what it looks like.
    pub types: BTreeMap<String, String>,
}

/// See [`Overrides::go_names`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoNames {
    /// The names of the types.
    #[serde(default)]
    pub types: BTreeSet<String>,
}

/// See [`Overrides::nil_ok`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NilOk {
    /// Parameters of API methods.
    #[serde(default)]
    pub api: BTreeSet<String>,
    /// Results of hooks.
    #[serde(default)]
    pub hooks: BTreeSet<String>,
}

/// See [`Overrides::echo`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Echo {
    /// Position of the result among the frame's results.
    pub result: u8,
    /// Position of the argument among the frame's arguments.
    pub argument: u8,
    /// What nil means to the host.
    pub mode: EchoMode,
}

/// How the host treats the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EchoMode {
    /// It merges the reply into the argument.
    Prefilled,
    /// It starts from an empty reply; nil keeps the argument.
    NilKeeps,
    /// It starts from an empty reply; nil rejects.
    NilRejects,
}

/// The sections on which the meaning of a frame depends; they go into the schema hash.
const IN_HASH: [&str; 8] =
    ["go_names", "any_keys", "any_keys_if_fitting", "any_types", "echo", "nil_ok", "result_kinds", "out_params"];

/// Every section that has a reader; a name that is none of these is a slip of the pen.
const SECTIONS: [&str; 16] = [
    "rpc",
    "constants",
    "types",
    "go_names",
    "any_keys",
    "any_keys_if_fitting",
    "any_types",
    "echo",
    "reject",
    "deadlines",
    "nil_ok",
    "result_kinds",
    "out_params",
    "error_types",
    "proto",
    "python",
];

impl Overrides {
    /// Reads the text of the file.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let sections: toml::Table = toml::from_str(text)?;
        let mut overrides: Self = toml::from_str(text)?;
        overrides.sections = sections;
        Ok(overrides)
    }

    /// The text of the sections that the schema hash covers, independent of layout and comments.
    pub(crate) fn hashed(&self) -> String {
        // A TOML table sorts its keys.
        IN_HASH
            .iter()
            .filter_map(|name| self.sections.get(*name).map(|section| format!("{name} = {section}\n")))
            .collect()
    }

    /// Reports every entry that names something the schema does not have.
    pub(crate) fn check(&self, schema: &Schema) -> Result<()> {
        let mut faults = Vec::new();
        for name in self.sections.keys().filter(|name| !SECTIONS.contains(&name.as_str())) {
            faults.push(format!("overrides.toml: nobody reads the section [{name}]"));
        }
        let unknown_type = |name: &&String| !schema.types.contains_key(*name);
        faults.extend(self.go_names.types.iter().filter(unknown_type).map(|name| unknown("go_names", name)));
        faults.extend(self.error_types.keys().filter(unknown_type).map(|name| unknown("error_types", name)));
        for (section, keys) in [("any_keys", &self.any_keys), ("any_keys_if_fitting", &self.any_keys_if_fitting)] {
            faults.extend(keys.keys().filter(|key| !is_any_key(schema, key)).map(|key| unknown(section, key)));
            faults.extend(keys.values().filter(|name| !is_registered(schema, name)).map(|name| unknown(section, name)));
        }
        self.check_any_types(schema, &mut faults);
        faults.extend(self.echo.keys().filter(|name| find(&schema.hooks, name).is_none()).map(|n| unknown("echo", n)));
        handling::check(self, schema, &mut faults);
        faults.extend(self.nil_ok.api.iter().filter(|n| !has_param(&schema.api, n)).map(|n| unknown("nil_ok.api", n)));
        let hook_unknown = |name: &&String| find(&schema.hooks, name).is_none();
        faults.extend(self.nil_ok.hooks.iter().filter(hook_unknown).map(|name| unknown("nil_ok.hooks", name)));
        let known = |name: &str| {
            [&schema.api, &schema.hooks, &schema.driver].iter().any(|methods| find(methods, name).is_some())
        };
        faults.extend(self.result_kinds.keys().filter(|name| !known(name)).map(|name| unknown("result_kinds", name)));
        faults.extend(self.out_params.keys().filter(|name| !known(name)).map(|name| unknown("out_params", name)));
        no_faults(faults)
    }

    fn check_any_types(&self, schema: &Schema, faults: &mut Vec<String>) {
        for (path, rule) in &self.any_types {
            let of_field = |name: &str| field_type(schema, path.split_once('.').map_or("", |(owner, _)| owner), name);
            let held = path.split_once('.').and_then(|(_, name)| of_field(name));
            if held != Some(&Type::Basic(Basic::Any)) {
                faults.push(format!("overrides.toml, [any_types]: `{path}` is no field of type `any`"));
            }
            if of_field(&rule.by).map(|ty| schema.underlying(ty)) != Some(&Type::Basic(Basic::String)) {
                faults.push(format!("overrides.toml, [any_types]: `{path}`: `{}` is no field with a text", rule.by));
            }
            faults.extend(
                rule.types.values().filter(|name| !is_registered(schema, name)).map(|n| unknown("any_types", n)),
            );
        }
    }
}

fn unknown(section: &str, name: &str) -> String {
    format!("overrides.toml, [{section}]: `{name}` is not in the schema")
}

fn find<'a>(methods: &'a [Method], name: &str) -> Option<&'a Method> {
    methods.iter().find(|method| method.name == name)
}

/// Whether a `Method.param` exists.
fn has_param(methods: &[Method], path: &str) -> bool {
    path.split_once('.').is_some_and(|(method, param)| {
        find(methods, method).is_some_and(|method| method.params.iter().any(|known| known.name == param))
    })
}

fn is_registered(schema: &Schema, name: &str) -> bool {
    schema.registered.iter().any(|known| known.name == name)
}

fn field_type<'a>(schema: &'a Schema, owner: &str, name: &str) -> Option<&'a Type> {
    schema.fields(owner)?.iter().find(|field| field.name == name).map(|field| &field.ty)
}

/// Whether the `Struct.Field` of a `Struct.Field.key` exists.
fn is_any_key(schema: &Schema, path: &str) -> bool {
    let mut parts = path.splitn(3, '.');
    let (Some(name), Some(field), Some(_)) = (parts.next(), parts.next(), parts.next()) else { return false };
    schema.fields(name).is_some_and(|fields| fields.iter().any(|known| known.name == field))
}
