//! Tests of the policy.

use std::time::Duration;

use super::*;

const PLAIN: Need = Need { mode: Mode::Sync, class: Class::Plain };
const STREAMING: Need = Need { mode: Mode::Sync, class: Class::Http };
const FILE: Need = Need { mode: Mode::Sync, class: Class::File };
const PLAIN_ASYNC: Need = Need { mode: Mode::Async, class: Class::Plain };
const STREAMING_ASYNC: Need = Need { mode: Mode::Async, class: Class::Http };

fn queued(id: u32, since: Instant) -> Queued {
    Queued { id, need: PLAIN, frame: Vec::new(), since, lane: None }
}

/// The worker is gone for good: the ids of all that ran or waited.
fn lose_everything(d: &mut Dispatcher) -> Vec<u32> {
    let mut lost = d.worker_lost();
    lost.extend(d.drain_queue().into_iter().map(|queued| queued.id));
    lost.sort_unstable();
    lost
}

fn start(d: &mut Dispatcher, id: u32) {
    start_with(d, id, PLAIN);
}

#[track_caller]
fn start_with(d: &mut Dispatcher, id: u32, need: Need) -> usize {
    let Place::Connection(connection) = d.place(need, None) else { panic!("no place for {id}") };
    d.started(id, need, None, connection);
    connection
}

/// A pool that grew until so many hooks with streams ran in it.
fn streaming(count: u32) -> (Dispatcher, Instant) {
    let now = Instant::now();
    let mut d = Dispatcher::new(Limits::default());
    let mut connection = 0;
    for id in 0..count {
        d.enqueue(Queued { id, need: STREAMING, frame: Vec::new(), since: now, lane: None });
        d.growth(now);
        for _ in 0..d.growth(now + Duration::from_millis(5)).max(1) {
            d.connected(connection, Mode::Sync);
            connection += 1;
        }
        let (queued, connection) = d.dequeue().unwrap();
        d.started(queued.id, queued.need, None, connection);
    }
    (d, now)
}

#[test]
fn a_chain_of_nested_hooks_gets_a_connection_at_every_level() {
    let now = Instant::now();
    let mut d = Dispatcher::new(Limits::default());
    (0..4).for_each(|connection| d.connected(connection, Mode::Sync));
    let mut next = 4;
    for id in 0..64 {
        if d.place(PLAIN, None) == Place::Queue {
            d.enqueue(queued(id, now));
            assert_eq!(d.growth(now), 1, "level {id}");
            d.connected(next, Mode::Sync);
            next += 1;
            let (queued, connection) = d.dequeue().unwrap();
            d.started(queued.id, queued.need, None, connection);
        } else {
            start(&mut d, id);
        }
        let (_, connection) = d.mode_of(id).unwrap();
        d.call_began(connection);
    }
    assert_eq!(d.waiting(), 64);
    assert_eq!(d.place(PLAIN, None), Place::Queue);
    d.enqueue(queued(64, now));
    assert_eq!(d.growth(now), 0);
    assert!(d.refuse_stalled(now).is_empty());
    assert_eq!(d.deadline(), Some(now + Duration::from_secs(2)));
    assert_eq!(d.refuse_stalled(now + Duration::from_secs(2)), [64]);
}

#[test]
fn only_hooks_that_have_waited_long_themselves_are_refused() {
    let (now, second) = (Instant::now(), Duration::from_secs(1));
    let mut d = Dispatcher::new(Limits { waiting: 1, ..Limits::default() });
    d.connected(0, Mode::Sync);
    start(&mut d, 1);
    d.call_began(0);
    d.enqueue(queued(2, now));
    assert!(d.refuse_stalled(now).is_empty());
    d.enqueue(queued(3, now + second));
    assert_eq!(d.refuse_stalled(now + 2 * second), [2]);
    assert_eq!(d.deadline(), Some(now + 3 * second));
    assert_eq!(d.refuse_stalled(now + 3 * second), [3]);
}

