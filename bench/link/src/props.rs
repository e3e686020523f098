//! Props, protobuf's `Struct`, as the msgpack map that frames carry. Used by the derived code of `Post`.

use std::fmt;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(props: &Option<Struct>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(props.iter().flat_map(|props| &props.fields).map(|(key, value)| (key, Out(value))))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Struct>, D::Error> {
    match In::deserialize(deserializer)?.0 {
        Kind::StructValue(props) => Ok(Some(props)),
        _ => Err(D::Error::custom("props are no map")),
    }
}

/// A value on its way out.
struct Out<'a>(&'a Value);

impl Serialize for Out<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.kind {
            None | Some(Kind::NullValue(_)) => serializer.serialize_unit(),
            Some(Kind::BoolValue(value)) => serializer.serialize_bool(*value),
            Some(Kind::NumberValue(value)) => serializer.serialize_f64(*value),
            Some(Kind::StringValue(value)) => serializer.serialize_str(value),
            Some(Kind::ListValue(list)) => serializer.collect_seq(list.values.iter().map(Out)),
            Some(Kind::StructValue(map)) => {
                serializer.collect_map(map.fields.iter().map(|(key, value)| (key, Out(value))))
            }
        }
    }
}

/// A value on its way in.
struct In(Kind);

impl In {
    fn value(self) -> Value {
        Value { kind: Some(self.0) }
    }
}

impl<'de> Deserialize<'de> for In {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<In, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = In;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nil, bool, number, str, array or map")
    }

    fn visit_unit<E: Error>(self) -> Result<In, E> {
        Ok(In(Kind::NullValue(0)))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<In, E> {
        Ok(In(Kind::BoolValue(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<In, E> {
        Ok(In(Kind::NumberValue(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<In, E> {
        Ok(In(Kind::StringValue(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<In, A::Error> {
        let mut values = Vec::with_capacity(items.size_hint().unwrap_or(0).min(1024));
        while let Some(item) = items.next_element::<In>()? {
            values.push(item.value());
        }
        Ok(In(Kind::ListValue(ListValue { values })))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<In, A::Error> {
        let mut map = Struct::default();
        while let Some((key, item)) = entries.next_entry::<String, In>()? {
            map.fields.insert(key, item.value());
        }
        Ok(In(Kind::StructValue(map)))
    }
}

#[cfg(test)]
mod tests {
    use crate::post::{Post, requests};

    #[test]
    fn posts_survive_msgpack() {
        for request in requests() {
            let post = request.post.unwrap();
            let bytes = rmp_serde::to_vec_named(&post).unwrap();
            assert_eq!(rmp_serde::from_slice::<Post>(&bytes).unwrap(), post);
        }
    }

    #[test]
    fn zero_values_are_left_out() {
        let post = Post { reply_count: 7, ..Post::default() };
        assert_eq!(rmp_serde::to_vec_named(&post).unwrap(), b"\x81\xabreply_count\x07");
    }
}
