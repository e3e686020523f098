//! What each frame does, byte by byte, as hashicorp's v0.1.2 treats it.

use super::super::{
    Event, FrameType, Header, INITIAL_WINDOW, OpenError, SendError, SessionError, StreamId, flags, go_away,
};
use super::{data, feed, frame, opened_by_peer, sent, sent_headers, server, window};

const WINDOW: u32 = INITIAL_WINDOW;

#[test]
fn an_opened_stream_sends_syn_and_first_data_in_one_output() {
    let (mut session, _) = server();
    let id = session.open().expect("open");
    session.send(id, b"abcd").expect("send");
    assert_eq!(
        sent(&mut session),
        [
            (Header::new(FrameType::WindowUpdate, flags::SYN, 2, 0), vec![]),
            (Header::new(FrameType::Data, 0, 2, 4), b"abcd".to_vec()),
        ]
    );
}

#[test]
fn payload_is_delivered_in_place_and_in_pieces() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    let bytes = [data(0, 1, b"hello"), data(flags::FIN, 1, b"world")].concat();
    assert_eq!(feed(&mut session, &bytes), [Event::Data(id, b"hello"), Event::Data(id, b"world"), Event::Finished(id)]);
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    let mut events = Vec::new();
    for piece in bytes.chunks(1) {
        events.extend(feed(&mut session, piece));
    }
    let mut expected: Vec<_> = b"helloworld".chunks(1).map(|byte| Event::Data(id, byte)).collect();
    expected.push(Event::Finished(id));
    assert_eq!(events, expected);
}

#[test]
fn a_syn_may_carry_data_and_fin() {
    let (mut session, _) = server();
    assert_eq!(
        feed(&mut session, &data(flags::SYN | flags::FIN, 3, b"x")),
        [Event::Opened(StreamId(3)), Event::Data(StreamId(3), b"x"), Event::Finished(StreamId(3))]
    );
}

#[test]
fn half_close_keeps_the_other_direction() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    session.close(id);
    assert_eq!(sent_headers(&mut session), [Header::new(FrameType::WindowUpdate, flags::FIN, 1, 0)]);
    assert_eq!(session.send(id, b"x"), Err(SendError::Closed));
    assert_eq!(feed(&mut session, &data(0, 1, b"late")), [Event::Data(id, b"late")]);
    assert_eq!(feed(&mut session, &window(flags::FIN, 1, 0)), [Event::Finished(id)]);
    assert_eq!(session.stream_count(), 0);
    assert_eq!(session.send(id, b"x"), Err(SendError::UnknownStream));
}

#[test]
fn the_peers_fin_leaves_us_able_to_write() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    assert_eq!(feed(&mut session, &window(flags::FIN, 1, 0)), [Event::Finished(id)]);
    session.send(id, b"answer").expect("still open here");
    session.close(id);
    assert_eq!(sent(&mut session).len(), 2);
    assert_eq!(session.stream_count(), 0);
}

#[test]
fn sending_respects_the_window_and_reports_when_it_opens() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    let body = vec![5; WINDOW as usize + 10];
    assert_eq!(session.writable(id), WINDOW as usize);
    session.send(id, &body).expect("send");
    session.close(id);
    let frames = sent(&mut session);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].0.length, WINDOW);
    assert_eq!(session.queued(id), 10);
    assert_eq!(feed(&mut session, &window(0, 1, 4)), []);
    assert_eq!(sent_headers(&mut session), [Header::new(FrameType::Data, 0, 1, 4)]);
    // The FIN follows the last queued byte.
    assert_eq!(feed(&mut session, &window(0, 1, 100)), []);
    assert_eq!(
        sent_headers(&mut session),
        [Header::new(FrameType::Data, 0, 1, 6), Header::new(FrameType::WindowUpdate, flags::FIN, 1, 0)]
    );
}

#[test]
fn writable_is_reported_after_a_blocked_stream_got_window() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    session.send(id, &vec![0; WINDOW as usize]).expect("send");
    assert_eq!(session.writable(id), 0);
    assert_eq!(feed(&mut session, &window(0, 1, 1000)), [Event::Writable(id)]);
    assert_eq!(session.writable(id), 1000);
    // Not blocked any more: no second report.
    assert_eq!(feed(&mut session, &window(0, 1, 1000)), []);
    assert_eq!(session.writable(id), 2000);
}

#[test]
fn window_is_returned_when_half_of_it_was_consumed() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    let half = vec![1; WINDOW as usize / 2];
    feed(&mut session, &data(0, 1, &half));
    session.consume(id, half.len() - 1);
    assert_eq!(sent_headers(&mut session), []);
    session.consume(id, 1);
    assert_eq!(sent_headers(&mut session), [Header::new(FrameType::WindowUpdate, 0, 1, WINDOW / 2)]);
}

