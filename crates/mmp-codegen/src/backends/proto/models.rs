//! The models: a message for each struct that the services carry, split over files by subject.

use std::collections::{BTreeMap, BTreeSet};

use super::comments::with_values;
use super::file::File;
use super::message::{Field, Message};
use super::types::{FieldType, field_type};
use crate::error::{Result, no_faults};
use crate::messages::field_name;
use crate::project::Project;
use crate::schema::{Type, TypeDef};

/// In which file each model is.
pub(super) struct Models {
    file_of: BTreeMap<String, String>,
}

/// The file of the configuration's sections.
const CONFIG: &str = "config";

impl Models {
    /// Places every model.
    pub(super) fn place(project: &Project) -> Result<Self> {
        let mut faults = Vec::new();
        let mut file_of = BTreeMap::new();
        for name in needed(project) {
            let file =
                if project.overrides.go_names.types.contains(&name) { Some(CONFIG) } else { file(project, &name) };
            match file {
                Some(file) => {
                    file_of.insert(name, file.to_owned());
                }
                None => faults.push(format!("overrides.toml, [proto.models]: no pattern matches `{name}`")),
            }
        }
        no_faults(faults)?;
        Ok(Self { file_of })
    }

    /// The file of a model; `None` for a struct that is no message.
    pub(super) fn file_of(&self, name: &str) -> Option<&str> {
        self.file_of.get(name).map(String::as_str)
    }

    /// The files that hold models and nothing else.
    pub(super) fn files(&self, project: &Project) -> Result<Vec<File>> {
        let names: BTreeSet<&str> = self.file_of.values().map(String::as_str).collect();
        let own = names.into_iter().filter(|name| !super::fixed::is_fixed(name) && *name != super::driver::FILE);
        let mut files = Vec::new();
        for name in own {
            let mut file = File::new(name, &format!("Models: {}.", name.replace('_', " ")));
            self.add_to(project, &mut file)?;
            files.push(file);
        }
        self.check_cycles(project)?;
        Ok(files)
    }

    /// Adds the models that belong into a file.
    pub(super) fn add_to(&self, project: &Project, file: &mut File) -> Result<()> {
        let mut faults = Vec::new();
        let place = file.name.clone();
        for (name, _) in self.file_of.iter().filter(|(_, known)| **known == place) {
            match self.message(project, name) {
                Ok(message) => message.add_to(file, &mut faults),
                Err(fault) => faults.push(fault),
            }
        }
        no_faults(faults)
    }

    fn message(&self, project: &Project, name: &str) -> Result<Message, String> {
        let mut message = Message::new(name, &with_values(project, &project.docs.type_text(name)));
        let numbers = project.lock.fields.get(name);
        let fields = project.schema.fields(name).unwrap_or_default();
        for field in fields.iter().filter(|field| !project.schema.is_opaque(&field.ty)) {
            let mut ty = field_type(project, self, &field.ty)
                .map_err(|fault| format!("types.{name}.{}: {fault}", field.name))?;
            if field.name == "Header" && ty.text == "map<string, StringList>" {
                ty = FieldType::new("map<string, HeaderValues>", "streams");
            }
            let go_names = project.overrides.go_names.types.contains(name);
            message.field(Field {
                name: field_name(&project.overrides.proto, &project.key(name, field)),
                number: numbers.and_then(|numbers| numbers.get(&field.name)).copied().unwrap_or_default(),
                ty,
                doc: values(project, &field.ty),
                note: if go_names { field.name.clone() } else { String::new() },
            });
        }
        message.reserve(project.lock.reserved.fields.get(name));
        Ok(message)
    }

    /// Protobuf refuses files that import each other.
    fn check_cycles(&self, project: &Project) -> Result<()> {
        let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, file) in &self.file_of {
            let structs = structs_in_fields(project, name);
            let used = structs.iter().filter_map(|name| self.file_of(name)).filter(|used| used != file);
            uses.entry(file).or_default().extend(used);
        }
        let mut faults = Vec::new();
        for start in uses.keys() {
            let mut seen = BTreeSet::new();
            let mut open = vec![*start];
            while let Some(next) = open.pop() {
                for used in uses.get(next).into_iter().flatten() {
                    if used == start {
                        faults.push(format!("overrides.toml, [proto.models]: `{start}` and `{next}` need each other"));
                    } else if seen.insert(*used) {
                        open.push(used);
                    }
                }
            }
        }
        no_faults(faults)
    }
}

/// The values of a type that has constants.
pub(super) fn values(project: &Project, ty: &Type) -> String {
    let name = match ty {
        Type::Named(name) => name,
        Type::Ptr(inner) | Type::List(inner) => return values(project, inner),
        _ => return String::new(),
    };
    let Some(TypeDef::Named { constants, .. }) = project.schema.types.get(name) else { return String::new() };
    let shown = constants.iter().map(|constant| match &constant.value {
        serde_json::Value::String(text) if text.is_empty() => "empty".to_owned(),
        serde_json::Value::String(text) => format!("`{text}`"),
        other => format!("`{other}` ({})", constant.name),
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { String::new() } else { format!("Known values: {}.", shown.join(", ")) }
}

/// Every struct that an argument or a result holds, directly or through another one.
fn needed(project: &Project) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let mut open = vec!["AppError".to_owned()];
    for call in project.calls.api.iter().chain(&project.calls.hooks).chain(&project.calls.driver) {
        open.extend(call.args.iter().chain(&call.results).flat_map(|slot| structs_in(project, &slot.ty)));
    }
    while let Some(name) = open.pop() {
        let is_model = project.schema.types.contains_key(&name);
        if is_model && needed.insert(name.clone()) {
            open.extend(structs_in_fields(project, &name));
        }
    }
    needed
}

fn structs_in_fields(project: &Project, name: &str) -> Vec<String> {
    let fields = project.schema.fields(name).unwrap_or_default();
    let sent = fields.iter().filter(|field| !project.schema.is_opaque(&field.ty));
    sent.flat_map(|field| structs_in(project, &field.ty)).collect()
}

fn structs_in(project: &Project, ty: &Type) -> Vec<String> {
    project.schema.collapse(ty).names().into_iter().map(str::to_owned).collect()
}

/// The file of the longest pattern that matches.
fn file<'a>(project: &'a Project, name: &str) -> Option<&'a str> {
    let matching = project.overrides.proto.models.iter().flat_map(|(file, patterns)| {
        patterns.iter().filter(|pattern| matches(pattern, name)).map(move |pattern| (pattern.len(), file.as_str()))
    });
    matching.max().map(|(_, file)| file)
}

/// Whether a name fits a pattern, which may begin or end with `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}
