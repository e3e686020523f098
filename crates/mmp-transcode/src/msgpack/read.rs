//! The MessagePack reader: borrows from the frame, allocates nothing.

use super::{Malformed, TIMESTAMP_EXT};

/// The specification's bound for the nanoseconds of a timestamp.
const MAX_NANOS: u32 = 999_999_999;

/// One item of a MessagePack value: a scalar with its contents, or the head of an array or map whose items follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    /// nil
    Nil,
    /// A bool.
    Bool(bool),
    /// An integer of any width that fits in a signed 64-bit integer.
    Int(i64),
    /// An integer above the range of a signed one.
    Uint(u64),
    /// A float of either width.
    Float(f64),
    /// The bytes of a string (not checked to be UTF-8).
    Str(&'a [u8]),
    /// Bytes.
    Bin(&'a [u8]),
    /// The head of an array of so many items.
    Array(usize),
    /// The head of a map of so many pairs.
    Map(usize),
    /// A point in time: seconds since 1970 and nanoseconds.
    Timestamp(i64, u32),
    /// Another extension.
    Ext(i8, &'a [u8]),
}

impl Token<'_> {
    /// What it is, in the words of an error message.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Token::Nil => "nil",
            Token::Bool(_) => "a bool",
            Token::Int(_) | Token::Uint(_) => "an integer",
            Token::Float(_) => "a float",
            Token::Str(_) => "a string",
            Token::Bin(_) => "bytes",
            Token::Array(_) => "a list",
            Token::Map(_) => "a map",
            Token::Timestamp(..) => "a time",
            Token::Ext(..) => "an extension",
        }
    }
}

