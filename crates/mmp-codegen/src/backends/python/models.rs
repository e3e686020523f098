//! The models: a `msgspec.Struct` for each struct, split over modules by subject.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::Settings;
use super::source::{bracketed, code_only, description, docstring, file, has_word, literal};
use super::types::{annotation, annotation_with, needed_structs, optional, structs_in, zero};
use super::{DIR, enums};
use crate::backends::Output;
use crate::error::{Result, no_faults};
use crate::names::python_param;
use crate::project::Project;
use crate::schema::{Field, Type};
use crate::text::Text;

/// The configuration's sections.
const SECTIONS: &str = "config_sections";

/// The models, and in which module each is.
pub(super) struct Models {
    areas: BTreeMap<String, Vec<String>>,
    area_of: BTreeMap<String, String>,
}

impl Models {
    /// Places every model.
    pub(super) fn place(project: &Project, settings: &Settings) -> Result<Self> {
        let mut areas: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut area_of = BTreeMap::new();
        for name in needed_structs(project) {
            let is_section = project.overrides.go_names.types.contains(&name) && name != "Config";
            let area = if is_section { SECTIONS } else { settings.area(&name) };
            areas.entry(area.to_owned()).or_default().push(name.clone());
            area_of.insert(name, area.to_owned());
        }
        let models = Self { areas, area_of };
        models.check_cycles(project)?;
        Ok(models)
    }

    /// The module of a model; `None` for a type that the SDK does not have.
    pub(super) fn area_of(&self, name: &str) -> Option<&str> {
        self.area_of.get(name).map(String::as_str)
    }

    /// `from {package}.{area} import A, B` for the models that some code uses.
    pub(super) fn imports(&self, indent: usize, package: &str, names: &BTreeSet<String>) -> Vec<String> {
        let mut by_area: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for name in names {
            if let Some(area) = self.area_of(name) {
                by_area.entry(area).or_default().push(name.clone());
            }
        }
        by_area.into_iter().map(|(area, names)| import(indent, &format!("{package}{area}"), &names)).collect()
    }

    fn check_cycles(&self, project: &Project) -> Result<()> {
        let mut faults = Vec::new();
        for area in self.areas.keys() {
            let mut seen = BTreeSet::new();
            let mut open = vec![area.clone()];
            while let Some(next) = open.pop() {
                for used in self.used_areas(project, &next) {
                    if &used == area && &next != area {
                        faults.push(format!("overrides.toml, [python.areas]: `{area}` and `{next}` need each other"));
                    } else if seen.insert(used.clone()) {
                        open.push(used);
                    }
                }
            }
        }
        no_faults(faults)
    }

    fn used_areas(&self, project: &Project, area: &str) -> BTreeSet<String> {
        let names = self.areas.get(area).into_iter().flatten();
        names
            .flat_map(|name| used_structs(project, name))
            .filter_map(|name| self.area_of(&name).map(str::to_owned))
            .filter(|used| used != area)
            .collect()
    }

    /// The files.
    pub(super) fn outputs(&self, project: &Project, settings: &Settings) -> Vec<Output> {
        let mut outputs: Vec<Output> =
            self.areas.keys().map(|area| Output::new(path(area), self.module(project, settings, area))).collect();
        outputs.push(Output::new(path("__init__"), self.index(project)));
        outputs
    }

    fn module(&self, project: &Project, settings: &Settings, area: &str) -> String {
        let names = in_order(project, self.areas.get(area).map_or(&[][..], Vec::as_slice));
        let mut body = Text::default();
        for (number, name) in names.iter().enumerate() {
            self.class(&mut body, project, settings, name, number == 0);
        }
        let body = body.finish();
        let code = code_only(&body);
        let (datetime, any) = (has_word(&code, "datetime"), has_word(&code, "Any"));
        let mut text = file(&format!("Models: {}.", area.replace('_', " ")));
        text.blank();
        if datetime {
            text.line("from datetime import datetime");
        }
        if any {
            text.line("from typing import Any");
        }
        if datetime || any {
            text.blank();
        }
        if has_word(&code, "msgspec") {
            text.line("import msgspec");
            text.blank();
        }
        text.line("from ..._model import Model");
        let used: BTreeSet<String> = names
            .iter()
            .flat_map(|name| used_structs(project, name))
            .filter(|used| self.area_of(used) != Some(area))
            .collect();
        for line in self.imports(0, ".", &used) {
            text.line(line);
        }
        text.finish() + &body
    }

