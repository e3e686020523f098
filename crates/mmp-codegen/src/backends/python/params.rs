//! Parameters: from Go's to those of the client's methods and of handlers.

use super::settings::{ParamStyle, Settings};
use super::types::{annotation, optional, zero};
use crate::calls::{Call, Slot};
use crate::names::{python_method, python_param};
use crate::project::Project;
use crate::schema::{Basic, Type};

/// A parameter of a client's method.
pub(super) struct Param {
    pub(super) name: String,
    pub(super) annotation: String,
    pub(super) default: Option<String>,
    pub(super) keyword: bool,
    /// The description; empty for the fields of an option struct.
    pub(super) doc: String,
}

impl Param {
    /// As it stands in the signature.
    pub(super) fn declaration(&self) -> String {
        match &self.default {
            Some(default) => format!("{}: {} = {default}", self.name, self.annotation),
            None => format!("{}: {}", self.name, self.annotation),
        }
    }
}

/// A method's parameters, and the expressions that become the frame's arguments.
#[derive(Default)]
pub(super) struct Signature {
    pub(super) params: Vec<Param>,
    pub(super) args: Vec<String>,
    /// The parameter that is a stream.
    pub(super) stream: Option<String>,
    /// Names of option structs whose fields are parameters.
    pub(super) unfolded: Vec<String>,
    /// Functions of `_convert.py`.
    pub(super) converters: Vec<String>,
    /// Structs that are built, not only named in annotations.
    pub(super) built: Vec<String>,
}

impl Signature {
    /// The parameters in Python's order: positional ones, those with a default, keyword-only ones.
    pub(super) fn declarations(&self) -> Vec<String> {
        let mut out = vec!["self".to_owned()];
        let positional =
            |wanted: bool| self.params.iter().filter(move |param| !param.keyword && param.default.is_some() == wanted);
        out.extend(positional(false).chain(positional(true)).map(Param::declaration));
        let mut keyword = self.params.iter().filter(|param| param.keyword).peekable();
        if keyword.peek().is_some() {
            out.push("*".into());
        }
        out.extend(keyword.map(Param::declaration));
        out
    }
}

/// How the type of a stream that an API method reads is written; the module for asyncio imports another one under this name.
pub(super) const STREAM: &str = "StreamSource";

/// What a stream may be, for descriptions.
pub(super) const FORMS: &str = "It may be bytes, a `pathlib.Path`, a binary file object or an iterable of bytes, for \
                                asyncio also an asynchronous one.";

/// The signature of an API method.
pub(super) fn signature(project: &Project, settings: &Settings, call: &Call) -> Signature {
    let mut signature = Signature::default();
    for param in &call.method.params {
        let path = format!("{}.{}", call.method.name, param.name);
        let style = settings.params.get(&path).cloned().unwrap_or_default();
        let doc = project.docs.param(&call.method.name, &param.name).unwrap_or_default();
        if param.stream {
            let name = style.name.clone().unwrap_or_else(|| python_param(&param.name));
            signature.stream = Some(name.clone());
            signature.params.push(Param {
                name,
                annotation: STREAM.into(),
                default: None,
                keyword: false,
                doc: format!("{doc} {FORMS}"),
            });
            continue;
        }
        let Some(slot) = call.args.iter().find(|slot| slot.name == param.name) else { continue };
        if settings.unfold.contains_key(&path) {
            unfold(&mut signature, project, settings, &path, slot);
        } else {
            plain(&mut signature, project, slot, style, doc);
        }
    }
    signature
}

