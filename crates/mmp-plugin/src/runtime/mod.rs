//! What is behind the public types: the connection to the server, and the threads that handlers run on.

pub(crate) mod activation;
pub(crate) mod calls;
pub(crate) mod core;
pub(crate) mod executor;
pub(crate) mod hook_call;
pub(crate) mod io;
pub(crate) mod log;
pub(crate) mod shared;
pub(crate) mod standby;
#[cfg(test)]
mod tests;
