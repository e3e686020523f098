//! The reply of a hook whose result is one of its arguments, changed or not.
//!
//! The author's program returns the whole object. Here it is compared with the one that was sent, field by field and byte for byte. What did not change
//! goes back as the host's own bytes, or not at all where the host fills the reply in beforehand; what did change is encoded anew, and keeps the Go type that it had
//! inside an interface where it can. So the props that nobody touched keep their types.

use std::rc::Rc;

use mmp_gob::{Cursor, Limits, TypeId, Types, WireField, WireType, varint};

use super::any::Hint;
use super::plan::{Action, Op, StructPlan, Target};
use super::run::{Slots, read_slots};
use super::{Sent, ToGob};
use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::msgpack::{Reader, Token};
use crate::schema::{Echo, EchoMode, Kind, Method};
use crate::splice::{put_interface_head as put_head, with_length};

/// A value as the host sent it, and as the worker got it.
#[derive(Debug, Clone, Copy)]
struct Before<'a> {
    frame: &'a [u8],
    gob: &'a [u8],
    /// Its type on the incoming stream.
    wire: TypeId,
}

/// Whether everything is written, or only what changed because the host merges the reply into the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    Changes,
}

impl ToGob {
    /// Appends a reply whose echoed result is present: changed, or to be repeated.
    #[expect(clippy::too_many_arguments, reason = "the pieces of one reply, all borrowed from different owners")]
    pub(super) fn echo_reply(
        &mut self,
        method: &'static Method,
        echo: Echo,
        values: &[&[u8]],
        returned: &[u8],
        sent: Sent<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let position = usize::from(echo.result);
        let slot = &method.results[position];
        let imported = self.types.import(sent.wire, types)?;
        let wire = self.echo_type(method, usize::from(slot.field), imported)?;
        let plan = self.positional_plan(&method.rpc_returns, method.results)?;
        let before = Before { frame: sent.frame, gob: sent.gob, wire: sent.wire };
        let extent = if echo.mode == EchoMode::Prefilled { Extent::Changes } else { Extent::Whole };
        self.message(wire, out, |this, body| {
            let mut previous = -1;
            for (field, at, op) in &plan.fields {
                if *at == position {
                    varint::put_uint(body, (*field as i64 - previous) as u64);
                    previous = *field as i64;
                    let done = this.echoed(&slot.kind, imported, returned, before, extent, types, body);
                    done.map_err(|error| error.in_item(position))?;
                } else if let Some(raw) = values.get(*at) {
                    this.field(*field, &mut previous, op, raw, body)?;
                }
            }
            varint::put_uint(body, 0);
            Ok(())
        })
    }

    /// The reply struct of a method, with the host's type in the place of our own for the echoed field.
    fn echo_type(&mut self, method: &'static Method, field: usize, imported: TypeId) -> Result<TypeId, Error> {
        if let Some(&wire) = self.echo_replies.get(&(method.id, imported)) {
            return Ok(wire);
        }
        let own = self.types.own(&method.rpc_returns);
        let Some(WireType::Struct { fields, .. }) = self.types.get(own).cloned() else {
            return Err(Error::invalid(Problem::Wire { expected: "a struct of results" }));
        };
        let replaced = |(at, f): (usize, WireField)| if at == field { WireField { id: imported, ..f } } else { f };
        let fields = fields.into_vec().into_iter().enumerate().map(replaced).collect();
        let wire = self.types.synthetic(fields);
        self.echo_replies.insert((method.id, imported), wire);
        Ok(wire)
    }

