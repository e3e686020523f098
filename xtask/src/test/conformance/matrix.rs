//! The matrix: groups of cases by language.

use super::summary::{Group, Skip, Summary};

/// What came of one language.
#[derive(Debug, Default)]
pub(super) struct Column {
    name: &'static str,
    summary: Summary,
    failures: Vec<String>,
    missing: Option<String>,
}

impl Column {
    /// A column without runs.
    pub(super) fn of(name: &'static str) -> Column {
        Column { name, ..Column::default() }
    }

    /// A language that cannot be run here.
    pub(super) fn missing(name: &'static str, reason: String) -> Column {
        Column { name, missing: Some(reason), ..Column::default() }
    }

    /// A language whose plugin could not be made.
    pub(super) fn failed(name: &'static str, failure: String) -> Column {
        Column { name, failures: vec![failure], ..Column::default() }
    }

    /// Adds a finished run.
    pub(super) fn add(&mut self, summary: Summary, passed: bool) {
        if !passed && summary.problems.is_empty() {
            self.fail("the run failed without a difference".to_owned());
        }
        self.summary.add(summary);
    }

    /// Notes a run that was not finished.
    pub(super) fn fail(&mut self, failure: String) {
        self.failures.push(failure);
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn skips(&self) -> &[Skip] {
        &self.summary.skips
    }

    pub(super) fn failures(&self) -> impl Iterator<Item = &String> {
        self.failures.iter().chain(&self.summary.problems)
    }

    /// Why the language was not run.
    pub(super) fn absence(&self) -> Option<&String> {
        self.missing.as_ref()
    }

    fn cell(&self, row: &str) -> String {
        match self.summary.groups.iter().find(|group| group.name == row) {
            Some(group) => cell(group),
            None => "-".to_owned(),
        }
    }

    fn total(&self) -> String {
        let mut total = Group::default();
        for group in &self.summary.groups {
            total.cases += group.cases;
            total.passed += group.passed;
            total.skipped += group.skipped;
        }
        match (&self.missing, self.failures.is_empty()) {
            (Some(_), _) => "not run".to_owned(),
            (None, false) => format!("{}, FAILED", cell(&total)),
            (None, true) => cell(&total),
        }
    }
}

/// The number of cases if all have passed; otherwise what has not is told.
fn cell(group: &Group) -> String {
    let failed = group.cases - group.passed - group.skipped;
    let mut text = group.passed.to_string();
    if failed > 0 {
        text += &format!(", {failed} FAILED");
    }
    if group.skipped > 0 {
        text += &format!(", {} skipped", group.skipped);
    }
    text
}

/// The matrix as a table, with the skips below.
pub(super) fn render(columns: &[Column]) -> String {
    let mut rows: Vec<&str> = Vec::new();
    for group in columns.iter().flat_map(|column| &column.summary.groups) {
        if !rows.contains(&group.name.as_str()) {
            rows.push(&group.name);
        }
    }
    let mut table: Vec<Vec<String>> = vec![header(columns)];
    for row in rows {
        table.push([row.to_owned()].into_iter().chain(columns.iter().map(|column| column.cell(row))).collect());
    }
    table.push(["all".to_owned()].into_iter().chain(columns.iter().map(Column::total)).collect());
    let mut text = aligned(&table);
    for column in columns {
        for skip in column.skips() {
            text += &format!("skipped: {}: {}: {}\n", column.name, skip.case, skip.reason);
        }
        if let Some(reason) = &column.missing {
            text += &format!("not run: {}: {reason}\n", column.name);
        }
    }
    text
}

fn header(columns: &[Column]) -> Vec<String> {
    ["cases passed"].into_iter().chain(columns.iter().map(|column| column.name)).map(str::to_owned).collect()
}

fn aligned(table: &[Vec<String>]) -> String {
    let width = |at: usize| table.iter().filter_map(|row| row.get(at)).map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for row in table {
        for (at, cell) in row.iter().enumerate() {
            let width = width(at);
            // The first column is words, the others are numbers.
            text += &if at == 0 { format!("{cell:width$}") } else { format!("  {cell:>width$}") };
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(json: &str) -> Summary {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn runs_are_summed_and_what_did_not_pass_is_told() {
        let mut python = Column::of("Python");
        let passed =
            r#"{"groups": [{"name": "api", "cases": 10, "passed": 10, "skipped": 0}], "skips": [], "problems": []}"#;
        python.add(run(passed), true);
        python.add(run(passed), true);
        let mut rust = Column::of("Rust");
        let failed = r#"{"groups": [{"name": "api", "cases": 10, "passed": 8, "skipped": 1}, {"name": "driver", "cases": 2, "passed": 2, "skipped": 0}],
            "skips": [{"case": "api/x", "reason": "no such type"}], "problems": ["api/y: want 1, got 2"]}"#;
        rust.add(run(failed), false);
        let columns = [python, rust, Column::missing("TypeScript", "no node".to_owned())];
        let expected = "\
cases passed  Python                   Rust  TypeScript
api               20  8, 1 FAILED, 1 skipped           -
driver             -                      2           -
all               20  10, 1 FAILED, 1 skipped     not run
skipped: Rust: api/x: no such type
not run: TypeScript: no node
";
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&render(&columns)), words(expected));
        assert_eq!(columns[1].failures().collect::<Vec<_>>(), ["api/y: want 1, got 2"]);
        assert_eq!(columns[0].failures().count(), 0);
    }

    #[test]
    fn a_failure_without_a_difference_is_one() {
        let mut column = Column::of("Rust");
        column.add(Summary::default(), false);
        assert_eq!(column.failures().count(), 1);
        assert_eq!(column.total(), "0, FAILED");
    }
}
