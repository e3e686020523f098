//! What no schema describes: free-form values, errors, streams.

use super::file::File;
use super::models::Models;
use crate::error::Result;
use crate::project::Project;

/// A file with texts of its own; models may be in it too.
struct Fixed {
    name: &'static str,
    about: &'static str,
    imports: &'static [&'static str],
    text: &'static str,
}

const FILES: [Fixed; 3] = [
    Fixed {
        name: "common",
        about: include_str!("fixed/about_common.txt"),
        imports: &["google/protobuf/struct.proto"],
        text: include_str!("fixed/common.proto"),
    },
    Fixed {
        name: "errors",
        about: include_str!("fixed/about_errors.txt"),
        imports: &[],
        text: include_str!("fixed/errors.proto"),
    },
    Fixed {
        name: "streams",
        about: include_str!("fixed/about_streams.txt"),
        imports: &["google/protobuf/timestamp.proto"],
        text: include_str!("fixed/streams.proto"),
    },
];

/// Whether the file has a text of its own.
pub(super) fn is_fixed(name: &str) -> bool {
    FILES.iter().any(|file| file.name == name)
}

/// The files.
pub(super) fn files(project: &Project, models: &Models) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for fixed in &FILES {
        let mut file = File::new(fixed.name, fixed.about);
        fixed.imports.iter().for_each(|import| file.import(import));
        file.add(&declared(fixed.text), fixed.text);
        models.add_to(project, &mut file)?;
        files.push(file);
    }
    Ok(files)
}

/// The names that a text declares at its first level.
pub(super) fn declared(text: &str) -> Vec<&str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("message ").or_else(|| line.strip_prefix("enum ")));
    lines.filter_map(|line| line.split_whitespace().next()).collect()
}
