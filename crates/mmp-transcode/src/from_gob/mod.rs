//! Gob to frames: the values of one stream, transcoded in one pass from the bytes that arrived into the frame that leaves.
//!
//! Nothing is built in between. A plan is compiled once for each pair of expected type and wire type id, and then says for every field
//! of the wire type which key and which conversion it gets. Plans are chosen by the type that the schema expects, never by the name on the wire: Go leaves it
//! out for some types.

mod plan;
mod run;

use std::ops::Range;
use std::rc::Rc;

use mmp_gob::{Cursor, TypeId, Types, ids};

use crate::error::{Error, Problem};
use crate::id_map::IdMap;
use crate::msgpack;
use crate::schema::{Kind, Method, Slot, StreamSlot, Struct};
use crate::splice::{self, SameStream};
use plan::{Op, StructPlan};

/// Transcodes the values of one gob stream, which has one table of types.
#[derive(Debug, Default)]
pub struct FromGob {
    structs: Vec<Rc<StructPlan>>,
    struct_ids: IdMap<(u16, TypeId), usize>,
    interfaces: IdMap<TypeId, Rc<Op>>,
    positional: IdMap<(usize, TypeId), Rc<PositionalPlan>>,
    /// The numbers of the streams in the last arguments.
    streams: Vec<u32>,
}

/// What is kept of the argument that a hook's result echoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptArg {
    /// Its bytes in the output, counted from the output's length before the call.
    pub frame: Range<usize>,
    /// Its bytes as the host sent them, without definitions.
    pub gob: Vec<u8>,
    /// Its type on the wire.
    pub wire: TypeId,
}

/// What an API reply held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The output holds the array of the results.
    Results,
    /// The output holds the map of the error.
    Error,
}

/// How an RPC value becomes the positions of an array.
#[derive(Debug)]
enum PositionalPlan {
    /// What becomes of the fields of a struct.
    Fields(Vec<Position>),
    /// The value is no struct, and the only position.
    Bare(Op),
}

#[derive(Debug)]
enum Position {
    Slot(usize, Op),
    /// The number of a stream.
    Stream(usize),
    Error(Op),
    Skip(TypeId),
}

/// The parts of an RPC value.
#[derive(Clone, Copy)]
struct Parts {
    slots: &'static [Slot],
    streams: &'static [StreamSlot],
    error: Option<&'static Slot>,
}

impl FromGob {
    /// Writes the arguments of `method` as a frame's array. Returns the argument that a result echoes, if there is one and it was sent.
    ///
    /// # Errors
    /// `Error::Gob(NeedMore)` when the value continues in a message that has not arrived; nothing counts as done then.
    pub fn args(
        &mut self,
        method: &'static Method,
        wire: TypeId,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
    ) -> Result<Option<KeptArg>, Error> {
        let parts = Parts { slots: method.args, streams: method.streams, error: None };
        self.streams.clear();
        let plan = self.positional_plan(&method.rpc_args, parts, wire, types)?;
        self.streams.resize(method.streams.len(), 0);
        let watched = method.echo.map(|echo| usize::from(echo.arg));
        let (kept, _) = self.positions(&plan, method.args, watched, cursor, types, out)?;
        Ok(kept)
    }

    /// Writes the results of `method` as a frame's array, or its error as a map.
    ///
    /// # Errors
    /// As [`FromGob::args`].
    pub fn results(
        &mut self,
        method: &'static Method,
        wire: TypeId,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
    ) -> Result<Reply, Error> {
        let parts = Parts { slots: method.results, streams: &[], error: method.error.as_ref() };
        let plan = self.positional_plan(&method.rpc_returns, parts, wire, types)?;
        let (_, reply) = self.positions(&plan, method.results, None, cursor, types, out)?;
        Ok(reply)
    }

    /// The broker numbers of the streams that the last call of [`FromGob::args`] has met, in the order of the method's; 0 where the host
    /// has left one out.
    pub fn streams(&self) -> &[u32] {
        &self.streams
    }

