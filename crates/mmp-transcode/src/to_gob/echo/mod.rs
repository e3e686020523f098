//! The reply of a hook whose result is one of its arguments, changed or not.
//!
//! The author's program returns the whole object. Here it is compared with the one that was sent, field by field and byte for byte. What did not change
//! goes back as the host's own bytes, or not at all where the host fills the reply in beforehand; what did change is encoded anew, and keeps the Go type that it had
//! inside an interface where it can. So the props that nobody touched keep their types.

mod interface;
mod items;
mod list;
mod map;
mod old;
mod same;
mod structure;

use std::rc::Rc;

use mmp_gob::{Cursor, Limits, TypeId, Types, WireField, WireType, varint};

use super::plan::{Action, Op};
use super::positions::PositionalPlan;
use super::{Sent, ToGob};
use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::msgpack::{Reader, Token};
use crate::schema::{Echo, EchoMode, Method};
use crate::{splice, time};
use old::Old;

/// A hook's reply whose echoed result is present: changed, or to be repeated.
#[derive(Debug)]
pub(super) struct EchoReply<'a> {
    pub(super) method: &'static Method,
    pub(super) echo: Echo,
    /// All results.
    pub(super) values: &'a [&'a [u8]],
    /// The one that echoes.
    pub(super) returned: &'a [u8],
    /// What it echoes.
    pub(super) sent: Sent<'a>,
}

/// How the reply of a method is written whose echoed result has a certain type of the host.
#[derive(Debug)]
pub(super) struct EchoPlan {
    /// The reply struct.
    wire: TypeId,
    /// The conversion of the echoed result.
    op: Op,
    /// All results.
    results: Rc<PositionalPlan>,
}

/// Whether everything is written, or only what changed because the host merges the reply into the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    Changes,
}

/// The writing of one echoed value: the two streams, the output, and how deep we are in the value.
struct Echoing<'e> {
    to: &'e mut ToGob,
    /// The table of the incoming stream.
    types: &'e mut Types,
    out: &'e mut Vec<u8>,
    depth: usize,
}

impl ToGob {
    /// Appends a reply whose echoed result is present.
    pub(super) fn echo_reply(
        &mut self,
        reply: &EchoReply<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let position = usize::from(reply.echo.result);
        let plan = self.echo_plan(reply, types)?;
        let old = Old { frame: reply.sent.frame, gob: reply.sent.gob, wire: reply.sent.wire };
        let extent = if reply.echo.mode == EchoMode::Prefilled { Extent::Changes } else { Extent::Whole };
        self.message(plan.wire, out, |this, body| {
            let mut previous = -1;
            for field in &plan.results.fields {
                if field.position == position {
                    varint::put_uint(body, (field.field as i64 - previous) as u64);
                    previous = field.field as i64;
                    let mut echoing = Echoing { to: this, types, out: body, depth: 0 };
                    let done = echoing.value(&plan.op, reply.returned, old, extent);
                    done.map_err(|error| error.in_item(position))?;
                } else if let Some(raw) = reply.values.get(field.position) {
                    let done = this.field_at(field, &mut previous, raw, body);
                    done.map_err(|error| error.in_item(field.position))?;
                }
            }
            varint::put_uint(body, 0);
            Ok(())
        })
    }

    fn echo_plan(&mut self, reply: &EchoReply<'_>, types: &Types) -> Result<Rc<EchoPlan>, Error> {
        let key = (reply.method.id, reply.sent.wire);
        if let Some(plan) = self.echo_plans.get(&key) {
            return Ok(Rc::clone(plan));
        }
        let slot = &reply.method.results[usize::from(reply.echo.result)];
        let imported = self.types.import(reply.sent.wire, types)?;
        let (op, results) = (self.compile(&slot.kind, imported)?, self.results_plan(reply.method)?);
        let wire = self.echo_type(reply.method, usize::from(slot.field), imported)?;
        let plan = Rc::new(EchoPlan { wire, op, results });
        self.echo_plans.insert(key, Rc::clone(&plan));
        Ok(plan)
    }

    /// The reply struct of a method, with the host's type in the place of our own for the echoed field.
    fn echo_type(&mut self, method: &'static Method, field: usize, imported: TypeId) -> Result<TypeId, Error> {
        let own = self.types.own(&method.rpc_returns);
        let definition = self.types.get(own).cloned();
        let Some(WireType::Struct { fields, .. }) = definition.as_deref() else {
            return Err(Error::invalid(Problem::Wire { expected: "a struct of results" }));
        };
        let id = |at: usize, own: TypeId| if at == field { imported } else { own };
        let fields = fields.iter().enumerate().map(|(at, f)| WireField { name: f.name.clone(), id: id(at, f.id) });
        Ok(self.types.synthetic(fields.collect()))
    }
}

impl Echoing<'_> {
    /// Writes a value as it is now. Returns whether it is Go's zero value, or nothing that the host would have to merge: a field leaves it out.
    fn value(&mut self, op: &Op, now: &[u8], old: Old<'_>, extent: Extent) -> Result<bool, Error> {
        if now == old.frame {
            return self.repeat(old).map(|()| false);
        }
        match (&op.action, Reader::new(now).token()?) {
            (Action::Ptr(_), Token::Nil) => Ok(true),
            (Action::Ptr(inner), _) => self.value(inner, now, old, extent),
            (Action::Struct(plan), Token::Map(_)) => {
                let plan = Rc::clone(&self.to.structs[*plan]);
                self.nested(|this| this.structure(&plan, now, old, extent)).map(|()| false)
            }
            (Action::List(item), Token::Array(_)) => self.nested(|this| this.list(item, now, old)),
            (Action::Map(map), Token::Map(_)) => self.nested(|this| this.map(map, now, old, extent)),
            // Typed maps and those inside `any` go by key; a JSON document is one piece of text, which stays if it says the same.
            (Action::Json, Token::Map(_) | Token::Array(_)) if same::same(now, old.frame, self.depth)? => {
                self.repeat(old).map(|()| false)
            }
            (Action::Any, _) => self.nested(|this| this.interface(now, old, None)),
            _ => self.fresh(op, now),
        }
    }

    /// An item of a list or a map, where gob has no way to leave a value out.
    fn item(&mut self, op: &Op, now: &[u8], old: Old<'_>) -> Result<(), Error> {
        if matches!(op.action, Action::Ptr(_)) && Reader::new(now).token()? == Token::Nil {
            return Err(Error::invalid(Problem::Nil));
        }
        let start = self.out.len();
        let zero = self.value(op, now, old, Extent::Whole)?;
        if zero && self.out.len() == start {
            time::put_gob_zero(self.out);
        }
        Ok(())
    }

    /// A value that has nothing to do with an old one.
    fn fresh(&mut self, op: &Op, now: &[u8]) -> Result<bool, Error> {
        self.to.value(op, &mut Reader::new(now), self.out, self.depth)
    }

    /// A value that did not change: the host's own bytes.
    fn repeat(&mut self, old: Old<'_>) -> Result<(), Error> {
        let mut cursor = Cursor::new(old.gob, Limits::default());
        splice::copy(self.to, old.wire, &mut cursor, self.types, self.out, self.depth)
    }

    fn nested<R>(&mut self, write: impl FnOnce(&mut Self) -> Result<R, Error>) -> Result<R, Error> {
        check_depth(self.depth)?;
        self.depth += 1;
        let done = write(self);
        self.depth -= 1;
        done
    }
}
