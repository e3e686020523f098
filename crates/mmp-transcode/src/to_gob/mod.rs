//! Frames to gob: the values of one outgoing stream, written straight from the bytes of a frame.
//!
//! Types are defined once per stream, before the first value that needs them. There are two kinds of them: our own, made from the schema, and the host's own,
//! taken over from its stream: the reply of a hook that echoes an argument uses the latter, so that what the author did not touch goes back
//! byte for byte, whatever server version defined it.

mod any;
mod copy;
mod echo;
mod plan;
mod run;
mod types;

use std::collections::HashMap;
use std::rc::Rc;

use mmp_gob::{TypeId, Types, varint};

use crate::error::{Error, Problem};
use crate::msgpack::{Reader, Token};
use crate::schema::{EchoMode, Kind, Method, Slot};
use plan::{Action, Op, StructPlan};
use types::OutTypes;

pub use types::FIRST_ID;

/// Transcodes onto one gob stream, which has one table of types.
#[derive(Debug, Default)]
pub struct ToGob {
    types: OutTypes,
    structs: Vec<Rc<StructPlan>>,
    struct_ids: HashMap<(u16, TypeId), usize>,
    positional: HashMap<usize, Rc<PositionalPlan>>,
    /// The reply structs whose echoed result has a type of the host, by method and that type.
    echo_replies: HashMap<(u16, TypeId), TypeId>,
    /// Which types of the incoming stream hold interfaces somewhere.
    interfaces: HashMap<TypeId, bool>,
    scratch: Vec<u8>,
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

/// How the positions of an array become the fields of an RPC struct.
#[derive(Debug)]
struct PositionalPlan {
    wire: TypeId,
    /// In ascending order of the field: the field, the position and the conversion.
    fields: Vec<(usize, usize, Op)>,
}

impl ToGob {
    /// Appends the arguments of an API call, with the definitions that they need.
    ///
    /// # Errors
    /// When they do not fit the schema; nothing is appended then.
    pub fn call(&mut self, method: &'static Method, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let plan = self.positional_plan(&method.rpc_args, method.args)?;
        let values = positions(payload, method.args.len())?;
        for (slot, raw) in method.args.iter().zip(values.iter().map(Some).chain(std::iter::repeat(None))) {
            let nil = raw.is_none_or(|raw| *raw == [0xc0]);
            if nil && !slot.nil_ok && matches!(slot.kind, Kind::Ptr(_)) {
                return Err(Error::invalid(Problem::Nil).in_field(slot.name));
            }
        }
        self.message(plan.wire, out, |this, body| {
            let mut previous = -1;
            for (field, position, op) in &plan.fields {
                if let Some(raw) = values.get(*position) {
                    let done = this.field(*field, &mut previous, op, raw, body);
                    done.map_err(|error| error.in_field(method.args[*position].name))?;
                }
            }
            varint::put_uint(body, 0);
            Ok(())
        })
    }

    /// Appends the reply of a hook. An empty payload is the neutral answer. `sent` is what was kept of the argument that the method's result echoes;
    /// `types` is the table of the stream that it came from.
    ///
    /// # Errors
    /// When the results do not fit the schema; nothing is appended then.
    pub fn reply(
        &mut self,
        method: &'static Method,
        payload: &[u8],
        sent: Option<Sent<'_>>,
        types: &mut Types,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let values = if payload.is_empty() { Vec::new() } else { positions(payload, method.results.len())? };
        if let (Some(echo), Some(sent)) = (method.echo, sent) {
            let returned = values.get(usize::from(echo.result)).copied();
            let unchanged = payload.is_empty() || returned == Some(sent.frame);
            let nil = returned.is_none_or(|raw| raw == [0xc0]) && !payload.is_empty();
            if !nil && (!unchanged || echo.mode == EchoMode::NilRejects) {
                let returned = if unchanged { sent.frame } else { returned.unwrap_or(sent.frame) };
                return self.echo_reply(method, echo, &values, returned, sent, types, out);
            }
            return self.results(method, &values, Some(usize::from(echo.result)), out);
        }
        self.results(method, &values, None, out)
    }

    /// Appends the zero reply of a method: no results, no error.
    ///
    /// # Errors
    /// Never for the methods of the schema.
    pub fn reply_nothing(&mut self, method: &'static Method, out: &mut Vec<u8>) -> Result<(), Error> {
        self.results(method, &[], None, out)
    }

