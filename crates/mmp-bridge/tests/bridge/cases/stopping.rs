//! The host deactivates the plugin: what runs may finish, what does not is cancelled, OnDeactivate is called, and all of that takes less than the 10 s that the server gives.

use std::time::{Duration, Instant};

use mmp_model::rpc;
use mmp_worker::frame::Kind;
use serde_json::json;

use super::deadlines::pause;
use super::http::write;
use super::http_faults::serving;
use super::{metrics, tests};
use crate::bundle::Bundle;
use crate::host::{Answer, Call, Host, LIMIT, Request, WriterCall};
use crate::processes;
use crate::runner::Test;
use crate::script::{Script, Start};

pub(crate) const TESTS: &[Test] = tests![
    nothing_ends_by_itself,
    what_runs_is_cancelled_after_a_while,
    what_waits_is_not_begun_when_the_rest_is_cancelled,
    what_runs_may_finish,
    events_that_wait_are_finished,
    a_client_gets_all_of_its_response,
    connections_that_were_taken_over_are_cancelled_at_once,
    on_deactivate_fails,
    on_deactivate_with_all_connections_busy,
    a_plugin_without_on_deactivate,
    the_worker_dies_while_it_is_drained,
    a_worker_is_not_started_again_during_a_stop,
    a_worker_that_is_away_does_not_come_back_during_a_stop,
    the_worker_dies_in_on_deactivate,
    the_worker_dies_after_the_stop,
    a_stop_without_a_worker,
    a_stop_that_is_asked_for_twice,
    the_server_hangs_up_during_a_stop,
];

type Stopping = Call<rpc::OnDeactivateReturns>;

fn stop(host: &mut Host) -> Stopping {
    host.call("OnDeactivate", &rpc::OnDeactivateArgs::default(), rpc::OnDeactivateReturns::default())
}

/// Waits for the end of a stop; what OnDeactivate raised.
#[track_caller]
fn stopped(host: &mut Host, call: Stopping) -> Result<(), String> {
    let returned = host.wait(call).unwrap();
    if returned.a.is_nil() { Ok(()) } else { Err(format!("{:?}", returned.a.value())) }
}

fn noted() -> Script {
    Script { noted: true, ..Script::default() }
}

/// A plugin whose hooks may take longer than a stop.
fn patient(script: &Script) -> Host {
    let bundle = Bundle::new(script);
    bundle.set_server("hooks", json!({"MessageWillBePosted": {"timeout": 60}}));
    Host::active(bundle)
}

fn ran(host: &Host, name: &str) -> usize {
    host.bundle.journal().iter().filter(|line| line.starts_with(name)).count()
}

fn what_runs_may_finish() {
    let mut host = Host::active(Bundle::new(&noted()));
    let post = host.post("relay");
    let hook = host.hook();
    let call = stop(&mut host);
    // The server still calls hooks until it has its answer.
    assert_eq!(host.posted("edit it").0, "it");
    host.settle(hook);
    assert!(!host.is_done(&call));
    assert_eq!(ran(&host, "OnDeactivate"), 0, "it comes last");
    host.send_value(hook, Kind::HookReply, &json!([null, "done"]));
    assert_eq!(host.wait(post).unwrap().b.to_string(), "done");
    assert_eq!(stopped(&mut host, call), Ok(()));
    assert_eq!(ran(&host, "OnDeactivate"), 1);
    host.finish();
}

fn events_that_wait_are_finished() {
    let mut host = Host::active(Bundle::new(&Script { keeps_to_its_connections: true, ..noted() }));
    let events: Vec<_> = (0..40).map(|_| host.notify("sleep 20")).collect();
    let call = stop(&mut host);
    assert_eq!(stopped(&mut host, call), Ok(()));
    assert_eq!(ran(&host, "MessageHasBeenPosted"), 40);
    let journal = host.bundle.journal();
    assert!(journal.last().unwrap().starts_with("OnDeactivate"), "{journal:?}");
    for event in events {
        host.wait(event).unwrap();
    }
    host.finish();
}

