//! Which method is in which file.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Result, no_faults};
use crate::messages::Settings;
use crate::project::Project;
use crate::schema::Method;

/// The files of the methods.
pub(super) struct Groups {
    api: BTreeMap<String, String>,
    hooks: BTreeMap<String, String>,
}

impl Groups {
    /// Reads the tables, and reports methods that are in none or in two.
    pub(super) fn load(project: &Project) -> Result<Self> {
        let settings = &project.overrides.proto;
        let mut faults = Vec::new();
        let mut api = BTreeMap::new();
        for method in &project.schema.api {
            match api_file(settings, method) {
                Some(file) => {
                    api.insert(method.name.clone(), format!("{file}_api"));
                }
                None => faults
                    .push(format!("overrides.toml: neither [proto.methods] nor [proto.tags] has `{}`", method.name)),
            }
        }
        let mut hooks = BTreeMap::new();
        for (file, names) in &settings.hooks {
            for name in names {
                if !project.schema.hooks.iter().any(|hook| hook.name == *name) {
                    faults.push(format!("overrides.toml, [proto.hooks]: there is no hook `{name}`"));
                }
                if hooks.insert(name.clone(), format!("{file}_hooks")).is_some() {
                    faults.push(format!("overrides.toml, [proto.hooks]: `{name}` is there twice"));
                }
            }
        }
        for hook in project.schema.hooks.iter().filter(|hook| !hooks.contains_key(&hook.name)) {
            faults.push(format!("overrides.toml, [proto.hooks]: `{}` is in no file", hook.name));
        }
        for name in settings.methods.keys().filter(|name| !api.contains_key(*name)) {
            faults.push(format!("overrides.toml, [proto.methods]: there is no API method `{name}`"));
        }
        no_faults(faults)?;
        Ok(Self { api, hooks })
    }

    /// The file of an API method.
    pub(super) fn of_api(&self, method: &str) -> &str {
        self.api.get(method).map_or("", String::as_str)
    }

    /// The file of a hook.
    pub(super) fn of_hook(&self, hook: &str) -> &str {
        self.hooks.get(hook).map_or("", String::as_str)
    }

    /// The files of API methods.
    pub(super) fn api_files(&self) -> BTreeSet<&str> {
        self.api.values().map(String::as_str).collect()
    }

    /// The files of hooks.
    pub(super) fn hook_files(&self) -> BTreeSet<&str> {
        self.hooks.values().map(String::as_str).collect()
    }
}

fn api_file<'a>(settings: &'a Settings, method: &Method) -> Option<&'a String> {
    settings.methods.get(&method.name).or_else(|| settings.tags.get(method.tags.first()?))
}
