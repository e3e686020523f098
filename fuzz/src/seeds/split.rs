//! Values that Go splits over several messages, which our own encoder does not: it defines all types before a value.

use mmp_gob::varint::put_uint;
use mmp_gob::{Cursor, Limits};

/// The registered name of the values that are split: the commonest type that Go defines in the middle.
const NAME: &[u8] = b"\x0e[]interface {}";

/// The same stream as Go writes it (`Encoder.sendTypeDescriptor`): the message with the value ends behind the name of the interface's type, with the type's definition; another one goes on.
/// None if the value holds no such interface.
pub(super) fn split(gob: &[u8]) -> Option<Vec<u8>> {
    let mut messages = messages(gob)?;
    let value = messages.pop()?;
    let at = value.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let (before, after) = value.split_at(at);
    let id = cursor(after).int().ok()?;
    let definition = messages.iter().position(|message| cursor(message).int() == Ok(-id))?;
    let definition = messages.remove(definition);
    let mut out = Vec::new();
    messages.iter().for_each(|message| put_message(&mut out, &[message]));
    put_message(&mut out, &[before, definition]);
    put_message(&mut out, &[after]);
    Some(out)
}

/// The contents of all messages.
fn messages(gob: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut cursor, mut found) = (cursor(gob), Vec::new());
    while cursor.remaining() > 0 {
        let length = cursor.uint().ok()?;
        found.push(cursor.take(usize::try_from(length).ok()?).ok()?);
    }
    Some(found)
}

fn cursor(bytes: &[u8]) -> Cursor<'_> {
    Cursor::new(bytes, Limits::default())
}

fn put_message(out: &mut Vec<u8>, parts: &[&[u8]]) {
    put_uint(out, parts.iter().map(|part| part.len() as u64).sum());
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// A stream whose first value is a struct in an interface, as Go wrote it.
pub(super) const OF_GO: &[u8] = b"\x24\xff\x81\x03\x01\x01\x04Args\x01\xff\x82\x00\x01\x03\x01\x01A\x01\x0c\x00\x01\x01B\x01\x10\x00\x01\x01C\x01\x0c\x00\x00\x00\
\x2d\xff\x82\x01\x06before\x01\x03Reg\xff\x83\x03\x01\x01\x03Reg\x01\xff\x84\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01S\x01\xff\x86\x00\x00\x00\
\x17\xff\x85\x03\x01\x01\x03Sub\x01\xff\x86\x00\x01\x01\x01\x01Y\x01\x0c\x00\x00\x00\
\x14\xff\x84\x09\x01\x0a\x01\x01\x02in\x00\x00\x01\x05after\x00";