#[test]
fn progress_puts_off_the_refusal() {
    let now = Instant::now();
    let mut d = Dispatcher::new(Limits { waiting: 1, ..Limits::default() });
    d.connected(0, Mode::Sync);
    d.connected(1, Mode::Sync);
    start(&mut d, 1);
    d.call_began(1);
    d.enqueue(queued(2, now));
    assert!(d.refuse_stalled(now).is_empty());
    d.call_ended(1);
    assert_eq!(d.dequeue().map(|(queued, _)| queued.id), Some(2));
}

#[test]
fn slow_handlers_make_the_pool_grow_after_a_moment() {
    let now = Instant::now();
    let mut d = Dispatcher::new(Limits::default());
    (0..4).for_each(|connection| d.connected(connection, Mode::Sync));
    (0..4).for_each(|id| start(&mut d, id));
    d.enqueue(queued(4, now));
    assert_eq!(d.growth(now), 0);
    let later = d.deadline().unwrap();
    assert_eq!(later, now + Duration::from_millis(5));
    assert_eq!(d.growth(later), 1);
}

#[test]
fn hooks_do_not_overtake_the_queue_and_the_last_connection_is_used_first() {
    let mut d = Dispatcher::new(Limits::default());
    d.enqueue(queued(1, Instant::now()));
    d.connected(0, Mode::Sync);
    d.connected(1, Mode::Sync);
    assert_eq!(d.place(PLAIN, None), Place::Queue);
    let (first, connection) = d.dequeue().unwrap();
    assert_eq!((first.id, connection), (1, 1));
    d.started(1, PLAIN, None, 1);
    assert!(d.finished(1));
    assert!(!d.finished(1));
    assert_eq!(d.place(PLAIN, None), Place::Connection(1));
}

#[test]
fn the_queue_is_bounded_in_hooks_and_in_bytes() {
    let now = Instant::now();
    let mut d = Dispatcher::new(Limits { queued: 3, queued_bytes: 100, waiting: 0, ..Limits::default() });
    d.enqueue(Queued { frame: vec![0; 150], ..queued(1, now) });
    assert_eq!(d.place(PLAIN, None), Place::Full, "too many bytes");
    assert!(d.refuse_stalled(now).is_empty());
    assert_eq!(d.refuse_stalled(now + Duration::from_secs(2)), [1]);
    (2..5).for_each(|id| {
        assert_eq!(d.place(PLAIN, None), Place::Queue);
        d.enqueue(queued(id, now));
    });
    assert_eq!(d.place(PLAIN_ASYNC, None), Place::Full, "too many hooks");
}

#[test]
fn bytes_that_leave_the_queue_count_no_more() {
    let mut d = Dispatcher::new(Limits { queued_bytes: 100, ..Limits::default() });
    d.enqueue(Queued { frame: vec![0; 150], ..queued(1, Instant::now()) });
    d.connected(0, Mode::Sync);
    let (first, connection) = d.dequeue().unwrap();
    d.started(first.id, first.need, None, connection);
    assert_eq!(d.place(PLAIN, None), Place::Queue);
    assert_eq!((d.connections(Mode::Sync), d.connections(Mode::Async)), (1, 0));
}

#[test]
fn a_reset_names_every_hook_that_is_lost() {
    let mut d = Dispatcher::new(Limits::default());
    d.connected(0, Mode::Sync);
    start(&mut d, 7);
    d.enqueue(queued(3, Instant::now()));
    assert_eq!(lose_everything(&mut d), [3, 7]);
    assert_eq!(d.place(PLAIN, None), Place::Queue);
}

#[test]
fn slow_clients_leave_connections_to_other_hooks() {
    let (mut d, now) = streaming(48);
    assert_eq!((d.running(), d.connections(Mode::Sync)), (48, 48));
    // More requests wait, and are no reason to open a connection.
    for id in 100..200 {
        assert_eq!(d.place(STREAMING, None), Place::Queue);
        d.enqueue(Queued { id, need: STREAMING, frame: Vec::new(), since: now, lane: None });
    }
    assert_eq!((d.growth(now), d.deadline()), (0, None));
    // A post waits for nothing but the connection that is opened for it.
    d.enqueue(queued(1000, now));
    assert_eq!(d.growth(now), 0);
    let due = d.deadline().unwrap();
    assert_eq!((due, d.growth(due)), (now + Duration::from_millis(5), 1));
    d.connected(48, Mode::Sync);
    let (post, connection) = d.dequeue().unwrap();
    assert_eq!((post.id, connection), (1000, 48));
    d.started(post.id, post.need, None, connection);
    assert!(d.dequeue().is_none());
    assert!(d.finished(1000));
    // The next one is not held up by the requests before it, and they do not take its connection.
    assert_eq!(d.place(STREAMING, None), Place::Queue);
    assert!(d.dequeue().is_none());
    assert_eq!(start_with(&mut d, 1001, PLAIN), 48);
    // A request that ends lets the next one in.
    assert!(d.finished(7));
    assert_eq!(d.dequeue().map(|(queued, _)| queued.id), Some(100));
}

