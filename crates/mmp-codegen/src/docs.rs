//! `schema/docs.toml`: one description of everything, in our own words.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::calls::{Call, Calls};
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
    /// Fields of responses in protobuf, where the name does not say enough; those of one method in a table of its name.
    #[serde(default)]
    pub results: BTreeMap<String, ParamDoc>,
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
        look_up(&self.params, method, &snake_case(param))
    }

    /// The description of a field of a response.
    pub fn result(&self, method: &str, field: &str) -> Option<&str> {
        look_up(&self.results, method, field)
    }

    /// Every entry that is missing or names nothing.
    pub(crate) fn faults(&self, schema: &Schema, calls: &Calls) -> Vec<String> {
        let methods = |list: &[Method]| list.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
        let mut faults = Vec::new();
        compare("api", &self.api, &methods(&schema.api), &mut faults);
        compare("hooks", &self.hooks, &methods(&schema.hooks), &mut faults);
        compare("driver", &self.driver, &methods(&schema.driver), &mut faults);
        compare("types", &self.types, &schema.types.keys().cloned().collect::<Vec<_>>(), &mut faults);
        self.param_faults(schema, &mut faults);
        self.result_faults(calls, &mut faults);
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
        superfluous(&self.params, &known, "params", "parameter", faults);
    }

    fn result_faults(&self, calls: &Calls, faults: &mut Vec<String>) {
        let calls = calls.api.iter().chain(&calls.hooks).chain(&calls.driver);
        let fields = |call: &Call| {
            call.results.iter().map(|slot| (call.method.name.clone(), slot.field_in_proto.clone())).collect()
        };
        let known: BTreeSet<(String, String)> = calls.flat_map(|call| -> Vec<_> { fields(call) }).collect();
        superfluous(&self.results, &known, "results", "field", faults);
    }
}

/// The text for a name in one method, else in every method.
fn look_up<'a>(texts: &'a BTreeMap<String, ParamDoc>, method: &str, name: &str) -> Option<&'a str> {
    if let Some(ParamDoc::Method(of_method)) = texts.get(method)
        && let Some(text) = of_method.get(name)
    {
        return Some(text);
    }
    match texts.get(name) {
        Some(ParamDoc::Everywhere(text)) => Some(text),
        _ => None,
    }
}

/// Reports texts for what no method has.
fn superfluous(
    texts: &BTreeMap<String, ParamDoc>,
    known: &BTreeSet<(String, String)>,
    section: &str,
    what: &str,
    faults: &mut Vec<String>,
) {
    for (name, entry) in texts {
        match entry {
            ParamDoc::Everywhere(_) => {
                if !known.iter().any(|(_, known)| known == name) {
                    faults.push(format!("docs.toml, [{section}]: no method has a {what} `{name}`"));
                }
            }
            ParamDoc::Method(of_method) => {
                let strange = |inner: &&String| !known.contains(&(name.clone(), (*inner).clone()));
                for inner in of_method.keys().filter(strange) {
                    faults.push(format!("docs.toml, [{section}.{name}]: there is no {what} `{inner}`"));
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
