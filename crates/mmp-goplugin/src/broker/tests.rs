//! The broker against a peer that this test plays by hand, with a clock of its own.

use std::time::{Duration, Instant};

use super::*;
use crate::yamux::{Config, Event, Role};

/// The plugin's broker, and the host's bare session.
struct Sides {
    broker: Broker,
    plugin: Session,
    host: Session,
    start: Instant,
}

impl Sides {
    fn new() -> Self {
        let start = Instant::now();
        Self {
            broker: Broker::new(),
            plugin: Session::new(Role::Server, Config::default(), start),
            host: Session::new(Role::Client, Config::default(), start),
            start,
        }
    }

    /// Opens a stream from the host and writes these bytes on it.
    fn dial_from_host(&mut self, bytes: &[u8]) -> (StreamId, Vec<String>) {
        let stream = self.host.open().expect("open");
        self.host.send(stream, bytes).expect("send");
        (stream, self.deliver_to_plugin())
    }

    /// Delivers the host's output to the plugin's broker, and says what came of it.
    fn deliver_to_plugin(&mut self) -> Vec<String> {
        let output = take_output(&mut self.host);
        let mut input = output.as_slice();
        let mut log = Vec::new();
        while let Some(event) = self.plugin.next_event(&mut input) {
            match event {
                Event::Opened(stream) => self.broker.opened(&mut self.plugin, stream),
                Event::Data(stream, bytes) => match self.broker.receive(&mut self.plugin, stream, bytes) {
                    Progress::Pending => {}
                    progress => log.push(format!("{stream} {progress:?}")),
                },
                Event::Finished(stream) => {
                    if let Some((_, error)) = self.broker.finished(&mut self.plugin, stream) {
                        log.push(format!("{stream} {error}"));
                    }
                }
                other => log.push(format!("{other:?}")),
            }
        }
        log
    }

    /// Delivers the plugin's output to the host, and collects the bytes and ends of streams.
    fn deliver_to_host(&mut self) -> Vec<(StreamId, Option<Vec<u8>>)> {
        let output = take_output(&mut self.plugin);
        let mut input = output.as_slice();
        let mut log = Vec::new();
        while let Some(event) = self.host.next_event(&mut input) {
            match event {
                Event::Opened(stream) => self.host.accept(stream),
                Event::Data(stream, bytes) => log.push((stream, Some(bytes.to_vec()))),
                Event::Finished(stream) => log.push((stream, None)),
                other => panic!("unexpected {other:?}"),
            }
        }
        log
    }

    fn pass(&mut self, seconds: u64) -> Vec<Expired> {
        self.plugin.advance_clock(self.start + Duration::from_secs(seconds));
        self.broker.tick(&mut self.plugin)
    }
}

fn take_output(session: &mut Session) -> Vec<u8> {
    let bytes = session.pending_output().to_vec();
    session.advance_output(bytes.len());
    bytes
}

#[test]
fn a_dial_sends_its_number_with_the_syn_and_checks_the_answer() {
    let mut sides = Sides::new();
    let stream = sides.broker.dial(&mut sides.plugin, 0x0403_0201).expect("dial");
    sides.plugin.send(stream, b"first bytes").expect("may follow at once");
    assert_eq!(sides.deliver_to_host(), [(stream, Some(vec![1, 2, 3, 4])), (stream, Some(b"first bytes".to_vec()))]);
    // The answer may come in pieces, and with the first bytes of the connection.
    sides.host.send(stream, &[1, 2]).expect("send");
    assert!(sides.deliver_to_plugin().is_empty());
    sides.host.send(stream, &[3, 4, 9]).expect("send");
    assert_eq!(sides.deliver_to_plugin(), ["2 Ready { broker_id: 67305985, dialed: true, rest: [9] }"]);
    assert_eq!(sides.broker.pending(), 0);
}

#[test]
fn a_wrong_answer_closes_the_stream() {
    let mut sides = Sides::new();
    let stream = sides.broker.dial(&mut sides.plugin, 5).expect("dial");
    sides.deliver_to_host();
    sides.host.send(stream, &[7, 0, 0, 0]).expect("send");
    let log = sides.deliver_to_plugin();
    assert_eq!(log.len(), 1);
    assert!(log[0].contains("BadAck { got: 7, expected: 5 }"), "{log:?}");
    assert_eq!(sides.deliver_to_host(), [(stream, None)]);
    let error = BrokerError::BadAck { got: 7, expected: 5 };
    assert_eq!(error.to_string(), "bad ack: 7 (expected 5)");
}

#[test]
fn a_dial_that_the_peer_closes_was_not_accepted() {
    let mut sides = Sides::new();
    let stream = sides.broker.dial(&mut sides.plugin, 5).expect("dial");
    sides.deliver_to_host();
    sides.host.close(stream);
    assert_eq!(sides.deliver_to_plugin(), ["2 broker id 5 was not accepted by the peer"]);
    assert_eq!(sides.broker.pending(), 0);
}

#[test]
fn an_accepted_number_is_written_back() {
    let mut sides = Sides::new();
    let id = sides.broker.next_id();
    assert_eq!((id, sides.broker.next_id()), (1, 2));
    assert_eq!(sides.broker.accept(&mut sides.plugin, id), None);
    let (stream, log) = sides.dial_from_host(&[1, 0, 0, 0]);
    assert_eq!(log, ["1 Ready { broker_id: 1, dialed: false, rest: [] }"]);
    assert_eq!(sides.deliver_to_host(), [(stream, Some(vec![1, 0, 0, 0]))]);
    assert_eq!(sides.pass(100), []);
}

