//! Lists, item by item.

use std::rc::Rc;

use mmp_gob::varint;

use super::Echoing;
use super::items::{Finder, items};
use super::old::Old;
use crate::error::Error;
use crate::msgpack::{Reader, Token};
use crate::to_gob::plan::{Action, Op, StructPlan};
use crate::to_gob::structs::read_slots;

/// Says which old item a new one was: the one with the same id; among items without ids an equal one, or, where no item came or went, the one
/// in the same place.
struct Partners<'p, 'v> {
    old: &'p [Old<'v>],
    /// The plan of the items if they have ids.
    ids: Option<&'p StructPlan>,
    finder: Finder<'v>,
    same_length: bool,
}

impl Echoing<'_> {
    /// Writes a list; returns whether nothing is in it.
    pub(super) fn list(&mut self, item: &Op, now: &[u8], old: Old<'_>) -> Result<bool, Error> {
        let old = old.items(self.types)?;
        let new = items(now)?;
        let plan = struct_plan(item).map(|plan| Rc::clone(&self.to.structs[plan]));
        let mut partners = Partners::new(&old, plan.as_deref(), new.len())?;
        varint::put_uint(self.out, new.len() as u64);
        for (index, raw) in new.iter().enumerate() {
            let done = match partners.of(index, raw)? {
                Some(old) => self.item(item, raw, old),
                None => self.to.item(item, &mut Reader::new(raw), self.out, self.depth),
            };
            done.map_err(|error| error.in_item(index))?;
        }
        Ok(new.is_empty())
    }
}

impl<'p, 'v> Partners<'p, 'v> {
    fn new(old: &'p [Old<'v>], plan: Option<&'p StructPlan>, length: usize) -> Result<Self, Error> {
        let ids = plan.filter(|plan| plan.keys.contains(&"id"));
        let mut keys = Vec::with_capacity(old.len());
        for item in old {
            keys.push(match ids {
                Some(plan) => id_of(plan, item.frame)?.unwrap_or(item.frame),
                None => item.frame,
            });
        }
        Ok(Partners { old, ids, finder: Finder::new(keys), same_length: old.len() == length })
    }

    fn of(&mut self, index: usize, raw: &[u8]) -> Result<Option<Old<'v>>, Error> {
        let id = match self.ids {
            Some(plan) => id_of(plan, raw)?,
            None => None,
        };
        if let Some(position) = self.finder.find(id.unwrap_or(raw)) {
            return Ok(Some(self.old[position]));
        }
        Ok(if id.is_none() && self.same_length { self.old.get(index).copied() } else { None })
    }
}

/// The plan of a list's items if they are structs.
fn struct_plan(item: &Op) -> Option<usize> {
    match &item.action {
        Action::Ptr(inner) => struct_plan(inner),
        Action::Struct(plan) => Some(*plan),
        _ => None,
    }
}

/// The id of a struct, as MessagePack; none for a value that is no struct or has no id.
fn id_of<'a>(plan: &StructPlan, raw: &'a [u8]) -> Result<Option<&'a [u8]>, Error> {
    let mut reader = Reader::new(raw);
    if !matches!(reader.clone().token()?, Token::Map(_)) {
        return Ok(None);
    }
    let slots = read_slots(plan, &mut reader, true)?;
    Ok(plan.keys.iter().position(|key| *key == "id").and_then(|at| slots[at]))
}
