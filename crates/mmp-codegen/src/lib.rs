//! The generator: one schema of Mattermost's plugin interface in, code for every part of the project out.
//!
//! [`Project::load`] reads and checks the files in `schema/`, the [`backends`] turn them into [`Output`]s, and
//! [`generate`] compares these with the checkout or writes them.

pub mod backends;
pub mod calls;
mod docs;
mod error;
mod format;
pub mod generate;
mod handling;
pub mod lock;
pub mod messages;
pub mod names;
mod overrides;
mod project;
pub mod schema;
mod text;

pub use backends::{Backend, Output};
pub use docs::Docs;
pub use error::{Error, Result};
pub use handling::{Deadline, DeadlineRule, DeadlineRules, Reject, RejectRule, RejectRules, RejectWord};
pub use overrides::{Echo, EchoMode, Overrides};
pub use project::{Project, SchemaPaths};
pub use text::Text;
