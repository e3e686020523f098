//! The serde model of `mattermost.json`; `schema/README.md` describes the format.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::type_expr::Type;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Version of the format: 1.
    pub format: u32,
    /// Version of the source tree.
    pub mattermost: String,
    /// The plugin API, in the order of the Go interface.
    pub api: Vec<Method>,
    /// The hooks, in the order of the Go interface.
    pub hooks: Vec<Method>,
    /// The database driver.
    pub driver: Vec<Method>,
    /// Every type reachable from the methods.
    pub types: BTreeMap<String, TypeDef>,
    /// The argument and reply structs of the RPC services, without Mattermost's `Z_`.
    pub wire: BTreeMap<String, StructType>,
    /// Constants that belong to no named type, by group.
    pub constants: BTreeMap<String, Vec<Constant>>,
    /// The names under which concrete types travel in interface values.
    pub registered: Vec<Registered>,
}

/// An API method, a hook or a driver method.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// Go's name.
    pub name: String,
    /// Mattermost's own number of a hook.
    #[serde(default)]
    pub id: Option<u16>,
    /// The `@tag` lines.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Minimum server version, or empty.
    #[serde(default)]
    pub since: String,
    /// Parameters in the order of the Go method.
    #[serde(default)]
    pub params: Vec<Param>,
    /// Results in the order of the Go method.
    #[serde(default)]
    pub results: Vec<Param>,
    /// The name of the RPC method, where it is not the method's.
    #[serde(default)]
    pub rpc_name: Option<String>,
    /// What the RPC method really takes and gives.
    pub rpc: Rpc,
}

/// A parameter or a result.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// Go's name; results seldom have one.
    #[serde(default)]
    pub name: String,
    /// The type; one that cannot be sent is kept as text only.
    #[serde(rename = "type")]
    pub expr: String,
    /// Whether it cannot be sent.
    #[serde(default)]
    pub stream: bool,
    /// Whether Go takes any number of them.
    #[serde(default)]
    pub variadic: bool,
}

impl Param {
    /// The parsed type. Streams have Go types that no expression covers, so do not ask for theirs.
    pub fn ty(&self) -> Result<Type, String> {
        Type::parse(&self.expr)
    }
}

/// The types of an RPC method's argument and reply: the name of a wire struct or a bare type.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rpc {
    /// The argument.
    pub args: Type,
    /// The reply.
    pub returns: Type,
}

/// A type of Mattermost's.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum TypeDef {
    /// A struct.
    Struct {
        /// The Go package.
        package: String,
        /// The name in Go, where the key in the schema is another one.
        #[serde(default)]
        go_name: Option<String>,
        /// The fields that gob sends.
        fields: Vec<Field>,
    },
    /// A type with a name of its own and another one beneath.
    Named {
        /// The Go package.
        package: String,
        /// The name in Go, where the key in the schema is another one.
        #[serde(default)]
        go_name: Option<String>,
        /// How the type encodes itself into bytes (`gob` or `binary`), if it does.
        #[serde(default)]
        encoding: Option<String>,
        /// The underlying type.
        #[serde(rename = "type")]
        ty: Type,
        /// The constants declared with this type.
        #[serde(default)]
        constants: Vec<Constant>,
    },
}

/// The fields of a wire struct.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructType {
    /// In the order of the Go source.
    pub fields: Vec<Field>,
}

/// A field of a struct.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Go's name.
    pub name: String,
    /// The name in the `json` tag, `-` included.
    #[serde(default)]
    pub json: Option<String>,
    /// Whether the tag says `omitempty`.
    #[serde(default)]
    pub omitempty: bool,
    /// Whether the struct is embedded.
    #[serde(default)]
    pub embedded: bool,
    /// The type.
    #[serde(rename = "type")]
    pub ty: Type,
}

impl Field {
    /// A plain field, for tests; an invalid type becomes `any`.
    #[cfg(test)]
    pub(crate) fn new(name: &str, json: Option<&str>, ty: &str) -> Self {
        Self {
            name: name.into(),
            json: json.map(Into::into),
            omitempty: false,
            embedded: false,
            ty: Type::parse(ty).unwrap_or(Type::Basic(super::Basic::Any)),
        }
    }
}

/// A constant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// Go's name.
    pub name: String,
    /// A string, a number or a boolean.
    pub value: serde_json::Value,
}

/// A concrete type of interface values.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {
    /// The name on the wire.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub ty: Type,
}

impl Schema {
    /// The fields of a struct, model or wire struct.
    pub fn fields(&self, name: &str) -> Option<&[Field]> {
        match self.types.get(name) {
            Some(TypeDef::Struct { fields, .. }) => Some(fields),
            Some(TypeDef::Named { .. }) => None,
            None => self.wire.get(name).map(|wire| wire.fields.as_slice()),
        }
    }

    /// The name of the struct that a field embeds, by value or by pointer.
    pub fn embedded_struct<'a>(&self, field: &'a Field) -> Option<&'a str> {
        let ty = if let Type::Ptr(inner) = &field.ty { inner } else { &field.ty };
        match ty {
            Type::Named(name) if field.embedded && self.fields(name).is_some() => Some(name),
            _ => None,
        }
    }

    /// The structs of `types` with their fields, by name.
    pub fn structs(&self) -> impl Iterator<Item = (&str, &[Field])> {
        self.types.iter().filter_map(|(name, def)| match def {
            TypeDef::Struct { fields, .. } => Some((name.as_str(), fields.as_slice())),
            TypeDef::Named { .. } => None,
        })
    }

    /// The named types that are not structs, with what is beneath and their constants.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Type, &[Constant])> {
        self.types.iter().filter_map(|(name, def)| match def {
            TypeDef::Named { ty, constants, .. } => Some((name.as_str(), ty, constants.as_slice())),
            TypeDef::Struct { .. } => None,
        })
    }

    /// Whether values of the type are opaque bytes that a Go type of its own makes (`big.Int`). They occur only in the legacy reply
    /// of `PluginHTTP`, deep inside certificates.
    pub fn is_opaque(&self, ty: &Type) -> bool {
        ty.names().into_iter().any(|name| match self.types.get(name) {
            Some(TypeDef::Named { encoding: Some(_), .. }) => true,
            Some(TypeDef::Named { ty, .. }) => self.is_opaque(ty),
            _ => false,
        })
    }

    /// The type with the names of non-struct types at its root replaced by what is beneath them.
    pub fn underlying<'a>(&'a self, ty: &'a Type) -> &'a Type {
        let mut ty = ty;
        while let Type::Named(name) = ty {
            let Some(TypeDef::Named { ty: beneath, .. }) = self.types.get(name) else { break };
            ty = beneath;
        }
        ty
    }

    /// The type with all names of non-struct types replaced, at every depth.
    pub fn collapse(&self, ty: &Type) -> Type {
        match self.underlying(ty) {
            Type::Ptr(inner) => Type::Ptr(Box::new(self.collapse(inner))),
            Type::List(inner) => Type::List(Box::new(self.collapse(inner))),
            Type::Map(key, value) => Type::Map(Box::new(self.collapse(key)), Box::new(self.collapse(value))),
            leaf => leaf.clone(),
        }
    }
}
