//! The calls of the host's response-writer service: their names, and their arguments and results in gob.
//!
//! Every HTTP exchange has a net/rpc connection of its own for this service, so every type is defined at most once per exchange.

use mmp_gob::varint::{put_bytes, put_int, put_uint};
use mmp_gob::{Error as GobError, TypeId, Types, WireType, ids};
use mmp_goplugin::netrpc::{Body, EMPTY_TYPE, put_empty, put_message};
use mmp_transcode::msgpack;

use super::headers::Headers;

/// The ids under which this side defines `[]string`, `map[string][]string` and `time.Time` on such a connection.
const STRINGS: TypeId = 64;
const HEADER: TypeId = 65;
const TIME: TypeId = 66;

/// Seconds from January 1 of the year 1, where Go's time begins, to 1970.
const UNIX_EPOCH: i64 = 62_135_596_800;

/// Which deadline of a connection is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Of reading and writing.
    Both,
    /// Of reading.
    Read,
    /// Of writing.
    Write,
}

/// A call of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// The headers that are set.
    Header,
    /// Replaces the headers; those that are not named are deleted.
    SyncHeader(Headers),
    /// Sends the status line and the headers.
    WriteHeader(u16),
    /// Sends a part of the body.
    Write(Vec<u8>),
    /// Sends what is buffered to the client.
    Flush,
    /// Takes the connection over.
    HijackResponse,
    /// Reads from the connection.
    HjConnRead(usize),
    /// Reads through the server's buffer, which may hold bytes that came with the request.
    HjConnRWRead(usize),
    /// Writes to the connection.
    HjConnWrite(Vec<u8>),
    /// Writes into the server's buffer.
    HjConnRWWrite(Vec<u8>),
    /// Sets a deadline in seconds since 1970 and nanoseconds, or none.
    HjConnSetDeadline(Direction, Option<(i64, u32)>),
    /// Closes the connection.
    HjConnClose,
}

