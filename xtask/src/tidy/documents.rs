//! Documents against files: every path in a code span, and every link, leads somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::exceptions::Exceptions;
use crate::files::Entry;

/// Ends of file names that make a single word a path.
const ENDINGS: [&str; 13] =
    [".rs", ".py", ".go", ".md", ".toml", ".json", ".proto", ".yaml", ".sh", ".txt", ".lock", ".mod", ".jsonl"];

/// What the checkout has.
struct Tree<'a> {
    root: &'a Path,
    names: BTreeSet<&'a str>,
}

/// Checks all documents.
pub(crate) fn check(root: &Path, entries: &[Entry], exceptions: &Exceptions) -> Result<Vec<String>> {
    let names = entries.iter().flat_map(|entry| entry.relative.split('/')).collect();
    let tree = Tree { root, names };
    let mut problems = Vec::new();
    for entry in
        entries.iter().filter(|entry| entry.relative.ends_with(".md") && !entry.relative.contains("/testdata/"))
    {
        let text = fs::read_to_string(&entry.path)?;
        let directory = entry.path.parent().unwrap_or(root);
        for (line, span) in spans(&text) {
            if is_path(&span) && !tree.has(directory, &span) && !exceptions.is_not_path(&span) {
                problems.push(format!("{}:{line}: there is no `{span}`", entry.relative));
            }
        }
        for (line, link) in links(&text) {
            if !directory.join(&link).exists() {
                problems.push(format!("{}:{line}: the link to {link} leads nowhere", entry.relative));
            }
        }
    }
    Ok(problems)
}

impl Tree<'_> {
    /// Whether a path exists, from the document's directory or from the root. A bare name may be anywhere.
    fn has(&self, directory: &Path, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        directory.join(path).exists() || self.root.join(path).exists() || self.names.contains(path)
    }
}

/// The lines outside of fenced blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        // Four spaces begin a block of code too.
        (!fenced && !line.starts_with("    ")).then_some((number, line))
    })
}

/// The code spans, with the numbers of their lines.
fn spans(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        found.extend(line.split('`').skip(1).step_by(2).map(|span| (number, span.to_owned())));
    }
    found
}

/// The targets of links into the checkout.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for part in line.split("](").skip(1) {
            let target = part.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') {
                found.push((number, target.to_owned()));
            }
        }
    }
    found
}

/// Whether a code span is written like a path of the checkout: no absolute one, no pattern, no placeholder, no URL.
fn is_path(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if span.starts_with(['/', '-']) || !span.chars().all(plain) || !span.contains(|c: char| c.is_ascii_alphabetic()) {
        return false;
    }
    span.contains('/') || ENDINGS.iter().any(|ending| span.len() > ending.len() && span.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_other_code() {
        for path in ["crates/mmp-gob", "docs/", "../schema/lock.toml", "Cargo.toml", "plugin.json", ".ci/run"] {
            assert!(is_path(path), "{path}");
        }
        for other in
            ["cargo xtask gen", "/tmp/x", "crates/*", "<id>/x", "post.message", "a:b/c", "--out/x", "1/2", ".rs"]
        {
            assert!(!is_path(other), "{other}");
        }
    }

    #[test]
    fn what_is_not_there_is_found_with_its_line() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("docs/deep")).unwrap();
        fs::write(directory.path().join("docs/deep/there.md"), "").unwrap();
        let text = "`docs/deep/there.md` `there.md` `made/of/it`\n```\n`fenced/gone.rs`\n```\n`docs/gone.md` [a](deep/there.md#x) [b](gone)\n    `indented/gone`\n";
        fs::write(directory.path().join("docs/page.md"), text).unwrap();
        let entries = crate::files::walk(directory.path(), &|_| true).unwrap();
        let exceptions = Exceptions::of("[not_paths]\n\"made/\" = \"an output\"");
        let problems = check(directory.path(), &entries, &exceptions).unwrap();
        assert_eq!(
            problems,
            ["docs/page.md:5: there is no `docs/gone.md`", "docs/page.md:5: the link to gone leads nowhere"]
        );
    }
}
