//! House rules for source files: module comments, length, unfinished work, printing, and names of hosts.

use std::fs;

use anyhow::Result;

use super::exceptions::Exceptions;
use crate::files::Entry;

/// Ends of the names of files that hold code.
const CODE: [&str; 4] = [".rs", ".go", ".py", ".sh"];

/// How many lines a file may have that people wrote.
const LONGEST: usize = 500;

/// Words that announce work still to be done. Words of this kind are written in parts, so that this file passes.
const UNFINISHED: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!"), concat!("unimple", "mented!")];

/// Hosts of package registries and settings that choose one: which registry is used is the business of each machine.
const REGISTRIES: [&str; 12] = [
    concat!("crates.", "io"),
    concat!("pypi.", "org"),
    concat!("pythonhosted.", "org"),
    concat!("proxy.golang.", "org"),
    concat!("sum.golang.", "org"),
    concat!("npmjs.", "org"),
    concat!("npmjs.", "com"),
    concat!("index-", "url"),
    concat!("PIP_INDEX_", "URL"),
    concat!("GOPRO", "XY"),
    concat!("[sour", "ce."),
    concat!("artifac", "tory"),
];

/// Checks all files.
pub(crate) fn check(entries: &[Entry], exceptions: &Exceptions) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for entry in entries {
        // What is not UTF-8 is no text.
        if let Ok(text) = String::from_utf8(fs::read(&entry.path)?) {
            problems.extend(check_file(&entry.relative, &text, exceptions));
        }
    }
    Ok(problems)
}

fn check_file(file: &str, text: &str, exceptions: &Exceptions) -> Vec<String> {
    let mut problems = Vec::new();
    let mut say = |line: usize, problem: &str| problems.push(format!("{file}:{line}: {problem}"));
    let code = CODE.iter().any(|ending| file.ends_with(ending)) || file.starts_with(".ci/");
    if !is_lock(file)
        && let Some((at, found)) = first_word(text, &REGISTRIES)
    {
        say(line_of(text, at), &format!("names a package registry ({found})"));
    }
    if file.ends_with(".rs") && !begins_with_module_comment(text) {
        say(1, "a module begins with a //! line that says what it is for");
    }
    if code && !is_generated(file) {
        if let Some((at, found)) = first_word(text, &UNFINISHED) {
            say(line_of(text, at), &format!("unfinished work ({found})"));
        }
        let lines = text.lines().count();
        if lines > LONGEST && !exceptions.may_be_long(file) {
            say(LONGEST, &format!("{lines} lines; split the file, or list it in xtask/tidy.toml with the reason"));
        }
    }
    if lives_in_a_plugin(file)
        && let Some(line) = prints(text)
    {
        say(line, "prints to standard output, which belongs to the handshake");
    }
    problems
}

/// The first of some words in a text that is not part of a longer one, and where it is.
fn first_word(text: &str, words: &[&'static str]) -> Option<(usize, &'static str)> {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let alone = |at: usize, word: &str| {
        // A word that ends with punctuation ends there.
        let goes_on = letter(word.chars().last()) && letter(text[at + word.len()..].chars().next());
        !goes_on && !letter(text[..at].chars().next_back())
    };
    let first = |word: &&'static str| text.match_indices(*word).map(|(at, _)| at).find(|&at| alone(at, word));
    words.iter().find_map(|word| Some((first(word)?, *word)))
}

/// Lock files name the registry that their tool knows, in the tool's own words.
fn is_lock(file: &str) -> bool {
    file.ends_with("Cargo.lock") || file.ends_with("go.sum")
}

fn is_generated(file: &str) -> bool {
    file.split('/').any(|part| part == "generated" || part == "_gen")
}

/// The first line that is no ordinary comment must be a module comment. A test's table that is included elsewhere has none.
fn begins_with_module_comment(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.find(|line| line.starts_with("//!") || !line.starts_with("//"));
    first.is_none_or(|line| line.starts_with("//!"))
}

/// Whether a file is part of a program that the server starts, or may be.
fn lives_in_a_plugin(file: &str) -> bool {
    file.starts_with("crates/")
        && file.contains("/src/")
        && file.ends_with(".rs")
        && !file.starts_with("crates/mmp-codegen/")
}

/// The line of the first `println!` or `print!` before the tests of a file.
fn prints(text: &str) -> Option<usize> {
    let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let call = |line: &str| {
        let line = line.trim_start();
        !line.starts_with("//")
            && line.match_indices("print").any(|(at, _)| {
                let rest = &line[at..];
                (rest.starts_with("print!") || rest.starts_with("println!")) && !line[..at].ends_with('e')
            })
    };
    program.lines().position(call).map(|index| index + 1)
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, text: &str) -> Vec<String> {
        check_file(file, text, &Exceptions::of("[long_files]\n\"go/long.go\" = \"a table\""))
    }

    #[test]
    fn good_files_pass() {
        assert_eq!(
            check("crates/a/src/lib.rs", "// Generated.\n\n//! A module.\neprintln!(\"x\");\n"),
            Vec::<String>::new()
        );
        assert_eq!(
            check("crates/a/src/b.rs", "//! A module.\n#[cfg(test)]\nmod tests {\nprintln!()"),
            Vec::<String>::new()
        );
        assert_eq!(check("go/long.go", &"x\n".repeat(501)), Vec::<String>::new());
        assert_eq!(check("docs/a.md", concat!("a MASTO", "DON; crates.", "ioniser")), Vec::<String>::new());
        assert_eq!(check("go/generated/a.go", &"x\n".repeat(501)), Vec::<String>::new());
    }

    #[test]
    fn every_rule_finds_its_fault() {
        let unfinished = ["# TO", "DO: more"].concat();
        let macros = ["//! A.\nfn a() { to", "do!() }"].concat();
        let host = ["see\nhttps://crates.", "io/x"].concat();
        let cases = [
            ("crates/a/src/lib.rs", "use a;\n//! Late.", "crates/a/src/lib.rs:1: a module begins with"),
            ("python/a.py", unfinished.as_str(), "python/a.py:1: unfinished work"),
            ("crates/a/src/x.rs", macros.as_str(), "crates/a/src/x.rs:2: unfinished work"),
            ("docs/a.md", host.as_str(), "docs/a.md:2: names a package registry"),
            ("crates/a/src/x.rs", "//! A.\nfn a() {\n    println!()", "crates/a/src/x.rs:3: prints to standard output"),
        ];
        for (file, text, expected) in cases {
            let problems = check(file, text);
            assert!(problems.len() == 1 && problems[0].starts_with(expected), "{problems:?}");
        }
        assert!(check("go/other.go", &"x\n".repeat(501))[0].starts_with("go/other.go:500: 501 lines"));
    }
}
