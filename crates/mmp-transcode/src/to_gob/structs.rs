//! Structs: from the entries of a frame's map to the fields of a wire struct.

use std::rc::Rc;

use mmp_gob::varint;

use super::ToGob;
use super::plan::{StructPlan, Target};
use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::msgpack::{Reader, Token};

/// The values of a frame's map, by the position of their keys in [`StructPlan::keys`].
pub(super) type Slots<'a> = Vec<Option<&'a [u8]>>;

/// A field that has been written: its number, and where its value is in the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    number: usize,
    start: usize,
    end: usize,
}

impl ToGob {
    /// The struct that the map with `count` entries at the reader becomes, with its end marker.
    ///
    /// One pass: each value is written as it is met. Keys usually come in the order of the wire; the fields are put in order at the end if they did not.
    pub(super) fn map_as_struct(
        &mut self,
        plan: &StructPlan,
        count: usize,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        check_depth(depth)?;
        let mark = self.segments.len();
        let done = if plan.needs_all {
            fill_slots(plan, count, reader, false).and_then(|slots| self.structure(plan, &slots, out, depth))
        } else {
            self.entries(plan, count, reader, out, depth)
        };
        self.segments.truncate(mark);
        done
    }

    fn entries(
        &mut self,
        plan: &StructPlan,
        count: usize,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let (base, mark) = (out.len(), self.segments.len());
        let (mut next, mut previous, mut sorted) = (0, -1, true);
        for _ in 0..count {
            let key = read_key(reader)?;
            let at = plan.find(key, next).ok_or_else(|| unknown_key(key))?;
            next = at + 1;
            let Some(field) = plan.by_key[at].map(|position| &plan.fields[position]) else {
                // The host's version of the type does not have this field.
                reader.raw()?;
                continue;
            };
            let Target::Value(op) = &field.target else { continue };
            let start = out.len();
            sorted &= field.number as i64 > previous;
            varint::put_uint(out, if sorted { (field.number as i64 - previous) as u64 } else { 0 });
            let value = out.len();
            let zero = self.value(op, reader, out, depth).map_err(|error| error.in_field(plan.keys[at]))?;
            if zero {
                out.truncate(start);
            } else {
                previous = field.number as i64;
                self.segments.push(Segment { number: field.number, start: value, end: out.len() });
            }
        }
        if !sorted {
            sort_fields(&mut self.segments[mark..], base, out);
        }
        varint::put_uint(out, 0);
        Ok(())
    }

    /// The fields of a struct that are not zero, from values that were sorted before, and the end marker.
    pub(super) fn structure(
        &mut self,
        plan: &StructPlan,
        slots: &[Option<&[u8]>],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        check_depth(depth)?;
        let mut previous = -1;
        for field in &plan.fields {
            let start = out.len();
            varint::put_uint(out, (field.number as i64 - previous) as u64);
            let zero = match &field.target {
                Target::Value(op) => match slots[field.key] {
                    None => true,
                    Some(raw) => match field.choice {
                        Some(choice) => self.any(&mut Reader::new(raw), choice.of(raw, slots)?, out, depth),
                        None => self.value(op, &mut Reader::new(raw), out, depth),
                    }
                    .map_err(|error| error.in_field(plan.keys[field.key]))?,
                },
                Target::Embedded { plan, keys } => {
                    let inner = &slots[field.key..field.key + keys];
                    let absent = inner.iter().all(Option::is_none);
                    if !absent {
                        let plan = Rc::clone(&self.structs[*plan]);
                        self.structure(&plan, inner, out, depth + 1)?;
                    }
                    absent
                }
            };
            if zero {
                out.truncate(start);
            } else {
                previous = field.number as i64;
            }
        }
        varint::put_uint(out, 0);
        Ok(())
    }
}

/// Writes the fields again from `base` on, in ascending order; of a field that came twice, the last one counts.
fn sort_fields(segments: &mut [Segment], base: usize, out: &mut Vec<u8>) {
    let written = out.split_off(base);
    segments.sort_by_key(|segment| segment.number);
    let mut previous = -1;
    for (position, segment) in segments.iter().enumerate() {
        if segments.get(position + 1).is_some_and(|next| next.number == segment.number) {
            continue;
        }
        varint::put_uint(out, (segment.number as i64 - previous) as u64);
        out.extend_from_slice(&written[segment.start - base..segment.end - base]);
        previous = segment.number as i64;
    }
}

/// Sorts the entries of a frame's map by the plan's keys. `lenient` skips keys that the struct does not have.
pub(super) fn read_slots<'a>(plan: &StructPlan, reader: &mut Reader<'a>, lenient: bool) -> Result<Slots<'a>, Error> {
    match reader.token()? {
        Token::Map(count) => fill_slots(plan, count, reader, lenient),
        other => Err(Error::expected("a struct", other.name())),
    }
}

fn fill_slots<'a>(plan: &StructPlan, count: usize, reader: &mut Reader<'a>, lenient: bool) -> Result<Slots<'a>, Error> {
    let mut slots = vec![None; plan.keys.len()];
    let mut next = 0;
    for _ in 0..count {
        let key = read_key(reader)?;
        let raw = reader.raw()?;
        match plan.find(key, next) {
            Some(at) => {
                slots[at] = Some(raw);
                next = at + 1;
            }
            None if lenient => {}
            None => return Err(unknown_key(key)),
        }
    }
    Ok(slots)
}

fn read_key<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    match reader.token()? {
        Token::Str(key) => Ok(key),
        other => Err(Error::expected("a string as key", other.name())),
    }
}

fn unknown_key(key: &[u8]) -> Error {
    Error::invalid(Problem::UnknownField(String::from_utf8_lossy(key).into_owned()))
}