/// Go's broker reads the number in its accept loop, so there one such dialer stops them all.
#[test]
fn a_slow_dialer_stalls_nobody() {
    let mut sides = Sides::new();
    sides.broker.accept(&mut sides.plugin, 1);
    sides.broker.accept(&mut sides.plugin, 2);
    let (slow, log) = sides.dial_from_host(&[1]);
    assert!(log.is_empty());
    let (_, log) = sides.dial_from_host(&[2, 0, 0, 0]);
    assert_eq!(log, ["3 Ready { broker_id: 2, dialed: false, rest: [] }"]);
    for byte in [0, 0] {
        sides.host.send(slow, &[byte]).expect("send");
        assert!(sides.deliver_to_plugin().is_empty());
    }
    sides.host.send(slow, &[0]).expect("send");
    assert_eq!(sides.deliver_to_plugin(), ["1 Ready { broker_id: 1, dialed: false, rest: [] }"]);
}

#[test]
fn a_dialer_that_never_sends_its_number_is_closed_in_the_end() {
    let mut sides = Sides::new();
    let (stream, _) = sides.dial_from_host(&[1, 0]);
    sides.deliver_to_host();
    assert_eq!(sides.pass(74), []);
    assert_eq!(sides.pass(75), [Expired::Stream(stream)]);
    assert_eq!(sides.deliver_to_host(), [(stream, None)]);
    assert_eq!(sides.broker.pending(), 0);
}

#[test]
fn an_early_dial_is_parked_with_its_bytes() {
    let mut sides = Sides::new();
    let (stream, log) = sides.dial_from_host(&[9, 0, 0, 0, b'a']);
    assert!(log.is_empty());
    sides.host.send(stream, b"bc").expect("send");
    assert!(sides.deliver_to_plugin().is_empty());
    assert_eq!(sides.deliver_to_host(), [], "no answer before the accept");
    assert_eq!(sides.pass(4), []);
    let parked = sides.broker.accept(&mut sides.plugin, 9).expect("parked");
    assert_eq!(parked, Parked { stream, early: b"abc".to_vec(), finished: false });
    assert_eq!(sides.deliver_to_host(), [(stream, Some(vec![9, 0, 0, 0]))]);
    assert_eq!(sides.broker.pending(), 0);
}

#[test]
fn a_dial_that_nobody_accepts_is_closed_after_five_seconds() {
    let mut sides = Sides::new();
    let (stream, _) = sides.dial_from_host(&[9, 0, 0, 0]);
    sides.deliver_to_host();
    let deadline = sides.broker.next_deadline().expect("a deadline");
    assert_eq!(deadline, sides.start + ACCEPT_TIMEOUT);
    assert_eq!(sides.pass(5), [Expired::Stream(stream)]);
    assert_eq!(sides.deliver_to_host(), [(stream, None)]);
    // Too late: this accept waits for another dial.
    assert_eq!(sides.broker.accept(&mut sides.plugin, 9), None);
}

#[test]
fn an_accept_that_nobody_dials_ends_after_five_seconds() {
    let mut sides = Sides::new();
    sides.broker.accept(&mut sides.plugin, 4);
    assert_eq!(sides.pass(4), []);
    assert_eq!(sides.pass(5), [Expired::Accept(4)]);
    assert_eq!(sides.broker.pending(), 0);
    assert_eq!(sides.broker.next_deadline(), None);
    assert_eq!(BrokerError::AcceptTimeout.to_string(), "timeout waiting for accept");
}

#[test]
fn a_second_dial_of_a_parked_number_is_closed() {
    let mut sides = Sides::new();
    let (first, _) = sides.dial_from_host(&[9, 0, 0, 0]);
    let (second, _) = sides.dial_from_host(&[9, 0, 0, 0]);
    assert_eq!(sides.deliver_to_host(), [(second, None)]);
    let parked = sides.broker.accept(&mut sides.plugin, 9).expect("parked");
    assert_eq!(parked.stream, first);
}

#[test]
fn a_parked_dialer_that_is_done_is_still_accepted() {
    let mut sides = Sides::new();
    let (stream, _) = sides.dial_from_host(&[9, 0, 0, 0, b'a']);
    sides.host.close(stream);
    assert!(sides.deliver_to_plugin().is_empty());
    let parked = sides.broker.accept(&mut sides.plugin, 9).expect("parked");
    assert_eq!(parked, Parked { stream, early: b"a".to_vec(), finished: true });
    assert_eq!(sides.deliver_to_host(), [(stream, Some(vec![9, 0, 0, 0]))]);
}

#[test]
fn a_parked_dialer_that_gives_up_is_forgotten() {
    let mut sides = Sides::new();
    let (stream, _) = sides.dial_from_host(&[9, 0, 0, 0]);
    sides.host.reset(stream);
    assert_eq!(sides.deliver_to_plugin(), ["Reset(StreamId(1))"]);
    assert_eq!(sides.broker.reset(stream), None);
    assert_eq!(sides.broker.pending(), 0);
    assert_eq!(sides.broker.accept(&mut sides.plugin, 9), None);
    assert_eq!(sides.plugin.stream_count(), 0);
}
