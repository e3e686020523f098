//! The gob forms of Rust's own numbers and booleans.
//!
//! `u8` is left out on purpose: Go sends `[]byte` in a form of its own, which is [`Bytes`](crate::Bytes), and a `Vec<u8>` would be a list of numbers.

use crate::codec::Gob;
use crate::error::Error;
use crate::ids::{self, TypeId};
use crate::plan::{Compiler, PlanId, Reader};
use crate::registry::Registry;
use crate::writer::Writer;

macro_rules! basic {
    ($ty:ty, $id:expr, |$v:ident| $zero:expr, |$w:ident| $encode:expr, |$r:ident| $decode:expr) => {
        impl Gob for $ty {
            fn wire(_: &mut Registry<'_>) -> TypeId {
                $id
            }

            fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
                compiler.basic($id, id)
            }

            fn is_zero(&self) -> bool {
                let $v = *self;
                $zero
            }

            fn encode(&self, $w: &mut Writer<'_>) -> Result<(), Error> {
                let $v = *self;
                $encode;
                Ok(())
            }

            fn decode(&mut self, $r: &mut Reader<'_, '_>, _: PlanId) -> Result<(), Error> {
                *self = $decode;
                Ok(())
            }
        }
    };
}

macro_rules! integer {
    ($($ty:ty, $id:expr, $method:ident, $wide:ty, $go:literal;)+) => {$(
        basic!($ty, $id, |v| v == 0, |w| w.$method(<$wide>::from(v)), |r| {
            <$ty>::try_from(r.cursor.$method()?).map_err(|_| Error::Overflow($go))?
        });
    )+};
}

basic!(bool, ids::BOOL, |v| !v, |w| w.uint(u64::from(v)), |r| r.cursor.bool()?);
basic!(f64, ids::FLOAT, |v| v == 0.0, |w| w.float(v), |r| r.cursor.float()?);
basic!(f32, ids::FLOAT, |v| v == 0.0, |w| w.float(f64::from(v)), |r| narrow(r.cursor.float()?)?);

integer! {
    i8, ids::INT, int, i64, "int8";
    i16, ids::INT, int, i64, "int16";
    i32, ids::INT, int, i64, "int32";
    i64, ids::INT, int, i64, "int64";
    u16, ids::UINT, uint, u64, "uint16";
    u32, ids::UINT, uint, u64, "uint32";
    u64, ids::UINT, uint, u64, "uint64";
}

/// Go's `float32FromBits`: infinities and NaN pass, losing precision is fine, only numbers beyond the range are refused.
fn narrow(v: f64) -> Result<f32, Error> {
    if v.is_finite() && v.abs() > f64::from(f32::MAX) { Err(Error::Overflow("float32")) } else { Ok(v as f32) }
}

/// A `complex128`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Complex {
    /// The real part.
    pub re: f64,
    /// The imaginary part.
    pub im: f64,
}

basic!(
    Complex,
    ids::COMPLEX,
    |v| v.re == 0.0 && v.im == 0.0,
    |w| {
        w.float(v.re);
        w.float(v.im);
    },
    |r| Complex { re: r.cursor.float()?, im: r.cursor.float()? }
);
