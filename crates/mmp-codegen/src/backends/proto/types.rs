//! Types: how a value of Go's is written in protobuf.

use super::models::Models;
use crate::project::Project;
use crate::schema::{Basic, Type};

/// A type as a field has it.
pub(super) struct FieldType {
    /// `optional string`, `repeated Post`, `map<string, Value>`.
    pub(super) text: String,
    /// The files that it needs.
    pub(super) imports: Vec<String>,
}

/// The path of Google's timestamps.
const TIMESTAMP: &str = "google/protobuf/timestamp.proto";

/// The type of a field, or why protobuf has none.
pub(super) fn field_type(project: &Project, models: &Models, ty: &Type) -> Result<FieldType, String> {
    match project.schema.underlying(ty) {
        Type::List(inner) => item(project, models, inner).map(|item| item.prefixed("repeated ")),
        Type::Map(key, value) => {
            let key = map_key(project, key)?;
            let mut value = item(project, models, value)?;
            value.text = format!("map<{key}, {}>", value.text);
            Ok(value)
        }
        Type::Ptr(inner) => behind_pointer(project, models, inner),
        single => of_value(models, single),
    }
}

/// Messages can be absent anyway; scalars need `optional`; a list can be neither.
fn behind_pointer(project: &Project, models: &Models, inner: &Type) -> Result<FieldType, String> {
    match project.schema.underlying(inner) {
        Type::Ptr(_) => Err("a pointer to a pointer has no form in protobuf".into()),
        collection @ (Type::List(_) | Type::Map(..)) => wrapper(project, collection),
        single => {
            let value = of_value(models, single)?;
            Ok(if is_message(single) { value } else { value.prefixed("optional ") })
        }
    }
}

/// A value in a list or map.
fn item(project: &Project, models: &Models, ty: &Type) -> Result<FieldType, String> {
    match project.schema.underlying(ty) {
        collection @ (Type::List(_) | Type::Map(..)) => wrapper(project, collection),
        Type::Ptr(inner) => match project.schema.underlying(inner) {
            structure @ Type::Named(_) => of_value(models, structure),
            other => Err(format!("a list or map of `*{other}` has no form in protobuf")),
        },
        single => of_value(models, single),
    }
}

/// The message that stands for a list or map where protobuf allows none.
fn wrapper(project: &Project, ty: &Type) -> Result<FieldType, String> {
    let collapsed = project.schema.collapse(ty);
    let name = match collapsed.to_string().as_str() {
        "[]string" => "StringList",
        "[]any" => "ListValue",
        "map[string]any" => "MapValue",
        other => return Err(format!("no message wraps `{other}`; add one to fixed/common.proto")),
    };
    Ok(FieldType::new(name, "common"))
}

fn map_key(project: &Project, ty: &Type) -> Result<&'static str, String> {
    match project.schema.underlying(ty) {
        Type::Basic(basic) if !matches!(basic, Basic::Bytes | Basic::Float32 | Basic::Float64) => {
            scalar(*basic).ok_or_else(|| format!("`{}` cannot be the key of a map in protobuf", basic.name()))
        }
        other => Err(format!("`{other}` cannot be the key of a map in protobuf")),
    }
}

/// A value that is neither a list nor a map nor a pointer.
fn of_value(models: &Models, ty: &Type) -> Result<FieldType, String> {
    match ty {
        Type::Named(name) => match models.file_of(name) {
            Some(file) => Ok(FieldType::new(name, file)),
            None => Err(format!("`{name}` is in no file")),
        },
        Type::Basic(basic) => match (basic, scalar(*basic)) {
            (_, Some(scalar)) => Ok(FieldType { text: scalar.to_owned(), imports: Vec::new() }),
            (Basic::Any | Basic::Json, None) => Ok(FieldType::new("Value", "common")),
            (Basic::Error, None) => Ok(FieldType::new("Error", "errors")),
            (Basic::Time, None) => Ok(FieldType::new("google.protobuf.Timestamp", TIMESTAMP)),
            (other, None) => Err(format!("`{}` has no form in protobuf", other.name())),
        },
        other => Err(format!("`{other}` has no form in protobuf")),
    }
}

fn is_message(ty: &Type) -> bool {
    match ty {
        Type::Basic(basic) => scalar(*basic).is_none(),
        _ => true,
    }
}

fn scalar(basic: Basic) -> Option<&'static str> {
    Some(match basic {
        Basic::Bool => "bool",
        Basic::Int8 | Basic::Int16 | Basic::Int32 => "int32",
        Basic::Int | Basic::Int64 => "int64",
        Basic::Uint8 | Basic::Uint16 | Basic::Uint32 => "uint32",
        Basic::Uint | Basic::Uint64 => "uint64",
        Basic::Float32 => "float",
        Basic::Float64 => "double",
        Basic::String | Basic::Url => "string",
        Basic::Bytes => "bytes",
        Basic::Any | Basic::Json | Basic::Error | Basic::Time | Basic::Unit => return None,
    })
}

impl FieldType {
    /// A type declared in a file.
    pub(super) fn new(text: &str, file: &str) -> Self {
        Self { text: text.to_owned(), imports: vec![file.to_owned()] }
    }

    fn prefixed(self, label: &str) -> Self {
        Self { text: format!("{label}{}", self.text), ..self }
    }
}
