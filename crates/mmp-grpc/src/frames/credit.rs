//! How many bytes of a stream may be sent (`docs/reference/frames.md`, section 8).

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// The credit of a stream to the bridge. None: the stream takes no more, because its hook or call is over.
#[derive(Debug)]
pub(super) struct Credit {
    left: Mutex<Option<usize>>,
    more: Notify,
}

/// The hook or call that a stream belongs to is over, or the connection lost: nothing more of the stream is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream's hook or call is over")]
pub struct Gone;

impl Credit {
    /// A stream that begins with this much.
    pub(super) fn new(bytes: usize) -> Credit {
        Credit { left: Mutex::new(Some(bytes)), more: Notify::new() }
    }

    fn with<R>(&self, change: impl FnOnce(&mut Option<usize>) -> R) -> R {
        change(&mut self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The bridge takes so many bytes more.
    pub(super) fn grant(&self, bytes: usize) {
        self.with(|left| *left = left.map(|left| left.saturating_add(bytes)));
        self.more.notify_one();
    }

    /// Nothing more is taken.
    pub(super) fn close(&self) {
        self.with(|left| *left = None);
        self.more.notify_one();
    }

    /// Whether nothing more is taken.
    pub(super) fn is_closed(&self) -> bool {
        self.with(|left| left.is_none())
    }

    /// Takes up to `wanted` bytes of credit, at least one; waits until there is some. A stream has one sender.
    pub(super) async fn take(&self, wanted: usize) -> Result<usize, Gone> {
        loop {
            let taken = self.with(|left| match left {
                None => Err(Gone),
                Some(left) => {
                    let taken = wanted.min(*left);
                    *left -= taken;
                    Ok(taken)
                }
            })?;
            if taken > 0 || wanted == 0 {
                return Ok(taken);
            }
            self.more.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credit_is_taken_as_far_as_it_goes() {
        let credit = Credit::new(10);
        assert_eq!(credit.take(4).await, Ok(4));
        assert_eq!(credit.take(40).await, Ok(6));
        let mut waiting = Box::pin(credit.take(3));
        assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
        credit.grant(2);
        assert_eq!(waiting.await, Ok(2));
    }

    #[tokio::test]
    async fn a_stream_that_is_over_takes_nothing() {
        let credit = Credit::new(10);
        credit.close();
        credit.grant(5);
        assert_eq!(credit.take(1).await, Err(Gone));
    }
}
