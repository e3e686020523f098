//! Errors: messages of `errors.proto` as the maps of section 6 of the frame protocol.

use super::Decoder;
use super::seen::{Part, Seen};
use crate::error::Error;
use crate::generated::types::APP_ERROR;
use crate::msgpack;
use crate::proto::tables::{ERROR_APP, ERROR_PLAIN, GO_ERROR};
use crate::proto::wire::WireType;
use crate::schema::Struct;

impl Decoder<'_> {
    /// Writes an `error` that a field holds as an `Error`; returns whether it is nil.
    pub(super) fn error(
        &mut self,
        seen: Seen,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        self.inside(seen, message, |this, message| {
            let alternative = |number| matches!(number, ERROR_APP | ERROR_PLAIN).then_some(WireType::Len);
            let Some((number, seen)) = this.alternative(message, alternative)? else {
                msgpack::put_nil(out);
                return Ok(true);
            };
            let (schema, kind) = if number == ERROR_APP { (&APP_ERROR, "app") } else { (&GO_ERROR, "error") };
            this.inside(seen, message, |this, message| this.error_map(schema, kind, message, out, depth + 1))?;
            Ok(false)
        })
    }

    /// Writes an error's map, `kind` first.
    pub(in crate::proto) fn error_map(
        &mut self,
        schema: &Struct,
        kind: &str,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let mark = msgpack::begin_map(out);
        msgpack::put_str(out, "kind");
        msgpack::put_str(out, kind);
        let entries = self.fields(schema, message, out, depth)?;
        msgpack::end_map(out, mark, entries + 1);
        Ok(())
    }
}
