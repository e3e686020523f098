//! Where the fields of a message are.

use super::{Decoder, malformed};
use crate::error::Error;
use crate::proto::tables::Member;
use crate::proto::wire::{self, Found, Malformed, WireType};
use crate::schema::Kind;

/// A piece of a message. A message has several if its field came several times: protobuf merges them, and to concatenate them is to merge them.
#[derive(Debug, Clone, Copy)]
pub(in crate::proto) struct Part {
    pub(in crate::proto) start: u32,
    pub(in crate::proto) end: u32,
}

/// The occurrences of a field in a message.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// How many there are.
    pub(super) count: u32,
    /// The piece of the message that has the first.
    part: u32,
    /// Where the first begins, with its tag.
    first: u32,
    /// Where the value of the last begins,
    pub(super) start: u32,
    /// and where it ends.
    pub(super) end: u32,
}

impl Seen {
    /// One occurrence, of which only the value matters.
    pub(super) fn once(start: u32, end: u32) -> Self {
        Seen { count: 1, part: 0, first: 0, start, end }
    }

    /// One more: the field that a walk is at.
    #[inline]
    pub(super) fn add(&mut self, walk: &Walk<'_, '_>) {
        if self.count == 0 {
            (self.part, self.first) = (walk.part as u32, walk.start as u32);
        }
        self.count += 1;
        (self.start, self.end) = (walk.found.start as u32, walk.found.end as u32);
    }
}

/// Steps through the fields of a message.
pub(super) struct Walk<'a, 'm> {
    input: &'a [u8],
    message: &'m [Part],
    part: usize,
    /// The input up to the end of the piece that is being read.
    bytes: &'a [u8],
    at: usize,
    /// Where the field that was read begins, with its tag.
    start: usize,
    /// The field that was read.
    pub(super) found: Found,
}

impl<'a, 'm> Walk<'a, 'm> {
    #[inline]
    pub(super) fn new(input: &'a [u8], message: &'m [Part]) -> Self {
        let found = Found { number: 0, wire: WireType::Varint, start: 0, end: 0 };
        let mut walk = Walk { input, message, part: 0, bytes: &[], at: 0, start: 0, found };
        walk.enter(0);
        walk
    }

    /// Begins at the first occurrence of a field.
    pub(super) fn from(input: &'a [u8], message: &'m [Part], seen: Seen) -> Self {
        let mut walk = Walk::new(input, message);
        walk.enter(seen.part as usize);
        walk.at = seen.first as usize;
        walk
    }

    /// Goes to the next field. False if there is none.
    #[inline]
    pub(super) fn next(&mut self) -> Result<bool, Malformed> {
        while self.at >= self.bytes.len() {
            if !self.enter(self.part + 1) {
                return Ok(false);
            }
        }
        self.start = self.at;
        self.found = wire::field(self.bytes, &mut self.at)?;
        Ok(true)
    }

    /// Goes to a piece. False if there is none.
    #[inline]
    fn enter(&mut self, part: usize) -> bool {
        let Some(piece) = self.message.get(part) else { return false };
        // Pieces are made of ranges that were found inside the input.
        self.bytes = self.input.get(..piece.end as usize).unwrap_or_default();
        (self.part, self.at) = (part, piece.start as usize);
        true
    }
}

impl<'a> Decoder<'a> {
    /// Walks a message and leaves on the stack where the fields of `members` are, in their order. Returns where on the stack; the caller takes them off again.
    pub(super) fn index<M: Member>(&mut self, members: &[M], message: &[Part]) -> Result<usize, Error> {
        let base = self.seen.len();
        self.seen.resize(base + members.len(), Seen::default());
        let mut walk = Walk::new(self.input, message);
        let mut next = 0;
        while walk.next().map_err(malformed)? {
            let found = walk.found;
            let Some(index) = position(members, found.number, next) else { continue };
            next = index;
            let member = &members[index];
            check_wire(member.kind(), found.wire).map_err(|error| match member.name() {
                "" => error.in_item(index),
                name => error.in_field(name),
            })?;
            self.seen[base + index].add(&walk);
        }
        Ok(base)
    }

