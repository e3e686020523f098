//! How the sender's types map to Rust types: worked out once for each pair, then followed without any comparison of names.

use std::any::TypeId as RustType;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use crate::codec::{Field, Gob};
use crate::cursor::Cursor;
use crate::error::Error;
use crate::ids::{self, TypeId};
use crate::registry::RustTypeHasher;
use crate::types::Types;
use crate::wire_type::WireType;

/// Names a plan among the [`Plans`] of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanId(u32);

/// The plan of every type that is not made of others.
const BASIC: PlanId = PlanId(0);

/// The slot of a field that the Rust struct does not have.
const UNKNOWN: u32 = u32::MAX;

/// The deepest nesting of types, which has nothing to do with that of values.
const MAX_DEPTH: u32 = 128;

#[derive(Debug)]
enum Plan {
    /// Nothing to know.
    Basic,
    /// A list.
    Elements(PlanId),
    /// A map.
    Pairs(PlanId, PlanId),
    /// A struct, by the sender's field numbers.
    Struct { fields: Box<[FieldPlan]>, matched: bool },
}

#[derive(Debug, Clone, Copy)]
struct FieldPlan {
    /// The position of the Rust field, or [`UNKNOWN`].
    slot: u32,
    plan: PlanId,
    /// The sender's type.
    id: TypeId,
}

/// The plans of one stream and direction.
#[derive(Debug)]
pub struct Plans {
    list: Vec<Plan>,
    index: HashMap<(RustType, TypeId), PlanId, BuildHasherDefault<RustTypeHasher>>,
}

impl Default for Plans {
    fn default() -> Self {
        Self { list: vec![Plan::Basic], index: HashMap::default() }
    }
}

impl Plans {
    /// No plans.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes one whole value of the sender's type `id` into `dst`. On failure `dst` may hold a part of the value.
    pub fn decode<T: Gob>(
        &mut self,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
        id: TypeId,
        dst: &mut T,
    ) -> Result<(), Error> {
        let plan = self.plan_for::<T>(types, id)?;
        dst.decode(&mut Reader { cursor, types, plans: &self.list }, plan)
    }

    fn plan_for<T: Gob>(&mut self, types: &Types, id: TypeId) -> Result<PlanId, Error> {
        if let Some(plan) = self.index.get(&(RustType::of::<T>(), id)) {
            return Ok(*plan);
        }
        let plan = self.compile::<T>(types, id)?;
        self.index.insert((RustType::of::<T>(), id), plan);
        Ok(plan)
    }

    /// Makes the plan of a whole value; a plan that cannot be completed leaves nothing behind.
    fn compile<T: Gob>(&mut self, types: &Types, id: TypeId) -> Result<PlanId, Error> {
        let mark = self.list.len();
        let mut compiler = Compiler { plans: self, types, depth: 0 };
        let plan = T::plan(&mut compiler, id).and_then(|plan| compiler.check_common_field::<T>(plan, id));
        if plan.is_err() {
            self.list.truncate(mark);
            self.index.retain(|_, plan| (plan.0 as usize) < mark);
        }
        plan
    }
}

/// Makes plans.
#[derive(Debug)]
pub struct Compiler<'a> {
    plans: &'a mut Plans,
    types: &'a Types,
    depth: u32,
}

