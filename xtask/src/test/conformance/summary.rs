//! What `refhost conformance --summary` writes.

use serde::Deserialize;

/// One run.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Summary {
    /// The groups of cases, each a row of the matrix.
    pub(super) groups: Vec<Group>,
    /// The cases that were not run.
    pub(super) skips: Vec<Skip>,
    /// Every difference.
    pub(super) problems: Vec<String>,
}

/// Cases that belong together.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) cases: usize,
    pub(super) passed: usize,
    pub(super) skipped: usize,
}

/// A case that the language cannot do.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Skip {
    pub(super) case: String,
    pub(super) reason: String,
}

impl Summary {
    /// Adds another run of the same plugin: its cases count again, its skips are the same.
    pub(super) fn add(&mut self, other: Summary) {
        if self.groups.is_empty() {
            *self = other;
            return;
        }
        for group in other.groups {
            match self.groups.iter_mut().find(|mine| mine.name == group.name) {
                Some(mine) => {
                    mine.cases += group.cases;
                    mine.passed += group.passed;
                    mine.skipped += group.skipped;
                }
                None => self.groups.push(group),
            }
        }
        for skip in other.skips {
            if !self.skips.iter().any(|mine| mine.case == skip.case) {
                self.skips.push(skip);
            }
        }
        self.problems.extend(other.problems);
    }
}