#[test]
fn uploads_wait_neither_for_requests_nor_hold_posts_up() {
    let (mut d, now) = streaming(48);
    (48..64).for_each(|connection| d.connected(connection, Mode::Sync));
    assert_eq!(d.place(STREAMING, None), Place::Queue);
    (100..108).for_each(|id| {
        start_with(&mut d, id, FILE);
    });
    assert_eq!(d.place(FILE, None), Place::Queue, "no more uploads than may be");
    d.enqueue(Queued { id: 200, need: FILE, frame: Vec::new(), since: now, lane: None });
    assert!(d.dequeue().is_none());
    (300..308).for_each(|id| start(&mut d, id));
    assert!(d.finished(100));
    assert_eq!(d.dequeue().map(|(queued, _)| queued.id), Some(200));
}

#[test]
fn events_that_do_not_end_are_told_from_those_that_wait_for_the_server() {
    let limits = Limits { queued: 2, max_running: 3, reserved: 1, waiting: 2, ..Limits::default() };
    let mut d = Dispatcher::new(limits);
    (0..4).for_each(|connection| d.connected(connection, Mode::Sync));
    let event = Need { mode: Mode::Sync, class: Class::Event };
    let connections = [0, 1].map(|id| start_with(&mut d, id, event));
    assert_eq!(d.blocked_events(), None, "nothing waits");
    for id in 2..4 {
        assert_eq!(d.place(event, None), Place::Queue);
        d.enqueue(Queued { id, need: event, frame: Vec::new(), since: Instant::now(), lane: None });
    }
    assert_eq!((d.place(event, None), d.blocked_events()), (Place::Full, Some(0)));
    connections.iter().for_each(|&connection| d.call_began(connection));
    assert_eq!(d.blocked_events(), None, "they wait for the server");
    connections.iter().for_each(|&connection| d.call_ended(connection));
    assert_eq!(d.blocked_events(), Some(0));
    d.finished(0);
    assert_eq!(d.blocked_events(), None, "the next one can run");
    let (queued, connection) = d.dequeue().unwrap();
    d.started(queued.id, event, None, connection);
    d.enqueue(Queued { id: 9, need: event, frame: Vec::new(), since: Instant::now(), lane: None });
    assert_eq!(d.blocked_events(), Some(1), "one has ended");
}

#[test]
fn handlers_with_streams_that_wait_for_calls_do_not_put_other_hooks_off() {
    let (mut d, now) = streaming(48);
    (0..48).for_each(|connection| d.call_began(connection));
    assert_eq!(d.waiting(), 0);
    // As many again may run meanwhile, up to the bound of those that wait.
    for id in 48..64 {
        d.enqueue(Queued { id, need: STREAMING, frame: Vec::new(), since: now, lane: None });
        d.connected(id as usize, Mode::Sync);
        let (queued, connection) = d.dequeue().unwrap();
        d.started(queued.id, queued.need, None, connection);
        d.call_began(connection);
    }
    assert_eq!(d.place(STREAMING, None), Place::Queue);
    d.enqueue(Queued { id: 500, need: STREAMING, frame: Vec::new(), since: now, lane: None });
    assert_eq!(d.growth(now), 0);
    // They go on all at once: more than are let in, and still the others find a connection.
    (0..64).for_each(|connection| d.call_ended(connection));
    d.enqueue(queued(1000, now));
    assert_eq!(d.growth(now), 0);
    assert_eq!(d.growth(now + Duration::from_millis(5)), 1);
    d.connected(64, Mode::Sync);
    assert_eq!(d.dequeue().map(|(queued, connection)| (queued.id, connection)), Some((1000, 64)));
}

