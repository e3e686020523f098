//! From the start of the process to its end.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use mmp_goplugin::handshake::{self, PluginListener};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::api::Api;
use crate::driver::Driver;
use crate::generated::hooks::Hooks;
use crate::hooks::Plugin;
use crate::runtime::core::{Core, End, Hosted};
use crate::runtime::log::{self, Level, Line};
use crate::runtime::shared::Shared;
use crate::runtime::{io as leader, standby};

/// How long the server has to connect. It gives up on a plugin after 3 s itself.
const CONNECT_PATIENCE: Duration = Duration::from_secs(60);

/// What a plugin is made with: its ways to the server.
#[derive(Clone)]
#[non_exhaustive]
pub struct Start {
    /// The plugin API.
    pub api: Api,
    /// The server's database, for plugins that need it.
    pub driver: Driver,
}

/// Runs a plugin until the server stops it: the whole of `main`.
///
/// `make` is called at once. The API answers when the plugin is being activated, from `on_configuration_change` and `on_activate` on.
pub fn run<H: Hooks>(make: impl FnOnce(Start) -> H) -> ExitCode {
    match serve(make) {
        Ok(End::Quit | End::HostGone) => ExitCode::SUCCESS,
        Ok(End::Broken) => ExitCode::FAILURE,
        Err(error) => {
            log::write_stderr(&Line { level: Level::Error, message: error.to_string(), fields: Vec::new() });
            ExitCode::FAILURE
        }
    }
}

fn serve<H: Hooks>(make: impl FnOnce(Start) -> H) -> Result<End, Box<dyn std::error::Error>> {
    handshake::check_environment(|name| std::env::var_os(name))?;
    ignore_interrupts();
    log_panics();
    let listener = PluginListener::bind(|name| std::env::var_os(name))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("mattermost-tokio").build()?;
    let api = Api::unconnected();
    let driver = Driver::new(api.clone());
    let hosted: Arc<dyn Hosted> = {
        let _context = runtime.enter();
        Arc::new(Plugin::new(make(Start { api: api.clone(), driver })))
    };
    shake_hands(&listener)?;
    let socket = accept(&listener)?;
    let (sender, ended) = mpsc::channel();
    let shared = Shared::new(socket, Core::new(hosted, sender), runtime.handle().clone())?;
    api.connect(&shared);
    standby::start(&shared);
    let leading = Arc::clone(&shared);
    std::thread::Builder::new().name("mattermost-server".into()).spawn(move || leader::lead(&leading, 1))?;
    let end = ended.recv().unwrap_or(End::Broken);
    shared.lock().core.log.queue.drain_to_stderr();
    drop(listener);
    // Handlers that still run end with the process.
    runtime.shutdown_background();
    Ok(end)
}

/// Tells the host where to connect: the one line that is ever written to the real standard output. The server throws away what follows it, and blocks whoever writes much, so what the author's
/// program prints goes to standard error, which the server logs.
fn shake_hands(listener: &PluginListener) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(listener.line().as_bytes())?;
    stdout.flush()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(())
}

fn accept(listener: &PluginListener) -> io::Result<std::os::unix::net::UnixStream> {
    let deadline = Instant::now() + CONNECT_PATIENCE;
    loop {
        let mut waiting = [PollFd::from_borrowed_fd(listener.socket().as_fd(), PollFlags::IN)];
        let patience = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok();
        if poll(&mut waiting, patience.as_ref())? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server does not connect"));
        }
        match listener.accept() {
            // That was somebody else; the server is still to come.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            accepted => return accepted,
        }
    }
}

/// An interrupt from a terminal goes to the server too, which decides when its plugins stop; Go plugins ignore it as well.
fn ignore_interrupts() {
    // SAFETY: setting a signal to be ignored installs no handler.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
}

/// Panics of all threads reach the server's log as one line each.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("a panic").to_owned();
        let fields = vec![("place".to_owned(), place)];
        log::write_stderr(&Line { level: Level::Error, message: format!("panic in the plugin: {message}"), fields });
    }));
}
