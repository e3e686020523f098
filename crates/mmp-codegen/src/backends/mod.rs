//! The backends, one file each.

mod go_peer;
mod model;
mod proto;
mod python;
mod rust;
mod rust_sdk;
mod transcode;

use crate::error::Result;
use crate::project::Project;

/// A generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Where it belongs, seen from the root of the checkout, with `/`.
    pub path: String,
    /// What it holds. Rust and Go are formatted afterwards, everything else must already be as it shall be.
    pub contents: String,
}

impl Output {
    /// A file.
    pub fn new(path: impl Into<String>, contents: impl Into<String>) -> Self {
        Self { path: path.into(), contents: contents.into() }
    }
}

/// Something that is made from the schema.
pub trait Backend {
    /// The name in messages.
    fn name(&self) -> &'static str;

    /// The files. Each must be in a directory of generated files: one called `generated` or `_gen`, or below `proto/mattermost`.
    fn outputs(&self, project: &Project) -> Result<Vec<Output>>;
}

/// Every backend of the project.
pub fn all() -> Vec<&'static dyn Backend> {
    vec![&transcode::Transcode, &model::Model, &go_peer::GoPeer, &python::Python, &rust_sdk::RustSdk, &proto::Proto]
}