    #[expect(clippy::too_many_arguments, reason = "the pieces of one value, all borrowed from different owners")]
    fn echoed(
        &mut self,
        kind: &'static Kind,
        imported: TypeId,
        returned: &[u8],
        before: Before<'_>,
        extent: Extent,
        types: &mut Types,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut cursor = Cursor::new(before.gob, Limits::default());
        match kind {
            Kind::Ptr(inner) => self.echoed(inner, imported, returned, before, extent, types, out),
            _ if returned == before.frame => self.copy(before.wire, &mut cursor, types, out, 0),
            Kind::Struct(schema) => {
                let plan = self.struct_plan(schema, imported)?;
                let plan = Rc::clone(&self.structs[plan]);
                self.echo_struct(&plan, returned, before, extent, types, out, 0)
            }
            Kind::List(_) => {
                let op = self.compile(kind, imported)?;
                self.echo_list(&op, returned, before, types, out)
            }
            _ => {
                let op = self.compile(kind, imported)?;
                self.value(&op, &mut Reader::new(returned), out, 0).map(|_| ())
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the pieces of one value, all borrowed from different owners")]
    fn echo_struct(
        &mut self,
        plan: &StructPlan,
        returned: &[u8],
        before: Before<'_>,
        extent: Extent,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let now = read_slots(plan, &mut Reader::new(returned), false)?;
        let then = read_slots(plan, &mut Reader::new(before.frame), true)?;
        self.echo_fields(plan, &now, &then, before, extent, types, out, depth)
    }

    /// The fields of a struct in the order of the wire. Fields that the schema does not have (a newer server's) are repeated.
    #[expect(clippy::too_many_arguments, reason = "the pieces of one value, all borrowed from different owners")]
    fn echo_fields(
        &mut self,
        plan: &StructPlan,
        now: &[Option<&[u8]>],
        then: &[Option<&[u8]>],
        before: Before<'_>,
        extent: Extent,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        check_depth(depth)?;
        let old = old_fields(before.gob, before.wire, plan.wire_fields, types)?;
        let mut known = plan.fields.iter().peekable();
        let mut previous = -1;
        for (number, old) in old.iter().enumerate() {
            let start = out.len();
            varint::put_uint(out, (number as i64 - previous) as u64);
            let written = match known.next_if(|field| field.number == number) {
                None => self.repeat(*old, extent, types, out, depth)?,
                Some(field) => match &field.target {
                    Target::Value(op) => {
                        let (now, then) = (now[field.key], then[field.key]);
                        let done = self.echo_value(op, now, then, *old, extent, types, out, depth + 1);
                        done.map_err(|error| error.in_field(plan.keys[field.key]))?
                    }
                    Target::Embedded { plan: inner, keys } => {
                        let range = field.key..field.key + keys;
                        let (now, then) = (&now[range.clone()], &then[range]);
                        let inner = Rc::clone(&self.structs[*inner]);
                        match old {
                            _ if now == then => self.repeat(*old, extent, types, out, depth)?,
                            Some((gob, wire)) => {
                                let before = Before { frame: &[], gob, wire: *wire };
                                self.echo_fields(&inner, now, then, before, extent, types, out, depth + 1)?;
                                true
                            }
                            None => {
                                self.structure(&inner, now, out, depth + 1)?;
                                true
                            }
                        }
                    }
                },
            };
            if written {
                previous = number as i64;
            } else {
                out.truncate(start);
            }
        }
        varint::put_uint(out, 0);
        Ok(())
    }

    /// Repeats a value that did not change; false where that means leaving it out.
    fn repeat(
        &mut self,
        old: Option<(&[u8], TypeId)>,
        extent: Extent,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        match old {
            Some((gob, wire)) if extent == Extent::Whole => {
                self.copy(wire, &mut Cursor::new(gob, Limits::default()), types, out, depth)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the pieces of one value, all borrowed from different owners")]
    fn echo_value(
        &mut self,
        op: &Op,
        now: Option<&[u8]>,
        then: Option<&[u8]>,
        old: Option<(&[u8], TypeId)>,
        extent: Extent,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        if now == then {
            return self.repeat(old, extent, types, out, depth);
        }
        let Some(now) = now else { return Ok(false) };
        if let (Action::Map { value, attachments, .. }, Some(then), Some((gob, wire))) = (&op.action, then, old)
            && matches!(value.action, Action::Any)
            && Reader::new(now).token()? != Token::Nil
        {
            let before = Before { frame: then, gob, wire };
            return self.echo_map(now, before, *attachments, extent, types, out, depth);
        }
        let zero = self.value(op, &mut Reader::new(now), out, depth)?;
        Ok(!zero)
    }

    /// A map of interface values: entries that did not change are repeated with their Go types.
    #[expect(clippy::too_many_arguments, reason = "the pieces of one value, all borrowed from different owners")]
    fn echo_map(
        &mut self,
        now: &[u8],
        before: Before<'_>,
        attachments: bool,
        extent: Extent,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        check_depth(depth)?;
        let old = old_entries(before, types)?;
        let new = entries(now)?;
        let unchanged = |(key, raw): &(&[u8], &[u8])| old.iter().any(|e| e.key == *key && e.raw == *raw);
        let kept: Vec<_> = new.iter().filter(|e| extent == Extent::Whole || !unchanged(e)).collect();
        varint::put_uint(out, kept.len() as u64);
        for (key, raw) in &kept {
            put_key(key, out)?;
            let found = old.iter().find(|e| e.key == *key);
            let done = match found {
                Some(entry) => self.echo_any(raw, entry, types, out, depth + 1),
                None => self.new_any(key, raw, attachments, out, depth + 1),
            };
            done.map_err(|error| error.in_field(&String::from_utf8_lossy(key)))?;
        }
        Ok(!kept.is_empty())
    }

    fn new_any(
        &mut self,
        key: &[u8],
        raw: &[u8],
        attachments: bool,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let reader = &mut Reader::new(raw);
        if attachments && strip_string_head(key) == b"attachments" {
            return self.attachments(reader, out, depth);
        }
        self.any(reader, None, out, depth).map(|_| ())
    }

    /// An interface value that was there before: repeated, or changed within the type that it had.
    fn echo_any(
        &mut self,
        now: &[u8],
        before: &OldItem<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        check_depth(depth)?;
        let mut cursor = Cursor::new(before.gob, Limits::default());
        if now == before.raw {
            return self.copy(mmp_gob::ids::INTERFACE, &mut cursor, types, out, depth);
        }
        let Some(head) = cursor.interface(types)? else {
            return self.any(&mut Reader::new(now), None, out, depth).map(|_| ());
        };
        let start = cursor.position();
        cursor.skip(types, head.id)?;
        let inner = Before { frame: before.raw, gob: cursor.slice(start, cursor.position()), wire: head.id };
        let wire = self.types.import(head.id, types)?;
        match (head.name, Reader::new(now).token()?) {
            (b"map[string]interface {}", Token::Map(_)) => {
                put_head(head.name, wire, out);
                with_length(out, |out| {
                    out.push(0);
                    let written = self.echo_map(now, inner, false, Extent::Whole, types, out, depth)?;
                    debug_assert!(written || entries(now).is_ok_and(|entries| entries.is_empty()));
                    Ok(())
                })
            }
            (b"[]interface {}", Token::Array(_)) => {
                put_head(head.name, wire, out);
                with_length(out, |out| {
                    out.push(0);
                    self.echo_any_list(now, inner, types, out, depth)
                })
            }
            (name, Token::Array(_)) if crate::generated::REGISTERED.iter().any(|(n, _)| n.as_bytes() == name) => {
                self.changed_registered(name, wire, now, out, depth)
            }
            (name, _) => self.any(&mut Reader::new(now), Some(&Hint { name, wire }), out, depth).map(|_| ()),
        }
    }

    /// A changed value of a type that the schema knows by its registered name (attachments).
    fn changed_registered(
        &mut self,
        name: &[u8],
        wire: TypeId,
        now: &[u8],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let found = crate::generated::REGISTERED.iter().find(|(known, _)| known.as_bytes() == name);
        let Some((_, kind)) = found else {
            return self.any(&mut Reader::new(now), None, out, depth).map(|_| ());
        };
        let op = self.compile(kind, wire)?;
        put_head(name, wire, out);
        with_length(out, |out| {
            out.push(0);
            self.value(&op, &mut Reader::new(now), out, depth + 1).map(|_| ())
        })
    }

    fn echo_any_list(
        &mut self,
        now: &[u8],
        before: Before<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let old = old_items(before, types)?;
        let new = items(now)?;
        varint::put_uint(out, new.len() as u64);
        for (index, raw) in new.iter().enumerate() {
            let done = match old.get(index) {
                Some(item) => self.echo_any(raw, item, types, out, depth + 1),
                None => self.any(&mut Reader::new(raw), None, out, depth + 1).map(|_| ()),
            };
            done.map_err(|error| error.in_item(index))?;
        }
        Ok(())
    }

    /// A list of structs, in which each is matched with the one of the same id.
    fn echo_list(
        &mut self,
        op: &Op,
        returned: &[u8],
        before: Before<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let Action::List(item) = &op.action else {
            return Err(Error::expected("a list", "something else"));
        };
        let plan = match &item.action {
            Action::Ptr(inner) => match inner.action {
                Action::Struct(plan) => Some(Rc::clone(&self.structs[plan])),
                _ => None,
            },
            _ => None,
        };
        let Some(plan) = plan else {
            return self.value(op, &mut Reader::new(returned), out, 0).map(|_| ());
        };
        let old = old_items(before, types)?;
        let new = items(returned)?;
        varint::put_uint(out, new.len() as u64);
        for (index, raw) in new.iter().enumerate() {
            let id = id_of(&plan, raw)?;
            let candidates = old.get(index).into_iter().chain(&old);
            let mut same = None;
            for candidate in candidates {
                if id.is_some() && id_of(&plan, candidate.raw)? == id {
                    same = Some(candidate);
                    break;
                }
            }
            let done = match same {
                Some(item) if item.raw == *raw => {
                    self.copy(item.wire, &mut Cursor::new(item.gob, Limits::default()), types, out, 1)
                }
                Some(old) => {
                    let before = Before { frame: old.raw, gob: old.gob, wire: old.wire };
                    self.echo_struct(&plan, raw, before, Extent::Whole, types, out, 1)
                }
                None => self.item(item, &mut Reader::new(raw), out, 1),
            };
            done.map_err(|error| error.in_item(index))?;
        }
        Ok(())
    }
}

/// An item of a list or a map as it was: its key (as MessagePack), its value in the frame, its bytes and type in gob.
#[derive(Debug)]
struct OldItem<'a> {
    key: &'a [u8],
    raw: &'a [u8],
    gob: &'a [u8],
    wire: TypeId,
}

/// The fields of a struct as the host sent them, by their number.
fn old_fields<'a>(
    gob: &'a [u8],
    wire: TypeId,
    count: usize,
    types: &mut Types,
) -> Result<Vec<Option<(&'a [u8], TypeId)>>, Error> {
    let definition = types.get(wire).cloned();
    let Some(WireType::Struct { fields, .. }) = definition.as_deref() else {
        return Err(Error::invalid(Problem::Wire { expected: "a struct" }));
    };
    let mut found = vec![None; count.max(fields.len())];
    let mut cursor = Cursor::new(gob, Limits::default());
    let mut index = -1;
    while let Some(next) = cursor.field(index)? {
        index = next;
        let field = fields.get(index as usize).ok_or_else(|| Error::invalid(Problem::Order))?;
        let start = cursor.position();
        cursor.skip(types, field.id)?;
        found[index as usize] = Some((cursor.slice(start, cursor.position()), field.id));
    }
    Ok(found)
}

/// The entries of a map: the transcoder wrote them in the order of the gob value, so both are walked side by side.
fn old_entries<'a>(before: Before<'a>, types: &mut Types) -> Result<Vec<OldItem<'a>>, Error> {
    let (key, elem) = match types.get(before.wire).map(|wire| &**wire) {
        Some(WireType::Map { key, elem, .. }) => (*key, *elem),
        _ => return Err(Error::invalid(Problem::Wire { expected: "a map" })),
    };
    let mut cursor = Cursor::new(before.gob, Limits::default());
    let mut old = Vec::new();
    cursor.count()?;
    for (name, raw) in entries(before.frame)? {
        cursor.skip(types, key)?;
        let start = cursor.position();
        cursor.skip(types, elem)?;
        old.push(OldItem { key: name, raw, gob: cursor.slice(start, cursor.position()), wire: elem });
    }
    Ok(old)
}

fn old_items<'a>(before: Before<'a>, types: &mut Types) -> Result<Vec<OldItem<'a>>, Error> {
    let elem = match types.get(before.wire).map(|wire| &**wire) {
        Some(WireType::Slice { elem, .. } | WireType::Array { elem, .. }) => *elem,
        _ => return Err(Error::invalid(Problem::Wire { expected: "a list" })),
    };
    let mut cursor = Cursor::new(before.gob, Limits::default());
    let mut old = Vec::new();
    cursor.count()?;
    for raw in items(before.frame)? {
        let start = cursor.position();
        cursor.skip(types, elem)?;
        old.push(OldItem { key: &[], raw, gob: cursor.slice(start, cursor.position()), wire: elem });
    }
    Ok(old)
}

