//! How values look to authors, and how they become fields of the RPC structs and back.

use std::collections::BTreeSet;

use crate::backends::rust::basic_type;
use crate::calls::Call;
use crate::names::rust_field;
use crate::project::Project;
use crate::schema::{Basic, Type};

/// The form that authors see of a type.
pub(super) struct Form<'a> {
    project: &'a Project,
    ty: Type,
}

impl<'a> Form<'a> {
    /// The form of a type; names of types that are no structs do not matter.
    pub(super) fn new(project: &'a Project, ty: &Type) -> Self {
        Self { project, ty: project.schema.collapse(ty) }
    }

    fn of(&self, ty: &Type) -> Self {
        Self { project: self.project, ty: ty.clone() }
    }

    /// The structs that the form names.
    pub(super) fn structs(&self, found: &mut BTreeSet<String>) {
        found.extend(self.ty.names().into_iter().map(str::to_owned));
    }

    /// The type that is owned: without pointers, and lists of pointers as lists.
    pub(super) fn owned(&self) -> String {
        match &self.ty {
            Type::Basic(Basic::Bytes | Basic::Json) => "Vec<u8>".into(),
            Type::Basic(basic) => basic_type(*basic).into(),
            Type::Named(name) => name.clone(),
            Type::Ptr(inner) => self.of(inner).owned(),
            Type::List(inner) => format!("Vec<{}>", self.of(inner).owned()),
            Type::Map(key, value) => format!("BTreeMap<{}, {}>", self.of(key).wire(), self.of(value).wire()),
        }
    }

    /// The type in the RPC structs.
    fn wire(&self) -> String {
        match &self.ty {
            Type::Basic(Basic::Bytes | Basic::Json) => "Bytes".into(),
            Type::Basic(basic) => basic_type(*basic).into(),
            Type::Named(name) => name.clone(),
            Type::Ptr(inner) => format!("Ptr<{}>", self.of(inner).wire()),
            Type::List(inner) => format!("Vec<{}>", self.of(inner).wire()),
            Type::Map(key, value) => format!("Map<{}, {}>", self.of(key).wire(), self.of(value).wire()),
        }
    }

    /// An owned value out of that of the RPC struct; a nil pointer becomes the default.
    pub(super) fn read_wire(&self, value: &str) -> String {
        match &self.ty {
            Type::Basic(Basic::Bytes | Basic::Json) => format!("{value}.into_bytes()"),
            Type::Ptr(_) => format!("*{value}.unwrap_or_default()"),
            Type::List(inner) => match &**inner {
                Type::Ptr(_) => format!("{value}.into_iter().flatten().map(|item| *item).collect()"),
                _ => value.into(),
            },
            Type::Map(..) => format!("{value}.unwrap_or_default()"),
            _ => value.into(),
        }
    }

    /// The value of the RPC struct, made of an owned one.
    pub(super) fn to_wire(&self, value: &str) -> String {
        match &self.ty {
            Type::Basic(Basic::Bytes | Basic::Json) => format!("{value}.into()"),
            Type::Ptr(_) => format!("Some(Box::new({value}))"),
            Type::List(inner) => match &**inner {
                Type::Ptr(_) => format!("{value}.into_iter().map(|item| Some(Box::new(item))).collect()"),
                _ => value.into(),
            },
            Type::Map(..) => format!("Some({value})"),
            _ => value.into(),
        }
    }

    /// What a method of the API takes, and what it makes of it.
    pub(super) fn parameter(&self, name: &str, nil_ok: bool) -> (String, String) {
        let text = |basic: Basic| match basic {
            Basic::String => Some("GoString"),
            Basic::Bytes | Basic::Json => Some("Bytes"),
            Basic::Any => Some("Any"),
            _ => None,
        };
        match &self.ty {
            Type::Basic(basic) => match text(*basic) {
                Some(ty) => (format!("impl Into<{ty}> + Send"), format!("{name}.into()")),
                None => (basic_type(*basic).into(), name.into()),
            },
            Type::Ptr(inner) if nil_ok => {
                (format!("Option<{}>", self.of(inner).owned()), format!("{name}.map(Box::new)"))
            }
            Type::List(inner) => match &**inner {
                Type::Basic(Basic::String) => (
                    "impl IntoIterator<Item = impl Into<GoString>> + Send".into(),
                    format!("{name}.into_iter().map(Into::into).collect()"),
                ),
                _ => (self.owned(), self.to_wire(name)),
            },
            Type::Map(key, value) => match (&**key, &**value) {
                (Type::Basic(key), Type::Basic(value)) if text(*key).is_some() && text(*value).is_some() => (
                    format!(
                        "impl IntoIterator<Item = (impl Into<{}>, impl Into<{}>)> + Send",
                        text(*key).unwrap_or_default(),
                        text(*value).unwrap_or_default()
                    ),
                    format!("Some({name}.into_iter().map(|(key, value)| (key.into(), value.into())).collect())"),
                ),
                _ => (self.owned(), self.to_wire(name)),
            },
            _ => (self.owned(), self.to_wire(name)),
        }
    }

    /// What a handler is given: the type, and the expression that borrows it from the variable of the RPC struct's field.
    pub(super) fn borrowed(&self, variable: &str) -> (String, String) {
        match &self.ty {
            Type::Basic(Basic::String) => ("&str".into(), format!("&{variable}")),
            Type::Basic(Basic::Bytes | Basic::Json) => ("&[u8]".into(), format!("&{variable}")),
            Type::Basic(_) => (self.owned(), variable.into()),
            Type::List(inner) => (format!("&[{}]", self.of(inner).owned()), format!("&{variable}")),
            _ => (format!("&{}", self.owned()), format!("&{variable}")),
        }
    }

    /// Whether this is a pointer.
    pub(super) fn is_pointer(&self) -> bool {
        matches!(self.ty, Type::Ptr(_))
    }

    /// Whether this is a text.
    pub(super) fn is_text(&self) -> bool {
        self.ty == Type::Basic(Basic::String)
    }
}

/// The arguments of a method as its client takes them.
pub(super) struct Arguments {
    /// Parameters, name and type.
    pub(super) params: Vec<String>,
    /// The fields of the RPC argument, and what each is made of.
    pub(super) fields: Vec<(String, String)>,
}

impl Arguments {
    /// Those of a method; the structs in them are added to `structs`.
    pub(super) fn of(project: &Project, call: &Call, structs: &mut BTreeSet<String>) -> Self {
        let (mut params, mut fields) = (Vec::new(), Vec::new());
        for slot in &call.args {
            let form = Form::new(project, &slot.ty);
            form.structs(structs);
            let param = rust_field(&slot.name);
            let (ty, expression) = form.parameter(&param, slot.nil_ok);
            params.push(format!("{param}: {ty}"));
            fields.push((rust_field(&slot.field_name), expression));
        }
        Self { params, fields }
    }
}
