//! Plans for the way to gob: how the keys of a frame's map become the fields of a wire struct.

use std::rc::Rc;

use mmp_gob::{TypeId, WireType};

use super::ToGob;
use crate::error::{Error, Problem};
use crate::schema::{Field, Kind, Struct};

/// The conversion of a value into one wire type.
#[derive(Debug, Clone)]
pub(super) struct Op {
    /// The type on the outgoing stream.
    pub(super) wire: TypeId,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    Bool,
    Int(u8),
    Uint(u8),
    Float,
    Str,
    Bytes,
    Json,
    Time,
    Any,
    Error,
    Struct(usize),
    /// A pointer: nil is allowed where a field can be left out.
    Ptr(Box<Op>),
    List(Box<Op>),
    /// `props`: this map may hold attachments under the key that Mattermost knows.
    Map {
        key: Box<Op>,
        value: Box<Op>,
        attachments: bool,
    },
}

/// How a struct is written.
#[derive(Debug, Default)]
pub(super) struct StructPlan {
    /// The keys in frames, those of embedded structs among them, in the order of the schema.
    pub(super) keys: Vec<&'static str>,
    /// The fields of the wire struct that the schema knows, in ascending order.
    pub(super) fields: Vec<FieldOp>,
    /// How many fields the wire struct has.
    pub(super) wire_fields: usize,
}

#[derive(Debug)]
pub(super) struct FieldOp {
    /// The field's number on the wire.
    pub(super) number: usize,
    /// The position of its key in `keys`; of the first key for an embedded struct.
    pub(super) key: usize,
    pub(super) target: Target,
}

#[derive(Debug)]
pub(super) enum Target {
    Value(Op),
    /// An embedded struct: its plan and how many keys are its own.
    Embedded {
        plan: usize,
        keys: usize,
    },
}

impl ToGob {
    /// The conversion of `kind` into our own definition of it.
    pub(super) fn own_op(&mut self, kind: &'static Kind) -> Result<Op, Error> {
        let wire = self.types.own(kind);
        self.compile(kind, wire)
    }

    /// The conversion of `kind` into a type of the outgoing stream, ours or the host's.
    pub(super) fn compile(&mut self, kind: &'static Kind, wire: TypeId) -> Result<Op, Error> {
        let definition = self.types.get(wire).cloned();
        let action = match (kind, definition) {
            (Kind::Ptr(inner), _) => Action::Ptr(Box::new(self.compile(inner, wire)?)),
            (Kind::Bool, _) => Action::Bool,
            (Kind::Int(bits), _) => Action::Int(*bits),
            (Kind::Uint(bits), _) => Action::Uint(*bits),
            (Kind::Float(_), _) => Action::Float,
            (Kind::String | Kind::Url, _) => Action::Str,
            (Kind::Bytes, _) => Action::Bytes,
            (Kind::Json, _) => Action::Json,
            (Kind::Time, _) => Action::Time,
            (Kind::Any, _) => Action::Any,
            (Kind::Error, _) => Action::Error,
            (Kind::Struct(schema), Some(WireType::Struct { .. })) => Action::Struct(self.struct_plan(schema, wire)?),
            (Kind::List(item), Some(WireType::Slice { elem, .. } | WireType::Array { elem, .. })) => {
                Action::List(Box::new(self.compile(item, elem)?))
            }
            (Kind::Map(key, value), Some(WireType::Map { key: wire_key, elem, .. })) => Action::Map {
                key: Box::new(self.compile(key, wire_key)?),
                value: Box::new(self.compile(value, elem)?),
                attachments: false,
            },
            _ => return Err(Error::invalid(Problem::Wire { expected: "the schema's type" })),
        };
        Ok(Op { wire, action })
    }

    /// The plan of a struct; allocated before its fields are compiled, so that a type may contain itself.
    pub(super) fn struct_plan(&mut self, schema: &'static Struct, wire: TypeId) -> Result<usize, Error> {
        if let Some(&plan) = self.struct_ids.get(&(schema.index, wire)) {
            return Ok(plan);
        }
        self.structs.push(Rc::default());
        let plan = self.structs.len() - 1;
        self.struct_ids.insert((schema.index, wire), plan);
        let Some(WireType::Struct { fields: wire_fields, .. }) = self.types.get(wire).cloned() else {
            return Err(Error::invalid(Problem::Wire { expected: "a struct" }));
        };
        let (mut keys, mut fields) = (Vec::new(), Vec::new());
        for field in schema.fields {
            let first = keys.len();
            push_keys(field, &mut keys);
            let Some(number) = wire_fields.iter().position(|w| *w.name == *field.go) else {
                continue;
            };
            let op = self.compile(&field.kind, wire_fields[number].id).map_err(|error| error.in_field(field.key))?;
            let target = field_target(schema, field, op, keys.len() - first);
            fields.push(FieldOp { number, key: first, target });
        }
        fields.sort_by_key(|field| field.number);
        self.structs[plan] = Rc::new(StructPlan { keys, fields, wire_fields: wire_fields.len() });
        Ok(plan)
    }
}

fn field_target(schema: &Struct, field: &Field, mut op: Op, keys: usize) -> Target {
    let embedded = match &op.action {
        Action::Struct(plan) if field.embedded => Some(*plan),
        Action::Ptr(inner) if field.embedded => match inner.action {
            Action::Struct(plan) => Some(plan),
            _ => None,
        },
        _ => None,
    };
    if let Some(plan) = embedded {
        return Target::Embedded { plan, keys };
    }
    if let Action::Map { attachments, .. } = &mut op.action {
        *attachments = schema.name == "Post" && field.key == "props";
    }
    Target::Value(op)
}

/// Appends the keys under which a field appears in frames: its own, or those of the struct that it embeds.
fn push_keys(field: &Field, keys: &mut Vec<&'static str>) {
    let mut kind = &field.kind;
    while let Kind::Ptr(inner) = kind {
        kind = inner;
    }
    match kind {
        Kind::Struct(inner) if field.embedded => inner.fields.iter().for_each(|field| push_keys(field, keys)),
        _ => keys.push(field.key),
    }
}
