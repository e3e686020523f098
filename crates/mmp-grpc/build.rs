//! Compiles the proto files into one descriptor set, for server reflection.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    find_files(root, &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new([root])?;
    // The comments are most of the files, and nothing that calls reads them.
    compiler.include_imports(true).include_source_info(false).open_files(files)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("mattermost_plugin.binpb");
    std::fs::write(out, compiler.file_descriptor_set().encode_to_vec())?;
    Ok(())
}

fn find_files(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            find_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
