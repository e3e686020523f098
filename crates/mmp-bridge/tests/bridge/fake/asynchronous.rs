//! The `async` connection of the fake worker: a thread for every hook, which share the connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use mmp_worker::frame::{Header, Kind};
use mmp_worker::messages::Role;

use super::commands::{self, Caller, Outcome};
use super::connection::Connection;
use super::life::Worker;
use super::relay::Relays;

type Waiting = Arc<Mutex<HashMap<u32, Sender<Outcome>>>>;

/// What a hook's thread has of the connection.
struct Shared {
    writer: Arc<Mutex<Connection>>,
    waiting: Waiting,
}

static NEXT_CALL: AtomicU32 = AtomicU32::new(1);

/// Opens the connection and serves it.
pub(crate) fn open(worker: &Arc<Worker>) {
    let mut connection = Connection::open(Role::Async, &worker.token);
    let writer = Arc::new(Mutex::new(connection.twin().unwrap()));
    let waiting: Waiting = Arc::default();
    let worker = Arc::clone(worker);
    std::thread::spawn(move || {
        let relays = Relays::default();
        while let Some((header, payload)) = connection.next() {
            let sink = Arc::clone(&writer);
            if header.kind == Kind::Hook {
                if relays.take(&worker, header, &payload, move |frame| sink.lock().unwrap().bytes(frame)) {
                    continue;
                }
                let mut shared = Shared { writer: Arc::clone(&writer), waiting: Arc::clone(&waiting) };
                let worker = Arc::clone(&worker);
                std::thread::spawn(move || commands::run_hook(&worker, &mut shared, header, &payload));
            } else if !relays.pass_on(header, &payload) {
                deliver(&waiting, header, payload);
            }
        }
    });
}

fn deliver(waiting: &Waiting, header: Header, payload: Vec<u8>) {
    let receiver = waiting.lock().unwrap().remove(&header.id);
    if let Some(receiver) = receiver {
        // The thread may be gone with the worker.
        let _ = receiver.send((header.kind, payload));
    }
}

impl Caller for Shared {
    fn send(&mut self, kind: Kind, method: u16, id: u32, payload: &[u8]) {
        self.writer.lock().unwrap().send(kind, method, id, payload);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.writer.lock().unwrap().bytes(bytes);
    }

    fn call(&mut self, method: u16, payload: &[u8]) -> Outcome {
        let id = NEXT_CALL.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = channel();
        self.waiting.lock().unwrap().insert(id, sender);
        self.send(Kind::ApiCall, method, id, payload);
        receiver.recv().unwrap()
    }

    fn close(&mut self) {
        self.writer.lock().unwrap().stream.shutdown(std::net::Shutdown::Both).unwrap();
    }
}
