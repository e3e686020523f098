//! The description of a type as it is sent: Go's `wireType`.

mod parse;

use std::sync::Arc;

use crate::ids::TypeId;
use crate::varint::{put_bytes, put_int, put_uint};

/// A type that a stream defines. Built-in types have no definition.
///
/// `name` is informative: Go matches types by structure and struct fields by name. Names are shared, since many values may repeat one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WireType {
    /// `[len]elem`
    Array {
        /// Go's name of the type.
        name: Arc<str>,
        /// The type of the elements.
        elem: TypeId,
        /// How many elements every value has.
        len: usize,
    },
    /// `[]elem`
    Slice {
        /// Go's name of the type.
        name: Arc<str>,
        /// The type of the elements.
        elem: TypeId,
    },
    /// `map[key]elem`
    Map {
        /// Go's name of the type.
        name: Arc<str>,
        /// The type of the keys.
        key: TypeId,
        /// The type of the values.
        elem: TypeId,
    },
    /// A struct; its fields are numbered in this order from 0.
    Struct {
        /// Go's name of the type.
        name: Arc<str>,
        /// The exported fields.
        fields: Box<[WireField]>,
    },
    /// A type with its own encoding (`GobEncode`), such as `time.Time`.
    GobEncoder {
        /// Go's name of the type.
        name: Arc<str>,
    },
    /// A type with its own encoding (`MarshalBinary`), such as `url.URL`.
    BinaryMarshaler {
        /// Go's name of the type.
        name: Arc<str>,
    },
    /// A type with its own encoding (`MarshalText`). Today's Go does not send these.
    TextMarshaler {
        /// Go's name of the type.
        name: Arc<str>,
    },
}

/// A field of a struct type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WireField {
    /// Go's name of the field.
    pub name: Arc<str>,
    /// The type of the field, pointers removed.
    pub id: TypeId,
}

impl WireType {
    /// Go's name of the type; empty where Go gave it none.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Array { name, .. }
            | Self::Slice { name, .. }
            | Self::Map { name, .. }
            | Self::Struct { name, .. }
            | Self::GobEncoder { name }
            | Self::BinaryMarshaler { name }
            | Self::TextMarshaler { name } => name,
        }
    }

    /// Whether values of this type are structs, which begin without the zero byte that every other whole value has.
    #[must_use]
    pub fn is_struct(&self) -> bool {
        matches!(self, Self::Struct { .. })
    }

    /// Appends one whole definition message (length, negative id, `wireType` value) as Go's encoder writes it.
    pub fn put_definition(&self, id: TypeId, out: &mut Vec<u8>) {
        let mut body = Vec::with_capacity(64);
        put_int(&mut body, -i64::from(id));
        self.put_value(id, &mut body);
        put_bytes(out, &body);
    }

    /// Appends the value of Go's `wireType` struct: exactly one of its seven pointers is set, and each points to a struct that embeds `CommonType`.
    fn put_value(&self, id: TypeId, out: &mut Vec<u8>) {
        put_uint(out, self.variant());
        put_common(self.name(), id, out);
        let mut fields = FieldWriter { out, pending: 1 };
        match self {
            Self::Array { elem, len, .. } => {
                fields.int(i64::from(*elem));
                fields.int(*len as i64);
            }
            Self::Slice { elem, .. } => fields.int(i64::from(*elem)),
            Self::Map { key, elem, .. } => {
                fields.int(i64::from(*key));
                fields.int(i64::from(*elem));
            }
            Self::Struct { fields: list, .. } => fields.struct_fields(list),
            Self::GobEncoder { .. } | Self::BinaryMarshaler { .. } | Self::TextMarshaler { .. } => {}
        }
        out.extend_from_slice(&[0, 0]);
    }

    /// The number, from 1, of the field of Go's `wireType` that holds this variant.
    fn variant(&self) -> u64 {
        match self {
            Self::Array { .. } => 1,
            Self::Slice { .. } => 2,
            Self::Struct { .. } => 3,
            Self::Map { .. } => 4,
            Self::GobEncoder { .. } => 5,
            Self::BinaryMarshaler { .. } => 6,
            Self::TextMarshaler { .. } => 7,
        }
    }

    /// Roughly the memory that the definition takes.
    pub(crate) fn weight(&self) -> usize {
        let fields = match self {
            Self::Struct { fields, .. } => fields.iter().map(|f| f.name.len() + size_of::<WireField>()).sum(),
            _ => 0,
        };
        size_of::<Self>() + self.name().len() + fields
    }
}

