//! Types with their own encoding, as the bytes that their encoder made.

use crate::codec::Gob;
use crate::error::Error;
use crate::ids::TypeId;
use crate::plan::{Compiler, PlanId, Reader};
use crate::registry::Registry;
use crate::text::Bytes;
use crate::wire_type::WireType;
use crate::writer::Writer;

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident, $variant:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name(
            /// The bytes; none at all means that there is no value, and the field is left out.
            pub Bytes,
        );

        impl Gob for $name {
            fn wire(registry: &mut Registry<'_>) -> TypeId {
                let name = stringify!($name).into();
                registry.define(std::any::TypeId::of::<Self>(), |_| WireType::$variant { name })
            }

            fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
                compiler.opaque(stringify!($variant), id, |t| matches!(t, WireType::$variant { .. }))
            }

            fn is_zero(&self) -> bool {
                self.0.is_empty()
            }

            fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
                self.0.encode(w)
            }

            fn decode(&mut self, r: &mut Reader<'_, '_>, plan: PlanId) -> Result<(), Error> {
                self.0.decode(r, plan)
            }
        }
    )+};
}

opaque! {
    /// What `GobEncode` of some Go type returned.
    GobEncoded, GobEncoder;
    /// What `MarshalBinary` of some Go type returned.
    BinaryMarshaled, BinaryMarshaler;
    /// What `MarshalText` of some Go type returned.
    TextMarshaled, TextMarshaler;
}
