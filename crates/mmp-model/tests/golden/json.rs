//! Generated types as the JSON of the vectors: Go's field names, no zero values in structs, `$bytes`, `$time`, `$binary`, `$type`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use mmp_gob::{Any, BinaryMarshaled, Bytes, GoString, GobEncoded, Map, Ptr, Time, Url, Value as GobValue};
use serde_json::{Value, json};

/// A value as JSON.
pub(crate) trait Json {
    /// The value.
    fn json(&self) -> Value;

    /// Whether Go's `reflect.Value.IsZero` is true; such fields are left out.
    fn is_zero(&self) -> bool;

    /// The value behind a pointer; differs for types with their own encoding.
    fn json_behind_pointer(&self) -> Value {
        self.json()
    }
}

macro_rules! json_structs {
    ($($name:ident { $($field:ident : $go:literal,)* })+) => {$(
        impl $crate::json::Json for $name {
            fn json(&self) -> ::serde_json::Value {
                #[allow(unused_mut, reason = "some structs have no fields")]
                let mut object = ::serde_json::Map::new();
                $(if !self.$field.is_zero() {
                    object.insert($go.to_owned(), self.$field.json());
                })*
                ::serde_json::Value::Object(object)
            }

            fn is_zero(&self) -> bool {
                true $(&& self.$field.is_zero())*
            }
        }
    )+};
}
pub(crate) use json_structs;

macro_rules! scalars {
    ($($ty:ty, $zero:expr;)+) => {$(
        impl Json for $ty {
            fn json(&self) -> Value {
                json!(self)
            }

            fn is_zero(&self) -> bool {
                *self == $zero
            }
        }
    )+};
}

scalars! {
    bool, false;
    i64, 0;
    u16, 0;
    u32, 0;
    u64, 0;
    f64, 0.0;
}

