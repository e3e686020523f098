//! The types that one outgoing gob stream has defined: ours, made from the schema, and the host's own, taken over from the incoming stream.

use std::collections::HashMap;
use std::sync::Arc;

use mmp_gob::{TypeId, Types, WireField, WireType, ids};

use crate::error::{Error, Problem};
use crate::id_map::IdMap;
use crate::schema::{Kind, Struct};

/// The first id that the transcoder gives out. Those below belong to net/rpc's own header types, which share the stream.
pub const FIRST_ID: TypeId = 96;

/// The type table of one outgoing stream.
#[derive(Debug, Default)]
pub(super) struct OutTypes {
    defined: Vec<Arc<WireType>>,
    own: HashMap<String, TypeId>,
    imported: IdMap<TypeId, TypeId>,
    /// Definition messages that the next value must be preceded by.
    pending: Vec<u8>,
}

impl OutTypes {
    /// The definition of a type that this table has given out.
    pub(super) fn get(&self, id: TypeId) -> Option<&Arc<WireType>> {
        self.defined.get(usize::try_from(id.checked_sub(FIRST_ID)?).ok()?)
    }

    /// The definitions that have not been sent yet; they count as sent now.
    pub(super) fn take_pending(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.pending);
    }

    /// The id of our own definition of a kind.
    pub(super) fn own(&mut self, kind: &Kind) -> TypeId {
        match kind {
            Kind::Ptr(inner) => self.own(inner),
            Kind::Bool => ids::BOOL,
            Kind::Int(_) => ids::INT,
            Kind::Uint(_) => ids::UINT,
            Kind::Float(_) => ids::FLOAT,
            Kind::String => ids::STRING,
            Kind::Bytes | Kind::Json => ids::BYTES,
            Kind::Any | Kind::Error => ids::INTERFACE,
            Kind::Time => self.leaf("time", WireType::GobEncoder { name: "Time".into() }),
            Kind::Url => self.leaf("url", WireType::BinaryMarshaler { name: "URL".into() }),
            Kind::Struct(schema) => self.own_struct(schema),
            Kind::List(item) => {
                self.composite(kind, |types| WireType::Slice { name: "".into(), elem: types.own(item) })
            }
            Kind::Map(key, value) => self.composite(kind, |types| WireType::Map {
                name: "".into(),
                key: types.own(key),
                elem: types.own(value),
            }),
        }
    }

    /// A struct that is nobody's model: the reply of a hook whose fields have types of the host.
    pub(super) fn synthetic(&mut self, fields: Vec<WireField>) -> TypeId {
        let id = self.reserve();
        self.define(id, WireType::Struct { name: "".into(), fields: fields.into() });
        id
    }

    /// Takes over a type of the incoming stream, and those that it refers to; none of them if one is unknown.
    pub(super) fn import(&mut self, id: TypeId, types: &Types) -> Result<TypeId, Error> {
        if let Some(&ours) = self.imported.get(&id) {
            return Ok(ours);
        }
        let (defined, pending) = (self.defined.len(), self.pending.len());
        let done = self.import_all(id, types);
        if done.is_err() {
            self.imported.retain(|_, ours| ((*ours - FIRST_ID) as usize) < defined);
            self.defined.truncate(defined);
            self.pending.truncate(pending);
        }
        done
    }

    fn import_all(&mut self, id: TypeId, types: &Types) -> Result<TypeId, Error> {
        if id < ids::FIRST_USER {
            return Ok(id);
        }
        if let Some(&ours) = self.imported.get(&id) {
            return Ok(ours);
        }
        let unknown = || Error::invalid(Problem::Wire { expected: "a type that was defined" });
        let theirs = (**types.get(id).ok_or_else(unknown)?).clone();
        let ours = self.reserve();
        self.imported.insert(id, ours);
        let mapped = match theirs {
            WireType::Array { name, elem, len } => WireType::Array { name, elem: self.import_all(elem, types)?, len },
            WireType::Slice { name, elem } => WireType::Slice { name, elem: self.import_all(elem, types)? },
            WireType::Map { name, key, elem } => {
                WireType::Map { name, key: self.import_all(key, types)?, elem: self.import_all(elem, types)? }
            }
            WireType::Struct { name, mut fields } => {
                for field in &mut fields {
                    field.id = self.import_all(field.id, types)?;
                }
                WireType::Struct { name, fields }
            }
            marshaler => marshaler,
        };
        self.define(ours, mapped);
        Ok(ours)
    }

    fn own_struct(&mut self, schema: &Struct) -> TypeId {
        let key = format!("struct {}", schema.index);
        if let Some(&id) = self.own.get(&key) {
            return id;
        }
        let id = self.reserve();
        self.own.insert(key, id);
        let fields = schema.fields.iter().map(|f| WireField { name: f.go.into(), id: self.own(&f.kind) }).collect();
        self.define(id, WireType::Struct { name: schema.name.into(), fields });
        id
    }

    fn composite(&mut self, kind: &Kind, definition: impl FnOnce(&mut Self) -> WireType) -> TypeId {
        let key = describe(kind);
        if let Some(&id) = self.own.get(&key) {
            return id;
        }
        let id = self.reserve();
        self.own.insert(key, id);
        let definition = definition(self);
        self.define(id, definition);
        id
    }

    fn leaf(&mut self, key: &str, definition: WireType) -> TypeId {
        if let Some(&id) = self.own.get(key) {
            return id;
        }
        let id = self.reserve();
        self.own.insert(key.to_owned(), id);
        self.define(id, definition);
        id
    }

    /// Gives out an id before its definition is known, so that a type may refer to itself.
    fn reserve(&mut self) -> TypeId {
        self.defined.push(Arc::new(WireType::GobEncoder { name: "".into() }));
        FIRST_ID + self.defined.len() as TypeId - 1
    }

    fn define(&mut self, id: TypeId, definition: WireType) {
        definition.put_definition(id, &mut self.pending);
        self.defined[(id - FIRST_ID) as usize] = Arc::new(definition);
    }
}

/// A name for a composite kind: the same for equal kinds.
fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Ptr(inner) => describe(inner),
        Kind::Struct(schema) => format!("struct {}", schema.index),
        Kind::List(item) => format!("[]{}", describe(item)),
        Kind::Map(key, value) => format!("map[{}]{}", describe(key), describe(value)),
        other => format!("{other:?}"),
    }
}
