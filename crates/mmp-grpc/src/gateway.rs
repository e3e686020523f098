//! The life of a gateway: connected to the bridge, the API served, the program started, watched and ended.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mmp_worker::frame::Kind;
use mmp_worker::messages::{self, Failed, Role};
use mmp_worker::token::Token;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::frames::{self, Connection, Duty, Level, Link, Ping, Place, ServeControl};
use crate::hooks::{Clients, Hooks};
use crate::program::{Channel, Client, Dialer, Process};
use crate::pulse::Pulse;
use crate::settings::Settings;
use crate::shutdown::Shutdown;
use crate::{api, start};

/// How long the last frames may take to be written.
const FLUSH: Duration = Duration::from_millis(500);

/// The longest line that a token may be in.
const MAX_TOKEN: usize = 256;

/// The exit code when the gateway itself could not do its part.
const FAILURE: i32 = 1;

/// Why a gateway cannot go on. The program's end is no such thing.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Standard input ended before a token.
    #[error("the bridge gave no token")]
    NoToken,
    /// The bridge cannot be reached.
    #[error(transparent)]
    Connect(#[from] frames::ConnectError),
    /// The socket of the API cannot be made.
    #[error(transparent)]
    Listen(io::Error),
    /// The system has no randomness.
    #[error("cannot make a token: {0}")]
    Token(io::Error),
    /// The program cannot be started.
    #[error("{0} cannot be run: {1}")]
    Spawn(String, io::Error),
    /// Waiting for the program failed.
    #[error("cannot wait for the program: {0}")]
    Wait(io::Error),
    /// The API is not served any more.
    #[error("the API cannot be served: {0}")]
    Api(String),
}

/// Runs a gateway until its program or the bridge ends. `stdin` is the pipe from the bridge: the token's line, and then nothing until the bridge is gone.
/// Returns the code to exit with: the program's own if it ended by itself.
///
/// # Errors
/// When the gateway cannot do its part, and the bridge could not be told by a frame.
pub async fn run(settings: Settings, mut stdin: impl AsyncRead + Unpin) -> Result<i32, GatewayError> {
    let token = read_token(&mut stdin).await?;
    // Those of a worker that was here before; some libraries do not listen on a path that exists.
    for stale in [settings.api_socket(), settings.hooks_socket()] {
        let _ = std::fs::remove_file(stale);
    }
    if settings.hooks {
        serve_everything(settings, &token, stdin).await
    } else {
        serve_api(settings, token, stdin).await
    }
}

async fn read_token(stdin: &mut (impl AsyncRead + Unpin)) -> Result<Token, GatewayError> {
    let mut line = Vec::new();
    while line.len() < MAX_TOKEN {
        match stdin.read_u8().await {
            Ok(b'\n') => break,
            Ok(byte) => line.push(byte),
            Err(_) => return Err(GatewayError::NoToken),
        }
    }
    let shown = String::from_utf8(line).map_err(|_| GatewayError::NoToken)?;
    Token::parse(&shown).ok_or(GatewayError::NoToken)
}

/// Waits until the bridge is gone.
async fn end_of(mut stdin: impl AsyncRead + Unpin) {
    let mut byte = [0];
    while matches!(stdin.read(&mut byte).await, Ok(1..)) {}
}

/// Serves the API in the background.
fn begin_api(context: &Context) -> Result<JoinHandle<Result<(), String>>, GatewayError> {
    let listener = api::bind(&context.settings.api_socket()).map_err(GatewayError::Listen)?;
    Ok(tokio::spawn(api::serve(listener, context.clone())))
}

async fn begin_program(settings: &Settings, token: &Token, place: Option<Place>) -> Result<Process, GatewayError> {
    let name = settings.command.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
    let process = Process::start(settings, token, place).await.map_err(|error| GatewayError::Spawn(name, error))?;
    process.take_termination(!settings.hooks).map_err(GatewayError::Wait)?;
    Ok(process)
}

/// Beside a worker that speaks frames itself: it gets the bridge's token, and STOP over its own connection.
async fn serve_api(settings: Settings, token: Token, stdin: impl AsyncRead + Unpin) -> Result<i32, GatewayError> {
    let link = Link::on_demand(settings.socket.clone(), token.clone());
    let context = Context { settings: Arc::new(settings), link, token, shutdown: Shutdown::default() };
    let mut api = begin_api(&context)?;
    let mut process = begin_program(&context.settings, &context.token, None).await?;
    tokio::select! {
        biased;
        code = process.wait() => code.map_err(GatewayError::Wait),
        () = end_of(stdin) => stop(&context.shutdown, &mut process).await,
        served = &mut api => Err(api_ended(served)),
    }
}

/// The whole worker: hooks, too.
async fn serve_everything(
    settings: Settings,
    token: &Token,
    stdin: impl AsyncRead + Unpin,
) -> Result<i32, GatewayError> {
    let asked = Asked::default();
    let duty = Duty::Control(Arc::new(asked.clone()));
    let control = frames::connect(&settings.socket, token, Role::Control, duty).await?;
    let code = match Worker::begin(settings, token, control.clone(), asked).await {
        Ok(mut worker) => {
            let code = worker.live(stdin).await;
            worker.connection.end(FLUSH).await;
            code
        }
        Err(error) => {
            report(&control, &unstartable(&error));
            Ok(FAILURE)
        }
    };
    control.end(FLUSH).await;
    code
}

