//! The first messages of streams, which have more than their method's arguments.

use super::{decode, encode};
use crate::error::Error;
use crate::schema::{Kind, Method, Slot};

/// Headers: each is a name and the values that it has.
const HEADERS: Kind = Kind::Map(&Kind::String, &Kind::List(&Kind::String));

/// What HOOK has after the arguments of `ServeHTTP` and `ServeMetrics`; only the latter has the second.
static START: [Slot; 2] = [slot(3, "headers", HEADERS), slot(4, "bridge_metrics", Kind::String)];

/// `ResponseHead`.
static HEAD: [Slot; 2] = [slot(1, "status", Kind::Int(32)), slot(2, "headers", HEADERS)];

const fn slot(tag: u32, name: &'static str, kind: Kind) -> Slot {
    Slot { tag, field: 0, name, kind, nil_ok: true }
}

/// Appends the payload of HOOK of `ServeHTTP` or `ServeMetrics` as a `ServeHTTPStart` or `ServeMetricsStart`.
///
/// # Errors
/// As [`super::args_to_proto`].
pub fn http_start_to_proto(method: &Method, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    encode::positions(method.args.iter().chain(&START), payload, out)
}

/// Appends `[status, headers]`, the payload of HEAD or the results of `PluginHTTP`, as a `ResponseHead`.
///
/// # Errors
/// As [`super::args_to_proto`].
pub fn response_head_to_proto(payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    encode::positions(&HEAD, payload, out)
}

/// Appends a `ResponseHead` as `[status, headers]`.
///
/// # Errors
/// As [`super::args_from_proto`].
pub fn response_head_from_proto(message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    decode::decode(message, |decoder, message| decoder.positions(&HEAD, message, out))
}