impl Call {
    /// The method's name over net/rpc.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Call::Header => "Plugin.Header",
            Call::SyncHeader(_) => "Plugin.SyncHeader",
            Call::WriteHeader(_) => "Plugin.WriteHeader",
            Call::Write(_) => "Plugin.Write",
            Call::Flush => "Plugin.Flush",
            Call::HijackResponse => "Plugin.HijackResponse",
            Call::HjConnRead(_) => "Plugin.HjConnRead",
            Call::HjConnRWRead(_) => "Plugin.HjConnRWRead",
            Call::HjConnWrite(_) => "Plugin.HjConnWrite",
            Call::HjConnRWWrite(_) => "Plugin.HjConnRWWrite",
            Call::HjConnSetDeadline(Direction::Both, _) => "Plugin.HjConnSetDeadline",
            Call::HjConnSetDeadline(Direction::Read, _) => "Plugin.HjConnSetReadDeadline",
            Call::HjConnSetDeadline(Direction::Write, _) => "Plugin.HjConnSetWriteDeadline",
            Call::HjConnClose => "Plugin.HjConnClose",
        }
    }

    /// Appends the argument, with the definitions that the connection does not have yet.
    pub(crate) fn put(&self, defined: &mut Defined, out: &mut Vec<u8>) {
        match self {
            Call::Header | Call::Flush | Call::HijackResponse | Call::HjConnClose => {
                put_empty(out, &mut defined.empty);
            }
            Call::SyncHeader(headers) => put_headers(headers, &mut defined.header, out),
            Call::WriteHeader(status) => put_value(out, ids::INT, |out| put_int(out, i64::from(*status))),
            Call::Write(bytes) | Call::HjConnWrite(bytes) | Call::HjConnRWWrite(bytes) => put_byte_slice(bytes, out),
            Call::HjConnRead(size) => put_value(out, ids::INT, |out| put_int(out, *size as i64)),
            // Only the length of the argument counts.
            Call::HjConnRWRead(size) => put_byte_slice(&vec![0; *size], out),
            Call::HjConnSetDeadline(_, time) => put_time(*time, &mut defined.time, out),
        }
    }

    /// How many bytes of the worker's stream it carries.
    pub(crate) fn carried(&self) -> usize {
        match self {
            Call::Write(bytes) | Call::HjConnWrite(bytes) | Call::HjConnRWWrite(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

/// Which types a connection has been told of.
#[derive(Debug, Default)]
pub(crate) struct Defined {
    empty: bool,
    header: bool,
    time: bool,
}

/// A value that is no struct: its type, a zero delta, and what `value` appends.
fn put_value(out: &mut Vec<u8>, id: TypeId, value: impl FnOnce(&mut Vec<u8>)) {
    put_message(out, |out| {
        put_int(out, i64::from(id));
        out.push(0);
        value(out);
    });
}

/// As [`put_value`] for bytes, whose length is known, so that they are not moved to make room for that of the message.
fn put_byte_slice(bytes: &[u8], out: &mut Vec<u8>) {
    let mut head = Vec::with_capacity(16);
    put_int(&mut head, i64::from(ids::BYTES));
    head.push(0);
    put_uint(&mut head, bytes.len() as u64);
    put_uint(out, (head.len() + bytes.len()) as u64);
    out.extend_from_slice(&head);
    out.extend_from_slice(bytes);
}

fn put_headers(headers: &Headers, defined: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::replace(defined, true) {
        WireType::Slice { name: "".into(), elem: ids::STRING }.put_definition(STRINGS, out);
        WireType::Map { name: "Header".into(), key: ids::STRING, elem: STRINGS }.put_definition(HEADER, out);
    }
    put_value(out, HEADER, |out| {
        put_uint(out, headers.0.len() as u64);
        for (name, values) in &headers.0 {
            put_bytes(out, name);
            put_uint(out, values.len() as u64);
            values.iter().for_each(|value| put_bytes(out, value));
        }
    });
}

/// A time as `Time.MarshalBinary` writes it: version 1, seconds, nanoseconds, and -1 for UTC. None is Go's zero time.
fn put_time(time: Option<(i64, u32)>, defined: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::replace(defined, true) {
        WireType::GobEncoder { name: "Time".into() }.put_definition(TIME, out);
    }
    let (seconds, nanos) = time.unwrap_or((-UNIX_EPOCH, 0));
    put_value(out, TIME, |out| {
        put_uint(out, 15);
        out.push(1);
        out.extend_from_slice(&seconds.wrapping_add(UNIX_EPOCH).to_be_bytes());
        out.extend_from_slice(&nanos.to_be_bytes());
        out.extend_from_slice(&(-1i16).to_be_bytes());
    });
}

/// Reads the reply of `Header` and writes it as a map for the worker.
pub(crate) fn read_header(body: Body<'_, '_>, out: &mut Vec<u8>) -> Result<(), GobError> {
    let Body { type_id, cursor, types } = body;
    check_map_of_lists(type_id, types)?;
    let count = cursor.count()?;
    msgpack::put_map_len(out, count);
    for _ in 0..count {
        msgpack::put_str_lossy(out, cursor.bytes()?);
        let values = cursor.count()?;
        msgpack::put_array_len(out, values);
        for _ in 0..values {
            msgpack::put_str_lossy(out, cursor.bytes()?);
        }
    }
    Ok(())
}

/// Refuses a value that is no map from strings to lists of strings.
fn check_map_of_lists(id: TypeId, types: &Types) -> Result<(), GobError> {
    let mismatch = || GobError::KindMismatch { expected: "map[string][]string".into(), found: types.describe(id) };
    let WireType::Map { key: ids::STRING, elem, .. } = &**types.find(id)? else { return Err(mismatch()) };
    match &**types.find(*elem)? {
        WireType::Slice { elem: ids::STRING, .. } => Ok(()),
        _ => Err(mismatch()),
    }
}

/// Reads the reply of a read: bytes.
pub(crate) fn read_bytes<'a>(body: Body<'a, '_>) -> Result<&'a [u8], GobError> {
    let Body { type_id, cursor, types } = body;
    if type_id != ids::BYTES {
        return Err(GobError::KindMismatch { expected: "[]byte".into(), found: types.describe(type_id) });
    }
    cursor.bytes()
}

// The connection's own types must not meet those of net/rpc.
const _: () = assert!(TIME < EMPTY_TYPE);
