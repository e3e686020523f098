//! The `[proto]` sections of `overrides.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Everything below `[proto]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `Method.param` to the name of the request's field, where it is not the one of Python.
    pub params: BTreeMap<String, String>,
    /// Method to the names of the response's fields.
    pub results: BTreeMap<String, Vec<String>>,
    /// Type to the name of a response's field that holds one, where it is not the type's in snake_case.
    pub result_types: BTreeMap<String, String>,
    /// Words that snake_case would tear apart (`OAuth`), to how they are written.
    pub words: BTreeMap<String, String>,
    /// Tag to the file of the API methods that have it first.
    pub tags: BTreeMap<String, String>,
    /// API method to its file, where no tag says it.
    pub methods: BTreeMap<String, String>,
    /// File to the hooks in it.
    pub hooks: BTreeMap<String, Vec<String>>,
    /// File to the patterns of the names of the models in it; the longest that matches wins.
    pub models: BTreeMap<String, Vec<String>>,
    /// Hook to the sentence that says what its empty response means, where its results do not say it.
    pub empty: BTreeMap<String, String>,
}
