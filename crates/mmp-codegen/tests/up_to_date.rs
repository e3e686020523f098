//! The checkout itself: everything generated is as the generator would write it now.

use std::path::Path;

use mmp_codegen::generate::check;
use mmp_codegen::{Project, SchemaPaths, backends};

#[test]
fn generated_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let paths = SchemaPaths::in_dir(&root.join("schema"));
    let project = Project::load(&paths).unwrap_or_else(|error| panic!("{error}"));
    let findings = check(&root, &paths.lock, &project, &backends::all()).unwrap_or_else(|error| panic!("{error}"));
    assert!(findings.is_empty(), "run `cargo xtask gen`:\n{findings}");
}

#[test]
fn the_schema_is_complete() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let project = Project::load(&SchemaPaths::in_dir(&root.join("schema"))).unwrap_or_else(|error| panic!("{error}"));
    let counts = (project.schema.api.len(), project.schema.hooks.len(), project.schema.driver.len());
    assert_eq!(counts, (237, 47, 20));
}
