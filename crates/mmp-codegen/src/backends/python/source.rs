//! Python source as `ruff format` writes it, with lines of at most 120 characters.

use crate::text::Text;

const WIDTH: usize = 120;

/// A Python file, begun with the generator's line and its docstring.
pub(super) fn file(about: &str) -> Text {
    let mut text = Text::generated("#");
    text.line(format_args!("\"\"\"{about}\"\"\""));
    text.blank();
    text.line("from __future__ import annotations");
    text
}

/// `prefix`, the items with commas, `suffix`: in one line if it fits, else an item a line.
pub(super) fn bracketed(indent: usize, prefix: &str, items: &[String], suffix: &str) -> String {
    let pad = " ".repeat(indent);
    let line = format!("{pad}{prefix}{}{suffix}", items.join(", "));
    if line.chars().count() <= WIDTH {
        return line;
    }
    let mut out = format!("{pad}{prefix}\n");
    for item in items {
        out.push_str(&format!("{pad}    {item},\n"));
    }
    out + &pad + suffix
}

/// A tuple display; one item keeps its comma.
pub(super) fn tuple(items: &[String]) -> String {
    match items {
        [one] => format!("({one},)"),
        items => format!("({})", items.join(", ")),
    }
}

/// A string literal, in the quotes that `ruff format` prefers.
pub(super) fn literal(text: &str) -> String {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c == quote => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// Text broken into lines that fit behind an indentation.
pub(super) fn wrap(indent: usize, text: &str) -> Vec<String> {
    crate::text::wrap(text, WIDTH - indent)
}

/// A docstring of paragraphs; each paragraph is a list of lines.
pub(super) fn docstring(text: &mut Text, indent: usize, paragraphs: &[Vec<String>]) {
    let pad = " ".repeat(indent);
    if let [only] = paragraphs
        && let [line] = only.as_slice()
        && indent + line.chars().count() + 6 <= WIDTH
    {
        text.line(format_args!("{pad}\"\"\"{line}\"\"\""));
        return;
    }
    for (number, paragraph) in paragraphs.iter().enumerate() {
        if number > 0 {
            text.blank();
        }
        for (at, line) in paragraph.iter().enumerate() {
            let quotes = if number == 0 && at == 0 { "\"\"\"" } else { "" };
            text.line(format_args!("{pad}{quotes}{line}"));
        }
    }
    text.line(format_args!("{pad}\"\"\""));
}

/// The paragraphs of a description: its first sentence, and what follows it.
pub(super) fn description(indent: usize, text: &str) -> Vec<Vec<String>> {
    let text = text.replace('\\', "\\\\").replace("\"\"\"", "'''");
    let mut paragraphs = Vec::new();
    let (first, rest) = match text.find(". ") {
        Some(end) => text.split_at(end + 1),
        None => (text.as_str(), ""),
    };
    // The quotes stand before the first line, and after it if it is the only one.
    paragraphs.push(wrap(indent + 6, first));
    if !rest.trim().is_empty() {
        paragraphs.push(wrap(indent, rest));
    }
    paragraphs
}

/// The source without its docstrings, in which a word says nothing about what the code uses.
pub(super) fn code_only(source: &str) -> String {
    let mut inside = false;
    let mut code = String::new();
    for line in source.lines() {
        let quotes = line.matches("\"\"\"").count();
        if !inside && quotes == 0 {
            code.push_str(line);
            code.push('\n');
        }
        inside ^= quotes % 2 == 1;
    }
    code
}

/// Whether a word stands in a text, and not only as part of another.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !part(before) && !part(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_get_an_item_a_line() {
        let items = vec!["a".repeat(60), "b".repeat(60)];
        assert_eq!(bracketed(0, "f(", &items[..1], ")"), format!("f({})", items[0]));
        assert_eq!(
            bracketed(4, "f(", &items, ")"),
            format!("    f(\n        {},\n        {},\n    )", items[0], items[1])
        );
    }

    #[test]
    fn literals_avoid_escapes() {
        assert_eq!(literal("a"), "\"a\"");
        assert_eq!(literal("say \"a\""), "'say \"a\"'");
        assert_eq!(literal("it's \"a\"\\"), "\"it's \\\"a\\\"\\\\\"");
    }

    #[test]
    fn words_in_docstrings_do_not_count() {
        let code = code_only("def f():\n    \"\"\"Any\n    Any\"\"\"\n    return Anything\n");
        assert_eq!(code, "def f():\n    return Anything\n");
        assert!(!has_word(&code, "Any"));
        assert!(has_word("x: Any,", "Any"));
    }

    #[test]
    fn descriptions_begin_with_their_first_sentence() {
        assert_eq!(description(0, "One. Two. Three."), vec![vec!["One.".to_owned()], vec!["Two. Three.".to_owned()]]);
        assert_eq!(description(0, "One"), vec![vec!["One".to_owned()]]);
    }
}
