//! What the tests of the gateway share.

pub(crate) mod bridge;
pub(crate) mod patience;
