//! Structs, field by field.

use std::rc::Rc;

use mmp_gob::{Cursor, Limits, varint};

use super::old::{Old, skipped};
use super::{Echoing, Extent};
use crate::error::Error;
use crate::msgpack::Reader;
use crate::splice;
use crate::to_gob::plan::{Action, FieldOp, Op, StructPlan, Target};
use crate::to_gob::structs::read_slots;

/// The values of a struct's keys, as they are now and as they were.
#[derive(Debug, Clone, Copy)]
struct Keys<'k, 'v> {
    now: &'k [Option<&'v [u8]>],
    then: &'k [Option<&'v [u8]>],
}

impl Echoing<'_> {
    pub(super) fn structure(
        &mut self,
        plan: &StructPlan,
        now: &[u8],
        old: Old<'_>,
        extent: Extent,
    ) -> Result<(), Error> {
        let now = read_slots(plan, &mut Reader::new(now), false)?;
        let then = read_slots(plan, &mut Reader::new(old.frame), true)?;
        self.fields(plan, Keys { now: &now, then: &then }, old, extent)
    }

    fn fields(&mut self, plan: &StructPlan, keys: Keys<'_, '_>, old: Old<'_>, extent: Extent) -> Result<(), Error> {
        match extent {
            Extent::Whole => self.all_fields(plan, keys, old),
            Extent::Changes => self.changed_fields(plan, keys, old),
        }
    }

    /// All fields, in the order of the wire. Those that the schema does not have (a newer server's) are repeated.
    fn all_fields(&mut self, plan: &StructPlan, keys: Keys<'_, '_>, old: Old<'_>) -> Result<(), Error> {
        let definition = old.definition(self.types)?;
        let mut changed = plan.fields.iter().filter(|field| keys.differ(field)).peekable();
        let mut cursor = Cursor::new(old.gob, Limits::default());
        let (mut index, mut previous) = (-1, -1);
        loop {
            let next = cursor.field(index)?;
            // Before the host's next field come those that it left out and that have a value now.
            while let Some(field) = changed.next_if(|field| next.is_none_or(|next| (field.number as i64) < next)) {
                self.put(field.number, &mut previous, |this| this.field(plan, field, keys, None, Extent::Whole))?;
            }
            let Some(number) = next else { break };
            index = number;
            let number = number as usize;
            let wire = definition.field(number)?;
            if let Some(field) = changed.next_if(|field| field.number == number) {
                let old = Old { frame: &[], gob: skipped(&mut cursor, self.types, wire)?, wire };
                self.put(number, &mut previous, |this| this.field(plan, field, keys, Some(old), Extent::Whole))?;
            } else {
                self.put(number, &mut previous, |this| {
                    splice::copy(this.to, wire, &mut cursor, this.types, this.out, this.depth).map(|()| false)
                })?;
            }
        }
        varint::put_uint(self.out, 0);
        Ok(())
    }

    /// The fields that changed. The host's bytes are looked at only where an old value has a part in the new one: usually they have not.
    fn changed_fields(&mut self, plan: &StructPlan, keys: Keys<'_, '_>, old: Old<'_>) -> Result<(), Error> {
        let mut old_fields = None;
        let mut previous = -1;
        for field in plan.fields.iter().filter(|field| keys.differ(field)) {
            if old_fields.is_none() && keeps_parts(&field.target) {
                old_fields = Some(old.fields(self.types)?);
            }
            let old = old_fields.as_ref().and_then(|fields| fields.get(field.number).copied().flatten());
            self.put(field.number, &mut previous, |this| this.field(plan, field, keys, old, Extent::Changes))?;
        }
        varint::put_uint(self.out, 0);
        Ok(())
    }

    /// Writes a field with its number, unless `write` finds that it is left out.
    fn put(
        &mut self,
        number: usize,
        previous: &mut i64,
        write: impl FnOnce(&mut Self) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let start = self.out.len();
        varint::put_uint(self.out, (number as i64 - *previous) as u64);
        if write(self)? {
            self.out.truncate(start);
        } else {
            *previous = number as i64;
        }
        Ok(())
    }

    /// Writes a field that changed; returns whether it is left out.
    fn field(
        &mut self,
        plan: &StructPlan,
        field: &FieldOp,
        keys: Keys<'_, '_>,
        old: Option<Old<'_>>,
        extent: Extent,
    ) -> Result<bool, Error> {
        match &field.target {
            Target::Value(op) => {
                let (now, then) = (keys.now[field.key], keys.then[field.key]);
                let Some(now) = now else { return Ok(true) };
                let done = match (field.choice, then.zip(old)) {
                    (Some(choice), old) => self.chosen(choice.of(now, keys.now)?, now, old),
                    (None, Some((frame, old))) => self.value(op, now, Old { frame, ..old }, extent),
                    (None, None) => self.fresh(op, now),
                };
                done.map_err(|error| error.in_field(plan.keys[field.key]))
            }
            Target::Embedded { plan, keys: count } => {
                let range = field.key..field.key + count;
                let keys = Keys { now: &keys.now[range.clone()], then: &keys.then[range] };
                let plan = Rc::clone(&self.to.structs[*plan]);
                match old {
                    Some(old) => self.nested(|this| this.fields(&plan, keys, old, extent)).map(|()| false),
                    None => self.to.structure(&plan, keys.now, self.out, self.depth).map(|()| false),
                }
            }
        }
    }
}

impl Keys<'_, '_> {
    /// Whether a field is not what it was.
    fn differ(self, field: &FieldOp) -> bool {
        let count = match field.target {
            Target::Value(_) => 1,
            Target::Embedded { keys, .. } => keys,
        };
        let range = field.key..field.key + count;
        self.now[range.clone()] != self.then[range]
    }
}

/// Whether a changed value may have parts that did not change.
fn keeps_parts(target: &Target) -> bool {
    fn composite(op: &Op) -> bool {
        match &op.action {
            Action::Ptr(inner) => composite(inner),
            Action::Struct(_) | Action::List(_) | Action::Map(_) | Action::Any => true,
            _ => false,
        }
    }
    match target {
        Target::Value(op) => composite(op),
        Target::Embedded { .. } => true,
    }
}
