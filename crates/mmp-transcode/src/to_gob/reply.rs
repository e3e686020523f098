//! The replies of hooks.

use mmp_gob::{Types, varint};

use super::echo::EchoReply;
use super::plan::Op;
use super::positions::{NIL, positions};
use super::{Sent, ToGob};
use crate::error::Error;
use crate::msgpack::Reader;
use crate::schema::{EchoMode, Method};

impl ToGob {
    /// Appends the reply of a hook. An empty payload is the neutral answer; else it is the array of the results, and of the error after them if there is one.
    /// `sent` is what was kept of the argument that the method's result echoes; `types` is the table of the stream that it came from.
    ///
    /// # Errors
    /// When the results do not fit the schema; nothing is appended then.
    pub fn reply(
        &mut self,
        method: &'static Method,
        payload: &[u8],
        sent: Option<Sent<'_>>,
        types: &mut Types,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let limit = method.results.len() + usize::from(method.error.is_some());
        let values = if payload.is_empty() { Vec::new() } else { positions(payload, limit)? };
        let (Some(echo), Some(sent)) = (method.echo, sent) else {
            return self.results(method, &values, None, out);
        };
        let position = usize::from(echo.result);
        let returned = if payload.is_empty() { sent.frame } else { values.get(position).copied().unwrap_or(NIL) };
        // What the host takes for "unchanged" is nil or a field that is not there, which are the same in gob.
        if returned == NIL || (returned == sent.frame && echo.mode != EchoMode::NilRejects) {
            return self.results(method, &values, Some(position), out);
        }
        self.echo_reply(&EchoReply { method, echo, values: &values, returned, sent }, types, out)
    }

    /// Appends the zero reply of a method: no results, no error.
    ///
    /// # Errors
    /// Never for the methods of the schema.
    pub fn reply_nothing(&mut self, method: &'static Method, out: &mut Vec<u8>) -> Result<(), Error> {
        self.results(method, &[], None, out)
    }

    /// Appends the reply of a hook that failed: its error result and nothing else. `app` is the map of an AppError.
    /// A hook that has no error result gets its zero reply.
    ///
    /// # Errors
    /// When `app` is not such a map.
    pub fn reply_error(
        &mut self,
        method: &'static Method,
        message: &str,
        app: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let Some(slot) = &method.error else {
            return self.reply_nothing(method, out);
        };
        let wire = self.types.own(&method.rpc_returns);
        let op = self.error_op(slot)?;
        self.message(wire, out, |this, body| {
            varint::put_uint(body, u64::from(slot.field) + 1);
            this.failure(&op, message, app, body)?;
            varint::put_uint(body, 0);
            Ok(())
        })
    }

    /// The results and the error; `skip` is the position of an echoed one that stays out.
    fn results(
        &mut self,
        method: &'static Method,
        values: &[&[u8]],
        skip: Option<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let plan = self.results_plan(method)?;
        self.message(plan.wire, out, |this, body| this.contents(&plan, values, skip, body, Error::in_item))
    }

    /// What a handler that failed leaves in its error result.
    fn failure(&mut self, op: &Op, message: &str, app: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Error> {
        match app {
            Some(app) => self.app_failure(op, &mut Reader::new(app), out),
            None => self.text_failure(op, message.as_bytes(), out),
        }
    }
}
