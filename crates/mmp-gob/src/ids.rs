//! Type ids: the built-in ones, and where a sender's own begin.

/// The number that stands for a type on one stream, in one direction.
pub type TypeId = i32;

/// `bool`.
pub const BOOL: TypeId = 1;
/// Every signed integer.
pub const INT: TypeId = 2;
/// Every unsigned integer.
pub const UINT: TypeId = 3;
/// `float32` and `float64`.
pub const FLOAT: TypeId = 4;
/// `[]byte`.
pub const BYTES: TypeId = 5;
/// `string`.
pub const STRING: TypeId = 6;
/// `complex64` and `complex128`.
pub const COMPLEX: TypeId = 7;
/// Every interface type.
pub const INTERFACE: TypeId = 8;
/// The type of a type definition itself.
pub const WIRE_TYPE: TypeId = 16;
/// The lowest id of a type that a stream defines.
pub const FIRST_USER: TypeId = 64;

/// The name of a built-in type, or None for any other id.
#[must_use]
pub fn builtin_name(id: TypeId) -> Option<&'static str> {
    Some(match id {
        BOOL => "bool",
        INT => "int",
        UINT => "uint",
        FLOAT => "float",
        BYTES => "bytes",
        STRING => "string",
        COMPLEX => "complex",
        INTERFACE => "interface",
        _ => return None,
    })
}