#[test]
fn requests_behind_others_that_wait_for_each_other_are_refused() {
    let (mut d, now) = streaming(48);
    d.limits.waiting = 40;
    (0..40).for_each(|connection| d.call_began(connection));
    d.enqueue(Queued { id: 500, need: STREAMING, frame: Vec::new(), since: now, lane: None });
    assert_eq!(d.growth(now), 0);
    assert!(d.refuse_stalled(now).is_empty());
    assert_eq!(d.deadline(), Some(now + Duration::from_secs(2)));
    // What other hooks do is no progress for these.
    d.connected(48, Mode::Sync);
    start(&mut d, 1000);
    assert!(d.finished(1000));
    assert_eq!(d.refuse_stalled(now + Duration::from_secs(2)), [500]);
}

#[test]
fn requests_on_the_async_connection_are_bounded_apart() {
    let mut d = Dispatcher::new(Limits { max_async: 2, max_async_streams: 3, waiting: 1, ..Limits::default() });
    d.connected(9, Mode::Async);
    (0..3).for_each(|id| assert_eq!(start_with(&mut d, id, STREAMING_ASYNC), 9));
    assert_eq!(d.place(STREAMING_ASYNC, None), Place::Queue);
    d.enqueue(Queued { id: 50, need: STREAMING_ASYNC, frame: Vec::new(), since: Instant::now(), lane: None });
    // Their calls are not those of the hooks that may wait for each other.
    (0..3).for_each(|_| d.call_began(9));
    assert_eq!(d.waiting(), 0);
    start_with(&mut d, 100, PLAIN_ASYNC);
    assert!(d.dequeue().is_none());
    assert!(d.finished(1));
    assert_eq!(d.dequeue().map(|(queued, _)| queued.id), Some(50));
}

#[test]
fn a_queue_full_of_requests_has_room_for_other_hooks() {
    let mut d = Dispatcher::new(Limits { queued: 2, ..Limits::default() });
    for id in 0..2 {
        d.enqueue(Queued { id, need: STREAMING, frame: Vec::new(), since: Instant::now(), lane: None });
    }
    assert_eq!((d.place(STREAMING, None), d.place(PLAIN, None), d.queued()), (Place::Full, Place::Queue, 2));
    assert_eq!(lose_everything(&mut d), [0, 1]);
}

#[test]
fn the_hook_that_has_waited_longest_goes_first() {
    let now = Instant::now();
    let mut d = Dispatcher::new(Limits::default());
    d.enqueue(Queued { id: 1, need: STREAMING, frame: Vec::new(), since: now, lane: None });
    d.enqueue(queued(2, now + Duration::from_millis(1)));
    d.connected(0, Mode::Sync);
    assert_eq!(d.dequeue().map(|(queued, _)| queued.id), Some(1));
    assert_eq!(d.dequeue().map(|(queued, _)| queued.id), Some(2));
}

const EVENT: Need = Need { mode: Mode::Sync, class: Class::Event };

fn event(id: u32, lane: Option<Lane>) -> Queued {
    Queued { id, need: EVENT, frame: Vec::new(), since: Instant::now(), lane }
}

/// Starts what can be started. Returns the ids.
fn run_queue(d: &mut Dispatcher) -> Vec<u32> {
    let mut started = Vec::new();
    while let Some((queued, connection)) = d.dequeue() {
        d.started(queued.id, queued.need, queued.lane, connection);
        started.push(queued.id);
    }
    started
}

#[test]
fn hooks_of_a_lane_run_one_after_the_other() {
    let mut d = Dispatcher::new(Limits::default());
    (0..4).for_each(|connection| d.connected(connection, Mode::Sync));
    for (id, lane) in [(1, Some(7)), (2, Some(7)), (3, Some(8)), (4, None), (5, Some(7))] {
        assert_eq!(d.place(EVENT, lane) == Place::Queue, id == 2 || id == 5, "{id}");
        match d.place(EVENT, lane) {
            Place::Connection(connection) => d.started(id, EVENT, lane, connection),
            _ => d.enqueue(event(id, lane)),
        }
    }
    assert_eq!((run_queue(&mut d), d.queued()), (vec![], 2));
    d.finished(3);
    assert_eq!(run_queue(&mut d), []);
    d.finished(1);
    assert_eq!(run_queue(&mut d), [2]);
    assert!(d.remove_queued(5) && !d.remove_queued(5));
    d.finished(2);
    assert_eq!((run_queue(&mut d), d.queued()), (vec![], 0));
    assert!(matches!(d.place(EVENT, Some(7)), Place::Connection(_)));
}

