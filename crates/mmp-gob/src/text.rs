//! Go's strings and byte slices.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use crate::codec::Gob;
use crate::error::Error;
use crate::ids::{self, TypeId};
use crate::plan::{Compiler, PlanId, Reader};
use crate::registry::Registry;
use crate::writer::Writer;

/// A Go string: text, or bytes that are not UTF-8, which survive unchanged.
///
/// It can be used like a `&str`; where the bytes are not UTF-8, that is the text with U+FFFD in their place.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoString {
    text: String,
    /// The bytes, if they are not UTF-8.
    raw: Option<Box<[u8]>>,
}

/// A Go `[]byte`. Nil and empty are the same on the wire.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Vec<u8>);

macro_rules! byte_type {
    ($name:ident, $id:expr) => {
        impl $name {
            /// How many bytes there are.
            #[must_use]
            pub fn len(&self) -> usize {
                self.as_bytes().len()
            }

            /// Whether there are none.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.as_bytes().is_empty()
            }
        }

        impl From<&[u8]> for $name {
            fn from(bytes: &[u8]) -> Self {
                bytes.to_vec().into()
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                self.as_bytes()
            }
        }

        impl From<&$name> for $name {
            fn from(other: &$name) -> Self {
                other.clone()
            }
        }

        impl Gob for $name {
            fn wire(_: &mut Registry<'_>) -> TypeId {
                $id
            }

            fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
                compiler.basic($id, id)
            }

            fn is_zero(&self) -> bool {
                self.is_empty()
            }

            fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
                w.bytes(self.as_bytes());
                Ok(())
            }

            fn decode(&mut self, r: &mut Reader<'_, '_>, _: PlanId) -> Result<(), Error> {
                self.set(r.cursor.bytes()?);
                Ok(())
            }
        }
    };
}

byte_type!(GoString, ids::STRING);
byte_type!(Bytes, ids::BYTES);

impl Bytes {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, taken out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn set(&mut self, bytes: &[u8]) {
        self.0.clear();
        self.0.extend_from_slice(bytes);
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Bytes {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl PartialEq<[u8]> for Bytes {
    fn eq(&self, other: &[u8]) -> bool {
        self.0 == other
    }
}

impl PartialEq<&[u8]> for Bytes {
    fn eq(&self, other: &&[u8]) -> bool {
        self.0 == *other
    }
}

impl GoString {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// The bytes, taken out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.raw.map_or_else(|| self.text.into_bytes(), Vec::from)
    }

    /// The text, with U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the bytes are UTF-8.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        self.raw.is_none()
    }

    /// The text, with U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.text)
    }

    fn set(&mut self, bytes: &[u8]) {
        self.text.clear();
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                self.text.push_str(text);
                self.raw = None;
            }
            Err(_) => {
                self.text.push_str(&String::from_utf8_lossy(bytes));
                self.raw = Some(bytes.into());
            }
        }
    }
}

impl Deref for GoString {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl Borrow<str> for GoString {
    fn borrow(&self) -> &str {
        &self.text
    }
}

/// As of the text, because a [`GoString`] is found in a map by its text.
impl Hash for GoString {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl AsRef<str> for GoString {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl From<Vec<u8>> for GoString {
    fn from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(error) => {
                let raw = error.into_bytes();
                Self { text: String::from_utf8_lossy(&raw).into_owned(), raw: Some(raw.into()) }
            }
        }
    }
}

impl From<&str> for GoString {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for GoString {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<String> for GoString {
    fn from(text: String) -> Self {
        Self { text, raw: None }
    }
}

impl From<Cow<'_, str>> for GoString {
    fn from(text: Cow<'_, str>) -> Self {
        text.into_owned().into()
    }
}

impl From<char> for GoString {
    fn from(text: char) -> Self {
        text.to_string().into()
    }
}

impl From<GoString> for String {
    fn from(text: GoString) -> Self {
        text.text
    }
}

impl PartialEq<str> for GoString {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for GoString {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl PartialEq<String> for GoString {
    fn eq(&self, other: &String) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<GoString> for str {
    fn eq(&self, other: &GoString) -> bool {
        other == self
    }
}

impl PartialEq<GoString> for &str {
    fn eq(&self, other: &GoString) -> bool {
        other == *self
    }
}

impl fmt::Debug for GoString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string_lossy(), f)
    }
}

impl fmt::Display for GoString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_string_lossy())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes(b\"{}\")", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    #[test]
    fn a_string_can_be_used_as_text() {
        let text = GoString::from("Hello, Ann");
        assert!(text.contains("Ann") && text.is_utf8());
        assert_eq!(text, "Hello, Ann");
        assert_eq!("Hello, Ann", text);
        assert_eq!(text.to_lowercase(), "hello, ann");
        assert_eq!(String::from(text.clone()), "Hello, Ann");
        assert_eq!(format!("{text:>12}|"), "  Hello, Ann|");
    }

    #[test]
    fn bytes_that_are_not_utf8_survive() {
        let mut text = GoString::from(vec![b'a', 0xff]);
        assert_eq!((text.as_bytes(), text.len(), text.as_str()), (&[b'a', 0xff][..], 2, "a\u{fffd}"));
        assert!(text != "a\u{fffd}" && !text.is_utf8());
        assert_ne!(text, GoString::from(vec![b'a', 0xfe]), "the bytes are compared, not the text");
        assert_eq!(text.clone().into_bytes(), [b'a', 0xff]);
        text.set(b"now it is");
        assert_eq!(text, "now it is");
    }

    #[test]
    fn entries_of_maps_are_found_by_text() {
        let pairs = || ["one", "two"].map(|key| (GoString::from(key), key.len()));
        assert_eq!(BTreeMap::from(pairs()).get("two"), Some(&3));
        assert_eq!(HashMap::from(pairs()).get("two"), Some(&3));
    }
}
