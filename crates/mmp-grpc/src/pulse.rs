//! Whether the program still answers, which the bridge asks every few seconds.
//!
//! A program that hangs keeps its connections, so it is asked for its health. One question is under way at a time, for as long as it takes: a program that is slow is late with the answer,
//! and is not asked again meanwhile. A program whose threads are all busy may be as late as one that hangs, so the answer of any hook counts as a sign of life, too.

use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::program::Client;
use crate::program::health;

/// How long the bridge's question waits for the program's answer. The bridge itself must hear something within 15 seconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is known of the program.
#[derive(Debug, Default)]
struct State {
    /// A question is under way.
    asking: bool,
    /// The last sign of life, or when it was asked for the first time after that; None when the last question was answered.
    silent_since: Option<Instant>,
}

/// See the module. Clones share the state.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    state: Arc<watch::Sender<State>>,
    /// There is none until the program has said that it is healthy.
    client: Arc<OnceLock<Client>>,
}

impl Pulse {
    /// The program is healthy. From here on it is asked.
    pub fn begin(&self, client: &Client) {
        // It begins once.
        let _ = self.client.set(client.clone());
    }

    /// The program has answered something.
    pub fn alive(&self) {
        self.state.send_if_modified(|state| {
            state.silent_since = state.silent_since.map(|_| Instant::now());
            // Whoever waits for the answer waits on.
            false
        });
    }

    /// For how long the program has not answered. Takes a moment, in which it may.
    pub async fn lag(&self) -> Duration {
        let Some(client) = self.client.get() else { return Duration::ZERO };
        if self.is_to_be_asked() {
            tokio::spawn(ask(self.state.clone(), client.clone()));
        }
        let mut state = self.state.subscribe();
        // What is not answered in time is said by the state.
        let _ = tokio::time::timeout(PATIENCE, state.wait_for(|state| !state.asking)).await;
        self.state.borrow().silent_since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Whether a question is to be begun now; it counts as under way then.
    fn is_to_be_asked(&self) -> bool {
        self.state.send_if_modified(|state| {
            let first = !state.asking;
            state.asking = true;
            state.silent_since.get_or_insert_with(Instant::now);
            first
        })
    }
}

/// Asks once. A program that cannot be reached has not answered; every other answer shows that it lives, whatever it says.
async fn ask(state: Arc<watch::Sender<State>>, client: Client) {
    let unreached = health::check(&client).await.is_err_and(|status| status.source().is_some());
    state.send_modify(|state| {
        state.asking = false;
        if !unreached {
            state.silent_since = None;
        }
    });
}
