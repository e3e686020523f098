//! One value of any kind.

use super::seen::{Part, Seen, Walk};
use super::{Decoder, malformed};
use crate::error::{Error, Problem};
use crate::proto::encode::fits;
use crate::proto::tables::{TIMESTAMP_NANOS, TIMESTAMP_SECONDS, WRAPPED};
use crate::proto::wire::{self, Malformed, WireType};
use crate::schema::Kind;
use crate::{msgpack, time};

/// The bound for the nanoseconds of a timestamp.
const NANOS: u64 = 1_000_000_000;

impl Decoder<'_> {
    /// Writes the value of a field that is in `message` where `seen` says; zero if it is nowhere. Returns whether a struct leaves it out.
    pub(super) fn value(
        &mut self,
        kind: &Kind,
        seen: Seen,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        match kind {
            Kind::Bool => {
                let value = self.number(seen).map_err(malformed)? != 0;
                msgpack::put_bool(out, value);
                return Ok(!value);
            }
            Kind::Int(_) | Kind::Uint(_) => return self.integer(kind, seen, out),
            Kind::Float(bits) => {
                let value = self.float(seen, *bits);
                msgpack::put_f64(out, value);
                return Ok(value == 0.0);
            }
            Kind::String | Kind::Url => {
                let text = self.text(seen.start, seen.end)?;
                msgpack::put_str(out, text);
                return Ok(text.is_empty());
            }
            _ => {}
        }
        match kind {
            Kind::Struct(schema) => {
                self.inside(seen, message, |this, inner| this.structure(schema, inner, out, depth))?;
                return Ok(schema.fields.is_empty() && seen.count == 0);
            }
            Kind::List(item) => return self.list(item, seen, message, out, depth),
            Kind::Map(key, item) => return self.map(key, item, seen, message, out, depth),
            _ => {}
        }
        if seen.count == 0 {
            msgpack::put_nil(out);
            return Ok(true);
        }
        match kind {
            Kind::Ptr(target) => self.contained(target, seen, message, out, depth).map(|_| false),
            Kind::Any => self.any(seen, message, out, depth + 1),
            // A nil here is the JSON text `null`; what is absent is no text.
            Kind::Json => self.any(seen, message, out, depth + 1).map(|_| false),
            Kind::Error => self.error(seen, message, out, depth),
            Kind::Time => self.timestamp(seen, message, out).map(|()| false),
            _ => {
                let bytes = self.bytes(seen.start, seen.end);
                msgpack::put_bin(out, bytes);
                Ok(bytes.is_empty())
            }
        }
    }

    /// A value in a list or a map or behind a pointer, where a list or map is wrapped in a message.
    pub(super) fn contained(
        &mut self,
        kind: &Kind,
        seen: Seen,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        match kind {
            Kind::List(_) | Kind::Map(..) => self.wrapped(kind, seen, message, out, depth),
            kind => self.value(kind, seen, message, out, depth),
        }
    }

    /// The list or map that a wrapper holds.
    pub(super) fn wrapped(
        &mut self,
        kind: &Kind,
        seen: Seen,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        self.inside(seen, message, |this, message| {
            let inner = this.find(WRAPPED, kind, message)?;
            this.value(kind, inner, message, out, depth)
        })
    }

    /// A varint; zero if it is not there.
    #[inline]
    pub(super) fn number(&self, seen: Seen) -> Result<u64, Malformed> {
        if seen.count == 0 {
            return Ok(0);
        }
        wire::varint(self.input, &mut (seen.start as usize))
    }

    #[inline]
    fn integer(&self, kind: &Kind, seen: Seen, out: &mut Vec<u8>) -> Result<bool, Error> {
        let value = self.number(seen).map_err(malformed)?;
        put_integer(kind, value, out)?;
        Ok(value == 0)
    }

    /// A float of fixed width; zero if it is not there.
    pub(super) fn float(&self, seen: Seen, bits: u8) -> f64 {
        let bytes = self.bytes(seen.start, seen.end);
        if bits == 32 {
            bytes.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes).into())
        } else {
            bytes.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes))
        }
    }

    /// A string, which must be UTF-8.
    #[inline]
    pub(super) fn text(&self, start: u32, end: u32) -> Result<&str, Error> {
        std::str::from_utf8(self.bytes(start, end)).map_err(|_| Error::invalid(Problem::Utf8))
    }

    /// A `Timestamp`; Go's zero time is nil.
    fn timestamp(&mut self, seen: Seen, message: &[Part], out: &mut Vec<u8>) -> Result<(), Error> {
        let (seconds, nanos) = self.inside(seen, message, |this, message| this.instant(message).map_err(malformed))?;
        if (seconds, nanos) == (time::ZERO, 0) {
            msgpack::put_nil(out);
        } else {
            msgpack::put_timestamp(out, seconds, nanos);
        }
        Ok(())
    }

    fn instant(&self, message: &[Part]) -> Result<(i64, u32), Malformed> {
        let (mut seconds, mut nanos) = (0, 0);
        let mut walk = Walk::new(self.input, message);
        while walk.next()? {
            let found = walk.found;
            let target = match found.number {
                TIMESTAMP_SECONDS => &mut seconds,
                TIMESTAMP_NANOS => &mut nanos,
                _ => continue,
            };
            if found.wire != WireType::Varint {
                return Err(Malformed::WireType(found.wire as u8));
            }
            *target = wire::varint(self.input, &mut { found.start })?;
        }
        if nanos < NANOS { Ok((seconds as i64, nanos as u32)) } else { Err(Malformed::Nanos(nanos as i32)) }
    }
}

/// Writes an integer. What the message's field cannot hold is cut off, as protobuf's own parsers do; what Go's type cannot hold is refused.
#[inline]
pub(super) fn put_integer(kind: &Kind, value: u64, out: &mut Vec<u8>) -> Result<(), Error> {
    let range = |value: i128, bits: u8| Err(Error::invalid(Problem::Range { value, bits }));
    match *kind {
        Kind::Uint(64) => msgpack::put_uint(out, value),
        Kind::Uint(bits) => {
            let value = u64::from(value as u32);
            if bits < 32 && value >> bits != 0 {
                return range(value.into(), bits);
            }
            msgpack::put_uint(out, value);
        }
        Kind::Int(bits) if bits < 64 => {
            let value = i64::from(value as i32);
            if !fits(value, bits) {
                return range(value.into(), bits);
            }
            msgpack::put_int(out, value);
        }
        _ => msgpack::put_int(out, value as i64),
    }
    Ok(())
}
