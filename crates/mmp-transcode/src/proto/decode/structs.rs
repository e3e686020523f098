//! Structs: the fields of a message as the entries of a map, in the order of the schema.

use super::Decoder;
use super::seen::{Part, Seen};
use crate::error::Error;
use crate::limits::check_depth;
use crate::msgpack;
use crate::proto::tables::embedded_struct;
use crate::schema::{Field, Kind, Struct};

impl Decoder<'_> {
    /// Writes the entries of a struct without the map's head; returns how many.
    pub(super) fn fields(
        &mut self,
        schema: &Struct,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<usize, Error> {
        check_depth(depth)?;
        let base = self.index(schema.fields, message)?;
        let mut entries = 0;
        for (at, field) in schema.fields.iter().enumerate() {
            let seen = self.seen[base + at];
            if seen.count > 0 || always(&field.kind) {
                let written = self.entry(field, seen, message, out, depth + 1);
                entries += written.map_err(|error| error.in_field(field.key))?;
            }
        }
        self.seen.truncate(base);
        Ok(entries)
    }

    /// Writes a field with its key, unless it is zero. An embedded struct has as many entries as it has fields.
    fn entry(
        &mut self,
        field: &Field,
        seen: Seen,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<usize, Error> {
        if let Some(inner) = embedded_struct(field) {
            return self.inside(seen, message, |this, message| this.fields(inner, message, out, depth));
        }
        let start = out.len();
        msgpack::put_str(out, field.key);
        if self.value(&field.kind, seen, message, out, depth)? {
            out.truncate(start);
            return Ok(0);
        }
        Ok(1)
    }
}

/// Whether a field is always there: gob leaves out no struct that is no pointer and has fields.
fn always(kind: &Kind) -> bool {
    matches!(kind, Kind::Struct(schema) if !schema.fields.is_empty())
}
