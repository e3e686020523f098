//! What messages have that the generated tables do not: the wrappers of `common.proto` and `errors.proto`, and what fields and positions have in common.

use crate::schema::{Field, Kind, Slot, Struct};

/// A field of a message: that of a struct, or the position of an argument or result.
pub(super) trait Member {
    /// The field number.
    fn tag(&self) -> u32;
    /// The type.
    fn kind(&self) -> &Kind;
    /// The name for messages; empty if it has none.
    fn name(&self) -> &str;
}

impl Member for Field {
    fn tag(&self) -> u32 {
        self.tag
    }

    fn kind(&self) -> &Kind {
        &self.kind
    }

    fn name(&self) -> &str {
        self.key
    }
}

impl Member for Slot {
    fn tag(&self) -> u32 {
        self.tag
    }

    fn kind(&self) -> &Kind {
        &self.kind
    }

    fn name(&self) -> &str {
        self.name
    }
}

/// The field of a wrapper (`ListValue`, `MapValue`, `HeaderValues` and the like) that holds what it wraps.
pub(super) const WRAPPED: u32 = 1;

/// The fields of a map's entry.
pub(super) const ENTRY_KEY: u32 = 1;
/// See [`ENTRY_KEY`].
pub(super) const ENTRY_VALUE: u32 = 2;

/// The alternatives of `Value`.
pub(super) mod value {
    pub(crate) const NULL: u32 = 1;
    pub(crate) const BOOL: u32 = 2;
    pub(crate) const INT: u32 = 3;
    pub(crate) const UINT: u32 = 4;
    pub(crate) const DOUBLE: u32 = 5;
    pub(crate) const STRING: u32 = 6;
    pub(crate) const BYTES: u32 = 7;
    pub(crate) const LIST: u32 = 8;
    pub(crate) const MAP: u32 = 9;
}

/// What `ListValue` wraps, and `MapValue`.
pub(super) static ANY_LIST: Kind = Kind::List(&Kind::Any);
/// See [`ANY_LIST`].
pub(super) static ANY_MAP: Kind = Kind::Map(&Kind::String, &Kind::Any);

/// The alternatives of `Error`.
pub(super) const ERROR_APP: u32 = 1;
/// See [`ERROR_APP`].
pub(super) const ERROR_PLAIN: u32 = 2;

/// `GoError`, in the order in which the bridge writes the keys of an error's map.
pub(super) static GO_ERROR: Struct = Struct {
    index: u16::MAX,
    name: "GoError",
    fields: &[
        plain(2, "code", Kind::Int(32)),
        plain(3, "id", Kind::String),
        plain(1, "message", Kind::String),
        plain(4, "detailed_error", Kind::String),
    ],
};

/// `google.protobuf.Timestamp`.
pub(super) const TIMESTAMP_SECONDS: u32 = 1;
/// See [`TIMESTAMP_SECONDS`].
pub(super) const TIMESTAMP_NANOS: u32 = 2;

const fn plain(tag: u32, key: &'static str, kind: Kind) -> Field {
    Field { tag, go: "", key, kind, embedded: false }
}

/// A pointer's target, whatever the number of pointers.
pub(super) fn behind_pointers(kind: &Kind) -> &Kind {
    match kind {
        Kind::Ptr(inner) => behind_pointers(inner),
        kind => kind,
    }
}

/// The struct of an embedded field.
pub(super) fn embedded_struct(field: &Field) -> Option<&'static Struct> {
    match behind_pointers(&field.kind) {
        Kind::Struct(schema) if field.embedded => Some(schema),
        _ => None,
    }
}
