//! Waiting that ends: a test that hangs fails with a message.

use std::time::Duration;

/// How long anything may take. Far more than it needs, so that a slow machine does not fail a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that must come.
///
/// # Panics
/// When it does not.
pub(crate) async fn within<R>(what: &str, wait: impl Future<Output = R>) -> R {
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(result) => result,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