/// hashicorp's side would log it as a frame for a missing stream.
#[test]
fn no_window_is_returned_behind_the_peers_fin() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    let all = vec![1; WINDOW as usize];
    feed(&mut session, &data(flags::FIN, 1, &all));
    session.consume(id, all.len());
    assert_eq!(sent_headers(&mut session), []);
}

#[test]
fn a_window_overrun_is_a_protocol_error() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    feed(&mut session, &data(0, 1, &vec![0; WINDOW as usize]));
    let error = SessionError::ReceiveWindowExceeded { stream: 1, window: 0, length: 1 };
    assert_eq!(feed(&mut session, &data(0, 1, b"x")), [Event::Closed(error.clone())]);
    assert_eq!(sent_headers(&mut session), [Header::new(FrameType::GoAway, 0, 0, go_away::PROTOCOL_ERROR)]);
    assert_eq!(session.open(), Err(OpenError::Session(error)));
    assert_eq!(session.send(id, b"x"), Err(SendError::UnknownStream));
}

#[test]
fn an_oversize_length_is_refused_before_its_bytes_come() {
    let (mut session, _) = server();
    opened_by_peer(&mut session, 1);
    let header = frame(FrameType::Data, 0, 1, u32::MAX, &[]);
    assert!(matches!(
        feed(&mut session, &header)[..],
        [Event::Closed(SessionError::ReceiveWindowExceeded { length: u32::MAX, .. })]
    ));
}

#[test]
fn data_for_an_unknown_stream_is_skipped() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    session.reset(id);
    assert_eq!(sent_headers(&mut session), [Header::new(FrameType::WindowUpdate, flags::RST, 1, 0)]);
    let bytes = [data(0, 1, b"lost"), window(flags::SYN, 3, 0)].concat();
    assert_eq!(feed(&mut session, &bytes), [Event::Opened(StreamId(3))]);
}

#[test]
fn a_reset_in_the_middle_of_a_frame_skips_the_rest() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    let bytes = [data(flags::FIN, 1, b"abcdef"), window(flags::SYN, 3, 0)].concat();
    let (head, tail) = bytes.split_at(15);
    assert_eq!(feed(&mut session, head), [Event::Data(id, b"abc")]);
    session.reset(id);
    assert_eq!(feed(&mut session, tail), [Event::Opened(StreamId(3))]);
}

#[test]
fn closing_in_the_middle_of_the_last_frame_still_delivers_it() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    let bytes = data(flags::FIN, 1, b"abcdef");
    let (head, tail) = bytes.split_at(15);
    assert_eq!(feed(&mut session, head), [Event::Data(id, b"abc")]);
    session.close(id);
    assert_eq!(feed(&mut session, tail), [Event::Data(id, b"def"), Event::Finished(id)]);
    assert_eq!(session.stream_count(), 0);
}

#[test]
fn a_peers_reset_ends_the_stream_at_once() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    session.send(id, &vec![0; 2 * WINDOW as usize]).expect("send");
    assert_eq!(feed(&mut session, &window(flags::RST, 1, 0)), [Event::Reset(id)]);
    assert_eq!(session.stream_count(), 0);
    assert_eq!(session.send(id, b"x"), Err(SendError::UnknownStream));
}

#[test]
fn pings_are_echoed_at_once() {
    let (mut session, _) = server();
    assert_eq!(feed(&mut session, &frame(FrameType::Ping, flags::SYN, 0, 77, &[])), []);
    assert_eq!(sent_headers(&mut session), [Header::new(FrameType::Ping, flags::ACK, 0, 77)]);
}

#[test]
fn a_flood_of_pings_from_a_peer_that_reads_nothing_does_not_grow_us() {
    let (mut session, _) = server();
    let ping = frame(FrameType::Ping, flags::SYN, 0, 1, &[]);
    let flood = ping.repeat(1000);
    for _ in 0..1000 {
        feed(&mut session, &flood);
    }
    assert!(session.pending_output().len() <= 4 * 1024 * 1024 + 12);
}

#[test]
fn go_away_codes() {
    for (code, expected) in [
        (go_away::NORMAL, Event::GoAway),
        (go_away::PROTOCOL_ERROR, Event::Closed(SessionError::RemoteProtocolError)),
        (go_away::INTERNAL_ERROR, Event::Closed(SessionError::RemoteInternalError)),
        (9, Event::Closed(SessionError::UnexpectedGoAway(9))),
    ] {
        let (mut session, _) = server();
        assert_eq!(feed(&mut session, &frame(FrameType::GoAway, 0, 0, code, &[])), [expected]);
    }
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    feed(&mut session, &frame(FrameType::GoAway, 0, 0, go_away::NORMAL, &[]));
    assert_eq!(session.open(), Err(OpenError::RemoteGoAway));
    session.send(id, b"x").expect("old streams live on");
}

