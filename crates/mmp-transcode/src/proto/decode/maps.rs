//! Maps: entries in the order in which they came. Of those with the same key the last one counts, in the place of the first.

use std::collections::HashMap;

use super::seen::{Part, Seen, Walk, check_wire};
use super::values::put_integer;
use super::{Decoder, malformed};
use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::msgpack;
use crate::proto::tables::{ENTRY_KEY, ENTRY_VALUE, behind_pointers};
use crate::proto::wire::WireType;
use crate::schema::Kind;

/// Up to so many keys are compared with each other; more are looked up in a table.
const FEW: usize = 16;

/// So many bytes of a key are said in an error.
const SHOWN: usize = 64;

/// A map's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Text(&'a [u8]),
    Number(u64),
}

/// A map's entry.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    key: Key<'a>,
    /// The entry's message,
    part: Part,
    /// and where the value is in it.
    value: Seen,
}

impl<'a> Decoder<'a> {
    /// Writes a map; returns whether it is empty.
    pub(super) fn map(
        &mut self,
        key: &Kind,
        item: &Kind,
        seen: Seen,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        check_depth(depth)?;
        let base = self.entries.len();
        self.collect(key, item, seen, message, base)?;
        let count = self.entries.len() - base;
        msgpack::put_map_len(out, count);
        for at in base..base + count {
            let Entry { key: name, part, value } = self.entries[at];
            put_key(key, name, out)?;
            self.entry_value(item, value, part, out, depth + 1).map_err(|error| in_entry(error, name))?;
        }
        self.entries.truncate(base);
        Ok(count == 0)
    }

    /// Puts the entries on the stack, each key once.
    fn collect(&mut self, key: &Kind, item: &Kind, seen: Seen, message: &[Part], base: usize) -> Result<(), Error> {
        let mut table: HashMap<Key<'a>, usize> = HashMap::new();
        self.each(seen, message, |this, _, found| {
            let part = Part { start: found.start as u32, end: found.end as u32 };
            let entry = this.entry_of(key, item, part)?;
            let count = this.entries.len();
            let known = if count - base < FEW {
                this.entries[base..].iter().position(|other| other.key == entry.key).map(|at| at + base)
            } else {
                if table.is_empty() {
                    table.extend(this.entries.iter().enumerate().skip(base).map(|(at, entry)| (entry.key, at)));
                }
                let at = *table.entry(entry.key).or_insert(count);
                (at < count).then_some(at)
            };
            match known {
                Some(at) => this.entries[at] = entry,
                None => this.entries.push(entry),
            }
            Ok(())
        })
    }

    /// Reads an entry's key, and where its value is. A key that is missing is zero.
    fn entry_of(&self, key: &Kind, item: &Kind, part: Part) -> Result<Entry<'a>, Error> {
        let (mut name, mut value) = (Seen::default(), Seen::default());
        let message = [part];
        let mut walk = Walk::new(self.input, &message);
        while walk.next().map_err(malformed)? {
            let found = walk.found;
            match found.number {
                ENTRY_KEY => {
                    check_wire(key, found.wire)?;
                    name.add(&walk);
                }
                ENTRY_VALUE => {
                    // A list in a map is wrapped, so it never is packed.
                    let wanted = WireType::of(item);
                    if found.wire != wanted {
                        return Err(Error::expected(wanted.name(), found.wire.name()));
                    }
                    value.add(&walk);
                }
                _ => {}
            }
        }
        let key = match WireType::of(key) {
            WireType::Len => Key::Text(self.bytes(name.start, name.end)),
            _ => Key::Number(self.number(name).map_err(malformed)?),
        };
        Ok(Entry { key, part, value })
    }

    /// An entry's value. One that is missing is zero: no text, or a message without fields.
    fn entry_value(
        &mut self,
        item: &Kind,
        value: Seen,
        part: Part,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let item = behind_pointers(item);
        let empty = value.count == 0 && WireType::of(item) == WireType::Len;
        let value = if empty { Seen::once(part.end, part.end) } else { value };
        self.contained(item, value, &[part], out, depth).map(|_| ())
    }
}

fn put_key(kind: &Kind, key: Key<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    match key {
        Key::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| Error::invalid(Problem::Utf8))?;
            msgpack::put_str(out, text);
        }
        Key::Number(value) if matches!(kind, Kind::Bool) => msgpack::put_bool(out, value != 0),
        Key::Number(value) => put_integer(kind, value, out)?,
    }
    Ok(())
}

/// The error, inside the entry with a key; of a long one the beginning says enough.
fn in_entry(error: Error, key: Key<'_>) -> Error {
    match key {
        Key::Text(key) => error.in_field(&String::from_utf8_lossy(&key[..key.len().min(SHOWN)])),
        Key::Number(_) => error,
    }
}
