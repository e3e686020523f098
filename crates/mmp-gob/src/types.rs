//! The type table of one stream and direction.

mod complete;

use std::collections::HashMap;
use std::sync::Arc;

use self::complete::Known;
use crate::error::Error;
use crate::ids::{self, FIRST_USER, TypeId};
use crate::limits::Limits;
use crate::shape::Shape;
use crate::wire_type::WireType;

/// Ids below this bound are looked up by index. Go numbers the types of a process upward from 64, so that genuine ids are small;
/// other ids are legal, and finding them by hash keeps a hostile one from growing the table.
const DENSE_END: TypeId = FIRST_USER + 4096;

/// The types that one stream has defined so far.
#[derive(Debug)]
pub struct Types {
    limits: Limits,
    dense: Vec<Option<Entry>>,
    sparse: HashMap<TypeId, Entry>,
    /// Every id in the order of definition, for going back to a [`Mark`].
    order: Vec<TypeId>,
    weight: usize,
    shape_weight: usize,
    /// How often definitions were taken back.
    epoch: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    definition: Arc<WireType>,
    /// Whether all that it refers to is defined.
    known: Known,
    /// Made when it is first asked for.
    shape: Option<Arc<Shape>>,
}

/// A state of a table to which [`Types::rollback`] returns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    count: usize,
    weight: usize,
}

impl Types {
    /// An empty table.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            dense: Vec::new(),
            sparse: HashMap::new(),
            order: Vec::new(),
            weight: 0,
            shape_weight: 0,
            epoch: 0,
        }
    }

    /// The definition of a type; None for built-in and unknown ids.
    #[inline]
    #[must_use]
    pub fn get(&self, id: TypeId) -> Option<&Arc<WireType>> {
        self.entry(id).map(|entry| &entry.definition)
    }

    #[inline]
    fn entry(&self, id: TypeId) -> Option<&Entry> {
        let index = id.wrapping_sub(FIRST_USER) as u32 as usize;
        match self.dense.get(index) {
            Some(slot) => slot.as_ref(),
            None => self.sparse.get(&id),
        }
    }

    fn entry_mut(&mut self, id: TypeId) -> Option<&mut Entry> {
        let index = id.wrapping_sub(FIRST_USER) as u32 as usize;
        match self.dense.get_mut(index) {
            Some(slot) => slot.as_mut(),
            None => self.sparse.get_mut(&id),
        }
    }

    /// Like [`get`](Self::get), with an error that names the id.
    #[inline]
    pub fn find(&self, id: TypeId) -> Result<&Arc<WireType>, Error> {
        match self.get(id) {
            Some(definition) => Ok(definition),
            None => Err(Error::UndefinedType(id)),
        }
    }

    /// Adds a type. As in Go, defining an id twice is an error.
    pub fn define(&mut self, id: TypeId, t: WireType) -> Result<(), Error> {
        if id < FIRST_USER {
            return Err(Error::BadTypeId(i64::from(id)));
        }
        if self.get(id).is_some() {
            return Err(Error::DuplicateType(id));
        }
        let weight = self.weight.saturating_add(t.weight());
        if self.order.len() >= self.limits.max_types || weight > self.limits.max_definition_bytes {
            return Err(Error::TooManyTypes);
        }
        self.weight = weight;
        self.order.push(id);
        self.store(id, Arc::new(t));
        Ok(())
    }

    fn store(&mut self, id: TypeId, definition: Arc<WireType>) {
        let entry = Entry { definition, known: Known::default(), shape: None };
        if id >= DENSE_END {
            self.sparse.insert(id, entry);
            return;
        }
        let index = (id - FIRST_USER) as usize;
        if index >= self.dense.len() {
            self.dense.resize(index + 1, None);
        }
        self.dense[index] = Some(entry);
    }

    /// How many types are defined.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no type is defined.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// How an error message calls a type.
    #[must_use]
    pub fn describe(&self, id: TypeId) -> Box<str> {
        match (ids::builtin_name(id), self.get(id).map(|t| &**t)) {
            (Some(name), _) => name.into(),
            (None, Some(WireType::Struct { name, .. })) => format!("struct {name}").into(),
            (None, Some(WireType::Array { name, .. } | WireType::Slice { name, .. })) => format!("list {name}").into(),
            (None, Some(WireType::Map { name, .. })) => format!("map {name}").into(),
            (None, Some(t)) => format!("opaque {}", t.name()).into(),
            (None, None) => format!("undefined type {id}").into(),
        }
    }

    /// The definitions reachable from a type, detached from this stream; computed once for every type.
    pub fn shape(&mut self, id: TypeId) -> Result<Arc<Shape>, Error> {
        if let Some(shape) = Shape::builtin(id) {
            return Ok(shape);
        }
        if let Some(shape) = self.entry(id).and_then(|entry| entry.shape.as_ref()) {
            return Ok(Arc::clone(shape));
        }
        let shape = Arc::new(Shape::of(self, id)?);
        // Every type may refer to every other, so that shapes together could be the square of the definitions.
        let weight = self.shape_weight.saturating_add(shape.weight());
        if weight > self.limits.max_definition_bytes {
            return Err(Error::TooManyTypes);
        }
        self.shape_weight = weight;
        if let Some(entry) = self.entry_mut(id) {
            entry.shape = Some(Arc::clone(&shape));
        }
        Ok(shape)
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { count: self.order.len(), weight: self.weight }
    }

    /// Forgets the types defined since `mark`: a value that is read again from its start defines them again.
    pub(crate) fn rollback(&mut self, mark: Mark) {
        self.epoch += u64::from(self.order.len() > mark.count);
        for id in self.order.drain(mark.count..) {
            let entry = match self.dense.get_mut((id - FIRST_USER) as usize) {
                Some(slot) => slot.take(),
                None => self.sparse.remove(&id),
            };
            if let Some(shape) = entry.and_then(|entry| entry.shape) {
                self.shape_weight -= shape.weight();
            }
        }
        self.weight = mark.weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice() -> WireType {
        WireType::Slice { name: "".into(), elem: 2 }
    }

    #[test]
    fn small_and_large_ids_are_found_and_forgotten() {
        let mut types = Types::new(Limits::default());
        types.define(70, slice()).unwrap();
        let mark = types.mark();
        types.define(TypeId::MAX, slice()).unwrap();
        types.define(64, slice()).unwrap();
        assert!(types.get(TypeId::MAX).is_some() && types.get(64).is_some());
        assert!(types.get(65).is_none() && types.get(-1).is_none() && types.get(TypeId::MIN).is_none());
        types.rollback(mark);
        assert_eq!(types.len(), 1);
        assert!(types.get(TypeId::MAX).is_none() && types.get(64).is_none() && types.get(70).is_some());
    }

    #[test]
    fn duplicates_builtin_ids_and_floods_are_refused() {
        let mut types = Types::new(Limits { max_types: 2, ..Limits::default() });
        types.define(64, slice()).unwrap();
        assert_eq!(types.define(64, slice()), Err(Error::DuplicateType(64)));
        assert_eq!(types.define(8, slice()), Err(Error::BadTypeId(8)));
        types.define(65, slice()).unwrap();
        assert_eq!(types.define(66, slice()), Err(Error::TooManyTypes));
        let mut types = Types::new(Limits { max_definition_bytes: 10, ..Limits::default() });
        assert_eq!(types.define(64, slice()), Err(Error::TooManyTypes));
    }
}
