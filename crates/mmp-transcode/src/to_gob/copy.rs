//! Taking over values of the host's stream.

use mmp_gob::{Cursor, TypeId, Types, ids};

use super::ToGob;
use crate::error::Error;
use crate::splice::{self, Renumber};

impl ToGob {
    /// Appends the value at the cursor, whose type on the incoming stream is `wire` and has been imported.
    pub(super) fn copy(
        &mut self,
        wire: TypeId,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        splice::copy(self, wire, cursor, types, out, depth)
    }
}

impl Renumber for ToGob {
    fn renumber(&mut self, id: TypeId, types: &Types) -> Result<TypeId, Error> {
        self.types.import(id, types)
    }

    fn holds_interface(&mut self, wire: TypeId, types: &Types) -> bool {
        if wire < ids::FIRST_USER {
            return wire == ids::INTERFACE;
        }
        *self.interfaces.entry(wire).or_insert_with(|| splice::reaches_interface(wire, types, &mut Vec::new()))
    }
}
