//! A type detached from the stream that defined it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use crate::error::Error;
use crate::ids::{self, FIRST_USER, TypeId};
use crate::types::Types;
use crate::wire_type::WireType;

/// A type together with every type it refers to, numbered from [`FIRST_USER`] in the order in which a walk from the type meets them.
///
/// Equal types of different streams have equal shapes, so an encoder recognises a type that it has sent already.
#[derive(Debug, Clone)]
pub struct Shape {
    root: TypeId,
    types: Box<[WireType]>,
    hash: u64,
    is_ambiguous: bool,
}

impl Shape {
    /// Makes a shape of definitions that are numbered from [`FIRST_USER`].
    pub(crate) fn new(root: TypeId, types: Vec<WireType>) -> Self {
        let mut hasher = DefaultHasher::new();
        (root, &types).hash(&mut hasher);
        let is_ambiguous = types.iter().any(has_a_name_twice);
        Self { root, types: types.into(), hash: hasher.finish(), is_ambiguous }
    }

    /// The shape of a built-in type; None for other ids.
    #[must_use]
    pub fn builtin(id: TypeId) -> Option<Arc<Self>> {
        static SHAPES: OnceLock<Vec<Arc<Shape>>> = OnceLock::new();
        ids::builtin_name(id)?;
        let shapes =
            SHAPES.get_or_init(|| (0..=ids::INTERFACE).map(|id| Arc::new(Self::new(id, Vec::new()))).collect());
        shapes.get(usize::try_from(id).ok()?).map(Arc::clone)
    }

    /// The shape of a type that a stream has defined. All types that it refers to have to be defined.
    pub(crate) fn of(types: &Types, root: TypeId) -> Result<Self, Error> {
        let mut numbers = HashMap::new();
        let mut found = Vec::new();
        let mut number = |id: TypeId, found: &mut Vec<TypeId>| {
            if ids::builtin_name(id).is_some() {
                return id;
            }
            *numbers.entry(id).or_insert_with(|| {
                found.push(id);
                FIRST_USER + (found.len() as TypeId - 1)
            })
        };
        let root = number(root, &mut found);
        let mut definitions = Vec::new();
        while let Some(&id) = found.get(definitions.len()) {
            let mut definition = (**types.find(id)?).clone();
            definition.for_each_reference(|id| *id = number(*id, &mut found));
            definitions.push(definition);
        }
        Ok(Self::new(root, definitions))
    }

    /// Whether a struct among its types has two fields of one name.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.is_ambiguous
    }

    /// The type itself.
    #[must_use]
    pub fn root(&self) -> TypeId {
        self.root
    }

    /// Whether values of the type are structs.
    #[must_use]
    pub fn is_struct(&self) -> bool {
        self.get(self.root).is_some_and(WireType::is_struct)
    }

    /// The definition of a type of this shape; None for built-in and unknown ids.
    #[must_use]
    pub fn get(&self, id: TypeId) -> Option<&WireType> {
        usize::try_from(id.checked_sub(FIRST_USER)?).ok().and_then(|n| self.types.get(n))
    }

    /// Roughly the memory that the shape takes.
    pub(crate) fn weight(&self) -> usize {
        self.types.iter().map(WireType::weight).sum()
    }

    /// All definitions; the first has the id [`FIRST_USER`].
    #[must_use]
    pub fn definitions(&self) -> &[WireType] {
        &self.types
    }
}

fn has_a_name_twice(definition: &WireType) -> bool {
    let WireType::Struct { fields, .. } = definition else { return false };
    let mut seen = HashSet::with_capacity(fields.len());
    !fields.iter().all(|field| seen.insert(&field.name))
}

impl WireType {
    /// Calls `f` with every type id that the definition refers to.
    pub(crate) fn for_each_reference(&mut self, mut f: impl FnMut(&mut TypeId)) {
        match self {
            Self::Array { elem, .. } | Self::Slice { elem, .. } => f(elem),
            Self::Map { key, elem, .. } => {
                f(key);
                f(elem);
            }
            Self::Struct { fields, .. } => fields.iter_mut().for_each(|field| f(&mut field.id)),
            Self::GobEncoder { .. } | Self::BinaryMarshaler { .. } | Self::TextMarshaler { .. } => {}
        }
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.root == other.root && (std::ptr::eq(self, other) || self.types == other.types)
    }
}

impl Eq for Shape {}

impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
