//! Whether everything that a type refers to has been defined.
//!
//! Go finds out when it compiles the decoder of a type, before it reads the first value of it: a stream that leaves out a definition is refused there,
//! even if no value ever needs it. Were it refused only where a value does, a value could be taken whose type cannot be told to anybody else.

use std::collections::HashSet;

use super::Types;
use crate::error::Error;
use crate::ids::{self, TypeId};
use crate::wire_type::WireType;

/// What is known of a type. Definitions are only ever added, so that what is complete stays so, until a rollback takes some of them back.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Known {
    /// Nobody has asked.
    #[default]
    Nothing,
    /// Everything was there in this epoch.
    Complete { epoch: u64 },
    /// This was missing when so many types were defined.
    Missing { epoch: u64, defined: usize, id: TypeId },
}

impl Types {
    /// Prepares for a value of this type: whether it is a struct, which begins without a zero byte. An error for an id that no value can have, and for a
    /// type of which a part is not defined.
    #[inline]
    pub fn begin(&mut self, id: TypeId) -> Result<bool, Error> {
        let Some(entry) = self.entry(id) else {
            return if ids::builtin_name(id).is_some() { Ok(false) } else { Err(Error::UndefinedType(id)) };
        };
        let is_struct = entry.definition.is_struct();
        match entry.known {
            Known::Complete { epoch } if epoch == self.epoch => Ok(is_struct),
            Known::Missing { epoch, defined, id } if (epoch, defined) == (self.epoch, self.len()) => {
                Err(Error::UndefinedType(id))
            }
            _ => self.complete(id).map(|()| is_struct),
        }
    }

    /// Walks everything that a type refers to, and remembers what came of it.
    #[cold]
    fn complete(&mut self, root: TypeId) -> Result<(), Error> {
        let (epoch, defined) = (self.epoch, self.len());
        let walked = self.walk(root);
        let (ids, known) = match &walked {
            Ok(seen) => (seen.iter().copied().collect(), Known::Complete { epoch }),
            Err(missing) => (vec![root], Known::Missing { epoch, defined, id: *missing }),
        };
        for id in ids {
            if let Some(entry) = self.entry_mut(id) {
                entry.known = known;
            }
        }
        walked.map(drop).map_err(Error::UndefinedType)
    }

    /// All types that a type refers to, itself among them, but for those known to be complete. The error is one that is missing.
    fn walk(&self, root: TypeId) -> Result<HashSet<TypeId>, TypeId> {
        let (mut seen, mut open) = (HashSet::new(), vec![root]);
        while let Some(id) = open.pop() {
            if ids::builtin_name(id).is_some() {
                continue;
            }
            let entry = self.entry(id).ok_or(id)?;
            let is_complete = matches!(entry.known, Known::Complete { epoch } if epoch == self.epoch);
            if !is_complete && seen.insert(id) {
                entry.definition.push_references(&mut open);
            }
        }
        Ok(seen)
    }
}

impl WireType {
    /// Appends every type that the definition refers to.
    fn push_references(&self, to: &mut Vec<TypeId>) {
        match self {
            Self::Array { elem, .. } | Self::Slice { elem, .. } => to.push(*elem),
            Self::Map { key, elem, .. } => to.extend([*key, *elem]),
            Self::Struct { fields, .. } => to.extend(fields.iter().map(|field| field.id)),
            Self::GobEncoder { .. } | Self::BinaryMarshaler { .. } | Self::TextMarshaler { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn list(elem: TypeId) -> WireType {
        WireType::Slice { name: "".into(), elem }
    }

    #[test]
    fn a_type_is_complete_when_all_that_it_refers_to_is_there() {
        let mut types = Types::new(Limits::default());
        types.define(65, list(66)).unwrap();
        for _ in 0..2 {
            assert_eq!(types.begin(65), Err(Error::UndefinedType(66)));
        }
        types.define(66, list(65)).unwrap();
        assert_eq!((types.begin(65), types.begin(66)), (Ok(false), Ok(false)), "a cycle is complete");
        assert_eq!((types.begin(ids::INT), types.begin(40)), (Ok(false), Err(Error::UndefinedType(40))));
    }

    #[test]
    fn what_a_rollback_takes_away_is_missed() {
        let mut types = Types::new(Limits::default());
        types.define(65, list(66)).unwrap();
        let mark = types.mark();
        types.define(66, list(2)).unwrap();
        assert_eq!(types.begin(65), Ok(false));
        types.rollback(mark);
        assert_eq!(types.begin(65), Err(Error::UndefinedType(66)));
        types.define(66, list(67)).unwrap();
        assert_eq!(types.begin(65), Err(Error::UndefinedType(67)));
    }
}