#[test]
fn what_is_queued_outlives_the_worker() {
    let mut d = Dispatcher::new(Limits::default());
    d.connected(0, Mode::Sync);
    start_with(&mut d, 1, EVENT);
    d.group_mut(Class::Event).queue.occupy(Some(7));
    [event(2, None), event(3, Some(7)), event(4, Some(9)), event(5, Some(9))]
        .into_iter()
        .for_each(|hook| d.enqueue(hook));
    d.group_mut(Class::Event).queue.release(Some(7));
    assert_eq!(d.worker_lost(), [1]);
    assert_eq!((d.queued(), d.connections(Mode::Sync)), (4, 0));
    (10..13).for_each(|connection| d.connected(connection, Mode::Sync));
    assert_eq!((run_queue(&mut d), d.place(EVENT, None)), (vec![], Place::Queue), "the new worker is not up yet");
    assert!(d.free(EVENT).is_some(), "but it is brought up");
    d.resume();
    assert_eq!(run_queue(&mut d), [2, 4, 3]);
}

#[test]
fn events_leave_connections_for_the_hooks_that_somebody_waits_for() {
    let mut d = Dispatcher::new(Limits::default());
    (0..64).for_each(|connection| d.connected(connection, Mode::Sync));
    for id in 0..48 {
        start_with(&mut d, id, EVENT);
    }
    assert_eq!(d.place(EVENT, None), Place::Queue);
    assert!(matches!(d.place(PLAIN, None), Place::Connection(_)));
}

/// A pool in which so many events run, each on a connection of its own.
fn with_events(count: usize) -> Dispatcher {
    let mut d = Dispatcher::new(Limits::default());
    for id in 0..count {
        d.connected(id, Mode::Sync);
        start_with(&mut d, id as u32, EVENT);
        d.call_began(id);
    }
    d
}

#[test]
fn events_are_not_refused_however_long_others_wait() {
    let now = Instant::now();
    let mut d = with_events(64);
    assert_eq!(d.place(EVENT, None), Place::Queue);
    d.enqueue(Queued { id: 64, need: EVENT, frame: Vec::new(), since: now, lane: None });
    assert!(d.refuse_stalled(now).is_empty());
    assert!(d.refuse_stalled(now + Duration::from_secs(60)).is_empty());
    assert_eq!((d.queued(), d.deadline()), (1, None), "there is nothing to look at again for");
}

#[test]
fn events_that_go_on_together_leave_room_for_others() {
    let now = Instant::now();
    let mut d = with_events(64);
    (0..64).for_each(|connection| d.call_ended(connection));
    d.enqueue(queued(64, now));
    d.growth(now);
    assert_eq!(d.growth(now + Duration::from_millis(5)), 1, "64 connections are busy with events, 16 more than may be");
}

#[test]
fn the_lane_of_a_hook_that_runs_stays_when_the_queue_is_drained() {
    let now = Instant::now();
    let mut d = Dispatcher::new(Limits::default());
    d.connected(0, Mode::Sync);
    let event = |id, lane| Queued { id, need: EVENT, frame: Vec::new(), since: now, lane: Some(lane) };
    assert_eq!(d.place(EVENT, Some(1)), Place::Connection(0));
    d.started(0, EVENT, Some(1), 0);
    d.enqueue(event(1, 1));
    d.enqueue(event(2, 2));
    d.enqueue(event(3, 2));
    let ids: Vec<u32> = d.drain_queue().iter().map(|queued| queued.id).collect();
    assert_eq!(ids, [2, 3, 1]);
    assert!(d.is_lane_busy(1) && !d.is_lane_busy(2));
    assert_eq!(d.place(EVENT, Some(1)), Place::Queue);
    assert!(d.finished(0));
    assert!(!d.is_lane_busy(1));
}
