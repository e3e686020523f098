//! `bench/results.md`: what `cargo xtask bench` writes, and below a mark the sections of other commands, each under a heading of its own.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell::Shell;

/// The line below which `cargo xtask bench` writes nothing anew.
const KEPT: &str = "<!-- Below: the figures of other commands, kept by `cargo xtask bench`. -->";

/// Puts the figures of `cargo xtask bench` above the mark.
pub(crate) fn put_first(page: &Path, figures: &str) -> Result<()> {
    let last = read(page);
    let kept = last.find(KEPT).map(|at| format!("\n{}", &last[at..])).unwrap_or_default();
    write(page, &(figures.to_owned() + &kept))
}

/// Puts a section below the mark, in the place of the one with the same heading if there is one.
pub(crate) fn put(page: &Path, heading: &str, text: &str) -> Result<()> {
    write(page, &with_section(&read(page), heading, text))
}

/// The day.
pub(crate) fn today() -> Result<String> {
    let date = Shell::terminal().read(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    Ok(date.trim().to_owned())
}

fn with_section(page: &str, heading: &str, text: &str) -> String {
    let mark = if page.contains(KEPT) { String::new() } else { format!("\n{KEPT}\n") };
    let page = page.to_owned() + &mark;
    let line = format!("\n## {heading}\n");
    let section = format!("{line}\n{}\n", text.trim());
    let below = page.find(KEPT).unwrap_or_default();
    let Some(from) = page[below..].find(&line).map(|at| below + at) else { return page + &section };
    let rest = &page[from + line.len()..];
    let to = rest.find("\n## ").map_or(page.len(), |at| from + line.len() + at);
    format!("{}{section}{}", &page[..from], &page[to..])
}

/// A page that is not there yet is empty.
fn read(page: &Path) -> String {
    std::fs::read_to_string(page).unwrap_or_default()
}

fn write(page: &Path, text: &str) -> Result<()> {
    std::fs::write(page, text).with_context(|| format!("cannot write {}", page.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_last_one() {
        let page = with_section("# Results\n", "A", "one\n");
        let page = with_section(&page, "B", "two");
        assert_eq!(page, format!("# Results\n\n{KEPT}\n\n## A\n\none\n\n## B\n\ntwo\n"));
        let page = with_section(&with_section(&page, "A", "three"), "B", "four");
        assert_eq!(page, format!("# Results\n\n{KEPT}\n\n## A\n\nthree\n\n## B\n\nfour\n"));
    }

    #[test]
    fn figures_above_the_mark_leave_the_rest() {
        let file = tempfile::NamedTempFile::new().unwrap();
        put_first(file.path(), "# Results\n\nold\n").unwrap();
        put(file.path(), "A", "one").unwrap();
        put_first(file.path(), "# Results\n\nnew\n").unwrap();
        assert_eq!(read(file.path()), format!("# Results\n\nnew\n\n{KEPT}\n\n## A\n\none\n"));
    }
}
