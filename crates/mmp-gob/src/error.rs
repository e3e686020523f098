//! Everything that can go wrong with a stream or a value.

use crate::ids::TypeId;

/// Why a value could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The value goes on in a message that has not arrived yet. Not a fault: call again with more bytes.
    #[error("the value goes on in a message that has not arrived")]
    NeedMore,
    /// A message ends in the middle of a value.
    #[error("the message ends in the middle of a value")]
    Truncated,
    /// A byte that cannot begin an unsigned integer.
    #[error("invalid length byte {0:#04x} of an integer")]
    BadUint(u8),
    /// A type id outside the range that may be used there.
    #[error("invalid type id {0}")]
    BadTypeId(i64),
    /// A type id that the stream has not defined.
    #[error("type {0} is used but not defined")]
    UndefinedType(TypeId),
    /// A type id that the stream defines twice.
    #[error("type {0} is defined twice")]
    DuplicateType(TypeId),
    /// A type definition that makes no sense.
    #[error("invalid type definition: {0}")]
    BadDefinition(&'static str),
    /// Bytes after the end of a definition.
    #[error("extra bytes after a type definition")]
    TrailingBytes,
    /// A field number beyond the fields of the struct.
    #[error("field number {0} is out of range")]
    FieldRange(i64),
    /// A value that is not a struct has to begin with a zero byte.
    #[error("non-zero delta before a value that is not a struct")]
    NonZeroDelta,
    /// A message longer than [`Limits::max_message`](crate::Limits::max_message).
    #[error("a message of {0} bytes is longer than the limit")]
    MessageTooLong(u64),
    /// Nesting deeper than [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("the value is nested too deeply")]
    TooDeep,
    /// More types than [`Limits::max_types`](crate::Limits::max_types), or definitions that take too much memory.
    #[error("the stream defines too many types")]
    TooManyTypes,
    /// A list or map with more elements than [`Limits::max_count`](crate::Limits::max_count).
    #[error("a list or map of {0} elements is longer than the limit")]
    TooManyElements(u64),
    /// The name of an interface's concrete type is longer than Go accepts (1024 bytes).
    #[error("the name of a concrete type is {0} bytes long")]
    NameTooLong(u64),
    /// An array whose length differs from the length of its type.
    #[error("an array of {expected} elements was sent with {found}")]
    ArrayLength {
        /// The length of the type.
        expected: usize,
        /// The length that was met.
        found: usize,
    },
    /// A number that does not fit the destination.
    #[error("the number does not fit {0}")]
    Overflow(&'static str),
    /// The sender's type cannot be stored in the destination's.
    #[error("cannot decode {found} into {expected}")]
    KindMismatch {
        /// The destination.
        expected: Box<str>,
        /// What the sender declared.
        found: Box<str>,
    },
    /// Sender and destination are structs, both have fields, and no name is common to them.
    #[error("no field of the received {found} matches {expected}")]
    NoFieldMatched {
        /// The destination.
        expected: Box<str>,
        /// What the sender declared.
        found: Box<str>,
    },
    /// A nil pointer where gob has no way to send one: in a list, in a map, or as a whole value.
    #[error("gob cannot send a nil pointer as an element, a map's value or a whole value")]
    NilElement,
    /// A dynamic value that does not have the form that its type requires.
    #[error("the value is not {0}, as its type requires")]
    Shape(Box<str>),
    /// Bytes of a GobEncoder or BinaryMarshaler type that its decoder rejects.
    #[error("invalid {0}")]
    Opaque(&'static str),
    /// A fault found by the code that was reading the value.
    #[error("{0}")]
    Rejected(Box<str>),
    /// A fault inside a field of a struct.
    #[error("{}: {}", .0.path, .0.error)]
    At(Box<Located>),
}

/// A fault and the field that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The names of the fields, outermost first, joined with dots.
    pub path: Box<str>,
    /// The fault.
    pub error: Error,
}

impl Error {
    /// Says in which field the fault is; called once for every struct on the way out.
    #[must_use]
    pub fn in_field(self, name: &str) -> Self {
        match self {
            Self::NeedMore => Self::NeedMore,
            Self::At(mut located) => {
                located.path = format!("{name}.{}", located.path).into();
                Self::At(located)
            }
            error => Self::At(Box::new(Located { path: name.into(), error })),
        }
    }

    /// The fault itself, without the path to it.
    #[must_use]
    pub fn cause(&self) -> &Self {
        match self {
            Self::At(located) => located.error.cause(),
            other => other,
        }
    }

    pub(crate) fn mismatch(expected: &str, found: impl Into<Box<str>>) -> Self {
        Self::KindMismatch { expected: expected.into(), found: found.into() }
    }
}
