//! Comments: paragraphs broken into lines.

use crate::project::Project;
use crate::text::wrap;

/// How wide a comment's line may be.
const WIDTH: usize = 100;

/// The text as a comment of whole lines; paragraphs are separated by an empty line.
pub(super) fn comment(indent: &str, text: &str) -> String {
    let mut out = String::new();
    for (number, paragraph) in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).enumerate() {
        if number > 0 {
            out.push_str(&format!("{indent}//\n"));
        }
        for line in wrap(paragraph, WIDTH.saturating_sub(indent.len() + 3)) {
            out.push_str(&format!("{indent}// {line}\n"));
        }
    }
    out
}

/// A description with constants, which only some languages have, replaced by their values.
pub(super) fn with_values(project: &Project, text: &str) -> String {
    let mut text = text.to_owned();
    for constant in project.schema.constants.get("hook_results").into_iter().flatten() {
        if let Some(value) = constant.value.as_str() {
            text = text.replace(&format!("`{}`", constant.name), &format!("`{value}`"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paragraphs_are_broken() {
        let text = format!("{} end\n\nSecond.", "word ".repeat(20).trim());
        let expected = format!("  // {}\n  // word end\n  //\n  // Second.\n", "word ".repeat(19).trim());
        assert_eq!(comment("  ", &text), expected);
    }
}