/// Reads values one after the other.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The position in bytes.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Reads a scalar or the head of a container.
    #[inline]
    pub fn token(&mut self) -> Result<Token<'a>, Malformed> {
        let marker = *self.bytes.get(self.at).ok_or(Malformed::Truncated)?;
        self.at += 1;
        Ok(match marker {
            0x00..=0x7f => Token::Int(i64::from(marker)),
            0x80..=0x8f => self.container(usize::from(marker & 0x0f), Token::Map)?,
            0x90..=0x9f => self.container(usize::from(marker & 0x0f), Token::Array)?,
            0xa0..=0xbf => Token::Str(self.take(usize::from(marker & 0x1f))?),
            0xc0 => Token::Nil,
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4 => self.sized::<1>().map(Token::Bin)?,
            0xc5 => self.sized::<2>().map(Token::Bin)?,
            0xc6 => self.sized::<4>().map(Token::Bin)?,
            0xc7 => self.extension::<1>()?,
            0xc8 => self.extension::<2>()?,
            0xc9 => self.extension::<4>()?,
            0xca => Token::Float(f64::from(f32::from_bits(self.number::<4>()? as u32))),
            0xcb => Token::Float(f64::from_bits(self.number::<8>()?)),
            0xcc => Token::Int(self.number::<1>()? as i64),
            0xcd => Token::Int(self.number::<2>()? as i64),
            0xce => Token::Int(self.number::<4>()? as i64),
            0xcf => {
                let value = self.number::<8>()?;
                i64::try_from(value).map_or(Token::Uint(value), Token::Int)
            }
            0xd0 => Token::Int(i64::from(self.number::<1>()? as i8)),
            0xd1 => Token::Int(i64::from(self.number::<2>()? as i16)),
            0xd2 => Token::Int(i64::from(self.number::<4>()? as i32)),
            0xd3 => Token::Int(self.number::<8>()? as i64),
            0xd4..=0xd8 => self.fixed_extension(1 << (marker - 0xd4))?,
            0xd9 => self.sized::<1>().map(Token::Str)?,
            0xda => self.sized::<2>().map(Token::Str)?,
            0xdb => self.sized::<4>().map(Token::Str)?,
            0xdc => self.number::<2>().and_then(|n| self.container(n as usize, Token::Array))?,
            0xdd => self.number::<4>().and_then(|n| self.container(n as usize, Token::Array))?,
            0xde => self.number::<2>().and_then(|n| self.container(n as usize, Token::Map))?,
            0xdf => self.number::<4>().and_then(|n| self.container(n as usize, Token::Map))?,
            0xe0..=0xff => Token::Int(i64::from(marker as i8)),
            0xc1 => return Err(Malformed::Marker(marker)),
        })
    }

    /// The bytes of the next value, whole; the reader stands behind it.
    pub fn raw(&mut self) -> Result<&'a [u8], Malformed> {
        let start = self.at;
        self.skip()?;
        Ok(&self.bytes[start..self.at])
    }

    /// Passes over a value. There is no recursion: what counts is only how many values are still to come, and of those there is no more than bytes are left.
    fn skip(&mut self) -> Result<(), Malformed> {
        let mut pending: usize = 1;
        while pending > 0 {
            pending -= 1;
            let marker = *self.bytes.get(self.at).ok_or(Malformed::Truncated)?;
            self.at += 1;
            let len = match marker {
                0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => continue,
                0xa0..=0xbf => usize::from(marker & 0x1f),
                0x80..=0x8f => {
                    pending = self.expect(pending, 2 * usize::from(marker & 0x0f))?;
                    continue;
                }
                0x90..=0x9f => {
                    pending = self.expect(pending, usize::from(marker & 0x0f))?;
                    continue;
                }
                0xdc..=0xdf => {
                    let count = if marker & 1 == 0 { self.number::<2>()? } else { self.number::<4>()? } as usize;
                    pending = self.expect(pending, if marker < 0xde { count } else { 2 * count })?;
                    continue;
                }
                0xc4 | 0xd9 => self.number::<1>()? as usize,
                0xc5 | 0xda => self.number::<2>()? as usize,
                0xc6 | 0xdb => self.number::<4>()? as usize,
                // An extension has a byte for its type.
                0xc7 => self.number::<1>()? as usize + 1,
                0xc8 => self.number::<2>()? as usize + 1,
                0xc9 => self.number::<4>()? as usize + 1,
                0xcc | 0xd0 => 1,
                0xcd | 0xd1 => 2,
                0xca | 0xce | 0xd2 => 4,
                0xcb | 0xcf | 0xd3 => 8,
                0xd4..=0xd8 => (1 << (marker - 0xd4)) + 1,
                0xc1 => return Err(Malformed::Marker(marker)),
            };
            self.take(len)?;
        }
        Ok(())
    }

    /// Adds the items of a container to those that are still to come.
    fn expect(&self, pending: usize, items: usize) -> Result<usize, Malformed> {
        let pending = pending.saturating_add(items);
        if pending > self.bytes.len() - self.at { Err(Malformed::Truncated) } else { Ok(pending) }
    }

    /// A container's head: every item takes at least one byte, so a count above what is left is refused before anything is allocated for it.
    fn container(&self, len: usize, token: fn(usize) -> Token<'a>) -> Result<Token<'a>, Malformed> {
        if len > self.bytes.len() - self.at {
            return Err(Malformed::Truncated);
        }
        Ok(token(len))
    }

    fn extension<const N: usize>(&mut self) -> Result<Token<'a>, Malformed> {
        let len = self.number::<N>()? as usize;
        self.fixed_extension(len)
    }

    fn fixed_extension(&mut self, len: usize) -> Result<Token<'a>, Malformed> {
        let kind = self.take(1)?[0] as i8;
        let body = self.take(len)?;
        if kind != TIMESTAMP_EXT {
            return Ok(Token::Ext(kind, body));
        }
        let token = match len {
            4 => Ok(Token::Timestamp(big_endian(body) as i64, 0)),
            8 => {
                let both = big_endian(body);
                Ok(Token::Timestamp((both & ((1 << 34) - 1)) as i64, (both >> 34) as u32))
            }
            12 => Ok(Token::Timestamp(big_endian(&body[4..]) as i64, big_endian(&body[..4]) as u32)),
            _ => Err(Malformed::Timestamp),
        }?;
        match token {
            Token::Timestamp(_, nanos) if nanos > MAX_NANOS => Err(Malformed::Timestamp),
            token => Ok(token),
        }
    }

    fn sized<const N: usize>(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.number::<N>()? as usize;
        self.take(len)
    }

    #[inline]
    fn number<const N: usize>(&mut self) -> Result<u64, Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let digits: &[u8; N] = rest.first_chunk().ok_or(Malformed::Truncated)?;
        self.at += N;
        Ok(big_endian(digits))
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..len)).ok_or(Malformed::Truncated)?;
        self.at += len;
        Ok(taken)
    }
}

#[inline]
fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
}
