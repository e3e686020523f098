//! A file of protobuf: its head, its imports and its body.

use std::collections::BTreeSet;

use super::{DIR, comments};
use crate::backends::Output;
use crate::text::Text;

/// The package of every file.
const PACKAGE: &str = "mattermost.plugin.v1";

/// Options of every file; buf wants the same ones in a package.
const OPTIONS: &str = "\
option go_package = \"mattermost/plugin/v1;pluginv1\";
option java_multiple_files = true;
option java_package = \"com.mattermost.plugin.v1\";";

/// A file that grows.
pub(super) struct File {
    /// Its name without directory and `.proto`.
    pub(super) name: String,
    about: String,
    imports: BTreeSet<String>,
    /// Names of the messages and enums declared in it.
    pub(super) declared: Vec<String>,
    body: Text,
}

impl File {
    /// An empty file; `about` is the comment at its head.
    pub(super) fn new(name: &str, about: &str) -> Self {
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            imports: BTreeSet::new(),
            declared: Vec::new(),
            body: Text::default(),
        }
    }

    /// Imports another file of the package, by its name, or one of Google's, by its path.
    pub(super) fn import(&mut self, file: &str) {
        if file.contains('/') {
            self.imports.insert(file.to_owned());
        } else if file != self.name {
            self.imports.insert(import_path(file));
        }
    }

    /// Adds text that declares these names, after an empty line.
    pub(super) fn add(&mut self, declared: &[&str], text: &str) {
        self.body.blank();
        self.body.line(text.trim_end());
        self.declared.extend(declared.iter().map(|name| (*name).to_owned()));
    }

    /// The finished file.
    pub(super) fn output(self) -> Output {
        let mut text = Text::generated("//");
        text.blank();
        text.line(comments::comment("", &self.about).trim_end());
        text.line(format_args!("\nsyntax = \"proto3\";\n\npackage {PACKAGE};\n"));
        for import in &self.imports {
            text.line(format_args!("import \"{import}\";"));
        }
        if !self.imports.is_empty() {
            text.blank();
        }
        text.line(OPTIONS);
        let path = format!("{DIR}/{}.proto", self.name);
        Output::new(path, text.finish() + &self.body.finish())
    }
}

/// The path by which files import another one.
fn import_path(file: &str) -> String {
    format!("{}/{file}.proto", DIR.trim_start_matches("proto/"))
}
