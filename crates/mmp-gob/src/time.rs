//! Go's `time.Time`.

use crate::codec::Gob;
use crate::error::Error;
use crate::ids::TypeId;
use crate::plan::{Compiler, PlanId, Reader};
use crate::registry::Registry;
use crate::wire_type::WireType;
use crate::writer::Writer;

/// Seconds from the first instant of year 1, where Go begins to count, to that of 1970.
const UNIX_EPOCH: i64 = 62_135_596_800;

/// Go's encodings of a time: whole minutes of offset, and seconds as well.
const VERSION_1: u8 = 1;
const VERSION_2: u8 = 2;

/// An instant and the offset from UTC at which its sender would show it. The default is Go's zero time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Time {
    /// Seconds since the first instant of year 1, UTC.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
    /// Seconds east of UTC; None is UTC itself, which Go tells from a zone that happens to be at zero.
    pub offset: Option<i32>,
}

impl Time {
    /// The instant `seconds` and `nanos` after the start of 1970, in UTC.
    #[must_use]
    pub fn from_unix(seconds: i64, nanos: u32) -> Self {
        Self { seconds: seconds.wrapping_add(UNIX_EPOCH), nanos, offset: None }
    }

    /// Seconds since the start of 1970.
    #[must_use]
    pub fn unix(&self) -> i64 {
        self.seconds.wrapping_sub(UNIX_EPOCH)
    }

    /// The bytes of Go's `Time.MarshalBinary`. Fails for offsets that it cannot express.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let (minutes, rest) = match self.offset {
            None => (-1, 0),
            Some(offset) => match i16::try_from(offset / 60) {
                Ok(-1) | Err(_) => return Err(Error::Opaque("zone offset of a time")),
                Ok(minutes) => (minutes, (offset % 60) as i8),
            },
        };
        let mut out = Vec::with_capacity(16);
        out.push(if rest == 0 { VERSION_1 } else { VERSION_2 });
        out.extend_from_slice(&self.seconds.to_be_bytes());
        out.extend_from_slice(&self.nanos.to_be_bytes());
        out.extend_from_slice(&minutes.to_be_bytes());
        if rest != 0 {
            out.push(rest as u8);
        }
        Ok(out)
    }

    /// Reads what Go's `Time.MarshalBinary` wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        const BAD: Error = Error::Opaque("time");
        let (version, rest) = bytes.split_first().ok_or(BAD)?;
        let (seconds, rest) = rest.split_first_chunk::<8>().ok_or(BAD)?;
        let (nanos, rest) = rest.split_first_chunk::<4>().ok_or(BAD)?;
        let (minutes, rest) = rest.split_first_chunk::<2>().ok_or(BAD)?;
        let extra = match (*version, rest) {
            (VERSION_1, []) => 0,
            (VERSION_2, [extra]) => *extra as i8,
            _ => return Err(BAD),
        };
        let offset = i32::from(i16::from_be_bytes(*minutes)) * 60 + i32::from(extra);
        Ok(Self {
            seconds: i64::from_be_bytes(*seconds),
            nanos: u32::from_be_bytes(*nanos),
            offset: (offset != -60).then_some(offset),
        })
    }
}

impl Gob for Time {
    fn wire(registry: &mut Registry<'_>) -> TypeId {
        registry.define(std::any::TypeId::of::<Self>(), |_| WireType::GobEncoder { name: "Time".into() })
    }

    fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
        compiler.opaque("time.Time", id, |t| matches!(t, WireType::GobEncoder { .. }))
    }

    fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    fn is_zero_behind_pointer(&self) -> bool {
        false
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.bytes(&self.to_bytes()?);
        Ok(())
    }

    fn decode(&mut self, r: &mut Reader<'_, '_>, _: PlanId) -> Result<(), Error> {
        *self = Self::from_bytes(r.cursor.bytes()?)?;
        Ok(())
    }
}
