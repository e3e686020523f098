//! A call that waits for its answer.

use bytes::Bytes;
use mmp_transcode::schema::Method;
use mmp_worker::frame::{Kind, MAX_PAYLOAD};
use tokio::sync::oneshot;

use super::ErrorKind;
use super::address::Address;
use super::connection::{CallRoute, Connection};
use super::error::{ApiError, CallError};

/// Gives a call up when it is dropped before the call is over.
#[derive(Debug)]
pub(super) struct Caller {
    connection: Connection,
    address: Address,
}

impl Caller {
    pub(super) fn new(connection: Connection, address: Address) -> Caller {
        Caller { connection, address }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn address(&self) -> Address {
        self.address
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if self.connection.forget_call(self.address.id) {
            self.connection.put(self.address, Kind::Cancel, 0, &[]);
        }
    }
}

/// Calls a method without streams and waits for its answer.
pub(super) async fn call(connection: &Connection, method: &Method, args: &[u8]) -> Result<Bytes, CallError> {
    check_length(method, args)?;
    connection.room().await;
    let (answer, answered) = oneshot::channel();
    let route = CallRoute { answer: Some(answer), body_follows: false, streams: None };
    let address = connection.begin_call(method.id, 0, args, route)?;
    let _caller = Caller::new(connection.clone(), address);
    match answered.await {
        Ok(answer) => answer.map_err(CallError::Api),
        Err(_) => Err(connection.lost()),
    }
}

/// Arguments that no frame can hold are refused here.
pub(super) fn check_length(method: &Method, args: &[u8]) -> Result<(), CallError> {
    if args.len() <= MAX_PAYLOAD {
        return Ok(());
    }
    let message = format!("{}: the arguments are {} bytes long; {MAX_PAYLOAD} are the limit", method.name, args.len());
    Err(CallError::Api(ApiError { kind: ErrorKind::Invalid, message, payload: Bytes::from_static(b"\x80") }))
}