/// A handler that does not hear of its cancellation, an OnDeactivate that does not end, and a worker that does not go.
fn nothing_ends_by_itself() {
    let script = Script { stubborn: true, grandchild: true, ..noted() }.doing("OnDeactivate", "hang");
    let mut host = patient(&script);
    let _posts: Vec<_> = (0..5).map(|_| host.post("hang")).collect();
    host.noted("MessageWillBePosted hang", 5);
    let started = Instant::now();
    let call = stop(&mut host);
    assert_eq!(stopped(&mut host, call), Ok(()));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(8900) && took < Duration::from_secs(10), "{took:?}");
    let line = host.logged("the plugin is being stopped, and cancels what its handlers have not finished");
    assert_eq!((line.level.as_str(), line.fields["hooks"].as_str()), ("warn", "5"), "{line}");
    let line = host.logged("OnDeactivate: no answer within 3 s; the plugin is stopped all the same");
    assert_eq!(line.level, "error");
    assert_eq!(ran(&host, "OnDeactivate"), 1);
    let (code, took) = host.quit();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_millis(2300), "{took:?}");
    host.finish();
}

fn what_runs_is_cancelled_after_a_while() {
    let mut host = patient(&noted());
    let post = host.post("relay");
    let hook = host.hook();
    let started = Instant::now();
    let call = stop(&mut host);
    host.expect(hook, Kind::Cancel);
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(4900) && took < Duration::from_secs(7), "{took:?}");
    host.fail(hook, "CancelledError");
    assert_eq!(host.wait(post).unwrap().b.to_string(), "");
    assert_eq!(stopped(&mut host, call), Ok(()));
    assert!(started.elapsed() < took + Duration::from_secs(1), "it does not wait for longer than that");
    host.finish();
}

/// Nobody would tell those that they are to end.
fn what_waits_is_not_begun_when_the_rest_is_cancelled() {
    let mut host = patient(&Script { keeps_to_its_connections: true, ..noted() });
    let _running: Vec<_> = (0..4).map(|_| host.post("relay")).collect();
    let hooks: Vec<_> = (0..4).map(|_| host.hook()).collect();
    let waiting: Vec<_> = (0..8).map(|_| host.post("sleep 500")).collect();
    let started = Instant::now();
    let call = stop(&mut host);
    for hook in hooks {
        host.expect(hook, Kind::Cancel);
        host.fail(hook, "CancelledError");
    }
    assert_eq!(stopped(&mut host, call), Ok(()));
    assert!(started.elapsed() < Duration::from_millis(7500), "{:?}", started.elapsed());
    for post in waiting {
        assert_eq!(host.wait(post).unwrap().b.to_string(), "");
    }
    assert_eq!(ran(&host, "MessageWillBePosted sleep"), 0, "{}", host.report());
    host.finish();
}

/// The handler is done, but its client is slow.
fn a_client_gets_all_of_its_response() {
    let mut host = super::http::started();
    let (exchange, hook) = serving(&mut host);
    host.hold_writes(exchange);
    host.send(hook, Kind::Data, b"begin");
    host.waiting(exchange);
    host.send(hook, Kind::Data, b"end");
    host.reply(hook);
    let call = stop(&mut host);
    pause(&mut host, Duration::from_millis(500));
    assert!(!host.is_done(&call), "the end of the response is not there yet");
    host.decide(exchange, |_| Answer::Done);
    host.answer(exchange, Answer::Done);
    assert_eq!(host.response(exchange), [write(b"begin"), write(b"end")]);
    assert_eq!(stopped(&mut host, call), Ok(()));
    host.finish();
}

