//! Maps, entry by entry.

use mmp_gob::varint;

use super::items::{Finder, entries};
use super::old::Old;
use super::{Echoing, Extent};
use crate::error::Error;
use crate::msgpack::{Reader, Token};
use crate::to_gob::plan::MapOp;

impl Echoing<'_> {
    /// Writes a map; returns whether nothing is in it. Entries that did not change are repeated, or left out where the host has them already.
    pub(super) fn map(&mut self, op: &MapOp, now: &[u8], old: Old<'_>, extent: Extent) -> Result<bool, Error> {
        let old = old.entries(self.types)?;
        let mut finder = Finder::new(old.iter().map(|entry| entry.key).collect());
        let mut kept = Vec::new();
        for (key, raw) in entries(now)? {
            let before = finder.find(key).map(|at| &old[at]);
            if extent == Extent::Whole || before.is_none_or(|entry| entry.value.frame != raw) {
                kept.push((key, raw, before));
            }
        }
        varint::put_uint(self.out, kept.len() as u64);
        for (key, raw, before) in &kept {
            let name = Reader::new(key).token()?;
            let done = match before {
                Some(entry) => {
                    self.out.extend_from_slice(entry.gob_key);
                    self.item(&op.value, raw, entry.value)
                }
                None => self.new_entry(op, key, &name, raw),
            };
            done.map_err(|error| match name {
                Token::Str(name) => error.in_field(&String::from_utf8_lossy(name)),
                _ => error,
            })?;
        }
        Ok(kept.is_empty())
    }

    fn new_entry(&mut self, op: &MapOp, key: &[u8], name: &Token<'_>, raw: &[u8]) -> Result<(), Error> {
        self.to.item(&op.key, &mut Reader::new(key), self.out, self.depth)?;
        self.to.entry_value(op, name, &mut Reader::new(raw), self.out, self.depth)
    }
}