#[test]
fn streams_opened_after_our_go_away_are_reset() {
    let (mut session, _) = server();
    session.go_away();
    assert_eq!(feed(&mut session, &data(flags::SYN, 1, b"abc")), []);
    assert_eq!(
        sent_headers(&mut session),
        [Header::new(FrameType::GoAway, 0, 0, go_away::NORMAL), Header::new(FrameType::WindowUpdate, flags::RST, 1, 0)]
    );
    assert_eq!(session.stream_count(), 0);
}

#[test]
fn more_unaccepted_streams_than_the_backlog_are_reset() {
    let (mut session, _) = server();
    for n in 0..256 {
        feed(&mut session, &window(flags::SYN, 2 * n + 1, 0));
    }
    assert_eq!(sent_headers(&mut session), []);
    assert_eq!(feed(&mut session, &window(flags::SYN, 513, 0)), []);
    assert_eq!(sent_headers(&mut session), [Header::new(FrameType::WindowUpdate, flags::RST, 513, 0)]);
    session.accept(StreamId(1));
    assert_eq!(feed(&mut session, &window(flags::SYN, 515, 0)), [Event::Opened(StreamId(515))]);
}

#[test]
fn opens_beyond_the_backlog_wait_for_an_acknowledgement() {
    let (mut session, _) = server();
    let ids: Vec<_> = (0..258).map(|_| session.open().expect("never refused")).collect();
    assert_eq!(sent_headers(&mut session).len(), 256);
    // Bytes for a stream that waits follow its SYN.
    session.send(ids[256], b"id").expect("queued");
    session.close(ids[257]);
    assert_eq!(sent_headers(&mut session), []);
    feed(&mut session, &window(flags::ACK, ids[7].get(), 0));
    assert_eq!(
        sent_headers(&mut session),
        [
            Header::new(FrameType::WindowUpdate, flags::SYN, ids[256].get(), 0),
            Header::new(FrameType::Data, 0, ids[256].get(), 2),
        ]
    );
    // A reset gives the place back, too.
    feed(&mut session, &window(flags::RST, ids[8].get(), 0));
    assert_eq!(
        sent_headers(&mut session),
        [
            Header::new(FrameType::WindowUpdate, flags::SYN, ids[257].get(), 0),
            Header::new(FrameType::WindowUpdate, flags::FIN, ids[257].get(), 0),
        ]
    );
}

#[test]
fn duplicate_and_foreign_ids_and_second_fins_are_protocol_errors() {
    for (bytes, error) in [
        (window(flags::SYN, 1, 0).repeat(2), SessionError::DuplicateStream(1)),
        (window(flags::SYN, 2, 0), SessionError::WrongParity(2)),
        ([window(flags::SYN | flags::FIN, 1, 0), window(flags::FIN, 1, 0)].concat(), SessionError::UnexpectedFin(1)),
    ] {
        let (mut session, _) = server();
        let events = feed(&mut session, &bytes);
        assert_eq!(events.last(), Some(&Event::Closed(error)));
        assert_eq!(
            sent_headers(&mut session).last(),
            Some(&Header::new(FrameType::GoAway, 0, 0, go_away::PROTOCOL_ERROR))
        );
    }
}

#[test]
fn garbage_ends_the_session_and_everything_after_it_is_ignored() {
    let (mut session, _) = server();
    assert_eq!(
        feed(&mut session, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        [Event::Closed(SessionError::InvalidVersion(b'G'))]
    );
    assert_eq!(feed(&mut session, &window(flags::SYN, 1, 0)), []);
    assert_eq!(session.next_deadline(), None);
    assert!(session.closed().is_some());
}

#[test]
fn a_truncated_frame_waits_and_then_reports_the_lost_connection() {
    let (mut session, _) = server();
    let id = opened_by_peer(&mut session, 1);
    let bytes = data(0, 1, b"abcdef");
    assert_eq!(feed(&mut session, &bytes[..5]), []);
    assert_eq!(feed(&mut session, &bytes[5..14]), [Event::Data(id, b"ab")]);
    session.connection_lost(SessionError::ConnectionClosed);
    assert_eq!(feed(&mut session, &[]), [Event::Closed(SessionError::ConnectionClosed)]);
    assert_eq!(feed(&mut session, &[]), []);
}
