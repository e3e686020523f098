//! Reads the bytes of one value.

mod interface;

use crate::error::Error;
use crate::ids::TypeId;
use crate::limits::Limits;
use crate::types::Types;
use crate::varint::{to_float, to_int};
use crate::walk::Walker;

pub use interface::InterfaceHead;

/// A position in the bytes of one value.
///
/// Usually these are one message. Go splits a value over several when an interface in it holds a type that the stream has not defined yet
/// (`sendTypeDescriptor`, which flushes the unfinished message): the first message then ends with a definition, each further definition is a message,
/// and the last message goes on with the id of the concrete type. The cursor sees the messages in place, one after the other with the length of each
/// between them, and steps over such a joint exactly where Go's `decodeTypeSequence` does, so that nothing is copied.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    /// The bytes up to the end of the current message.
    message: &'a [u8],
    /// The same bytes and everything that has arrived after them.
    all: &'a [u8],
    pos: usize,
    depth: u32,
    definitions: u32,
    starved: bool,
    /// Whether the definitions on the way are in the table already.
    replay: bool,
    limits: Limits,
}

impl<'a> Cursor<'a> {
    /// A cursor at the first of `bytes`, which are one value or part of one.
    #[must_use]
    pub fn new(bytes: &'a [u8], limits: Limits) -> Self {
        Self::at(bytes, 0, bytes.len(), limits)
    }

    /// A cursor at `pos` in a message that ends at `end`; what follows in `all` are later messages.
    pub(crate) fn at(all: &'a [u8], pos: usize, end: usize, limits: Limits) -> Self {
        Self { message: &all[..end], all, pos, depth: 0, definitions: 0, starved: false, replay: false, limits }
    }

    /// A cursor at the same place for a second reading of bytes whose definitions the table has by then.
    #[must_use]
    pub fn replay(&self) -> Self {
        Self { replay: true, ..self.clone() }
    }

    /// The offset of the next byte; only differences of offsets and [`slice`](Self::slice) have a meaning.
    #[inline]
    #[must_use]
    pub fn position(&self) -> usize {
        self.pos
    }

