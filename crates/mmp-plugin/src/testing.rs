//! A server for tests of plugins.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mmp_gob::Gob;

use crate::api::Api;
use crate::driver::Driver;
use crate::error::{Error, Method, Result};
use crate::plugin::Start;

type Answer = Arc<dyn Fn(&dyn Any) -> Option<Box<dyn Any>> + Send + Sync>;

/// Answers the calls of a plugin's API in a test.
///
/// Methods are answered by functions on the RPC structs, in which the parameters are called `a`, `b` and so on, and so are the results and the error behind them. A method that has no such function fails.
///
/// ```
/// use mmp_plugin::model::{User, rpc};
/// use mmp_plugin::testing::FakeServer;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let server = FakeServer::new();
/// server.on("GetUser", |args: &rpc::GetUserArgs| rpc::GetUserReturns {
///     a: Some(Box::new(User { id: args.a.clone(), username: "ann".into(), ..User::default() })),
///     b: None,
/// });
/// assert_eq!(server.api().get_user("some id").await.unwrap().username, "ann");
/// assert!(server.api().get_team("some id").await.is_err());
/// # });
/// ```
#[derive(Clone, Default)]
pub struct FakeServer {
    state: Arc<Mutex<Fake>>,
}

#[derive(Default)]
struct Fake {
    methods: HashMap<&'static str, Answer>,
    lines: Vec<String>,
}

impl FakeServer {
    /// A server that knows no method.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, Fake> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a method, given by Go's name, from now on.
    pub fn on<A: 'static, R: 'static>(&self, method: &'static str, answer: impl Fn(&A) -> R + Send + Sync + 'static) {
        let answer: Answer = Arc::new(move |args| {
            let reply: Box<dyn Any> = Box::new(answer(args.downcast_ref()?));
            Some(reply)
        });
        self.state().methods.insert(method, answer);
    }

    /// What a plugin is made with.
    #[must_use]
    pub fn start(&self) -> Start {
        Start { api: self.api(), driver: Driver::new(self.api()) }
    }

    /// An API that this server answers.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::fake(self.clone())
    }

    /// The lines that were written to the log: the message, and the fields behind it.
    #[must_use]
    pub fn log_lines(&self) -> Vec<String> {
        self.state().lines.clone()
    }

    pub(crate) fn log(&self, message: &str, fields: Vec<(String, String)>) {
        let fields: String = fields.iter().map(|(key, value)| format!(" {key}={value}")).collect();
        self.state().lines.push(format!("{message}{fields}"));
    }

    pub(crate) fn call<A: Gob, R: Gob>(&self, method: Method, args: &A) -> Result<R> {
        let answer = self.state().methods.get(method.name).cloned();
        let reply = answer.and_then(|answer| answer(args)).and_then(|reply| reply.downcast::<R>().ok());
        let reason = "the test has no answer of the right types for it";
        reply.map(|reply| *reply).ok_or_else(|| Error::Unavailable { method: method.name, reason: reason.to_owned() })
    }
}
