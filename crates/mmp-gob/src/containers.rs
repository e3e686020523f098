//! The gob forms of lists, arrays, maps and pointers.

use std::any::TypeId as RustType;
use std::collections::BTreeMap;

use crate::codec::Gob;
use crate::error::Error;
use crate::ids::TypeId;
use crate::plan::{Compiler, PlanId, Reader};
use crate::registry::Registry;
use crate::wire_type::WireType;
use crate::writer::Writer;

/// A Go pointer. What it points to arrives as nil if it is zero, unless it is a struct, an array or an empty map.
pub type Ptr<T> = Option<Box<T>>;

/// A Go map: nil, or a possibly empty set of pairs. Unlike those of a list, nil and empty differ on the wire.
pub type Map<K, V> = Option<BTreeMap<K, V>>;

impl<T: Gob + Default> Gob for Vec<T> {
    fn wire(registry: &mut Registry<'_>) -> TypeId {
        registry.define(RustType::of::<Self>(), |registry| {
            let elem = T::wire(registry);
            WireType::Slice { name: format!("[]{}", registry.name_of(elem)).into(), elem }
        })
    }

    fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
        match compiler.definition(id).as_deref() {
            Some(WireType::Slice { elem, .. }) => compiler.elements::<T>(RustType::of::<Self>(), id, *elem),
            _ => Err(compiler.mismatch("list", id)),
        }
    }

    fn is_zero(&self) -> bool {
        self.is_empty()
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.elements(self.iter())
    }

    fn decode(&mut self, r: &mut Reader<'_, '_>, plan: PlanId) -> Result<(), Error> {
        let plan = r.element_plan(plan);
        let count = r.cursor.count()?;
        r.cursor.enter()?;
        self.clear();
        self.reserve(r.cursor.capacity_for(count));
        for _ in 0..count {
            let mut item = T::default();
            item.decode(r, plan)?;
            self.push(item);
        }
        r.cursor.leave();
        Ok(())
    }
}

impl<T: Gob, const N: usize> Gob for [T; N] {
    fn wire(registry: &mut Registry<'_>) -> TypeId {
        registry.define(RustType::of::<Self>(), |registry| {
            let elem = T::wire(registry);
            WireType::Array { name: format!("[{N}]{}", registry.name_of(elem)).into(), elem, len: N }
        })
    }

    fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
        match compiler.definition(id).as_deref() {
            Some(WireType::Array { elem, len, .. }) if *len == N => {
                compiler.elements::<T>(RustType::of::<Self>(), id, *elem)
            }
            _ => Err(compiler.mismatch("array", id)),
        }
    }

    fn is_zero(&self) -> bool {
        false
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.elements(self.iter())
    }

    fn decode(&mut self, r: &mut Reader<'_, '_>, plan: PlanId) -> Result<(), Error> {
        let plan = r.element_plan(plan);
        r.cursor.array_len(N)?;
        r.cursor.enter()?;
        for item in self {
            item.decode(r, plan)?;
        }
        r.cursor.leave();
        Ok(())
    }
}

impl<K: Gob + Default + Ord, V: Gob + Default> Gob for Map<K, V> {
    fn wire(registry: &mut Registry<'_>) -> TypeId {
        registry.define(RustType::of::<Self>(), |registry| {
            let (key, elem) = (K::wire(registry), V::wire(registry));
            WireType::Map {
                name: format!("map[{}]{}", registry.name_of(key), registry.name_of(elem)).into(),
                key,
                elem,
            }
        })
    }

    fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
        match compiler.definition(id).as_deref() {
            Some(WireType::Map { key, elem, .. }) => compiler.pairs::<K, V>(RustType::of::<Self>(), id, *key, *elem),
            _ => Err(compiler.mismatch("map", id)),
        }
    }

    fn is_zero(&self) -> bool {
        self.is_none()
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let Some(map) = self else {
            w.uint(0);
            return Ok(());
        };
        w.uint(map.len() as u64);
        for (key, value) in map {
            key.encode(w)?;
            value.encode(w)?;
        }
        Ok(())
    }

    fn decode(&mut self, r: &mut Reader<'_, '_>, plan: PlanId) -> Result<(), Error> {
        let (key_plan, value_plan) = r.pair_plans(plan);
        let count = r.cursor.count()?;
        r.cursor.enter()?;
        let map = self.get_or_insert_default();
        for _ in 0..count {
            let (mut key, mut value) = (K::default(), V::default());
            key.decode(r, key_plan)?;
            value.decode(r, value_plan)?;
            map.insert(key, value);
        }
        r.cursor.leave();
        Ok(())
    }
}

impl<T: Gob + Default> Gob for Ptr<T> {
    fn wire(registry: &mut Registry<'_>) -> TypeId {
        T::wire(registry)
    }

    fn is_struct() -> bool {
        T::is_struct()
    }

    fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
        T::plan(compiler, id)
    }

    fn is_zero(&self) -> bool {
        self.as_ref().is_none_or(|v| v.is_zero_behind_pointer())
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        self.as_ref().ok_or(Error::NilElement)?.encode(w)
    }

    fn decode(&mut self, r: &mut Reader<'_, '_>, plan: PlanId) -> Result<(), Error> {
        self.get_or_insert_default().decode(r, plan)
    }
}
