//! Plans: what to do with each value of a wire type, compiled once.

use std::rc::Rc;

use mmp_gob::{TypeId, Types, WireField, WireType, ids};

use super::FromGob;
use crate::error::{Error, Problem};
use crate::generated::REGISTERED;
use crate::msgpack;
use crate::schema::{Kind, Struct};

/// The conversion of a value of one wire type.
#[derive(Debug)]
pub(super) struct Op {
    /// The type on the wire.
    pub(super) wire: TypeId,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    Bool,
    Int,
    Uint,
    Float,
    Str,
    Bytes,
    Json,
    Time,
    Url,
    Any,
    Error,
    /// An `*AppError` in the place of a method's error.
    AppError(usize),
    /// A plain error (`*plugin.ErrorString`, `*pq.Error`) inside an `error`.
    PlainError(usize),
    Struct(usize),
    /// A slice or an array: both are a count and the items.
    List(Box<Op>),
    Map(Box<Op>, Box<Op>),
    /// A GobEncoder or the like of a type that the schema does not know.
    Opaque,
}

/// How the fields of one wire struct are written.
#[derive(Debug, Default)]
pub(super) struct StructPlan {
    pub(super) fields: Vec<FieldOp>,
}

#[derive(Debug)]
pub(super) enum FieldOp {
    Named(Key, Op),
    /// An embedded struct, whose fields are written among those of its parent.
    Inline(usize),
    /// A field that the schema does not have: a newer server's.
    Skip(TypeId),
}

/// A key as frames have it.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: Box<str>,
    /// The same as MessagePack, head and all.
    pub(super) encoded: Box<[u8]>,
}

impl FieldOp {
    fn named(name: &str, op: Op) -> Self {
        let mut encoded = Vec::new();
        msgpack::put_str(&mut encoded, name);
        FieldOp::Named(Key { name: name.into(), encoded: encoded.into() }, op)
    }
}

/// The fields of a wire struct.
pub(super) fn wire_fields(id: TypeId, types: &Types) -> Result<Vec<WireField>, Error> {
    match types.get(id).map(|wire| &**wire) {
        Some(WireType::Struct { fields, .. }) => Ok(fields.to_vec()),
        _ => Err(Error::invalid(Problem::Wire { expected: "a struct" })),
    }
}

impl FromGob {
    /// The conversion of `kind` as it arrives in the wire type `id`.
    pub(super) fn compile(&mut self, kind: &'static Kind, id: TypeId, types: &Types) -> Result<Op, Error> {
        let mismatch = |expected| Err(Error::invalid(Problem::Wire { expected }));
        let basic = |wanted: TypeId, action, expected| if id == wanted { Ok(action) } else { mismatch(expected) };
        let wire = types.get(id).map(|wire| &**wire);
        let action = match (kind, wire) {
            (Kind::Ptr(inner), _) => return self.compile(inner, id, types),
            (Kind::Bool, _) => basic(ids::BOOL, Action::Bool, "a bool"),
            (Kind::Int(_), _) => basic(ids::INT, Action::Int, "an integer"),
            (Kind::Uint(_), _) => basic(ids::UINT, Action::Uint, "an unsigned integer"),
            (Kind::Float(_), _) => basic(ids::FLOAT, Action::Float, "a float"),
            (Kind::String, _) => basic(ids::STRING, Action::Str, "a string"),
            (Kind::Bytes, _) => basic(ids::BYTES, Action::Bytes, "bytes"),
            (Kind::Json, _) => basic(ids::BYTES, Action::Json, "JSON bytes"),
            (Kind::Any, _) => basic(ids::INTERFACE, Action::Any, "an interface"),
            (Kind::Error, _) => basic(ids::INTERFACE, Action::Error, "an error"),
            (Kind::Time, Some(WireType::GobEncoder { .. } | WireType::BinaryMarshaler { .. })) => Ok(Action::Time),
            (Kind::Url, Some(WireType::BinaryMarshaler { .. } | WireType::GobEncoder { .. })) => Ok(Action::Url),
            (Kind::Struct(schema), Some(WireType::Struct { .. })) => {
                self.struct_plan(schema, id, types).map(Action::Struct)
            }
            // Go refuses an array where a slice belongs, and the schema has no arrays: one of another length could not go back.
            (Kind::List(item), Some(WireType::Slice { elem, .. })) => {
                Ok(Action::List(Box::new(self.compile(item, *elem, types)?)))
            }
            (Kind::Map(key, value), Some(WireType::Map { key: wire_key, elem, .. })) => Ok(Action::Map(
                Box::new(self.compile(key, *wire_key, types)?),
                Box::new(self.compile(value, *elem, types)?),
            )),
            (Kind::Time, _) => mismatch("a time"),
            (Kind::Url, _) => mismatch("a URL"),
            (Kind::Struct(_), _) => mismatch("a struct"),
            (Kind::List(_), _) => mismatch("a list"),
            (Kind::Map(..), _) => mismatch("a map"),
        }?;
        Ok(Op { wire: id, action })
    }

    /// The conversion of a method's error result: like the value itself, but written as the map of section 6 of the frame protocol.
    pub(super) fn compile_error(&mut self, kind: &'static Kind, id: TypeId, types: &Types) -> Result<Op, Error> {
        let op = self.compile(kind, id, types)?;
        Ok(match op.action {
            Action::Struct(plan) => Op { wire: id, action: Action::AppError(plan) },
            action => Op { wire: id, action },
        })
    }

