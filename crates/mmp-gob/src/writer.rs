//! Writes the bytes of one value.

use std::sync::Arc;

use crate::codec::{Field, Gob};
use crate::error::Error;
use crate::ids::TypeId;
use crate::registry::Sent;
use crate::shape::Shape;
use crate::varint::{put_bytes, put_float, put_int, put_uint, uint_len};

/// Where [`Gob::encode`] writes.
#[derive(Debug)]
pub struct Writer<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) sent: &'a mut Sent,
}

impl Writer<'_> {
    /// An unsigned integer.
    #[inline]
    pub fn uint(&mut self, v: u64) {
        put_uint(self.out, v);
    }

    /// A signed integer.
    #[inline]
    pub fn int(&mut self, v: i64) {
        put_int(self.out, v);
    }

    /// A floating-point number.
    #[inline]
    pub fn float(&mut self, v: f64) {
        put_float(self.out, v);
    }

    /// A length and as many bytes.
    #[inline]
    pub fn bytes(&mut self, v: &[u8]) {
        put_bytes(self.out, v);
    }

    /// The type of a whole value and, unless it is a struct, the zero byte before it.
    pub(crate) fn whole(&mut self, id: TypeId, is_struct: bool) {
        self.int(i64::from(id));
        if !is_struct {
            self.uint(0);
        }
    }

    /// A list's or array's elements: their number comes first.
    pub fn elements<'v, T: Gob>(&mut self, items: impl ExactSizeIterator<Item = &'v T>) -> Result<(), Error> {
        self.uint(items.len() as u64);
        for item in items {
            item.encode(self)?;
        }
        Ok(())
    }

    /// The fields that are not zero, each after the distance to the one before it, and the end marker.
    pub(crate) fn structure(&mut self, infos: &[Field], values: &[&dyn Gob]) -> Result<(), Error> {
        let mut delta = 1;
        for (info, value) in infos.iter().zip(values) {
            if value.is_zero() {
                delta += 1;
                continue;
            }
            self.uint(delta);
            delta = 1;
            value.encode(self).map_err(|e| e.in_field(info.name))?;
        }
        self.uint(0);
        Ok(())
    }

    /// An interface that holds a value of a type with this shape, registered in Go under `name`.
    ///
    /// Definitions that the type needs go out before the whole value, so Go never has to look for them inside it.
    pub(crate) fn interface(
        &mut self,
        name: &[u8],
        shape: &Arc<Shape>,
        value: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let id = self.sent.id_of_shape(shape);
        self.bytes(name);
        self.int(i64::from(id));
        let length_at = self.out.len();
        self.out.push(0);
        if !shape.is_struct() {
            self.uint(0);
        }
        value(self)?;
        self.set_length(length_at);
        Ok(())
    }

    /// Replaces the byte at `at` by the number of the bytes after it; most are so few that one byte holds their number.
    fn set_length(&mut self, at: usize) {
        let start = at + 1;
        let end = self.out.len();
        let length = (end - start) as u64;
        let digits = uint_len(length) - 1;
        if digits == 0 {
            self.out[at] = length as u8;
            return;
        }
        self.out.resize(end + digits, 0);
        self.out.copy_within(start..end, start + digits);
        self.out[at] = (digits as u8).wrapping_neg();
        self.out[start..start + digits].copy_from_slice(&length.to_be_bytes()[8 - digits..]);
    }
}