impl Json for GoString {
    fn json(&self) -> Value {
        Value::String(go_text(self.as_bytes()))
    }

    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl Json for Bytes {
    fn json(&self) -> Value {
        json!({"$bytes": BASE64.encode(self.as_bytes())})
    }

    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Json> Json for Vec<T> {
    fn json(&self) -> Value {
        self.iter().map(Json::json).collect()
    }

    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl<V: Json> Json for Map<GoString, V> {
    fn json(&self) -> Value {
        match self {
            Some(map) => map.iter().map(|(key, value)| (go_text(key.as_bytes()), value.json())).collect(),
            None => Value::Null,
        }
    }

    fn is_zero(&self) -> bool {
        self.is_none()
    }
}

impl<T: Json> Json for Ptr<T> {
    fn json(&self) -> Value {
        self.as_ref().map_or(Value::Null, |value| value.json_behind_pointer())
    }

    fn is_zero(&self) -> bool {
        self.is_none()
    }
}

impl Json for Time {
    fn json(&self) -> Value {
        json!({"$time": rfc3339(self)})
    }

    fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    fn json_behind_pointer(&self) -> Value {
        binary("*time.Time", &self.to_bytes().unwrap_or_default())
    }
}

impl Json for Url {
    fn json(&self) -> Value {
        binary("*url.URL", self.0.as_bytes())
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

macro_rules! opaque {
    ($($ty:ty),+) => {$(
        impl Json for $ty {
            fn json(&self) -> Value {
                self.0.json()
            }

            fn is_zero(&self) -> bool {
                self.0.is_empty()
            }
        }
    )+};
}

opaque!(BinaryMarshaled, GobEncoded);

impl Json for Any {
    fn json(&self) -> Value {
        match &self.0 {
            Some(inner) => interface(&inner.name, &inner.value),
            None => Value::Null,
        }
    }

    fn is_zero(&self) -> bool {
        self.is_nil()
    }
}

fn binary(name: &str, bytes: &[u8]) -> Value {
    json!({"$binary": BASE64.encode(bytes), "$type": name})
}

fn interface(name: &GoString, value: &GobValue) -> Value {
    json!({"$type": go_type(&name.to_string_lossy()), "$value": dynamic(value)})
}

/// Go's name of a type that is registered under `name`: one was renamed in Go, and a generic one is registered with its import path.
fn go_type(name: &str) -> String {
    if name == "[]*model.SlackAttachment" {
        return "[]*model.MessageAttachment".to_owned();
    }
    let head = name.split('[').next().unwrap_or_default();
    match head.rfind('/') {
        Some(slash) => name[slash + 1..].to_owned(),
        None => name.to_owned(),
    }
}

fn dynamic(value: &GobValue) -> Value {
    match value {
        GobValue::Nil => Value::Null,
        GobValue::Bool(v) => json!(v),
        GobValue::Int(v) => json!(v),
        GobValue::Uint(v) => json!(v),
        GobValue::Float(v) => json!(v),
        GobValue::Complex(re, im) => json!([re, im]),
        GobValue::Bytes(v) | GobValue::Opaque(v) => v.json(),
        GobValue::String(v) => v.json(),
        GobValue::List(items) => items.iter().map(dynamic).collect(),
        GobValue::Map(pairs) => pairs.iter().map(|(key, value)| (map_key(key), dynamic(value))).collect(),
        GobValue::Struct(v) => {
            let sent = v.fields.iter().filter(|(_, value)| !is_zero_struct(value));
            sent.map(|(name, value)| (name.to_string(), dynamic(value))).collect()
        }
        GobValue::Interface(v) => interface(&v.name, &v.value),
    }
}

/// Structs are sent even if they are zero; all other zero fields are not.
fn is_zero_struct(value: &GobValue) -> bool {
    matches!(value, GobValue::Struct(v) if v.fields.iter().all(|(_, value)| is_zero_struct(value)))
}

fn map_key(key: &GobValue) -> String {
    match dynamic(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Go's JSON shows every byte that is not UTF-8 as U+FFFD, where Rust would show some of them together as one.
fn go_text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{FFFD}'));
    }
    text
}

/// The time as Go's JSON has it: nanoseconds without trailing zeros, `Z` for UTC.
fn rfc3339(time: &Time) -> String {
    let offset = time.offset.unwrap_or(0);
    let local = time.unix() + i64::from(offset);
    let (year, month, day) = civil(local.div_euclid(86_400));
    let second = local.rem_euclid(86_400);
    let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    let nanos = format!(".{:09}", time.nanos);
    let nanos = nanos.trim_end_matches('0').trim_end_matches('.');
    let zone = match offset / 60 {
        0 => "Z".to_owned(),
        minutes => {
            format!("{}{:02}:{:02}", if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60)
        }
    };
    format!("{year:04}-{month:02}-{day:02}T{clock}{nanos}{zone}")
}

/// Year, month and day of a number of days since 1970, by Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Whether a value is the expected one. Nil and empty lists are the same on the wire, and so are nil and empty bytes.
pub(crate) fn same(got: &Value, expected: &Value) -> Result<(), String> {
    compare(got, expected, "$")
}

fn compare(got: &Value, expected: &Value, path: &str) -> Result<(), String> {
    match (got, expected) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            // The text of a time or URL says nothing that its bytes do not say.
            for key in keys.filter(|key| *key != "$string") {
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => compare(a, b, &format!("{path}.{key}"))?,
                    (a, _) => {
                        return Err(format!("{path}.{key} is {}", if a.is_some() { "too much" } else { "missing" }));
                    }
                }
            }
            Ok(())
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().try_for_each(|(at, (a, b))| compare(a, b, &format!("{path}[{at}]")))
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            if a.as_f64() == b.as_f64() {
                Ok(())
            } else {
                Err(format!("{path} is {a}, not {b}"))
            }
        }
        (a, b) if a == b || (is_empty(a) && is_empty(b)) => Ok(()),
        (a, b) => Err(format!("{path} is {a}, not {b}")),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.len() == 1 && object.get("$bytes").is_some_and(|bytes| bytes == ""),
        _ => false,
    }
}
