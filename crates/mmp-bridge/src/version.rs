//! Python versions, and the requirements that a manifest states of them.

/// Major, minor and patch number.
pub(crate) type Version = (u32, u32, u32);

/// A requirement in the form of `requires-python`: comma-separated clauses such as `>=3.10,<3.14`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requirement {
    clauses: Vec<(Operator, Vec<u32>)>,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    AtLeast,
    Above,
    AtMost,
    Below,
    Equal,
    NotEqual,
    Compatible,
}

const OPERATORS: [(&str, Operator); 7] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("~=", Operator::Compatible),
    (">", Operator::Above),
    ("<", Operator::Below),
];

impl Requirement {
    /// Reads a requirement.
    ///
    /// # Errors
    /// One sentence that says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Requirement, String> {
        let mut clauses = Vec::new();
        for clause in text.split(',').map(str::trim).filter(|clause| !clause.is_empty()) {
            let found = OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, clause.strip_prefix(sign)?)));
            let (operator, version) = found.ok_or_else(|| {
                format!("says {clause:?}, which does not begin with >=, <=, ==, !=, ~=, > or <, as in \">=3.10\"")
            })?;
            let numbers = version.trim().trim_end_matches(".*").split('.').map(str::parse).collect::<Result<_, _>>();
            let numbers: Vec<u32> =
                numbers.map_err(|_| format!("says {version:?}, which is not a version such as 3.10"))?;
            clauses.push((operator, numbers));
        }
        if clauses.is_empty() {
            return Err("is empty; it should say something like \">=3.10\"".to_owned());
        }
        Ok(Requirement { clauses, text: text.to_owned() })
    }

    /// Whether a version satisfies every clause.
    pub(crate) fn allows(&self, version: Version) -> bool {
        let version = [version.0, version.1, version.2];
        self.clauses.iter().all(|(operator, wanted)| {
            let cut = &version[..wanted.len().min(3)];
            match operator {
                Operator::AtLeast => version[..] >= wanted[..],
                Operator::Above => cut > &wanted[..],
                Operator::AtMost => cut <= &wanted[..],
                Operator::Below => cut < &wanted[..],
                Operator::Equal => cut == &wanted[..],
                Operator::NotEqual => cut != &wanted[..],
                Operator::Compatible => {
                    let series = wanted.len().saturating_sub(1).min(3);
                    version[..] >= wanted[..] && version[..series] == wanted[..series]
                }
            }
        })
    }
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Reads `3.11.7`.
pub(crate) fn parse_version(text: &str) -> Option<Version> {
    let mut numbers = text.trim().split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some((next()?, next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(requirement: &str, version: &str) -> bool {
        Requirement::parse(requirement).unwrap().allows(parse_version(version).unwrap())
    }

    #[test]
    fn clauses_mean_what_packaging_says() {
        for (requirement, version, expected) in [
            (">=3.10", "3.10.0", true),
            (">=3.10", "3.9.19", false),
            (">=3.10,<3.14", "3.14.0", false),
            (">=3.10,<3.14", "3.13.9", true),
            ("==3.11.*", "3.11.7", true),
            ("==3.11", "3.12.0", false),
            ("~=3.11", "3.99.0", true),
            ("~=3.11.2", "3.12.0", false),
            ("!=3.12.1", "3.12.1", false),
            (">3.10", "3.10.5", false),
            ("<=3.12", "3.12.9", true),
        ] {
            assert_eq!(allows(requirement, version), expected, "{version} {requirement}");
        }
    }

    #[test]
    fn what_is_no_requirement_is_refused() {
        for wrong in ["", "3.10", ">=three", ">=3.10,,new"] {
            assert!(Requirement::parse(wrong).is_err(), "{wrong}");
        }
    }
}