    fn class(&self, text: &mut Text, project: &Project, settings: &Settings, name: &str, first: bool) {
        let fields = project.flat_fields(name);
        let keys: BTreeSet<String> = fields.iter().map(|(owner, field)| project.key(owner, field)).collect();
        // A field that has the name of its type would hide the type in the class body.
        let hidden: BTreeSet<String> =
            used_structs(project, name).into_iter().filter(|used| keys.contains(used)).collect();
        text.blank();
        if !first || hidden.is_empty() {
            text.blank();
        }
        for used in &hidden {
            text.line(format_args!("_{used} = {used}"));
        }
        if !hidden.is_empty() {
            text.blank();
            text.blank();
        }
        let renamed: Vec<String> = keys
            .iter()
            .filter(|key| python_param(key) != **key && !project.overrides.go_names.types.contains(name))
            .map(|key| format!("{}: {}", literal(&attribute(key)), literal(key)))
            .collect();
        let rename = if renamed.is_empty() { String::new() } else { format!(", rename={{{}}}", renamed.join(", ")) };
        text.line(format_args!("class {name}(Model, kw_only=True{rename}):"));
        docstring(text, 4, &description(4, &project.docs.type_text(name)));
        if !fields.is_empty() {
            text.blank();
        }
        let shown = |used: &str| if hidden.contains(used) { format!("_{used}") } else { used.to_owned() };
        for (owner, field) in fields {
            text.line(field_line(project, settings, owner, field, &shown));
        }
    }

    fn index(&self, project: &Project) -> String {
        let mut text = file("Every model, loaded with its module when it is first used.");
        text.blank();
        text.line("import importlib");
        text.line("from typing import TYPE_CHECKING, Any");
        text.blank();
        text.line("if TYPE_CHECKING:");
        let mut places: BTreeMap<String, &str> = BTreeMap::new();
        for (name, area) in &self.area_of {
            places.insert(name.clone(), area);
        }
        for name in enums::typed_names(project) {
            places.insert(name, "enums");
        }
        let mut by_area: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, area) in &places {
            by_area.entry(area).or_default().push(name.clone());
        }
        for (area, names) in &by_area {
            text.line(import(4, &format!(".{area}"), names));
        }
        text.line("    from .users import Status as UserStatus");
        text.blank();
        text.line("_PLACES = {");
        for (name, area) in &places {
            text.line(format_args!("    {}: {},", literal(name), literal(area)));
        }
        text.line("}");
        text.blank();
        text.line("__all__ = [");
        let mut all: Vec<&str> = places.keys().map(String::as_str).chain(["UserStatus"]).collect();
        all.sort_unstable();
        for name in all {
            text.line(format_args!("    {},", literal(name)));
        }
        text.line("]");
        text.finish() + INDEX_FUNCTIONS
    }
}

const INDEX_FUNCTIONS: &str = r#"

def __getattr__(name: str) -> Any:
    wanted = "Status" if name == "UserStatus" else name  # the earlier SDK's name of it
    place = _PLACES.get(wanted)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{place}", __name__), wanted)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
"#;

fn field_line(
    project: &Project,
    settings: &Settings,
    owner: &str,
    field: &Field,
    shown: &dyn Fn(&str) -> String,
) -> String {
    let attribute = attribute(&project.key(owner, field));
    if settings.fields.nullable.contains(&format!("{owner}.{}", field.name)) {
        return format!("    {attribute}: {} = None", optional(&annotation(project, &field.ty)));
    }
    let ty = annotation_with(project, &field.ty, shown);
    let default = match project.schema.underlying(&field.ty) {
        Type::Named(name) => format!("msgspec.field(default_factory={})", shown(name)),
        other => zero(project, other),
    };
    match default.strip_prefix("msgspec.field(").and_then(|rest| rest.strip_suffix(')')) {
        Some(factory) => bracketed(4, &format!("{attribute}: {ty} = msgspec.field("), &[factory.to_owned()], ")"),
        None => format!("    {attribute}: {ty} = {default}"),
    }
}

/// The attribute for a key: the key itself, with an underscore behind a reserved word.
fn attribute(key: &str) -> String {
    let escaped = python_param(key);
    if escaped.strip_suffix('_') == Some(key) { escaped } else { key.to_owned() }
}

fn used_structs(project: &Project, name: &str) -> BTreeSet<String> {
    let fields = project.flat_fields(name);
    fields.into_iter().flat_map(|(_, field)| structs_in(project, &field.ty)).filter(|used| used != name).collect()
}

/// The names so that each stands behind those that it needs, otherwise by the alphabet.
fn in_order(project: &Project, names: &[String]) -> Vec<String> {
    let mut done: Vec<String> = Vec::new();
    let mut open: Vec<&String> = names.iter().collect();
    while !open.is_empty() {
        let ready =
            |name: &str| used_structs(project, name).iter().all(|used| done.contains(used) || !names.contains(used));
        // Types that need each other are left to the lazy evaluation of annotations.
        let at = open.iter().position(|name| ready(name)).unwrap_or(0);
        done.push(open.remove(at).clone());
    }
    done
}

/// An import statement of classes, sorted as `ruff` sorts them: without regard to capitals.
pub(super) fn import(indent: usize, module: &str, names: &[String]) -> String {
    let mut names = names.to_vec();
    names.sort_by_key(|name| name.to_lowercase());
    let names = &names;
    let one_line = bracketed(indent, &format!("from {module} import "), names, "");
    if !one_line.contains('\n') {
        return one_line;
    }
    bracketed(indent, &format!("from {module} import ("), names, ")")
}

fn path(module: &str) -> String {
    format!("{DIR}/models/{module}.py")
}
