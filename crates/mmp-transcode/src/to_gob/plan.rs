//! Plans for the way to gob: how the keys of a frame's map become the fields of a wire struct.

use std::rc::Rc;

use mmp_gob::{TypeId, WireType};

use super::ToGob;
use super::concrete;
use crate::error::{Error, Problem};
use crate::msgpack::{Reader, Token};
use crate::schema::{AnyKey, AnyType, Field, Kind, Struct};

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
    Float(u8),
    Str,
    Bytes,
    Json,
    Time,
    /// An interface.
    Any,
    /// An interface whose value goes to a database.
    SqlValue,
    Error,
    /// An `*AppError` in the place of a method's error.
    AppError(usize),
    Struct(usize),
    /// A pointer: nil is allowed where a field can be left out.
    Ptr(Box<Op>),
    List(Box<Op>),
    Map(Box<MapOp>),
}

/// How a map is written.
#[derive(Debug, Clone)]
pub(super) struct MapOp {
    pub(super) key: Op,
    pub(super) value: Op,
    /// The keys whose values travel under a registered name.
    pub(super) named: Vec<&'static AnyKey>,
}

/// How a struct is written.
#[derive(Debug, Default)]
pub(super) struct StructPlan {
    /// The keys in frames, those of embedded structs among them, in the order of the schema.
    pub(super) keys: Vec<&'static str>,
    /// For each key the position of its field in `fields`; none for keys of embedded structs and for those that the wire struct does not have.
    pub(super) by_key: Vec<Option<usize>>,
    /// The fields of the wire struct that the schema knows, in ascending order.
    pub(super) fields: Vec<FieldOp>,
    /// Whether a field can be written only when the values of others are known: there are embedded structs, whose keys stand among the others, or interfaces
    /// whose type another field names.
    pub(super) needs_all: bool,
}

#[derive(Debug)]
pub(super) struct FieldOp {
    /// The field's number on the wire.
    pub(super) number: usize,
    /// The position of its key in `keys`; of the first key for an embedded struct.
    pub(super) key: usize,
    pub(super) target: Target,
    /// For an interface whose type another field names.
    pub(super) choice: Option<Choice>,
}

/// Which registered type an interface holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    /// The position of the key that says it, in [`StructPlan::keys`].
    by: usize,
    rule: &'static AnyType,
}

impl Choice {
    /// The name of the type for `value`, if it is a map at all and the values of the struct's keys name one.
    pub(super) fn of(self, value: &[u8], slots: &[Option<&[u8]>]) -> Result<Option<&'static str>, Error> {
        let Some(Some(by)) = slots.get(self.by) else { return Ok(None) };
        Ok(match (Reader::new(by).token()?, Reader::new(value).token()?) {
            (Token::Str(text), Token::Map(_)) => {
                self.rule.types.iter().find(|(name, _)| name.as_bytes() == text).map(|(_, name)| *name)
            }
            _ => None,
        })
    }
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

impl StructPlan {
    /// The position of a key. Keys usually come in the order of the schema, so it is looked for first behind the last one.
    pub(super) fn find(&self, key: &[u8], next: usize) -> Option<usize> {
        let matches = |at: &usize| self.keys[*at].as_bytes() == key;
        (next..self.keys.len()).find(matches).or_else(|| (0..next).find(matches))
    }
}

impl ToGob {
    /// The conversion of `kind` into our own definition of it.
    pub(super) fn own_op(&mut self, kind: &'static Kind) -> Result<Rc<Op>, Error> {
        let key = std::ptr::from_ref(kind) as usize;
        if let Some(op) = self.own_ops.get(&key) {
            return Ok(Rc::clone(op));
        }
        let wire = self.types.own(kind);
        let op = Rc::new(self.compile(kind, wire)?);
        self.own_ops.insert(key, Rc::clone(&op));
        Ok(op)
    }