fn connections_that_were_taken_over_are_cancelled_at_once() {
    let mut host = super::http::started();
    let exchange = host.serve(Request::get("/").with("Upgrade", "websocket"));
    let hook = host.hook();
    assert_eq!(host.stream_end(hook), None);
    host.send(hook, Kind::Hijack, &[]);
    host.expect(hook, Kind::Hijacked);
    let other = host.serve(Request::get("/"));
    let plain = host.hook();
    assert_eq!(host.stream_end(plain), None);
    let started = Instant::now();
    let call = stop(&mut host);
    host.expect(hook, Kind::Cancel);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(host.waiting_frames(plain), [], "an ordinary request may finish");
    host.fail(hook, "CancelledError");
    host.answered(exchange);
    host.send(plain, Kind::Data, b"done");
    host.reply(plain);
    assert_eq!(host.response(other), [write(b"done")]);
    assert_eq!(stopped(&mut host, call), Ok(()));
    assert!(host.calls(exchange).contains(&WriterCall::Close));
    host.finish();
}

fn on_deactivate_fails() {
    let mut host = Host::active(Bundle::new(&noted().doing("OnDeactivate", "fail the disk is full")));
    let call = stop(&mut host);
    let error = stopped(&mut host, call).unwrap_err();
    assert!(error.contains("the disk is full"), "{error}");
    assert_eq!(host.logged("OnDeactivate failed: the disk is full").level, "error");
    host.finish();
}

/// What is being cancelled keeps no connection from OnDeactivate.
fn on_deactivate_with_all_connections_busy() {
    let mut host = Host::active(Bundle::new(&noted()));
    let posts: Vec<_> = (0..4).map(|_| host.post("sleep 1500")).collect();
    let late = host.post("sleep 3000");
    host.noted("MessageWillBePosted", 5);
    let call = stop(&mut host);
    for post in posts {
        host.wait(post).unwrap();
    }
    // This one came later than the stop, which does not wait for it.
    host.wait(late).unwrap();
    let (running, _other) = (host.post("relay"), host.post("edit it"));
    let hook = host.hook();
    assert_eq!(stopped(&mut host, call), Ok(()));
    host.reply(hook);
    host.wait(running).unwrap();
    host.finish();
}

fn a_plugin_without_on_deactivate() {
    let mut script = noted();
    script.hooks.retain(|(name, _)| name != "OnDeactivate");
    let mut host = Host::start(Bundle::new(&script));
    let names = host.implemented().unwrap();
    host.activate().unwrap();
    assert!(names.iter().any(|name| name == "OnDeactivate"), "the bridge has its own part in it");
    let post = host.post("sleep 300");
    host.noted("MessageWillBePosted", 1);
    let call = stop(&mut host);
    assert_eq!(stopped(&mut host, call), Ok(()));
    assert!(host.is_done(&post), "what ran has finished");
    host.finish();
}

/// The host has its answers, and the next process is not activated behind its back.
fn the_worker_dies_while_it_is_drained() {
    let mut host = Host::active(Bundle::new(&noted()));
    let post = host.post("relay");
    host.hook();
    let started = Instant::now();
    let call = stop(&mut host);
    host.ping();
    processes::kill(host.worker());
    host.wait(post).unwrap();
    assert_eq!(stopped(&mut host, call), Ok(()));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(ran(&host, "OnActivate"), 1, "{}", host.report());
    assert_eq!(ran(&host, "OnDeactivate"), 0, "one that was never activated is not deactivated: {}", host.report());
    host.finish();
}

/// Something else holds the stop up for long enough. Hooks have their defaults, and do not reach a process that is not activated.
fn a_worker_is_not_started_again_during_a_stop() {
    let mut host = Host::active(Bundle::new(&noted().with("ServeHTTP")));
    let (exchange, hook) = serving(&mut host);
    host.hold_writes(exchange);
    host.send(hook, Kind::Data, b"all");
    host.waiting(exchange);
    host.reply(hook);
    host.until("the end of the handler", LIMIT, |host| {
        (metrics::sample(host, "mattermost_plugin_hooks_running") == 0.0).then_some(())
    });
    let call = stop(&mut host);
    host.ping();
    processes::kill(host.worker());
    host.logged("it is not started again, because the plugin is being stopped");
    let started = Instant::now();
    assert_eq!(host.posted("edit it").0, "edit it");
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    pause(&mut host, Duration::from_millis(500));
    assert_eq!(ran(&host, "start "), 1, "{}", host.report());
    assert!(!host.is_done(&call));
    host.decide(exchange, |_| Answer::Done);
    host.answer(exchange, Answer::Done);
    assert_eq!(host.response(exchange), [write(b"all")]);
    assert_eq!(stopped(&mut host, call), Ok(()));
    assert_eq!(ran(&host, "OnDeactivate"), 0);
    host.finish();
}