    /// The bytes between two positions.
    ///
    /// They hold a value as it was sent, so they can be sent on only where the same type ids are in force, and only if no type was defined between
    /// them: compare [`definitions`](Self::definitions) before and after. Offsets that are out of range give an empty slice.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.message.get(from..to).unwrap_or_default()
    }

    /// How many types have been defined inside this value up to here.
    #[must_use]
    pub fn definitions(&self) -> u32 {
        self.definitions
    }

    /// The bytes left in the current message.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.message.len() - self.pos
    }

    /// Where the current message ends.
    pub(crate) fn end(&self) -> usize {
        self.message.len()
    }

    /// Whether reading stopped because the next message of the value has not arrived.
    pub(crate) fn starved(&self) -> bool {
        self.starved
    }

    /// The next byte's unsigned integer.
    #[inline]
    pub fn uint(&mut self) -> Result<u64, Error> {
        match self.message.get(self.pos) {
            Some(&byte) if byte < 0x80 => {
                self.pos += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_uint(),
        }
    }

    fn long_uint(&mut self) -> Result<u64, Error> {
        let rest = self.message.get(self.pos..).unwrap_or_default();
        let Some((value, used)) = parse_uint(rest)? else { return Err(Error::Truncated) };
        self.pos += used;
        Ok(value)
    }

    /// A signed integer.
    #[inline]
    pub fn int(&mut self) -> Result<i64, Error> {
        self.uint().map(to_int)
    }

    /// A boolean; like Go, takes every number but zero for true.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, Error> {
        self.uint().map(|v| v != 0)
    }

    /// A floating-point number.
    #[inline]
    pub fn float(&mut self) -> Result<f64, Error> {
        self.uint().map(to_float)
    }

    /// The contents of a string, a byte slice or a type with its own encoding: a length and as many bytes.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let n = usize::try_from(self.uint()?).map_err(|_| Error::Truncated)?;
        self.take(n)
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let rest = self.message.get(self.pos..).unwrap_or_default();
        let Some(bytes) = rest.get(..n) else { return Err(Error::Truncated) };
        self.pos += n;
        Ok(bytes)
    }

    /// The number of elements of a list, or of pairs of a map.
    ///
    /// Every element takes a byte at least, but those of a list with interfaces may be in messages to come, so the number may exceed
    /// [`remaining`](Self::remaining): allocate with [`capacity_for`](Self::capacity_for).
    #[inline]
    pub fn count(&mut self) -> Result<usize, Error> {
        let n = self.uint()?;
        if n > self.limits.max_count as u64 { Err(Error::TooManyElements(n)) } else { Ok(n as usize) }
    }

    /// How many of `count` elements to reserve memory for: no more than there are bytes, and a bounded number of them, since
    /// an element may be much larger in memory than on the wire.
    #[inline]
    #[must_use]
    pub fn capacity_for(&self, count: usize) -> usize {
        count.min(self.remaining()).min(1024)
    }

    /// The length of an array, which has to be the one of its type.
    pub fn array_len(&mut self, expected: usize) -> Result<usize, Error> {
        let found = self.count()?;
        if found == expected { Ok(found) } else { Err(Error::ArrayLength { expected, found }) }
    }

    /// The number of the next field of a struct, given that of the previous one (-1 at the start); None at the end marker.
    #[inline]
    pub fn field(&mut self, previous: i64) -> Result<Option<i64>, Error> {
        match self.uint()? {
            0 => Ok(None),
            delta => match i64::try_from(delta).ok().and_then(|delta| previous.checked_add(delta)) {
                Some(n) if n <= i64::from(i32::MAX) => Ok(Some(n)),
                _ => Err(Error::FieldRange(i64::MAX)),
            },
        }
    }

    /// Counts one more level of nesting; to be matched by [`leave`](Self::leave) unless an error ends the reading.
    #[inline]
    pub fn enter(&mut self) -> Result<(), Error> {
        if self.depth >= self.limits.max_depth {
            return Err(Error::TooDeep);
        }
        self.depth += 1;
        Ok(())
    }

    /// Leaves a level of nesting.
    #[inline]
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Skips one value of type `id`, whatever it holds; types defined inside it go into `types`.
    pub fn skip(&mut self, types: &mut Types, id: TypeId) -> Result<(), Error> {
        if self.skip_basic(id)? {
            return Ok(());
        }
        Walker::new(self, types, id)?.run(self, types)
    }

    /// Skips a value of a built-in type other than an interface; false if `id` is none.
    #[inline]
    pub(crate) fn skip_basic(&mut self, id: TypeId) -> Result<bool, Error> {
        use crate::ids::{BOOL, BYTES, COMPLEX, FLOAT, INT, STRING, UINT};
        match id {
            BOOL | INT | UINT | FLOAT => {
                self.uint()?;
            }
            BYTES | STRING => {
                self.bytes()?;
            }
            COMPLEX => {
                self.uint()?;
                self.uint()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads an unsigned integer at the start of `bytes`: the value and how many bytes it took, or None if they are not all there.
pub(crate) fn parse_uint(bytes: &[u8]) -> Result<Option<(u64, usize)>, Error> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    if first < 0x80 {
        return Ok(Some((u64::from(first), 1)));
    }
    let n = usize::from(first.wrapping_neg());
    if n > 8 {
        return Err(Error::BadUint(first));
    }
    let Some(digits) = rest.get(..n) else {
        return Ok(None);
    };
    Ok(Some((digits.iter().fold(0, |v, &b| v << 8 | u64::from(b)), 1 + n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(bytes: &[u8]) -> Cursor<'_> {
        Cursor::new(bytes, Limits::default())
    }

    #[test]
    fn integers_of_every_width_are_read() {
        for shift in 0..64 {
            for v in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                crate::varint::put_uint(&mut out, v);
                assert_eq!(cursor(&out).uint(), Ok(v));
                assert_eq!(cursor(&out[..out.len() - 1]).uint(), Err(Error::Truncated));
            }
        }
        assert_eq!(cursor(&[0x80]).uint(), Err(Error::BadUint(0x80)));
        assert_eq!(cursor(&[0xf7]).uint(), Err(Error::BadUint(0xf7)));
    }

    #[test]
    fn field_numbers_do_not_overflow() {
        let mut huge = Vec::new();
        crate::varint::put_uint(&mut huge, u64::MAX);
        assert_eq!(cursor(&huge).field(-1), Err(Error::FieldRange(i64::MAX)));
        assert_eq!(cursor(&[3]).field(-1), Ok(Some(2)));
        assert_eq!(cursor(&[0]).field(7), Ok(None));
    }

    #[test]
    fn lengths_beyond_the_message_are_refused() {
        assert_eq!(cursor(&[5, 1, 2]).bytes(), Err(Error::Truncated));
        let mut huge = Vec::new();
        crate::varint::put_uint(&mut huge, u64::MAX);
        assert_eq!(cursor(&huge).bytes(), Err(Error::Truncated));
        assert_eq!(cursor(&huge).count(), Err(Error::TooManyElements(u64::MAX)));
    }
}
