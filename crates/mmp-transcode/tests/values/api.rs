//! An API method's arguments as a host reads them, and back into a frame.

use mmp_gob::{Limits, StreamReader};
use mmp_transcode::generated::{api_by_name, hook_by_name};
use mmp_transcode::{Error, ToGob};

use crate::support::frame::Frame;
use crate::support::gob::Incoming;

/// The gob of a call.
pub(crate) fn call(method: &str, arguments: &[Frame]) -> Result<Vec<u8>, Error> {
    call_raw(method, &Frame::List(arguments.to_vec()).bytes())
}

/// The gob of a call whose payload need not be MessagePack.
pub(crate) fn call_raw(method: &str, payload: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    ToGob::default().call(api_by_name(method).expect("a method"), payload, &mut out)?;
    Ok(out)
}

/// The reply of a hook that echoes nothing.
pub(crate) fn reply(hook: &str, results: &[Frame]) -> Result<Vec<u8>, Error> {
    let mut types = StreamReader::new(Limits::default()).types;
    let mut out = Vec::new();
    let payload = Frame::List(results.to_vec()).bytes();
    ToGob::default().reply(hook_by_name(hook).expect("a hook"), &payload, None, &mut types, &mut out)?;
    Ok(out)
}

/// What the host's side would show of the arguments.
pub(crate) fn back(method: &str, gob: &[u8]) -> Vec<Frame> {
    let method = api_by_name(method).expect("a method");
    let (frame, _) = Incoming::default().args(method, gob).expect("a frame");
    match Frame::parse(&frame) {
        Frame::List(arguments) => arguments,
        other => panic!("{other:?} is no list"),
    }
}

/// What arrives of one argument.
pub(crate) fn round_trip(method: &str, argument: &Frame) -> Frame {
    back(method, &call(method, std::slice::from_ref(argument)).expect("it fits")).remove(0)
}
