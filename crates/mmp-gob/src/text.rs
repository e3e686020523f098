//! Go's strings and byte slices.

use std::borrow::{Borrow, Cow};
use std::fmt;

use crate::codec::Gob;
use crate::error::Error;
use crate::ids::{self, TypeId};
use crate::plan::{Compiler, PlanId, Reader};
use crate::registry::Registry;
use crate::writer::Writer;

/// A Go string: bytes that usually are UTF-8. Bytes that are not survive unchanged.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoString(Vec<u8>);

/// A Go `[]byte`. Nil and empty are the same on the wire.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Vec<u8>);

macro_rules! byte_type {
    ($name:ident, $id:expr) => {
        impl $name {
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

            /// How many bytes there are.
            #[must_use]
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Whether there are none.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl From<Vec<u8>> for $name {
            fn from(bytes: Vec<u8>) -> Self {
                Self(bytes)
            }
        }

        impl From<&[u8]> for $name {
            fn from(bytes: &[u8]) -> Self {
                Self(bytes.to_vec())
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl Borrow<[u8]> for $name {
            fn borrow(&self) -> &[u8] {
                &self.0
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
                self.0.is_empty()
            }

            fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
                w.bytes(&self.0);
                Ok(())
            }

            fn decode(&mut self, r: &mut Reader<'_, '_>, _: PlanId) -> Result<(), Error> {
                let bytes = r.cursor.bytes()?;
                self.0.clear();
                self.0.extend_from_slice(bytes);
                Ok(())
            }
        }
    };
}

byte_type!(GoString, ids::STRING);
byte_type!(Bytes, ids::BYTES);

impl GoString {
    /// The text, if the bytes are UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text, with U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl From<&str> for GoString {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for GoString {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl PartialEq<str> for GoString {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for GoString {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
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