/// Appends the embedded `CommonType{Name, Id}`, field 0 of each of the described types; an empty name is left out like every zero value.
fn put_common(name: &str, id: TypeId, out: &mut Vec<u8>) {
    put_uint(out, 1);
    if name.is_empty() {
        put_uint(out, 2);
    } else {
        put_uint(out, 1);
        put_bytes(out, name.as_bytes());
        put_uint(out, 1);
    }
    put_int(out, i64::from(id));
    put_uint(out, 0);
}

/// Writes the fields after `CommonType`, leaving out zeros.
struct FieldWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The delta to the next field.
    pending: u64,
}

impl FieldWriter<'_> {
    fn int(&mut self, v: i64) {
        if v == 0 {
            self.pending += 1;
            return;
        }
        put_uint(self.out, self.pending);
        self.pending = 1;
        put_int(self.out, v);
    }

    fn struct_fields(&mut self, list: &[WireField]) {
        if list.is_empty() {
            return;
        }
        put_uint(self.out, self.pending);
        put_uint(self.out, list.len() as u64);
        for field in list {
            put_uint(self.out, 1);
            put_bytes(self.out, field.name.as_bytes());
            put_uint(self.out, 1);
            put_int(self.out, i64::from(field.id));
            put_uint(self.out, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Cursor;
    use crate::limits::Limits;

    /// The example of Go's package documentation: `type Point struct { X, Y int }` with id 65.
    const POINT: [u8; 32] = [
        0x1f, 0xff, 0x81, 0x03, 0x01, 0x01, 0x05, b'P', b'o', b'i', b'n', b't', 0x01, 0xff, 0x82, 0x00, 0x01, 0x02,
        0x01, 0x01, b'X', 0x01, 0x04, 0x00, 0x01, 0x01, b'Y', 0x01, 0x04, 0x00, 0x00, 0x00,
    ];

    fn round_trip(t: &WireType) {
        let mut out = Vec::new();
        t.put_definition(70, &mut out);
        let mut c = Cursor::new(&out, Limits::default());
        assert_eq!(c.uint().unwrap() as usize, out.len() - 1);
        assert_eq!(c.int().unwrap(), -70);
        assert_eq!(&WireType::parse(&mut c).unwrap(), t);
        assert_eq!(c.remaining(), 0);
    }

    #[test]
    fn definition_equals_gos() {
        let field = |name: &str| WireField { name: name.into(), id: 2 };
        let point = WireType::Struct { name: "Point".into(), fields: [field("X"), field("Y")].into() };
        let mut out = Vec::new();
        point.put_definition(65, &mut out);
        assert_eq!(out, POINT);
    }

    #[test]
    fn definitions_survive_a_round_trip() {
        let fields: Box<[WireField]> = [WireField { name: "Next".into(), id: 70 }].into();
        round_trip(&WireType::Struct { name: "Node".into(), fields });
        round_trip(&WireType::Struct { name: "".into(), fields: [].into() });
        round_trip(&WireType::Array { name: "[0]int".into(), elem: 2, len: 0 });
        round_trip(&WireType::Array { name: "".into(), elem: 2, len: 300 });
        round_trip(&WireType::Slice { name: "[]T".into(), elem: 99 });
        round_trip(&WireType::Map { name: "".into(), key: 6, elem: 8 });
        round_trip(&WireType::GobEncoder { name: "Time".into() });
        round_trip(&WireType::BinaryMarshaler { name: "URL".into() });
        round_trip(&WireType::TextMarshaler { name: "T".into() });
    }
}