    /// The plan of a struct; allocated before its fields are compiled, so that a type may contain itself.
    fn struct_plan(&mut self, schema: &'static Struct, id: TypeId, types: &Types) -> Result<usize, Error> {
        if let Some(&plan) = self.struct_ids.get(&(schema.index, id)) {
            return Ok(plan);
        }
        self.cached_plan((schema.index, id), |this| {
            let mut fields = Vec::new();
            for field in wire_fields(id, types)? {
                fields.push(match schema.fields.iter().find(|f| f.go == &*field.name) {
                    None => FieldOp::Skip(field.id),
                    Some(known) => {
                        let op = this.compile(&known.kind, field.id, types);
                        match op.map_err(|error| error.in_field(known.key))? {
                            Op { action: Action::Struct(inner), .. } if known.embedded => FieldOp::Inline(inner),
                            op => FieldOp::named(known.key, op),
                        }
                    }
                });
            }
            Ok(StructPlan { fields })
        })
    }

    /// Compiles a plan under its key. It has a place before it is compiled, because its type may contain itself; if compiling fails, it leaves
    /// nothing behind, nor do the plans that were compiled meanwhile and may refer to it.
    fn cached_plan(
        &mut self,
        key: (u16, TypeId),
        compile: impl FnOnce(&mut Self) -> Result<StructPlan, Error>,
    ) -> Result<usize, Error> {
        let plan = self.structs.len();
        self.structs.push(Rc::default());
        self.struct_ids.insert(key, plan);
        match compile(self) {
            Ok(compiled) => self.structs[plan] = Rc::new(compiled),
            Err(error) => {
                self.struct_ids.retain(|_, other| *other < plan);
                self.structs.truncate(plan);
                return Err(error);
            }
        }
        Ok(plan)
    }

    /// Plain errors have a text and perhaps a number, whatever Go calls them (`Err` in `ErrorString`, `Message` in `pq.Error`). PostgreSQL's
    /// also have a detail and a code of five characters (SQLSTATE), by which programs tell them apart.
    fn plain_error_plan(&mut self, id: TypeId, types: &Types) -> Result<usize, Error> {
        let mut fields = Vec::new();
        for field in wire_fields(id, types)? {
            let key = match (&*field.name, field.id) {
                ("Err" | "Message", ids::STRING) => "message",
                ("Code", ids::INT) => "code",
                ("Code", ids::STRING) => "id",
                ("Detail", ids::STRING) => "detailed_error",
                _ => {
                    fields.push(FieldOp::Skip(field.id));
                    continue;
                }
            };
            fields.push(FieldOp::named(key, self.compile_by_wire(field.id, types, 0)?));
        }
        self.structs.push(Rc::new(StructPlan { fields }));
        Ok(self.structs.len() - 1)
    }

    /// The conversion of an interface's concrete value: by the registered name if the schema knows it, else by what the wire type says.
    pub(super) fn interface_op(&mut self, name: &[u8], id: TypeId, types: &Types) -> Result<Rc<Op>, Error> {
        if let Some(op) = self.interfaces.get(&id) {
            return Ok(Rc::clone(op));
        }
        let registered = REGISTERED.iter().find(|(known, _)| known.as_bytes() == name);
        let op = match registered {
            Some((known, kind)) => {
                let op = self.compile(kind, id, types)?;
                match (op.action, *known) {
                    (Action::Struct(plan), "*model.AppError") => Op { wire: id, action: Action::AppError(plan) },
                    (Action::Struct(_), "*plugin.ErrorString" | "*pq.Error") => {
                        Op { wire: id, action: Action::PlainError(self.plain_error_plan(id, types)?) }
                    }
                    (action, _) => Op { wire: id, action },
                }
            }
            None => self.compile_by_wire(id, types, 0)?,
        };
        let op = Rc::new(op);
        self.interfaces.insert(id, Rc::clone(&op));
        Ok(op)
    }

    /// The conversion of a type of which only the wire definition is known. Struct fields keep their Go names.
    fn compile_by_wire(&mut self, id: TypeId, types: &Types, depth: usize) -> Result<Op, Error> {
        crate::limits::check_depth(depth)?;
        let action = match id {
            ids::BOOL => Action::Bool,
            ids::INT => Action::Int,
            ids::UINT => Action::Uint,
            ids::FLOAT => Action::Float,
            ids::BYTES => Action::Bytes,
            ids::STRING => Action::Str,
            ids::INTERFACE => Action::Any,
            _ => match types.get(id).map(|wire| &**wire) {
                Some(WireType::Slice { elem, .. } | WireType::Array { elem, .. }) => {
                    Action::List(Box::new(self.compile_by_wire(*elem, types, depth + 1)?))
                }
                Some(WireType::Map { key, elem, .. }) => Action::Map(
                    Box::new(self.compile_by_wire(*key, types, depth + 1)?),
                    Box::new(self.compile_by_wire(*elem, types, depth + 1)?),
                ),
                Some(WireType::Struct { .. }) => Action::Struct(self.wire_struct_plan(id, types, depth + 1)?),
                Some(_) => Action::Opaque,
                None => return Err(Error::invalid(Problem::Wire { expected: "a type that was defined" })),
            },
        };
        Ok(Op { wire: id, action })
    }

    fn wire_struct_plan(&mut self, id: TypeId, types: &Types, depth: usize) -> Result<usize, Error> {
        /// No struct of the schema has this index, so these plans have keys of their own.
        const BY_WIRE: u16 = u16::MAX;
        if let Some(&plan) = self.struct_ids.get(&(BY_WIRE, id)) {
            return Ok(plan);
        }
        self.cached_plan((BY_WIRE, id), |this| {
            let mut fields = Vec::new();
            for field in wire_fields(id, types)? {
                let op = this.compile_by_wire(field.id, types, depth)?;
                fields.push(FieldOp::named(&field.name, op));
            }
            Ok(StructPlan { fields })
        })
    }
}
