//! The end of the gateway, as every part of it sees it.

use tokio::sync::watch;

/// Says to every part that the gateway ends. Clones share one state.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Sender<bool>);

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown(watch::Sender::new(false))
    }
}

impl Shutdown {
    /// The gateway ends: nothing new is begun.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether the gateway ends.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the gateway ends.
    pub async fn begun(&self) {
        // The sender is `self`, so the wait ends only with the value.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}
