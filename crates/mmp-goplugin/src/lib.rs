//! The wire protocol between a Mattermost server and its plugins: hashicorp/go-plugin over net/rpc, both sides.
//!
//! Nothing here does I/O, reads a clock or starts a thread (the plugin's socket in [`handshake`] and its standard error in [`hclog`] excepted): bytes that arrived go in, events come out, and bytes to
//! write gather in one buffer. So one event loop can serve a connection without a hop between threads. A driver's round is
//!
//! 1. `advance_clock(now)`,
//! 2. `receive(bytes, handler)` for whatever the connection has,
//! 3. `tick(now, handler)`,
//! 4. write `pending_output()` and say how much was taken by `advance_output(count)`,
//! 5. sleep until the connection is ready or `next_deadline()`.
//!
//! [`plugin::PluginSession`] and [`host::HostSession`] are the two sides. Below them are [`endpoint`] (connections), [`netrpc`], [`broker`] and [`yamux`];
//! [`handshake`] comes before them, [`pull`] is what Mattermost sends bodies with, and [`hclog`] how a plugin's lines reach the server's log.

pub mod broker;
pub mod control;
pub mod endpoint;
pub mod handshake;
pub mod hclog;
pub mod host;
pub mod netrpc;
pub mod plugin;
pub mod pull;
pub mod yamux;
