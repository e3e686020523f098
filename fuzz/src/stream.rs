//! The host's side of a gob stream: bytes in, values and frames out.

use mmp_gob::{Cursor, Error, Interface, Limits, StreamReader, TypeId, Types, decode_value};
use mmp_transcode::schema::Method;
use mmp_transcode::{Error as Invalid, FromGob, KeptArg, Reply};

/// A stream whose values become frames.
#[derive(Debug)]
pub struct Incoming {
    /// The stream.
    pub reader: StreamReader,
    from: FromGob,
}

/// What a value has become: the error as text, which can be compared.
pub type Read<R> = Result<(Vec<u8>, R), String>;

impl Incoming {
    /// A stream from its start.
    pub fn new() -> Incoming {
        Incoming { reader: StreamReader::new(Limits::default()), from: FromGob::default() }
    }

    /// The next value as arguments; `None` when it is not there yet.
    pub fn args(&mut self, method: &'static Method) -> Option<Read<Option<KeptArg>>> {
        self.next(|from, wire, cursor, types, out| from.args(method, wire, cursor, types, out))
    }

    /// The next value as results.
    pub fn results(&mut self, method: &'static Method) -> Option<Read<Reply>> {
        self.next(|from, wire, cursor, types, out| from.results(method, wire, cursor, types, out))
    }

    fn next<R>(
        &mut self,
        mut run: impl FnMut(&mut FromGob, TypeId, &mut Cursor<'_>, &mut Types, &mut Vec<u8>) -> Result<R, Invalid>,
    ) -> Option<Read<R>> {
        let from = &mut self.from;
        let read = self.reader.next(|wire, cursor, types| {
            let mut out = Vec::new();
            match run(from, wire, cursor, types, &mut out) {
                Ok(done) => Ok((out, done)),
                Err(Invalid::Gob(error)) => Err(error),
                Err(error) => Err(Error::Rejected(error.to_string().into())),
            }
        });
        read.map_err(|error| error.to_string()).transpose()
    }

    /// Whether nothing more comes of what was pushed.
    pub fn is_over<R>(&self, last: &Option<Read<R>>) -> bool {
        match last {
            None => true,
            // A stream that cannot be read on has dropped its bytes.
            Some(Err(_)) => self.reader.buffered() == 0,
            Some(Ok(_)) => false,
        }
    }
}

impl Default for Incoming {
    fn default() -> Self {
        Incoming::new()
    }
}

/// Reads bytes that the project wrote and that must be one value: as a tree, and by skipping it.
pub fn check_one_value(bytes: &[u8], limits: Limits) -> Interface {
    let mut skipper = StreamReader::new(limits);
    skipper.push(bytes);
    let skipped = skipper.next(|id, cursor, types| cursor.skip(types, id));
    assert_eq!((skipped, skipper.buffered()), (Ok(Some(())), 0), "one value was written");
    let mut reader = StreamReader::new(limits);
    reader.push(bytes);
    let value = reader.next(tree).expect("what was written can be read");
    assert_eq!(reader.buffered(), 0, "one value was written");
    value.expect("a whole value was written")
}

/// A value as a tree with its type.
pub fn tree(id: TypeId, cursor: &mut Cursor<'_>, types: &mut Types) -> Result<Interface, Error> {
    let value = decode_value(cursor, types, id)?;
    Ok(Interface { name: "v".into(), shape: types.shape(id)?, value })
}
