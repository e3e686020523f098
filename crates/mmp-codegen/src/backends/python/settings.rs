//! The `[python]` sections of `overrides.toml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::error::{Error, Result, no_faults};
use crate::project::Project;
use crate::schema::Method;

/// Everything below `[python]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Module of models to the patterns of their names.
    pub(super) areas: BTreeMap<String, Vec<String>>,
    /// Mixin to API methods.
    pub(super) mixins: BTreeMap<String, Vec<String>>,
    /// Other names of API methods.
    pub(super) aliases: BTreeMap<String, String>,
    /// `Method.param` to how the parameter looks in Python.
    pub(super) params: BTreeMap<String, ParamStyle>,
    /// `Method.param` whose fields are parameters of their own.
    pub(super) unfold: BTreeMap<String, Unfold>,
    /// Results of API methods.
    pub(super) results: Nullable,
    /// Hook to what a handler's None stands for.
    pub(super) hooks: BTreeMap<String, String>,
    /// Fields of models.
    pub(super) fields: Nullable,
    /// Enumerations of untyped constants.
    pub(super) enums: BTreeMap<String, EnumStyle>,
}

/// How a parameter looks in Python.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ParamStyle {
    pub(super) name: Option<String>,
    pub(super) default: Option<String>,
    pub(super) keyword: bool,
    pub(super) nullable: bool,
    pub(super) convert: Option<String>,
    /// What stands for None.
    pub(super) build: Option<String>,
    #[serde(rename = "type")]
    pub(super) ty: Option<String>,
}

/// How the fields of an option struct become parameters.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Unfold {
    pub(super) positional: Vec<String>,
    pub(super) rename: BTreeMap<String, String>,
    pub(super) defaults: BTreeMap<String, String>,
}

/// Names for which nil is a value of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Nullable {
    pub(super) nullable: BTreeSet<String>,
}

/// An enumeration made of a group of constants.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EnumStyle {
    pub(super) group: String,
    pub(super) cut: String,
    pub(super) cut_end: String,
    pub(super) only: Vec<String>,
    pub(super) skip: Vec<String>,
}

impl Settings {
    /// Reads the sections, and refuses entries that name nothing.
    pub(super) fn load(project: &Project) -> Result<Self> {
        let Some(section) = project.overrides.sections.get("python") else { return Ok(Self::default()) };
        let settings: Self = section
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| Error::schema(format!("overrides.toml, [python]: {error}")))?;
        settings.check(project)?;
        Ok(settings)
    }

    /// The area of a model: that of the longest pattern that matches.
    pub(super) fn area(&self, name: &str) -> &str {
        let matching = self.areas.iter().flat_map(|(area, patterns)| {
            patterns.iter().filter(|pattern| matches(pattern, name)).map(move |pattern| (pattern.len(), area))
        });
        matching.max().map_or("server", |(_, area)| area)
    }

    fn check(&self, project: &Project) -> Result<()> {
        let mut faults = Vec::new();
        let api = |name: &str| project.schema.api.iter().any(|method| method.name == name);
        let placed: Vec<&String> = self.mixins.values().flatten().collect();
        for name in placed.iter().copied().chain(self.aliases.values()).chain(&self.results.nullable) {
            if !api(name) {
                faults.push(format!("overrides.toml, [python]: there is no API method `{name}`"));
            }
        }
        for method in &project.schema.api {
            match placed.iter().filter(|name| **name == &method.name).count() {
                0 => faults.push(format!("overrides.toml, [python.mixins]: `{}` is in no mixin", method.name)),
                1 => {}
                _ => faults.push(format!("overrides.toml, [python.mixins]: `{}` is in several mixins", method.name)),
            }
        }
        for path in self.params.keys().chain(self.unfold.keys()) {
            let methods = || project.schema.api.iter().chain(&project.schema.hooks);
            if !methods().any(|method| has_param(method, path)) {
                faults.push(format!("overrides.toml, [python]: there is no parameter `{path}`"));
            }
        }
        for name in self.hooks.keys().filter(|name| !project.schema.hooks.iter().any(|hook| hook.name == **name)) {
            faults.push(format!("overrides.toml, [python.hooks]: there is no hook `{name}`"));
        }
        for (name, style) in &self.enums {
            if !project.schema.constants.contains_key(&style.group) {
                faults.push(format!("overrides.toml, [python.enums]: `{name}` has no group `{}`", style.group));
            }
        }
        no_faults(faults)
    }
}

fn has_param(method: &Method, path: &str) -> bool {
    path.split_once('.')
        .is_some_and(|(name, param)| method.name == name && method.params.iter().any(|known| known.name == param))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}
