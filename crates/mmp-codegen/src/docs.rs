//! `schema/docs.toml`: one description of everything, in our own words.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::names::snake_case;
use crate::schema::{Method, Schema};

/// The descriptions by name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Docs {
    /// API methods.
    #[serde(default)]
    pub api: BTreeMap<String, String>,
    /// Hooks.
    #[serde(default)]
    pub hooks: BTreeMap<String, String>,
    /// Driver methods.
    #[serde(default)]
    pub driver: BTreeMap<String, String>,
    /// Types.
    #[serde(default)]
    pub types: BTreeMap<String, String>,
    /// Parameters in snake_case; those of one method in a table of its name.
    #[serde(default)]
    pub params: BTreeMap<String, ParamDoc>,
}

/// An entry of [`Docs::params`].
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum ParamDoc {
    /// What a parameter of this name means in every method.
    Everywhere(String),
    /// What the parameters of the method of this name mean.
    Method(BTreeMap<String, String>),
}

impl Docs {
    /// The description of a type; one that is still missing (the check reports it) is replaced by a neutral sentence.
    pub fn type_text(&self, name: &str) -> String {
        self.types.get(name).cloned().unwrap_or_else(|| format!("Mattermost's `{name}`."))
    }

    /// The description of a parameter, by Go's names.
    pub fn param(&self, method: &str, param: &str) -> Option<&str> {
        let param = snake_case(param);
        if let Some(ParamDoc::Method(params)) = self.params.get(method)
            && let Some(text) = params.get(&param)
        {
            return Some(text);
        }
        match self.params.get(&param) {
            Some(ParamDoc::Everywhere(text)) => Some(text),
            _ => None,
        }
    }

    /// Every entry that is missing or names nothing.
    pub(crate) fn faults(&self, schema: &Schema) -> Vec<String> {
        let methods = |list: &[Method]| list.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
        let mut faults = Vec::new();
        compare("api", &self.api, &methods(&schema.api), &mut faults);
        compare("hooks", &self.hooks, &methods(&schema.hooks), &mut faults);
        compare("driver", &self.driver, &methods(&schema.driver), &mut faults);
        compare("types", &self.types, &schema.types.keys().cloned().collect::<Vec<_>>(), &mut faults);
        self.param_faults(schema, &mut faults);
        faults
    }

    fn param_faults(&self, schema: &Schema, faults: &mut Vec<String>) {
        let mut known: BTreeSet<(String, String)> = BTreeSet::new();
        for method in schema.api.iter().chain(&schema.hooks).chain(&schema.driver) {
            for param in &method.params {
                known.insert((method.name.clone(), snake_case(&param.name)));
                if self.param(&method.name, &param.name).is_none() {
                    let param = snake_case(&param.name);
                    faults.push(format!("docs.toml, [params]: `{param}` of {} has no description", method.name));
                }
            }
        }
        for (name, entry) in &self.params {
            match entry {
                ParamDoc::Everywhere(_) => {
                    if !known.iter().any(|(_, param)| param == name) {
                        faults.push(format!("docs.toml, [params]: no method has a parameter `{name}`"));
                    }
                }
                ParamDoc::Method(params) => {
                    let strange = |param: &&String| !known.contains(&(name.clone(), (*param).clone()));
                    for param in params.keys().filter(strange) {
                        faults.push(format!("docs.toml, [params.{name}]: there is no parameter `{param}`"));
                    }
                }
            }
        }
    }
}

fn compare(section: &str, texts: &BTreeMap<String, String>, names: &[String], faults: &mut Vec<String>) {
    for name in names {
        match texts.get(name) {
            None => faults.push(format!("docs.toml, [{section}]: `{name}` has no description")),
            Some(text) if text.trim().is_empty() => {
                faults.push(format!("docs.toml, [{section}]: the description of `{name}` is empty"));
            }
            Some(_) => {}
        }
    }
    for name in texts.keys().filter(|name| !names.contains(name)) {
        faults.push(format!("docs.toml, [{section}]: `{name}` is not in the schema"));
    }
}
