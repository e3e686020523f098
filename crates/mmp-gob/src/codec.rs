//! The traits that connect Rust types with gob.

use crate::error::Error;
use crate::ids::TypeId;
use crate::plan::{Compiler, PlanId, Reader};
use crate::registry::Registry;
use crate::writer::Writer;

/// A Rust type with a gob form.
///
/// Structs get it from [`gob_struct!`](crate::gob_struct). Decoding merges, as in Go: what the sender left out keeps its value, and maps gain keys.
/// One deviation: the elements of a list are always replaced, where Go would merge into those that the list's capacity still holds.
pub trait Gob: 'static {
    /// The id of this type on an encoder's stream; defines it there the first time.
    fn wire(registry: &mut Registry<'_>) -> TypeId
    where
        Self: Sized;

    /// Whether whole values of this type are structs, which begin without a zero byte.
    fn is_struct() -> bool
    where
        Self: Sized,
    {
        false
    }

    /// Checks that values of the sender's type `id` can be stored in this type, and prepares for doing so.
    fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error>
    where
        Self: Sized;

    /// Whether a struct field with this value is left out: numbers that are zero, empty strings and lists, nil pointers, maps and interfaces,
    /// and pointers to such values. Structs and arrays never are.
    fn is_zero(&self) -> bool;

    /// Whether a struct field that points to this value is left out. Differs from [`is_zero`](Self::is_zero) for types with their own encoding, which
    /// Go asks whether the pointer is nil.
    fn is_zero_behind_pointer(&self) -> bool {
        self.is_zero()
    }

    /// Writes the value, zero or not.
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error>;

    /// Reads a value into this one by a plan that [`plan`](Self::plan) made for its type.
    fn decode(&mut self, r: &mut Reader<'_, '_>, plan: PlanId) -> Result<(), Error>;
}

/// A struct whose fields have gob forms: what [`gob_struct!`](crate::gob_struct) implements.
///
/// The fields are handed out as trait objects, so that the code for encoding and decoding exists once and a struct adds two lists of pointers.
pub trait GobStruct: Default + 'static {
    /// Go's name of the struct.
    const NAME: &'static str;
    /// The fields in the order in which they are numbered.
    const FIELDS: &'static [Field];

    /// Calls `f` with all fields in order.
    fn visit(&self, f: &mut Visit<'_>) -> Result<(), Error>;

    /// Calls `f` with all fields in order.
    fn visit_mut(&mut self, f: &mut VisitMut<'_>) -> Result<(), Error>;
}

/// Receives the fields of a struct.
pub type Visit<'a> = dyn FnMut(&[&dyn Gob]) -> Result<(), Error> + 'a;

/// Receives the fields of a struct for changing them.
pub type VisitMut<'a> = dyn FnMut(&mut [&mut dyn Gob]) -> Result<(), Error> + 'a;

/// What is known of a struct's field without a value.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Go's name of the field.
    pub name: &'static str,
    pub(crate) wire: fn(&mut Registry<'_>) -> TypeId,
    pub(crate) plan: fn(&mut Compiler<'_>, TypeId) -> Result<PlanId, Error>,
}

impl Field {
    /// A field of type `T`.
    #[must_use]
    pub const fn new<T: Gob>(name: &'static str) -> Self {
        Self { name, wire: T::wire, plan: T::plan }
    }
}

impl<T: GobStruct> Gob for T {
    fn wire(registry: &mut Registry<'_>) -> TypeId {
        registry.structure(std::any::TypeId::of::<T>(), T::NAME, T::FIELDS)
    }

    fn is_struct() -> bool {
        true
    }

    fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
        compiler.structure(std::any::TypeId::of::<T>(), T::NAME, T::FIELDS, id)
    }

    fn is_zero(&self) -> bool {
        false
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        self.visit(&mut |fields| w.structure(T::FIELDS, fields))
    }

    fn decode(&mut self, r: &mut Reader<'_, '_>, plan: PlanId) -> Result<(), Error> {
        self.visit_mut(&mut |fields| r.structure(T::FIELDS, fields, plan))
    }
}
