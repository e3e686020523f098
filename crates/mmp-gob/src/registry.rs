//! Which types an encoder has defined on its stream.

use std::any::TypeId as RustType;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::codec::{Field, Gob};
use crate::ids::{self, FIRST_USER, TypeId};
use crate::shape::Shape;
use crate::wire_type::{WireField, WireType};

/// The types that have been sent on one stream, and those about to be.
#[derive(Debug)]
pub(crate) struct Sent {
    rust: HashMap<RustType, TypeId, BuildHasherDefault<RustTypeHasher>>,
    shapes: HashMap<Arc<Shape>, TypeId>,
    /// What was added, in order, for taking back what a failed value added.
    log: Vec<Entry>,
    next: TypeId,
    /// Definition messages that have to go out before the value.
    pub(crate) definitions: Vec<u8>,
}

#[derive(Debug)]
enum Entry {
    Rust(RustType),
    Shape(Arc<Shape>),
}

/// A state to which [`Sent::rollback`] returns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    log: usize,
    next: TypeId,
}

/// `TypeId`s are hashes already.
#[derive(Debug, Default)]
pub(crate) struct RustTypeHasher(u64);

impl Hasher for RustTypeHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, v: u64) {
        self.0 ^= v;
    }

    fn write_i32(&mut self, v: i32) {
        self.0 ^= (v as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Default for Sent {
    fn default() -> Self {
        Self {
            rust: HashMap::default(),
            shapes: HashMap::new(),
            log: Vec::new(),
            next: FIRST_USER,
            definitions: Vec::new(),
        }
    }
}

impl Sent {
    pub(crate) fn mark(&self) -> Mark {
        Mark { log: self.log.len(), next: self.next }
    }

    /// Forgets the types added since `mark`, none of whose definitions has been sent.
    pub(crate) fn rollback(&mut self, mark: Mark) {
        for entry in self.log.drain(mark.log..) {
            match entry {
                Entry::Rust(t) => drop(self.rust.remove(&t)),
                Entry::Shape(shape) => drop(self.shapes.remove(&shape)),
            }
        }
        self.next = mark.next;
        self.definitions.clear();
    }

    /// The id of a Rust type; writes its definition and those it needs if they have not been sent.
    pub(crate) fn id_of<T: Gob>(&mut self) -> TypeId {
        if let Some(id) = self.rust.get(&RustType::of::<T>()) {
            return *id;
        }
        let mut registry = Registry { sent: self, pending: Vec::new() };
        let id = T::wire(&mut registry);
        registry.finish();
        if self.rust.insert(RustType::of::<T>(), id).is_none() {
            self.log.push(Entry::Rust(RustType::of::<T>()));
        }
        id
    }

    /// The id of a type known by its shape; writes the definitions if they have not been sent.
    pub(crate) fn id_of_shape(&mut self, shape: &Arc<Shape>) -> TypeId {
        if shape.definitions().is_empty() {
            return shape.root();
        }
        if let Some(id) = self.shapes.get(shape) {
            return *id;
        }
        let offset = self.next - FIRST_USER;
        let shift = |id: TypeId| if id < FIRST_USER { id } else { id + offset };
        for definition in shape.definitions() {
            let mut definition = definition.clone();
            definition.for_each_reference(|id| *id = shift(*id));
            definition.put_definition(self.next, &mut self.definitions);
            self.next += 1;
        }
        let id = shift(shape.root());
        self.shapes.insert(Arc::clone(shape), id);
        self.log.push(Entry::Shape(Arc::clone(shape)));
        id
    }
}

/// Collects the definitions of a Rust type and of the types it refers to.
///
/// A type gets its number before those it refers to, which makes recursive types possible, and definitions go out in the order of numbers, as from Go.
#[derive(Debug)]
pub struct Registry<'a> {
    sent: &'a mut Sent,
    pending: Vec<(TypeId, WireType)>,
}

impl Registry<'_> {
    fn finish(self) {
        for (id, definition) in &self.pending {
            definition.put_definition(*id, &mut self.sent.definitions);
        }
    }

    /// The id of `rust`, which `build` describes the first time it is met.
    pub(crate) fn define(&mut self, rust: RustType, build: impl FnOnce(&mut Self) -> WireType) -> TypeId {
        if let Some(id) = self.sent.rust.get(&rust) {
            return *id;
        }
        let id = self.sent.next;
        self.sent.next += 1;
        self.sent.rust.insert(rust, id);
        self.sent.log.push(Entry::Rust(rust));
        let slot = self.pending.len();
        self.pending.push((id, WireType::GobEncoder { name: Arc::default() }));
        let definition = build(self);
        self.pending[slot].1 = definition;
        id
    }

    pub(crate) fn structure(&mut self, rust: RustType, name: &str, fields: &[Field]) -> TypeId {
        self.define(rust, |registry| {
            let fields = fields.iter().map(|f| WireField { name: f.name.into(), id: (f.wire)(registry) });
            WireType::Struct { name: name.into(), fields: fields.collect() }
        })
    }

    /// The name by which a composite type's name calls one of its parts.
    pub(crate) fn name_of(&self, id: TypeId) -> String {
        match ids::builtin_name(id) {
            Some("interface") => "interface {}".into(),
            Some(name) => name.into(),
            None => self
                .pending
                .iter()
                .find(|(known, _)| *known == id)
                .map(|(_, t)| t.name().to_owned())
                .unwrap_or_default(),
        }
    }
}
