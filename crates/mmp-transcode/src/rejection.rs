//! The answer with which a hook refuses what is about to happen, as a worker would have sent it.

use crate::msgpack::{put_array_len, put_nil, put_str};
use crate::schema::{Method, Reject};

/// Stands for an empty reason, with which the server would take the answer for an approval.
const WITHOUT_REASON: &str = "rejected by the plugin";

impl Method {
    /// The payload of a HOOK_REPLY that refuses with this reason; None where the hook cannot refuse.
    ///
    /// What stands before the reason, or before the error, is nil. The server looks at the reason alone, except in
    /// `MessageWillBeUpdated`, where a nil post refuses and the reason is only shown (`UpdatePost` in app/post.go). Where the host
    /// decodes the reply over the argument (`Prefilled`) the argument stays there, which the server does not look at then.
    pub fn rejection(&self, reason: &str) -> Option<Vec<u8>> {
        let before = match self.reject? {
            Reject::Reason(at) => usize::from(at),
            Reject::Error => self.results.len(),
        };
        let reason = if reason.is_empty() { WITHOUT_REASON } else { reason };
        let mut payload = Vec::with_capacity(before + 6 + reason.len());
        put_array_len(&mut payload, before + 1);
        (0..before).for_each(|_| put_nil(&mut payload));
        put_str(&mut payload, reason);
        Some(payload)
    }
}