    /// Walks an RPC struct and writes its slots in order, zero values for those that the sender left out.
    fn positions(
        &mut self,
        plan: &PositionalPlan,
        slots: &[Slot],
        watched: Option<usize>,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
    ) -> Result<(Option<KeptArg>, Reply), Error> {
        let base = out.len();
        msgpack::put_array_len(out, slots.len());
        let fields = match plan {
            PositionalPlan::Fields(fields) => fields,
            PositionalPlan::Bare(op) => {
                self.run(op, cursor, types, out, 0)?;
                return Ok((None, Reply::Results));
            }
        };
        let mut written = 0;
        let mut kept = None;
        let mut index = -1;
        while let Some(next) = cursor.field(index)? {
            index = next;
            match fields.get(index as usize) {
                Some(Position::Skip(id)) => cursor.skip(types, *id)?,
                Some(Position::Stream(at)) => {
                    let number = stream_number(cursor.uint()?)?;
                    if let Some(stream) = self.streams.get_mut(*at) {
                        *stream = number;
                    }
                }
                Some(Position::Error(op)) => {
                    out.truncate(base);
                    self.run(op, cursor, types, out, 0)?;
                    self.skip_rest(fields, index, cursor, types)?;
                    return Ok((None, Reply::Error));
                }
                Some(Position::Slot(slot, op)) => {
                    let Some(missing) = slots.get(written..*slot) else {
                        return Err(Error::invalid(Problem::Order));
                    };
                    missing.iter().for_each(|slot| put_zero(&slot.kind, out));
                    written = slot + 1;
                    let (frame, start) = (out.len() - base, cursor.clone());
                    self.run(op, cursor, types, out, 0).map_err(|error| match slots[*slot].name {
                        "" => error.in_item(*slot),
                        name => error.in_field(name),
                    })?;
                    if watched == Some(*slot) {
                        let gob = bytes_of(op.wire, &start, cursor, types)?;
                        kept = Some(KeptArg { frame: frame..out.len() - base, gob, wire: op.wire });
                    }
                }
                None => return Err(Error::invalid(Problem::Order)),
            }
        }
        slots[written..].iter().for_each(|slot| put_zero(&slot.kind, out));
        Ok((kept, Reply::Results))
    }

    fn skip_rest(
        &mut self,
        fields: &[Position],
        mut index: i64,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
    ) -> Result<(), Error> {
        while let Some(next) = cursor.field(index)? {
            index = next;
            let Some(position) = fields.get(index as usize) else {
                return Err(Error::invalid(Problem::Order));
            };
            let wire = match position {
                Position::Slot(_, op) | Position::Error(op) => op.wire,
                Position::Stream(_) => ids::UINT,
                Position::Skip(id) => *id,
            };
            cursor.skip(types, wire)?;
        }
        Ok(())
    }

    fn positional_plan(
        &mut self,
        rpc: &'static Kind,
        parts: Parts,
        wire: TypeId,
        types: &Types,
    ) -> Result<Rc<PositionalPlan>, Error> {
        let key = (std::ptr::from_ref(rpc) as usize, wire);
        if let Some(plan) = self.positional.get(&key) {
            return Ok(Rc::clone(plan));
        }
        let plan = Rc::new(match rpc {
            Kind::Struct(schema) => PositionalPlan::Fields(self.field_positions(schema, parts, wire, types)?),
            bare => PositionalPlan::Bare(self.compile(bare, wire, types)?),
        });
        self.positional.insert(key, Rc::clone(&plan));
        Ok(plan)
    }

    fn field_positions(
        &mut self,
        schema: &Struct,
        parts: Parts,
        wire: TypeId,
        types: &Types,
    ) -> Result<Vec<Position>, Error> {
        let mut positions = Vec::new();
        for field in plan::wire_fields(wire, types)? {
            let known = schema.fields.iter().position(|f| f.go == &*field.name);
            let is = |at: u16| Some(usize::from(at)) == known;
            positions.push(if let Some(slot) = parts.slots.iter().position(|slot| is(slot.field)) {
                Position::Slot(slot, self.compile(&parts.slots[slot].kind, field.id, types)?)
            } else if let Some(stream) = parts.streams.iter().position(|stream| is(stream.field)) {
                if field.id != ids::UINT {
                    return Err(Error::invalid(Problem::Wire { expected: "the number of a stream" }));
                }
                Position::Stream(stream)
            } else if let Some(slot) = parts.error.filter(|slot| is(slot.field)) {
                Position::Error(self.compile_error(&slot.kind, field.id, types)?)
            } else {
                Position::Skip(field.id)
            });
        }
        Ok(positions)
    }
}

/// Broker numbers have 32 bits; Go's decoder refuses more as we do.
fn stream_number(number: u64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| Error::invalid(Problem::Range { value: number.into(), bits: 32 }))
}

/// The bytes of a value that has just been read. Usually they are one piece; where Go put definitions of types in the middle, they are picked together.
fn bytes_of(wire: TypeId, start: &Cursor<'_>, end: &Cursor<'_>, types: &mut Types) -> Result<Vec<u8>, Error> {
    if start.definitions() == end.definitions() {
        return Ok(end.slice(start.position(), end.position()).to_vec());
    }
    let mut copy = Vec::new();
    splice::copy(&mut SameStream, wire, &mut start.replay(), types, &mut copy, 0)?;
    Ok(copy)
}

/// Writes the zero value of a kind: positions of a frame's array are never left out.
fn put_zero(kind: &Kind, out: &mut Vec<u8>) {
    match kind {
        Kind::Bool => msgpack::put_bool(out, false),
        Kind::Int(_) | Kind::Uint(_) => msgpack::put_uint(out, 0),
        Kind::Float(_) => msgpack::put_f64(out, 0.0),
        Kind::String | Kind::Url => msgpack::put_str(out, ""),
        Kind::List(_) => msgpack::put_array_len(out, 0),
        Kind::Map(..) | Kind::Struct(_) => msgpack::put_map_len(out, 0),
        Kind::Bytes | Kind::Json | Kind::Time | Kind::Any | Kind::Error | Kind::Ptr(_) => msgpack::put_nil(out),
    }
}
