//! What the bridge sends: frames, one after the other, to whoever waits for them.

use bytes::{Buf as _, Bytes, BytesMut};
use mmp_transcode::generated;
use mmp_worker::frame::{HEADER, Header, Kind, OF_API};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::OwnedReadHalf;

use super::connection::{Connection, Duty, StreamRoute};
use super::control::Ping;
use super::error::ApiError;
use super::hook::{Event, Hook};
use super::payload;

/// How large a buffer is made.
const READ: usize = 64 * 1024;

/// How much room is left in one when another is made.
const MIN_ROOM: usize = 8 * 1024;

/// How much room is made at once for a longer frame.
const MAX_STEP: usize = 4 * 1024 * 1024;

/// A part of a stream that is shorter is copied, so that it does not keep the whole of what was read with it in memory while it waits.
const COPIED: usize = 16 * 1024;

/// Reads the connection until it ends.
pub(super) async fn read(connection: Connection, stream: OwnedReadHalf, duty: Duty) {
    let reason = match read_frames(&connection, stream, &duty).await {
        Ok(()) => "the bridge has closed the connection".to_owned(),
        Err(problem) => format!("the connection to the bridge is given up: {problem}"),
    };
    connection.close(&reason);
}

async fn read_frames(connection: &Connection, mut stream: OwnedReadHalf, duty: &Duty) -> Result<(), String> {
    let mut input = BytesMut::with_capacity(READ);
    loop {
        while let Some((header, payload)) = next_frame(&mut input)? {
            take(connection, duty, header, payload)?;
        }
        if stream.read_buf(&mut input).await.map_err(|error| error.to_string())? == 0 {
            return Ok(());
        }
        if connection.is_closed() {
            return Ok(());
        }
    }
}

/// The next whole frame, or room for more of it.
fn next_frame(input: &mut BytesMut) -> Result<Option<(Header, Bytes)>, String> {
    let header = Header::parse(input).map_err(|error| error.to_string())?;
    let missing = header.map_or(HEADER, |header| HEADER + header.len).saturating_sub(input.len());
    match header {
        Some(header) if missing == 0 => {
            input.advance(HEADER);
            Ok(Some((header, input.split_to(header.len).freeze())))
        }
        _ => {
            if input.capacity() - input.len() < missing.max(MIN_ROOM) {
                input.reserve(missing.clamp(READ, MAX_STEP));
            }
            Ok(None)
        }
    }
}

fn take(connection: &Connection, duty: &Duty, header: Header, payload: Bytes) -> Result<(), String> {
    match (header.kind, duty) {
        (Kind::ApiReply, _) => answered(connection, header.id, Ok(payload)),
        (Kind::ApiError, _) => answered(connection, header.id, Err(ApiError::read(payload))),
        (Kind::Hook, Duty::Hooks(hooks)) => match generated::hook(header.method) {
            Some(method) => hooks.called(Hook::begin(connection, method, header.id, payload)),
            None => Hook::refuse_unknown(connection, header.method, header.id),
        },
        (Kind::Cancel, Duty::Hooks(_)) if header.flags & OF_API == 0 => cancelled(connection, header.id),
        (Kind::Data | Kind::Credit | Kind::End | Kind::Hijacked, _) => stream_frame(connection, header, payload)?,
        (Kind::Stop, Duty::Control(control)) => control.stop(),
        (Kind::Ping, Duty::Control(control)) => control.pinged(Ping::new(connection, header.id)),
        // There are no `sync` connections here that the bridge could want more of.
        (Kind::Open, Duty::Control(_)) => {}
        (kind, duty) => return Err(format!("the bridge sent {kind:?} on a connection for {duty:?}")),
    }
    Ok(())
}

/// A call is answered. It is over unless a body follows, which only an answer without an error has.
fn answered(connection: &Connection, id: u32, answer: Result<Bytes, ApiError>) {
    let waiting = connection.with(|state| {
        let call = state.calls.get_mut(&id)?;
        let waiting = call.answer.take();
        let over = answer.is_err() || !call.body_follows;
        if over && let Some(streams) = state.calls.remove(&id).and_then(|call| call.streams) {
            streams.credit.close();
        }
        waiting
    });
    if let Some(waiting) = waiting {
        // Whoever asked may have gone in this moment.
        let _ = waiting.send(answer);
    }
}

fn cancelled(connection: &Connection, id: u32) {
    let cancel = connection.with(|state| state.hooks.get_mut(&id).and_then(|hook| hook.cancel.take()));
    if let Some(cancel) = cancel {
        // The hook may be answered in this moment.
        let _ = cancel.send(());
    }
}

/// A frame of a stream. What belongs to a hook or call that is over was sent before the bridge knew.
fn stream_frame(connection: &Connection, header: Header, payload: Bytes) -> Result<(), String> {
    let of_call = header.flags & OF_API != 0;
    let route: Option<StreamRoute> = connection.with(|state| {
        if of_call {
            state.calls.get(&header.id).and_then(|call| call.streams.clone())
        } else {
            state.hooks.get(&header.id).and_then(|hook| hook.streams.clone())
        }
    });
    let Some(route) = route else { return Ok(()) };
    let event = match header.kind {
        Kind::Credit => {
            route.credit.grant(payload::read_credit(&payload)?);
            return Ok(());
        }
        Kind::Data => Event::Data(if payload.len() < COPIED { Bytes::copy_from_slice(&payload) } else { payload }),
        Kind::End => Event::End(payload::read_outcome(&payload)?),
        _ => Event::Hijacked(payload::read_outcome(&payload)?),
    };
    if of_call && matches!(event, Event::End(_)) {
        // The end of the answer's body is the end of the call.
        connection.forget_call(header.id);
    }
    // The handler may take no more.
    let _ = route.events.send(event);
    Ok(())
}
