//! Frames to gob: the values of one outgoing stream, written straight from the bytes of a frame.
//!
//! Types are defined once per stream, before the first value that needs them. There are two kinds of them: our own, made from the schema, and the host's own,
//! taken over from its stream: the reply of a hook that echoes an argument uses the latter, so that what the author did not touch goes back
//! byte for byte, whatever server version defined it.

mod any;
mod concrete;
mod echo;
mod errors;
mod plan;
mod positions;
mod reply;
mod run;
mod structs;
mod types;

use std::rc::Rc;

use mmp_gob::{TypeId, Types, ids, varint};

use crate::error::Error;
use crate::id_map::IdMap;
use crate::schema::Method;
use crate::splice::{self, Renumber};
use echo::EchoPlan;
use plan::{Op, StructPlan};
use positions::PositionalPlan;
use structs::Segment;
use types::OutTypes;

pub use types::FIRST_ID;

/// A buffer that grew beyond this for one large value gives the rest back.
const SCRATCH_KEPT: usize = 64 * 1024;

/// Transcodes onto one gob stream, which has one table of types.
#[derive(Debug, Default)]
pub struct ToGob {
    types: OutTypes,
    structs: Vec<Rc<StructPlan>>,
    struct_ids: IdMap<(u16, TypeId), usize>,
    /// The conversions of kinds into our own definitions of them, by the address of the kind, which is static.
    own_ops: IdMap<usize, Rc<Op>>,
    positional: IdMap<usize, Rc<PositionalPlan>>,
    /// By method and the host's type of the echoed result.
    echo_plans: IdMap<(u16, TypeId), Rc<EchoPlan>>,
    /// Which types of the incoming stream hold interfaces somewhere.
    interfaces: IdMap<TypeId, bool>,
    scratch: Vec<u8>,
    /// The fields written so far of the structs that are being written, innermost last.
    segments: Vec<Segment>,
}

/// What the bridge kept of the argument that a hook's result echoes.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// The argument as it was sent to the worker.
    pub frame: &'a [u8],
    /// The argument as the host sent it.
    pub gob: &'a [u8],
    /// The host's type of it.
    pub wire: TypeId,
}

impl ToGob {
    /// Appends the arguments of an API call, with the definitions that they need.
    ///
    /// # Errors
    /// When they do not fit the schema; nothing is appended then.
    pub fn call(&mut self, method: &'static Method, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.call_with_streams(method, payload, &[], out)
    }

    /// As [`ToGob::call`], with the broker numbers of the streams, in the order of the method's; those left out are 0.
    ///
    /// # Errors
    /// As [`ToGob::call`], and when there are more numbers than the method has streams.
    pub fn call_with_streams(
        &mut self,
        method: &'static Method,
        payload: &[u8],
        streams: &[u32],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let plan = self.args_plan(method)?;
        let mut values = positions::positions(payload, method.args.len())?;
        positions::check_nil(method.args, &values)?;
        let numbers = positions::stream_numbers(method, streams)?;
        if !numbers.is_empty() {
            values.resize(method.args.len(), positions::LEFT_OUT);
            values.extend(numbers.iter().map(Vec::as_slice));
        }
        let name = |position: usize| method.args.get(position).map_or("", |slot| slot.name);
        self.message(plan.wire, out, |this, body| {
            this.contents(&plan, &values, None, body, |error, position| error.in_field(name(position)))
        })
    }

    /// Appends a value message: pending definitions, then length, type and what `body` writes. On an error nothing is appended, and the definitions stay pending.
    fn message(
        &mut self,
        wire: TypeId,
        out: &mut Vec<u8>,
        body: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        self.segments.clear();
        varint::put_int(&mut scratch, i64::from(wire));
        let done = body(self, &mut scratch);
        if done.is_ok() {
            self.types.take_pending(out);
            varint::put_uint(out, scratch.len() as u64);
            out.extend_from_slice(&scratch);
        }
        scratch.shrink_to(SCRATCH_KEPT);
        self.scratch = scratch;
        done
    }
}

impl Renumber for ToGob {
    fn renumber(&mut self, id: TypeId, types: &Types) -> Result<TypeId, Error> {
        self.types.import(id, types)
    }

    fn holds_interface(&mut self, wire: TypeId, types: &Types) -> bool {
        if wire < ids::FIRST_USER {
            return wire == ids::INTERFACE;
        }
        *self.interfaces.entry(wire).or_insert_with(|| splice::reaches_interface(wire, types, &mut Vec::new()))
    }
}
