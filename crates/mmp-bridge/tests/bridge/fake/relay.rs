//! Hooks that are left to the test: every frame of theirs goes on to it, and it says what the worker sends.

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use mmp_transcode::generated;
use mmp_worker::frame::{Header, Kind, OF_API, put_bytes_with};

use super::commands;
use super::connection::Connection;
use super::life::Worker;
use crate::bundle;

/// The API calls that the test makes have ids from here on: this and the id of its hook.
pub(crate) const CALLS: u32 = 1 << 31;

/// The relayed hooks of one connection of the worker, by id.
#[derive(Debug, Default, Clone)]
pub(crate) struct Relays {
    hooks: Arc<Mutex<HashMap<u32, Connection>>>,
}

impl Relays {
    /// Takes a hook that the test is to deal with: one with streams, or with the command for it. `sink` sends frames to the bridge.
    pub(crate) fn take(
        &self,
        worker: &Worker,
        header: Header,
        payload: &[u8],
        mut sink: impl FnMut(&[u8]) + Send + 'static,
    ) -> bool {
        let has_streams = generated::hook(header.method).is_some_and(|method| !method.streams.is_empty());
        let line = if has_streams { "relay".to_owned() } else { commands::line_of(worker, header, payload) };
        if line != "relay" {
            return false;
        }
        worker.note_hook(generated::hook(header.method).map_or("", |method| method.name), &line);
        let Ok(stream) = UnixStream::connect_addr(&bundle::relay_address(&worker.bundle)) else {
            // The test has ended.
            std::process::exit(9);
        };
        let mut from_test = Connection { stream };
        let mut to_test = from_test.twin().unwrap();
        forward(&mut to_test, header, payload);
        self.hooks.lock().unwrap().insert(header.id, to_test);
        let relays = self.clone();
        std::thread::spawn(move || {
            // One frame at a time, because other hooks may share the connection.
            while let Some((header, payload)) = from_test.next() {
                let mut frame = Vec::new();
                put_bytes_with(&mut frame, header.kind, header.flags, header.method, header.id, &payload);
                sink(&frame);
            }
            relays.hooks.lock().unwrap().remove(&header.id);
        });
        true
    }

    /// Passes a frame on if it belongs to such a hook.
    pub(crate) fn pass_on(&self, header: Header, payload: &[u8]) -> bool {
        let of_call = header.flags & OF_API != 0 || matches!(header.kind, Kind::ApiReply | Kind::ApiError);
        if of_call && header.id < CALLS {
            return false;
        }
        let id = if of_call { header.id - CALLS } else { header.id };
        let mut hooks = self.hooks.lock().unwrap();
        hooks.get_mut(&id).map(|to_test| forward(to_test, header, payload)).is_some()
    }
}

/// Passes a frame on; a test that does not listen any more has seen enough.
fn forward(to_test: &mut Connection, header: Header, payload: &[u8]) {
    let mut frame = Vec::new();
    put_bytes_with(&mut frame, header.kind, header.flags, header.method, header.id, payload);
    let _ = std::io::Write::write_all(&mut to_test.stream, &frame);
}
