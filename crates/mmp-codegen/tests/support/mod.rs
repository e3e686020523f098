//! A scratch checkout with one of the fixture schemas.

#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::path::{Path, PathBuf};

use mmp_codegen::generate::{self, Findings, Report, Scope};
use mmp_codegen::{Error, Project, SchemaPaths, backends};

/// A temporary checkout: `schema/` and whatever was generated.
pub(crate) struct Checkout {
    dir: tempfile::TempDir,
}

impl Checkout {
    /// A checkout with the fixture `older` or `newer`.
    pub(crate) fn new(fixture: &str) -> Self {
        let checkout = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(checkout.path("schema")).unwrap();
        let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rustfmt.toml");
        std::fs::copy(settings, checkout.path("rustfmt.toml")).unwrap();
        checkout.use_fixture(fixture);
        checkout
    }

    /// Replaces the schema, but keeps the lock.
    pub(crate) fn use_fixture(&self, fixture: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture);
        for name in ["mattermost.json", "overrides.toml", "docs.toml"] {
            std::fs::copy(from.join(name), self.path("schema").join(name)).unwrap();
        }
    }

    /// A path in the checkout.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// The text of a file.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    /// Replaces a piece of a file that must be there.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} lacks {from}");
        std::fs::write(self.path(path), text.replacen(from, to, 1)).unwrap();
    }

    /// Loads the schema.
    pub(crate) fn load(&self) -> Result<Project, Error> {
        Project::load(&SchemaPaths::in_dir(&self.path("schema")))
    }

    /// `cargo xtask gen`
    pub(crate) fn write(&self) -> Report {
        let project = self.load().unwrap();
        generate::write(self.dir.path(), &self.path("schema/lock.toml"), &project, &backends::all(), Scope::All)
            .unwrap()
    }

    /// `cargo xtask gen --check`
    pub(crate) fn check(&self) -> Findings {
        let project = self.load().unwrap();
        generate::check(self.dir.path(), &self.path("schema/lock.toml"), &project, &backends::all()).unwrap()
    }

    /// The message with which loading fails.
    pub(crate) fn fault(&self) -> String {
        self.load().expect_err("the schema is refused").to_string()
    }
}
