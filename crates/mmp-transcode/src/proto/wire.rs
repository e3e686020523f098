//! Protobuf's wire format: varints, tags and lengths.

use crate::schema::Kind;

/// What can be wrong with bytes that should be a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The bytes end inside a field.
    #[error("a field ends too early")]
    Truncated,
    /// A varint that does not fit in 64 bits.
    #[error("a varint is longer than ten bytes")]
    Varint,
    /// A field number outside 1..2^29.
    #[error("a field has the number {0}")]
    Number(u64),
    /// A group, which proto3 does not have, or one of the two wire types that nobody has defined.
    #[error("a field has the wire type {0}")]
    WireType(u8),
    /// Packed numbers of a fixed width whose bytes do not divide evenly.
    #[error("packed numbers have a remainder")]
    Packed,
    /// A `Timestamp` whose nanoseconds are negative, or more than a second has.
    #[error("a timestamp has {0} nanoseconds")]
    Nanos(i32),
    /// Protobuf allows no message above 2 GiB.
    #[error("a message has {0} bytes")]
    TooLong(usize),
}

/// Protobuf's bound for the size of a message.
pub(super) const MAX_MESSAGE: usize = 0x7fff_ffff;

/// The largest field number.
const MAX_NUMBER: u64 = (1 << 29) - 1;

/// How a field's value is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Len = 2,
    Fixed32 = 5,
}

impl WireType {
    /// That of one value of a kind.
    pub(super) fn of(kind: &Kind) -> WireType {
        match kind {
            Kind::Bool | Kind::Int(_) | Kind::Uint(_) => WireType::Varint,
            Kind::Float(32) => WireType::Fixed32,
            Kind::Float(_) => WireType::Fixed64,
            Kind::Ptr(inner) => WireType::of(inner),
            _ => WireType::Len,
        }
    }

    /// What it is, in the words of an error message.
    pub(super) fn name(self) -> &'static str {
        match self {
            WireType::Varint => "a varint",
            WireType::Fixed64 => "eight bytes",
            WireType::Len => "bytes with a length",
            WireType::Fixed32 => "four bytes",
        }
    }
}

/// Appends a varint: seven bits a byte, the lowest first.
#[inline]
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends the head of a field.
#[inline]
pub(super) fn put_tag(out: &mut Vec<u8>, number: u32, wire: WireType) {
    put_varint(out, u64::from(number) << 3 | wire as u64);
}

/// Appends a field of bytes.
#[inline]
pub(super) fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, WireType::Len);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Where a field began whose length is not known yet.
#[must_use]
pub(super) struct LengthMark(usize);

/// Begins a field of unknown length; [`end_length`] writes it.
#[inline]
pub(super) fn begin_length(out: &mut Vec<u8>, number: u32) -> LengthMark {
    put_tag(out, number, WireType::Len);
    out.push(0);
    LengthMark(out.len())
}

/// Writes the length of what has been appended since [`begin_length`]. One byte was reserved, enough for 127 bytes; what is longer moves by up to four.
#[inline]
pub(super) fn end_length(out: &mut Vec<u8>, mark: LengthMark) {
    let (start, end) = (mark.0, out.len());
    let len = end - start;
    if len < 0x80 {
        out[start - 1] = len as u8;
        return;
    }
    let mut digits = [0; 10];
    let mut count = 0;
    let mut rest = len;
    while rest >= 0x80 {
        digits[count] = rest as u8 | 0x80;
        rest >>= 7;
        count += 1;
    }
    digits[count] = rest as u8;
    out.resize(end + count, 0);
    out.copy_within(start..end, start + count);
    out[start - 1..start + count].copy_from_slice(&digits[..=count]);
}

/// Reads a varint; `at` moves behind it. Bits above the 64th are dropped, as protobuf's own parsers do.
#[inline]
pub(super) fn varint(bytes: &[u8], at: &mut usize) -> Result<u64, Malformed> {
    let first = *bytes.get(*at).ok_or(Malformed::Truncated)?;
    *at += 1;
    if first < 0x80 {
        return Ok(u64::from(first));
    }
    let mut value = u64::from(first & 0x7f);
    for shift in (7..70).step_by(7) {
        let byte = *bytes.get(*at).ok_or(Malformed::Truncated)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Malformed::Varint)
}

/// A field's number, how its value is delimited, and the value's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) number: u32,
    pub(super) wire: WireType,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Reads a field; `at` moves behind it.
#[inline]
pub(super) fn field(bytes: &[u8], at: &mut usize) -> Result<Found, Malformed> {
    let tag = varint(bytes, at)?;
    let number = match tag >> 3 {
        number @ 1..=MAX_NUMBER => number as u32,
        number => return Err(Malformed::Number(number)),
    };
    let mut start = *at;
    let (wire, len) = match tag as u8 & 7 {
        0 => {
            varint(bytes, at)?;
            return Ok(Found { number, wire: WireType::Varint, start, end: *at });
        }
        1 => (WireType::Fixed64, 8),
        2 => {
            let len = varint(bytes, at)?;
            start = *at;
            (WireType::Len, usize::try_from(len).map_err(|_| Malformed::Truncated)?)
        }
        5 => (WireType::Fixed32, 4),
        other => return Err(Malformed::WireType(other)),
    };
    let end = start.checked_add(len).filter(|end| *end <= bytes.len()).ok_or(Malformed::Truncated)?;
    *at = end;
    Ok(Found { number, wire, start, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_survive_both_ways() {
        for value in [0, 1, 127, 128, 300, 1 << 32, u64::MAX >> 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut at = 0;
            assert_eq!((varint(&out, &mut at), at), (Ok(value), out.len()));
            assert_eq!(varint(&out[..out.len() - 1], &mut 0), Err(Malformed::Truncated));
        }
        assert_eq!(varint(&[0xff; 11], &mut 0), Err(Malformed::Varint));
    }

    #[test]
    fn a_length_takes_as_many_bytes_as_it_needs() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 2_097_152] {
            let mut out = vec![7];
            let mark = begin_length(&mut out, 3);
            out.resize(out.len() + len, 0xee);
            end_length(&mut out, mark);
            let mut at = 1;
            let found = field(&out, &mut at).expect("a field");
            assert_eq!((found.number, found.wire, found.end - found.start, at), (3, WireType::Len, len, out.len()));
            assert!(out[found.start..].iter().all(|byte| *byte == 0xee));
        }
    }

    #[test]
    fn fields_that_are_none_are_refused() {
        let refused = |bytes: &[u8]| field(bytes, &mut 0).expect_err("it is no field");
        assert_eq!(refused(&[0x00, 0]), Malformed::Number(0));
        assert_eq!(refused(&[0x0b]), Malformed::WireType(3));
        assert_eq!(refused(&[0x0f]), Malformed::WireType(7));
        assert_eq!(refused(&[0x0a, 5, 1]), Malformed::Truncated);
        assert_eq!(refused(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Malformed::Truncated);
        assert_eq!(refused(&[0x0d, 1, 2, 3]), Malformed::Truncated);
    }
}
