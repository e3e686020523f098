//! Go's interface values.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::codec::Gob;
use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::error::Error;
use crate::ids::{self, FIRST_USER, TypeId};
use crate::limits::Limits;
use crate::plan::{Compiler, PlanId, Reader};
use crate::registry::Registry;
use crate::shape::Shape;
use crate::stream::StreamReader;
use crate::text::{Bytes, GoString};
use crate::value::{Interface, Value, decode_interface, decode_value};
use crate::wire_type::WireType;
use crate::writer::Writer;

/// The name under which Go's plugin code registers `map[string]any`.
const MAP_NAME: &str = "map[string]interface {}";
/// The name under which Go's plugin code registers `[]any`.
const LIST_NAME: &str = "[]interface {}";

/// An `any`, an `error` or another Go interface: nil, or a value that keeps its registered name and its type.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Any(pub Option<Box<Interface>>);

impl Any {
    /// The nil interface.
    pub const NIL: Self = Self(None);

    /// Whether this is nil.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    /// The name under which Go registered the concrete type.
    #[must_use]
    pub fn name(&self) -> Option<&GoString> {
        self.0.as_ref().map(|v| &v.name)
    }

    /// The value without its name; [`Value::Nil`] for nil.
    #[must_use]
    pub fn value(&self) -> &Value {
        const NIL: &Value = &Value::Nil;
        self.0.as_ref().map_or(NIL, |v| &v.value)
    }

    /// A value of a type that Go registered under `name`, a pointer to it included.
    pub fn new<T: Gob>(name: &str, value: &T) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        Encoder::new().encode(value, &mut bytes)?;
        let mut reader = StreamReader::new(Limits::default());
        reader.push(&bytes);
        let read = reader.next(|id, c, types| Ok((types.shape(id)?, decode_value(c, types, id)?)))?;
        let (shape, value) = read.ok_or(Error::Truncated)?;
        Ok(Self::of(name, shape, value))
    }

    /// The value as a Rust type.
    pub fn get<T: Gob + Default>(&self) -> Result<T, Error> {
        let interface = self.0.as_ref().ok_or(Error::NilElement)?;
        let mut bytes = Vec::new();
        Encoder::new().encode_interface(interface, &mut bytes)?;
        let mut decoder = Decoder::new(Limits::default());
        decoder.push(&bytes);
        decoder.decode()?.ok_or(Error::Truncated)
    }

    fn of(name: &str, shape: Arc<Shape>, value: Value) -> Self {
        Self(Some(Box::new(Interface { name: name.into(), shape, value })))
    }

    fn builtin(name: &str, id: TypeId, value: Value) -> Self {
        match Shape::builtin(id) {
            Some(shape) => Self::of(name, shape, value),
            None => Self::NIL,
        }
    }

    /// A Go `int`, which is another type than the `int64` that [`From<i64>`] makes.
    #[must_use]
    pub fn int(v: i64) -> Self {
        Self::builtin("int", ids::INT, Value::Int(v))
    }

    /// A `map[string]any`.
    #[must_use]
    pub fn map(pairs: impl IntoIterator<Item = (GoString, Self)>) -> Self {
        let pairs = pairs.into_iter().map(|(k, v)| (Value::String(k), v.into_value()));
        Self::of(MAP_NAME, map_shape(), Value::Map(pairs.collect()))
    }

    /// A `[]any`.
    #[must_use]
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::of(LIST_NAME, list_shape(), Value::List(items.into_iter().map(Self::into_value).collect()))
    }

    fn into_value(self) -> Value {
        self.0.map_or(Value::Nil, Value::Interface)
    }
}

impl Any {
    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = self.value() { Some(text) } else { None }
    }

    /// The number, if this is a signed integer of any width, or an unsigned one that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self.value() {
            Value::Int(number) => Some(*number),
            Value::Uint(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The number, if this is one. What came by JSON is a float, even if it is whole.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self.value() {
            Value::Float(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            Value::Uint(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.value() { Some(*value) } else { None }
    }
}

impl From<bool> for Any {
    fn from(v: bool) -> Self {
        Self::builtin("bool", ids::BOOL, Value::Bool(v))
    }
}

impl From<i64> for Any {
    fn from(v: i64) -> Self {
        Self::builtin("int64", ids::INT, Value::Int(v))
    }
}

impl From<f64> for Any {
    fn from(v: f64) -> Self {
        Self::builtin("float64", ids::FLOAT, Value::Float(v))
    }
}

impl From<GoString> for Any {
    fn from(v: GoString) -> Self {
        Self::builtin("string", ids::STRING, Value::String(v))
    }
}

impl From<i32> for Any {
    fn from(v: i32) -> Self {
        Self::int(v.into())
    }
}

impl From<String> for Any {
    fn from(v: String) -> Self {
        GoString::from(v).into()
    }
}

impl From<&GoString> for Any {
    fn from(v: &GoString) -> Self {
        v.clone().into()
    }
}

impl From<&str> for Any {
    fn from(v: &str) -> Self {
        GoString::from(v).into()
    }
}

impl From<Bytes> for Any {
    fn from(v: Bytes) -> Self {
        Self::builtin("[]uint8", ids::BYTES, Value::Bytes(v))
    }
}

impl From<BTreeMap<GoString, Any>> for Any {
    fn from(v: BTreeMap<GoString, Any>) -> Self {
        Self::map(v)
    }
}

impl From<Vec<Any>> for Any {
    fn from(v: Vec<Any>) -> Self {
        Self::list(v)
    }
}

fn map_shape() -> Arc<Shape> {
    static SHAPE: OnceLock<Arc<Shape>> = OnceLock::new();
    let definition = || WireType::Map { name: Arc::default(), key: ids::STRING, elem: ids::INTERFACE };
    Arc::clone(SHAPE.get_or_init(|| Arc::new(Shape::new(FIRST_USER, vec![definition()]))))
}

fn list_shape() -> Arc<Shape> {
    static SHAPE: OnceLock<Arc<Shape>> = OnceLock::new();
    let definition = || WireType::Slice { name: Arc::default(), elem: ids::INTERFACE };
    Arc::clone(SHAPE.get_or_init(|| Arc::new(Shape::new(FIRST_USER, vec![definition()]))))
}

impl Gob for Any {
    fn wire(_: &mut Registry<'_>) -> TypeId {
        ids::INTERFACE
    }

    fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
        compiler.basic(ids::INTERFACE, id)
    }

    fn is_zero(&self) -> bool {
        self.is_nil()
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        match &self.0 {
            Some(interface) => interface.encode(w),
            None => {
                w.uint(0);
                Ok(())
            }
        }
    }

    fn decode(&mut self, r: &mut Reader<'_, '_>, _: PlanId) -> Result<(), Error> {
        self.0 = decode_interface(r.cursor, r.types)?.map(Box::new);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_what_they_are() {
        assert_eq!(Any::from("a").as_str(), Some("a"));
        assert_eq!(Any::from(7).name().map(GoString::as_str), Some("int"));
        assert_eq!((Any::from(7).as_i64(), Any::from(7).as_f64()), (Some(7), Some(7.0)));
        assert_eq!((Any::from(1.5).as_i64(), Any::from(1.5).as_f64()), (None, Some(1.5)));
        assert_eq!((Any::from(true).as_bool(), Any::NIL.as_bool()), (Some(true), None));
        assert_eq!(Any::from(String::from("b")), Any::from(&GoString::from("b")));
    }
}
