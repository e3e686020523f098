//! Interface values: a changed one keeps the Go type that it had, if it can.

use mmp_gob::{Cursor, Limits};

use super::old::Old;
use super::{Echoing, Extent};
use crate::error::Error;
use crate::msgpack::Reader;
use crate::schema::Kind;
use crate::splice::{begin_length, end_length, put_interface_head};
use crate::to_gob::any::{Hint, scalar_as};
use crate::to_gob::concrete::{basic_slice_kind, behind_pointers, looks_like, registered_kind};
use crate::to_gob::plan::Action;

impl Echoing<'_> {
    /// Writes an interface whose registered type another field has named, if it names one; returns whether it is nil.
    pub(super) fn chosen(
        &mut self,
        name: Option<&'static str>,
        now: &[u8],
        old: Option<(&[u8], Old<'_>)>,
    ) -> Result<bool, Error> {
        match old {
            Some((frame, old)) => self.nested(|this| this.interface(now, Old { frame, ..old }, name)),
            None => self.new_interface(now, name),
        }
    }

    /// Writes an interface value that was there before and is another now; returns whether it is nil. `name` is the registered type that it has to have.
    pub(super) fn interface(&mut self, now: &[u8], old: Old<'_>, name: Option<&'static str>) -> Result<bool, Error> {
        let mut cursor = Cursor::new(old.gob, Limits::default());
        let Some(head) = cursor.interface(self.types)? else {
            return self.new_interface(now, name);
        };
        if name.is_some_and(|name| name.as_bytes() != head.name) {
            return self.new_interface(now, name);
        }
        let start = cursor.position();
        cursor.skip(self.types, head.id)?;
        let inner = Old { frame: old.frame, gob: cursor.slice(start, cursor.position()), wire: head.id };
        let hint = Hint { name: head.name, wire: self.to.types.import(head.id, self.types)? };
        if scalar_as(hint, &Reader::new(now).token()?, self.out) {
            return Ok(false);
        }
        if let Some(kind) = registered_kind(head.name)
            && (name.is_some() || looks_like(kind, Reader::new(now))?)
        {
            return self.concrete(kind, hint, now, inner).map(|()| false);
        }
        if let Some(kind) = basic_slice_kind(head.name)
            && self.keeps_slice(kind, hint, now, inner)
        {
            return Ok(false);
        }
        self.new_interface(now, name)
    }

    /// A value that keeps the concrete type that it had.
    fn concrete(&mut self, kind: &'static Kind, hint: Hint<'_>, now: &[u8], old: Old<'_>) -> Result<(), Error> {
        let op = self.to.compile(behind_pointers(kind), hint.wire)?;
        put_interface_head(hint.name, hint.wire, self.out);
        let length = begin_length(self.out);
        if !matches!(op.action, Action::Struct(_)) {
            self.out.push(0);
        }
        self.value(&op, now, old, Extent::Whole)?;
        end_length(self.out, length);
        Ok(())
    }

    /// Whether all items still fit in a slice of a basic type; nothing is written if they do not.
    fn keeps_slice(&mut self, kind: &'static Kind, hint: Hint<'_>, now: &[u8], old: Old<'_>) -> bool {
        let start = self.out.len();
        let kept =
            matches!(looks_like(kind, Reader::new(now)), Ok(true)) && self.concrete(kind, hint, now, old).is_ok();
        if !kept {
            self.out.truncate(start);
        }
        kept
    }

    /// A value that has the named type, or that which a Go program would give it.
    fn new_interface(&mut self, now: &[u8], name: Option<&str>) -> Result<bool, Error> {
        self.to.any(&mut Reader::new(now), name, self.out, self.depth)
    }
}
