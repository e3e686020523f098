//! Go's `url.URL`.

use crate::codec::Gob;
use crate::error::Error;
use crate::ids::TypeId;
use crate::plan::{Compiler, PlanId, Reader};
use crate::registry::Registry;
use crate::text::GoString;
use crate::wire_type::WireType;
use crate::writer::Writer;

/// A URL in its text form, which is what Go's `MarshalBinary` sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Url(
    /// The text.
    pub GoString,
);

impl Gob for Url {
    fn wire(registry: &mut Registry<'_>) -> TypeId {
        registry.define(std::any::TypeId::of::<Self>(), |_| WireType::BinaryMarshaler { name: "URL".into() })
    }

    fn plan(compiler: &mut Compiler<'_>, id: TypeId) -> Result<PlanId, Error> {
        compiler.opaque("url.URL", id, |t| matches!(t, WireType::BinaryMarshaler { .. }))
    }

    /// `MarshalBinary` has a pointer receiver, and the pointer that Go's encoder makes for it is never nil.
    fn is_zero(&self) -> bool {
        false
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        self.0.encode(w)
    }

    fn decode(&mut self, r: &mut Reader<'_, '_>, plan: PlanId) -> Result<(), Error> {
        self.0.decode(r, plan)
    }
}
