//! The table at the end of `cargo xtask test`.

use super::step::{Finished, Outcome};

/// Whether no step failed.
pub(crate) fn passed(results: &[Finished]) -> bool {
    results.iter().all(|result| result.outcome.is_ok())
}

/// Prints the table, what was left out, and what failed.
pub(crate) fn print(results: &[Finished]) {
    print!("\n{}", render(results));
}

fn render(results: &[Finished]) -> String {
    let width = results.iter().map(|result| result.name.len()).max().unwrap_or(0);
    let mut text = format!("{:width$}  result    seconds\n", "step");
    for result in results {
        let word = match result.outcome {
            Ok(Outcome::Passed) if result.first.is_some() => "UNSTEADY",
            Ok(Outcome::Passed) => "ok",
            Ok(Outcome::Skipped(_)) => "SKIPPED",
            Err(_) => "FAILED",
        };
        text += &format!("{:width$}  {word:8}  {:7.1}\n", result.name, result.time.as_secs_f64());
    }
    for result in results {
        if let Ok(Outcome::Skipped(reason)) = &result.outcome {
            text += &format!("SKIPPED {}: {reason}\n", result.name);
        }
        for skip in &result.skips {
            text += &format!("SKIPPED in {}: {skip}\n", result.name);
        }
    }
    for result in results {
        if let Some(error) = &result.first {
            text += &format!("UNSTEADY {}: the first try failed: {error}\n", result.name);
        }
        if let Err(error) = &result.outcome {
            text += &format!("FAILED {}: {error}\n", result.name);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn skips_and_failures_are_loud() {
        let step = |name, outcome, skips: &[&str]| Finished {
            name,
            outcome,
            first: None,
            time: Duration::from_millis(1500),
            skips: skips.iter().map(|skip| (*skip).to_owned()).collect(),
        };
        let results = [
            step("one", Ok(Outcome::Passed), &["a, slow"]),
            step("two", Ok(Outcome::Skipped("no such directory".into())), &[]),
            step("three", Err("it broke".into()), &[]),
            Finished { first: Some("too late".into()), ..step("four", Ok(Outcome::Passed), &[]) },
        ];
        let expected = "\
step   result    seconds
one    ok            1.5
two    SKIPPED       1.5
three  FAILED        1.5
four   UNSTEADY      1.5
SKIPPED in one: a, slow
SKIPPED two: no such directory
FAILED three: it broke
UNSTEADY four: the first try failed: too late
";
        assert_eq!(render(&results), expected);
        assert!(!passed(&results) && passed(&results[..2]));
    }
}
