//! Tests that a test program left out, found in what it wrote: nobody reads that when all is well.

/// A line for each test that was not run.
pub(crate) fn find(log: &str) -> Vec<String> {
    let mut before = "";
    let mut found = Vec::new();
    for line in log.lines() {
        found.extend(rust(line).or_else(|| pytest(line)).or_else(|| said(line)).or_else(|| go(line, before)));
        before = line;
    }
    found
}

/// `--- SKIP: TestName (0.00s)`, with the reason and its place on the line before.
fn go(line: &str, before: &str) -> Option<String> {
    line.trim_start().strip_prefix("--- SKIP: ").map(|name| format!("{name} {}", before.trim()))
}

/// `test name ... ignored, reason`
fn rust(line: &str) -> Option<String> {
    let (name, reason) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    Some(format!("{name}{reason}"))
}

/// `SKIPPED [1] tests/test_x.py:3: reason`
fn pytest(line: &str) -> Option<String> {
    line.strip_prefix("SKIPPED [").map(|rest| format!("[{rest}"))
}

/// What our own tests say: `SKIPPED: reason`
fn said(line: &str) -> Option<String> {
    line.strip_prefix("SKIPPED: ").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #[test]
    fn skips_of_every_language_are_found_with_their_reasons() {
        let log = "test a ... ok\ntest b ... ignored, takes an hour\nSKIPPED [2] tests/x.py:3: no uvloop\n\
                       tree_test.go:9: no source tree\n--- SKIP: TestTree (0.00s)\n--- PASS: TestIt (0.00s)\nSKIPPED: no golden values\n";
        let expected = [
            "b, takes an hour",
            "[2] tests/x.py:3: no uvloop",
            "TestTree (0.00s) tree_test.go:9: no source tree",
            "no golden values",
        ];
        assert_eq!(super::find(log), expected);
    }
}
