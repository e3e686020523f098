//! Cuts a byte stream into values.

use crate::buffer::Buffer;
use crate::cursor::{Cursor, parse_uint};
use crate::error::Error;
use crate::ids::TypeId;
use crate::limits::Limits;
use crate::types::{Mark, Types};
use crate::walk::Walker;

/// The reading side of one stream and direction: bytes go in as they arrive, whole values come out.
#[derive(Debug)]
pub struct StreamReader {
    /// The types that the stream has defined.
    pub types: Types,
    limits: Limits,
    buffer: Buffer,
    /// A split value whose end has not been found yet.
    partial: Option<Partial>,
    /// The fault after which the stream cannot be read on.
    broken: Option<Error>,
}

/// A value at the start of the buffer, of which messages are missing.
#[derive(Debug)]
struct Partial {
    walker: Walker,
    /// Where the walk stopped, and the end of the message there.
    at: (usize, usize),
    /// The types before the value.
    mark: Mark,
    then: Then,
}

/// What to do when the end of a split value has been found.
#[derive(Debug)]
enum Then {
    /// Decode it.
    Read(Value),
    /// Report why decoding it failed.
    Fail(Error),
    /// Nothing: it was decoded without reading it to its end.
    Discard,
}

/// A whole value: its type, and where its first message and its first byte are.
#[derive(Debug, Clone, Copy)]
struct Value {
    id: TypeId,
    start: usize,
    end: usize,
}