fn plain(signature: &mut Signature, project: &Project, slot: &Slot, style: ParamStyle, doc: &str) {
    let name = style.name.unwrap_or_else(|| python_param(&slot.name));
    let (default, keyword) = usual(slot, style.default, style.keyword);
    let structure = struct_name(project, &slot.ty);
    let nullable = style.nullable || (slot.nil_ok && structure.is_some()) || default.as_deref() == Some("None");
    let mut ty = style.ty.unwrap_or_else(|| without_none(annotation(project, &slot.ty)));
    if nullable {
        ty = optional(&ty);
    }
    let mut arg = name.clone();
    if let Some(convert) = style.convert {
        arg = format!("_convert.{convert}({name})");
        signature.converters.push(convert);
    } else if let (Some(structure), Some("None"), false) = (structure, default.as_deref(), slot.nil_ok) {
        arg = format!("{name} or {}", style.build.unwrap_or_else(|| format!("{structure}()")));
        signature.built.push(structure.to_owned());
    }
    signature.args.push(arg);
    signature.params.push(Param { name, annotation: ty, default, keyword, doc: doc.to_owned() });
}

/// The parameters that every method has in the same way.
fn usual(slot: &Slot, default: Option<String>, keyword: bool) -> (Option<String>, bool) {
    let usual = match (slot.name.as_str(), &slot.ty) {
        ("page", Type::Basic(Basic::Int)) => "0",
        ("perPage", Type::Basic(Basic::Int)) => "60",
        ("includeDeleted", Type::Basic(Basic::Bool)) => "False",
        ("sortBy", Type::Basic(Basic::String)) => "\"\"",
        _ => return (default, keyword),
    };
    (default.or_else(|| Some(usual.into())), true)
}

fn unfold(signature: &mut Signature, project: &Project, settings: &Settings, path: &str, slot: &Slot) {
    let (Some(style), Some(structure)) = (settings.unfold.get(path), struct_name(project, &slot.ty)) else { return };
    let mut values = Vec::new();
    for (owner, field) in project.flat_fields(structure) {
        let key = project.key(owner, field);
        let name = style.rename.get(&key).cloned().unwrap_or_else(|| key.clone());
        let keyword = !style.positional.contains(&key);
        let zero = zero(project, &field.ty);
        let list = matches!(zero.as_str(), "[]" | "{}");
        let mut ty = annotation(project, &field.ty);
        if list {
            ty = optional(&ty);
        }
        let default = match style.defaults.get(&key) {
            Some(default) => Some(default.clone()),
            None if !keyword => None,
            None if list => Some("None".into()),
            None => Some(zero.clone()),
        };
        values.push(if list { format!("{key}={name} or {zero}") } else { format!("{key}={name}") });
        signature.params.push(Param { name, annotation: ty, default, keyword, doc: String::new() });
    }
    signature.args.push(format!("{structure}({})", values.join(", ")));
    signature.built.push(structure.to_owned());
    signature.unfolded.push(structure.to_owned());
}

/// The struct that a parameter is, by value or by pointer.
pub(super) fn struct_name<'a>(project: &'a Project, ty: &'a Type) -> Option<&'a str> {
    let ty = if let Type::Ptr(inner) = project.schema.underlying(ty) { inner } else { ty };
    match project.schema.underlying(ty) {
        Type::Named(name) => Some(name),
        _ => None,
    }
}

fn without_none(annotation: String) -> String {
    annotation.strip_suffix(" | None").map_or_else(|| annotation.clone(), str::to_owned)
}

/// A handler's parameters, each with Go's name.
pub(super) fn handler_params(settings: &Settings, call: &Call) -> Vec<(String, String)> {
    call.method
        .params
        .iter()
        .map(|param| {
            let style = settings.params.get(&format!("{}.{}", call.method.name, param.name));
            let name = style.and_then(|style| style.name.clone()).unwrap_or_else(|| match param.name.as_str() {
                "c" => "context".into(),
                other => python_param(other),
            });
            (name, param.name.clone())
        })
        .collect()
}

/// A description with the API methods that it mentions under their Python names.
pub(super) fn mentions(project: &Project, text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at > 0 {
            out.push('`');
        }
        let is_method = at % 2 == 1 && project.schema.api.iter().any(|method| method.name == part);
        match part {
            "DismissPostError" => out.push_str("DISMISS_POST_ERROR"),
            _ if is_method => out.push_str(&python_method(part)),
            _ => out.push_str(part),
        }
    }
    out
}