/// What the bridge asks on `control`.
#[derive(Debug, Clone, Default)]
struct Asked {
    stop: Shutdown,
    pulse: Pulse,
}

impl ServeControl for Asked {
    fn stop(&self) {
        self.stop.begin();
    }

    fn pinged(&self, ping: Ping) {
        let pulse = self.pulse.clone();
        tokio::spawn(async move { ping.answer(pulse.lag().await) });
    }
}

/// A gateway that is connected and has its program started.
struct Worker {
    context: Context,
    /// The bridge's STOP. The API is served until the program has ended after it.
    asked: Asked,
    control: Connection,
    connection: Connection,
    api: JoinHandle<Result<(), String>>,
    process: Process,
    dialer: Arc<Dialer>,
    channel: Channel,
    client: Client,
}

impl Worker {
    async fn begin(
        settings: Settings,
        token: &Token,
        control: Connection,
        asked: Asked,
    ) -> Result<Worker, GatewayError> {
        let own = Token::random().map_err(GatewayError::Token)?;
        let settings = Arc::new(settings);
        let dialer = Arc::new(Dialer::new(settings.hooks_socket()));
        let over = |channel| Client::new(channel, &own, settings.max_message);
        let channel = Channel::new(dialer.clone());
        let client = over(channel.clone());
        let (requests, files) = (over(Channel::new(dialer.clone())), over(Channel::new(dialer.clone())));
        let clients = Clients { plain: client.clone(), requests, files };
        let duty = Duty::Hooks(Arc::new(Hooks::new(clients, asked.pulse.clone())));
        let connection = frames::connect(&settings.socket, token, Role::Async, duty).await?;
        let context =
            Context { settings, link: Link::over(connection.clone()), token: own, shutdown: Shutdown::default() };
        let api = begin_api(&context)?;
        let process = begin_program(&context.settings, &context.token, Some(control.place())).await?;
        Ok(Worker { context, asked, control, connection, api, process, dialer, channel, client })
    }

    async fn live(&mut self, stdin: impl AsyncRead + Unpin) -> Result<i32, GatewayError> {
        let Worker { context, asked, control, connection, api, process, dialer, channel, client } = self;
        let starting = start::start(channel, client, &context.link, context.settings.start_timeout);
        let mut ending = pin!(async {
            tokio::select! {
                () = asked.stop.begun() => {}
                _ = control.closed() => {}
                _ = connection.closed() => {}
                () = end_of(stdin) => {}
            }
        });
        // In this order, because the API ends with the gateway.
        let started = tokio::select! {
            biased;
            code = process.wait() => return code.map_err(GatewayError::Wait),
            () = &mut ending => return stop(&context.shutdown, process).await,
            served = &mut *api => Err(broken(&api_ended(served))),
            started = starting => started,
        };
        match started {
            Ok(ready) => {
                asked.pulse.begin(client);
                control.send(Kind::Ready, &messages::encode(&ready).unwrap_or_default());
            }
            Err(failed) => {
                report(control, &failed);
                control.flush(FLUSH).await;
                process.kill().await.map_err(GatewayError::Wait)?;
                return Ok(FAILURE);
            }
        }
        tokio::select! {
            biased;
            code = process.wait() => code.map_err(GatewayError::Wait),
            () = &mut ending => stop(&context.shutdown, process).await,
            served = &mut *api => {
                let error = api_ended(served);
                context.link.log(Level::Error, &error.to_string(), &[]);
                Err(error)
            }
            // The bridge starts it again.
            error = dialer.unreachable() => {
                context.link.log(Level::Error, &format!("{error}; the plugin is started again"), &[]);
                process.kill().await.map_err(GatewayError::Wait)?;
                Ok(FAILURE)
            }
        }
    }
}

/// The bridge wants no more, or is gone: the program ends, too.
async fn stop(shutdown: &Shutdown, process: &mut Process) -> Result<i32, GatewayError> {
    let stopped = process.stop().await;
    // Last, because a program that is asked to end may call the API once more.
    shutdown.begin();
    stopped.map_err(GatewayError::Wait)?;
    Ok(0)
}

fn api_ended(served: Result<Result<(), String>, tokio::task::JoinError>) -> GatewayError {
    GatewayError::Api(match served {
        Ok(Ok(())) => "it ended by itself".to_owned(),
        Ok(Err(sentence)) => sentence,
        Err(error) => error.to_string(),
    })
}

/// Sends FAILED.
fn report(control: &Connection, failed: &Failed) {
    // Strings and numbers can always be encoded.
    control.send(Kind::Failed, &messages::encode(failed).unwrap_or_default());
}

fn unstartable(error: &GatewayError) -> Failed {
    match error {
        GatewayError::Spawn(..) => Failed {
            code: "entry_point".to_owned(),
            message: error.to_string(),
            hint: "check server.worker in plugin.json, and that the program is in the bundle and executable".to_owned(),
            ..Failed::default()
        },
        error => broken(error),
    }
}

fn broken(error: &GatewayError) -> Failed {
    Failed { code: "internal".to_owned(), message: error.to_string(), ..Failed::default() }
}
