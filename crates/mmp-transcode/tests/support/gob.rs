//! Streams of gob: into frames, and read back without a schema.

use mmp_gob::{Limits, StreamReader, Value, decode_value};
use mmp_transcode::schema::Method;
use mmp_transcode::{Error, FromGob, KeptArg, Reply};

/// The host's side of one direction: bytes in, frames out.
pub(crate) struct Incoming {
    pub(crate) reader: StreamReader,
    pub(crate) from: FromGob,
    /// How many types the last value defined inside itself.
    pub(crate) definitions: u32,
}

impl Default for Incoming {
    fn default() -> Self {
        Incoming { reader: StreamReader::new(Limits::default()), from: FromGob::default(), definitions: 0 }
    }
}

impl Incoming {
    pub(crate) fn args(&mut self, method: &'static Method, bytes: &[u8]) -> Result<(Vec<u8>, Option<KeptArg>), Error> {
        self.next(bytes, |from, wire, cursor, types, frame| from.args(method, wire, cursor, types, frame))
    }

    pub(crate) fn results(&mut self, method: &'static Method, bytes: &[u8]) -> Result<(Vec<u8>, Reply), Error> {
        self.next(bytes, |from, wire, cursor, types, frame| from.results(method, wire, cursor, types, frame))
    }

    fn next<R>(
        &mut self,
        bytes: &[u8],
        mut run: impl FnMut(
            &mut FromGob,
            mmp_gob::TypeId,
            &mut mmp_gob::Cursor<'_>,
            &mut mmp_gob::Types,
            &mut Vec<u8>,
        ) -> Result<R, Error>,
    ) -> Result<(Vec<u8>, R), Error> {
        self.reader.push(bytes);
        let mut invalid = None;
        let (from, definitions) = (&mut self.from, &mut self.definitions);
        let read = self.reader.next(|wire, cursor, types| {
            let mut frame = Vec::new();
            match run(from, wire, cursor, types, &mut frame) {
                Ok(result) => {
                    *definitions = cursor.definitions();
                    Ok((frame, result))
                }
                Err(Error::Gob(error)) => Err(error),
                Err(error) => {
                    invalid = Some(error);
                    Err(mmp_gob::Error::Rejected("see the transcoder's error".into()))
                }
            }
        });
        match (read, invalid) {
            (_, Some(error)) => Err(error),
            (Ok(Some(done)), None) => Ok(done),
            (Ok(None), None) => Err(Error::Gob(mmp_gob::Error::NeedMore)),
            (Err(error), None) => Err(Error::Gob(error)),
        }
    }
}

/// Reads the next value of a stream as a tree.
pub(crate) fn next_value(reader: &mut StreamReader, bytes: &[u8]) -> Value {
    reader.push(bytes);
    let value = reader.next(|wire, cursor, types| decode_value(cursor, types, wire)).expect("gob");
    assert_eq!(reader.buffered(), 0, "one value was written");
    value.expect("a whole value")
}