    /// The conversion of `kind` into a type of the outgoing stream, ours or the host's.
    pub(super) fn compile(&mut self, kind: &'static Kind, wire: TypeId) -> Result<Op, Error> {
        let definition = self.types.get(wire).cloned();
        let action = match (kind, definition.as_deref()) {
            (Kind::Ptr(inner), _) => Action::Ptr(Box::new(self.compile(inner, wire)?)),
            (Kind::Bool, _) => Action::Bool,
            (Kind::Int(bits), _) => Action::Int(*bits),
            (Kind::Uint(bits), _) => Action::Uint(*bits),
            (Kind::Float(bits), _) => Action::Float(*bits),
            (Kind::String | Kind::Url, _) => Action::Str,
            (Kind::Bytes, _) => Action::Bytes,
            (Kind::Json, _) => Action::Json,
            (Kind::Time, _) => Action::Time,
            (Kind::Any, _) => Action::Any,
            (Kind::Error, _) => Action::Error,
            (Kind::Struct(schema), Some(WireType::Struct { .. })) => Action::Struct(self.struct_plan(schema, wire)?),
            (Kind::List(item), Some(WireType::Slice { elem, .. })) => {
                Action::List(Box::new(self.compile(item, *elem)?))
            }
            (Kind::Map(key, value), Some(WireType::Map { key: wire_key, elem, .. })) => Action::Map(Box::new(MapOp {
                key: self.compile(key, *wire_key)?,
                value: self.compile(value, *elem)?,
                named: Vec::new(),
            })),
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
        match self.compile_struct(schema, wire) {
            Ok(compiled) => self.structs[plan] = Rc::new(compiled),
            Err(error) => {
                // Plans that refer to this one are of no use either; they all came after it.
                self.struct_ids.retain(|_, other| *other < plan);
                self.structs.truncate(plan);
                return Err(error);
            }
        }
        Ok(plan)
    }

    fn compile_struct(&mut self, schema: &'static Struct, wire: TypeId) -> Result<StructPlan, Error> {
        let definition = self.types.get(wire).cloned();
        let Some(WireType::Struct { fields: wire_fields, .. }) = definition.as_deref() else {
            return Err(Error::invalid(Problem::Wire { expected: "a struct" }));
        };
        let mut plan = StructPlan::default();
        let mut choices = Vec::new();
        for field in schema.fields {
            let first = plan.keys.len();
            push_keys(field, &mut plan.keys);
            let Some(number) = wire_fields.iter().position(|w| *w.name == *field.go) else {
                continue;
            };
            let op = self.compile(&field.kind, wire_fields[number].id).map_err(|error| error.in_field(field.key))?;
            let target = field_target(schema, field, op, plan.keys.len() - first);
            plan.needs_all |= matches!(target, Target::Embedded { .. });
            plan.fields.push(FieldOp { number, key: first, target, choice: None });
            if let Some(rule) = concrete::any_type(schema.name, field.go) {
                choices.push((plan.fields.len() - 1, rule));
            }
        }
        for (position, rule) in choices {
            let by = plan.keys.iter().position(|key| *key == rule.by);
            plan.fields[position].choice = by.map(|by| Choice { by, rule });
            plan.needs_all = true;
        }
        plan.fields.sort_by_key(|field| field.number);
        plan.by_key = vec![None; plan.keys.len()];
        for (position, field) in plan.fields.iter().enumerate() {
            if let Target::Value(_) = field.target {
                plan.by_key[field.key] = Some(position);
            }
        }
        Ok(plan)
    }
}

fn field_target(schema: &Struct, field: &Field, mut op: Op, keys: usize) -> Target {
    let pointed = match &op.action {
        Action::Ptr(inner) => &inner.action,
        action => action,
    };
    if let (Action::Struct(plan), true) = (pointed, field.embedded) {
        return Target::Embedded { plan: *plan, keys };
    }
    match &mut op.action {
        Action::Map(map) => map.named = concrete::named_keys(schema.name, field.go),
        action @ Action::Any if concrete::is_sql_value(schema.name, field.go) => *action = Action::SqlValue,
        _ => {}
    }
    Target::Value(op)
}

/// Appends the keys under which a field appears in frames: its own, or those of the struct that it embeds.
fn push_keys(field: &'static Field, keys: &mut Vec<&'static str>) {
    match concrete::behind_pointers(&field.kind) {
        Kind::Struct(inner) if field.embedded => inner.fields.iter().for_each(|field| push_keys(field, keys)),
        _ => keys.push(field.key),
    }
}
