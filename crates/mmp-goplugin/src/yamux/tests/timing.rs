//! Deadlines with a clock of the test's own.

use std::time::{Duration, Instant};

use super::super::{Event, FrameType, Header, SessionError, StreamId, flags};
use super::{data, feed, frame, opened_by_peer, sent_headers, server, window};

const SECOND: Duration = Duration::from_secs(1);

fn pong(number: u32) -> Vec<u8> {
    frame(FrameType::Ping, flags::ACK, 0, number, &[])
}

#[test]
fn a_ping_goes_out_every_thirty_seconds_after_the_last_answer() {
    let (mut session, start) = server();
    assert_eq!(session.next_deadline(), Some(start + 30 * SECOND));
    session.tick(start + 29 * SECOND);
    assert_eq!(sent_headers(&mut session), []);
    session.tick(start + 30 * SECOND);
    let ping = Header::new(FrameType::Ping, flags::SYN, 0, 0);
    assert_eq!(sent_headers(&mut session), [ping]);
    assert_eq!(session.next_deadline(), Some(start + 40 * SECOND));
    session.advance_clock(start + 32 * SECOND);
    assert_eq!(feed(&mut session, &pong(0)), []);
    assert_eq!(session.next_deadline(), Some(start + 62 * SECOND));
    session.tick(start + 62 * SECOND);
    assert_eq!(sent_headers(&mut session), [Header { length: 1, ..ping }]);
}

#[test]
fn an_unanswered_ping_ends_the_session_after_ten_seconds() {
    let (mut session, start) = server();
    session.tick(start + 30 * SECOND);
    sent_headers(&mut session);
    feed(&mut session, &pong(5)); // Of another ping: does not count.
    session.tick(start + 39 * SECOND);
    assert!(session.closed().is_none());
    session.tick(start + 40 * SECOND);
    assert_eq!(feed(&mut session, &[]), [Event::Closed(SessionError::KeepAliveTimeout)]);
}

#[test]
fn an_answer_that_came_while_the_process_was_stopped_counts() {
    let (mut session, start) = server();
    session.tick(start + 30 * SECOND);
    sent_headers(&mut session);
    let late = start + 500 * SECOND;
    session.advance_clock(late);
    feed(&mut session, &pong(0));
    session.tick(late);
    assert!(session.closed().is_none());
}

/// Ten minutes without traffic except pings, each answered; then everything still works.
#[test]
fn idle_for_longer_than_the_open_timeout() {
    let (mut session, start) = server();
    for id in [1, 3, 5] {
        opened_by_peer(&mut session, id);
    }
    let dialled = session.open().expect("open");
    feed(&mut session, &window(flags::ACK, dialled.get(), 0));
    sent_headers(&mut session);
    for second in 1..600 {
        session.tick(start + second * SECOND);
        for header in sent_headers(&mut session) {
            assert_eq!(header.frame_type, FrameType::Ping);
            assert_eq!(feed(&mut session, &pong(header.length)), []);
        }
        assert!(session.closed().is_none(), "closed after {second} s");
    }
    assert_eq!(feed(&mut session, &data(0, 5, b"x")), [Event::Data(StreamId(5), b"x")]);
    session.send(dialled, b"y").expect("send");
}

#[test]
fn an_unacknowledged_open_ends_the_session_after_seventy_five_seconds() {
    let (mut session, start) = server();
    session.config.keepalive_interval = None;
    session.keepalive = super::super::timers::Keepalive::new(&session.config, start);
    let id = session.open().expect("open");
    sent_headers(&mut session);
    assert_eq!(session.next_deadline(), Some(start + 75 * SECOND));
    session.tick(start + 74 * SECOND);
    assert!(session.closed().is_none());
    session.tick(start + 75 * SECOND);
    assert_eq!(feed(&mut session, &[]), [Event::Closed(SessionError::OpenTimeout(id.get()))]);
}

#[test]
fn closing_or_a_fin_ends_the_wait_for_the_acknowledgement() {
    for peer_closes in [false, true] {
        let (mut session, start) = server();
        session.config.keepalive_interval = None;
        session.keepalive = super::super::timers::Keepalive::new(&session.config, start);
        let id = session.open().expect("open");
        if peer_closes {
            feed(&mut session, &window(flags::FIN, id.get(), 0));
        } else {
            session.close(id);
        }
        sent_headers(&mut session);
        session.tick(start + 100 * SECOND);
        assert!(session.closed().is_none());
    }
}

#[test]
fn a_stream_half_closed_for_five_minutes_is_reset() {
    let (mut session, start) = server();
    session.config.keepalive_interval = None;
    session.keepalive = super::super::timers::Keepalive::new(&session.config, start);
    let id = opened_by_peer(&mut session, 1);
    session.close(id);
    sent_headers(&mut session);
    session.tick(start + 299 * SECOND);
    assert_eq!(session.stream_count(), 1);
    session.tick(start + 300 * SECOND);
    assert_eq!(feed(&mut session, &[]), [Event::Reset(id)]);
    assert_eq!(sent_headers(&mut session), [Header::new(FrameType::WindowUpdate, flags::RST, 1, 0)]);
    assert_eq!(session.stream_count(), 0);
}

#[test]
fn a_connection_that_takes_nothing_for_ten_seconds_is_given_up() {
    let (mut session, start) = server();
    let id = opened_by_peer(&mut session, 1);
    session.send(id, b"abc").expect("send");
    session.tick(start + SECOND); // First seen stalled here.
    assert_eq!(session.next_deadline(), Some(start + 11 * SECOND));
    session.advance_output(1);
    session.tick(start + 11 * SECOND);
    assert!(session.closed().is_none());
    session.tick(start + 21 * SECOND);
    assert_eq!(feed(&mut session, &[]), [Event::Closed(SessionError::WriteTimeout)]);
}

#[test]
fn the_clock_never_goes_back() {
    let (mut session, start) = server();
    session.tick(start + 20 * SECOND);
    session.tick(start);
    assert_eq!(session.now(), start + 20 * SECOND);
    assert!(session.now() > Instant::now().min(start));
}