    /// Appends the reply of a hook that failed: its error result and nothing else. `app` is the map of an AppError.
    /// A hook that has no error result gets its zero reply.
    ///
    /// # Errors
    /// When `app` is not such a map.
    pub fn reply_error(
        &mut self,
        method: &'static Method,
        message: &str,
        app: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let wire = self.types.own(&method.rpc_returns);
        let Some(slot) = &method.error else {
            return self.results(method, &[], None, out);
        };
        let op = self.own_op(&slot.kind)?;
        self.message(wire, out, |this, body| {
            varint::put_uint(body, u64::from(slot.field) + 1);
            match (&op.action, app) {
                (Action::Error, None) => this.error_string(message.as_bytes(), 0, body)?,
                (Action::Error, Some(app)) => this.app_error(&mut Reader::new(app), body, 0)?,
                (_, app) => this.app_error_struct(&op, message, app, body)?,
            }
            varint::put_uint(body, 0);
            Ok(())
        })
    }

    /// An AppError as a result of its own type; one made of a plain text is an internal error of the plugin.
    fn app_error_struct(
        &mut self,
        op: &Op,
        message: &str,
        app: Option<&[u8]>,
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut made = Vec::new();
        let raw = app.unwrap_or_else(|| {
            made = plain_app_error(message);
            &made
        });
        let plan = match &op.action {
            Action::Ptr(inner) => match inner.action {
                Action::Struct(plan) => plan,
                _ => return Err(Error::expected("an error", "something else")),
            },
            _ => return Err(Error::expected("an error", "something else")),
        };
        let plan = Rc::clone(&self.structs[plan]);
        let slots = run::read_slots(&plan, &mut Reader::new(raw), true)?;
        self.structure(&plan, &slots, body, 0)
    }

    /// The results that are ordinary values; `skip` is the position of an echoed one that stays out.
    fn results(
        &mut self,
        method: &'static Method,
        values: &[&[u8]],
        skip: Option<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let plan = self.positional_plan(&method.rpc_returns, method.results)?;
        self.message(plan.wire, out, |this, body| {
            let mut previous = -1;
            for (field, position, op) in &plan.fields {
                if skip != Some(*position)
                    && let Some(raw) = values.get(*position)
                {
                    let done = this.field(*field, &mut previous, op, raw, body);
                    done.map_err(|error| error.in_item(*position))?;
                }
            }
            varint::put_uint(body, 0);
            Ok(())
        })
    }

    /// A field of an RPC struct, unless its value is zero.
    fn field(
        &mut self,
        field: usize,
        previous: &mut i64,
        op: &Op,
        raw: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let start = body.len();
        varint::put_uint(body, (field as i64 - *previous) as u64);
        if self.value(op, &mut Reader::new(raw), body, 0)? {
            body.truncate(start);
        } else {
            *previous = field as i64;
        }
        Ok(())
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

    fn positional_plan(&mut self, rpc: &'static Kind, slots: &'static [Slot]) -> Result<Rc<PositionalPlan>, Error> {
        let key = std::ptr::from_ref(rpc) as usize;
        if let Some(plan) = self.positional.get(&key) {
            return Ok(Rc::clone(plan));
        }
        let wire = self.types.own(rpc);
        let mut fields = Vec::new();
        for (position, slot) in slots.iter().enumerate() {
            fields.push((usize::from(slot.field), position, self.own_op(&slot.kind)?));
        }
        fields.sort_by_key(|(field, ..)| *field);
        let plan = Rc::new(PositionalPlan { wire, fields });
        self.positional.insert(key, Rc::clone(&plan));
        Ok(plan)
    }
}

/// A buffer that grew beyond this for one large value gives the rest back.
const SCRATCH_KEPT: usize = 64 * 1024;

/// The items of a frame's array; `limit` is how many the method has.
fn positions(payload: &[u8], limit: usize) -> Result<Vec<&[u8]>, Error> {
    let mut reader = Reader::new(payload);
    let count = match reader.token()? {
        Token::Array(count) if count <= limit => count,
        Token::Array(found) => return Err(Error::invalid(Problem::Count { expected: limit, found })),
        other => return Err(Error::expected("a list of values", run::found(&other))),
    };
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(reader.raw()?);
    }
    Ok(values)
}

fn plain_app_error(message: &str) -> Vec<u8> {
    let mut map = Vec::new();
    let mark = crate::msgpack::begin_map(&mut map);
    crate::msgpack::put_str(&mut map, "id");
    crate::msgpack::put_str(&mut map, "plugin.hook_failed");
    crate::msgpack::put_str(&mut map, "message");
    crate::msgpack::put_str(&mut map, message);
    crate::msgpack::put_str(&mut map, "status_code");
    crate::msgpack::put_uint(&mut map, 500);
    crate::msgpack::end_map(&mut map, mark, 3);
    map
}