impl Compiler<'_> {
    /// The plan of a type that the sender has to send as the built-in type `want`.
    pub fn basic(&mut self, want: TypeId, id: TypeId) -> Result<PlanId, Error> {
        if id == want { Ok(BASIC) } else { Err(self.mismatch(ids::builtin_name(want).unwrap_or_default(), id)) }
    }

    /// The plan of a type with its own encoding.
    pub(crate) fn opaque(
        &mut self,
        expected: &str,
        id: TypeId,
        accept: fn(&WireType) -> bool,
    ) -> Result<PlanId, Error> {
        match self.types.get(id) {
            Some(t) if accept(t) => Ok(BASIC),
            _ => Err(self.mismatch(expected, id)),
        }
    }

    pub(crate) fn mismatch(&self, expected: &str, id: TypeId) -> Error {
        Error::mismatch(expected, self.types.describe(id))
    }

    /// The definition of a type.
    pub(crate) fn definition(&self, id: TypeId) -> Option<Arc<WireType>> {
        self.types.get(id).map(Arc::clone)
    }

    /// Looks up the plan for a pair of types, or begins it: a type that contains itself meets the unfinished plan.
    fn memo(
        &mut self,
        rust: RustType,
        id: TypeId,
        build: impl FnOnce(&mut Self) -> Result<Plan, Error>,
    ) -> Result<PlanId, Error> {
        if let Some(plan) = self.plans.index.get(&(rust, id)) {
            return Ok(*plan);
        }
        let slot = self.plans.list.len();
        let plan = PlanId(slot as u32);
        self.plans.list.push(Plan::Basic);
        self.plans.index.insert((rust, id), plan);
        // A Rust type that contains itself may meet ever new types of the sender.
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.plans.list[slot] = build(self)?;
        self.depth -= 1;
        Ok(plan)
    }

    pub(crate) fn elements<T: Gob>(&mut self, rust: RustType, id: TypeId, elem: TypeId) -> Result<PlanId, Error> {
        self.memo(rust, id, |c| T::plan(c, elem).map(Plan::Elements))
    }

    pub(crate) fn pairs<K: Gob, V: Gob>(
        &mut self,
        rust: RustType,
        id: TypeId,
        key: TypeId,
        elem: TypeId,
    ) -> Result<PlanId, Error> {
        self.memo(rust, id, |c| Ok(Plan::Pairs(K::plan(c, key)?, V::plan(c, elem)?)))
    }

    pub(crate) fn structure(
        &mut self,
        rust: RustType,
        name: &str,
        fields: &[Field],
        id: TypeId,
    ) -> Result<PlanId, Error> {
        self.memo(rust, id, |c| match c.definition(id).as_deref() {
            Some(WireType::Struct { fields: sent, .. }) => {
                let mut expected = 0;
                let plans = sent.iter().map(|wire| {
                    let Some(slot) = position(fields, &wire.name, expected) else {
                        return Ok(FieldPlan { slot: UNKNOWN, plan: BASIC, id: wire.id });
                    };
                    expected = slot + 1;
                    let plan = (fields[slot].plan)(c, wire.id).map_err(|e| e.in_field(&wire.name))?;
                    Ok(FieldPlan { slot: slot as u32, plan, id: wire.id })
                });
                let plans: Box<[FieldPlan]> = plans.collect::<Result<_, Error>>()?;
                let matched = fields.is_empty() || plans.is_empty() || plans.iter().any(|f| f.slot != UNKNOWN);
                Ok(Plan::Struct { fields: plans, matched })
            }
            _ => Err(c.mismatch(&format!("struct {name}"), id)),
        })
    }

    /// Go refuses a whole value if both structs have fields and none is common to them; it does not check this for structs inside others.
    fn check_common_field<T>(&self, plan: PlanId, id: TypeId) -> Result<PlanId, Error> {
        match self.plans.list.get(plan.0 as usize) {
            Some(Plan::Struct { matched: false, .. }) => {
                let expected = std::any::type_name::<T>().into();
                Err(Error::NoFieldMatched { expected, found: self.types.describe(id) })
            }
            _ => Ok(plan),
        }
    }
}

/// The position of the field called `name`, which usually is where the sender's order suggests.
fn position(fields: &[Field], name: &str, expected: usize) -> Option<usize> {
    match fields.get(expected) {
        Some(field) if field.name == name => Some(expected),
        _ => fields.iter().position(|field| field.name == name),
    }
}

/// Reads one value by its plan.
#[derive(Debug)]
pub struct Reader<'r, 'a> {
    /// The bytes of the value.
    pub cursor: &'r mut Cursor<'a>,
    /// The types of the stream.
    pub types: &'r mut Types,
    plans: &'r [Plan],
}

impl Reader<'_, '_> {
    /// The plan of a list's elements.
    pub(crate) fn element_plan(&self, plan: PlanId) -> PlanId {
        match self.plans.get(plan.0 as usize) {
            Some(Plan::Elements(elem)) => *elem,
            _ => BASIC,
        }
    }

    /// The plans of a map's keys and values.
    pub(crate) fn pair_plans(&self, plan: PlanId) -> (PlanId, PlanId) {
        match self.plans.get(plan.0 as usize) {
            Some(Plan::Pairs(key, elem)) => (*key, *elem),
            _ => (BASIC, BASIC),
        }
    }

    /// Reads the fields of a struct that were sent; those that the Rust struct does not have are skipped.
    pub(crate) fn structure(
        &mut self,
        infos: &[Field],
        values: &mut [&mut dyn Gob],
        plan: PlanId,
    ) -> Result<(), Error> {
        let fields: &[FieldPlan] = match self.plans.get(plan.0 as usize) {
            Some(Plan::Struct { fields, .. }) => fields,
            _ => &[],
        };
        self.cursor.enter()?;
        let mut previous = -1;
        while let Some(n) = self.cursor.field(previous)? {
            let Some(&FieldPlan { slot, plan, id }) = fields.get(n as usize) else {
                return Err(Error::FieldRange(n));
            };
            match values.get_mut(slot as usize) {
                Some(value) => {
                    value.decode(self, plan).map_err(|e| e.in_field(infos.get(slot as usize).map_or("", |f| f.name)))?
                }
                None => self.cursor.skip(self.types, id)?,
            }
            previous = n;
        }
        self.cursor.leave();
        Ok(())
    }
}