/// The entries of a frame's map; keys as whole MessagePack values.
fn entries(raw: &[u8]) -> Result<Vec<(&[u8], &[u8])>, Error> {
    let mut reader = Reader::new(raw);
    let Token::Map(count) = reader.token()? else {
        return Err(Error::expected("a map", "something else"));
    };
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        found.push((reader.raw()?, reader.raw()?));
    }
    Ok(found)
}

fn items(raw: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let mut reader = Reader::new(raw);
    let Token::Array(count) = reader.token()? else {
        return Err(Error::expected("a list", "something else"));
    };
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        found.push(reader.raw()?);
    }
    Ok(found)
}

fn put_key(key: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    match Reader::new(key).token()? {
        Token::Str(name) => {
            varint::put_bytes(out, name);
            Ok(())
        }
        _ => Err(Error::expected("a string as key", "something else")),
    }
}

fn strip_string_head(key: &[u8]) -> &[u8] {
    match Reader::new(key).token() {
        Ok(Token::Str(name)) => name,
        _ => &[],
    }
}

fn id_of<'a>(plan: &StructPlan, raw: &'a [u8]) -> Result<Option<&'a [u8]>, Error> {
    let slots: Slots<'a> = read_slots(plan, &mut Reader::new(raw), true)?;
    Ok(plan.keys.iter().position(|key| *key == "id").and_then(|at| slots[at]))
}
