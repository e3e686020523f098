//! Go's encodings of numbers.
//!
//! An unsigned integer below 128 is one byte; any other is its big-endian bytes without leading zeros, preceded by their number, negated.
//! A signed one moves its sign to the lowest bit. A float is the unsigned integer of its IEEE 754 bits with the bytes reversed, because floats that
//! people use end in zeros.

/// The number of bytes that follow the length byte of `v`.
const fn width(v: u64) -> usize {
    8 - (v.leading_zeros() as usize) / 8
}

/// Appends an unsigned integer.
#[inline]
pub fn put_uint(out: &mut Vec<u8>, v: u64) {
    if v < 0x80 {
        out.push(v as u8);
    } else {
        put_long(out, v);
    }
}

fn put_long(out: &mut Vec<u8>, v: u64) {
    let n = width(v);
    out.push((n as u8).wrapping_neg());
    out.extend_from_slice(&v.to_be_bytes()[8 - n..]);
}

/// Appends a signed integer.
#[inline]
pub fn put_int(out: &mut Vec<u8>, v: i64) {
    put_uint(out, ((v << 1) ^ (v >> 63)) as u64);
}

/// Appends a floating-point number.
#[inline]
pub fn put_float(out: &mut Vec<u8>, v: f64) {
    put_uint(out, v.to_bits().swap_bytes());
}

/// Appends a length and then the bytes: how strings, byte slices and the contents of GobEncoder types are sent.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// How many bytes [`put_uint`] appends.
#[inline]
#[must_use]
pub const fn uint_len(v: u64) -> usize {
    if v < 0x80 { 1 } else { 1 + width(v) }
}

/// Reverses the mapping of signed to unsigned integers.
#[inline]
#[must_use]
pub const fn to_int(v: u64) -> i64 {
    ((v >> 1) as i64) ^ -((v & 1) as i64)
}

/// Reverses the mapping of floats to unsigned integers.
#[inline]
#[must_use]
pub const fn to_float(v: u64) -> f64 {
    f64::from_bits(v.swap_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uint(v: u64) -> Vec<u8> {
        let mut out = Vec::new();
        put_uint(&mut out, v);
        assert_eq!(out.len(), uint_len(v));
        out
    }

    #[test]
    fn unsigned_integers_are_as_in_gos_documentation() {
        assert_eq!(uint(0), [0]);
        assert_eq!(uint(7), [7]);
        assert_eq!(uint(127), [127]);
        assert_eq!(uint(128), [0xff, 0x80]);
        assert_eq!(uint(256), [0xfe, 0x01, 0x00]);
        assert_eq!(uint(u64::MAX), [0xf8, 255, 255, 255, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn signed_integers_and_floats_are_as_in_gos_documentation() {
        let int = |v| {
            let mut out = Vec::new();
            put_int(&mut out, v);
            out
        };
        assert_eq!(int(-129), [0xfe, 0x01, 0x01]);
        assert_eq!(int(i64::MIN), [0xf8, 255, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(int(1), [2]);
        let mut out = Vec::new();
        put_float(&mut out, 17.0);
        assert_eq!(out, [0xfe, 0x31, 0x40]);
        for v in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(to_int(((v << 1) ^ (v >> 63)) as u64), v);
        }
    }
}
