//! Go's `encoding/gob`, both directions, without I/O.
//!
//! Three levels, each built on the one before:
//!
//! - [`StreamReader`] cuts a byte stream into values, [`Cursor`] reads the bytes of one, [`Types`] and [`WireType`] describe what they are, and
//!   [`varint`] writes them. This is what a transcoder needs that knows its types by a table.
//! - [`Value`] holds a value of any type; [`Any`] is Go's interface value, which keeps its registered name and its type.
//! - [`Gob`] is implemented by Rust types. [`gob_struct!`] declares structs, [`Encoder`] writes them and [`Decoder`] reads them.
//!
//! No input makes this crate panic, and memory stays in proportion to the input: see [`Limits`].

#![forbid(unsafe_code)]

mod any;
mod basic;
mod buffer;
mod codec;
mod containers;
mod cursor;
mod decoder;
mod encoder;
mod error;
pub mod ids;
mod limits;
mod opaque;
mod plan;
mod registry;
mod shape;
mod stream;
mod structs;
mod text;
mod time;
mod types;
mod url;
pub mod value;
mod value_encode;
pub mod varint;
mod walk;
mod wire_type;
mod writer;

pub use any::Any;
pub use basic::Complex;
pub use codec::{Field, Gob, GobStruct, Visit, VisitMut};
pub use containers::{Map, Ptr};
pub use cursor::{Cursor, InterfaceHead};
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::{Error, Located};
pub use ids::TypeId;
pub use limits::Limits;
pub use opaque::{BinaryMarshaled, GobEncoded, TextMarshaled};
pub use plan::{Compiler, PlanId, Plans, Reader};
pub use registry::Registry;
pub use shape::Shape;
pub use stream::StreamReader;
pub use text::{Bytes, GoString};
pub use time::Time;
pub use types::Types;
pub use url::Url;
pub use value::{Interface, Struct, Value, decode_value};
pub use wire_type::{WireField, WireType};
pub use writer::Writer;
