//! Mattermost server plugins in Rust.
//!
//! A plugin is a program that the server starts: it is told what happens (hooks), and calls the server (the plugin API). With this crate the program is written in Rust alone, with no worker beside it
//! and no Go: it speaks the server's own plugin protocol, so every server that runs plugins written in Go runs it.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use mmp_plugin::model::{Context, Post};
//! use mmp_plugin::{Api, Decision, HookError, Hooks};
//!
//! struct Polite {
//!     api: Api,
//! }
//!
//! #[mmp_plugin::hooks]
//! impl Hooks for Polite {
//!     async fn on_activate(&self) -> Result<(), HookError> {
//!         let version = self.api.get_server_version().await?;
//!         self.api.log_info("ready", &[("server", &version)]);
//!         Ok(())
//!     }
//!
//!     async fn message_will_be_posted(&self, _context: &Context, post: &Post) -> Decision<Post> {
//!         if post.message.contains("badword") {
//!             return Decision::reject("Please mind your language.");
//!         }
//!         Decision::change(Post { message: post.message.replace(":rust:", "🦀").into(), ..post.clone() })
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     mmp_plugin::run(|start| Polite { api: start.api })
//! }
//! ```
//!
//! # The parts
//!
//! - [`Hooks`] is what the server tells a plugin. Write the methods that you want and put [`macro@hooks`] before the block: the server is told exactly these.
//! - [`Decision`] is what hooks return before something happens; [`HookError`] is what a handler fails with, so `?` works on everything.
//! - [`Api`] is the plugin API: 237 methods, and [`Error`] for what the server refuses. `Api` is cheap to clone.
//! - [`http`] has requests to the plugin, with bodies that stream both ways, connections that are taken over, and requests to other plugins.
//! - [`FileReader`] and [`FileWriter`] are uploads that the plugin looks at or replaces.
//! - [`Driver`] is the server's database, for those who need it.
//! - [`model`] has Mattermost's types and constants, [`gob`] what their fields are made of.
//! - [`testing`] has a server for tests.
//!
//! # Values
//!
//! Structs have all fields of Go's, and `Default`: `Post { message: "x".into(), ..Post::default() }`. A Go string is a [`GoString`](gob::GoString), which can be used like a `&str` and keeps bytes that are
//! not UTF-8; a pointer is an `Option<Box<_>>`; a map is an `Option<BTreeMap<_, _>>`; an `any` (a post's props, for example) is an [`Any`](gob::Any), which keeps its Go type, so a number goes back as the
//! `int` or `float64` as which it came.
//!
//! Gob leaves out what is zero, so the server cannot tell a field with the zero value from one that is not there. Where it merges a reply into the value that it has sent (`message_will_be_posted`,
//! `channel_member_will_be_added`, `team_member_will_be_added`, `file_will_be_uploaded`), this means that a field cannot be made empty, and a key of a map cannot be taken away; a plugin in Go cannot do that either.
//! Only fields that were changed are sent there, so `Post { message, ..Post::default() }` does the same as `Post { message, ..post.clone() }`, for less.
//!
//! The types are those of Mattermost 11.6, and fields that a newer server sends besides are not seen. Where the reply is merged they survive all the same, and so they do where a handler has no
//! opinion. They are lost when a whole value goes back: the post of `message_will_be_updated`, changed or not (the server takes no post for a refusal), the posts of `messages_will_be_consumed`, a
//! notification or a configuration that was changed, and whatever a plugin reads from the API and writes back. An older server lacks methods; calling one is [`Error::NotAvailable`].
//!
//! # Running
//!
//! Handlers are `async` and run at the same time. They are inside a [tokio] runtime, so its timers, sockets and `tokio::spawn` are there. A handler is polled by the very thread that reads from the server,
//! which is what makes short ones fast. One that computes for long or blocks does no harm: another thread takes the reading over after some milliseconds, and the next calls of that hook run elsewhere.
//!
//! A handler that panics is reported in the server's log, and the server gets the answer of a plugin without an opinion, or an error where the hook has one. What a program prints goes to the server's log as well.
//! When the server stops the plugin or is gone itself, the process ends.
//!
//! # The bundle
//!
//! The program goes into the bundle under the path that `server.executables` of its `plugin.json` names. Link it statically (`-C target-feature=+crt-static`, as `cargo xtask bundle` does), so that it runs on every Linux.

#![deny(unsafe_op_in_unsafe_fn)]

mod api;
mod changes;
mod decision;
mod driver;
mod error;
mod files;
mod generated;
mod hooks;
pub mod http;
mod plugin;
mod runtime;
mod streams;
pub mod testing;
mod uploads;

pub use api::Api;
pub use decision::Decision;
pub use driver::Driver;
pub use error::{Error, HookError, Result};
pub use files::{FileReader, FileWriter};
pub use generated::hooks::Hooks;
pub use mmp_gob as gob;
pub use mmp_model as model;
pub use mmp_plugin_macros::hooks;
pub use plugin::{Start, run};
