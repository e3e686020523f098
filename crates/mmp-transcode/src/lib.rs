//! Gob to frames, frames to gob, and frames to protobuf and back, driven by a table that is generated from the schema.
//!
//! [`FromGob`] reads the values of one gob stream and writes MessagePack; [`ToGob`] reads MessagePack and writes the values of one gob stream. Both work in one
//! pass over borrowed bytes, without structs in between, so their work and memory are in proportion to the data.
//! [`proto`] does the same between frames and protobuf. `docs/reference/frames.md`, section 7, says how values look in frames.

mod error;
mod from_gob;
pub mod generated;
mod id_map;
mod json;
mod limits;
pub mod msgpack;
pub mod proto;
mod rejection;
pub mod schema;
mod splice;
mod time;
mod to_gob;

pub use error::{Error, Problem};
pub use from_gob::{FromGob, KeptArg, Reply};
pub use to_gob::{FIRST_ID, Sent, ToGob};
