//! The plugin process: one thread that reads the host's socket, with the next deadline as the time limit.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mmp_goplugin::handshake::{PluginListener, check_environment};
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::SessionError;

use crate::plugin::Tester;

pub(crate) fn run() -> ExitCode {
    let environment = |key: &str| std::env::var_os(key);
    check_environment(environment).expect("started by a host");
    let listener = PluginListener::bind(environment).expect("a socket");
    let mut stdout = std::io::stdout();
    stdout.write_all(listener.line().as_bytes()).expect("stdout");
    stdout.flush().expect("stdout");
    let stream = listener.accept().expect("the host connects");
    drop(listener);
    serve(stream)
}

fn serve(mut stream: UnixStream) -> ExitCode {
    let mut session = PluginSession::new(Instant::now());
    let mut tester = Tester::default();
    let mut input = vec![0; 64 * 1024];
    loop {
        let read = read(&mut stream, &mut input, session.next_deadline());
        session.advance_clock(Instant::now());
        match read {
            Ok(0) => session.connection_lost(SessionError::ConnectionClosed, &mut tester),
            Ok(count) => session.receive(&input[..count], &mut tester),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => session.connection_lost(SessionError::ConnectionFailed(error.to_string()), &mut tester),
        }
        session.tick(Instant::now(), &mut tester);
        tester.print(&mut session);
        while !session.pending_output().is_empty() {
            match stream.write(session.pending_output()) {
                Ok(count) => session.advance_output(count),
                Err(_) => return ExitCode::FAILURE,
            }
        }
        if tester.quit {
            return ExitCode::SUCCESS;
        }
        if session.closed().is_some() {
            return ExitCode::FAILURE;
        }
    }
}

/// Reads what is there, or waits until the deadline.
fn read(stream: &mut UnixStream, input: &mut [u8], deadline: Option<Instant>) -> std::io::Result<usize> {
    let wait = deadline.map(|at| at.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
    stream.set_read_timeout(wait)?;
    stream.read(input)
}