impl StreamReader {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { types: Types::new(limits), limits, buffer: Buffer::default(), partial: None, broken: None }
    }

    /// Adds bytes that have arrived; after a fault that ended the stream they are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.buffer.push(bytes);
        }
    }

    /// How many bytes have arrived and belong to no value yet.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.bytes().len()
    }

    /// Calls `f` with the type of the next value and a cursor at its first byte. `Ok(None)`: not all of it has arrived.
    ///
    /// Definitions before the value are taken into the table. For a value that is not a struct, the zero byte that precedes it has been
    /// consumed. When a value is split over messages that have not all arrived, reading at the joint fails with [`Error::NeedMore`], which `f` has to
    /// pass on; it is called again with the same value when the rest is there, so it must have no lasting effect before it returns `Ok`.
    ///
    /// If `f` fails in any other way, the value is passed over and the error returned; the stream goes on behind it. A fault of the stream
    /// itself (in lengths or definitions) ends it: every later call returns the same error.
    pub fn next<R>(
        &mut self,
        mut f: impl FnMut(TypeId, &mut Cursor<'_>, &mut Types) -> Result<R, Error>,
    ) -> Result<Option<R>, Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let value = match self.partial.take() {
            Some(partial) => self.resume(partial)?,
            None => self.next_value()?,
        };
        match value {
            Some(value) => self.read(value, &mut f),
            None => Ok(None),
        }
    }

    /// Goes on with the walk over a split value. Returns a value to read: this one, or the one after it when this one was to be passed over.
    fn resume(&mut self, mut partial: Partial) -> Result<Option<Value>, Error> {
        let (pos, end) = partial.at;
        let mut c = Cursor::at(self.buffer.bytes(), pos, end, self.limits);
        let walked = partial.walker.run(&mut c, &mut self.types);
        let at = (c.position(), c.end());
        if walked.is_err() && c.starved() {
            self.partial = Some(Partial { at, ..partial });
            return Ok(None);
        }
        self.lost_the_way(&walked)?;
        match partial.then {
            Then::Read(value) => {
                self.types.rollback(partial.mark);
                Ok(Some(value))
            }
            Then::Fail(error) => {
                self.buffer.consume(at.1);
                Err(error)
            }
            Then::Discard => {
                self.buffer.consume(at.1);
                self.next_value()
            }
        }
    }

    /// Ends the stream if a value is nested beyond all reason: where it ends is not known, nor what it defines on the way.
    fn lost_the_way(&mut self, walked: &Result<(), Error>) -> Result<(), Error> {
        if *walked != Err(Error::TooDeep) {
            return Ok(());
        }
        self.broken = Some(Error::TooDeep);
        self.buffer.clear();
        Err(Error::TooDeep)
    }

    /// Takes definitions into the table up to the next value; None if its first message is not complete.
    fn next_value(&mut self) -> Result<Option<Value>, Error> {
        let result = self.find_value();
        if let Err(error) = &result {
            self.broken = Some(error.clone());
            self.buffer.clear();
        }
        result
    }

    fn find_value(&mut self) -> Result<Option<Value>, Error> {
        loop {
            let bytes = self.buffer.bytes();
            let Some((length, header)) = parse_uint(bytes)? else {
                return Ok(None);
            };
            if length > self.limits.max_message as u64 {
                return Err(Error::MessageTooLong(length));
            }
            let end = header + length as usize;
            if end > bytes.len() {
                return Ok(None);
            }
            // Go, too, takes an empty message for nothing at all.
            if length > 0 {
                let mut c = Cursor::at(&bytes[..end], header, end, self.limits);
                let id = c.int()?;
                if id >= 0 {
                    let id = TypeId::try_from(id).map_err(|_| Error::BadTypeId(id))?;
                    return Ok(Some(Value { id, start: c.position(), end }));
                }
                c.definition(id, &mut self.types)?;
                if c.remaining() > 0 {
                    return Err(Error::TrailingBytes);
                }
            }
            self.buffer.consume(end);
        }
    }

    fn read<R>(
        &mut self,
        value: Value,
        f: &mut impl FnMut(TypeId, &mut Cursor<'_>, &mut Types) -> Result<R, Error>,
    ) -> Result<Option<R>, Error> {
        let mark = self.types.mark();
        let mut c = Cursor::at(self.buffer.bytes(), value.start, value.end, self.limits);
        let result = begin(&mut c, &mut self.types, value.id).and_then(|()| f(value.id, &mut c, &mut self.types));
        let (whole, starved, reached) = (c.remaining() == 0, c.starved(), c.end());
        match result {
            Ok(r) if whole => {
                self.buffer.consume(reached);
                Ok(Some(r))
            }
            Ok(r) => {
                self.pass_over(value, mark, reached, Then::Discard)?;
                Ok(Some(r))
            }
            Err(_) if starved => {
                self.pass_over(value, mark, reached, Then::Read(value))?;
                Ok(None)
            }
            Err(error) => {
                self.pass_over(value, mark, reached, Then::Fail(error))?;
                Ok(None)
            }
        }
    }

    /// Walks from the start of the value to its end, which may be in later messages than the reading reached.
    fn pass_over(&mut self, value: Value, mark: Mark, reached: usize, then: Then) -> Result<(), Error> {
        self.types.rollback(mark);
        let mut c = Cursor::at(self.buffer.bytes(), value.start, value.end, self.limits);
        let walker = begin(&mut c, &mut self.types, value.id).and_then(|()| Walker::new(&mut c, &self.types, value.id));
        let walked = match walker {
            Ok(mut walker) => match walker.run(&mut c, &mut self.types) {
                Err(_) if c.starved() => {
                    self.partial = Some(Partial { walker, at: (c.position(), c.end()), mark, then });
                    return Ok(());
                }
                walked => walked,
            },
            Err(error) => Err(error),
        };
        let end = c.end().max(reached);
        self.lost_the_way(&walked)?;
        self.buffer.consume(end);
        match then {
            Then::Fail(error) => Err(error),
            // The reading went on after the end that the walk has found: it did not follow the types.
            Then::Read(_) => Err(walked.err().unwrap_or(Error::Truncated)),
            Then::Discard => Ok(()),
        }
    }
}

/// Consumes the zero byte before a whole value that is not a struct.
fn begin(c: &mut Cursor<'_>, types: &mut Types, id: TypeId) -> Result<(), Error> {
    if types.begin(id)? { Ok(()) } else { c.zero_delta() }
}