    /// The occurrences of the field `number`, which holds `kind`.
    pub(super) fn find(&self, number: u32, kind: &Kind, message: &[Part]) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        let mut walk = Walk::new(self.input, message);
        while walk.next().map_err(malformed)? {
            let found = walk.found;
            if found.number == number {
                check_wire(kind, found.wire)?;
                seen.add(&walk);
            }
        }
        Ok(seen)
    }

    /// The alternative of a oneof that counts, and its occurrences: the last one, and those before it with which it merges. `wire` says how the
    /// value of an alternative is delimited.
    pub(super) fn alternative(
        &self,
        message: &[Part],
        wire: impl Fn(u32) -> Option<WireType>,
    ) -> Result<Option<(u32, Seen)>, Error> {
        let mut chosen: Option<(u32, Seen)> = None;
        let mut walk = Walk::new(self.input, message);
        while walk.next().map_err(malformed)? {
            let found = walk.found;
            let Some(wanted) = wire(found.number) else { continue };
            if found.wire != wanted {
                return Err(Error::expected(wanted.name(), found.wire.name()));
            }
            match &mut chosen {
                Some((number, seen)) if *number == found.number => seen.add(&walk),
                other => {
                    let mut seen = Seen::default();
                    seen.add(&walk);
                    *other = Some((found.number, seen));
                }
            }
        }
        Ok(chosen)
    }

    /// Hands on the pieces of the message that a field holds.
    pub(super) fn inside<R>(
        &mut self,
        seen: Seen,
        message: &[Part],
        run: impl FnOnce(&mut Self, &[Part]) -> Result<R, Error>,
    ) -> Result<R, Error> {
        match seen.count {
            0 => run(self, &[]),
            1 => run(self, &[Part { start: seen.start, end: seen.end }]),
            _ => {
                let mut parts = Vec::new();
                self.each(seen, message, |_, _, found| {
                    if found.start < found.end {
                        parts.push(Part { start: found.start as u32, end: found.end as u32 });
                    }
                    Ok(())
                })?;
                run(self, &parts)
            }
        }
    }

    /// Runs `visit` on each occurrence of a field.
    #[inline]
    pub(super) fn each(
        &mut self,
        seen: Seen,
        message: &[Part],
        mut visit: impl FnMut(&mut Self, usize, Found) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut walk = Walk::from(self.input, message, seen);
        let (mut index, mut number) = (0, 0);
        while index < seen.count as usize && walk.next().map_err(malformed)? {
            if index == 0 {
                // The walk begins at the first occurrence.
                number = walk.found.number;
            }
            if walk.found.number == number {
                visit(self, index, walk.found)?;
                index += 1;
            }
        }
        Ok(())
    }

    /// The bytes of a value.
    #[inline]
    pub(super) fn bytes(&self, start: u32, end: u32) -> &'a [u8] {
        self.input.get(start as usize..end as usize).unwrap_or_default()
    }
}

/// The member with a number. Usually the numbers are those of the positions; where they are not, the member is searched from the last one that was found.
#[inline]
fn position<M: Member>(members: &[M], number: u32, next: usize) -> Option<usize> {
    let direct = (number as usize).wrapping_sub(1);
    if members.get(direct).is_some_and(|member| member.tag() == number) {
        return Some(direct);
    }
    let (before, after) = members.split_at_checked(next)?;
    let found = after.iter().position(|member| member.tag() == number).map(|at| at + next);
    found.or_else(|| before.iter().position(|member| member.tag() == number))
}

/// Refuses a field whose value is delimited in another way than its type's. Numbers in a list may come packed or one by one.
#[inline]
pub(super) fn check_wire(kind: &Kind, found: WireType) -> Result<(), Error> {
    let (wanted, packed) = match kind {
        Kind::List(item) => (WireType::of(item), found == WireType::Len),
        kind => (WireType::of(kind), false),
    };
    if found == wanted || packed { Ok(()) } else { Err(Error::expected(wanted.name(), found.name())) }
}