/// It would not be activated, so no hook may reach it; the other one goes on until what it runs is done.
fn a_worker_that_is_away_does_not_come_back_during_a_stop() {
    let bundle = Bundle::new(&noted());
    bundle.set("workers", 2.into());
    let mut host = Host::active(bundle);
    let post = host.post("relay");
    let hook = host.hook();
    let busy = (0..2).find(|index| {
        let mark = format!("{index}: MessageWillBePosted relay");
        host.bundle.journal().iter().any(|line| line.starts_with(&mark))
    });
    let away = 1 - busy.unwrap();
    processes::kill(host.worker_of(away));
    host.logged("; it is started again in ");
    let call = stop(&mut host);
    host.logged("its worker, which is away, does not come back");
    pause(&mut host, Duration::from_millis(700));
    assert_eq!(ran(&host, &format!("start of {away} ")), 1, "{}", host.report());
    for number in 0..4 {
        assert_eq!(host.posted(&format!("edit {number}")).0, number.to_string(), "the other one serves");
    }
    assert_eq!(ran(&host, &format!("{away}: MessageWillBePosted")), 0, "{}", host.report());
    host.reply(hook);
    host.wait(post).unwrap();
    assert_eq!(stopped(&mut host, call), Ok(()));
    host.finish();
}

fn the_worker_dies_in_on_deactivate() {
    let mut host = Host::active(Bundle::new(&noted().doing("OnDeactivate", "die")));
    let started = Instant::now();
    let call = stop(&mut host);
    let error = stopped(&mut host, call).unwrap_err();
    assert!(error.contains("the plugin's worker ended: it was ended by signal 9"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    host.finish();
}

/// The server has its answer, and is about to end the plugin.
fn the_worker_dies_after_the_stop() {
    let mut host = Host::active(Bundle::new(&noted()));
    let call = stop(&mut host);
    assert_eq!(stopped(&mut host, call), Ok(()));
    processes::kill(host.worker());
    host.logged("it is not started again, because the plugin is being stopped");
    pause(&mut host, Duration::from_millis(500));
    assert_eq!((ran(&host, "start "), ran(&host, "OnActivate")), (1, 1), "{}", host.report());
    host.finish();
}

fn a_stop_without_a_worker() {
    let script = Script { start: vec![Start::Normal, Start::Silent], ..noted() };
    let mut host = Host::active(Bundle::new(&script));
    processes::kill(host.worker());
    host.noted("start ", 2);
    let started = Instant::now();
    let call = stop(&mut host);
    assert_eq!(stopped(&mut host, call), Ok(()));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    host.finish();
}

/// Each has its answer.
fn a_stop_that_is_asked_for_twice() {
    let mut host = Host::active(Bundle::new(&noted()));
    let post = host.post("relay");
    let hook = host.hook();
    let (first, second) = (stop(&mut host), stop(&mut host));
    host.settle(hook);
    host.reply(hook);
    assert_eq!(stopped(&mut host, first), Ok(()));
    assert_eq!(stopped(&mut host, second), Ok(()));
    host.wait(post).unwrap();
    assert_eq!(ran(&host, "OnDeactivate"), 1);
    host.finish();
}

fn the_server_hangs_up_during_a_stop() {
    let mut host = patient(&Script { grandchild: true, stubborn: true, ..noted() });
    let _post = host.post("hang");
    host.noted("MessageWillBePosted hang", 1);
    let _call = stop(&mut host);
    host.until("the stop", LIMIT, |host| {
        (metrics::sample(host, "mattermost_plugin_hooks_running") >= 1.0).then_some(())
    });
    host.hang_up();
    host.nothing_left(Duration::from_millis(2500));
    assert_eq!(host.ended(Duration::from_secs(1)), Some(0));
    host.finish();
}
