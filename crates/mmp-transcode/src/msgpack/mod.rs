//! MessagePack, as frames use it: a canonical writer and a borrowing reader.
//!
//! Canonical means: the smallest header for every integer, string, map and array, and floats in 64 bits. The echo of a hook compares
//! values by their bytes (`docs/reference/frames.md`, section 4), so the writer must not have a choice.

mod find;
mod read;
mod write;

pub use find::text_in_map;
pub use read::{Reader, Token};
pub use write::{
    MapMark, begin_map, end_map, put_array_len, put_bin, put_bool, put_f64, put_int, put_map_len, put_nil, put_str,
    put_str_lossy, put_timestamp, put_uint,
};

/// The extension type of a timestamp in the MessagePack specification.
pub const TIMESTAMP_EXT: i8 = -1;

/// What can be wrong with bytes that should be MessagePack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end inside a value.
    #[error("the value ends too early")]
    Truncated,
    /// The byte 0xc1.
    #[error("the byte {0:#04x} starts no value")]
    Marker(u8),
    /// A timestamp of an impossible length, or with more nanoseconds than a second has.
    #[error("a timestamp is malformed")]
    Timestamp,
    /// More bytes than the value has.
    #[error("bytes follow the value")]
    Trailing,
}
